"""An organisation as a tree of departments with their members and the members' roles, for people and for programs.

The tree is kept as a flat list, each department with its depth: a tree may be deeper than Python recurses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from jit_corps.reading import Reader
from jit_corps.tree import CYCLE, DETACHED, id_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

    from jit_corps.corp import Corp
    from jit_corps.models import CorpDept, CorpMember

__all__ = ["DeptView", "MemberView", "OrgView", "draw", "outline", "view_of"]

REMARKS = {DETACHED: "its parent is not in sight", CYCLE: "was its own ancestor"}


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member in a department."""

    memberId: str
    name: str | None
    status: str
    reason: str | None
    presence: str
    leader: bool
    roles: tuple[str, ...]

    def __str__(self) -> str:
        remarks = ["leader"] if self.leader else []
        remarks += [f"offline: {self.reason}"] if self.status == "offline" else []
        remarks += [self.presence] if self.presence in ("invisible", "unconfirmed") else []
        remarks += [f"roles: {', '.join(self.roles)}"] if self.roles else []
        return _told(self.name, self.memberId) + (f" [{'; '.join(remarks)}]" if remarks else "")


@dataclass(frozen=True, slots=True)
class DeptView:
    """A department with the members directly in it; ``deptId`` is ``None`` for those who are in none."""

    deptId: str | None
    name: str | None
    parentId: str | None
    depth: int
    remarks: tuple[str, ...] = ()
    members: list[MemberView] = field(default_factory=list)

    def __str__(self) -> str:
        told = "(in no department)" if self.deptId is None else _told(self.name, self.deptId)
        return told + (f" [{'; '.join(self.remarks)}]" if self.remarks else "")


@dataclass(frozen=True, slots=True)
class OrgView:
    """The whole organisation; departments top-down."""

    corpFullName: str
    title: str
    active: int
    offline: int
    departments: list[DeptView]

    def __str__(self) -> str:
        depts = sum(dept.deptId is not None for dept in self.departments)
        return f"{self.title} ({self.corpFullName}): {depts} departments, {self.active} active, {self.offline} offline"

    def as_dict(self) -> dict[str, Any]:
        """The view as plain JSON values."""
        return asdict(self)


def view_of(corp: Corp) -> OrgView:
    """Read an organisation and arrange it."""
    storage = corp.app.storage
    with storage.reading():
        reader = Reader(storage, corp.corpFullName)
        members = {member.memberId: member for member in reader.members(None)}
        roles = _role_names(reader)
        depts: dict[str, DeptView] = {}
        for dept in reader.depts():
            depth = 0 if dept.parentId is None else depts[dept.parentId].depth + 1
            depts[dept.deptId] = DeptView(dept.deptId, dept.name, dept.parentId, depth, _remarks(dept))
        placed = set()
        places = reader.memberships()
    places.sort(key=lambda place: (-place.order, id_key(place.memberId)))
    for place in places:
        if place.deptId in depts and place.memberId in members:
            placed.add(place.memberId)
            leaf = _member(members[place.memberId], roles, leader=bool(place.isLeader))
            depts[place.deptId].members.append(leaf)
    loose = [_member(member, roles, leader=False) for key, member in members.items() if key not in placed]
    active = sum(member.active for member in members.values())
    nowhere = [DeptView(None, None, None, 0, (), loose)] if loose else []
    return OrgView(corp.corpFullName, corp.title, active, len(members) - active, [*depts.values(), *nowhere])


def outline(view: OrgView) -> Iterator[str]:
    """The tree as indented lines; departments end in a slash."""
    yield str(view)
    for dept in view.departments:
        yield f"{'  ' * dept.depth}{dept}/"
        for member in dept.members:
            yield f"{'  ' * (dept.depth + 1)}{member}"


def draw(view: OrgView) -> None:
    """The tree on a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    whole = Tree(f"[bold]{escape(str(view))}")
    drawn: dict[str | None, Tree] = {None: whole}
    for dept in view.departments:
        branch = drawn[dept.parentId].add(f"[cyan]{escape(str(dept))}")
        if dept.deptId is not None:
            drawn[dept.deptId] = branch
        for member in dept.members:
            branch.add(escape(str(member)), style=None if member.status == "active" else "dim")
    Console().print(whole)


def _role_names(reader: Reader) -> dict[str, tuple[str, ...]]:
    """The names of each member's roles."""
    names = {role.roleId: role.name or role.roleId for role in reader.roles()}
    held: dict[str, set[str]] = {}
    for grant in reader.role_members():
        held.setdefault(grant.memberId, set()).add(names.get(grant.roleId, grant.roleId))
    return {memberId: tuple(sorted(roles)) for memberId, roles in held.items()}


def _remarks(dept: CorpDept) -> tuple[str, ...]:
    told = REMARKS.get(dept.placement)
    return (*([told] if told else []), *(["invisible"] if dept.invisible else []))


def _member(member: CorpMember, roles: dict[str, tuple[str, ...]], *, leader: bool) -> MemberView:
    return MemberView(
        memberId=member.memberId,
        name=member.name,
        status=member.statusName,
        reason=member.reason,
        presence=member.presence,
        leader=leader,
        roles=roles.get(member.memberId, ()),
    )


def _told(name: str | None, identifier: str) -> str:
    return f"{name} ({identifier})" if name else identifier

"""An organisation as a tree of departments with their members and the members' roles, for people and for programs.

The tree is kept as a flat list, each department with its depth: a tree may be deeper than Python recurses.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from jit_corps.earlier import current
from jit_corps.rows import ACTIVE, INVISIBLE, STATUS_NAMES
from jit_corps.tree import CYCLE, DETACHED, Branch, arrange, id_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.tree import Tree

    from jit_corps.corp import Corp
    from jit_corps.earlier import EarlierOrganisation
    from jit_corps.rows import DeptRow, MemberRow

__all__ = ["DeptView", "MemberView", "OrgView", "arranged", "draw", "outline", "view_of"]

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
    """The whole organisation; departments top-down.

    :param runId: the run after which it was so, and ``publishedAt`` when; ``None`` when no run was asked for.
    """

    corpFullName: str
    title: str
    active: int
    offline: int
    departments: list[DeptView]
    generation: int = 0
    runId: int | None = None
    publishedAt: str | None = None

    def __str__(self) -> str:
        depts = sum(dept.deptId is not None for dept in self.departments)
        counts = f"{depts} departments, {self.active} active, {self.offline} offline"
        return f"{self.title} ({self.corpFullName}): {counts}"

    @property
    def moment(self) -> str:
        """Which moment of the organisation it is, for people."""
        run = "" if self.runId is None else f"run {self.runId}, {self.publishedAt}, "
        return f"as of {run}generation {self.generation}"

    def as_dict(self) -> dict[str, Any]:
        """The view as plain JSON values."""
        return asdict(self)


def view_of(corp: Corp) -> OrgView:
    """Read the organisation of now and arrange it."""
    return arranged(current(corp.app.storage, corp.corpFullName, corp.title))


def arranged(organisation: EarlierOrganisation) -> OrgView:
    """Arrange an organisation, that of now or an earlier one."""
    members = dict(sorted(organisation.members.items()))
    roles = _role_names(organisation)
    depts: dict[str, DeptView] = {}
    known = organisation.departments
    for place in arrange(Branch(row.deptId, row.parentId, row.order) for row in known.values()):
        row = known[place.deptId]
        depts[row.deptId] = DeptView(row.deptId, row.name, place.parentId, place.depth, _remarks(row))
    placed = set()
    for at in sorted(organisation.memberships.values(), key=lambda at: (-at.order, id_key(at.memberId))):
        if at.deptId in depts and at.memberId in members:
            placed.add(at.memberId)
            depts[at.deptId].members.append(_member(members[at.memberId], roles, leader=bool(at.isLeader)))
    loose = [_member(member, roles, leader=False) for key, member in members.items() if key not in placed]
    active = sum(member.status == ACTIVE for member in members.values())
    nowhere = [DeptView(None, None, None, 0, (), loose)] if loose else []
    return OrgView(
        organisation.corpFullName,
        organisation.title,
        active,
        len(members) - active,
        [*depts.values(), *nowhere],
        organisation.generation,
        organisation.runId,
        organisation.publishedAt,
    )


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


def _role_names(organisation: EarlierOrganisation) -> dict[str, tuple[str, ...]]:
    """The names of each member's roles."""
    names = {roleId: row.name or roleId for roleId, row in organisation.roles.items()}
    held: dict[str, set[str]] = {}
    for grant in organisation.grants:
        held.setdefault(grant.memberId, set()).add(names.get(grant.roleId, grant.roleId))
    return {memberId: tuple(sorted(roles)) for memberId, roles in held.items()}


def _remarks(dept: DeptRow) -> tuple[str, ...]:
    told = REMARKS.get(dept.placement)
    return (*([told] if told else []), *(["invisible"] if dept.presence == INVISIBLE else []))


def _member(member: MemberRow, roles: dict[str, tuple[str, ...]], *, leader: bool) -> MemberView:
    return MemberView(
        memberId=member.memberId,
        name=member.name,
        status=STATUS_NAMES[member.status],
        reason=member.reason,
        presence=member.presence,
        leader=leader,
        roles=roles.get(member.memberId, ()),
    )


def _told(name: str | None, identifier: str) -> str:
    return f"{name} ({identifier})" if name else identifier

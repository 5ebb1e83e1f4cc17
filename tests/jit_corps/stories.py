"""An enterprise that lives: what its administrators do, what upstream says of it, and what must be kept of it here.

:func:`kept` is the model: the organisation as it must be once everything has arrived, told from the enterprise alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_corps.snapshot import DeptRecord, GrantRecord, MemberRecord, Membership, RoleRecord, Scope, Snapshot, Targets
from tests.jit_corps.scripted import CORP_ID, named

if TYPE_CHECKING:
    from jit_corps.rows import LocalState

ROOT = "1"


@dataclass
class Person:
    """Somebody who works there; ``who`` never changes."""

    who: str
    name: str
    places: tuple[str, ...]
    active: bool = True


@dataclass
class Tag:
    name: str
    people: set[str] = field(default_factory=set)
    depts: set[str] = field(default_factory=set)


@dataclass
class Enterprise:
    """Every edit takes two numbers, which choose among what is possible, and returns what upstream would tell of it."""

    depts: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    ids: int = 100

    @classmethod
    def founded(cls) -> Enterprise:
        """A small one: a tree, six people, two tags."""
        depts = {ROOT: (None, "root"), "2": (ROOT, "two"), "3": ("2", "three"), "4": (ROOT, "four")}
        people = {f"p{at}": Person(f"p{at}", f"P{at}", places) for at, places in enumerate(PLACES)}
        tags = {"tag:1": Tag("one", {"p0", "p1"}), "tag:2": Tag("two", {"p2"}, {"2"})}
        return cls(depts, people, tags)

    def edit(self, what: int, one: int, other: int) -> Targets:
        """Do something."""
        return EDITS[what % len(EDITS)](self, one, other)

    def new_id(self) -> str:
        self.ids += 1
        return str(self.ids)

    def _above(self, deptId: str | None) -> list[str]:
        found = []
        while deptId is not None:
            found.append(deptId)
            deptId = self.depts[deptId][0]
        return found

    # Departments

    def add_dept(self, one: int, other: int) -> Targets:
        deptId = self.new_id()
        self.depts[deptId] = (_chosen(self.depts, one), f"dept {other}")
        return named(depts=[deptId])

    def move_dept(self, one: int, other: int) -> Targets:
        deptId = _chosen(self.depts, one)
        below = _chosen(self.depts, other)
        if deptId != ROOT and deptId not in self._above(below):
            self.depts[deptId] = (below, self.depts[deptId][1])
        return named(depts=[deptId])

    def rename_dept(self, one: int, other: int) -> Targets:
        deptId = _chosen(self.depts, one)
        self.depts[deptId] = (self.depts[deptId][0], f"renamed {other}")
        return named(depts=[deptId])

    def delete_dept(self, one: int, other: int) -> Targets:
        """Only one without departments and people in it; upstream refuses others."""
        used = {parent for parent, _ in self.depts.values()} | {at for one in self.people.values() for at in one.places}
        empty = [deptId for deptId in self.depts if deptId not in used and deptId != ROOT]
        if not empty:
            return Targets()
        deptId = empty[one % len(empty)]
        del self.depts[deptId]
        for tag in self.tags.values():
            tag.depts.discard(deptId)
        return named(depts=[deptId])

    # People

    def add_person(self, one: int, other: int) -> Targets:
        memberId = f"p{self.new_id()}"
        self.people[memberId] = Person(memberId, memberId.upper(), self._places(one, other))
        return named(memberId)

    def move_person(self, one: int, other: int) -> Targets:
        memberId = _chosen(self.people, one)
        self.people[memberId].places = self._places(one, other)
        return named(memberId)

    def change_person(self, one: int, other: int) -> Targets:
        memberId = _chosen(self.people, one)
        self.people[memberId].name = f"Name {other}"
        self.people[memberId].active = bool(other % 2)
        return named(memberId)

    def delete_person(self, one: int, other: int) -> Targets:
        memberId = _chosen(self.people, one)
        if len(self.people) > 1:
            del self.people[memberId]
            for tag in self.tags.values():
                tag.people.discard(memberId)
        return named(memberId)

    def rename_person(self, one: int, other: int) -> Targets:
        """Upstream allows it once."""
        memberId = _chosen(self.people, one)
        person = self.people[memberId]
        if memberId != person.who:
            return Targets()
        new = f"{memberId}-renamed"
        self.people[new] = self.people.pop(memberId)
        for tag in self.tags.values():
            if memberId in tag.people:
                tag.people.remove(memberId)
                tag.people.add(new)
        return Targets(renames=frozenset({(memberId, new)}))

    def _places(self, one: int, other: int) -> tuple[str, ...]:
        return tuple(sorted({_chosen(self.depts, one), _chosen(self.depts, other)}))

    # Tags

    def add_tag(self, one: int, other: int) -> Targets:
        roleId = f"tag:{self.new_id()}"
        self.tags[roleId] = Tag(
            roleId, {_chosen(self.people, one)}, {_chosen(self.depts, other)} if other % 2 else set()
        )
        return named(roles=[roleId])

    def tag_person(self, one: int, other: int) -> Targets:
        if not self.tags:
            return Targets()
        roleId = _chosen(self.tags, one)
        self.tags[roleId].people ^= {_chosen(self.people, other)}
        return named(roles=[roleId])

    def tag_dept(self, one: int, other: int) -> Targets:
        if not self.tags:
            return Targets()
        roleId = _chosen(self.tags, one)
        self.tags[roleId].depts ^= {_chosen(self.depts, other)}
        return named(roles=[roleId])

    def delete_tag(self, one: int, other: int) -> Targets:
        if not self.tags:
            return Targets()
        roleId = _chosen(self.tags, one)
        del self.tags[roleId]
        return named(roles=[roleId])

    def told(self) -> Snapshot:
        """What upstream says at this moment."""
        return Snapshot(
            CORP_ID,
            "Shop Ltd",
            tuple(DeptRecord(key, name, parent) for key, (parent, name) in self.depts.items()),
            tuple(
                MemberRecord(key, one.name, one.active, departments=tuple(Membership(at) for at in one.places))
                for key, one in self.people.items()
            ),
            tuple(RoleRecord(key, tag.name, tuple(tag.depts)) for key, tag in self.tags.items()),
            tuple(GrantRecord(one, key) for key, tag in self.tags.items() for one in tag.people),
            Scope("all", "all", hasRoot=True),
            complete=True,
        )

    def kept(self) -> dict[str, Any]:
        """What must be kept here of those who work there."""
        return {
            "depts": dict(self.depts),
            "people": {
                key: (one.who if one.who in FOUNDERS else key, one.name, one.active) for key, one in self.people.items()
            },
            "places": {(at, key) for key, one in self.people.items() for at in one.places},
            "tags": {key: (tag.name, frozenset(tag.depts)) for key, tag in self.tags.items()},
            "grants": {(key, one, "tag") for key, tag in self.tags.items() for one in tag.people}
            | {
                (key, memberId, "dept")
                for key, tag in self.tags.items()
                for memberId, one in self.people.items()
                if any(tag.depts.intersection(self._above(at)) for at in one.places)
            },
        }


#: Those whose accounts are known before anything happens.
FOUNDERS = {"p0", "p1", "p2", "p3", "p4", "p5"}
PLACES = (("1",), ("2",), ("3",), ("2", "4"), ("3",), ("1",))
EDITS = (
    Enterprise.add_dept,
    Enterprise.move_dept,
    Enterprise.rename_dept,
    Enterprise.delete_dept,
    Enterprise.add_person,
    Enterprise.move_person,
    Enterprise.change_person,
    Enterprise.delete_person,
    Enterprise.rename_person,
    Enterprise.add_tag,
    Enterprise.tag_person,
    Enterprise.tag_dept,
    Enterprise.delete_tag,
)


def held(state: LocalState, accounts: dict[str, str]) -> dict[str, Any]:
    """What is kept of those who are listed, in the model's words.

    :param accounts: whose account each is; one that is nobody's is called by its member's id.
    """
    listed = {key: row for key, row in state.members.items() if row.presence == "listed"}
    return {
        "depts": {key: (row.upstreamParentId, row.name) for key, row in state.departments.items()},
        "people": {
            key: (accounts.get(row.userId, key), row.name, row.upstreamReason is None) for key, row in listed.items()
        },
        "places": set(state.memberships),
        "tags": {
            key: (row.name, frozenset(row.deptIds or ())) for key, row in state.roles.items() if row.origin != "custom"
        },
        "grants": {tuple(row) for row in state.grants if row.origin != "manual"},
    }


def _chosen(among: dict[str, Any], number: int) -> str:
    return sorted(among)[number % len(among)]

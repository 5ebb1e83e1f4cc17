"""What upstream says at one moment, as plain frozen data: the only thing a provider hands to the sync engine.

A provider (the WeCom one, or yours) reads its directory and returns one :class:`Snapshot`; everything that decides
and writes works on that value and never on the network. Three rules keep a snapshot honest:

* ``None`` means *not told*. It never means "cleared": a name that the app may no longer see stays as it is known here.
* ``complete`` is a claim. Only a complete snapshot may lead to a removal.
* The :class:`Scope` says what the app was allowed to see; what falls out of sight is not what went away.

Ids are strings throughout. The dictionary form of a snapshot is in :mod:`jit_corps.corpdata`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from jit_corps.fingerprints import Fingerprints

__all__ = [
    "DEPARTMENTS",
    "GRANTS",
    "KINDS",
    "MEMBERS",
    "MEMBERSHIPS",
    "ROLES",
    "DeptRecord",
    "GrantRecord",
    "Inside",
    "MemberRecord",
    "Membership",
    "Records",
    "Repeats",
    "RoleRecord",
    "Scope",
    "Snapshot",
    "Targets",
]

#: The kinds of records an organisation consists of; each is planned, guarded and counted apart.
DEPARTMENTS = "departments"
MEMBERS = "members"
MEMBERSHIPS = "memberships"
ROLES = "roles"
GRANTS = "grants"
KINDS = (DEPARTMENTS, MEMBERS, MEMBERSHIPS, ROLES, GRANTS)
_UNPRINTED = frozenset({"email", "mobile", "telephone"})

R_co = TypeVar("R_co", covariant=True)


class Records(Protocol[R_co]):
    """Any number of records, in any order and as often as asked: a tuple, or more than fit into memory."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[R_co]: ...


@dataclass(frozen=True, slots=True)
class DeptRecord:
    """One department.

    :param deptId: upstream's id.
    :param name: ``None`` when the app may not see it.
    :param parentId: upstream's id of the parent, listed or not; ``None`` for a department without a parent, and in a
        snapshot that is not complete also when not told.
    :param order: position among its siblings, bigger first (WeCom D95406: ``[0, 2^32)``); ``None`` when not told.
    :param leaderIds: members who lead it; ``None`` when not told.
    """

    deptId: str
    name: str | None = None
    parentId: str | None = None
    order: int | None = 0
    leaderIds: tuple[str, ...] | None = None


class Membership(NamedTuple):
    """One member's place in one department. A named tuple, like a member's record.

    :param order: position among the department's members, bigger first.
    """

    deptId: str
    order: int = 0
    isLeader: bool = False


class MemberRecord(NamedTuple):
    """One member, with all the departments the app can see them in.

    A named tuple, because a sync makes and compares one for every member, and a frozen dataclass takes five times as
    long to make.

    :param active: whether upstream lets the member work; ``None`` when not told.
    :param reason: why not: ``"disabled"``, ``"quit"`` or ``None``.
    :param email: never stored and never printed, like ``mobile`` and ``telephone``: here only for whoever reads it.
    """

    memberId: str
    name: str | None = None
    active: bool | None = None
    reason: str | None = None
    departments: tuple[Membership, ...] = ()
    mainDeptId: str | None = None
    position: str | None = None
    alias: str | None = None
    email: str | None = None
    mobile: str | None = None
    telephone: str | None = None
    gender: str | None = None
    avatar: str | None = None
    openUserId: str | None = None

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name not in _UNPRINTED)
        return f"MemberRecord({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class RoleRecord:
    """A role that upstream knows; from WeCom these are tags.

    :param roleId: ``"tag:<tagid>"`` for a WeCom tag.
    :param deptIds: departments the role stands for: everybody in them and below them has it; ``None`` when not told.
    """

    roleId: str
    name: str | None = None
    deptIds: tuple[str, ...] | None = None


class GrantRecord(NamedTuple):
    """A role that upstream gives to a member. A named tuple, like a member's record.

    :param origin: ``"tag"`` when the tag names the member, ``"dept"`` when it names one of their departments. Who tells
        a role's ``deptIds`` need not tell the latter.
    """

    memberId: str
    roleId: str
    origin: str = "tag"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the app was allowed to see.

    :param digest: equal digests mean an equal scope; ``""`` when the provider cannot tell.
    :param summary: one line for people.
    :param hasRoot: whether the root department is inside.
    """

    digest: str = ""
    summary: str = ""
    hasRoot: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """What to read again, by id. Truthy when it names anything; ``|`` unites.

    :param renames: pairs of a member's old id and the new one, as upstream told them; both are among ``members`` too.
    :param deleted: those of ``departments`` and ``members`` of which upstream said that they were deleted. Whoever is
        there all the same was made anew, under the id of somebody whose roles are not theirs.
    """

    departments: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    renames: frozenset[tuple[str, str]] = frozenset()
    deleted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        renamed = {memberId for pair in self.renames for memberId in pair}
        if not renamed <= self.members:
            object.__setattr__(self, "members", self.members | renamed)

    def __bool__(self) -> bool:
        return bool(self.departments or self.members or self.roles)

    def __or__(self, other: Targets) -> Targets:
        return Targets(
            self.departments | other.departments,
            self.members | other.members,
            self.roles | other.roles,
            self.renames | other.renames,
            self.deleted | other.deleted,
        )


class Inside(NamedTuple):
    """Members' rows that were read while lists were still waited for.

    :param departments: ids of those of which all members are among them.
    :param members: the members' rows as tuples.
    :param places: all memberships of these members, as ``members``; some may come twice.
    """

    departments: frozenset[str] = frozenset()
    members: tuple[tuple[Any, ...], ...] = ()
    places: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Repeats:
    """Which lists of a reading say what they said before, so that what they tell is what is published.

    :param corpFullName: of whose organisation all this is said.
    :param generation: the one that was published when the reading began. Of whom anything was changed here since, what
        is told has to be compared all the same.
    :param departments: ids of those whose lists of members are repeated; no member is listed there twice.
    :param differing: of such a department, who was in it here then and is not repeated: its list says something else of
        them, or nothing.
    :param populated: departments that had members here then, and how many.
    :param unplaced: members who were in no department then.
    :param roles: ids of those that name the same members again.
    :param holders: the members whom each role names, be it again or not.
    :param inside: who is in some of the other departments here, and others who may differ.
    :param others: what is told of members and is not repeated.
    :param members: what the lists of some of these departments repeat.
    """

    corpFullName: str
    generation: int
    departments: frozenset[str]
    differing: Mapping[str, AbstractSet[str]]
    populated: Mapping[str, int]
    unplaced: frozenset[str]
    roles: frozenset[str]
    holders: Mapping[str, Collection[str]]
    inside: Inside
    others: Records[MemberRecord]
    members: Callable[[Iterable[str]], Iterable[MemberRecord]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The organisation as upstream tells it, in any order; or, with ``targets``, only what was asked for.

    :param complete: everything inside the scope was read.
    :param incomplete: kinds of which only a part was read, each ``"kind"`` or ``"kind: why"``; nothing of these kinds,
        nor of what depends on them, is removed even when ``complete`` is true.
    :param unconfirmed: members known here and not listed, of whom a second look could not say that they are gone.
    :param renames: of everything: pairs of a member's old id and the new one, as upstream told them.
    :param calls: how many calls upstream the reading took.
    :param way: how it was read, for people; ``""`` when there is nothing to say of it.
    :param began: when its oldest part was read, in seconds since the epoch, if that was before the run: an earlier
        reading that was interrupted had read it.
    :param targets: what was read, when that is not everything: all is told about these ids and nothing about any other,
        not even by a record that comes along. One without a record is gone upstream, unless it is among
        ``unconfirmed``, which holds ids of any kind then. ``complete`` says that every target was read.
    :param repeats: what of it was told before, if the provider knows; ``members`` and ``grants`` hold that as well.
    :param fingerprints: what its lists said, for the next reading to know them again.
    """

    corpId: str
    corpName: str | None = None
    departments: tuple[DeptRecord, ...] = ()
    members: Records[MemberRecord] = ()
    roles: tuple[RoleRecord, ...] = ()
    grants: Records[GrantRecord] = ()
    scope: Scope = Scope()
    complete: bool = False
    incomplete: tuple[str, ...] = ()
    unconfirmed: frozenset[str] = frozenset()
    renames: frozenset[tuple[str, str]] = frozenset()
    calls: int = 0
    way: str = ""
    began: float | None = None
    targets: Targets | None = None
    repeats: Repeats | None = None
    fingerprints: Fingerprints | None = None

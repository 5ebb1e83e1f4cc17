"""Cuts an organisation and what is told of it into parts of its members: a plan need not hold a million at once.

Departments, roles and the scope are few and belong to every part. A member is whole in one part: the record, the row,
the memberships and the grants. So each part is planned like an organisation of its own, and the parts' changes put
together are the changes of the whole. Who has another id now is found before anything is cut apart, and goes where the
new id goes.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jit_corps.changes import KindChanges
from jit_corps.drawers import Drawers, drawer_of
from jit_corps.merging import merged, merged_grants, merged_head, merged_members, merged_plain_members
from jit_corps.packing import GRANT_RECORDS, MEMBER_RECORDS, ROWS, pairs_of, removals_of
from jit_corps.renames import decided, find_renames, renamed, same_people, unlisted_people
from jit_corps.rows import KEY_LENGTHS, MANUAL, GrantRow, MemberRow, MembershipRow
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS, GrantRecord, MemberRecord
from jit_corps.spool import Merged, Spool, SpoolFile, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from jit_corps.guard import Total
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

__all__ = ["Cut", "Part", "Parts", "People", "Whole"]

#: Where plain values hold the id of the member, in a record, in a grant's record and in the rows of each kind, and what
#: else is looked at there.
_MEMBER_OF_RECORD = MemberRecord._fields.index("memberId")
_OPEN_USER_ID = MemberRecord._fields.index("openUserId")
_MEMBER_OF_GRANT = GrantRecord._fields.index("memberId")
_ROLE_OF_GRANT = GrantRecord._fields.index("roleId")
_MEMBER_OF_ROW = {
    MEMBERS: MemberRow._fields.index("memberId"),
    MEMBERSHIPS: MembershipRow._fields.index("memberId"),
    GRANTS: GrantRow._fields.index("memberId"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the members, with everything that is theirs, and all departments and roles.

    :param snapshot: one record for each thing.
    :param state: as though members who have another id now had always had it.
    :param before: what is really there.
    :param renames: new ids by old ones.
    """

    snapshot: Snapshot
    state: LocalState
    before: LocalState
    renames: Mapping[str, str]


class Parts(Protocol):
    """An organisation and what is told of it, one part after another and as often as asked."""

    @property
    def snapshot(self) -> Snapshot:
        """What is told: at least everything that is not a member's."""

    @property
    def state(self) -> LocalState:
        """What is kept: at least what is not a member's, and one grant of each role that people here gave."""

    @property
    def conflicts(self) -> tuple[str, ...]:
        """What could not be decided about ids, in words."""

    @property
    def total(self) -> Total | None:
        """Counts everybody for the guard; None when everybody is in one of the parts."""

    def __iter__(self) -> Iterator[Part]: ...

    def kept(self, kind: str, changes: KindChanges[Any]) -> KindChanges[Any]:
        """The same changes of a part, in bounded memory."""

    def united(self, kind: str, changes: list[KindChanges[Any]]) -> KindChanges[Any]:
        """The changes of all parts as one."""


class Whole:
    """An organisation in one part, as all but the largest are.

    :param total: counts everybody, when ``state`` holds only some of the members.
    """

    def __init__(self, snapshot: Snapshot, state: LocalState, total: Total | None = None) -> None:
        self.total = total
        self.snapshot = merged(snapshot)
        renames, self.conflicts = find_renames(self.snapshot, state)
        self.state = renamed(state, renames) if renames else state
        self._part = Part(self.snapshot, self.state, state, renames)

    def __iter__(self) -> Iterator[Part]:
        yield self._part

    def kept(self, kind: str, changes: KindChanges[Any]) -> KindChanges[Any]:
        return changes

    def united(self, kind: str, changes: list[KindChanges[Any]]) -> KindChanges[Any]:
        (only,) = changes
        return only


@dataclass(frozen=True, slots=True)
class People:
    """The rows of members and what is theirs, as plain tuples; each is gone through once, in this order.

    :param members: all of one corp, in any order, as the others. Their fields are those of
        :class:`~jit_corps.rows.MemberRow`.
    """

    members: Iterable[tuple[Any, ...]]
    memberships: Iterable[tuple[Any, ...]]
    grants: Iterable[tuple[Any, ...]]


class Cut:
    """An organisation in so many parts. What is not worked on lies in a file.

    :param snapshot: of everything, not merged.
    :param state: without members, memberships and grants.
    :param people: these.
    """

    total = None

    def __init__(self, snapshot: Snapshot, state: LocalState, people: People, count: int) -> None:
        self._file = SpoolFile()
        self._count = count
        self._records = Drawers(self._file, MEMBER_RECORDS, count, _MEMBER_OF_RECORD)
        self._given = Drawers(self._file, GRANT_RECORDS, count, _MEMBER_OF_GRANT)
        self._rows = self._row_drawers(str)
        listed: set[str] = set()
        # Numbers for texts. Whether anybody has another id now is asked each time, and the answer is mostly no.
        openUserIds = array("q")
        # Plain tuples: what lies in one file need not be made records to lie in the other.
        for some in self._records.filing(plain(snapshot.members, MEMBER_RECORDS)):
            listed.update(map(itemgetter(_MEMBER_OF_RECORD), some))
            openUserIds.extend(map(hash, map(itemgetter(_OPEN_USER_ID), some)))
        roleIds: set[str] = set()
        for some in self._given.filing(plain(snapshot.grants, GRANT_RECORDS)):
            roleIds.update(map(itemgetter(_ROLE_OF_GRANT), some))
        self.snapshot = replace(merged_head(snapshot, roleIds), members=(), grants=())

        told_pairs = {(old, new) for old, new in snapshot.renames if new in listed and old not in listed}
        former = {old for old, _ in told_pairs}
        kept: set[str] = set()
        known = map(ROWS[MEMBERS].unpack, self._rows.members.passing(people.members))
        unlisted = unlisted_people(_noting(known, former, kept), listed)
        named_so = [(one, one) for one in unlisted if one in listed]
        del listed
        self._rows.memberships.file(people.memberships)
        grants = map(ROWS[GRANTS].unpack, self._rows.grants.passing(people.grants))
        by_hand = {row.roleId: row for row in grants if row.origin == MANUAL}
        self.state = replace(state, grants=frozenset(by_hand.values()))

        wanted = {hash(openUserId) for openUserId in unlisted}
        pairs = {(old, new) for old, new in told_pairs if old in kept}
        if named_so or any(one in wanted for one in openUserIds):
            pairs |= same_people(unlisted, dict.fromkeys([*named_so, *self._openUserIds(unlisted)]))
        self._renames, self.conflicts = decided(
            pairs, self._edited({new for _, new in pairs}).__contains__, state.fresh
        )
        #: The rows of old ids, where the new ids are.
        self._moved = self._row_drawers(self._renames.__getitem__)
        if self._renames:
            for mine, moved in zip(self._rows, self._moved, strict=True):
                renamed_rows = (values for values in mine.plain() if values[mine.member] in self._renames)
                moved.file(renamed_rows)

    def __iter__(self) -> Iterator[Part]:
        renames: list[dict[str, str]] = [{} for _ in range(self._count)]
        for old, new in self._renames.items():
            renames[drawer_of(new, self._count)][old] = new
        for part in range(self._count):
            snapshot = replace(
                self.snapshot,
                members=merged_plain_members(self._records.plain_drawer(part), MEMBER_RECORDS.unpack),
                grants=merged_grants(self._given.drawer(part)),
            )
            before = replace(
                self.state,
                members={row.memberId: row for row in self._current(0, part)},
                memberships={(row.deptId, row.memberId): row for row in self._current(1, part)},
                grants=frozenset(self._current(2, part)),
            )
            mine = renames[part]
            yield Part(snapshot, renamed(before, mine) if mine else before, before, mine)

    def kept(self, kind: str, changes: KindChanges[Any]) -> KindChanges[Any]:
        row = ROWS[kind]
        return replace(
            changes,
            added=Spool(self._file, row, changes.added),
            updated=Spool(self._file, pairs_of(row), changes.updated),
            removed=Spool(self._file, removals_of(row), changes.removed),
        )

    def united(self, kind: str, changes: list[KindChanges[Any]]) -> KindChanges[Any]:
        key = itemgetter(*range(KEY_LENGTHS[kind]))
        added, updated, removed = zip(*[(one.added, one.updated, one.removed) for one in changes], strict=True)
        return KindChanges(
            added=Merged(added),
            # A pair is sorted by what it is afterwards, a removal by what it was.
            updated=Merged(updated, lambda pair: key(pair[1])),
            removed=Merged(removed, lambda removal: key(removal[0])),
            active=sum(one.active for one in changes),
            active_after=sum(one.active_after for one in changes),
            doubtful=sum(one.doubtful for one in changes),
        )

    def _current(self, place: int, part: int) -> Iterator[Any]:
        """The rows of one table that are planned in this part."""
        rows: Iterator[Any] = self._rows[place].drawer(part)
        if self._renames:
            rows = (row for row in rows if row.memberId not in self._renames)
        return chain(rows, self._moved[place].drawer(part))

    def _openUserIds(self, wanted: Container[str]) -> Iterator[tuple[str, str]]:
        """Id of each member whom some record gives a wanted id of a person, and the one that all records give."""
        for part in range(self._count):
            memberIds = {one.memberId for one in self._records.drawer(part) if one.openUserId in wanted}
            if memberIds:
                records = [one for one in self._records.drawer(part) if one.memberId in memberIds]
                for member in merged_members(records):
                    assert member.openUserId is not None
                    yield member.memberId, member.openUserId

    def _edited(self, memberIds: Container[str]) -> set[str]:
        """Those about whom people here have decided something."""
        edited: set[str] = set()
        if not memberIds:
            return edited
        for part in range(self._count):
            rows: Iterator[Any] = chain(
                (row for row in self._rows.members.drawer(part) if row.manualOffline or row.pinned),
                (row for row in self._rows.grants.drawer(part) if row.origin == MANUAL),
            )
            edited.update(row.memberId for row in rows if row.memberId in memberIds)
        return edited

    def _row_drawers(self, home: Callable[[str], str]) -> _RowDrawers:
        return _RowDrawers(
            *(Drawers(self._file, ROWS[kind], self._count, place, home) for kind, place in _MEMBER_OF_ROW.items())
        )


def _noting(rows: Iterable[MemberRow], wanted: Container[str], found: set[str]) -> Iterator[MemberRow]:
    """The rows, as they come; which of the wanted members are among them is noted on the way."""
    for row in rows:
        if row.memberId in wanted:
            found.add(row.memberId)
        yield row


class _RowDrawers(NamedTuple):
    """Any: their rows have a member in common, and no type."""

    members: Drawers[Any]
    memberships: Drawers[Any]
    grants: Drawers[Any]

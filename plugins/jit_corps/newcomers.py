"""Plans a large organisation of which nobody is kept here: whoever is told is new, and there is nothing to compare.

The plan is the one that comparing would make, sooner. Most members are told once and are in one department; their rows
are made as they come, and lie sorted in a few runs. Who is told more than once, or is in several departments, waits in
a drawer until everything that is told of them lies there, and so does every grant.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.changes import KindChanges
from jit_corps.drawers import Drawers, some_at_a_time
from jit_corps.merging import merged_head, merged_plain_members
from jit_corps.packing import GRANT_RECORDS, MEMBER_RECORDS, ROWS
from jit_corps.plan_members import new_values
from jit_corps.rows import ACTIVE, GrantRow, MemberRow, in_order
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS, GrantRecord, MemberRecord
from jit_corps.spool import Merged, Spool, SpoolFile, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from jit_corps.plan_roles import Standing
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

__all__ = ["Newcomers"]

#: As plain values.
Rows: TypeAlias = list[tuple[Any, ...]]

_MEMBER_OF_RECORD = MemberRecord._fields.index("memberId")
_DEPARTMENTS = MemberRecord._fields.index("departments")
_ROLE_OF_GRANT = GrantRecord._fields.index("roleId")
_MEMBER_OF_GRANT_ROW = GrantRow._fields.index("memberId")
_member_id = itemgetter(MemberRow._fields.index("memberId"))
_status = itemgetter(MemberRow._fields.index("status"))


class Newcomers:
    """What is told of an organisation of which nobody is kept here.

    :param snapshot: of everything, not merged.
    :param state: without members, memberships and grants, because there are none; nothing of it is fresh.
    :param count: so many parts of the members are worked on one after another.
    """

    #: Nobody is kept whose ids could be in conflict, or whom the guard would have to count.
    conflicts: tuple[str, ...] = ()
    total = None

    def __init__(self, snapshot: Snapshot, state: LocalState, count: int) -> None:
        self._told = snapshot
        self._count = count
        roleIds = set(map(itemgetter(_ROLE_OF_GRANT), plain(snapshot.grants, GRANT_RECORDS)))
        #: One record of each department and role, and nobody.
        self.snapshot = replace(merged_head(snapshot, roleIds), members=(), grants=())
        self.state = state

    def planned(self, roleIds: Container[str], standing: Standing) -> dict[str, KindChanges[Any]]:
        """The changes of members, memberships and grants.

        :param roleIds: of the roles that there are afterwards.
        """
        file, listed, again = SpoolFile(), *self._listed()
        many = ceil(len(listed) / self._count)
        members = _Runs(file, MEMBERS, partial(sorted, key=_member_id), many)
        places = _Runs(file, MEMBERSHIPS, in_order, many)
        waiting = Drawers(file, MEMBER_RECORDS, self._count, _MEMBER_OF_RECORD)
        given = Drawers(file, ROWS[GRANTS], self._count, _MEMBER_OF_GRANT_ROW)
        active = 0
        for rows, theirs in chain(self._rows_at_once(again, waiting), self._rows_of_waiting(waiting)):
            members.add(rows)
            places.add(theirs)
            active += list(map(_status, rows)).count(ACTIVE)
            given.file(map(tuple, standing.grants((deptId, memberId) for deptId, memberId, _, _ in theirs)))
        # A tag may name somebody whom no department lists: there is no member to give the role to.
        given.file(
            (roleId, memberId, origin)
            for memberId, roleId, origin in plain(self._told.grants, GRANT_RECORDS)
            if memberId in listed and roleId in roleIds
        )
        grants = _Runs(file, GRANTS, in_order, many)
        for number in range(self._count):
            grants.add(set(given.plain_drawer(number)))
        return {
            MEMBERS: KindChanges(members.merged(), active_after=active),
            MEMBERSHIPS: KindChanges(places.merged(), active_after=len(places)),
            GRANTS: KindChanges(grants.merged(), active_after=len(grants)),
        }

    def _listed(self) -> tuple[set[str], set[str]]:
        """The ids of all members, and of those who are told more than once."""
        listed: set[str] = set()
        again: set[str] = set()
        for memberId in map(itemgetter(_MEMBER_OF_RECORD), plain(self._told.members, MEMBER_RECORDS)):
            if memberId in listed:
                again.add(memberId)
            else:
                listed.add(memberId)
        return listed, again

    def _rows_at_once(self, again: Container[str], waiting: Drawers[MemberRecord]) -> Iterator[tuple[Rows, Rows]]:
        """The rows of members and of their memberships, of some members at a time; who has to wait is filed."""
        corpFullName = self.state.corpFullName
        for some in some_at_a_time(plain(self._told.members, MEMBER_RECORDS)):
            members: Rows = []
            places: Rows = []
            others: Rows = []
            for record in some:
                memberId, departments = record[_MEMBER_OF_RECORD], record[_DEPARTMENTS]
                if len(departments) != 1 or memberId in again:
                    others.append(record)
                    continue
                [(deptId, order, isLeader)] = departments
                members.append(new_values(record, corpFullName))
                places.append((deptId, memberId, order, isLeader))
            waiting.file(others)
            yield members, places

    def _rows_of_waiting(self, waiting: Drawers[MemberRecord]) -> Iterator[tuple[Rows, Rows]]:
        """As :meth:`_rows_at_once`, of those who had to wait."""
        corpFullName = self.state.corpFullName
        for number in range(len(waiting)):
            records = merged_plain_members(waiting.plain_drawer(number), MEMBER_RECORDS.unpack)
            yield (
                [new_values(record, corpFullName) for record in records],
                [
                    (deptId, record.memberId, order, isLeader)
                    for record in records
                    for deptId, order, isLeader in record.departments
                ],
            )


class _Runs:
    """Gathers rows, as plain values, into sorted runs.

    :param order: sorts them by their keys.
    :param many: a run has at least so many rows, but for the last.
    """

    def __init__(self, file: SpoolFile, kind: str, order: Callable[[Iterable[Any]], Rows], many: int) -> None:
        self._file = file
        self._packing = ROWS[kind]
        self._order = order
        self._many = many
        self._rows: Rows = []
        self._runs: list[Spool[Any]] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs)) + len(self._rows)

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows += rows
        if len(self._rows) >= self._many:
            self._end_run()

    def merged(self) -> Merged[Any]:
        """All rows in the order of their keys."""
        self._end_run()
        return Merged(self._runs)

    def _end_run(self) -> None:
        run = Spool(self._file, self._packing)
        run.extend_plain(self._order(self._rows))
        self._runs.append(run)
        self._rows = []

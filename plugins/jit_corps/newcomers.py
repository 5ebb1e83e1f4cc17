"""Plans a large organisation of which nobody is kept here: whoever is told is new, and there is nothing to compare.

The plan is the one that comparing would make, in half the time. Most members are told once and are in one department;
their rows are made as they come, and lie sorted in a few runs. Who is told more than once, or is in several
departments, waits in a drawer until everything that is told of them lies there, and so does every grant.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from jit_corps.changes import KindChanges
from jit_corps.drawers import Drawers, some_at_a_time
from jit_corps.merging import merged_head, merged_plain_members
from jit_corps.packing import GRANT_RECORDS, MEMBER_RECORDS, ROWS
from jit_corps.plan_members import new_values
from jit_corps.rows import ACTIVE, GrantRow, MemberRow, in_order
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS, GrantRecord, MemberRecord
from jit_corps.spool import Merged, Spool, SpoolFile, plain

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from jit_corps.plan_roles import Standing
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

__all__ = ["Newcomers"]

_MEMBER_OF_RECORD = MemberRecord._fields.index("memberId")
_DEPARTMENTS = MemberRecord._fields.index("departments")
_ROLE_OF_GRANT = GrantRecord._fields.index("roleId")
_MEMBER_OF_ROW = GrantRow._fields.index("memberId")
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
        members: list[Spool[Any]] = []
        places: list[Spool[Any]] = []
        grants = Drawers(file, ROWS[GRANTS], self._count, _MEMBER_OF_ROW)
        active = 0
        for rows, theirs in self._rows(file, again, ceil(len(listed) / self._count)):
            active += list(map(_status, rows)).count(ACTIVE)
            grants.file(map(tuple, standing.grants((deptId, memberId) for deptId, memberId, _, _ in theirs)))
            members.append(_run(file, MEMBERS, sorted(rows, key=_member_id)))
            places.append(_run(file, MEMBERSHIPS, in_order(theirs)))
        # A tag may name somebody whom no department lists: there is no member to give the role to.
        grants.file(
            (roleId, memberId, origin)
            for memberId, roleId, origin in plain(self._told.grants, GRANT_RECORDS)
            if memberId in listed and roleId in roleIds
        )
        given = [_run(file, GRANTS, in_order(set(grants.plain_drawer(number)))) for number in range(self._count)]
        return {
            MEMBERS: KindChanges(Merged(members), active_after=active),
            MEMBERSHIPS: KindChanges(Merged(places), active_after=sum(map(len, places))),
            GRANTS: KindChanges(Merged(given), active_after=sum(map(len, given))),
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

    def _rows(
        self, file: SpoolFile, again: Container[str], many: int
    ) -> Iterator[tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
        """The rows of so many members at a time, and of their memberships, as plain values."""
        waiting = Drawers(file, MEMBER_RECORDS, self._count, _MEMBER_OF_RECORD)
        corpFullName = self.state.corpFullName
        members: list[tuple[Any, ...]] = []
        places: list[tuple[Any, ...]] = []
        for some in some_at_a_time(plain(self._told.members, MEMBER_RECORDS)):
            others: list[tuple[Any, ...]] = []
            for record in some:
                memberId, departments = record[_MEMBER_OF_RECORD], record[_DEPARTMENTS]
                if len(departments) != 1 or memberId in again:
                    others.append(record)
                    continue
                [(deptId, order, isLeader)] = departments
                members.append(new_values(record, corpFullName))
                places.append((deptId, memberId, order, isLeader))
            waiting.file(others)
            if len(members) >= many:
                yield members, places
                members, places = [], []
        for number in range(self._count):
            for record in merged_plain_members(waiting.plain_drawer(number), MEMBER_RECORDS.unpack):
                members.append(new_values(record, corpFullName))
                places += [(deptId, record.memberId, order, isLeader) for deptId, order, isLeader in record.departments]
            if len(members) >= many:
                yield members, places
                members, places = [], []
        yield members, places


def _run(file: SpoolFile, kind: str, rows: Iterable[tuple[Any, ...]]) -> Spool[Any]:
    """Rows as plain values, which are in the order of their keys."""
    run = Spool(file, ROWS[kind])
    run.extend_plain(rows)
    return run

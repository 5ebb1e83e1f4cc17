"""Plans only those members of whom something else is told than is here, when most lists say what they said before.

A list that is repeated (:mod:`jit_corps.fingerprints`) tells of its members what was published of them. So whoever is
in a repeated list only, and was not touched here since, would come out of a plan as they went into it, and so would
their memberships and roles. What is left is a part like those of :mod:`jit_corps.parts`, and is planned like one; the
members who are left out only have to be counted where the guard asks how many there are.

It gives up, so that everything is compared, whenever more than single members may differ: another visible range, a tree
or a role that stands for other departments, ids that changed, or no list that tells again of anybody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_corps.fingerprints import read_touched
from jit_corps.merging import merged_head
from jit_corps.models import CorpDeptMember, CorpMember, CorpRoleMember
from jit_corps.observations import read_fresh
from jit_corps.parts import Whole
from jit_corps.plan_members import is_as_told
from jit_corps.row_selection import Rows
from jit_corps.rows import MANUAL, TAG, UPSTREAM, GrantRow, LocalState, MemberRow, MembershipRow
from jit_corps.snapshot import GrantRecord
from jit_corps.state import read_header
from jit_corps.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from jit_corps.rows import DeptRow, RoleRow
    from jit_corps.snapshot import MemberRecord, Repeats, Snapshot
    from jitcore.storage import Storage

__all__ = ["read_differing"]


def read_differing(
    storage: Storage, corpFullName: str, snapshot: Snapshot, title: str, since: float, most: int
) -> Whole | None:
    """What is published of those members, beside what is told of them; ``None`` when everything has to be compared.

    :param title: the element's title.
    :param since: when the snapshot began to be read; in seconds since the epoch.
    :param most: so many members at most.
    """
    repeats, digest = snapshot.repeats, snapshot.scope.digest
    if repeats is None or repeats.corpFullName != corpFullName or not _is_anybody_known(repeats):
        return None
    if snapshot.renames or not snapshot.complete:
        return None
    generation, header = read_header(storage, corpFullName)
    touched = read_touched(storage, corpFullName, repeats.generation, generation)
    if touched is None or not digest or digest != header.scopeDigest:
        return None
    rows = Rows(storage, corpFullName)
    depts, roles = rows.depts(), rows.roles()
    if not _stand_as_before(merged_head(snapshot, repeats.holders.keys()), depts, roles):
        return None
    same = repeats.departments - touched.departments
    found = _Found(rows, repeats, same)
    elsewhere = ((repeats.populated.keys() | depts.keys()) - same) | touched.departments
    regrants = _regranted(rows, repeats, touched.roles, roles)
    if not found.look(elsewhere, regrants | touched.members | repeats.unplaced, touched.departments, most):
        return None
    state = LocalState(
        corpFullName=corpFullName,
        title=title,
        generation=generation,
        header=header,
        departments=depts,
        roles=roles,
        grants=_by_hand(rows, roles.keys() - repeats.holders.keys()),
        since=since,
        fresh=read_fresh(storage, corpFullName, since),
    )
    told = replace(snapshot, members=tuple(found.records), grants=tuple(found.grants()))
    return Whole(told, found.beside(state), Totals(storage, corpFullName))


class _Found:
    """Finds the members who differ, with what is told of them and what is here of them.

    :param same: departments whose lists are repeated, and in which nobody was touched.
    """

    def __init__(self, rows: Rows, repeats: Repeats, same: frozenset[str]) -> None:
        self._rows = rows
        self._repeats = repeats
        self._same = same
        self._members: dict[str, MemberRow] = {}
        self._places: dict[str, dict[str, MembershipRow]] = {}
        self.ids: set[str] = set()
        self.records: list[MemberRecord] = []

    def look(self, elsewhere: AbstractSet[str], certain: AbstractSet[str], reopened: frozenset[str], most: int) -> bool:
        """Look who differs; False when these are too many, or too many have to be looked at: before they are read.

        :param elsewhere: the departments that are not ``same``.
        :param certain: members who may differ whatever the lists say of them.
        :param reopened: departments in which somebody was touched.
        """
        repeats = self._repeats
        unread = elsewhere - repeats.inside.departments
        if len(repeats.others) > most or sum(repeats.populated.get(deptId, 0) for deptId in unread) > most:
            return False
        told = [*repeats.others, *repeats.members(reopened & repeats.departments)]
        by_member: dict[str, list[MemberRecord]] = {}
        for record in told:
            by_member.setdefault(record.memberId, []).append(record)
        asked = by_member.keys() | certain | set().union(*repeats.differing.values())
        if len(asked) > most:
            return False
        self._read_inside(elsewhere, certain)
        self._read(asked - self._members.keys())
        looked_at = self._members.keys() | asked
        if len(looked_at) > most:
            return False
        self.ids = {
            memberId
            for memberId in looked_at
            if memberId in certain or not self._is_as_told(memberId, by_member.get(memberId, ()))
        }
        self._add_namesakes(by_member)
        # Whoever differs may be told of by a repeated list as well, and then by what it said before.
        others = {
            deptId
            for memberId in self.ids
            for deptId in self._places.get(memberId, ())
            if deptId in self._same and memberId not in repeats.differing.get(deptId, ())
        }
        self.records = [record for memberId in self.ids for record in by_member.get(memberId, ())]
        self.records += [record for record in repeats.members(others) if record.memberId in self.ids]
        return True

    def grants(self) -> Iterator[GrantRecord]:
        """The grants that they are told to have."""
        for roleId, holders in self._repeats.holders.items():
            for memberId in self.ids.intersection(holders):
                yield GrantRecord(memberId, roleId)

    def beside(self, state: LocalState) -> LocalState:
        """What is here, with these members."""
        grants = self._rows.some(CorpRoleMember, GrantRow._fields, "memberId", self.ids)
        return replace(
            state,
            members={memberId: self._members[memberId] for memberId in self.ids if memberId in self._members},
            memberships={
                (row.deptId, row.memberId): row
                for memberId in self.ids
                for row in self._places.get(memberId, {}).values()
            },
            grants=state.grants.union(GrantRow(*row) for row in grants),
        )

    def _is_as_told(self, memberId: str, told: Iterable[MemberRecord]) -> bool:
        row = self._members.get(memberId)
        if row is None or not told:
            return False
        here = self._places.get(memberId, {})
        return all(is_as_told(row, record) and _are_as_told(here, record) for record in told)

    def _add_namesakes(self, told: Mapping[str, list[MemberRecord]]) -> None:
        """Add whoever may be the same person as one of those: see :func:`jit_corps.renames.find_renames`."""
        here = (self._members[memberId] for memberId in self.ids if memberId in self._members)
        people = {row.openUserId for row in here if row.openUserId}
        people |= {record.openUserId for memberId in self.ids for record in told.get(memberId, ()) if record.openUserId}
        found = self._rows.some(CorpMember, ("memberId",), "openUserId", people | self.ids)
        found += self._rows.some(CorpMember, ("memberId",), "memberId", people)
        more = {memberId for (memberId,) in found} - self.ids
        self._read(more - self._members.keys())
        self.ids |= more

    def _read_inside(self, deptIds: AbstractSet[str], certain: AbstractSet[str]) -> None:
        """Read all who are in one of the departments; what was read ahead is taken over, but of nobody ``certain``."""
        known, members, places = self._repeats.inside
        self._members = {row[0]: MemberRow(*row) for row in members if row[0] not in certain}
        self._keep_places(row for row in places if row[1] not in certain)
        deptIds = deptIds - known
        for row in self._rows.in_departments(CorpMember, MemberRow._fields, deptIds):
            self._members[row[0]] = MemberRow(*row)
        self._keep_places(self._rows.in_departments(CorpDeptMember, MembershipRow._fields, deptIds))

    def _read(self, memberIds: set[str]) -> None:
        for row in self._rows.some(CorpMember, MemberRow._fields, "memberId", memberIds):
            self._members[row[0]] = MemberRow(*row)
        self._keep_places(self._rows.some(CorpDeptMember, MembershipRow._fields, "memberId", memberIds))

    def _keep_places(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for row in rows:
            self._places.setdefault(row[1], {})[row[0]] = MembershipRow(*row)


def _is_anybody_known(repeats: Repeats) -> bool:
    """Whether a list tells again of somebody: one of nobody says the same in every enterprise."""
    return not repeats.departments.isdisjoint(repeats.populated)


def _are_as_told(here: Mapping[str, MembershipRow], record: MemberRecord) -> bool:
    """Whether a member is in exactly these departments, as they are told."""
    if len(record.departments) != len(here):
        return False
    for deptId, order, isLeader in record.departments:
        row = here.get(deptId)
        if row is None or row.order != order or row.isLeader != isLeader:
            return False
    return True


def _stand_as_before(told: Snapshot, depts: Mapping[str, DeptRow], roles: Mapping[str, RoleRow]) -> bool:
    """Whether the roles of departments follow from just what they followed from: from all departments and roles."""
    stands = {role.roleId: role.deptIds for role in told.roles if role.deptIds}
    stood = {row.roleId: row.deptIds for row in roles.values() if row.deptIds}
    if stands != stood:
        return False
    if not stands:
        return True
    tree = {dept.deptId: dept.parentId for dept in told.departments}
    return tree == {row.deptId: row.upstreamParentId for row in depts.values() if row.origin == UPSTREAM}


def _regranted(rows: Rows, repeats: Repeats, touched: frozenset[str], roles: Mapping[str, RoleRow]) -> set[str]:
    """Members whom upstream gave a role since, or took one from."""
    known = {roleId for roleId, row in roles.items() if row.origin == UPSTREAM}
    differing = (known | repeats.holders.keys()) - (repeats.roles - touched)
    told = {(roleId, memberId) for roleId in differing for memberId in repeats.holders.get(roleId, ())}
    found = rows.some(CorpRoleMember, GrantRow._fields, "roleId", differing)
    here = {(roleId, memberId) for roleId, memberId, origin in found if origin == TAG}
    return {memberId for _, memberId in told ^ here}


def _by_hand(rows: Rows, roleIds: AbstractSet[str]) -> frozenset[GrantRow]:
    """One grant of each of these roles that people here gave."""
    found = rows.some(CorpRoleMember, GrantRow._fields, "roleId", roleIds)
    return frozenset({row[0]: GrantRow(*row) for row in found if row[2] == MANUAL}.values())

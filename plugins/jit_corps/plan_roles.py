"""What the plan says of roles, and of who has them.

A grant has an owner: a person here (never touched), a tag that names the member, or a department that the role stands
for. The last kind upstream need not tell: it follows from the role's departments, the tree and the memberships.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_corps import rows
from jit_corps.changes import KindChanges, Removal
from jit_corps.comparing import compared
from jit_corps.plan_belongings import absent_belonging, plan_belongings
from jit_corps.role_departments import Holders
from jit_corps.rows import DEPT, DeptRow, GrantRow, MembershipRow, RoleRow
from jit_corps.snapshot import GRANTS, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jit_corps.comparing import Comparison
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import RoleRecord

__all__ = ["Standing", "plan_grants", "plan_roles"]


def plan_roles(comparison: Comparison) -> KindChanges[RoleRow]:
    """The roles that upstream knows; a role of a person here is never touched."""
    before = comparison.state.roles
    kept_depts = comparison.kept_depts()
    # A role stands no longer for a department that goes, whether upstream says so of the role or not.
    known = {roleId: _without(row, comparison.gone_depts) for roleId, row in before.items()}
    after = {roleId: _told(role, known.get(roleId), kept_depts) for roleId, role in comparison.roles.items()}
    given_by_hand = {grant.roleId for grant in comparison.state.grants if grant.origin == rows.MANUAL}
    removed = []
    for roleId, row in sorted(before.items()):
        if roleId in after:
            continue
        if row.origin == rows.CUSTOM or not (comparison.may_remove(ROLES) and comparison.speaks_of(ROLES, roleId)):
            after[roleId] = known[roleId]
            continue
        comparison.gone_roles.add(roleId)
        if roleId in given_by_hand:
            # Somebody still has it because a person here said so: it goes on as a role of our own.
            after[roleId] = row._replace(origin=rows.CUSTOM, deptIds=None)
        else:
            removed.append(Removal(row, None, follows=False))
    added, updated = compared(after, before)
    return KindChanges(
        added=added,
        updated=updated,
        removed=tuple(removed),
        active=_from_upstream(before),
        active_after=_from_upstream(after),
    )


class Standing:
    """Which roles stand for which departments afterwards, and so for everybody in and below them.

    :param comparison: of the whole organisation, or of everything but the members.
    :param departments: the plan's changes of this kind, as ``roles``.
    """

    def __init__(self, comparison: Comparison, departments: KindChanges[DeptRow], roles: KindChanges[RoleRow]) -> None:
        state = comparison.state
        after = roles.applied(state.roles, lambda row: row.roleId)
        self.roles: Mapping[str, tuple[str, ...]] = {
            roleId: row.deptIds for roleId, row in after.items() if row.deptIds is not None
        }
        parents = state.parents
        if state.is_tree and any(self.roles.values()):
            depts = departments.applied(state.departments, lambda row: row.deptId)
            parents = {deptId: row.upstreamParentId for deptId, row in depts.items()}
        self._holders = Holders(self.roles, parents)

    def grants(self, places: Iterable[tuple[str, str]]) -> Iterator[GrantRow]:
        """The grants that follow from who is where.

        :param places: ids of department and member.
        """
        for roleId, memberId in self._holders.of(places):
            yield GrantRow(roleId, memberId, DEPT)


def plan_grants(
    comparison: Comparison, standing: Standing, memberships: KindChanges[MembershipRow]
) -> KindChanges[GrantRow]:
    """Which roles upstream gives to whom.

    :param memberships: the plan's changes of this kind.
    """
    state = comparison.state
    before = {grant for grant in state.grants if grant.origin != rows.MANUAL}
    known = (state.members.keys() | {row.memberId for row in before}) - comparison.gone_members
    known |= comparison.members.keys()
    # A tag may name somebody whom no department lists: there is no member to give the role to. The others stay in the
    # order in which they are told, which is by role: to sort them is then a third of the work.
    wanted = dict.fromkeys(
        GrantRow(roleId, memberId, origin)
        for memberId, roleId, origin in comparison.snapshot.grants
        if memberId in known and roleId in comparison.roles
    )
    if any(standing.roles.values()):
        derived = standing.grants(_places(state, memberships))
        wanted |= {row: None for row in derived if row.memberId in known and comparison.knows_places(row.memberId)}
    moved = {removal.before.memberId for removal in memberships.removed}
    gone = comparison.gone_roles
    kept = state.roles.keys() - comparison.roles.keys() - gone

    def absent(row: GrantRow) -> Removal[GrantRow] | None:
        if row.origin != DEPT or row.roleId not in standing.roles or row.memberId in comparison.gone_members:
            return absent_belonging(GRANTS, row, comparison, gone, kept)
        is_known = comparison.knows_places(row.memberId) and not comparison.is_kept(row.memberId)
        if GRANTS in comparison.protected or not is_known:
            return None
        if row.memberId in moved:
            return Removal(row, None, follows=True)
        return Removal(row, None, follows=False) if comparison.may_remove(GRANTS) else None

    return plan_belongings(before, wanted.keys(), comparison, absent)


def _places(state: LocalState, memberships: KindChanges[MembershipRow]) -> Iterator[tuple[str, str]]:
    """Ids of department and member of all who are somewhere afterwards."""
    left = {(one.before.deptId, one.before.memberId) for one in memberships.removed}
    yield from (place for place in state.memberships if place not in left)
    for deptId, memberId, _, _ in memberships.added:
        yield deptId, memberId


def _told(role: RoleRecord, old: RoleRow | None, kept_depts: set[str]) -> RoleRow:
    deptIds = old.deptIds if old else None
    if role.deptIds is not None:
        # Upstream does not name a department that is out of sight, and the role goes on standing for it.
        deptIds = tuple(sorted({*role.deptIds, *kept_depts.intersection(deptIds or ())}))
    return RoleRow(role.roleId, role.name or (old.name if old else None), rows.UPSTREAM, deptIds)


def _without(row: RoleRow, deptIds: set[str]) -> RoleRow:
    if not row.deptIds or deptIds.isdisjoint(row.deptIds):
        return row
    return row._replace(deptIds=tuple(deptId for deptId in row.deptIds if deptId not in deptIds))


def _from_upstream(roles: Mapping[str, RoleRow]) -> int:
    return sum(row.origin == rows.UPSTREAM for row in roles.values())

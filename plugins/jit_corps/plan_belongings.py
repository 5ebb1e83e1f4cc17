"""The parts of a plan that hang on departments and members: memberships, roles and grants.

What belongs to something that goes, goes with it and is not judged again; what belongs to something that is kept
without being listed (invisible, doubted, withheld) is kept with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from jit_corps import rows
from jit_corps.changes import KindChanges, Removal
from jit_corps.comparing import compared
from jit_corps.plan_members import counts
from jit_corps.rows import GrantRow, MembershipRow, RoleRow
from jit_corps.snapshot import GRANTS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from jit_corps.comparing import Comparison

__all__ = ["plan_grants", "plan_memberships", "plan_roles"]

Key = TypeVar("Key")
#: Both begin with the department or role they hang on; both also hang on a member.
Belonging = TypeVar("Belonging", MembershipRow, GrantRow)


def plan_memberships(comparison: Comparison) -> KindChanges[MembershipRow]:
    """Who is in which department."""
    wanted = {
        (place.deptId, memberId): MembershipRow(place.deptId, memberId, place.order, place.isLeader)
        for memberId, member in comparison.members.items()
        for place in member.departments
    }
    return _plan_belongings(
        MEMBERSHIPS,
        comparison.state.memberships,
        wanted,
        comparison,
        gone=comparison.gone_depts,
        kept=comparison.state.departments.keys() - comparison.depts.keys() - comparison.gone_depts,
    )


def plan_roles(comparison: Comparison) -> KindChanges[RoleRow]:
    """The roles that upstream knows; a role of a person here is never touched."""
    before = comparison.state.roles
    after = {
        roleId: RoleRow(roleId, role.name or (before[roleId].name if roleId in before else None), rows.UPSTREAM)
        for roleId, role in comparison.roles.items()
    }
    given_by_hand = {grant.roleId for grant in comparison.state.grants if grant.origin == rows.MANUAL}
    removed = []
    for roleId, row in sorted(before.items()):
        if roleId in after:
            continue
        if row.origin == rows.CUSTOM or not comparison.may_remove(ROLES):
            after[roleId] = row
            continue
        comparison.gone_roles.add(roleId)
        if roleId in given_by_hand:
            # Somebody still has it because a person here said so: it goes on as a role of our own.
            after[roleId] = row._replace(origin=rows.CUSTOM)
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


def plan_grants(comparison: Comparison) -> KindChanges[GrantRow]:
    """Which roles upstream gives to whom; a grant of a person here is never touched."""
    before = {grant: grant for grant in comparison.state.grants if grant.origin != rows.MANUAL}
    known = (comparison.state.members.keys() - comparison.gone_members) | comparison.members.keys()
    # A tag may name somebody whom no department lists: there is no member to give the role to.
    told = (grant for grant in comparison.snapshot.grants if grant.memberId in known)
    wanted = {row: row for row in (GrantRow(grant.roleId, grant.memberId, grant.origin) for grant in told)}
    return _plan_belongings(
        GRANTS,
        before,
        wanted,
        comparison,
        gone=comparison.gone_roles,
        kept=comparison.state.roles.keys() - comparison.roles.keys() - comparison.gone_roles,
    )


def _plan_belongings(
    kind: str,
    before: Mapping[Key, Belonging],
    wanted: Mapping[Key, Belonging],
    comparison: Comparison,
    *,
    gone: Container[str],
    kept: Container[str],
) -> KindChanges[Belonging]:
    """Compare what hangs on a member and on a department or role.

    :param gone: departments or roles that go in this run.
    :param kept: departments or roles that stay although upstream does not list them.
    """
    counted = {memberId for memberId, row in comparison.state.members.items() if counts(row)}
    removed: list[Removal[Belonging]] = []
    fewer = 0
    for key, row in before.items():
        if key in wanted:
            continue
        removal = _absent(kind, row, comparison, gone, kept)
        if removal is not None:
            removed.append(removal)
            fewer += row.memberId in counted
    removed.sort()
    added, updated = compared(wanted, before)
    active = sum(row.memberId in counted for row in before.values())
    return KindChanges(added, updated, tuple(removed), active, active - fewer + len(added))


def _absent(
    kind: str, row: Belonging, comparison: Comparison, gone: Container[str], kept: Container[str]
) -> Removal[Belonging] | None:
    """What becomes of a belonging that upstream does not tell; ``None`` when it stays."""
    if kind in comparison.protected:
        return None
    if row.memberId in comparison.gone_members or row[0] in gone:
        return Removal(row, None, follows=True)
    if row.memberId not in comparison.members or row[0] in kept or not comparison.may_remove(kind):
        return None
    return Removal(row, None, follows=False)


def _from_upstream(roles: Mapping[str, RoleRow]) -> int:
    return sum(row.origin == rows.UPSTREAM for row in roles.values())

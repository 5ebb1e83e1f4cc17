"""What the plan says of memberships: who is in which department; and what memberships and grants have in common.

What belongs to something that goes, goes with it and is not judged again; what belongs to something that is kept
without being listed (invisible, doubted, withheld) is kept with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from jit_corps.changes import KindChanges, Removal
from jit_corps.comparing import compared
from jit_corps.plan_members import counts
from jit_corps.rows import GrantRow, MembershipRow
from jit_corps.snapshot import MEMBERSHIPS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from jit_corps.comparing import Comparison

__all__ = ["absent_belonging", "plan_belongings", "plan_memberships"]

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
    gone, kept = comparison.gone_depts, comparison.kept_depts()
    return plan_belongings(
        comparison.state.memberships,
        wanted,
        comparison,
        lambda row: absent_belonging(MEMBERSHIPS, row, comparison, gone, kept),
    )


def plan_belongings(
    before: Mapping[Key, Belonging],
    wanted: Mapping[Key, Belonging],
    comparison: Comparison,
    absent: Callable[[Belonging], Removal[Belonging] | None],
) -> KindChanges[Belonging]:
    """Compare what hangs on a member and on a department or role.

    :param absent: what becomes of one that is not wanted; ``None`` when it stays.
    """
    counted = {memberId for memberId, row in comparison.state.members.items() if counts(row)}
    removed: list[Removal[Belonging]] = []
    fewer = 0
    for key, row in before.items():
        if key in wanted:
            continue
        removal = absent(row)
        if removal is not None:
            removed.append(removal)
            fewer += row.memberId in counted
    removed.sort()
    added, updated = compared(wanted, before)
    active = sum(row.memberId in counted for row in before.values())
    return KindChanges(added, updated, tuple(removed), active, active - fewer + len(added))


def absent_belonging(
    kind: str, row: Belonging, comparison: Comparison, gone: Container[str], kept: Container[str]
) -> Removal[Belonging] | None:
    """What becomes of a belonging that upstream does not tell; ``None`` when it stays.

    :param gone: departments or roles that go in this run.
    :param kept: departments or roles that stay although upstream does not list them.
    """
    if kind in comparison.protected:
        return None
    if row.memberId in comparison.gone_members or row[0] in gone:
        return Removal(row, None, follows=True)
    # Whose places are not told keeps them; who has a role is told with the role.
    is_told = row.memberId in comparison.members if kind == MEMBERSHIPS else not comparison.is_kept(row.memberId)
    if not is_told or row[0] in kept or not comparison.may_remove(kind):
        return None
    return Removal(row, None, follows=False)

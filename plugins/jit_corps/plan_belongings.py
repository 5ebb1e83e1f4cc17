"""What the plan says of memberships: who is in which department; and what memberships and grants have in common.

What belongs to something that goes, goes with it and is not judged again; what belongs to something that is kept
without being listed (invisible, doubted, withheld) is kept with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from jit_corps.changes import KindChanges, Removal
from jit_corps.rows import GrantRow, MembershipRow, in_order
from jit_corps.snapshot import MEMBERSHIPS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from collections.abc import Set as AbstractSet

    from jit_corps.comparing import Comparison

__all__ = ["absent_belonging", "plan_belongings", "plan_memberships"]

#: Both begin with the department or role they hang on; both also hang on a member.
Belonging = TypeVar("Belonging", MembershipRow, GrantRow)


def plan_memberships(comparison: Comparison) -> KindChanges[MembershipRow]:
    """Who is in which department."""
    before, members = comparison.state.memberships, comparison.members
    added: list[MembershipRow] = []
    updated: list[tuple[MembershipRow, MembershipRow]] = []
    told = 0
    for memberId, member in members.items():
        told += len(member.departments)
        for deptId, order, isLeader in member.departments:
            old = before.get((deptId, memberId))
            if old is None:
                added.append(MembershipRow(deptId, memberId, order, isLeader))
            elif old.order != order or old.isLeader != isLeader:
                updated.append((old, MembershipRow(deptId, memberId, order, isLeader)))
    unwanted: list[MembershipRow] = []
    # Mostly all are wanted, and then there is no need to make a set of what is.
    if told - len(added) < len(before):
        wanted = {(place.deptId, memberId) for memberId, member in members.items() for place in member.departments}
        unwanted = [row for key, row in before.items() if key not in wanted]
    updated.sort()
    gone = comparison.gone_depts
    kept = comparison.kept_depts() if unwanted else set()
    removed = _removed(unwanted, lambda row: absent_belonging(MEMBERSHIPS, row, comparison, gone, kept))
    return _changes(before.values(), tuple(in_order(added)), tuple(updated), removed, comparison)


def plan_belongings(
    before: AbstractSet[GrantRow],
    wanted: AbstractSet[GrantRow],
    comparison: Comparison,
    absent: Callable[[GrantRow], Removal[GrantRow] | None],
) -> KindChanges[GrantRow]:
    """Compare what hangs on a member and on a role, and is nothing but that.

    :param absent: what becomes of one that is not wanted; ``None`` when it stays.
    """
    added = tuple(in_order([row for row in wanted if row not in before]))
    return _changes(before, added, (), _removed(before - wanted, absent), comparison)


def _removed(
    unwanted: Iterable[Belonging], absent: Callable[[Belonging], Removal[Belonging] | None]
) -> tuple[Removal[Belonging], ...]:
    return tuple(sorted(removal for row in unwanted if (removal := absent(row)) is not None))


def _changes(
    before: Iterable[Belonging],
    added: tuple[Belonging, ...],
    updated: tuple[tuple[Belonging, Belonging], ...],
    removed: tuple[Removal[Belonging], ...],
    comparison: Comparison,
) -> KindChanges[Belonging]:
    counted = comparison.counted
    active = len([None for row in before if row.memberId in counted])
    fewer = sum(removal.before.memberId in counted for removal in removed)
    return KindChanges(added, updated, removed, active, active - fewer + len(added))


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

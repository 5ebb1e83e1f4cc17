"""The departments' part of a plan: who stays, where each stands, and which one is the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_corps import rows, tree
from jit_corps.changes import KindChanges, Removal
from jit_corps.comparing import compared
from jit_corps.rows import LISTED, LOCAL_ROOT, DeptRow
from jit_corps.snapshot import DEPARTMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_corps.comparing import Comparison
    from jit_corps.snapshot import DeptRecord

__all__ = ["local_root_row", "plan_departments"]


def plan_departments(comparison: Comparison) -> tuple[KindChanges[DeptRow], str]:
    """The departments' changes, and the id of the root they give."""
    before = comparison.state.departments
    if not comparison.state.is_tree:
        return _in_place(comparison), comparison.state.header.rootDeptId or LOCAL_ROOT
    wanted = {deptId: _told(dept, before.get(deptId), comparison) for deptId, dept in comparison.depts.items()}
    for deptId, row in before.items():
        if deptId in wanted or row.origin == rows.LOCAL:
            continue
        kept = _absent(row, comparison) if comparison.speaks_of(DEPARTMENTS, deptId) else row
        if kept is None:
            comparison.gone_depts.add(deptId)
        else:
            wanted[deptId] = kept
    root = _root(wanted, comparison)
    if root == LOCAL_ROOT:
        old = before.get(LOCAL_ROOT)
        wanted[LOCAL_ROOT] = local_root_row(
            comparison.snapshot.corpName or (old.name if old else None) or comparison.state.title
        )
    branches = (tree.Branch(row.deptId, row.upstreamParentId, row.order) for row in wanted.values())
    after = {
        place.deptId: wanted[place.deptId]._replace(parentId=place.parentId, placement=place.placement)
        for place in tree.arrange(branches, root)
    }
    added, updated = compared(after, before)
    removed = tuple(
        # A local root is ours to take away: it goes when the real one arrives.
        Removal(row, None, follows=row.origin == rows.LOCAL)
        for deptId, row in sorted(before.items())
        if deptId not in after
    )
    changes = KindChanges(
        added=added,
        updated=updated,
        removed=removed,
        active=sum(map(_counts, before.values())),
        active_after=sum(map(_counts, after.values())),
    )
    return changes, root


def _in_place(comparison: Comparison) -> KindChanges[DeptRow]:
    """Changes of departments that stay where they are."""
    before = comparison.state.departments
    after = {}
    for deptId, dept in comparison.depts.items():
        old = before[deptId]
        after[deptId] = _told(dept, old, comparison)._replace(parentId=old.parentId, placement=old.placement)
    return KindChanges(updated=compared(after, before)[1])


def local_root_row(name: str) -> DeptRow:
    """The department that stands above a forest whose root the app may not see."""
    return DeptRow(
        deptId=LOCAL_ROOT,
        name=name,
        parentId=None,
        upstreamParentId=None,
        order=0,
        leaderIds=None,
        origin=rows.LOCAL,
        placement=tree.TOLD,
        presence=LISTED,
        scopeDigest=None,
    )


def _told(dept: DeptRecord, old: DeptRow | None, comparison: Comparison) -> DeptRow:
    parentId, order = dept.parentId, dept.order
    if old is not None:
        # Who tells only a part often leaves out where it stands.
        parentId = old.upstreamParentId if parentId is None and not comparison.snapshot.complete else parentId
        order = old.order if order is None else order
    leaders = old.leaderIds if old else None
    if dept.leaderIds is not None:
        leaders = tuple(sorted(set(dept.leaderIds)))
    return DeptRow(
        deptId=dept.deptId,
        name=dept.name or (old.name if old else None),
        parentId=None,
        upstreamParentId=parentId,
        order=order or 0,
        leaderIds=leaders,
        origin=rows.UPSTREAM,
        placement=tree.TOLD,
        presence=LISTED,
        scopeDigest=None,
    )


def _absent(row: DeptRow, comparison: Comparison) -> DeptRow | None:
    """What becomes of a department that is not listed; ``None`` when it goes."""
    if DEPARTMENTS in comparison.protected:
        return row
    if comparison.rescoped:
        return comparison.out_of_sight(row)
    if comparison.still_out_of_sight(row) or DEPARTMENTS in comparison.withhold:
        return row
    return None


def _root(wanted: Mapping[str, DeptRow], comparison: Comparison) -> str:
    """The one real root, or the local one that stands above a forest.

    A department without a parent is the root only when the scope holds the root, or when it was the root before and
    merely is not listed.
    """
    has_root, known = comparison.snapshot.scope.hasRoot, comparison.state.header.rootDeptId
    is_part = comparison.targets is not None or not comparison.snapshot.complete
    if is_part and _stands(known, wanted, comparison):
        # A part of the organisation says nothing about its root.
        return str(known)
    roots = [
        row.deptId
        for row in wanted.values()
        if row.upstreamParentId is None and (has_root if row.deptId in comparison.depts else row.deptId == known)
    ]
    return roots[0] if len(roots) == 1 else LOCAL_ROOT


def _stands(root: str | None, wanted: Mapping[str, DeptRow], comparison: Comparison) -> bool:
    """Whether what is the root can go on as the root; one of our own with nothing below it need not."""
    if root == LOCAL_ROOT:
        return any(row.origin == rows.UPSTREAM for row in comparison.state.departments.values())
    return root is not None and root in wanted and wanted[root].upstreamParentId is None


def _counts(row: DeptRow) -> bool:
    return row.origin == rows.UPSTREAM and row.presence == LISTED

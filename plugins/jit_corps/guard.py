"""Holds back removals that are too many to believe.

Real losses came from well-formed answers: a narrowed policy, a wrong but correctly shaped page. A guard that only
counts per cent is blind on a large enterprise and noisy on a small one, so the limit has a share, a floor and a
ceiling, and nothing is ever emptied. Additions and changes pass; a person lets the removals through by naming how many.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from jit_corps.changes import Withheld
from jit_corps.rows import row_key
from jit_corps.snapshot import DEPARTMENTS, KINDS, MEMBERS, MEMBERSHIPS

if TYPE_CHECKING:
    from jit_corps.changes import KindChanges, Plan

__all__ = ["guard", "removal_limit"]

SHARE = 0.10
FLOOR = 3
CEILING = 500
#: The last tag may be taken from the last member on any ordinary day; the last member may not leave on one.
NEVER_EMPTY = frozenset({DEPARTMENTS, MEMBERS, MEMBERSHIPS})


def removal_limit(active: int) -> int:
    """How many of ``active`` records may go in one run without approval: 10 %, at least 3, at most 500."""
    return min(CEILING, max(FLOOR, ceil(SHARE * active)))


def guard(plan: Plan, *, approve: int | None = None) -> tuple[Withheld, ...]:
    """Say which removals of a plan are to be withheld; the plan is then made again without them.

    A kind is withheld as a whole: nobody can say which of its removals are the wrong ones. What follows from another
    record's removal (the memberships of a member who left) is not counted again.

    :param approve: a ceiling named by a person: up to so many removals of each kind pass, and not one more.
    """
    judged = (_judge(kind, plan.kinds[kind], approve) for kind in KINDS)
    return tuple(withheld for withheld in judged if withheld)


def _judge(kind: str, changes: KindChanges[Any], approve: int | None) -> Withheld | None:
    removals = changes.own_removals
    if not removals:
        return None
    count = removals + changes.doubtful
    limit = max(removal_limit(changes.active), approve or 0)
    empties = kind in NEVER_EMPTY and changes.active > 0 and changes.active_after == 0
    if count <= limit and not (empties and (approve or 0) < count):
        return None
    why = "that would leave none" if count <= limit else f"more than the {limit} that may go in one run"
    return Withheld(
        kind=kind,
        count=count,
        limit=limit,
        active=changes.active,
        keys=tuple(row_key(kind, removal.before) for removal in changes.removed if not removal.follows),
        reason=f"{count} of {changes.active} would go, {why}; approve={count} lets them.",
    )

"""Holds back removals that are too many to believe.

Real losses came from well-formed answers: a narrowed policy, a wrong but correctly shaped page. A guard that only
counts per cent is blind on a large enterprise and noisy on a small one, so the limit has a share, a floor and a
ceiling, and nothing is ever emptied. It is a limit for a day: what goes in small portions goes as well. Additions and
changes pass; a person lets the removals through by naming how many.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from jit_corps.changes import Withheld
from jit_corps.errors import EverybodyUnknown
from jit_corps.rows import row_key
from jit_corps.snapshot import DEPARTMENTS, KINDS, MEMBERS, MEMBERSHIPS

if TYPE_CHECKING:
    from jit_corps.changes import KindChanges, Plan

__all__ = ["Recent", "Total", "check_known", "guard", "nothing_went", "passes", "removal_limit"]

SHARE = 0.10
FLOOR = 3
CEILING = 500
#: The last tag may be taken from the last member on any ordinary day; the last member may not leave on one.
NEVER_EMPTY = frozenset({DEPARTMENTS, MEMBERS, MEMBERSHIPS})


class Recent(Protocol):
    """How many records of a kind went within a day before, without a person's approval."""

    def __call__(self, kind: str) -> int: ...


class Total(Protocol):
    """How many records of a kind count for the guard in the whole corp; counting may end at ``most``."""

    def __call__(self, kind: str, most: int | None) -> int: ...


def nothing_went(kind: str) -> int:
    """That nothing went."""
    del kind
    return 0


def removal_limit(active: int) -> int:
    """How many of ``active`` records may go within 24 hours without approval: 10 %, at least 3, at most 500."""
    return min(CEILING, max(FLOOR, ceil(SHARE * active)))


def guard(plan: Plan, recent: Recent = nothing_went) -> tuple[Withheld, ...]:
    """Say which removals of a plan are to be withheld unless they are approved; the plan is then made without them.

    A kind is withheld as a whole: nobody can say which of its removals are the wrong ones. What follows from another
    record's removal (the memberships of a member who left) is not counted again.

    :param recent: what went within a day before and counts as well.
    """
    judged = (_judge(kind, plan.kinds[kind], recent) for kind in KINDS)
    return tuple(withheld for withheld in judged if withheld)


def passes(finding: Withheld, approve: int | None) -> bool:
    """Whether a person lets these removals through.

    :param approve: a ceiling: up to so many removals of each kind pass, and not one more.
    """
    return approve is not None and finding.count <= approve


def check_known(plan: Plan, approve: int | None) -> None:
    """Make sure that upstream tells of somebody who is known here, or that a person means it.

    An answer for another enterprise is well-formed, and nearly all of it would be additions, which pass. Fewer people
    than may always go are no evidence: whoever tries an app out often shows it another person next.

    :param approve: as many as are known here let it pass.
    :raises EverybodyUnknown: there is nobody.
    """
    known = plan.kinds[MEMBERS].active
    if plan.strangers and known > FLOOR and (approve is None or approve < known):
        raise EverybodyUnknown(plan.corpFullName, known, plan.strangers)


def _judge(kind: str, changes: KindChanges[Any], recent: Recent) -> Withheld | None:
    removals = changes.own_removals
    if not removals:
        return None
    count = removals + changes.doubtful
    went = recent(kind)
    # A tenth of those who were there when the day began.
    limit = removal_limit(changes.active + went)
    if count + went > limit:
        why = f"more than the {limit} that may go in a day"
    elif kind in NEVER_EMPTY and changes.active > 0 and changes.active_after == 0:
        why = "that would leave none"
    else:
        return None
    before = f", and {went} went in the last 24 hours" if went else ""
    return Withheld(
        kind=kind,
        count=count,
        limit=max(0, limit - went),
        active=changes.active,
        keys=tuple(row_key(kind, removal.before) for removal in changes.removed if not removal.follows),
        reason=f"{count} of {changes.active} would go{before}: {why}; approve={count} lets them.",
        recent=went,
    )

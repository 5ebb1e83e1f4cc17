"""A plan as lines for people: what goes first, then what comes, then what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps.changes import ADD, REMOVE, UPDATE
from jit_corps.rows import ACTIVE, STATUS_NAMES, MemberRow, row_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jit_corps.changes import Change, Plan
    from jit_corps.rows import Row

__all__ = ["diff"]

SIGNS = {REMOVE: "-", ADD: "+", UPDATE: "~"}
#: More lines than that are for a file.
MOST = 50


def diff(plan: Plan, most: int = MOST) -> Iterator[str]:
    """One line for each change, and one that says how many more there are."""
    left = most
    for action, sign in SIGNS.items():
        for change in plan.changes():
            if change.action == action:
                if left > 0:
                    yield f"  {sign} {_line(change)}"
                left -= 1
    if left < 0:
        yield f"  … and {-left} more (--save FILE writes all of them, --json prints them)"


def _line(change: Change) -> str:
    named = f"{change.kind} {' / '.join(change.key)}"
    if change.before is not None and change.after is not None:
        before, after = _shown(change.before), _shown(change.after)
        told = ", ".join(f"{name}: {before[name]} → {after[name]}" for name in before if before[name] != after[name])
        return f"{named}  {told}{_kept(change.after)}"
    name = getattr(change.after or change.before, "name", None)
    return f"{named}  {name}" if name else named


def _kept(row: Row) -> str:
    """Says it of somebody whom upstream would take offline and a person here does not."""
    if isinstance(row, MemberRow) and row.upstreamReason and row.status == ACTIVE:
        return "  (stays active: pinned here)"
    return ""


def _shown(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {name: "-" if value is None else value for name, value in row_dict(row).items()}
    if "status" in values:
        values["status"] = STATUS_NAMES[values["status"]]
    return values

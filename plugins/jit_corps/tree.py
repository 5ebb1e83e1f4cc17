"""Makes a correct tree of whatever list of departments upstream tells.

Upstream's list may come in any order, lack parents (the visible range excludes them), name a department its own
parent, or hold a cycle. Nothing here recurses, so depth costs nothing, and nothing depends on the order of the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CYCLE", "DETACHED", "TOLD", "Branch", "Place", "arrange", "id_key"]

#: A department stands where upstream says.
TOLD = "told"
#: Its parent is not known here (or it has none and is not the root).
DETACHED = "detached"
#: It was its own ancestor; the cycle was cut above it.
CYCLE = "cycle"


class Branch(NamedTuple):
    """A department as told: its id, its parent's id (known or not), its position (bigger first)."""

    deptId: str
    parentId: str | None
    order: int = 0


class Place(NamedTuple):
    """Where a department stands: under ``parentId`` (``None`` for a root), ``depth`` steps below its root."""

    deptId: str
    parentId: str | None
    depth: int
    placement: str


def arrange(branches: Iterable[Branch], root: str | None = None) -> list[Place]:
    """Place every department, parents before their children, siblings by WeCom's order (bigger first), then by id.

    A cycle is cut above the one of its departments that would come first among siblings. Of two entries with the same
    id, the one that would come first counts.

    :param branches: in any order.
    :param root: the department among ``branches`` under which everything without a parent is hung; without one,
        these become roots of their own.
    """
    known = _by_id(branches)
    if root is not None:
        known[root] = known[root]._replace(parentId=None)
    cut = _cuts(known)
    children: dict[str | None, list[Branch]] = {}
    placements: dict[str, str] = {}
    for branch in known.values():
        parent, placement = branch.parentId, TOLD
        if branch.deptId == root:
            pass
        elif branch.deptId in cut:
            parent, placement = root, CYCLE
        elif parent is None or parent not in known:
            parent, placement = root, DETACHED if parent is not None or root is not None else TOLD
        placements[branch.deptId] = placement
        children.setdefault(parent, []).append(branch)
    for siblings in children.values():
        siblings.sort(key=_first_key, reverse=True)
    # Depth first with a stack of our own; siblings were sorted backwards because a stack hands out the last first.
    stack: list[tuple[str, str | None, int]] = [(branch.deptId, None, 0) for branch in children.get(None, ())]
    places: list[Place] = []
    while stack:
        deptId, parent, depth = stack.pop()
        places.append(Place(deptId, parent, depth, placements[deptId]))
        stack.extend((child.deptId, deptId, depth + 1) for child in children.get(deptId, ()))
    return places


def id_key(identifier: str) -> tuple[int, int, str]:
    """Sort key of an id: numbers by value (``"9"`` before ``"10"``), then everything else as text."""
    # Twenty digits hold every 64-bit number; longer ones are no counters, and int() refuses very long ones.
    if identifier.isascii() and identifier.isdigit() and len(identifier) <= 20:
        return (0, int(identifier), identifier)
    return (1, 0, identifier)


def _by_id(branches: Iterable[Branch]) -> dict[str, Branch]:
    known: dict[str, Branch] = {}
    for branch in branches:
        other = known.get(branch.deptId)
        if other is None or _duplicate_key(branch) < _duplicate_key(other):
            known[branch.deptId] = branch
    return known


def _cuts(known: Mapping[str, Branch]) -> set[str]:
    """One department of each cycle: where the cycle is cut."""
    cuts: set[str] = set()
    seen: set[str] = set()
    for start in known:
        path: list[str] = []
        on_path: set[str] = set()
        current: str | None = start
        while current is not None and current in known and current not in seen:
            seen.add(current)
            path.append(current)
            on_path.add(current)
            current = known[current].parentId
        if current in on_path:
            cycle = path[path.index(current) :]
            cuts.add(min(cycle, key=lambda deptId: _first_key(known[deptId])))
    return cuts


def _first_key(branch: Branch) -> tuple[int, tuple[int, int, str]]:
    return (-branch.order, id_key(branch.deptId))


def _duplicate_key(branch: Branch) -> tuple[int, bool, tuple[int, int, str]]:
    return (-branch.order, branch.parentId is None, id_key(branch.parentId or ""))

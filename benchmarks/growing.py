"""First syncs of small and of large enterprises, side by side with the floor and with the peer's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import peer
from benchmarks.databases import Opened, kinds, sqlite
from benchmarks.enterprises import opened, sync
from benchmarks.fetching import get_all, targets_of
from benchmarks.harness import Amount, Figure, Point, Result, Scale, exponent, ratio_of, settled, timed
from benchmarks.tables import inserting
from benchmarks.upstream import Shape, Upstream

OURS, UNCHANGED, FLOOR, PEER = "first sync", "sync, nothing changed", "floor", "the peer's way"


def results(scale: Scale, folder: Path) -> Iterator[Result]:
    """Every size on each database.

    The largest has its rounds in the middle, and the others theirs before it and after it: a machine that gets slower
    within the minutes of the largest would make the growth look large, and one that gets faster small.
    """
    rounds: dict[tuple[int, Opened], list[tuple[float, float, float]]] = defaultdict(list)
    peers: dict[tuple[int, Opened], float] = {}
    with kinds() as databases:
        for size in (*scale.growth, *reversed(scale.growth[:-1])):
            with Upstream(Shape.of(size)) as upstream:
                if not rounds:
                    # Whatever is slow the first time would make the smallest slow, and the growth look small.
                    _round(upstream, sqlite, folder)
                for database in databases:
                    rounds[size, database] += [_round(upstream, database, folder) for _ in range(scale.sync_rounds)]
                    if size <= scale.peer and (size, database) not in peers:
                        # One round: it takes minutes, and what it is held against lies far away.
                        peers[size, database] = _peer(upstream, database, folder)
        curves: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        for (size, database), measured in rounds.items():
            with database(folder) as home:
                kind = home.kind
            for result in _side_by_side(scale, size, kind, measured, peers.get((size, database))):
                if isinstance(result, Point):
                    curves[result.database, result.series].append((size, result.seconds))
                yield result
    for (kind, series), curve in curves.items():
        if series in (OURS, UNCHANGED):
            sizes = " / ".join(f"{size:,}" for size, _ in curve)
            yield Amount(f"growth of a {series}, {kind}", exponent(curve), "as exponent", "growth", f"{sizes} members")


def _side_by_side(
    scale: Scale, size: int, kind: str, rounds: Sequence[tuple[float, float, float]], peer_seconds: float | None
) -> Iterator[Result]:
    """What was measured of one size: of each round as :func:`_round` gives it, and the seconds of the peer's way."""
    ours = ratio_of((first, floor) for first, _, floor in rounds)
    floor = "fetch + parse + executemany of its rows"
    yield Figure(f"first sync of {size:,} members, {kind}", floor, ours)
    yield Point(kind, OURS, size, ours.ours)
    yield Point(kind, FLOOR, size, ours.floor)
    yield Point(kind, UNCHANGED, size, ratio_of((unchanged, floor) for _, unchanged, floor in rounds).ours)
    if peer_seconds is not None:
        ratio = ratio_of([(peer_seconds, ours.ours)])
        goal = "peer" if size == scale.peer else None
        yield Figure(f"the peer's way, {size:,} members, {kind}", "our first sync", ratio, goal)
        yield Point(kind, PEER, size, ratio.ours)


def _round(upstream: Upstream, database: Opened, folder: Path) -> tuple[float, float, float]:
    """Seconds of a first sync, of one that finds nothing changed, and of the floor of the first."""
    with database(folder) as home, opened(folder / "app", upstream, home) as app:
        # Each round authorises the enterprise anew, which makes its answers stale.
        upstream.warm()
        upstream.calls()
        first = settled(timed(partial(sync, app)))
        targets = targets_of(upstream.calls())
        unchanged = settled(timed(partial(sync, app)))
        fetched = settled(timed(partial(get_all, upstream.base_url, upstream.permanent_code(), targets)))
        return first, unchanged, fetched + inserting(home).seconds


def _peer(upstream: Upstream, database: Opened, folder: Path) -> float:
    with database(folder) as home:
        peer.prepare(home)
        seconds = settled(timed(partial(peer.sync, home, upstream, upstream.permanent_code())))
        found, shape = peer.count(home), upstream.shape
        if (found["department"], found["member"], found["tag"]) != (shape.departments, shape.members, shape.tags):
            raise RuntimeError(f"the peer's way did not store the enterprise: {found}")
        return seconds

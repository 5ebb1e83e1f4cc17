"""First syncs of small and of large enterprises, side by side with the floor and with the peer's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain, product
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import peer
from benchmarks.databases import Opened, kinds, sqlite
from benchmarks.enterprises import opened, sync
from benchmarks.fetching import get_all, targets_of
from benchmarks.harness import Amount, Figure, Point, Result, Scale, exponent, ratio_of, settled, timed
from benchmarks.tables import inserting
from benchmarks.upstream import Shape, Upstream

OURS, UNCHANGED, FLOOR, PEER = "first sync", "sync, nothing changed", "floor", "the peer's way"


class Times(NamedTuple):
    """Seconds of a first sync, of one that finds nothing changed, and of the floor of the first."""

    size: int
    first: float
    unchanged: float
    floor: float


#: What is measured of each size, once for every time that a round comes to it.
Round = list[Times]


def results(scale: Scale, folder: Path) -> Iterator[Result]:
    """Every size on each database.

    Each round goes through the sizes and back, with the largest in the middle, and has its own growth: the minutes of
    the largest may be fast or slow ones of the machine, which would make the growth look small or large if the others
    were measured in other minutes.
    """
    rounds: dict[Opened, list[Round]] = defaultdict(list)
    peers: dict[Opened, dict[int, float]] = defaultdict(dict)
    with kinds() as databases, ExitStack() as stack:
        upstreams = {size: stack.enter_context(Upstream(Shape.of(size))) for size in scale.growth}
        sizes = (*scale.growth, *reversed(scale.growth[:-1]))
        # Whatever is slow the first time would make the smallest slow, and the growth look small.
        _times(upstreams[sizes[0]], sqlite, folder)
        for _, database in product(range(scale.sync_rounds), databases):
            rounds[database].append([_times(upstreams[size], database, folder) for size in sizes])
        for size, database in product(scale.growth, databases):
            if size <= scale.peer:
                # Once: it takes minutes, and what it is held against lies far away.
                peers[database][size] = _peer(upstreams[size], database, folder)
        for database, measured in rounds.items():
            with database(folder) as home:
                kind = home.kind
            for size in scale.growth:
                times = [one for one in chain.from_iterable(measured) if one.size == size]
                yield from _side_by_side(scale, kind, times, peers[database].get(size))
            yield _growth(OURS, kind, [[(one.size, one.first) for one in some] for some in measured])
            yield _growth(UNCHANGED, kind, [[(one.size, one.unchanged) for one in some] for some in measured])


def _growth(series: str, kind: str, curves: Sequence[Sequence[tuple[int, float]]]) -> Amount:
    """The growth of the round in the middle, of sizes with their seconds."""
    found = sorted(map(exponent, curves))
    sizes = " / ".join(f"{size:,}" for size in dict.fromkeys(size for size, _ in curves[0]))
    note = f"{sizes} members; {found[0]:.3f}..{found[-1]:.3f}, {len(found)}"
    return Amount(f"growth of a {series}, {kind}", median(found), "as exponent", "growth", note)


def _side_by_side(scale: Scale, kind: str, times: Sequence[Times], peer_seconds: float | None) -> Iterator[Result]:
    """What was measured of one size, and the seconds of the peer's way."""
    size = times[0].size
    ours = ratio_of((one.first, one.floor) for one in times)
    floor = "fetch + parse + executemany of its rows"
    yield Figure(f"first sync of {size:,} members, {kind}", floor, ours)
    yield Point(kind, OURS, size, ours.ours)
    yield Point(kind, FLOOR, size, ours.floor)
    yield Point(kind, UNCHANGED, size, median(one.unchanged for one in times))
    if peer_seconds is not None:
        ratio = ratio_of([(peer_seconds, ours.ours)])
        goal = "peer" if size == scale.peer else None
        yield Figure(f"the peer's way, {size:,} members, {kind}", "our first sync", ratio, goal)
        yield Point(kind, PEER, size, ratio.ours)


def _times(upstream: Upstream, database: Opened, folder: Path) -> Times:
    with database(folder) as home, opened(folder / "app", upstream, home) as app:
        # Each authorisation of the enterprise makes its answers stale.
        upstream.warm()
        upstream.calls()
        first = settled(timed(partial(sync, app)))
        targets = targets_of(upstream.calls())
        unchanged = settled(timed(partial(sync, app)))
        fetched = settled(timed(partial(get_all, upstream.base_url, upstream.permanent_code(), targets)))
        return Times(upstream.shape.members, first, unchanged, fetched + inserting(home).seconds)


def _peer(upstream: Upstream, database: Opened, folder: Path) -> float:
    with database(folder) as home:
        peer.prepare(home)
        seconds = settled(timed(partial(peer.sync, home, upstream, upstream.permanent_code())))
        found, shape = peer.count(home), upstream.shape
        if (found["department"], found["member"], found["tag"]) != (shape.departments, shape.members, shape.tags):
            raise RuntimeError(f"the peer's way did not store the enterprise: {found}")
        return seconds

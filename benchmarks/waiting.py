"""Syncing from a WeCom that takes its time: how much of the calls that may be under way are, what an export saves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.databases import sqlite
from benchmarks.enterprises import corp_name, opened, sync
from benchmarks.harness import Amount, Figure, Result, Scale, ratio_of, settled, timed
from benchmarks.upstream import Shape, Upstream

#: Seconds that WeCom takes to answer: about those of a good network.
LATENCY = 0.05
SYNCS = ("first sync", "sync, nothing changed")


@dataclass(frozen=True, slots=True)
class Run:
    """One sync: how long it took, how many calls it made, and how many it may have under way at once."""

    seconds: float
    calls: int
    limit: int


def results(scale: Scale, folder: Path) -> Iterator[Result]:
    """Over the whole sync, from its first call to the end of its publish."""
    with Upstream(Shape.of(scale.members), latency=LATENCY) as upstream:
        walks = _runs(upstream, folder, "walk", SYNCS)
        [export] = _runs(upstream, folder, "export", SYNCS[:1])
    of = f"of {scale.members:,} members at {LATENCY * 1000:g} ms"
    for name, walk in zip(SYNCS, walks, strict=True):
        used = walk.calls * LATENCY / (walk.seconds * walk.limit)
        note = f"{walk.calls:,} calls in {walk.seconds:.1f} s, {walk.limit} at once"
        yield Amount(f"{name} {of}", used, "of the limit", "waiting", note)
    ratio = ratio_of([(export.seconds, walks[0].seconds)])
    yield Figure(f"{SYNCS[0]} {of}, by export", f"by walking: {walks[0].calls:,} calls, not {export.calls}", ratio)


def _runs(upstream: Upstream, folder: Path, fetch: str, syncs: Sequence[str]) -> list[Run]:
    # Both syncs within a minute are more calls than a reading may make of WeCom's quota, so that is lifted.
    with sqlite(folder) as home, opened(folder / "app", upstream, home, fetch=fetch) as app:
        limit = app.getElement(corp_name()).concurrency
        upstream.warm()
        found = []
        for _ in syncs:
            upstream.calls()
            seconds = settled(timed(partial(sync, app)))
            found.append(Run(seconds, len(upstream.calls()), limit))
        return found

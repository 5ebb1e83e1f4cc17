"""Syncing from a WeCom that takes its time: how much of the calls that may be under way at once are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.databases import sqlite
from benchmarks.enterprises import corp_name, opened
from benchmarks.harness import Amount, Scale, settled, timed
from benchmarks.upstream import Shape, Upstream

#: Seconds that WeCom takes to answer: about those of a good network.
LATENCY = 0.05


def results(scale: Scale, folder: Path) -> Iterator[Amount]:
    """Over the whole sync, from its first call to the end of its publish, with the first one and an unchanged one."""
    with (
        Upstream(Shape.of(scale.members), latency=LATENCY) as upstream,
        sqlite(folder) as home,
        opened(folder / "app", upstream, home) as app,
    ):
        corp = app.getElement(corp_name())
        upstream.warm()
        for name in ("first sync", "sync, nothing changed"):
            upstream.calls()
            seconds = settled(timed(corp.syncCorp))
            calls = len(upstream.calls())
            used = calls * LATENCY / (seconds * corp.concurrency)
            note = f"{calls:,} calls in {seconds:.1f} s, {corp.concurrency} at once"
            yield Amount(f"{name} of {scale.members:,} members at 50 ms", used, "of the limit", "waiting", note)

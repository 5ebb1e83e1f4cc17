"""Small enterprises that are synced beside a large one, against the same ones alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.enterprises import corp_name, opened
from benchmarks.harness import Figure, Measurement, Scale, compare
from benchmarks.upstream import CORP_ID, Shape, Upstream
from jit_corps.fleet import CorpResult, sync_all
from jitcore import App

#: Seconds that WeCom takes to answer: about those of a good network, and what many syncs at once wait for.
LATENCY = 0.05


def results(scale: Scale, folder: Path) -> Iterator[Figure]:
    """When the last small enterprise ends, with a large one and without; nothing has changed in any."""
    size = scale.members
    shape = Shape(size, departments=max(3, size // 100), tags=20)
    with (
        Upstream(shape, small=scale.small, latency=LATENCY) as upstream,
        opened(folder / "alone", upstream, corpids=upstream.small, unlimited=False) as alone,
        opened(folder / "beside", upstream, corpids=[*upstream.small, CORP_ID], unlimited=False) as beside,
    ):
        for app in (alone, beside):
            sync_all(app)
        ratio = compare(_last_small(beside), _last_small(alone), scale.sync_rounds)
        name = f"{scale.small} small enterprises beside one of {size:,} members"
        yield Figure(name, "the same ones alone", ratio, "fairness")


class _LastSmall:
    """Remembers when the last small enterprise ended."""

    def __init__(self) -> None:
        self.at = 0.0

    def planned(self, count: int) -> None:
        pass

    def began(self, corpFullName: str, title: str) -> None:
        pass

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: CorpResult) -> None:
        if result.status != "ok":
            raise RuntimeError(f"{result.corpFullName} is {result.status}: {result.error}")
        if result.corpFullName != corp_name():
            self.at = time.perf_counter()


def _last_small(app: App) -> Measurement:
    def measure() -> float:
        watcher = _LastSmall()
        start = time.perf_counter()
        sync_all(app, watcher=watcher)
        return watcher.at - start

    return measure

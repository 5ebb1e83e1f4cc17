"""Many small enterprises that are synced beside a large one, against the same ones alone."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.enterprises import corp_name, opened
from benchmarks.harness import Figure, Scale, ratio_of
from benchmarks.upstream import CORP_ID, Shape, Upstream
from jit_corps.fleet import CorpResult, sync_all
from jitcore import App

#: Seconds that WeCom takes to answer: about those of a good network, and what many syncs at once wait for.
LATENCY = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """One sync of all.

    :param p95: seconds that 95 of 100 small enterprises took at most, each from its beginning.
    :param last: seconds after which the last small one ended.
    """

    p95: float
    last: float


def results(scale: Scale, folder: Path) -> Iterator[Figure]:
    """With a large enterprise and without; nothing has changed in any."""
    size = scale.members // 2
    shape = Shape(size, departments=max(3, size // 100), tags=20)
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(shape, small=scale.small, latency=LATENCY))
        sides = {"beside": [*upstream.small, CORP_ID], "alone": upstream.small}
        apps = [
            stack.enter_context(opened(folder / name, upstream, corpids=corpids, unlimited=False))
            for name, corpids in sides.items()
        ]
        for app in apps:
            sync_all(app)
        # The first round warms caches and is forgotten.
        rounds = [[_run(app) for app in apps] for _ in range(scale.sync_rounds + 1)][1:]
    beside = f"{scale.small} small enterprises beside one of {size:,} members"
    p95 = ratio_of((ours.p95, floor.p95) for ours, floor in rounds)
    yield Figure(f"p95 of {beside}", "the same ones alone", p95, "fairness")
    last = ratio_of((ours.last, floor.last) for ours, floor in rounds)
    yield Figure(f"the last of {beside}", "the same ones alone", last)


class _Times:
    """Notes when each small enterprise began and ended."""

    def __init__(self) -> None:
        self.began_at: dict[str, float] = {}
        self.ended_at: dict[str, float] = {}

    def planned(self, count: int) -> None:
        pass

    def began(self, corpFullName: str, title: str) -> None:
        self.began_at[corpFullName] = time.perf_counter()

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: CorpResult) -> None:
        if result.status != "ok":
            raise RuntimeError(f"{result.corpFullName} is {result.status}: {result.error}")
        if result.corpFullName != corp_name():
            self.ended_at[result.corpFullName] = time.perf_counter()

    @property
    def seconds(self) -> list[float]:
        """How long each took."""
        return [ended - self.began_at[name] for name, ended in self.ended_at.items()]


def _run(app: App) -> Run:
    times = _Times()
    # The rubbish of the run before is swept on nobody's time.
    gc.collect()
    start = time.perf_counter()
    sync_all(app, watcher=times)
    return Run(statistics.quantiles(times.seconds, n=20)[-1], max(times.ended_at.values()) - start)

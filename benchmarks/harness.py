"""Measuring so that a noisy machine cannot lie: both sides in turn, round after round, and the ratio of each round.

A machine's speed drifts by half between minutes, so seconds say little and are shown only for scale. What holds is
the ratio of two measurements made next to each other: its median over the rounds, and how far the rounds lay apart.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Measurement = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Scale:
    """How large and how often to measure.

    :param elements: sizes of the apps to index.
    :param loaded: size of the app that is loaded whole.
    :param members: sizes of the enterprises to sync.
    :param watched: sizes of the apps to edit while they are watched.
    :param saves: saves of each way of saving.
    :param idle: seconds over which the watcher's idle time is measured.
    :param receiving: seconds of callbacks.
    :param rounds: rounds of each comparison, the uncounted first one aside.
    :param sync_rounds: rounds where one takes many seconds.
    """

    elements: tuple[int, ...] = (1_000, 10_000)
    loaded: int = 10_000
    members: tuple[int, ...] = (10_000, 100_000)
    watched: tuple[int, ...] = (100, 1_000, 10_000)
    saves: int = 150
    idle: float = 60.0
    receiving: float = 60.0
    rounds: int = 7
    sync_rounds: int = 3


QUICK = Scale(
    elements=(50,),
    loaded=50,
    members=(60,),
    watched=(20,),
    saves=2,
    idle=0.1,
    receiving=2.0,
    rounds=1,
    sync_rounds=1,
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours over the floor, and what the two took.

    :param median: median over the rounds of the ratio of each round.
    :param low: smallest ratio of a round.
    :param high: largest ratio of a round.
    :param ours: median of our seconds.
    :param floor: median of the floor's seconds.
    """

    median: float
    low: float
    high: float
    ours: float
    floor: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: a ratio to a floor.

    :param name: what was measured, with its size.
    :param floor: what it was measured against.
    :param ratio: the result.
    :param goal: the ratio not to exceed, or None where we only want to know.
    """

    name: str
    floor: str
    ratio: Ratio
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None without a goal."""
        return None if self.goal is None else self.ratio.median <= self.goal


@dataclass(frozen=True, slots=True)
class Count:
    """One line of the report: a number that does not depend on the machine."""

    name: str
    value: str


def timed(work: Callable[[], object]) -> Measurement:
    """A measurement of all that ``work`` does."""

    def measure() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return measure


def compare(ours: Measurement, floor: Measurement, rounds: int) -> Ratio:
    """Measure both sides in turn.

    :param ours: one measurement of ours, in seconds; what it does not want counted it leaves out itself.
    :param floor: one measurement of the floor.
    :param rounds: how often; one round more is made first, to warm caches, and forgotten. Who begins alternates.
    """
    pairs: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        if number % 2:
            second = _settled(floor)
            first = _settled(ours)
        else:
            first = _settled(ours)
            second = _settled(floor)
        pairs.append((first, second))
    counted = pairs[1:]
    ratios = [first / second for first, second in counted]
    return Ratio(
        median=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        ours=statistics.median(first for first, _ in counted),
        floor=statistics.median(second for _, second in counted),
    )


def _settled(measurement: Measurement) -> float:
    # The rubbish of one side must not be swept on the other's time.
    gc.collect()
    return measurement()

"""Measuring so that a noisy machine cannot lie: both sides in turn, round after round, and the ratio of each round.

A machine's speed drifts by half between minutes, so seconds say little and are shown only for scale. What holds is
the ratio of two measurements made next to each other: its median over the rounds, and how far the rounds lay apart.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from benchmarks.goals import GOALS, Goal

Measurement = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Scale:
    """How large and how often to measure.

    :param elements: sizes of the apps to index.
    :param loaded: size of the app that is loaded whole.
    :param members: size of the enterprise that the goals of a sync are set for.
    :param growth: sizes of the enterprises whose syncs are laid side by side.
    :param small: how many small enterprises are synced beside a large one.
    :param peer: largest of them that is synced the peer's way too.
    :param watched: sizes of the apps to edit while they are watched.
    :param saves: saves of each way of saving.
    :param idle: seconds over which the watcher's idle time is measured.
    :param receiving: seconds of callbacks.
    :param rounds: rounds of each comparison, the uncounted first one aside.
    :param sync_rounds: rounds where one takes many seconds.
    """

    elements: tuple[int, ...] = (1_000, 10_000)
    loaded: int = 10_000
    members: int = 100_000
    growth: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    small: int = 299
    peer: int = 100_000
    watched: tuple[int, ...] = (100, 1_000, 10_000)
    saves: int = 150
    idle: float = 60.0
    receiving: float = 60.0
    rounds: int = 7
    sync_rounds: int = 3


QUICK = Scale(
    elements=(50,),
    loaded=50,
    members=60,
    growth=(60, 120),
    small=2,
    peer=60,
    watched=(20,),
    saves=2,
    idle=0.1,
    receiving=0.2,
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
    :param rounds: how many rounds.
    """

    median: float
    low: float
    high: float
    ours: float
    floor: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: a ratio to a floor.

    :param name: what was measured, with its size.
    :param floor: what it was measured against.
    :param ratio: the result.
    :param goal: key of the goal in :data:`benchmarks.goals.GOALS`, or None where we only want to know.
    """

    name: str
    floor: str
    ratio: Ratio
    goal: str | None = None

    @property
    def value(self) -> float:
        """What the goal judges."""
        return self.ratio.median


@dataclass(frozen=True, slots=True)
class Amount:
    """One line of the report: a number by itself.

    :param name: what was measured, with its size.
    :param value: the number.
    :param unit: of what.
    :param goal: as of :class:`Figure`.
    :param note: how it came about.
    """

    name: str
    value: float
    unit: str
    goal: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """One line of the report: a fact to read."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the plot: how long so many members took.

    :param database: kind of the database.
    :param series: whose way of what.
    """

    database: str
    series: str
    members: int
    seconds: float


Result = Figure | Amount | Count | Point


def goal_of(result: Result) -> Goal | None:
    """The goal of a result, if it has one."""
    key = result.goal if isinstance(result, Figure | Amount) else None
    return None if key is None else GOALS[key]


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
            second = settled(floor)
            first = settled(ours)
        else:
            first = settled(ours)
            second = settled(floor)
        pairs.append((first, second))
    return ratio_of(pairs[1:])


def ratio_of(pairs: Iterable[tuple[float, float]]) -> Ratio:
    """The ratio of what was measured in turn.

    :param pairs: our seconds and the floor's, of each round.
    """
    counted = list(pairs)
    ratios = [first / second for first, second in counted]
    return Ratio(
        median=statistics.median(ratios),
        low=min(ratios),
        high=max(ratios),
        ours=statistics.median(first for first, _ in counted),
        floor=statistics.median(second for _, second in counted),
        rounds=len(counted),
    )


def exponent(curve: Iterable[tuple[int, float]]) -> float:
    """How seconds grow with size: the slope of the line through their logarithms, by least squares.

    :param curve: sizes, each with its seconds; at least two sizes.
    """
    logs = [(math.log(size), math.log(seconds)) for size, seconds in curve]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that something took, by the clock and of this process's processor time."""

    seconds: float
    processor: float


class Stopwatch:
    """Adds up what is spent inside of it; each time the rubbish of before is swept first, on nobody's time."""

    def __init__(self) -> None:
        self._seconds = self._processor = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, processor = self._began
        self._seconds += time.perf_counter() - seconds
        self._processor += time.process_time() - processor

    @property
    def spent(self) -> Spent:
        """So far."""
        return Spent(self._seconds, self._processor)


def spent(work: Callable[[], object]) -> Spent:
    """What one piece of work takes."""
    with Stopwatch() as watch:
        work()
    return watch.spent


def settled(measurement: Measurement) -> float:
    """One measurement, after the rubbish of the one before was swept on nobody's time."""
    gc.collect()
    return measurement()

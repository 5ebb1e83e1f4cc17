"""Every goal that a figure is held against, in one place: what we promise of speed, and the page of results judges."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GOALS", "Goal"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit for a figure.

    :param name: what has to stay within it, the sizes included.
    :param limit: the number.
    :param unit: of what; ``x`` is a ratio to the floor that the figure names.
    :param at_least: whether it is the least allowed, not the most.
    """

    name: str
    limit: float
    unit: str = "x"
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is within the limit."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g} {self.unit}"


#: By the key under which the families name them and the results keep them.
GOALS = {
    "load": Goal("cold load of 10,000 elements", 2.5),
    "types": Goal("load with 50 Types beside one with 1", 1.2),
    "getElement": Goal("getElement of a loaded element", 2.5),
    "import": Goal("process that imports jitcore", 5),
    "start": Goal("process that opens an app and loads one element", 9),
    "fairness": Goal("p95 of small enterprises beside a large one", 2),
    "first": Goal("first sync of 100,000 members", 1.5),
    "unchanged": Goal("sync of 100,000 members, nothing changed", 1.25),
    "unchanged writes": Goal("writes to the organisation when nothing changed", 0, "writes"),
    "unchanged statements": Goal("SQL statements when nothing changed", 40, "statements"),
    "changed": Goal("sync of 100,000 members, 1 % changed", 1.3),
    "publish first": Goal("publish transaction of a first sync", 2.5),
    "publish changed": Goal("publish transaction, 1 % changed", 3),
    "growth": Goal("growth from 10,000 to 1,000,000 members", 1.05, "as exponent"),
    "memory": Goal("memory of a sync of 1,000,000 members", 1024, "MiB"),
    "waiting": Goal("use of the concurrency limit at 50 ms", 0.8, "of the limit", at_least=True),
    "peer": Goal("first sync of 100,000 members beside the peer's way", 20, "x as fast", at_least=True),
}

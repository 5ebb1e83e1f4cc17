"""Whose turn it is when many organisations are synced at once, decided from durations and the time and nothing else.

There are so many *places*. Organisations wait in one row, by how long each took last time; those never synced count as
long. Half of the places (rounded down) are filled from the long end, so that the whole ends soon, the others from the
short end, so that short ones wait for no long one.

Nobody holds a place for longer than the *patience*. Who takes longer goes on in overtime, and the place goes to the
next in the row; at most as many as there are places are in overtime at once, and one more keeps its place until one of
those ends. Each ends by itself, or is told to stop at the *time limit*; who has not stopped a moment later is given up.

So while no more than that are in overtime, whatever all the others do: the ``k``-th shortest begins within
``ceil(k / (places - places // 2))`` times the patience, and of the longest never more than ``places // 2`` run at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Decision", "Limits", "Turn", "Turns"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once and for how long.

    :param places: organisations at once, and as many again in overtime.
    :param patience: seconds for which one holds a place.
    :param timeout: seconds after which one is told to stop; None for no limit.
    :param grace: seconds after that in which it should have stopped.
    :param gap: seconds between two that begin, so that they do not all ask for their tokens at once.
    """

    places: int = 8
    patience: float = 10.0
    timeout: float | None = 3_600.0
    grace: float = 5.0
    gap: float = 0.025


@dataclass(slots=True)
class Turn:
    """One that has begun and not ended.

    :param began: when, in seconds that only grow.
    :param isLong: whether it came from the long end of the row.
    :param inOvertime: whether its place has gone to another.
    :param stoppedAt: when it was told to stop.
    :param isGivenUp: whether nobody waits for its end any more.
    :param mustEnd: it can be neither stopped nor given up now; whoever runs it says so.
    """

    name: str
    began: float
    isLong: bool
    inOvertime: bool = False
    stoppedAt: float | None = None
    isGivenUp: bool = False
    mustEnd: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now.

    :param begin: these begin, in this order.
    :param stop: these are told to stop.
    :param give_up: these were told so and did not.
    :param wait: seconds until something has to be decided again unless one ends; None when only that matters.
    """

    begin: tuple[str, ...]
    stop: tuple[str, ...]
    give_up: tuple[str, ...]
    wait: float | None


class Turns:
    """The row, the places and the overtime; not to be used by several threads at once.

    :param expected: seconds that each took last time, by name; None for one that never ran.
    """

    def __init__(self, expected: Mapping[str, float | None], limits: Limits) -> None:
        def length(name: str) -> tuple[float, str]:
            seconds = expected[name]
            return (float("inf") if seconds is None else seconds, name)

        self.limits = limits
        #: Who has begun and not ended.
        self.running: dict[str, Turn] = {}
        self._row = deque(sorted(expected, key=length))
        self._begins = float("-inf")

    @property
    def is_over(self) -> bool:
        """Whether nobody waits, and nobody is waited for."""
        return not self._row and all(turn.isGivenUp for turn in self.running.values())

    def ended(self, name: str) -> None:
        """Note that one has ended, however."""
        del self.running[name]

    def stop_all(self, now: float) -> tuple[str, ...]:
        """Let nobody begin any more; returns who is to be told to stop."""
        self._row.clear()
        running = [turn for turn in self.running.values() if turn.stoppedAt is None]
        for turn in running:
            turn.stoppedAt = now
        return tuple(turn.name for turn in running)

    def decide(self, now: float) -> Decision:
        """What is to be done now; it counts as done.

        :param now: seconds that only grow.
        """
        stop = tuple(self._told_to_stop(now))
        give_up = tuple(self._given_up(now))
        self._pass_on(now)
        begin = tuple(self._begin(now))
        return Decision(begin, stop, give_up, self._next(now))

    def _told_to_stop(self, now: float) -> Iterator[str]:
        timeout = self.limits.timeout
        for turn in self.running.values():
            if timeout is not None and turn.stoppedAt is None and now - turn.began >= timeout:
                turn.stoppedAt = now
                yield turn.name

    def _given_up(self, now: float) -> Iterator[str]:
        for turn in self.running.values():
            if turn.stoppedAt is None or turn.isGivenUp or turn.mustEnd:
                continue
            if now - turn.stoppedAt >= self.limits.grace:
                turn.isGivenUp = True
                yield turn.name

    def _pass_on(self, now: float) -> None:
        """Have those in overtime who held a place for too long, who began first before the others."""
        for turn in self._in_places():
            if now - turn.began < self.limits.patience or not self._has_room():
                return
            turn.inOvertime = True

    def _begin(self, now: float) -> Iterator[str]:
        while self._row and now >= self._begins and len(self._in_places()) < self.limits.places:
            isLong = sum(turn.isLong for turn in self.running.values()) < self.limits.places // 2
            name = self._row.pop() if isLong else self._row.popleft()
            self.running[name] = Turn(name, now, isLong)
            self._begins = now + self.limits.gap
            yield name

    def _next(self, now: float) -> float | None:
        timeout, grace, patience = self.limits.timeout, self.limits.grace, self.limits.patience
        times = []
        in_places = self._in_places()
        if self._row and len(in_places) < self.limits.places:
            times.append(self._begins)
        if self._row and in_places and self._has_room():
            times.append(in_places[0].began + patience)
        for turn in self.running.values():
            if turn.stoppedAt is None:
                times += [] if timeout is None else [turn.began + timeout]
            elif not (turn.isGivenUp or turn.mustEnd):
                times.append(turn.stoppedAt + grace)
        return max(0.0, min(times) - now) if times else None

    def _in_places(self) -> list[Turn]:
        """In the order in which they began."""
        return [turn for turn in self.running.values() if not turn.inOvertime]

    def _has_room(self) -> bool:
        """Whether one more may go on in overtime."""
        return sum(turn.inOvertime for turn in self.running.values()) < self.limits.places

"""Callbacks on their way: sent in the background as WeCom does, and lost, repeated and mixed up on demand.

A receiver in another process sees what it would see of the real thing: callbacks arrive after the edit, some never,
some three times, in another order. What is drawn depends on a seed alone.
"""

from __future__ import annotations

import heapq
import logging
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.delivery import Callback, Target

logger = logging.getLogger(__name__)

TRIES = 3
"""How often WeCom sends a callback until it is answered with 200 (document 90930)."""
COPIES = 3
"""How often a callback that is repeated arrives."""
THREADS = 4
STEPS = ("sent", "accepted", "refused", "dropped", "repeated")


class Disturbance:
    """What befalls the callbacks of one sender.

    Args:
        drop: share of the callbacks that never arrive, 0 to 1.
        triple: share of the callbacks that arrive three times.
        window: each copy waits a drawn time of at most so many seconds, so that later ones overtake it.
        seed: decides all draws; the same seed and the same edits, the same fate.

    Raises:
        ValueError: a share is not from 0 to 1, or both together are more than 1, or the window is negative.
    """

    def __init__(self, *, drop: float = 0.0, triple: float = 0.0, window: float = 0.0, seed: object = 0) -> None:
        if not (0 <= drop <= 1 and 0 <= triple <= 1 and drop + triple <= 1 and window >= 0):
            raise ValueError("drop and triple are shares from 0 to 1, together at most 1; window is 0 or more seconds")
        self._drop, self._triple, self._window = drop, triple, window
        self._random = random.Random(str(seed))  # noqa: S311  # a draw that has to be the same again is no secret
        self._lock = threading.Lock()

    def draw(self) -> list[float]:
        """How many seconds each copy of the next callback waits; no copies: it is lost."""
        with self._lock:
            fate = self._random.random()
            # Always as many draws, so that another share changes only what it is about.
            waits = [self._random.uniform(0, self._window) for _ in range(COPIES)]
        if fate < self._drop:
            return []
        return waits if fate < self._drop + self._triple else waits[:1]


@dataclass(frozen=True, slots=True, order=True)
class Parcel:
    """One copy of a callback that waits to be sent: when (monotonic), in which turn, what and where."""

    due: float
    turn: int
    callback: Callback
    target: Target


class Courier:
    """Sends callbacks from threads of its own, which begin with the first one.

    Args:
        monotonic: the time that delays are measured in.

    Attributes:
        counts: how many callbacks were `sent` (copies), `accepted`, `refused` after three tries, `dropped`, `repeated`.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(STEPS, 0))
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._parcels: list[Parcel] = []
        self._threads: list[threading.Thread] = []
        self._turn = 0
        self._working = 0
        self._closing = False

    def send(self, callback: Callback, target: Target, disturbance: Disturbance | None = None) -> None:
        """Take a callback to be sent; returns at once."""
        waits = [0.0] if disturbance is None else disturbance.draw()
        now = self._monotonic()
        with self._changed:
            if self._closing:
                return
            if len(waits) != 1:
                self.counts["repeated" if waits else "dropped"] += 1
            for wait in waits:
                self._turn += 1
                heapq.heappush(self._parcels, Parcel(now + wait, self._turn, callback, target))
            if waits and len(self._threads) < THREADS:
                thread = threading.Thread(target=self._work, name="wecom-courier", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many copies are not sent yet."""
        with self._changed:
            return len(self._parcels) + self._working

    def wait(self, seconds: float = 30.0) -> bool:
        """Wait until everything is sent, at most so many seconds; False when it is not."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._parcels and not self._working, seconds)

    def hurry(self) -> None:
        """Let nothing wait any longer: what is on its way is sent at once, in the order it would have arrived."""
        with self._changed:
            self._parcels = [Parcel(0.0, turn, each.callback, each.target) for turn, each in self._in_order()]
            self._changed.notify_all()

    def close(self) -> None:
        """Send nothing more; what waits is lost."""
        with self._changed:
            self._closing = True
            self._parcels.clear()
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=5)

    def _in_order(self) -> list[tuple[int, Parcel]]:
        return list(enumerate(sorted(self._parcels)))

    def _work(self) -> None:
        while (parcel := self._next()) is not None:
            accepted = False
            try:
                accepted = parcel.callback.deliver(parcel.target, tries=TRIES).accepted
            except Exception:
                # A callable of the user's: what it raises is what an HTTP 500 is of a server.
                logger.exception("a receiver failed")
            with self._changed:
                self._working -= 1
                self.counts["sent"] += 1
                self.counts["accepted" if accepted else "refused"] += 1
                self._changed.notify_all()

    def _next(self) -> Parcel | None:
        """The next copy that is due; None when the courier closes."""
        with self._changed:
            while not self._closing:
                left = self._parcels[0].due - self._monotonic() if self._parcels else None
                if left is not None and left <= 0:
                    self._working += 1
                    return heapq.heappop(self._parcels)
                self._changed.wait(left)
        return None

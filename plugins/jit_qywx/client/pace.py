"""How fast one enterprise may be called.

WeCom limits calls per API and enterprise by the minute (45009) and at once (45033, document 90454). Staying below is
cheaper than being refused: a refusal blocks for the whole window.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jit_qywx.client.timing import Timing

__all__ = ["Pace"]

#: Calls of one API for one enterprise in a minute (document 90454).
CALLS_PER_MINUTE = 10_000
_WINDOW = 60.0
#: Calls that must succeed before concurrency, once lowered, is raised by one.
_RECOVERY = 100


class Pace:
    """Admits calls for one enterprise: so many at once, so many a minute of each API.

    :param concurrency: most calls at once.
    :param per_minute: most calls of one API in any 60 seconds.
    :param timing: what waiting means.
    """

    def __init__(self, concurrency: int, timing: Timing, *, per_minute: int = CALLS_PER_MINUTE) -> None:
        self._ceiling = self._limit = concurrency
        self._perMinute = per_minute
        self._timing = timing
        self._free = threading.Condition()
        self._active = 0
        self._succeeded = 0
        self._recent: dict[str, deque[float]] = {}
        self.calls = 0

    @property
    def concurrency(self) -> int:
        """Most calls at once at present."""
        return self._limit

    @contextmanager
    def slot(self, path: str) -> Iterator[None]:
        """Hold one of the places for a call of ``path``, waiting for it if need be."""
        with self._free:
            self._free.wait_for(lambda: self._active < self._limit)
            self._active += 1
        try:
            self._wait_for_window(path)
            yield
        except BaseException:
            self._leave(succeeded=False)
            raise
        self._leave(succeeded=True)

    def lower(self) -> None:
        """Halve concurrency, after WeCom found it too high (45033)."""
        with self._free:
            self._limit = max(1, self._limit // 2)
            self._succeeded = 0

    def _leave(self, *, succeeded: bool) -> None:
        with self._free:
            self._active -= 1
            if succeeded and self._limit < self._ceiling:
                self._succeeded += 1
                if self._succeeded >= _RECOVERY:
                    self._limit += 1
                    self._succeeded = 0
            self._free.notify_all()

    def _wait_for_window(self, path: str) -> None:
        while True:
            with self._free:
                now = self._timing.monotonic()
                recent = self._recent.setdefault(path, deque())
                while recent and now - recent[0] >= _WINDOW:
                    recent.popleft()
                if len(recent) < self._perMinute:
                    recent.append(now)
                    self.calls += 1
                    return
                wait = recent[0] + _WINDOW - now
            self._timing.sleep(wait)

"""The emulator's time: it can be read, and moved, but nothing ever waits for it.

Tokens live two hours, tickets thirty minutes, a rate-limit block a minute. A test that wants to see any of them end
moves the clock instead of sleeping.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Seconds since the epoch: what `source` says plus whatever `advance` has added.

    Args:
        source: a function that returns seconds since the epoch.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._added = 0.0

    @classmethod
    def frozen(cls, at: float = 1_700_000_000.0) -> Clock:
        """A clock that stands at `at` (seconds since the epoch) until it is advanced."""
        return cls(lambda: at)

    def __call__(self) -> float:
        return self._source() + self._added

    def advance(self, seconds: float) -> None:
        """Move the clock forward (or, negative, back) by `seconds`."""
        self._added += seconds

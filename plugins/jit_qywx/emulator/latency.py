"""How long calls take: real seconds, because what they test is a client's concurrency and its timeouts."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase


class Latency:
    """Seconds by path; none by default.

    Args:
        seed: decides the draws where a delay is a range.
    """

    def __init__(self, seed: object) -> None:
        self._random = random.Random(f"latency {seed}")  # noqa: S311  # a reproducible delay, not a secret
        self._delays: list[tuple[str, float, float]] = []

    def set(self, seconds: float | tuple[float, float], *, path: str = "*") -> None:
        """Delay every call whose path matches.

        Args:
            seconds: the delay, or (least, most) to draw from.
            path: a pattern such as "user/*"; the delay set last wins.
        """
        low, high = seconds if isinstance(seconds, tuple) else (seconds, seconds)
        self._delays.insert(0, (path, float(low), float(high)))

    def clear(self) -> None:
        """No delays."""
        self._delays = []

    def of(self, path: str) -> float:
        """The delay of the next call of this path, in seconds."""
        for pattern, low, high in self._delays:
            if fnmatchcase(path, pattern):
                return low if low == high else self._random.uniform(low, high)
        return 0.0

"""WeCom's limits: calls in a window, calls at once, wrong secrets.

Off by default except the bar for wrong secrets. The published figures (document 90312, 2023): 10,000 a minute and
150,000 an hour for one API of one corp; a hit blocks that API of that corp for as long as the window is. Wrong secrets
at gettoken bar the caller's address for an hour, after about 2,000 within an hour.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from jit_qywx.emulator.answers import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60.0
HOUR = 3600.0
TOO_OFTEN = 45009
TOO_MANY_AT_ONCE = 45033


@dataclass(frozen=True, slots=True)
class Limit:
    """What calls whose path matches may do; each path is counted apart.

    Attributes:
        path: a pattern such as "user/*".
        minute: calls a minute of one corp, None = no limit.
        hour: calls an hour of one corp.
        ip_minute: calls a minute from one address, of all corps together.
        ip_hour: calls an hour from one address.
        concurrency: calls at once of one corp.
    """

    path: str = "*"
    minute: int | None = None
    hour: int | None = None
    ip_minute: int | None = None
    ip_hour: int | None = None
    concurrency: int | None = None


@dataclass(slots=True)
class Window:
    """Counts calls from the first one on, for `seconds`; when `most` is passed, blocks for as long.

    Attributes:
        started: when the window opened.
        count: calls in it.
        blocked_until: until when every call is refused.
    """

    started: float = 0.0
    count: int = 0
    blocked_until: float = 0.0

    def take(self, now: float, most: int, seconds: float) -> bool:
        """Count one call; False when it is refused."""
        if now < self.blocked_until:
            return False
        if now >= self.started + seconds or self.blocked_until > self.started:
            self.started, self.count, self.blocked_until = now, 0, 0.0
        self.count += 1
        if self.count > most:
            self.blocked_until = now + seconds
            return False
        return True


class Limits:
    """The limits in force and what has been used of them.

    Args:
        clock: seconds since the epoch.

    Attributes:
        wrong_secrets: wrong secrets within an hour after which an address is barred from gettoken; None = never.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.wrong_secrets: int | None = 2_000
        self._clock = clock
        self._limits: list[Limit] = []
        self._windows: dict[tuple[str, str, str, float], Window] = {}
        self._running: Counter[tuple[str, str]] = Counter()
        self._wrong: dict[str, Window] = {}
        self._lock = threading.Lock()

    def set(
        self,
        *,
        path: str = "*",
        minute: int | None = None,
        hour: int | None = None,
        ip_minute: int | None = None,
        ip_hour: int | None = None,
        concurrency: int | None = None,
    ) -> None:
        """Limit every API whose path matches; a later call for the same `path` replaces it. See `Limit`."""
        self._limits = [limit for limit in self._limits if limit.path != path]
        self._limits.append(Limit(path, minute, hour, ip_minute, ip_hour, concurrency))

    def set_published(self) -> None:
        """The figures WeCom publishes for a provider's calls (document 90312)."""
        self.set(minute=10_000, hour=150_000, ip_minute=40_000, ip_hour=1_200_000)

    def clear(self) -> None:
        """Lift all limits and forget what was used."""
        self._limits = []
        self.forget()

    def forget(self) -> None:
        """Forget what was used: no call is blocked any more."""
        with self._lock:
            self._windows.clear()
            self._wrong.clear()

    def enter(self, corpid: str, ip: str, path: str) -> Callable[[], None]:
        """Count a call and return what is to be called when it ends.

        Raises:
            ApiError: 45009 or 45033.
        """
        limits = [limit for limit in self._limits if fnmatchcase(path, limit.path)]
        if not limits:
            return _nothing
        now = self._clock()
        key = (corpid, path)
        with self._lock:
            for limit in limits:
                if limit.concurrency is not None and self._running[key] >= limit.concurrency:
                    raise ApiError(TOO_MANY_AT_ONCE)
                for whose, most, seconds in (
                    (corpid, limit.minute, MINUTE),
                    (corpid, limit.hour, HOUR),
                    (f"ip {ip}", limit.ip_minute, MINUTE),
                    (f"ip {ip}", limit.ip_hour, HOUR),
                ):
                    if most is not None:
                        window = self._windows.setdefault((limit.path, whose, path, seconds), Window())
                        if not window.take(now, most, seconds):
                            raise ApiError(TOO_OFTEN)
            self._running[key] += 1

        def leave() -> None:
            with self._lock:
                self._running[key] -= 1

        return leave

    def admit(self, ip: str) -> None:
        """Let an address call gettoken.

        Raises:
            ApiError: 45009, it is barred for too many wrong secrets.
        """
        with self._lock:
            window = self._wrong.get(ip)
            if window is not None and self._clock() < window.blocked_until:
                raise ApiError(TOO_OFTEN)

    def count_wrong_secret(self, ip: str) -> None:
        """Note a wrong secret from an address."""
        if self.wrong_secrets is not None:
            with self._lock:
                # The bar falls with the call after the last one allowed, hence one less here.
                self._wrong.setdefault(ip, Window()).take(self._clock(), self.wrong_secrets - 1, HOUR)


def _nothing() -> None:
    """What ends a call that no limit counted."""

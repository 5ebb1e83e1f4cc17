"""How many calls were promised when, and how many more may be: the arithmetic of WeCom's quotas, and nothing else.

WeCom counts the calls of each API by the minute and by the hour, and nobody outside knows when its windows begin
(document 90454). So no 60 seconds and no 3,600 seconds may hold more calls than that, whenever they begin. Calls are
promised in *leases*, each for one *slice* of ten seconds. A lease counts from the beginning of its slice until a whole
window after its end, and a little longer for calls that are under way and clocks that differ.
"""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["ANY", "LEEWAY", "SLICE", "Lease", "Ledger", "Quota"]

#: The API of calls that were promised without saying of which: they count against each.
ANY = "*"
#: Seconds that a lease is good for at most; slices begin at multiples of it.
SLICE = 10
#: Seconds that a call may reach WeCom after its slice, or that another machine's clock may be off.
LEEWAY = 5
_MINUTE, _HOUR = 60, 3_600
#: A clock that was ahead may have left entries; further ahead than that they say nothing.
_AHEAD = 60


class Quota(NamedTuple):
    """Calls of one API that WeCom answers in any minute, and in any hour."""

    per_minute: int
    per_hour: int

    def part(self, share: float) -> Quota:
        """A share of both; one call at least."""
        return Quota(max(1, int(self.per_minute * share)), max(1, int(self.per_hour * share)))


class Lease(NamedTuple):
    """What was promised.

    :param begins: when its slice begins; seconds since the epoch.
    :param api: of which API, or :data:`ANY`.
    :param calls: how many; 0 when none are left now.
    :param wait: seconds until there is one again; 0 when there is.
    """

    begins: int
    api: str
    calls: int
    wait: float = 0.0


class Ledger:
    """The leases of the last hour.

    :param told: what :meth:`dumps` gave.
    """

    def __init__(self, told: str = "") -> None:
        #: API → (beginning, seconds) of a slice, or of a minute that is long past → calls.
        self._entries: dict[str, dict[tuple[int, int], int]] = {
            api: {(begins, seconds): calls for begins, seconds, calls in entries}
            for api, entries in (json.loads(told) if told else {}).items()
        }

    def dumps(self) -> str:
        """The ledger as text."""
        told = {api: [[*key, calls] for key, calls in entries.items()] for api, entries in self._entries.items()}
        return json.dumps(told, separators=(",", ":"))

    def copy(self) -> Ledger:
        """Another one with the same entries."""
        ledger = Ledger()
        ledger._entries = {api: dict(entries) for api, entries in self._entries.items()}
        return ledger

    def lease(self, now: float, api: str, want: int, quota: Quota, *, least: int = 1) -> Lease:
        """Promise calls until the end of the slice that is now.

        Of a few it is not noted which API they are of, so that a small reading of many APIs needs one lease. When few
        are left, half of them are kept for whoever asks next.

        :param want: how many would be good.
        :param quota: how many there may be.
        :param least: so many are given even if none remain.
        """
        self._tidy(now)
        begins = int(now // SLICE) * SLICE
        for name in (ANY, api) if want <= least else (api,):
            room = self._room(now, name, quota)
            calls = min(want, max(room // 2, min(room, least)))
            if calls > 0:
                entries = self._entries.setdefault(name, {})
                entries[begins, SLICE] = entries.get((begins, SLICE), 0) + calls
                return Lease(begins, name, calls)
        return Lease(begins, api, 0, self._wait(now, api, quota))

    def give_back(self, lease: Lease) -> None:
        """Take calls off that were promised and not made."""
        entries = self._entries.get(lease.api, {})
        key = (lease.begins, SLICE)
        if key in entries:
            entries[key] = max(0, entries[key] - lease.calls)

    def used(self, now: float, api: str, window: int) -> int:
        """Calls of an API that count in the window that ends now."""
        return sum(
            calls
            for name in {api, ANY}
            for key, calls in self._entries.get(name, {}).items()
            if _counts_until(key, window) > now
        )

    def _room(self, now: float, api: str, quota: Quota) -> int:
        # Calls of whatever API must fit beside those of each.
        apis = [*self._entries, ANY] if api == ANY else [api]
        return min(
            limit - self.used(now, name, window)
            for name in apis
            for limit, window in zip(quota, (_MINUTE, _HOUR), strict=True)
        )

    def _wait(self, now: float, api: str, quota: Quota) -> float:
        """Seconds until one call of the API fits again."""
        wait = 0.0
        for limit, window in zip(quota, (_MINUTE, _HOUR), strict=True):
            excess = self.used(now, api, window) - limit
            ends = sorted(
                (_counts_until(key, window), calls)
                for name in {api, ANY}
                for key, calls in self._entries.get(name, {}).items()
                if _counts_until(key, window) > now
            )
            for end, calls in ends:
                if excess < 0:
                    break
                excess -= calls
                wait = max(wait, end - now)
        return wait

    def _tidy(self, now: float) -> None:
        """Forget what counts no more, and make one entry of the slices of each minute that is long past."""
        for api, entries in list(self._entries.items()):
            kept: dict[tuple[int, int], int] = {}
            for key, calls in entries.items():
                begins, seconds = key
                minute = (begins // _MINUTE * _MINUTE, _MINUTE)
                if not calls or begins > now + _AHEAD or _counts_until(key, _HOUR) <= now:
                    continue
                if seconds == SLICE and _counts_until(minute, _MINUTE) <= now:
                    key = minute
                kept[key] = kept.get(key, 0) + calls
            if kept:
                self._entries[api] = kept
            else:
                del self._entries[api]


def _counts_until(key: tuple[int, int], window: int) -> int:
    begins, seconds = key
    return begins + seconds + LEEWAY + window

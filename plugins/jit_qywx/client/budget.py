"""Calls that this process may make of what WeCom allows to an enterprise, or to an address.

They are leased in portions that grow with use, so that a small reading asks once and a large one a few times; what was
not used goes back with the next lease. Whoever keeps the leases decides who shares them: :class:`Alone` is this
process, :class:`jit_qywx.quotas.Shared` all processes that share a database.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from jit_qywx.client.ledger import ANY, LEEWAY, SLICE, Lease, Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jit_qywx.client.ledger import Quota
    from jit_qywx.client.timing import Timing

__all__ = ["Alone", "Budget", "Leases"]

#: Of a minute's quota: the first lease, which does not say of which API its calls are, and the largest one.
_FIRST, _LARGEST = 20, 2
#: A further lease is so many times what was used of the API in the last slices.
_GROWTH = 8
#: Leases that came too late to be used, one after another, until a call is made all the same.
_TRIES = 3


class Leases(Protocol):
    """Where leases come from."""

    quota: Quota

    def lease(self, api: str, want: int, least: int, share: float, back: Sequence[Lease]) -> Lease:
        """Lease calls of an API; see :meth:`jit_qywx.client.ledger.Ledger.lease`.

        :param share: of the quota, how much may be used.
        :param back: leases of before, each with the calls that were not made.
        """
        ...


class Alone:
    """Leases of a process that shares its quota with nobody.

    :param quota: what it may use.
    """

    def __init__(self, quota: Quota, timing: Timing) -> None:
        self.quota = quota
        self._timing = timing
        self._ledger = Ledger()
        self._lock = threading.Lock()

    def lease(self, api: str, want: int, least: int, share: float, back: Sequence[Lease]) -> Lease:
        """See :class:`Leases`."""
        with self._lock:
            for lease in back:
                self._ledger.give_back(lease)
            return self._ledger.lease(self._timing.now(), api, want, self.quota.part(share), least=least)


class Budget:
    """What this process has leased; for any number of threads.

    :param leases: where more come from.
    :param share: of the quota, how much all who ask with this share may use together with everybody else.
    """

    def __init__(self, leases: Leases, timing: Timing, share: float = 1.0) -> None:
        self._leases = leases
        self._share = share
        self._timing = timing
        self._first = max(1, leases.quota.per_minute // _FIRST)
        self._largest = max(1, leases.quota.per_minute // _LARGEST)
        self._lock = threading.Lock()
        self._begins = 0
        #: Calls that may still be made in this slice, by API.
        self._left: Counter[str] = Counter()
        #: Calls that were made in this slice, and in the one before.
        self._made: Counter[str] = Counter()
        self._made_before: Counter[str] = Counter()
        self._back: list[Lease] = []
        #: API of which nothing is left → when to ask again, and when there should be some.
        self._dry: dict[str, tuple[float, float]] = {}

    def take(self, api: str) -> float:
        """Take one call.

        :returns: 0 when it may be made now, else the seconds until it is worth asking again.
        """
        with self._lock:
            for _ in range(_TRIES):
                now = self._timing.now()
                if not self._begins <= now < self._begins + SLICE:
                    self._turn(int(now // SLICE) * SLICE)
                for pool in (api, ANY):
                    if self._left[pool] > 0:
                        self._left[pool] -= 1
                        self._made[api] += 1
                        return 0.0
                ask_again, until = self._dry.get(api, (0.0, 0.0))
                if now < ask_again:
                    return until - now
                lease = self._lease(api)
                if not lease.calls:
                    self._dry[api] = (now + min(lease.wait, SLICE), now + lease.wait)
                    return lease.wait
                if lease.begins != self._begins:
                    self._turn(lease.begins)
                self._left[lease.api] += lease.calls
            # Whoever keeps the leases takes longer for each than it lasts. That must not stop everything.
            self._left[lease.api] -= 1
            self._made[api] += 1
            return 0.0

    def put_back(self, api: str) -> None:
        """Give one call back that was taken and is not made after all."""
        with self._lock:
            self._left[api] += 1
            self._made[api] -= 1

    def _lease(self, api: str) -> Lease:
        want = max(self._first, min(self._largest, _GROWTH * (self._made[api] + self._made_before[api])))
        back, self._back = self._back, []
        return self._leases.lease(api, want, self._first, self._share, back)

    def _turn(self, begins: int) -> None:
        """What is left of a slice that is over goes back."""
        self._back += [Lease(self._begins, api, calls) for api, calls in self._left.items() if calls > 0]
        # What was not asked for again since is long past counting.
        self._back = [lease for lease in self._back if lease.begins > begins - 60 - SLICE - LEEWAY]
        near = begins - self._begins <= 2 * SLICE
        self._made_before, self._made = (self._made if near else Counter()), Counter()
        self._left = Counter()
        self._begins = begins

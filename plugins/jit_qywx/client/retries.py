"""When a failed call is worth another try, and after how long.

=========  ==============================================================================================
class      what is done (classes of ``jit_qywx.errcodes``)
=========  ==============================================================================================
TOKEN      the refused token is replaced once, the call repeated once; refused again, it fails
BACKOFF    -1 and 6000: up to three more tries, each after a random wait
RATE       45009: one wait for the window, one more try; 45033: up to three more tries, fewer calls at once
network    calls that only read: up to two more tries
the rest   fails at once: repeating cannot help
=========  ==============================================================================================

Every repeat except those for TOKEN and 45009 is paid from a budget, so that an outage is not answered with a multiple
of the usual traffic.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jit_qywx.client.timing import Timing
from jit_qywx.errors import (
    ApiError,
    BadAnswer,
    QuotaSpent,
    RateLimited,
    ServerBusy,
    TokenExpired,
    TooManyConcurrent,
    TransportError,
)

if TYPE_CHECKING:
    from jit_qywx.client.call import Call

__all__ = ["Retries", "RetryBudget", "RetryPolicy"]

logger = logging.getLogger(__name__)

#: Codes that a short wait can cure. 40085 is ServerBusy too, but only the next push of a ticket cures it.
_SHORTLY = frozenset({-1, 6000})
#: 40001 can mean a token of a secret that was reset meanwhile, so a fresh one is worth one try (document 90313).
_STALE_SECRET = 40001
_BUSY_TRIES = 3
_NETWORK_TRIES = 2
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 8.0


class RetryBudget:
    """Lets repeats be a fraction of the calls, plus a small reserve for a client that has made few.

    :param ratio: repeats earned by each call.
    :param reserve: repeats that are there from the start, and the most that can be saved up.
    """

    def __init__(self, ratio: float = 0.1, reserve: float = 20.0) -> None:
        self._ratio = ratio
        self._reserve = self._saved = reserve
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Count a call."""
        with self._lock:
            self._saved = min(self._reserve, self._saved + self._ratio)

    def spend(self) -> bool:
        """Take one repeat; False when none is left."""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What all calls of one transport share.

    :param rate_wait: seconds to wait, once per call, after 45009.
    :param timing: what waiting means.
    :param budget: pays for repeats.
    """

    rate_wait: float = 60.0
    timing: Timing = field(default_factory=Timing)
    budget: RetryBudget = field(default_factory=RetryBudget)


class Retries:
    """What was tried for one call so far, and what may still be tried."""

    def __init__(self, policy: RetryPolicy, call: Call) -> None:
        self._policy = policy
        self._call = call
        self._renewed = False
        self._waited = False
        self._busy = 0
        self._network = 0

    def token_refused(self, error: ApiError | TransportError) -> bool:
        """Whether to repeat with another token."""
        refused = isinstance(error, TokenExpired) or (isinstance(error, ApiError) and error.errcode == _STALE_SECRET)
        if not refused or self._renewed:
            return False
        self._renewed = True
        return True

    def wait_after(self, error: ApiError | TransportError) -> float | None:
        """Seconds to wait before the next try, or None to give up."""
        if isinstance(error, TooManyConcurrent):
            return self._wait_busy()
        if isinstance(error, QuotaSpent):
            return None
        if isinstance(error, RateLimited):
            return self._wait_rate()
        if isinstance(error, ServerBusy):
            return self._wait_busy() if error.errcode in _SHORTLY else None
        if isinstance(error, TransportError):
            return self._wait_network(error)
        return None

    def _wait_rate(self) -> float | None:
        if self._waited or not self._call.waits_for_rate:
            return None
        self._waited = True
        logger.warning(
            "WeCom's quota for %s is used up; waiting once",
            self._call.path,
            extra={"corpId": self._call.corpId, "seconds": self._policy.rate_wait},
        )
        return self._policy.rate_wait

    def _wait_busy(self) -> float | None:
        self._busy += 1
        return self._wait(self._busy) if self._busy <= _BUSY_TRIES else None

    def _wait_network(self, error: TransportError) -> float | None:
        self._network += 1
        hopeless = isinstance(error, BadAnswer) and error.status != 200 and error.status < 500
        if hopeless or not self._call.reads or self._network > _NETWORK_TRIES:
            return None
        return self._wait(self._network)

    def _wait(self, number: int) -> float | None:
        if not self._policy.budget.spend():
            return None
        logger.info("Trying %s again", self._call, extra={"corpId": self._call.corpId, "attempt": number + 1})
        # Full jitter: threads that failed together must not come back together.
        return self._policy.timing.random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**number)

"""When work that failed is tried again, and what becomes of what is given up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jit_qywx.errors import AuthorizationLost, CorpUnknown, SecretUnreadable
from jitcore.errors import JitError

if TYPE_CHECKING:
    from jit_qywx.claims import Claim, Claims
    from jit_qywx.client.timing import Timing
    from jit_qywx.reconciles import Reconciles

__all__ = ["TRIES", "backoff", "park", "told"]

logger = logging.getLogger(__name__)

#: Given up after so many tries; retryCallBack can still be asked to.
TRIES = 5
#: Seconds before the second try; doubled for each further one.
_BACKOFF, _LONGEST_BACKOFF = 10.0, 600.0


def backoff(attempt: int, timing: Timing) -> float:
    """Seconds until the next try."""
    # Jitter: what failed together must not come back together.
    return min(_LONGEST_BACKOFF, _BACKOFF * 2.0 ** (attempt - 1)) * (0.5 + timing.random())


def park(claim: Claim, error: BaseException, claims: Claims, reconciles: Reconciles) -> None:
    """Give a callback up, with its reason; what it may have told is read with everything else."""
    expected = isinstance(error, JitError)
    logger.error("a callback is parked recordId=%d: %s", claim.id, told(error), exc_info=None if expected else error)
    if claim.corpId is not None and not isinstance(error, (AuthorizationLost, CorpUnknown, SecretUnreadable)):
        reconciles.want(claim.corpId, f"callback {claim.id} was given up")
    claims.park([claim], told(error))


def told(error: BaseException) -> str:
    """An error for a record: our own in full, because their texts hold no secret; others by name only."""
    return f"{error.code}: {error.message}" if isinstance(error, JitError) else f"{type(error).__name__}, see the log"

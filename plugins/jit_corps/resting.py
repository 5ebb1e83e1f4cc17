"""Why an organisation is passed over when all are synced: what a provider says of one that cannot be asked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rest"]


@dataclass(frozen=True, slots=True)
class Rest:
    """Asking upstream about this organisation is no use now.

    :param word: one word for lists, for example ``"parked"``.
    :param reason: why, in words.
    :param isSettled: nobody has to do anything about it: the enterprise left for good.
    :param until: when it ends by itself, seconds since the epoch; None when nobody knows.
    """

    word: str
    reason: str
    isSettled: bool = False
    until: float | None = None

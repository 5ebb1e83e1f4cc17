"""What went within the last day by itself: the guard's limit is one for a day, however many runs share it.

Each run's row says how many records of each kind it removed without a person's approval; these are added up. Runs that
remove nothing, which are nearly all, ask for none of it.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import datetime as dt
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from jit_corps.models import SyncRun

if TYPE_CHECKING:
    from jitcore.storage import Storage

__all__ = ["WINDOW_SECONDS", "RecentRemovals"]

WINDOW_SECONDS = 24 * 3600.0


class RecentRemovals:
    """Adds them up for one corp when it is first asked: see :class:`jit_corps.guard.Recent`.

    Whoever publishes meanwhile publishes another generation, so that a plan made with an older sum is made again.

    :param now: seconds since the epoch; a day before that counts.
    """

    def __init__(self, storage: Storage, corpFullName: str, now: float) -> None:
        self._storage = storage
        self._corpFullName = corpFullName
        self._since = dt.datetime.fromtimestamp(now - WINDOW_SECONDS, dt.UTC).replace(tzinfo=None)

    def __call__(self, kind: str) -> int:
        return self._sums[kind]

    @cached_property
    def _sums(self) -> Counter[str]:
        run = self._storage.models[SyncRun]
        mine = (run.corpFullName == self._corpFullName) & (run.finishedAt > self._since)
        query = run.select(run.removals).where(mine & run.removals.is_null(False))
        sums: Counter[str] = Counter()
        for (removals,) in self._storage.select_tuples(query):
            sums.update(removals)
        return sums

"""Which enterprises are to be read in full, kept until it is done: what heals every event that was lost on the way.

A wish is a row. It is there after a restart, several wishes for one enterprise are one, and a wish that comes while the
organisation is being read stands for what that reading may have missed. The schedule has no state of its own: each
enterprise has its own time of the day, by a hash of its name, and is due when that has passed since its last full run.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import peewee

from jit_corps.models import SyncRun
from jit_corps.observations import FULL
from jit_corps.runs import PUBLISHED
from jit_qywx.models import QywxReconcile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jitcore.storage import Storage

__all__ = ["NEVER_READ", "Reconciles", "Wish", "due_at"]

logger = logging.getLogger(__name__)

#: When an enterprise was due that was never read in full.
NEVER_READ = 0.0
_REASON_LIMIT = 500
#: So many times as many turns as come in a minute on average begin in one at most: after a stop, all are due at once.
_CROWD = 2
_MINUTE = 60.0
_ITS_TURN = "its turn on the schedule"


@dataclass(frozen=True, slots=True)
class Wish:
    """An enterprise that is to be read in full.

    :param wants: how often it was wished for; names what a reading fulfils.
    :param attempts: how often it failed.
    """

    corpId: str
    reason: str
    wants: int
    attempts: int


class Reconciles:
    """The wishes of one suite.

    :param storage: the App's storage.
    :param suiteId: the suite.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._suiteId = suiteId
        self._now = now

    def want(self, corpId: str, reason: str, *, after: float = 0.0) -> None:
        """Have an enterprise read in full.

        :param after: seconds to wait for more of the kind; a wish that is there already keeps its time if that is
            sooner.
        """
        model, now = self._model, self._now()
        due = now + after
        with self._storage.transaction():
            values = {"wantedAt": now, "reason": reason[:_REASON_LIMIT], "wants": 0, "dueAt": due, "attempts": 0}
            model.insert(suiteId=self._suiteId, corpId=corpId, **values).on_conflict_ignore().execute()
            sooner = peewee.Case(None, [(model.dueAt > due, due)], model.dueAt)
            model.update(wants=model.wants + 1, dueAt=sooner).where(self._of(corpId)).execute()
        logger.info("reconcile wanted corpId=%s reason=%s", corpId, reason)

    def due(self) -> list[Wish]:
        """Wishes whose turn it is, oldest first."""
        model = self._model
        query = model.select(model.corpId, model.reason, model.wants, model.attempts)
        mine = (model.suiteId == self._suiteId) & (model.dueAt <= self._now())
        return [Wish(*row) for row in self._storage.select_tuples(query.where(mine).order_by(model.wantedAt))]

    def wanted(self) -> frozenset[str]:
        """Enterprises with a wish, due or not."""
        model = self._model
        query = model.select(model.corpId).where(model.suiteId == self._suiteId)
        return frozenset(corpId for (corpId,) in self._storage.select_tuples(query))

    def next_due(self) -> float | None:
        """When the next wish may be tried; None when there is none."""
        model = self._model
        query = model.select(peewee.fn.MIN(model.dueAt)).where(model.suiteId == self._suiteId)
        [(due,)] = self._storage.select_tuples(query)
        return None if due is None else float(due)

    def fulfil(self, wish: Wish) -> None:
        """Take a wish away, unless it was wished for again since it was read from the database."""
        model = self._model
        with self._storage.transaction():
            model.delete().where(self._of(wish.corpId), model.wants == wish.wants).execute()

    def put_off(self, wish: Wish, reason: str, seconds: float, *, counted: bool = True) -> None:
        """Have a wish tried again in so many seconds."""
        model = self._model
        values = {"dueAt": self._now() + seconds, "reason": reason[:_REASON_LIMIT], "attempts": wish.attempts + counted}
        with self._storage.transaction():
            model.update(**values).where(self._of(wish.corpId)).execute()

    def drop(self, corpId: str) -> None:
        """Take every wish for an enterprise away: there is nothing left to read."""
        with self._storage.transaction():
            self._model.delete().where(self._of(corpId)).execute()

    def schedule(self, corps: Mapping[str, Iterable[str]], period: float) -> None:
        """Wish for the enterprises whose turn it is, longest waiting first; one that was never read does not wait.

        Called once a minute, or more often.

        :param corps: full names of the corp elements of each enterprise.
        :param period: seconds between two full readings of one enterprise; a few minutes more after many were due at
            once, because at most twice as many begin in a minute as do on average.
        """
        last, wanted, now = self._last_full_runs(), self.wanted(), self._now()
        dues = {
            corpId: min((due_at(name, last.get(name), period) for name in names), default=now + period)
            for corpId, names in corps.items()
            if corpId not in wanted
        }
        due = sorted((at, corpId) for corpId, at in dues.items() if at <= now)
        # Whoever looks every minute must not count those of the look before.
        since = now - _MINUTE + 1
        begun = sum(at > since for at in last.values()) + self._wished_for_since(since)
        room = max(1, math.ceil(_CROWD * len(corps) * _MINUTE / period)) - begun
        new = [corpId for at, corpId in due if at == NEVER_READ]
        for corpId in [*new, *[corpId for at, corpId in due if at != NEVER_READ][: max(0, room)]]:
            self.want(corpId, _ITS_TURN)

    def _wished_for_since(self, since: float) -> int:
        """Turns on the schedule that came since then, in whatever process, and wait."""
        model = self._model
        mine = (model.suiteId == self._suiteId) & (model.reason == _ITS_TURN) & (model.wantedAt > since)
        [(count,)] = self._storage.select_tuples(model.select(peewee.fn.COUNT(model.corpId)).where(mine))
        return int(count)

    def _last_full_runs(self) -> dict[str, float]:
        run = self._storage.models[SyncRun]
        full = run.action.in_(FULL) & run.status.in_(PUBLISHED)
        query = run.select(run.corpFullName, run.startedAt)
        latest = run.select(peewee.fn.MAX(run.runId)).where(full).group_by(run.corpFullName)
        found = self._storage.select_tuples(query.where(run.runId.in_(latest)))
        return {name: started.replace(tzinfo=dt.UTC).timestamp() for name, started in found}

    def _of(self, corpId: str) -> Any:
        return (self._model.suiteId == self._suiteId) & (self._model.corpId == corpId)

    @property
    def _model(self) -> Any:
        return self._storage.models[QywxReconcile]


def due_at(corpFullName: str, last: float | None, period: float) -> float:
    """When a corp's next full reading is due: at its own time in each period, the first that follows the last one.

    :param last: when the last full run began, seconds since the epoch; None when there was none.
    """
    if last is None:
        return NEVER_READ
    digest = hashlib.sha256(corpFullName.encode()).digest()
    own = period * int.from_bytes(digest[:4], "big") / 2**32
    return own + period * (math.floor((last - own) / period) + 1)

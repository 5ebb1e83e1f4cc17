"""Which enterprises are to be read in full, kept until it is done: what heals every event that was lost on the way.

A wish is a row. It is there after a restart, several wishes for one enterprise are one, and a wish that comes while the
organisation is being read stands for what that reading may have missed. The schedule has no state of its own: when an
enterprise is due follows from its last full run.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import datetime as dt
import hashlib
import logging
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

__all__ = ["Reconciles", "Wish", "due_at"]

logger = logging.getLogger(__name__)

_REASON_LIMIT = 500
#: Of the period: how much earlier than that an enterprise's turn may come, so that a thousand of them spread.
_JITTER = 0.25


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
        """Wish for every enterprise whose turn it is.

        :param corps: full names of the corp elements of each enterprise.
        :param period: seconds between two full readings of one enterprise, at most.
        """
        last, wanted, now = self._last_full_runs(), self.wanted(), self._now()
        for corpId, names in corps.items():
            if corpId not in wanted and any(due_at(name, last.get(name), period) <= now for name in names):
                self.want(corpId, "its turn on the schedule")

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
    """When a corp's next full reading is due: within a period of the last one, spread by a hash that never changes.

    :param last: when the last full run began, seconds since the epoch; None when there was none.
    """
    if last is None:
        return 0.0
    digest = hashlib.sha256(f"{corpFullName} {last:.0f}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 2**32
    return last + period * (1 - _JITTER * share)

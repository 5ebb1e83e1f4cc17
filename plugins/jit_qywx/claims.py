"""Who works on which callback: so that two are never at one, and what a killed process held is free.

A claim carries the process that made it and the number of the attempt. Whoever settles a record names that number, so
that a process that was thought dead and wakes up settles nothing that somebody else has taken since.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import peewee

from jit_corps.holders import is_gone, this_process
from jit_qywx.models import APP, DONE, PARKED, RECEIVED, TEMPLATE, WORKING, QywxCallback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jitcore.storage import Storage

__all__ = ["Claim", "Claims"]

#: A record that was taken so long ago and not settled belongs to a process that died where we cannot see it.
_ABANDONED = 300.0
_TICKET = "suite_ticket"
_REASON_LIMIT = 500
#: Contact events of one enterprise that are worked on together; later tries are made one by one, to find the bad one.
_TOGETHER = 1_000
_TRIES_TOGETHER = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """A record that this process works on.

    :param attempt: which try this is; names the claim.
    :param repeats: how often the content had come again when it was taken.
    """

    id: int
    channel: str
    info_type: str
    corpId: str | None
    digest: str
    attempt: int
    repeats: int
    body_sealed: str = field(repr=False)


class Claims:
    """The claims on the callbacks of one suite.

    :param storage: the App's storage.
    :param suiteId: the suite.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._suiteId = suiteId
        self._now = now

    def free_abandoned(self) -> None:
        """Give free what processes hold that do not run any more."""
        model = self._model
        query = model.select(model.id, model.attempts, model.holder, model.workedAt)
        gone = [
            (WORKING, recordId, attempts, RECEIVED)
            for recordId, attempts, holder, since in self._rows(query.where(self._of(WORKING)))
            if since < self._now() - _ABANDONED or is_gone(holder or "")
        ]
        self._storage.update_rows(model, ("state", "id", "attempts"), ("state",), gone)

    def template(self) -> list[Claim]:
        """The next work of the suite itself: all tickets that wait, else the oldest event whose turn it is.

        An event that waits for another try holds back later ones about the same enterprise, and no others.
        """
        model = self._model
        waiting = self._of(RECEIVED, WORKING) & (model.channel == TEMPLATE)
        query = model.select(model.id, model.infoType, model.corpId, model.state, model.dueAt).order_by(model.id)
        with self._storage.transaction():
            rows = self._rows(query.where(waiting), lock=True)
            now = self._now()
            tickets = [row[0] for row in rows if row[1] == _TICKET and row[3] == RECEIVED]
            if tickets:
                return self._take(tickets)
            if any(state == WORKING for _, info_type, _, state, _ in rows if info_type != _TICKET):
                return []
            held: set[str] = set()
            for recordId, _, corpId, _, due in rows:
                if due <= now and corpId not in held:
                    return self._take([recordId])
                if corpId is not None:
                    held.add(corpId)
        return []

    def enterprises(self) -> list[str]:
        """Enterprises with contact events whose turn it is, longest waiting first."""
        model = self._model
        due = self._of(RECEIVED) & (model.channel == APP) & (model.dueAt <= self._now())
        query = model.select(model.corpId).where(due).group_by(model.corpId).order_by(peewee.fn.MIN(model.id))
        return [corpId for (corpId,) in self._rows(query)]

    def contacts(self, corpId: str) -> list[Claim]:
        """Contact events of one enterprise whose turn it is: the new ones together, others one by one."""
        model = self._model
        due = self._of(RECEIVED) & (model.channel == APP) & (model.corpId == corpId) & (model.dueAt <= self._now())
        query = model.select(model.id, model.attempts).where(due).order_by(model.attempts, model.id).limit(_TOGETHER)
        with self._storage.transaction():
            rows = self._rows(query, lock=True)
            together = [recordId for recordId, attempts in rows if attempts < _TRIES_TOGETHER]
            return self._take(together or [recordId for recordId, _ in rows[:1]])

    def one(self, recordId: int) -> Claim | None:
        """A record in whatever state, unless somebody is at it."""
        model = self._model
        query = model.select(model.id).where((model.id == recordId) & self._of(RECEIVED, DONE, PARKED))
        with self._storage.transaction():
            taken = self._take([found for (found,) in self._rows(query, lock=True)])
        return taken[0] if taken else None

    def done(self, claims: Sequence[Claim], reason: str | None = None) -> None:
        """Settle records; one whose content came again meanwhile waits again.

        :param reason: why there was nothing to do, when there was not.
        """
        # Template events are done however often they came.
        keys = [(WORKING, claim.id, claim.attempt, claim.repeats, DONE, _cut(reason)) for claim in claims]
        again = [(WORKING, claim.id, claim.attempt, RECEIVED, 0) for claim in claims if claim.channel == APP]
        with self._storage.transaction():
            self._storage.update_rows(self._model, ("state", "id", "attempts", "repeats"), ("state", "reason"), keys)
            self._storage.update_rows(self._model, ("state", "id", "attempts"), ("state", "attempts"), again)
            self._settle([claim for claim in claims if claim.channel != APP], DONE, reason)

    def park(self, claims: Sequence[Claim], reason: str) -> None:
        """Give records up; ``retryCallBack`` can still be asked to."""
        self._settle(claims, PARKED, reason)

    def put_off(self, claims: Sequence[Claim], reason: str, seconds: float, *, counted: bool = True) -> None:
        """Have records tried again in so many seconds.

        :param counted: False when this try was none: it does not bring them nearer to being given up.
        """
        self._settle(claims, RECEIVED, reason, due=self._now() + seconds, less=0 if counted else 1)

    def hurry(self) -> None:
        """Have the waiting events of the suite tried now: a ticket has come."""
        model = self._model
        with self._storage.transaction():
            model.update(dueAt=0.0).where(self._of(RECEIVED) & (model.channel == TEMPLATE)).execute()

    def waiting(self) -> dict[str, str | None]:
        """The waiting events of the suite: digest → enterprise."""
        model = self._model
        query = model.select(model.digest, model.corpId)
        return dict(self._rows(query.where(self._of(RECEIVED) & (model.channel == TEMPLATE))))

    def next_due(self, channel: str) -> float | None:
        """When the next waiting record may be tried; None when none waits."""
        model = self._model
        [(due,)] = self._rows(
            model.select(peewee.fn.MIN(model.dueAt)).where(self._of(RECEIVED) & (model.channel == channel))
        )
        return None if due is None else float(due)

    def _settle(
        self, claims: Sequence[Claim], state: str, reason: str | None, *, due: float = 0.0, less: int = 0
    ) -> None:
        rows = [
            (*(WORKING, claim.id, claim.attempt), *(state, _cut(reason), due, claim.attempt - less)) for claim in claims
        ]
        columns = ("state", "reason", "dueAt", "attempts")
        self._storage.update_rows(self._model, ("state", "id", "attempts"), columns, rows)

    def _take(self, ids: Sequence[int]) -> list[Claim]:
        if not ids:
            return []
        model = self._model
        mine = model.id.in_(list(ids))
        values = {"state": WORKING, "holder": this_process(), "workedAt": self._now(), "attempts": model.attempts + 1}
        model.update(**values).where(mine).execute()
        columns = (model.id, model.channel, model.infoType, model.corpId, model.digest)
        query = model.select(*columns, model.attempts, model.repeats, model.bodySealed).where(mine)
        return [Claim(*row) for row in self._rows(query.order_by(model.id))]

    def _rows(self, query: Any, *, lock: bool = False) -> list[tuple[Any, ...]]:
        if lock and self._storage.database.for_update:
            query = query.for_update()
        return self._storage.select_tuples(query)

    def _of(self, *states: str) -> Any:
        return (self._model.suiteId == self._suiteId) & self._model.state.in_(states)

    @property
    def _model(self) -> Any:
        return self._storage.models[QywxCallback]


def _cut(reason: str | None) -> str | None:
    return reason[:_REASON_LIMIT] if reason else None

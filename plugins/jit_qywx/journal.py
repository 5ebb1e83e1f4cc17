"""The journal of received callbacks: stored before they are acknowledged, worked on afterwards, replayable.

WeCom wants an answer within a second and delivers an event three times at most, so an event that is acknowledged must
not depend on anything but this table. WeCom sends no delivery id: the digest of the content tells repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_qywx.callback import Event, parse_event
from jit_qywx.errors import CallbackUnknown
from jit_qywx.models import DONE, FAILED, RECEIVED, WORKING, QywxCallback

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["CallbackRecord", "Journal"]

#: A record that was taken and not settled for so long belongs to a process that died.
_ABANDONED = 300.0
#: Tickets come every ten minutes for ever; settled ones are dropped after a day.
_KEEP_TICKETS = 86_400.0
_REASON_LIMIT = 500


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """One received callback, without its content.

    :param id: the ``recordId`` of ``retryCallBack``.
    :param info_type: WeCom's InfoType, for example ``create_auth``.
    :param corpId: the enterprise it is about, once known.
    :param time_stamp: WeCom's TimeStamp, seconds since the epoch.
    :param received_at: when it arrived first, seconds since the epoch.
    :param state: ``received``, ``working``, ``done`` or ``failed``.
    :param reason: why it failed or waits.
    :param attempts: how often it was worked on.
    """

    id: int
    info_type: str
    corpId: str | None
    time_stamp: int
    received_at: float
    state: str
    reason: str | None
    attempts: int


class Journal:
    """The callbacks of one suite.

    :param storage: the App's storage.
    :param box: seals their content, which holds tickets and auth codes.
    :param suiteId: the suite.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, box: SecretBox, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._box = box
        self._suiteId = suiteId
        self._now = now

    def store(self, event: Event, message: bytes) -> CallbackRecord:
        """Keep an event, or find the record of its first delivery."""
        model = self._model
        with self._storage.transaction():
            model.insert(
                suiteId=self._suiteId,
                digest=event.digest,
                infoType=event.info_type,
                corpId=event.auth_corp_id,
                timeStamp=event.time_stamp,
                receivedAt=self._now(),
                state=RECEIVED,
                attempts=0,
                bodySealed=self._box.seal(message.decode(), self._place(event.digest)),
            ).on_conflict_ignore().execute()
            return _told(model.get(model.suiteId == self._suiteId, model.digest == event.digest))

    def take(self, recordId: int, *, again: bool = False) -> Event | None:
        """Begin work on a record; None when it is settled or somebody else is at it.

        :param again: also take a record that is settled.
        :raises CallbackUnknown: no record has that id.
        """
        model = self._model
        now = self._now()
        states = [RECEIVED, FAILED, DONE] if again else [RECEIVED, FAILED]
        free = model.state.in_(states) | ((model.state == WORKING) & (model.workedAt < now - _ABANDONED))
        with self._storage.transaction():
            claim = model.update(state=WORKING, workedAt=now, attempts=model.attempts + 1)
            taken = claim.where(self._is_row(recordId), free).execute()
        row = self._row(recordId)
        return parse_event(self._box.open(row.bodySealed, self._place(row.digest)).encode()) if taken else None

    def settle(self, recordId: int, state: str, reason: str | None = None) -> None:
        """End work on a record: ``done``, ``failed``, or ``received`` to have it tried again later."""
        self._update(recordId, state=state, reason=reason[:_REASON_LIMIT] if reason else None)

    def assign(self, recordId: int, corpId: str) -> None:
        """Remember which enterprise a record turned out to be about: its auth code is spent from here on."""
        self._update(recordId, corpId=corpId)

    def get(self, recordId: int) -> CallbackRecord:
        """A record.

        :raises CallbackUnknown: no record has that id.
        """
        return _told(self._row(recordId))

    def recent(self, state: str | None, limit: int) -> list[CallbackRecord]:
        """Records, newest first."""
        model = self._model
        query = model.select().where(model.suiteId == self._suiteId)
        if state is not None:
            query = query.where(model.state == state)
        with self._storage.boundary():
            return [_told(row) for row in query.order_by(model.id.desc()).limit(limit)]

    def waiting(self) -> list[int]:
        """Ids of records that nobody works on, oldest first."""
        model = self._model
        abandoned = (model.state == WORKING) & (model.workedAt < self._now() - _ABANDONED)
        query = model.select(model.id).where(model.suiteId == self._suiteId, (model.state == RECEIVED) | abandoned)
        with self._storage.boundary():
            return [row.id for row in query.order_by(model.id)]

    def prune(self) -> None:
        """Drop settled tickets of the past."""
        model = self._model
        old = [
            model.suiteId == self._suiteId,
            model.infoType == "suite_ticket",
            model.state == DONE,
            model.receivedAt < self._now() - _KEEP_TICKETS,
        ]
        with self._storage.transaction():
            model.delete().where(*old).execute()

    @property
    def _model(self) -> Any:
        return self._storage.models[QywxCallback]

    def _row(self, recordId: int) -> Any:
        with self._storage.boundary():
            row = self._model.get_or_none(self._is_row(recordId))
        if row is None:
            raise CallbackUnknown(
                f"No callback of suite {self._suiteId} is recorded as {recordId}.",
                recordId=recordId,
                hint="callbacks() of the auth element lists the records.",
            )
        return row

    def _update(self, recordId: int, **values: Any) -> None:
        with self._storage.transaction():
            self._model.update(**values).where(self._is_row(recordId)).execute()

    def _is_row(self, recordId: int) -> Any:
        return (self._model.id == recordId) & (self._model.suiteId == self._suiteId)

    def _place(self, digest: str) -> str:
        return f"callback/{self._suiteId}/{digest}"


def _told(row: Any) -> CallbackRecord:
    return CallbackRecord(
        id=row.id,
        info_type=row.infoType,
        corpId=row.corpId,
        time_stamp=row.timeStamp,
        received_at=row.receivedAt,
        state=row.state,
        reason=row.reason,
        attempts=row.attempts,
    )

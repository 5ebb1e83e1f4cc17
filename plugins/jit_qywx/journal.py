"""The journal of received callbacks: stored before they are acknowledged, worked on afterwards, replayable.

WeCom wants an answer within a second and delivers an event three times at most, so an event that is acknowledged must
not depend on anything but this table. WeCom sends no delivery id: the digest of the content tells repeats. The same
contact event may mean two changes within one second, so a repeat of one has the organisation looked at again; a repeat
of a template event, whose auth code is spent, does not.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import peewee

from jit_qywx.callback import Event, parse_app_event, parse_template_event
from jit_qywx.claims import Claims
from jit_qywx.errors import CallbackUnknown
from jit_qywx.models import APP, DONE, PARKED, RECEIVED, TEMPLATE, QywxCallback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jit_qywx.claims import Claim
    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["CallbackRecord", "Entry", "Journal"]

#: Tickets come every ten minutes for ever, and contact events as often as somebody edits; both are dropped when they
#: have been settled for so long. Nothing is lost with them: what they led to is in the organisation's own history.
_KEEP_TICKETS = 86_400.0
_KEEP_CONTACTS = 7 * 86_400.0

_COLUMNS = (
    *("suiteId", "channel", "digest", "infoType", "corpId", "timeStamp", "receivedAt"),
    *("state", "dueAt", "attempts", "repeats", "bodySealed"),
)


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """One received callback, without its content.

    :param id: the ``recordId`` of ``retryCallBack``.
    :param info_type: WeCom's InfoType, for example ``create_auth``; for an app's event its Event.
    :param corpId: the enterprise it is about, once known.
    :param time_stamp: WeCom's TimeStamp or CreateTime, seconds since the epoch.
    :param received_at: when it arrived first, seconds since the epoch.
    :param state: ``received``, ``working``, ``done`` or ``parked``.
    :param reason: why it is parked or waits.
    :param attempts: how often it was worked on.
    :param channel: ``template`` or ``app``.
    :param repeats: how often the same content came again.
    """

    id: int
    info_type: str
    corpId: str | None
    time_stamp: int
    received_at: float
    state: str
    reason: str | None
    attempts: int
    channel: str = TEMPLATE
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A callback that is to be stored: checked, opened, and its content sealed."""

    channel: str
    event: Event
    body_sealed: str


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
        #: Who works on what.
        self.claims = Claims(storage, suiteId, now)

    def entry(self, channel: str, event: Event, message: bytes) -> Entry:
        """Make ready what :meth:`write` stores; touches no database."""
        return Entry(channel, event, self._box.seal(message.decode(), self._place(event.digest)))

    def write(self, entries: Sequence[Entry]) -> list[bool]:
        """Store entries in one transaction that survives the machine, and tell of each whether it is a repeat."""
        model, now = self._model, self._now()
        self._make_durable()
        with self._storage.transaction():
            digests = list({entry.event.digest for entry in entries})
            found = model.select(model.digest).where(model.suiteId == self._suiteId, model.digest.in_(digests))
            known = {digest for (digest,) in self._storage.select_tuples(found)}
            told, rows = [], []
            for entry in entries:
                event = entry.event
                told.append(event.digest in known)
                if event.digest not in known:
                    known.add(event.digest)
                    rows.append(
                        (
                            *(self._suiteId, entry.channel, event.digest, event.info_type, event.corpId),
                            *(event.time_stamp, now, RECEIVED, now, 0, 0, entry.body_sealed),
                        )
                    )
            self._storage.upsert_rows(model, _COLUMNS, rows, ("suiteId", "digest"), ())
            repeats = [entry.event.digest for entry, repeated in zip(entries, told, strict=True) if repeated]
            if repeats:
                self._repeat(repeats, now)
        return told

    def _repeat(self, digests: Sequence[str], now: float) -> None:
        """Count repeats; a settled contact event waits again, and one that is worked on will when that has ended."""
        model = self._model
        again = (model.channel == APP) & (model.state == DONE)
        values = {
            "repeats": model.repeats + 1,
            "dueAt": peewee.Case(None, [(again, now)], model.dueAt),
            "attempts": peewee.Case(None, [(again, 0)], model.attempts),
            "state": peewee.Case(None, [(again, RECEIVED)], model.state),
        }
        model.update(**values).where(model.suiteId == self._suiteId, model.digest.in_(list(digests))).execute()

    def event(self, claim: Claim) -> Event:
        """What a claimed record says.

        :raises SecretUnreadable: it was encrypted with a key that is not at hand.
        """
        return self._parsed(claim.channel, claim.corpId, claim.digest, claim.body_sealed)

    def fields(self, recordId: int) -> Mapping[str, str]:
        """What a record says, by the names of its elements; holds secrets and what is known of persons.

        :raises CallbackUnknown: no record has that id.
        :raises SecretUnreadable: it was encrypted with a key that is not at hand.
        """
        row = self._row(recordId)
        return self._parsed(row.channel, row.corpId, row.digest, row.bodySealed).fields

    def assign(self, recordId: int, corpId: str) -> None:
        """Remember which enterprise a record turned out to be about: its auth code is spent from here on."""
        model = self._model
        with self._storage.transaction():
            model.update(corpId=corpId).where(model.id == recordId).execute()

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

    def counts(self) -> dict[tuple[str, str], int]:
        """How many records there are of each channel and state."""
        model = self._model
        query = model.select(model.channel, model.state, peewee.fn.COUNT(model.id)).where(
            model.suiteId == self._suiteId
        )
        found = self._storage.select_tuples(query.group_by(model.channel, model.state))
        return {(channel, state): count for channel, state, count in found}

    def prune(self) -> None:
        """Drop settled tickets and contact events of the past."""
        model, now = self._model, self._now()
        settled = (model.suiteId == self._suiteId) & model.state.in_((DONE, PARKED))
        tickets = (model.infoType == "suite_ticket") & (model.receivedAt < now - _KEEP_TICKETS)
        contacts = (model.channel == APP) & (model.receivedAt < now - _KEEP_CONTACTS)
        with self._storage.transaction():
            model.delete().where(settled & (tickets | contacts)).execute()

    @property
    def _model(self) -> Any:
        return self._storage.models[QywxCallback]

    def _make_durable(self) -> None:
        """On SQLite, have the next commit of this thread wait for the disk: WeCom does not send again what it was told
        we have."""
        database = self._storage.database
        if isinstance(database, peewee.SqliteDatabase):
            with self._storage.boundary():
                database.execute_sql("PRAGMA synchronous = full")

    def _parsed(self, channel: str, corpId: str | None, digest: str, body_sealed: str) -> Event:
        message = self._box.open(body_sealed, self._place(digest)).encode()
        return parse_app_event(message, corpId or "") if channel == APP else parse_template_event(message)

    def _row(self, recordId: int) -> Any:
        model = self._model
        with self._storage.boundary():
            row = model.get_or_none((model.id == recordId) & (model.suiteId == self._suiteId))
        if row is None:
            raise CallbackUnknown(
                f"No callback of suite {self._suiteId} is recorded as {recordId}.",
                recordId=recordId,
                hint="callbacks() of the auth element, or jit callbacks list, show the records.",
            )
        return row

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
        channel=row.channel,
        repeats=row.repeats,
    )

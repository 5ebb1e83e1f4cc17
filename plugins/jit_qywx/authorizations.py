"""Which enterprises have authorised the suite, as kept in the database."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import peewee

from jit_corps.texts import cleaned
from jit_qywx.errors import AuthorizationLost, CorpUnknown
from jit_qywx.models import QywxAuthorization
from jit_qywx.states import (
    ANSWERED,
    AUTHORISED,
    CANCELLED,
    CANCELLED_BY_CORP,
    CONFIRMED,
    GONE,
    STATES,
    SUSPENDED,
    TRANSITIONS,
)
from jitcore.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["Authorization", "Authorizations"]

logger = logging.getLogger(__name__)

#: Seconds after which an enterprise that could not be exported is tried again.
EXPORT_TRIED_EVERY = 86_400.0


@dataclass(frozen=True, slots=True)
class Authorization:
    """One enterprise's grant to one suite, without its secret.

    :param suiteId: the suite (template) that was authorised.
    :param corpId: the enterprise, as the app knows it; a ciphertext id is case-sensitive.
    :param corpName: its name, when WeCom told it.
    :param agentId: the AgentId of its app, when known.
    :param state: ``created``, ``active``, ``suspended`` or ``cancelled``; see ``jit_qywx.states``.
    :param reason: why it is not active.
    :param privilege: ``auth_info.agent[0].privilege`` as WeCom told it (document 90604).
    :param created_at: when it was first stored, seconds since the epoch.
    :param updated_at: when it was last changed.
    :param cause: the transition that led to its state, of ``jit_qywx.states.TRANSITIONS``.
    :param since: when it got into its state.
    :param linkState: ``state`` of the install link that was followed, when one was given.
    """

    suiteId: str
    corpId: str
    corpName: str | None
    agentId: str | None
    state: str
    reason: str | None
    created_at: float
    updated_at: float
    privilege: Mapping[str, Any] = field(default_factory=dict)
    cause: str | None = None
    since: float | None = None
    linkState: str | None = None


class Authorizations:
    """The authorizations of one suite.

    :param storage: the App's storage.
    :param box: seals permanent codes.
    :param suiteId: the suite.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, box: SecretBox, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._box = box
        self._suiteId = suiteId
        self._now = now

    def all(self) -> list[Authorization]:
        """Every authorization, by enterprise."""
        model = self._model
        with self._storage.boundary():
            return [_told(row) for row in model.select().where(model.suiteId == self._suiteId).order_by(model.corpId)]

    def find(self, corpId: str) -> Authorization | None:
        """The authorization of an enterprise, in whatever state; None when there never was one."""
        row = self._row(corpId)
        return None if row is None else _told(row)

    def get(self, corpId: str) -> Authorization:
        """The authorization of an enterprise, unless it was cancelled.

        :raises CorpUnknown: the enterprise never authorised the suite.
        :raises AuthorizationLost: it cancelled the authorization.
        """
        found = self.find(corpId)
        if found is None:
            raise self.unknown(corpId)
        if found.state == CANCELLED:
            raise AuthorizationLost(
                f"Enterprise {corpId} cancelled the authorization of suite {self._suiteId}.",
                errcode=None,
                corpId=corpId,
                hint="Its administrator has to scan the authorisation QR code again; the callback that "
                "follows does the rest.",
            )
        return found

    def permanent_code(self, corpId: str) -> str:
        """The permanent code of an enterprise: the secret of its app.

        :raises CorpUnknown: as for :meth:`get`, and so for :class:`AuthorizationLost`.
        :raises SecretUnreadable: it was encrypted with a key that is not at hand.
        """
        self.get(corpId)
        model, place = self._model, self._place(corpId)
        sealed: str = self._row(corpId).permanentCodeSealed
        code = self._box.open(sealed, place)
        if not self._box.is_current(sealed):
            # The code itself may stay the same for years; without this its former key could never be given up.
            with self._storage.transaction():
                mine = model.update(permanentCodeSealed=self._box.seal(code, place)).where(*self._is_row(corpId))
                mine.where(model.permanentCodeSealed == sealed).execute()
        return code

    def counts(self) -> dict[str, int]:
        """How many authorizations are in each state."""
        model = self._model
        query = model.select(model.state, peewee.fn.COUNT(model.corpId)).where(model.suiteId == self._suiteId)
        with self._storage.boundary():
            found: dict[str, int] = dict(query.group_by(model.state).tuples())  # type: ignore[arg-type]  # rows, untyped
        return {state: found.get(state, 0) for state in STATES}

    def grant(
        self, corpId: str, permanent_code: str, corpName: str | None, event_at: int, linkState: str | None = None
    ) -> None:
        """Store a permanent code: a new authorization, or a new code for an old one."""
        sealed = self._box.seal(permanent_code, self._place(corpId))
        values: dict[str, Any] = {"permanentCodeSealed": sealed, "eventAt": event_at, "exportTrouble": None}
        if corpName:
            values["corpName"] = cleaned(corpName)
        if linkState:
            values["linkState"] = linkState
        model = self._model
        with self._storage.transaction():
            key = {"suiteId": self._suiteId, "corpId": corpId}
            now = self._now()
            blank = {"state": GONE, "eventAt": event_at, "createdAt": now, "updatedAt": now}
            model.insert(**key, **blank).on_conflict_ignore().execute()
            self.change(corpId, AUTHORISED, **values)

    def describe(
        self, corpId: str, *, corpName: str | None, agentId: str | None, privilege: Mapping[str, Any] | None
    ) -> None:
        """Store what an authorization holds, whatever its state; None leaves what is known."""
        values: dict[str, Any] = {}
        if corpName:
            values["corpName"] = cleaned(corpName)
        if agentId:
            values["agentId"] = agentId
        if privilege is not None:
            values["privilege"] = json.dumps(privilege, ensure_ascii=False, sort_keys=True)
        if not values:
            return
        model = self._model
        # What was refused before may have been granted with what is read now.
        values["exportTrouble"] = None
        with self._storage.transaction():
            mine = model.update(**values, updatedAt=self._now()).where(*self._is_row(corpId))
            mine.where(model.state != CANCELLED).execute()

    def confirm(self, corpId: str) -> bool:
        """Note that it works, because WeCom says so."""
        return self.change(corpId, CONFIRMED)

    def answer(self, corpId: str) -> bool:
        """Note that a call was answered that had been refused."""
        return self.change(corpId, ANSWERED)

    def suspend(self, corpId: str, cause: str, reason: str) -> bool:
        """Note that WeCom refuses what the app asks for.

        :param cause: ``closed``, ``withdrawn`` or ``refused`` of ``jit_qywx.states``.
        """
        return self.change(corpId, cause, reason)

    def export_trouble(self, corpId: str) -> str | None:
        """Why exporting the enterprise is not worth a try; None when it is, a day after trouble again."""
        row = self._row(corpId)
        if row is None or row.exportTrouble is None or self._now() - row.exportTroubleAt >= EXPORT_TRIED_EVERY:
            return None
        return str(row.exportTrouble)

    def note_export_trouble(self, corpId: str, why: str) -> None:
        """Remember why an export came to nothing; what is known of the grant stays as it is."""
        model = self._model
        with self._storage.transaction():
            values = {"exportTrouble": cleaned(why), "exportTroubleAt": self._now()}
            model.update(**values).where(*self._is_row(corpId)).execute()

    def cancel(self, corpId: str, event_at: int) -> bool:
        """Forget the permanent code; False when the enterprise is unknown or authorised again since then."""
        reason = "the enterprise cancelled it"
        with self._storage.transaction():
            known = self._row(corpId)
            if known is not None and known.eventAt > event_at:
                logger.info("An old cancellation is ignored", extra={"suiteId": self._suiteId, "corpId": corpId})
                return False
            return self.change(corpId, CANCELLED_BY_CORP, reason, permanentCodeSealed=None, eventAt=event_at)

    def erase(self, corpId: str) -> int:
        """Delete the row of an enterprise; how many there were."""
        with self._storage.transaction():
            return int(self._model.delete().where(*self._is_row(corpId)).execute())

    def change(self, corpId: str, cause: str, reason: str | None = None, **values: Any) -> bool:
        """Make a transition if the table allows it; else log it and leave everything as it is.

        :param cause: which one, of ``jit_qywx.states.TRANSITIONS``.
        :param reason: why the grant is not active.
        :param values: columns to write with it.
        :returns: whether it was made.
        """
        model = self._model
        told = {"suiteId": self._suiteId, "corpId": corpId, "cause": cause}
        transition = TRANSITIONS[cause]
        now = self._now()
        values |= {"state": transition.after, "cause": cause, "reason": reason, "updatedAt": now}
        changed = False
        with self._storage.transaction():
            while not changed:
                row = self._row(corpId)
                before = GONE if row is None else row.state
                if before not in transition.before:
                    break
                if before != transition.after:
                    values["stateAt"] = now
                # Another process that decides at the same moment may have been faster: look again.
                mine = model.update(**values).where(*self._is_row(corpId), model.state == before)
                changed = bool(mine.execute())
        if not changed:
            logger.info("Ignored for an authorization that is %s: %s", before, cause, extra=told)
        elif before != transition.after:
            level = logging.WARNING if transition.after == SUSPENDED else logging.INFO
            logger.log(level, "An authorization is now %s: %s", transition.after, cause, extra=told)
        return changed

    def unknown(self, corpId: str) -> CorpUnknown:
        """The error for an enterprise that never authorised the suite, with the ids that look like it."""
        possibilities = closest(corpId, [each.corpId for each in self.all()])
        likely = f"Did you mean {' or '.join(possibilities)}? " if possibilities else ""
        return CorpUnknown(
            f"Enterprise {corpId} has not authorised suite {self._suiteId}, as far as this App knows.",
            corpId=corpId,
            possibilities=possibilities,
            hint=f"{likely}Its administrator opens the link of jit qywx install-link, or scans it; the create_auth "
            "callback then reaches notify() of the auth element. With an auth code at hand: jit qywx authorize.",
        )

    @property
    def _model(self) -> type[QywxAuthorization]:
        return self._storage.models[QywxAuthorization]

    def _row(self, corpId: str) -> Any:
        with self._storage.boundary():
            return self._model.get_or_none(*self._is_row(corpId))

    def _is_row(self, corpId: str) -> list[Any]:
        return [self._model.suiteId == self._suiteId, self._model.corpId == corpId]

    def _place(self, corpId: str) -> str:
        return f"permanent code/{self._suiteId}/{corpId}"


def _told(row: Any) -> Authorization:
    return Authorization(
        suiteId=row.suiteId,
        corpId=row.corpId,
        corpName=row.corpName,
        agentId=row.agentId,
        state=row.state,
        reason=row.reason,
        created_at=row.createdAt,
        updated_at=row.updatedAt,
        privilege=json.loads(row.privilege) if row.privilege else {},
        cause=row.cause,
        since=row.stateAt,
        linkState=row.linkState,
    )

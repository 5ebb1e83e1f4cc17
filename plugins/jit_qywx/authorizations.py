"""Which enterprises have authorised the suite, as kept in the database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_corps.texts import cleaned
from jit_qywx.errors import AuthorizationLost, CorpUnknown
from jit_qywx.models import ACTIVE, CANCELLED, LOST, QywxAuthorization
from jitcore.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["Authorization", "Authorizations"]


@dataclass(frozen=True, slots=True)
class Authorization:
    """One enterprise's grant to one suite, without its secret.

    :param suiteId: the suite (template) that was authorised.
    :param corpId: the enterprise, as the app knows it; a ciphertext id is case-sensitive.
    :param corpName: its name, when WeCom told it.
    :param agentId: the AgentId of its app, when known.
    :param state: ``active``, ``cancelled`` or ``lost``.
    :param reason: why it is not active.
    :param privilege: ``auth_info.agent[0].privilege`` as WeCom told it (document 90604).
    :param created_at: when it was first stored, seconds since the epoch.
    :param updated_at: when it was last changed.
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
            raise self._unknown(corpId)
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

    def grant(self, corpId: str, permanent_code: str, corpName: str | None, event_at: int) -> None:
        """Store a permanent code: a new authorization, or a new code for an old one."""
        now = self._now()
        values = {
            "permanentCodeSealed": self._box.seal(permanent_code, self._place(corpId)),
            "state": ACTIVE,
            "reason": None,
            "eventAt": event_at,
            "updatedAt": now,
        }
        if corpName:
            values["corpName"] = cleaned(corpName)
        model = self._model
        key = {"suiteId": self._suiteId, "corpId": corpId}
        with self._storage.transaction():
            model.insert(**key, **values, createdAt=now).on_conflict_ignore().execute()
            model.update(**values).where(*self._is_row(corpId)).execute()

    def describe(
        self, corpId: str, *, corpName: str | None, agentId: str | None, privilege: Mapping[str, Any] | None
    ) -> None:
        """Store what an authorization holds, and that it works; None leaves what is known."""
        values: dict[str, Any] = {"state": ACTIVE, "reason": None, "updatedAt": self._now()}
        if corpName:
            values["corpName"] = cleaned(corpName)
        if agentId:
            values["agentId"] = agentId
        if privilege is not None:
            values["privilege"] = json.dumps(privilege, ensure_ascii=False, sort_keys=True)
        model = self._model
        with self._storage.transaction():
            model.update(**values).where(*self._is_row(corpId), model.state != CANCELLED).execute()

    def cancel(self, corpId: str, event_at: int) -> bool:
        """Forget the permanent code; False when the enterprise is unknown or authorised again since then."""
        model = self._model
        values = {
            "state": CANCELLED,
            "reason": "the enterprise cancelled it",
            "permanentCodeSealed": None,
            "eventAt": event_at,
            "updatedAt": self._now(),
        }
        with self._storage.transaction():
            cancelled = model.update(**values).where(*self._is_row(corpId), model.eventAt <= event_at)
            return bool(cancelled.execute())

    def lose(self, corpId: str, reason: str) -> None:
        """Mark that WeCom refuses the permanent code."""
        model = self._model
        values = {"state": LOST, "reason": reason, "updatedAt": self._now()}
        with self._storage.transaction():
            model.update(**values).where(*self._is_row(corpId), model.state == ACTIVE).execute()

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

    def _unknown(self, corpId: str) -> CorpUnknown:
        possibilities = closest(corpId, [each.corpId for each in self.all()])
        likely = f"Did you mean {' or '.join(possibilities)}? " if possibilities else ""
        return CorpUnknown(
            f"Enterprise {corpId} has not authorised suite {self._suiteId}, as far as this App knows.",
            corpId=corpId,
            possibilities=possibilities,
            hint=f"{likely}Its administrator scans the suite's authorisation QR code; the create_auth callback then "
            "reaches notify() of the auth element. With an auth code at hand: jit qywx authorize.",
        )


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
    )

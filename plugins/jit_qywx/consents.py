"""What people agreed to show of themselves: kept as theirs, sealed, and gone when they say so.

A login with scope ``snsapi_privateinfo`` asks the member, field by field (document 96443). What they agree to is kept
apart from the organisation: no sync, plan, history or export knows these tables, and nothing here is logged.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_qywx.models import QywxConsent
from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.encryption import SecretBox
    from jit_qywx.login import Person
    from jitcore.storage import Storage

__all__ = ["Consents", "PrivateDetails"]

logger = logging.getLogger(__name__)

#: What auth/getuserdetail may tell (document 96443).
FIELDS = ("gender", "avatar", "qr_code", "mobile", "email", "biz_mail", "address")


@dataclass(frozen=True, slots=True)
class PrivateDetails:
    """What one member agreed to show.

    :param corpId: the enterprise.
    :param memberId: the member.
    :param consentedAt: seconds since the epoch: of the login that brought them.
    :param values: the fields by WeCom's names, such as ``mobile``; left out of ``repr``.
    """

    corpId: str
    memberId: str
    consentedAt: float
    values: Mapping[str, str] = field(repr=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that the member agreed to show."""
        return tuple(sorted(self.values))


class Consents:
    """The private details that members of one suite's enterprises agreed to show.

    :param storage: the App's storage.
    :param box: seals them.
    :param suiteId: the template's id.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, box: SecretBox, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._box = box
        self._suiteId = suiteId
        self._now = now

    def fetch(self, client: QywxProxyClient, person: Person, ticket: str) -> None:
        """Read what a member agreed to show at this login, and keep it in place of what was agreed to before.

        A login does not fail because this does.
        """
        try:
            answer = client.auth.getuserdetail(ticket)
        except JitError as error:
            logger.warning("Private details could not be read: %s", error.code, extra={"corpId": person.corpId})
            return
        self.keep(person.corpId, person.memberId, answer)

    def keep(self, corpId: str, memberId: str, answer: Mapping[str, Any]) -> None:
        """Keep what an answer of auth/getuserdetail tells, in place of what was agreed to before."""
        values = {name: str(answer[name]) for name in FIELDS if answer.get(name)}
        if not values:
            self.withdraw(corpId, memberId)
            return
        kept = {
            "fields": json.dumps(sorted(values)),
            "consentedAt": self._now(),
            "detailsSealed": self._box.seal(json.dumps(values, ensure_ascii=False), self._place(corpId, memberId)),
        }
        model = self._model
        key = {"suiteId": self._suiteId, "corpId": corpId, "memberId": memberId}
        with self._storage.transaction():
            model.insert(**key, **kept).on_conflict_ignore().execute()
            model.update(**kept).where(*self._is_row(corpId, memberId)).execute()

    def read(self, corpId: str, memberId: str) -> PrivateDetails | None:
        """What a member agreed to show; None when they agreed to nothing, or withdrew it.

        :raises SecretUnreadable: it was sealed with a key that is not at hand.
        """
        with self._storage.boundary():
            row = self._model.get_or_none(*self._is_row(corpId, memberId))
        if row is None:
            return None
        values = json.loads(self._box.open(row.detailsSealed, self._place(corpId, memberId)))
        return PrivateDetails(corpId, memberId, row.consentedAt, values)

    def withdraw(self, corpId: str, memberId: str) -> bool:
        """Delete what a member agreed to show; False when there was nothing."""
        with self._storage.transaction():
            return bool(self._model.delete().where(*self._is_row(corpId, memberId)).execute())

    def forget(self, corpId: str) -> int:
        """Delete what the members of an enterprise agreed to show; of how many."""
        model = self._model
        with self._storage.transaction():
            return int(model.delete().where(model.suiteId == self._suiteId, model.corpId == corpId).execute())

    @property
    def _model(self) -> type[QywxConsent]:
        return self._storage.models[QywxConsent]

    def _is_row(self, corpId: str, memberId: str) -> list[Any]:
        model = self._model
        return [model.suiteId == self._suiteId, model.corpId == corpId, model.memberId == memberId]

    def _place(self, corpId: str, memberId: str) -> str:
        return f"private details/{self._suiteId}/{corpId}/{memberId}"

"""The newest suite_ticket: WeCom pushes one about every ten minutes, and it works for thirty (document 90628)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.errors import SuiteTicketMissing
from jit_qywx.models import QywxSuiteTicket

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["SuiteTickets"]


class SuiteTickets:
    """The ticket of one suite.

    :param storage: the App's storage.
    :param box: seals the ticket.
    :param suiteId: the suite.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, box: SecretBox, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._box = box
        self._suiteId = suiteId
        self._now = now

    def store(self, ticket: str, time_stamp: int) -> bool:
        """Keep a ticket unless a newer one is known; False when it is not.

        :param time_stamp: ``TimeStamp`` of the push: pushes may arrive out of order.
        """
        model = self._model
        values = {
            "ticketSealed": self._box.seal(ticket, self._place),
            "timeStamp": time_stamp,
            "receivedAt": self._now(),
        }
        with self._storage.transaction():
            first = model.insert(suiteId=self._suiteId, **values).on_conflict_ignore().as_rowcount().execute()
            newer = model.update(**values).where(model.suiteId == self._suiteId, model.timeStamp <= time_stamp)
            return bool(first) or bool(newer.execute())

    def current(self) -> str:
        """The newest ticket.

        :raises SuiteTicketMissing: none was ever pushed.
        :raises SecretUnreadable: it was encrypted with a key that is not at hand; the next push replaces it.
        """
        with self._storage.boundary():
            row: Any = self._model.get_or_none(self._model.suiteId == self._suiteId)
        if row is None:
            raise SuiteTicketMissing(
                f"WeCom has not pushed a suite_ticket for suite {self._suiteId} yet.",
                hint="It comes every ten minutes to the template's callback URL (指令回调URL), which must reach "
                "notify() of the auth element. The provider console can push one at once.",
            )
        return self._box.open(row.ticketSealed, self._place)

    @property
    def _model(self) -> type[QywxSuiteTicket]:
        return self._storage.models[QywxSuiteTicket]

    @property
    def _place(self) -> str:
        return f"suite ticket/{self._suiteId}"

"""What the template's events ask for: keep a ticket, exchange a code, read a grant again, forget one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jit_qywx.errors import PayloadInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_qywx.callback import Event
    from jit_qywx.claims import Claim
    from jit_qywx.reconciles import Reconciles
    from jit_qywx.suite import Suite

__all__ = ["TemplateWork"]

logger = logging.getLogger(__name__)

#: Seconds to wait for more of the kind: an administrator who edits the visible range makes a burst of change_auth.
_BURST = 2.0


class TemplateWork:
    """Does what template events ask for (WeCom documents 90628 and 97172 to 97175).

    :param suite: what the events change.
    :param reconciles: where a full reading of an enterprise is wished for.
    """

    def __init__(self, suite: Suite, reconciles: Reconciles) -> None:
        self._suite = suite
        self._reconciles = reconciles
        self._handlers: Mapping[str, Callable[[Claim, Event], None]] = {
            "suite_ticket": self._on_suite_ticket,
            "create_auth": self._on_auth_code,
            "reset_permanent_code": self._on_auth_code,
            "change_auth": self._on_change_auth,
            "cancel_auth": self._on_cancel_auth,
            # The form of third-party apps; ours comes to the app's own URL.
            "change_contact": self._on_change_contact,
        }

    def __call__(self, claim: Claim) -> None:
        """Do what one event asks for.

        :raises JitError: it could not be done.
        """
        handler = self._handlers.get(claim.info_type)
        if handler is None:
            logger.info("nothing to do for %s recordId=%d", claim.info_type, claim.id)
            return
        handler(claim, self._suite.journal.event(claim))

    def _on_suite_ticket(self, _: Claim, event: Event) -> None:
        self._suite.tickets.store(_needed(event, "SuiteTicket"), event.time_stamp)

    def _on_auth_code(self, claim: Claim, event: Event) -> None:
        corpId = claim.corpId
        if corpId is None:
            corpId = self._suite.exchange(_needed(event, "AuthCode"), event.time_stamp)
            self._suite.journal.assign(claim.id, corpId)
        self._suite.refresh(corpId)
        if claim.info_type == "create_auth":
            self._reconciles.want(corpId, "it authorised the suite")

    def _on_change_auth(self, _: Claim, event: Event) -> None:
        corpId = _needed(event, "AuthCorpId")
        self._reconciles.want(corpId, "the visible range or the rights changed", after=_BURST)
        self._suite.refresh(corpId)

    def _on_cancel_auth(self, _: Claim, event: Event) -> None:
        corpId = _needed(event, "AuthCorpId")
        if self._suite.cancel(corpId, event.time_stamp):
            self._reconciles.drop(corpId)

    def _on_change_contact(self, _: Claim, event: Event) -> None:
        self._reconciles.want(_needed(event, "AuthCorpId"), "contacts changed", after=_BURST)


def _needed(event: Event, name: str) -> str:
    value = event.fields.get(name)
    if not value:
        raise PayloadInvalid(f"The callback {event.info_type} has no {name}.")
    return value

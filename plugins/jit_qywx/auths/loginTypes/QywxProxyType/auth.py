"""The auth element of a proxied app: the one place where its secrets, callbacks and clients meet.

The element itself is light; the database, the key and the network are opened when a method first needs them.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from jit_qywx.errors import AuthInactive, PayloadInvalid
from jitcore import Element
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.authorizations import Authorization
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.client.timing import Timing
    from jit_qywx.journal import CallbackRecord
    from jit_qywx.receiving import Receiver
    from jit_qywx.suite import Suite
    from jitcore import Node

__all__ = ["QywxProxyAuth"]

_MASK = "***"
_SECRETS = ("suiteSecret", "encodingAESKey", "token")


class QywxProxyAuth(Element):
    """A suite (template) of a service provider and the enterprises that authorised it.

    Business file: ``authConfig`` with ``suiteId``, ``suiteSecret``, ``encodingAESKey`` and ``token`` of the template;
    optionally ``isActive``, ``corpId`` (the provider's own), ``apiBaseUrl``, ``timeoutSeconds``,
    ``rateLimitWaitSeconds`` and ``trustEnv``.

    :param node: the element's definition.
    :param config: its business file.
    """

    #: What waiting means; set it before the first use to let tests pass hours in no time.
    timing: Timing | None = None

    def __init__(self, node: Node, config: Mapping[str, Any]) -> None:
        super().__init__(node, config)
        self._opening = threading.Lock()
        self._opened: tuple[Suite, Receiver] | None = None

    @property
    def authType(self) -> str:
        """Full name of the element's Type."""
        return self.elementType

    @property
    def authConfig(self) -> dict[str, Any]:
        """``authConfig`` of the business file with its secrets masked (JitAi: the desensitised view)."""
        return {name: _MASK if name in _SECRETS else value for name, value in self.config["authConfig"].items()}

    @property
    def isActive(self) -> bool:
        """Whether the element may be used; ``isActive`` of the business file, true when left out."""
        return bool(self.config.get("isActive", True))

    @property
    def suiteId(self) -> str:
        """The template's id."""
        return str(self.config["authConfig"]["suiteId"])

    def getLoginConfig(self) -> dict[str, Any]:
        """What a login page needs to know: ``{"suiteId": …}``."""
        return {"suiteId": self.suiteId}

    def getClient(self, corpId: str) -> QywxProxyClient:
        """WeCom's API as the enterprise's proxied app may call it.

        :param corpId: the enterprise, as the app knows it; a ciphertext id is case-sensitive.
        :returns: one client per enterprise, shared by all callers and threads.
        :raises CorpUnknown: the enterprise never authorised the suite; names those that look alike.
        :raises AuthorizationLost: it cancelled the authorization.
        :raises AuthInactive: ``isActive`` is false.
        """
        return self._use_for(corpId).client(corpId)

    def getAuthorization(self, corpId: str) -> Authorization:
        """What an enterprise authorised: name, AgentId, state; raises as :meth:`getClient` does."""
        return self._use_for(corpId).authorizations.get(corpId)

    def authorizations(self) -> list[Authorization]:
        """Every authorization, cancelled ones included, by enterprise id."""
        suite, receiver = self._use()
        receiver.settle()
        return suite.authorizations.all()

    def authorize(self, authCode: str) -> Authorization:
        """Exchange an auth code by hand, as the ``create_auth`` callback does by itself.

        :param authCode: good once, for ten minutes.
        :returns: the enterprise's authorization.
        :raises AuthorizationLost: the code is not valid or was used before (40078).
        :raises SuiteTicketMissing: no suite_ticket has come yet.
        """
        _check_text("authCode", authCode)
        self._check_active()
        suite, _ = self._use()
        return suite.refresh(suite.exchange(authCode))

    def setSuiteTicket(self, ticket: str) -> None:
        """Store a suite_ticket by hand, as the ``suite_ticket`` callback does by itself every ten minutes.

        :param ticket: pushed within the last half hour; older pushes that arrive later do not replace it.
        """
        _check_text("ticket", ticket)
        suite, receiver = self._use()
        suite.store_ticket(ticket)
        receiver.resume()

    def resume(self, corpId: str) -> Authorization:
        """Try a permanent code again that WeCom refused: for when the enterprise has enabled the app again.

        A refused code is not tried by itself, because repeated wrong secrets get an address barred (45009).

        :raises AuthorizationLost: WeCom still refuses it.
        """
        return self._use_for(corpId).resume(corpId)

    def notify(
        self, nonce: str, msg_signature: str, timestamp: str, echostr: str | None = None, body: bytes = b""
    ) -> str:
        """Answer a request that WeCom sends to the template's callback URL (指令回调URL).

        A URL check (GET, with ``echostr``) is answered with its plaintext. An event (POST, with ``body``) is answered
        with ``success`` once it is stored; what it asks for is done afterwards, and :meth:`callbacks` says how that
        went. WeCom documents 90930 and 97172.

        :param nonce: of the query, URL-decoded like the next three.
        :param msg_signature: of the query.
        :param timestamp: of the query.
        :param echostr: of the query; None for an event.
        :param body: the request's body.
        :returns: the exact text to answer with, HTTP status 200. When this raises, answer with another status: WeCom
            then delivers the event again.
        :raises SignatureMismatch: the request is not signed with our token.
        :raises PayloadInvalid: it does not decrypt, or is not what WeCom documents.
        :raises ReceiverMismatch: it is meant for somebody else.
        :raises jitcore.errors.StorageError: the event could not be stored.
        """
        for name, value in (("nonce", nonce), ("msg_signature", msg_signature), ("timestamp", timestamp)):
            _check_text(name, value)
        if not isinstance(body, (bytes, str)):
            raise ArgumentError(f"body is the request's body as bytes, not {type(body).__name__}.")
        content = body.encode() if isinstance(body, str) else body
        _, receiver = self._use()
        if echostr:
            return receiver.check_url(msg_signature, timestamp, nonce, echostr)
        if not content:
            raise PayloadInvalid("The request has neither an echostr nor a body.")
        return receiver.receive(msg_signature, timestamp, nonce, content)

    def callbacks(self, state: str | None = None, limit: int = 50) -> list[CallbackRecord]:
        """Received callbacks, newest first.

        :param state: only ``received``, ``working``, ``done`` or ``failed`` ones.
        :param limit: how many at most.
        """
        suite, receiver = self._use()
        receiver.settle()
        return suite.journal.recent(state, limit)

    def retryCallBack(self, recordId: int) -> CallbackRecord:
        """Do once more what a recorded callback asks for (JitAi: callbacks are recorded and replayable).

        :param recordId: ``id`` of one of :meth:`callbacks`.
        :returns: the record afterwards.
        :raises CallbackUnknown: no record has that id.
        :raises JitError: what went wrong this time.
        """
        if isinstance(recordId, bool) or not isinstance(recordId, int):
            raise ArgumentError(f"recordId is an int, not {type(recordId).__name__}.")
        _, receiver = self._use()
        receiver.settle()
        return receiver.retry(recordId)

    def _use_for(self, corpId: str) -> Suite:
        """The suite, after the events that may change this enterprise's authorization have been worked on."""
        _check_text("corpId", corpId)
        self._check_active()
        suite, receiver = self._use()
        known = suite.authorizations.find(corpId)
        # The exchange stores the authorization before its AgentId is read, and create_auth does not say whose it is.
        if known is not None and known.state == "active" and known.agentId is not None:
            receiver.settle(corpId)
        else:
            receiver.settle(corpId, None)
        return suite

    def _check_active(self) -> None:
        # Callbacks are taken all the same: a ticket or an auth code that is turned away does not come back.
        if not self.isActive:
            raise AuthInactive(
                f"{self.fullName} is switched off.", hint='Set "isActive" to true in its business file to use it.'
            )

    def _use(self) -> tuple[Suite, Receiver]:
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> tuple[Suite, Receiver]:
        from jit_qywx.client.timing import Timing
        from jit_qywx.encryption import open_box
        from jit_qywx.receiving import Receiver
        from jit_qywx.suite import Suite, SuiteConfig

        # The storage first: what is recorded last is closed first, and the receiver's thread uses the storage.
        storage = self.app.storage
        box = open_box(self.app.app_data, os.environ)
        suite = Suite(SuiteConfig.read(self.config), storage, box, self.timing or Timing())
        receiver = Receiver(suite)
        self.app.on_close(suite.close)
        self.app.on_close(receiver.close)
        receiver.resume()
        return suite, receiver


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{name} is a str that is not empty, not {type(value).__name__}.")

"""The auth element of a proxied app: the one place where its secrets, callbacks and clients meet.

The element itself is light; the database, the key and the network are opened when a method first needs them.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from jit_qywx.auths.loginTypes.QywxProxyType.login import PeopleLogin, check_text
from jit_qywx.errors import AuthInactive, PayloadInvalid
from jitcore.errors import ArgumentError, JitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_corps.corp import Corp
    from jit_corps.fingerprints import Digests
    from jit_corps.resting import Rest
    from jit_qywx.authorizations import Authorization
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.client.suite import InstallLink
    from jit_qywx.client.timing import Timing
    from jit_qywx.erasing import Erasure
    from jit_qywx.export_choice import ExportMemory
    from jit_qywx.intake import Intake
    from jit_qywx.journal import CallbackRecord
    from jit_qywx.suite import Suite
    from jit_qywx.worker import Worker
    from jitcore import Node

__all__ = ["QywxProxyAuth"]

logger = logging.getLogger(__name__)

_MASK = "***"
_SECRETS = ("suiteSecret", "encodingAESKey", "token")


class QywxProxyAuth(PeopleLogin):
    """A suite (template) of a service provider and the enterprises that authorised it.

    Business file: ``authConfig`` with ``suiteId``, ``suiteSecret``, ``encodingAESKey`` and ``token`` of the template;
    optionally ``isActive``, ``corpId`` and ``providerSecret`` (the provider's own), ``autoCreateCorp``, ``apiBaseUrl``,
    ``loginBaseUrl``, ``timeoutSeconds``, ``rateLimitWaitSeconds``, ``quotas`` and ``trustEnv``.

    :param node: the element's definition.
    :param config: its business file.
    """

    #: What waiting means; set it before the first use to let tests pass hours in no time.
    timing: Timing | None = None

    def __init__(self, node: Node, config: Mapping[str, Any]) -> None:
        super().__init__(node, config)
        self._opening = threading.Lock()
        self._opened: tuple[Suite, Worker] | None = None
        self._intake: Intake | None = None

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
        suite, worker = self._use()
        worker.settle()
        return suite.authorizations.all()

    def authorize(self, authCode: str) -> Authorization:
        """Exchange an auth code by hand, as the ``create_auth`` callback does by itself.

        :param authCode: good once, for ten minutes.
        :returns: the enterprise's authorization.
        :raises AuthorizationLost: the code is not valid or was used before (40078).
        :raises SuiteTicketMissing: no suite_ticket has come yet.
        """
        check_text("authCode", authCode)
        self._check_active()
        suite, worker = self._use()
        # It may need a ticket that came a moment ago.
        worker.settle()
        return suite.refresh(suite.exchange(authCode))

    def setSuiteTicket(self, ticket: str) -> None:
        """Store a suite_ticket by hand, as the ``suite_ticket`` callback does by itself every ten minutes.

        :param ticket: pushed within the last half hour; older pushes that arrive later do not replace it.
        """
        check_text("ticket", ticket)
        suite, worker = self._use()
        suite.store_ticket(ticket)
        worker.resume()

    def resume(self, corpId: str) -> Authorization:
        """Try an enterprise again that is parked or suspended: for when it has enabled the app again, for example.

        A refused code is not tried by itself, because repeated wrong secrets get an address barred (45009). That
        a quota is there again is found out by waiting; this is for who knows better.

        :raises AuthorizationLost: WeCom still refuses it.
        """
        return self._use_for(corpId).resume(corpId)

    def parked(self) -> dict[str, str]:
        """The enterprises that WeCom is not asked about, each with the reason.

        Those whose secret it refused: a new permanent code opens the way again, :meth:`resume` with the one there is.
        And those of which a quota is used up: time opens it, or :meth:`resume`.
        """
        suite, _ = self._use()
        return suite.parked()

    def exports(self, corpId: str) -> ExportMemory:
        """What is remembered of exports of an enterprise, for its corp element."""
        suite, _ = self._use()
        return suite.exports(corpId)

    def digests(self) -> Digests:
        """Makes digests of what WeCom says, with a key that only this App has, for corp elements."""
        suite, _ = self._use()
        return suite.digests

    def resting(self, corpId: str) -> Rest | None:
        """Why a sync of all enterprises passes this one over: it is parked, suspended or cancelled; None otherwise."""
        suite, _ = self._use()
        return suite.resting(corpId)

    def installLink(self, state: str = "") -> InstallLink:
        """The link that an enterprise's administrator opens, or scans as a QR code, to authorise the suite.

        WeCom document 98744. It works for ten days, for any number of enterprises.

        :param state: at most 32 letters and digits; comes back as ``linkState`` of the authorization that follows.
        :raises ProviderUnset: the business file has no ``corpId`` or no ``providerSecret``.
        """
        self._check_active()
        suite, _ = self._use()
        return suite.install_link(state)

    def erase(self, corpId: str, *, force: bool = False) -> Erasure:
        """Delete everything that is kept of an enterprise: organisation, history, secrets, callbacks.

        It cannot be undone. What remains is the record that this returns.

        :param corpId: the enterprise, as the app knows it.
        :param force: erase an enterprise that has not cancelled as well.
        :raises ErasureRefused: it has not cancelled.
        :raises CorpUnknown: nothing here is about it.
        """
        from jit_qywx.enterprises import enterprises_of
        from jit_qywx.erasing import erase

        check_text("corpId", corpId)
        suite, _ = self._use()
        corps = [self.app.getElement(one.fullName) for one in enterprises_of(self.app, self.suiteId, corpId)]
        return erase(suite, corpId, corps=corps, authFullName=self.fullName, force=force)

    def erasures(self) -> list[Erasure]:
        """The records of what was erased, oldest first."""
        from jit_qywx.erasing import erasures

        suite, _ = self._use()
        return erasures(suite.storage, self.suiteId)

    def notify(
        self,
        nonce: str,
        msg_signature: str,
        timestamp: str,
        echostr: str | None = None,
        body: bytes = b"",
        corpId: str | None = None,
    ) -> str:
        """Answer a request that WeCom sends to the template's callback URL (指令回调URL), or to that of an app.

        A URL check (GET, with ``echostr``) is answered with its plaintext. An event (POST, with ``body``) is answered
        with ``success`` once it is stored; what it asks for is done afterwards, and :meth:`callbacks` says how that
        went. WeCom documents 90930 and 97172.

        :param nonce: of the query, URL-decoded like the next three.
        :param msg_signature: of the query.
        :param timestamp: of the query.
        :param echostr: of the query; None for an event.
        :param body: the request's body.
        :param corpId: the enterprise whose app's URL (数据回调URL) was called: what WeCom put in place of ``$CORPID$``;
            None for the template's URL.
        :returns: the exact text to answer with, HTTP status 200. When this raises, answer with another status: WeCom
            then delivers the event again.
        :raises SignatureMismatch: the request is not signed with our token.
        :raises PayloadInvalid: it does not decrypt, or is not what WeCom documents.
        :raises ReceiverMismatch: it is meant for somebody else.
        :raises jitcore.errors.StorageError: the event could not be stored.
        """
        from jit_qywx.intake import CallbackQuery

        for name, value in (("nonce", nonce), ("msg_signature", msg_signature), ("timestamp", timestamp)):
            check_text(name, value)
        if corpId is not None:
            check_text("corpId", corpId)
        if not isinstance(body, (bytes, str)):
            raise ArgumentError(f"body is the request's body as bytes, not {type(body).__name__}.")
        content = body.encode() if isinstance(body, str) else body
        query = CallbackQuery(msg_signature, timestamp, nonce, echostr or None)
        if echostr:
            return self.intake.check_url(query, corpId)
        if not content:
            raise PayloadInvalid("The request has neither an echostr nor a body.")
        return self.intake.receive(query, content, corpId)

    def callbacks(self, state: str | None = None, limit: int = 50) -> list[CallbackRecord]:
        """Received callbacks, newest first.

        :param state: only ``received``, ``working``, ``done`` or ``parked`` ones.
        :param limit: how many at most.
        """
        suite, worker = self._use()
        worker.settle()
        return suite.journal.recent(state, limit)

    def callback(self, recordId: int) -> tuple[CallbackRecord, Mapping[str, str]]:
        """One received callback and what it says, by the names of its elements; that may hold secrets.

        :param recordId: ``id`` of one of :meth:`callbacks`.
        :raises CallbackUnknown: no record has that id.
        :raises SecretUnreadable: it was encrypted with a key that is not at hand.
        """
        suite, _ = self._use()
        return suite.journal.get(recordId), suite.journal.fields(recordId)

    def retryCallBack(self, recordId: int) -> CallbackRecord:
        """Do once more what a recorded callback asks for (JitAi: callbacks are recorded and replayable).

        :param recordId: ``id`` of one of :meth:`callbacks`.
        :returns: the record afterwards.
        :raises CallbackUnknown: no record has that id.
        :raises JitError: what went wrong this time.
        """
        if isinstance(recordId, bool) or not isinstance(recordId, int):
            raise ArgumentError(f"recordId is an int, not {type(recordId).__name__}.")
        worker = self.worker
        worker.settle()
        return worker.retry(recordId)

    @property
    def intake(self) -> Intake:
        """Where callbacks are checked and stored."""
        self._use()
        assert self._intake is not None
        return self._intake

    @property
    def worker(self) -> Worker:
        """What works stored callbacks off; its method ``serve`` has it do all there is to do."""
        _, worker = self._use()
        return worker

    def _use_for(self, corpId: str) -> Suite:
        """The suite, after the events that may change this enterprise's authorization have been worked on."""
        check_text("corpId", corpId)
        self._check_active()
        suite, worker = self._use()
        known = suite.authorizations.find(corpId)
        # The exchange stores the authorization before its AgentId is read, and create_auth does not say whose it is.
        if known is not None and known.state == "active" and known.agentId is not None:
            worker.settle(corpId)
        else:
            worker.settle(corpId, None)
        return suite

    def _suite(self) -> Suite:
        return self._use()[0]

    def _suite_for(self, corpId: str) -> Suite:
        return self._use_for(corpId)

    def _check_active(self) -> None:
        # Callbacks are taken all the same: a ticket or an auth code that is turned away does not come back.
        if not self.isActive:
            raise AuthInactive(
                f"{self.fullName} is switched off.", hint='Set "isActive" to true in its business file to use it.'
            )

    def _use(self) -> tuple[Suite, Worker]:
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> tuple[Suite, Worker]:
        from jit_qywx.client.timing import Timing
        from jit_qywx.encryption import open_box
        from jit_qywx.intake import Intake
        from jit_qywx.reconciles import Reconciles
        from jit_qywx.suite import Suite, SuiteConfig
        from jit_qywx.worker import Worker

        # The storage first: what is recorded last is closed first, and the worker's threads use the storage.
        storage = self.app.storage
        box = open_box(self.app.app_data, os.environ)
        timing = self.timing or Timing()
        suite = Suite(SuiteConfig.read(self.config), storage, box, timing)
        worker = Worker(suite, Reconciles(storage, self.suiteId, timing.now), self._corps, timing)
        intake = self._intake = Intake(suite.config, suite.journal, timing.now, worker.received)
        self.app.on_close(suite.close)
        self.app.on_close(worker.close)
        self.app.on_close(intake.close)
        worker.resume()
        return suite, worker

    def _corps(self, corpId: str | None) -> dict[str, list[Corp]]:
        """The corp elements of one enterprise of the suite, or of all."""
        from jit_qywx.enterprises import enterprises, enterprises_of

        found = enterprises(self.app) if corpId is None else enterprises_of(self.app, self.suiteId, corpId)
        corps: dict[str, list[Corp]] = {}
        for one in found:
            if one.suiteId == self.suiteId:
                try:
                    corps.setdefault(one.corpId, []).append(self.app.getElement(one.fullName))
                except JitError as error:
                    logger.warning("%s cannot be synced: %s", one.fullName, error.code)
        return corps

"""Everything behind one auth element: its suite's ticket, authorizations, tokens and clients.

The element (``auths.loginTypes.QywxProxyType``) is what users see; this is what holds the secrets, the database and
the network together. It is made on first use, because it needs the App's database and a key.
"""

from __future__ import annotations

import logging
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from jit_corps.checkpoints import drop_checkpoints
from jit_corps.fingerprints import Digests
from jit_corps.resting import Rest
from jit_qywx.authorizations import Authorizations
from jit_qywx.client.budget import Budget
from jit_qywx.client.client import CONCURRENCY, QywxProxyClient
from jit_qywx.client.pace import Gate, Pace
from jit_qywx.client.retries import RetryPolicy
from jit_qywx.client.suite import (
    InstallLink,
    ProviderClient,
    SuiteClient,
    fetch_app_token,
    fetch_provider_token,
    fetch_suite_token,
)
from jit_qywx.client.tokens import Fresh, StoredToken, TokenKey, TokenStore, fingerprint
from jit_qywx.client.transport import OFFICIAL_BASE_URL, Transport
from jit_qywx.consents import Consents
from jit_qywx.errors import AuthorizationLost, BadAnswer, ProviderUnset, RateLimited, TooManyConcurrent
from jit_qywx.export_choice import ExportMemory
from jit_qywx.journal import Journal
from jit_qywx.login import Logins
from jit_qywx.observing import GrantObserver, is_closed
from jit_qywx.quotas import Quotas, QuotaSettings, Shared
from jit_qywx.states import CANCELLED, CLOSED, REFUSED, SUSPENDED, WITHDRAWN, cause_of
from jit_qywx.tickets import SuiteTickets
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jit_qywx.authorizations import Authorization
    from jit_qywx.client.timing import Timing
    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["Suite", "SuiteConfig"]

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
_ONE_DAY = 86_400.0
#: Of each quota, what readings of organisations may use: the App's own calls go through beside them.
_READING_SHARE = 0.8
#: What WeCom allows as the state of an install link (document 98744).
_LINK_STATE = re.compile(r"[A-Za-z0-9]{0,32}")


@dataclass(frozen=True, slots=True)
class SuiteConfig:
    """What the business file of an auth element says.

    :param suiteId: the template's id.
    :param suiteSecret: the template's secret.
    :param encodingAESKey: the EncodingAESKey of the template's callback URL.
    :param token: the Token of the template's callback URL.
    :param corpId: the provider's own corpid: what a URL check names as its receiver.
    :param providerSecret: the provider's own secret, for install links.
    :param apiBaseUrl: where WeCom's API is.
    :param timeoutSeconds: how long to wait for each piece of an answer.
    :param rateLimitWaitSeconds: how long to wait, once per call, when a quota is used up.
    :param trustEnv: whether proxy settings of the environment apply.
    :param quotas: how many calls WeCom answers.
    """

    suiteId: str
    suiteSecret: str = field(repr=False)
    encodingAESKey: str = field(repr=False)
    token: str = field(repr=False)
    corpId: str | None = None
    providerSecret: str | None = field(default=None, repr=False)
    apiBaseUrl: str = OFFICIAL_BASE_URL
    timeoutSeconds: float = 30.0
    rateLimitWaitSeconds: float = 60.0
    trustEnv: bool = True
    quotas: QuotaSettings = field(default_factory=QuotaSettings)

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> SuiteConfig:
        """Take the settings from a validated business file."""
        secrets = config["authConfig"]
        return cls(
            suiteId=secrets["suiteId"],
            suiteSecret=secrets["suiteSecret"],
            encodingAESKey=secrets["encodingAESKey"],
            token=secrets["token"],
            corpId=config.get("corpId"),
            providerSecret=config.get("providerSecret"),
            apiBaseUrl=config.get("apiBaseUrl", OFFICIAL_BASE_URL),
            # Numbers may come from {{variables}}, which are text.
            timeoutSeconds=float(config.get("timeoutSeconds", 30)),
            rateLimitWaitSeconds=float(config.get("rateLimitWaitSeconds", 60)),
            trustEnv=config.get("trustEnv", True),
            quotas=QuotaSettings.read(config.get("quotas", {})),
        )


class _Clients(NamedTuple):
    """The clients of one enterprise."""

    own: QywxProxyClient
    reading: QywxProxyClient
    observer: GrantObserver


class Suite:
    """One suite at work.

    :param config: its settings.
    :param storage: the App's storage.
    :param box: seals what is stored.
    :param timing: what waiting means.
    """

    def __init__(self, config: SuiteConfig, storage: Storage, box: SecretBox, timing: Timing) -> None:
        self.config = config
        self.storage = storage
        self.timing = timing
        self.now = timing.now
        suiteId = config.suiteId
        #: Makes digests of what WeCom says of enterprises.
        self.digests = Digests(box.digest_key)
        self.transport = Transport(
            config.apiBaseUrl,
            timeout=(_CONNECT_SECONDS, config.timeoutSeconds),
            trust_env=config.trustEnv,
            policy=RetryPolicy(config.rateLimitWaitSeconds, timing),
        )
        self.tokens = TokenStore(storage, box, timing)
        self.tickets = SuiteTickets(storage, box, suiteId, timing.now)
        self.authorizations = Authorizations(storage, box, suiteId, timing.now)
        self.journal = Journal(storage, box, suiteId, timing.now)
        self.logins = Logins(storage, suiteId, timing.now)
        self.consents = Consents(storage, box, suiteId, timing.now)
        self.quotas = Quotas(storage, timing)
        self._address = Shared(self.quotas, config.quotas.address, address=config.quotas.addressName)
        self._address_budgets = {share: Budget(self._address, timing, share) for share in (1.0, _READING_SHARE)}
        suite_token = StoredToken(
            self.tokens, TokenKey("suite", suiteId), lambda: config.suiteSecret, self._fetch_suite_token
        )
        self._calls = SuiteClient(self.transport, suite_token)
        self._lock = threading.Lock()
        self._clients: dict[str, _Clients] = {}

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def client(self, corpId: str) -> QywxProxyClient:
        """The client for an enterprise; the same one for every caller.

        :raises CorpUnknown: the enterprise never authorised the suite.
        :raises AuthorizationLost: it cancelled the authorization.
        """
        authorization = self.authorizations.get(corpId)
        with self._lock:
            if corpId not in self._clients:
                self._clients[corpId] = self._make_clients(corpId)
            clients = self._clients[corpId]
            for client in (clients.own, clients.reading):
                client.agentId, client.corpName = authorization.agentId, authorization.corpName
            clients.observer.knows(authorization.state)
            return clients.own

    def _make_clients(self, corpId: str) -> _Clients:
        """The two clients of an enterprise: they share the token and the places for calls, not their budgets."""
        tokens = StoredToken(
            self.tokens,
            self._key(corpId),
            lambda: self.authorizations.permanent_code(corpId),
            lambda code: self._fetch_app_token(corpId, code),
        )
        observer = GrantObserver(self.authorizations, corpId)
        gate, leases = Gate(CONCURRENCY), Shared(self.quotas, self.config.quotas.corp, corpId=corpId)

        def make(share: float, **options: Any) -> QywxProxyClient:
            budgets = (Budget(leases, self.timing, share), self._address_budgets[share])
            pace = Pace(gate, budgets, self.timing, self.transport.pause, corpId)
            return QywxProxyClient(self.transport, tokens, corpId=corpId, observer=observer, pace=pace, **options)

        reading = make(_READING_SHARE)
        own = make(1.0, reader=lambda: self._reading(reading))
        return _Clients(own, reading, observer)

    @contextmanager
    def _reading(self, client: QywxProxyClient) -> Iterator[QywxProxyClient]:
        """Park the enterprise when a reading finds a quota used up."""
        self.quotas.check(client.corpId)
        try:
            yield client
        except TooManyConcurrent:
            # Fewer at once is all that it asks for.
            raise
        except RateLimited as error:
            self.quotas.park(client.corpId, error)
            raise

    def store_ticket(self, ticket: str) -> None:
        """Keep a ticket that a person brought, as of now."""
        self.tickets.store(ticket, int(self.now()))

    def exchange(self, auth_code: str, event_at: int = 0) -> str:
        """Turn an auth code into a stored permanent code and return the enterprise's id.

        :param event_at: ``TimeStamp`` of the event that brought the code; 0 when a person brought it.
        :raises AuthorizationLost: the code is not valid or was used (40078).
        """
        answer = self._calls.get_permanent_code(auth_code)
        corp = answer["auth_corp_info"]
        corpId = str(corp["corpid"])
        # First of all: the auth code is spent, so this is the only copy of the permanent code.
        state = answer.get("state")
        self.authorizations.grant(
            corpId,
            answer["permanent_code"],
            corp.get("corp_name"),
            event_at,
            linkState=state if isinstance(state, str) and _LINK_STATE.fullmatch(state) else None,
        )
        # What is known about the former code says nothing about this one.
        self.tokens.forget(self._key(corpId))
        logger.info("An enterprise authorised the suite", extra={"suiteId": self.config.suiteId, "corpId": corpId})
        return corpId

    def refresh(self, corpId: str) -> Authorization:
        """Read again what an enterprise authorised, its AgentId, privilege and name; it is active when that works.

        A suspended one is active again only when its app is open as well. Its secret is tried again, once.

        :raises AuthorizationLost: WeCom refuses the permanent code; the authorization is suspended.
        """
        code = self.authorizations.permanent_code(corpId)
        try:
            answer = self._calls.get_auth_info(corpId, code)
        except AuthorizationLost as error:
            # The suite's own secret may be what is refused; that is not this enterprise's doing.
            if error.corpId == corpId:
                self.tokens.refuse(self._key(corpId), fingerprint(code), error)
                self.authorizations.suspend(corpId, REFUSED, error.message)
            raise
        # A grant that works again may try its secret again.
        self.tokens.reopen(self._key(corpId))
        corp = answer.get("auth_corp_info") or {}
        agent = _first_agent(answer, corpId)
        self.authorizations.describe(
            corpId,
            corpName=corp.get("corp_name"),
            agentId=str(agent["agentid"]) if agent.get("agentid") is not None else None,
            privilege=agent.get("privilege"),
        )
        suspended = self.authorizations.get(corpId).state == SUSPENDED
        if suspended and is_closed(self.client(corpId).agent.get()):
            self.authorizations.suspend(corpId, CLOSED, "the enterprise has closed the app")
        else:
            self.authorizations.confirm(corpId)
        return self.authorizations.get(corpId)

    def cancel(self, corpId: str, event_at: int) -> bool:
        """Forget an enterprise's permanent code and token; False when it is unknown or has authorised again."""
        if not self.authorizations.cancel(corpId, event_at):
            return False
        self.tokens.forget(self._key(corpId))
        drop_checkpoints(self.storage, corpId)
        logger.info("An enterprise cancelled the suite", extra={"suiteId": self.config.suiteId, "corpId": corpId})
        return True

    def suspend(self, corpId: str, reason: str) -> bool:
        """Note that WeCom withdrew the app's rights (``close_inactive_agent``); False when that changes nothing."""
        return self.authorizations.suspend(corpId, WITHDRAWN, reason)

    def resume(self, corpId: str) -> Authorization:
        """Try a suspended grant again, a refused permanent code included, once.

        For ``reopen_inactive_agent``, and for when the enterprise has enabled the app again.

        :raises AuthorizationLost: WeCom still refuses the permanent code.
        """
        self.authorizations.get(corpId)
        self.tokens.reopen(self._key(corpId))
        self.quotas.release(corpId)
        return self.refresh(corpId)

    def parked(self) -> dict[str, str]:
        """The enterprises that are left alone and why: WeCom refused the secret, or a quota is used up."""
        # A quota is the enterprise's, whichever suites it has authorised.
        found = self.quotas.parked().items()
        spent = {corpId: one.reason for corpId, one in found if self.authorizations.find(corpId) is not None}
        refused = self.tokens.refusals("app", self.config.suiteId)
        return spent | {corpId: error.message for corpId, error in refused.items()}

    def _refused(self, corpId: str) -> str | None:
        """Why the enterprise's secret is not tried any more; None while nothing speaks against trying it."""
        refusal = self.tokens.refusal(self._key(corpId))
        return None if refusal is None else refusal.message

    def stopped(self, corpId: str) -> str | None:
        """Why reading the enterprise's organisation is not worth a try; None when it is.

        A suspended grant is worth one: WeCom tells nobody when it works again.
        """
        known = self.authorizations.find(corpId)
        if known is None:
            return "the enterprise has not authorised the suite"
        return known.reason if known.state == CANCELLED else self._refused(corpId)

    def resting(self, corpId: str) -> Rest | None:
        """Why a sync of all enterprises passes this one over; None when it does not.

        A suspended grant that was refused within a day is left alone: one call a day finds out when it works again.
        """
        known = self.authorizations.find(corpId)
        if known is None:
            return None
        if known.state == CANCELLED:
            return Rest(CANCELLED, known.reason or "the enterprise cancelled it", isSettled=True)
        if (reason := self._refused(corpId)) is not None:
            return Rest("parked", reason)
        if (spent := self.quotas.parked(corpId).get(corpId)) is not None:
            return Rest("parked", spent.reason, until=spent.until)
        if known.state == SUSPENDED and self.now() - known.updated_at < _ONE_DAY:
            return Rest(SUSPENDED, known.reason or "WeCom refuses what the app asks for")
        return None

    def exports(self, corpId: str) -> ExportMemory:
        """What is remembered of exports of an enterprise."""
        known = self.authorizations
        return ExportMemory(lambda: known.export_trouble(corpId), lambda why: known.note_export_trouble(corpId, why))

    def states(self) -> dict[str, int]:
        """How many enterprises are in each state, and how many are parked besides."""
        return {**self.authorizations.counts(), "parked": len(self.parked())}

    def install_link(self, state: str = "") -> InstallLink:
        """The link that an enterprise's administrator opens, or scans as a QR code, to authorise the suite.

        :param state: at most 32 letters and digits; kept as ``linkState`` of the authorization that follows.
        :raises ProviderUnset: the business file has no ``corpId`` or no ``providerSecret``.
        :raises AuthorizationLost: WeCom refuses the provider's secret.
        """
        if not isinstance(state, str) or not _LINK_STATE.fullmatch(state):
            raise ArgumentError(f"state is at most 32 letters and digits, not {state!r}.")
        provider, secret = self.config.corpId, self.config.providerSecret
        missing = [name for name, value in (("corpId", provider), ("providerSecret", secret)) if not value]
        if provider is None or secret is None or missing:
            raise ProviderUnset(
                f"An install link of suite {self.config.suiteId} needs {' and '.join(missing)} in the business file.",
                hint="Both are of the provider: provider console, 服务商信息. Prefer a {{variable}} for the secret.",
            )
        tokens = StoredToken(
            self.tokens,
            TokenKey("provider", "", provider),
            lambda: secret,
            lambda told: fetch_provider_token(self.transport, provider, told),
        )
        return ProviderClient(self.transport, tokens).get_customized_auth_url([self.config.suiteId], state)

    def erase(self, corpId: str) -> dict[str, int]:
        """Delete the enterprise's authorization and tokens; how many rows of each table there were."""
        erased = {
            "jit_qywx_authorization": self.authorizations.erase(corpId),
            "jit_qywx_token": self.tokens.forget(self._key(corpId)),
            "jit_qywx_login_code": self.logins.forget(corpId),
            "jit_qywx_consent": self.consents.forget(corpId),
        }
        with self._lock:
            self._clients.pop(corpId, None)
        return erased

    def _key(self, corpId: str) -> TokenKey:
        return TokenKey("app", self.config.suiteId, corpId)

    def _fetch_suite_token(self, secret: str) -> Fresh:
        return fetch_suite_token(self.transport, self.config.suiteId, secret, self.tickets.current())

    def _fetch_app_token(self, corpId: str, code: str) -> Fresh:
        try:
            return fetch_app_token(self.transport, corpId, code)
        except AuthorizationLost as error:
            self.authorizations.suspend(corpId, cause_of(error.errcode), error.message)
            raise


def _first_agent(answer: Mapping[str, Any], corpId: str) -> dict[str, Any]:
    """A proxied app's authorisation names exactly one agent (document 90603)."""
    info = answer.get("auth_info")
    agents = info.get("agent") if isinstance(info, dict) else None
    if not isinstance(agents, list) or not agents or not isinstance(agents[0], dict):
        raise BadAnswer(
            "WeCom's answer to service/get_auth_info names no agent.", call="service/get_auth_info", corpId=corpId
        )
    return agents[0]

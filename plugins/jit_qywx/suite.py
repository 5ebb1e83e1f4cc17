"""Everything behind one auth element: its suite's ticket, authorizations, tokens and clients.

The element (``auths.loginTypes.QywxProxyType``) is what users see; this is what holds the secrets, the database and
the network together. It is made on first use, because it needs the App's database and a key.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_qywx.authorizations import Authorizations
from jit_qywx.client.client import QywxProxyClient
from jit_qywx.client.retries import RetryPolicy
from jit_qywx.client.suite import SuiteClient, fetch_app_token, fetch_suite_token
from jit_qywx.client.tokens import Fresh, StoredToken, TokenKey, TokenStore
from jit_qywx.client.transport import OFFICIAL_BASE_URL, Transport
from jit_qywx.errors import AuthorizationLost, BadAnswer
from jit_qywx.journal import Journal
from jit_qywx.tickets import SuiteTickets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.authorizations import Authorization
    from jit_qywx.client.timing import Timing
    from jit_qywx.encryption import SecretBox
    from jitcore.storage import Storage

__all__ = ["Suite", "SuiteConfig"]

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SuiteConfig:
    """What the business file of an auth element says.

    :param suiteId: the template's id.
    :param suiteSecret: the template's secret.
    :param encodingAESKey: the EncodingAESKey of the template's callback URL.
    :param token: the Token of the template's callback URL.
    :param corpId: the provider's own corpid: what a URL check names as its receiver.
    :param apiBaseUrl: where WeCom's API is.
    :param timeoutSeconds: how long to wait for each piece of an answer.
    :param rateLimitWaitSeconds: how long to wait, once per call, when a quota is used up.
    :param trustEnv: whether proxy settings of the environment apply.
    """

    suiteId: str
    suiteSecret: str = field(repr=False)
    encodingAESKey: str = field(repr=False)
    token: str = field(repr=False)
    corpId: str | None = None
    apiBaseUrl: str = OFFICIAL_BASE_URL
    timeoutSeconds: float = 30.0
    rateLimitWaitSeconds: float = 60.0
    trustEnv: bool = True

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
            apiBaseUrl=config.get("apiBaseUrl", OFFICIAL_BASE_URL),
            # Numbers may come from {{variables}}, which are text.
            timeoutSeconds=float(config.get("timeoutSeconds", 30)),
            rateLimitWaitSeconds=float(config.get("rateLimitWaitSeconds", 60)),
            trustEnv=config.get("trustEnv", True),
        )


class Suite:
    """One suite at work.

    :param config: its settings.
    :param storage: the App's storage.
    :param box: seals what is stored.
    :param timing: what waiting means.
    """

    def __init__(self, config: SuiteConfig, storage: Storage, box: SecretBox, timing: Timing) -> None:
        self.config = config
        self._now = timing.now
        suiteId = config.suiteId
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
        suite_token = StoredToken(
            self.tokens, TokenKey("suite", suiteId), lambda: config.suiteSecret, self._fetch_suite_token
        )
        self._calls = SuiteClient(self.transport, suite_token)
        self._lock = threading.Lock()
        self._clients: dict[str, QywxProxyClient] = {}

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
            client = self._clients.get(corpId)
            if client is None:
                tokens = StoredToken(
                    self.tokens,
                    self._key(corpId),
                    lambda: self.authorizations.permanent_code(corpId),
                    lambda code: self._fetch_app_token(corpId, code),
                )
                client = self._clients[corpId] = QywxProxyClient(self.transport, tokens, corpId=corpId)
            client.agentId, client.corpName = authorization.agentId, authorization.corpName
            return client

    def store_ticket(self, ticket: str) -> None:
        """Keep a ticket that a person brought, as of now."""
        self.tickets.store(ticket, int(self._now()))

    def exchange(self, auth_code: str, event_at: int = 0) -> str:
        """Turn an auth code into a stored permanent code and return the enterprise's id.

        :param event_at: ``TimeStamp`` of the event that brought the code; 0 when a person brought it.
        :raises AuthorizationLost: the code is not valid or was used (40078).
        """
        answer = self._calls.get_permanent_code(auth_code)
        corp = answer["auth_corp_info"]
        corpId = str(corp["corpid"])
        # First of all: the auth code is spent, so this is the only copy of the permanent code.
        self.authorizations.grant(corpId, answer["permanent_code"], corp.get("corp_name"), event_at)
        self.tokens.forget(self._key(corpId))
        logger.info("An enterprise authorised the suite", extra={"suiteId": self.config.suiteId, "corpId": corpId})
        return corpId

    def refresh(self, corpId: str) -> Authorization:
        """Read again what an enterprise authorised: its AgentId, privilege and name.

        :raises AuthorizationLost: WeCom refuses the permanent code; the authorization is marked as lost.
        """
        code = self.authorizations.permanent_code(corpId)
        try:
            answer = self._calls.get_auth_info(corpId, code)
        except AuthorizationLost as error:
            # The suite's own secret may be what is refused; that is not this enterprise's doing.
            if error.corpId == corpId:
                self.authorizations.lose(corpId, error.message)
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
        return self.authorizations.get(corpId)

    def cancel(self, corpId: str, event_at: int) -> bool:
        """Forget an enterprise's permanent code and token; False when it is unknown or has authorised again."""
        if not self.authorizations.cancel(corpId, event_at):
            return False
        self.tokens.forget(self._key(corpId))
        logger.info("An enterprise cancelled the suite", extra={"suiteId": self.config.suiteId, "corpId": corpId})
        return True

    def resume(self, corpId: str) -> Authorization:
        """Try a refused permanent code again, once: for when the enterprise has enabled the app again."""
        self.authorizations.get(corpId)
        self.tokens.reopen(self._key(corpId))
        return self.refresh(corpId)

    def _key(self, corpId: str) -> TokenKey:
        return TokenKey("app", self.config.suiteId, corpId)

    def _fetch_suite_token(self, secret: str) -> Fresh:
        return fetch_suite_token(self.transport, self.config.suiteId, secret, self.tickets.current())

    def _fetch_app_token(self, corpId: str, code: str) -> Fresh:
        try:
            return fetch_app_token(self.transport, corpId, code)
        except AuthorizationLost as error:
            self.authorizations.lose(corpId, error.message)
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

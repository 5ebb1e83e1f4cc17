"""WeCom itself: the provider, its suites, the corps, and what has been authorised, issued and withdrawn.

Everything the routes answer is decided by this state; everything a test arranges is a change of it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jit_qywx.emulator.answers import ApiError
from jit_qywx.emulator.codes import CodeBook
from jit_qywx.emulator.corps import Corp, CorpApp, Suite
from jit_qywx.emulator.credentials import Mint, open_id
from jit_qywx.emulator.export_jobs import ExportJobs
from jit_qywx.emulator.tokens import Token, TokenBook
from jit_qywx.emulator.visibility import View

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_qywx.emulator.organisation import Org

FIRST_AGENTID = 1_000_002
TICKET_LIFE = 1800.0
AUTH_CODE_LIFE = 600.0
PRE_AUTH_CODE_LIFE = 1200.0
LINK_LIFE = 864_000.0
LOGIN_CODE_LIFE = 300.0
USER_TICKET_LIFE = 1800.0
CORPID_MARK = "$CORPID$"
"""What WeCom replaces by the corp's id in an app's callback URL."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who stands behind a login code or user_ticket.

    Attributes:
        corpid: the corp.
        agentid: the app that asked.
        userid: the member; or, for somebody outside the corp, "".
        openid: of somebody outside the corp.
        private: whether the scope was snsapi_privateinfo (a user_ticket follows).
        agreed: the private fields that the member agreed to show; None = all.
    """

    corpid: str
    agentid: int
    userid: str
    openid: str = ""
    private: bool = False
    agreed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """What an install link (get_customized_auth_url) leads to.

    Attributes:
        suites: the templates to authorise.
        state: handed back in create_auth and get_permanent_code.
    """

    suites: tuple[str, ...]
    state: str


class Platform:
    """The state machine.

    Args:
        seed: decides every generated id, secret and code.
        clock: seconds since the epoch.

    Attributes:
        lock: hold it while reading or changing anything here but the organisations, which have their own.
    """

    def __init__(self, seed: object, clock: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.mint = Mint(seed)
        self.provider_corpid = "ww" + self.mint.text("provider corpid", 16).lower()
        self.provider_secret = self.mint.text("provider secret", 64)
        self.suites: dict[str, Suite] = {}
        self.corps: dict[str, Corp] = {}
        self.tokens = TokenBook(self.mint, clock)
        self.tickets: CodeBook[str] = CodeBook(self.mint, clock, "suite ticket", TICKET_LIFE)
        self.auth_codes: CodeBook[CorpApp] = CodeBook(self.mint, clock, "auth code", AUTH_CODE_LIFE)
        self.pre_auth_codes: CodeBook[str] = CodeBook(self.mint, clock, "pre-auth code", PRE_AUTH_CODE_LIFE)
        self.links: CodeBook[Link] = CodeBook(self.mint, clock, "install link", LINK_LIFE, 32)
        self.login_codes: CodeBook[Login] = CodeBook(self.mint, clock, "login code", LOGIN_CODE_LIFE, 43)
        self.user_tickets: CodeBook[Login] = CodeBook(self.mint, clock, "user ticket", USER_TICKET_LIFE)
        self.exports = ExportJobs(self.mint, clock)
        self._views: dict[tuple[str, int], View] = {}
        self._agentids: dict[str, int] = {}

    # Arranging

    def add_suite(
        self,
        suite_id: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        aes_key: str | None = None,
        *,
        kind: Literal["proxied", "third-party"] = "proxied",
        name: str = "代开发应用",
    ) -> Suite:
        """A further suite; what is not given is made from the seed."""
        prefix = "dk" if kind == "proxied" else "ww"
        suite = Suite(
            id=suite_id or prefix + self.mint.text("suite id", 16).lower(),
            secret=secret or self.mint.text("suite secret", 43),
            token=token or self.mint.text("suite token", 20),
            aes_key=aes_key or self.mint.text("aes key", 42) + "A",
            kind=kind,
            name=name,
        )
        with self.lock:
            self.suites[suite.id] = suite
        return suite

    def add_corp(self, corpid: str | None, name: str | None, org: Org, admins: Mapping[str, int] | None = None) -> Corp:
        """A further corp.

        Raises:
            ValueError: there is one with this corpid already.
        """
        corpid = corpid or "ww" + self.mint.text("corpid", 16).lower()
        with self.lock:
            if self.find_corp(corpid) is not None:
                raise ValueError(f"there is a corp {corpid!r} already")
            corp = self.corps[corpid] = Corp(corpid, name or f"示例企业{len(self.corps) + 1}", org, dict(admins or {}))
        org.listeners.append(corp.follow_rename)
        return corp

    def install(
        self,
        corp: Corp,
        *,
        suite: Suite | None = None,
        kind: Literal["self-built", "contact-sync"] = "self-built",
        secret: str | None = None,
        agentid: int | None = None,
        **settings: Any,
    ) -> CorpApp:
        """Put an app into a corp: the suite's, or one of the corp's own. An authorised suite keeps its app."""
        with self.lock:
            if suite is not None:
                app = corp.app_of(suite.id)
                if app is not None and not app.cancelled:
                    app.change(**settings)
                    return app
            if agentid is None:
                agentid = self._agentids.get(corp.corpid, FIRST_AGENTID)
                self._agentids[corp.corpid] = agentid + 1
            app = CorpApp(
                corpid=corp.corpid,
                agentid=agentid,
                secret=secret or self.mint.text("app secret", 43),
                kind=kind if suite is None else suite.kind,
                suite_id=None if suite is None else suite.id,
                name="自建应用" if suite is None else suite.name,
            )
            app.change(**settings)
            corp.apps[agentid] = app
        return app

    def cancel(self, app: CorpApp) -> None:
        """The corp withdraws an authorisation; the permanent code and the tokens stop working."""
        app.cancelled = True
        app.revision += 1

    def reset_secret(self, app: CorpApp) -> str:
        """The provider asks for a new permanent code; the old one fails, tokens die. Returns the code to exchange."""
        with self.lock:
            app.secret = self.mint.text("app secret", 43)
            self.tokens.expire("app", app.corpid, app.agentid)
            return self.auth_codes.make(app)

    # Finding

    def callback_url(self, app: CorpApp) -> str:
        """Where the contact events of an app go: its own URL, or its suite's with the corp's id in it; "" = nowhere."""
        suite = self.suites.get(app.suite_id or "")
        shared = "" if suite is None else suite.app_callback_url.replace(CORPID_MARK, app.corpid)
        return app.callback_url or shared

    def find_corp(self, corpid: str) -> Corp | None:
        """The corp; plain ids ignore case, ciphertext ids ("wp…") do not. A corp answers to its open_corpid too."""
        corp = self.corps.get(corpid)
        if corp is not None:
            return corp
        for corp in self.corps.values():
            if self.open_corpid(corp) == corpid:
                return corp
            if not corp.corpid.startswith("wp") and corp.corpid.lower() == corpid.lower():
                return corp
        return None

    def open_corpid(self, corp: Corp) -> str:
        """The provider-scoped ciphertext id of a corp; itself when it is one."""
        if corp.corpid.startswith("wp"):
            return corp.corpid
        return open_id("wp", self.provider_corpid, corp.corpid)

    def app_of(self, token: Token) -> CorpApp:
        """The app an app token belongs to.

        Raises:
            ApiError: the corp is gone, or the authorisation was cancelled (48004), or the app is disabled (50003).
        """
        corp = self.corps[token.corpid]
        app = corp.apps[int(token.owner)]
        if corp.gone:
            raise ApiError(corp.gone)
        if app.cancelled:
            raise ApiError(48004)
        return app

    def view(self, app: CorpApp) -> View:
        """What the app sees of its corp."""
        key = (app.corpid, app.agentid)
        view = self._views.get(key)
        if view is None or view.app is not app:
            org = self.corps[app.corpid].org
            view = self._views[key] = View(org, app, self.provider_corpid)
        return view

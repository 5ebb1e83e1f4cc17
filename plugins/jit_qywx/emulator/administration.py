"""What people do outside the API: the provider in its console, a corp's administrator in theirs, a member at a login.

`Emulator` inherits these methods; here they are apart from the server so that each can be read alone. A suite whose
callback URL is set is told what an administrator does, in the background, as WeCom tells it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

from jit_qywx.emulator.corps import VisibleRange
from jit_qywx.emulator.organisation import Org
from jit_qywx.emulator.wecom import Link, Login, Platform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jit_qywx.emulator.callbacks import Callbacks
    from jit_qywx.emulator.corps import Corp, CorpApp, Suite
    from jit_qywx.emulator.courier import Courier
    from jit_qywx.emulator.records import Department, Member, Tag
    from jit_qywx.emulator.tokens import Kind


class Administration:
    """The people around the API.

    Attributes:
        platform: the state they change.
        suite: the first suite.
        callbacks: makes callbacks.
        courier: sends them.
    """

    platform: Platform
    suite: Suite
    callbacks: Callbacks
    courier: Courier

    @property
    def provider_corpid(self) -> str:
        """The provider's own corpid."""
        return self.platform.provider_corpid

    @property
    def provider_secret(self) -> str:
        """The provider's secret."""
        return self.platform.provider_secret

    # Suites and corps

    def set_callback_url(self, template_url: str = "", app_url: str = "", *, suite_id: str | None = None) -> None:
        """Enter a suite's callback URLs in the provider's console; "" = nobody is told.

        Args:
            template_url: of the template channel (指令回调URL): told of tickets when they are pushed, and of what
                administrators do: `scan` pushes create_auth, `cancel` cancel_auth, and so on.
            app_url: of the app channel (数据回调URL); `$CORPID$` in it is replaced by the corp's id. Told of the edits
                of the corps that are followed.
            suite_id: the suite, by default the first one.
        """
        suite = self.suite_of(suite_id)
        suite.callback_url, suite.app_callback_url = template_url, app_url

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
        return self.platform.add_suite(suite_id, secret, token, aes_key, kind=kind, name=name)

    def add_corp(
        self,
        corpid: str | None = None,
        name: str | None = None,
        org: Org | None = None,
        *,
        departments: Iterable[Department | Mapping[str, Any]] = (),
        members: Iterable[Member | Mapping[str, Any]] = (),
        tags: Iterable[Tag | Mapping[str, Any]] = (),
        admins: Mapping[str, int] | None = None,
    ) -> Corp:
        """A further corp.

        Args:
            corpid: made from the seed when None.
            name: shown name.
            org: its organisation; without one it is built from the next three.
            departments: Departments or mappings.
            members: Members or mappings.
            tags: Tags or mappings.
            admins: userid → 0 (may send messages) or 1 (manages the app).

        Raises:
            ValueError: there is a corp with this corpid already.
        """
        if org is None:
            org = Org(departments, members, tags, root=name or "总部")
        return self.platform.add_corp(corpid, name, org, admins)

    def corp(self, corpid: str) -> Corp:
        """The corp.

        Raises:
            LookupError: there is none.
        """
        corp = self.platform.find_corp(corpid)
        if corp is None:
            raise LookupError(f"there is no corp {corpid!r}; there are: {', '.join(self.platform.corps) or 'none'}")
        return corp

    def org(self, corpid: str) -> Org:
        """The corp's organisation, to read and to edit."""
        return self.corp(corpid).org

    def app(self, corpid: str, suite_id: str | None = None) -> CorpApp:
        """The app by which the corp has the suite (by default the first suite).

        Raises:
            LookupError: the corp never authorised it.
        """
        app = self.corp(corpid).app_of(suite_id or self.suite.id)
        if app is None:
            raise LookupError(f"corp {corpid!r} has not authorised {suite_id or self.suite.id!r}")
        return app

    def add_own_app(
        self,
        corpid: str,
        kind: Literal["self-built", "contact-sync"] = "self-built",
        *,
        secret: str | None = None,
        agentid: int | None = None,
        **settings: Any,
    ) -> CorpApp:
        """An app the corp made itself, or its contact-sync assistant; its `secret` works at gettoken."""
        return self.platform.install(
            self.corp(corpid), kind=kind, secret=secret, agentid=agentid, **with_range(settings)
        )

    # Authorisation

    def suite_of(self, suite_id: str | None) -> Suite:
        """The suite with this id, the first one for None.

        Raises:
            LookupError: there is none.
        """
        suites = self.platform.suites
        if suite_id is None:
            return self.suite
        if suite_id not in suites:
            raise LookupError(f"there is no suite {suite_id!r}; there are: {', '.join(suites)}")
        return suites[suite_id]

    def install(self, corpid: str, suite_id: str | None = None, **settings: Any) -> CorpApp:
        """Authorise a suite and skip the exchange: the app's `permanent_code` works at once.

        Args:
            corpid: the corp.
            suite_id: the suite, by default the first one.
            settings: as of `set_app`.
        """
        return self.platform.install(self.corp(corpid), suite=self.suite_of(suite_id), **with_range(settings))

    def authorize(self, corpid: str, suite_id: str | None = None, *, state: str = "", **settings: Any) -> str:
        """The corp's administrator authorises a suite; returns the auth code to exchange (once, within 10 minutes)."""
        app = self.install(corpid, suite_id, **settings)
        app.state = state
        return self.platform.auth_codes.make(app)

    def scan(self, link: str, corpid: str, **settings: Any) -> str:
        """The corp's administrator opens an install link of get_customized_auth_url and agrees.

        A suite with a callback URL is told by create_auth. The link itself, opened over HTTP with `&corpid=…`, does the
        same.

        Returns:
            an auth code, for whoever does not wait for the callback.

        Raises:
            LookupError: the link is unknown or older than ten days.
        """
        meant = self.check_link(link)
        codes = [self.authorize(corpid, suite, state=meant.state, **settings) for suite in meant.suites]
        for suite in meant.suites:
            app = self.app(corpid, suite)
            self._tell(app, "create_auth", AuthCode=self.platform.auth_codes.make(app), **with_state(app))
        return codes[0]

    def check_link(self, link: str) -> Link:
        """What an install link leads to.

        Raises:
            LookupError: it is unknown or older than ten days.
        """
        code = parse_qs(urlsplit(link).query).get("link", [link])[0]
        known = self.platform.links.find(code)
        if known is None or not self.platform.links.is_live(code):
            raise LookupError("the install link is unknown or has expired")
        return known.means

    def cancel(self, corpid: str, suite_id: str | None = None) -> None:
        """The corp withdraws the authorisation; cancel_auth."""
        app = self.app(corpid, suite_id)
        self.platform.cancel(app)
        self._tell(app, "cancel_auth", AuthCorpId=app.corpid)

    def reset_permanent_code(self, corpid: str, suite_id: str | None = None) -> str:
        """The provider asks for a new permanent code; returns the auth code to exchange for it.

        reset_permanent_code.
        """
        app = self.app(corpid, suite_id)
        code = self.platform.reset_secret(app)
        self._tell(app, "reset_permanent_code", AuthCode=self.platform.auth_codes.make(app))
        return code

    def dissolve(self, corpid: str, errcode: int = 301007) -> None:
        """The corp is dissolved or banned: every call about it answers `errcode`; 0 brings it back."""
        self.corp(corpid).gone = errcode

    def set_visible_range(
        self,
        corpid: str,
        departments: Iterable[int] = (),
        users: Iterable[str] = (),
        tags: Iterable[int] = (),
        *,
        suite_id: str | None = None,
    ) -> None:
        """The corp's administrator changes what the app may see; change_auth."""
        allowed = VisibleRange(tuple(departments), tuple(users), tuple(tags))
        self._change(self.app(corpid, suite_id), {"range": allowed})

    def set_permissions(self, corpid: str, permissions: Iterable[str], *, suite_id: str | None = None) -> None:
        """What agent/get_permissions tells; "contact:sensitive:user_name" and so on decide which fields come.

        change_auth.
        """
        self._change(self.app(corpid, suite_id), {"permissions": tuple(permissions)})

    def set_app(self, corpid: str, *, suite_id: str | None = None, **settings: Any) -> None:
        """Change settings of the app; change_auth when the visible range or the permissions are among them.

        Args:
            corpid: the corp.
            suite_id: the suite, by default the first one.
            settings: `departments`, `users`, `tags` of the visible range, and the settings of `CorpApp`.

        Raises:
            TypeError: an unknown setting.
        """
        self._change(self.app(corpid, suite_id), with_range(settings))

    def set_exports(self, *, polls: int = 1, block_size: int | Mapping[str, int] | None = None) -> None:
        """How exports go.

        Args:
            polls: how many questions for a result are answered "running" before it is there.
            block_size: records of each file, whatever the caller asks for: WeCom's own least is 10,000. A mapping says
                it for some kinds of jobs: `{"user": 50}`.
        """
        self.platform.exports.polls, self.platform.exports.block_size = polls, block_size

    # Credentials

    def new_ticket(self, suite_id: str | None = None) -> str:
        """A suite_ticket, valid 30 minutes, not pushed to anybody."""
        return self.platform.tickets.make(self.suite_of(suite_id).id)

    def expire_tokens(self, corpid: str | None = None, *, kind: Kind | None = None, errcode: int = 0) -> int:
        """End tokens early; returns how many.

        Args:
            corpid: only of this corp.
            kind: only "app", "suite" or "provider" tokens.
            errcode: what their users are told; by default 42001, of suite tokens 42009.
        """
        return self.platform.tokens.expire(kind, corpid, None, errcode)

    def login_code(
        self,
        corpid: str,
        userid: str = "",
        *,
        suite_id: str | None = None,
        private: bool = False,
        openid: str = "",
    ) -> str:
        """The `code` a login page hands to the app, for auth/getuserinfo; good once, for five minutes.

        Args:
            corpid: the corp.
            userid: the member; "" for somebody outside the corp, who has an `openid`.
            suite_id: the suite, by default the first one.
            private: scope snsapi_privateinfo: a user_ticket will follow.
            openid: of somebody outside the corp.
        """
        app = self.app(corpid, suite_id)
        return self.platform.login_codes.make(Login(app.corpid, app.agentid, userid, openid or "o" * 28, private))

    def sign_in_as(self, corpid: str, userid: str = "") -> None:
        """Who holds the telephone: the login pages of the corp lead back at once as this member; "" = they ask again.

        Raises:
            LookupError: the corp has no such member.
        """
        corp = self.corp(corpid)
        if userid and corp.org.find(userid) is None:
            raise LookupError(f"corp {corpid!r} has no member {userid!r}")
        corp.signed_in = userid

    # Inside

    def _change(self, app: CorpApp, settings: Mapping[str, Any]) -> None:
        app.change(**settings)
        if not settings.keys().isdisjoint(AUTHORISED):
            self._tell(app, "change_auth", AuthCorpId=app.corpid, **with_state(app))

    def _tell(self, app: CorpApp, info_type: str, **fields: str) -> None:
        """Send a template event to the suite's callback URL, if it has one."""
        suite = self.platform.suites.get(app.suite_id or "")
        if suite is not None and suite.callback_url:
            self.courier.send(self.callbacks.event(suite, info_type, None, **fields), suite.callback_url)


AUTHORISED = frozenset({"range", "permissions"})
"""Settings of an app that a change_auth tells of."""


def with_state(app: CorpApp) -> dict[str, str]:
    """The element State of a template event, where the install link had one."""
    return {"State": app.state} if app.state else {}


def with_range(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an app, with `departments`, `users`, `tags` folded into its visible range."""
    given = dict(settings)
    parts = {name: tuple(given.pop(name)) for name in ("departments", "users", "tags") if name in given}
    if parts:
        parts.setdefault("departments", ())
        given["range"] = VisibleRange(**parts)
    if "permissions" in given:
        given["permissions"] = tuple(given["permissions"])
    if "hidden_fields" in given:
        given["hidden_fields"] = frozenset(given["hidden_fields"])
    return given

"""The emulator as its users hold it: a server that runs, and everything one may do to it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, Self

from jit_qywx.emulator.calls import CallRecord
from jit_qywx.emulator.clock import Clock
from jit_qywx.emulator.corps import Corp, CorpApp, Suite, VisibleRange
from jit_qywx.emulator.faults import Fault, Faults
from jit_qywx.emulator.latency import Latency
from jit_qywx.emulator.limits import Limits
from jit_qywx.emulator.organisation import Org
from jit_qywx.emulator.pipeline import API, NOT_FOUND, Pipeline
from jit_qywx.emulator.records import ROOT, Department, Member, Tag
from jit_qywx.emulator.routes import all_routes
from jit_qywx.emulator.wecom import Platform
from jit_qywx.emulator.wire import HttpServer, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from jit_qywx.emulator.answers import Answer
    from jit_qywx.emulator.tokens import Kind


class Emulator:
    """A WeCom server of your own.

    Args:
        seed: decides every id, secret, code and token made here, and every draw.
        host: address to bind; keep it on the loopback, the control API asks no questions.
        port: port to bind, 0 takes a free one.
        clock: the emulator's time, a `Clock`; by default the machine's time.

    Attributes:
        base_url: what a client takes as `apiBaseUrl`; ends in `/cgi-bin/`.
        suite: the first suite, made at the start.
        clock, calls, faults, limits, latency: see the package's docstring.
    """

    def __init__(self, *, seed: object = 0, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.platform = Platform(seed, self.clock)
        self.calls = CallRecord()
        self.faults = Faults(seed)
        self.limits = Limits(self.clock)
        self.latency = Latency(seed)
        self.suite = self.platform.add_suite()
        self._closing = threading.Event()
        self._pipeline = Pipeline(
            self.platform,
            all_routes(),
            self.calls,
            self.faults,
            self.limits,
            self.latency,
            lambda: self.url,
            self._closing,
        )
        self._server = HttpServer(self._respond, host, port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server; hanging calls are let go and connections cut."""
        self._closing.set()
        self.faults.release()
        self._server.close()

    @property
    def url(self) -> str:
        """`http://host:port`."""
        host, port = self._server.address
        return f"http://{host}:{port}"

    @property
    def base_url(self) -> str:
        """`http://host:port/cgi-bin/`."""
        return self.url + API

    @property
    def provider_corpid(self) -> str:
        """The provider's own corpid."""
        return self.platform.provider_corpid

    @property
    def provider_secret(self) -> str:
        """The provider's secret."""
        return self.platform.provider_secret

    # Suites, corps, grants

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

    def install(self, corpid: str, suite_id: str | None = None, **settings: Any) -> CorpApp:
        """Authorise a suite and skip the exchange: the app's `permanent_code` works at once.

        Args:
            corpid: the corp.
            suite_id: the suite, by default the first one.
            settings: as of `set_app`, and `departments`, `users`, `tags` of the visible range.
        """
        return self.platform.install(
            self.corp(corpid), suite=self.platform.suites[suite_id or self.suite.id], **_with_range(settings)
        )

    def authorize(self, corpid: str, suite_id: str | None = None, *, state: str = "", **settings: Any) -> str:
        """The corp's administrator authorises a suite; returns the auth code to exchange (once, within 10 minutes)."""
        app = self.install(corpid, suite_id, **settings)
        app.state = state
        return self.platform.auth_codes.make(app)

    def add_own_app(
        self, corpid: str, kind: Literal["self-built", "contact-sync"] = "self-built", **settings: Any
    ) -> CorpApp:
        """An app the corp made itself, or its contact-sync assistant; its `secret` works at gettoken."""
        return self.platform.install(self.corp(corpid), kind=kind, **_with_range(settings))

    def set_visible_range(
        self,
        corpid: str,
        departments: Iterable[int] = (),
        users: Iterable[str] = (),
        tags: Iterable[int] = (),
        *,
        suite_id: str | None = None,
    ) -> None:
        """The corp's administrator changes what the app may see."""
        allowed = VisibleRange(tuple(departments), tuple(users), tuple(tags))
        self.app(corpid, suite_id).change(range=allowed)

    def set_permissions(self, corpid: str, permissions: Iterable[str], *, suite_id: str | None = None) -> None:
        """What agent/get_permissions tells; "contact:sensitive:user_name" and so on decide which fields come."""
        self.app(corpid, suite_id).change(permissions=tuple(permissions))

    def set_app(self, corpid: str, *, suite_id: str | None = None, **settings: Any) -> None:
        """Change any setting of the app; see `CorpApp`."""
        self.app(corpid, suite_id).change(**settings)

    def cancel(self, corpid: str, suite_id: str | None = None) -> None:
        """The corp withdraws the authorisation."""
        self.platform.cancel(self.app(corpid, suite_id))

    def reset_permanent_code(self, corpid: str, suite_id: str | None = None) -> str:
        """The provider asks for a new permanent code; returns the auth code to exchange for it."""
        return self.platform.reset_secret(self.app(corpid, suite_id))

    def dissolve(self, corpid: str, errcode: int = 301007) -> None:
        """The corp is dissolved or banned: every call about it answers `errcode`; 0 brings it back."""
        self.corp(corpid).gone = errcode

    def new_ticket(self, suite_id: str | None = None) -> str:
        """A suite_ticket, valid 30 minutes, not pushed to anybody."""
        return self.platform.tickets.make(suite_id or self.suite.id)

    def expire_tokens(self, corpid: str | None = None, *, kind: Kind | None = None, errcode: int = 0) -> int:
        """End tokens early; returns how many.

        Args:
            corpid: only of this corp.
            kind: only "app", "suite" or "provider" tokens.
            errcode: what their users are told; by default 42001, of suite tokens 42009.
        """
        return self.platform.tokens.expire(kind, corpid, None, errcode)

    # Disturbance

    def at_call(self, number: int, do: Callable[[], object], *, path: str = "*", corpid: str | None = None) -> Fault:
        """Run `do` just before the `number`-th matching call from now (1 = the next one) is answered."""
        return self.faults.add(path, corpid=corpid, at_call=number, times=1, then=do)

    def reset(self) -> None:
        """Forget calls, faults, limits and delays; corps, grants and tokens stay."""
        self.faults.clear()
        self.limits.clear()
        self.latency.clear()
        self.calls.clear()

    def _respond(self, request: Request) -> Answer:
        if request.path.startswith(API):
            return self._pipeline.answer(request)
        return NOT_FOUND


def _with_range(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of an app, with `departments`, `users`, `tags` folded into its visible range."""
    given = dict(settings)
    parts = {name: tuple(given.pop(name)) for name in ("departments", "users", "tags") if name in given}
    if parts:
        parts.setdefault("departments", ())
        given["range"] = VisibleRange(**parts)
    if "permissions" in given:
        given["permissions"] = tuple(given["permissions"])
    return given


__all__ = ["ROOT", "Emulator"]

"""The life of one call: recorded, hit by faults, limited, delayed, checked, answered.

The order matters: edits and faults see every call, even one whose token is bad; limits count what reaches the host,
for as long as it takes; the token is checked after the edits of this very call, so that a grant can end at call k.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import Answer, ApiError, encode, failure
from jit_qywx.emulator.asking import Asked, read_body
from jit_qywx.emulator.faults import BAD_GATEWAY, spoil
from jit_qywx.emulator.routes import all_routes
from jit_qywx.emulator.tokens import PARAMETERS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from jit_qywx.emulator.calls import CallRecord
    from jit_qywx.emulator.corps import CorpApp
    from jit_qywx.emulator.faults import Fault, Faults
    from jit_qywx.emulator.latency import Latency
    from jit_qywx.emulator.limits import Limits
    from jit_qywx.emulator.routes import Route
    from jit_qywx.emulator.shuffling import Shuffle
    from jit_qywx.emulator.wecom import Platform
    from jit_qywx.emulator.wire import Request

    TrueAnswer = Callable[[str | None], Answer]

logger = logging.getLogger(__name__)

API = "/cgi-bin/"
FILE = "export/file"
POLL = 0.05
"""Seconds between two looks whether the caller of a hanging call has hung up."""
NOT_FOUND = Answer(b"<html><head><title>404 Not Found</title></head></html>", None, 404, "text/html")
GET_TOKEN = "gettoken"  # noqa: S105  # the path of a call
WRONG_SECRET = 40001


class Pipeline:
    """Answers calls below `/cgi-bin/`.

    Args:
        platform: the state.
        calls: the record.
        faults: faults in force.
        limits: limits in force.
        latency: delays in force.
        base_url: where the emulator listens, without a path.
        closing: set when the emulator closes; ends every wait.

    Attributes:
        shuffle: reorders true answers; None leaves them.
    """

    def __init__(
        self,
        platform: Platform,
        calls: CallRecord,
        faults: Faults,
        limits: Limits,
        latency: Latency,
        base_url: Callable[[], str],
        closing: threading.Event,
    ) -> None:
        self.shuffle: Shuffle | None = None
        self._platform = platform
        self._routes = all_routes()
        self._calls = calls
        self._faults = faults
        self._limits = limits
        self._latency = latency
        self._base_url = base_url
        self._closing = closing
        self._hints = 0

    def answer(self, request: Request) -> Answer:
        """The answer to a request whose path starts with `/cgi-bin/`."""
        path = request.path[len(API) :]
        route = self._routes.get(path)
        corpid = self._corpid(request, route)
        return self._answer(request, path, corpid, lambda answer_as: self._true(request, route, corpid, answer_as))

    def file(self, request: Request, number: str) -> Answer:
        """The answer to a request for a result of an export; faults and the record know it as `export/file`."""
        exports = self._platform.exports

        def download(_: str | None) -> Answer:
            self._delay(FILE)
            return exports.download(number, request.query.get("sign", ""), request.headers.get("range"))

        return self._answer(request, FILE, exports.owner(number), download)

    def _answer(self, request: Request, path: str, corpid: str, true: TrueAnswer) -> Answer:
        call = self._calls.begin(path, request.method, request.query, corpid, self._platform.clock())
        try:
            met = self._faults.meet(path, corpid)
            call.fault = ", ".join(fault.name for fault in met)
            answer = self._meet(request, path, met, true)
        except Exception:
            # A callable of the user's (then, rewrite) or a bug of ours: the caller sees a broken host, the log why.
            logger.exception("emulator failed path=%s", path)
            answer = Answer(b"", None, 500, "text/plain")
        self._calls.end(call, answer.errcode, 0 if answer.cut else answer.status, len(answer.body))
        return answer

    def _meet(self, request: Request, path: str, met: list[Fault], true: TrueAnswer) -> Answer:
        """The answer after the faults that meet the call: edits first, then at most one that shapes the answer.

        Args:
            true: what would be answered without a fault, or as if the caller were the app of that corp.
        """
        fault = None
        for fault in met:
            if fault.action == "then":
                fault.value()
        if fault is None or fault.action == "then":
            return true(None)
        if fault.action == "hang":
            self._hang(request, fault)
            return true(None)
        if fault.action == "answer_as":
            return true(fault.value)
        made = self._instead(request, fault)
        if made is None:
            return spoil(fault, true(None))
        self._delay(path)
        return made

    def _instead(self, request: Request, fault: Fault) -> Answer | None:
        """The answer of a fault that needs no true one; None for one that does."""
        if fault.action == "errcode":
            return self._failure(request, ApiError(fault.value), fault.extra)
        if fault.action == "status":
            page = BAD_GATEWAY.replace(b"502 Bad Gateway", b"%d" % fault.value)
            return Answer(BAD_GATEWAY if fault.value == 502 else page, None, fault.value, "text/html")
        if fault.action == "body":
            return Answer(fault.value.encode() if isinstance(fault.value, str) else fault.value, None)
        if fault.action == "cut" and fault.value != "body":
            return Answer(b"", None, cut=fault.value)
        return None

    def _true(self, request: Request, route: Route | None, corpid: str, answer_as: str | None = None) -> Answer:
        """What WeCom would answer."""
        if route is None:
            return NOT_FOUND
        try:
            leave = self._limits.enter(corpid, request.ip, route.path)
            try:
                self._delay(route.path)
                body = self._ask(request, route, answer_as)
            finally:
                leave()
        except ApiError as error:
            return self._failure(request, error)
        return Answer(body if self.shuffle is None else self.shuffle(body))

    def _ask(self, request: Request, route: Route, answer_as: str | None) -> bytes:
        if route.method == "POST" and request.method != "POST":
            raise ApiError(40058)
        platform = self._platform
        asked = Asked(platform, request.query, {}, self._base_url(), request.ip)
        if route.kind is not None:
            self._identify(asked, route, answer_as)
        if route.method == "POST":
            asked.data = read_body(request.body)
        if route.path == GET_TOKEN:
            if answer_as is not None:
                asked.query = self._credentials(answer_as)
            return self._token(route, asked)
        with platform.lock:
            return route.answer(asked)

    def _identify(self, asked: Asked, route: Route, answer_as: str | None) -> None:
        """Check the token and tell the route who asks."""
        kind = route.kind
        assert kind is not None
        token = self._platform.tokens.check(kind, asked.query.get(PARAMETERS[kind]))
        if kind == "suite":
            asked.suite_id = str(token.owner)
        elif kind == "app":
            asked.app = self._platform.app_of(token)
            if answer_as is not None:
                asked.app = self._app(answer_as, asked.app.suite_id)
            if asked.app.closed and not route.when_closed:
                raise ApiError(50003)
            if asked.app.kind == "contact-sync" and route.details:
                raise ApiError(48009)

    def _token(self, route: Route, asked: Asked) -> bytes:
        """gettoken, with the bar for addresses that send wrong secrets."""
        self._limits.admit(asked.ip)
        try:
            with self._platform.lock:
                return route.answer(asked)
        except ApiError as error:
            if error.errcode == WRONG_SECRET:
                self._limits.count_wrong_secret(asked.ip)
            raise

    def _failure(self, request: Request, error: ApiError, extra: dict[str, Any] | None = None) -> Answer:
        if error.errcode == 0:
            return Answer(encode({"errcode": 0, "errmsg": "ok", **(extra or {})}))
        self._hints += 1
        hint = f"{int(self._platform.clock())}_{self._hints}_{self._platform.mint.text('hint', 32).lower()}"
        return failure(error.errcode, hint=hint, ip=request.ip, note=error.note, fields=extra)

    def _delay(self, path: str) -> None:
        seconds = self._latency.of(path)
        if seconds:
            self._closing.wait(seconds)

    def _hang(self, request: Request, fault: Fault) -> None:
        left = float("inf") if fault.value is True else float(fault.value)
        while left > 0 and not self._closing.is_set() and not request.gone():
            if fault.released.wait(min(POLL, left)):
                return
            left -= POLL

    def _corpid(self, request: Request, route: Route | None) -> str:
        """The corp a call is about, as well as can be told before anything is checked."""
        if route is None or route.kind == "provider":
            return ""
        if route.kind == "app":
            token = self._platform.tokens.peek(request.query.get("access_token"))
            return "" if token is None else token.corpid
        if route.path == GET_TOKEN:
            named = request.query.get("corpid", "")
        else:
            try:
                named = str(read_body(request.body).get("auth_corpid", ""))
            except ApiError:
                return ""
        corp = self._platform.find_corp(named)
        return named if corp is None else corp.corpid

    def _app(self, corpid: str, suite_id: str | None) -> CorpApp:
        """The app of another corp a call is answered for; any of its apps when the caller names no suite."""
        apps = self._platform.corps[corpid].apps.values()
        return next(app for app in apps if suite_id in (None, app.suite_id))

    def _credentials(self, corpid: str) -> dict[str, str]:
        return {"corpid": corpid, "corpsecret": self._app(corpid, None).secret}

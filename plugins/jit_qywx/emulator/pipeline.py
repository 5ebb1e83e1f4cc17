"""The life of one call: recorded, delayed, hit by faults, limited, checked, answered.

The order matters: edits and faults see every call, even one whose token is bad; limits count what reaches the host;
the token is checked after the edits of this very call, so that a grant can end at call k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import Answer, ApiError, encode, failure
from jit_qywx.emulator.asking import Asked, read_body
from jit_qywx.emulator.faults import BAD_GATEWAY, Fault, Faults, spoil
from jit_qywx.emulator.tokens import PARAMETERS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from jit_qywx.emulator.calls import CallRecord
    from jit_qywx.emulator.latency import Latency
    from jit_qywx.emulator.limits import Limits
    from jit_qywx.emulator.routes import Route
    from jit_qywx.emulator.wecom import Platform
    from jit_qywx.emulator.wire import Request

API = "/cgi-bin/"
POLL = 0.05
NOT_FOUND = Answer(b"<html><head><title>404 Not Found</title></head></html>", None, 404, "text/html")


class Pipeline:
    """Answers calls below `/cgi-bin/`.

    Args:
        platform: the state.
        routes: the calls by path.
        calls: the record.
        faults: faults in force.
        limits: limits in force.
        latency: delays in force.
        base_url: where the emulator listens, without a path.
        closing: set when the emulator closes; ends every wait.
    """

    def __init__(
        self,
        platform: Platform,
        routes: dict[str, Route],
        calls: CallRecord,
        faults: Faults,
        limits: Limits,
        latency: Latency,
        base_url: Callable[[], str],
        closing: threading.Event,
    ) -> None:
        self._platform = platform
        self._routes = routes
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
        call = self._calls.begin(path, request.method, request.query, corpid, self._platform.clock())
        delay = self._latency.of(path)
        if delay:
            self._closing.wait(delay)
        met = self._faults.meet(path, corpid)
        fault = met[-1] if met and met[-1].action != "then" else None
        call.fault = ", ".join(fault.name for fault in met)
        for edit in met:
            if edit.action == "then":
                edit.value()
        answer = self._faulty(request, route, corpid, fault)
        self._calls.end(call, answer.errcode, 0 if answer.cut == "headers" else answer.status, len(answer.body))
        return answer

    def _faulty(self, request: Request, route: Route | None, corpid: str, fault: Fault | None) -> Answer:
        if fault is None:
            return self._true(request, route, corpid)
        if fault.action == "errcode":
            return self._failure(request, ApiError(fault.value), fault.extra)
        if fault.action == "status":
            return Answer(BAD_GATEWAY.replace(b"502 Bad Gateway", b"%d" % fault.value), None, fault.value, "text/html")
        if fault.action == "body":
            text = fault.value.encode() if isinstance(fault.value, str) else fault.value
            return Answer(text, None)
        if fault.action == "cut" and fault.value == "headers":
            return Answer(b"", None, cut="headers")
        if fault.action == "hang":
            self._hang(request, fault)
            return self._true(request, route, corpid)
        if fault.action == "answer_as":
            return self._true(request, route, corpid, fault.value)
        return spoil(fault, self._true(request, route, corpid))

    def _true(self, request: Request, route: Route | None, corpid: str, answer_as: str | None = None) -> Answer:
        """What WeCom would answer."""
        if route is None:
            return NOT_FOUND
        try:
            leave = self._limits.enter(corpid, route.path)
            try:
                return Answer(self._ask(request, route, answer_as))
            finally:
                leave()
        except ApiError as error:
            return self._failure(request, error)

    def _ask(self, request: Request, route: Route, answer_as: str | None) -> bytes:
        if route.method == "POST" and request.method != "POST":
            raise ApiError(40058)
        query = request.query
        platform = self._platform
        asked = Asked(platform, query, {}, self._base_url(), request.ip)
        if route.kind is None and answer_as is not None:
            query = asked.query = self._credentials(answer_as, query)
        if route.kind is not None:
            token = platform.tokens.check(route.kind, query.get(PARAMETERS[route.kind]))
            if route.kind == "suite":
                asked.suite_id = str(token.owner)
            elif route.kind == "app":
                app = platform.app_of(token)
                if answer_as is not None:
                    app = self._app(answer_as, app.suite_id)
                if app.closed and not route.when_closed:
                    raise ApiError(50003)
                asked.app = app
        if route.method == "POST":
            asked.data = read_body(request.body)
        if route.path != "gettoken":
            with platform.lock:
                return route.answer(asked)
        return self._token(route, asked)

    def _token(self, route: Route, asked: Asked) -> bytes:
        """gettoken, with the bar for addresses that send wrong secrets."""
        self._limits.admit(asked.ip)
        try:
            with self._platform.lock:
                return route.answer(asked)
        except ApiError as error:
            if error.errcode == 40001:
                self._limits.count_wrong_secret(asked.ip)
            raise

    def _failure(self, request: Request, error: ApiError, extra: dict[str, Any] | None = None) -> Answer:
        if error.errcode == 0:
            return Answer(encode({"errcode": 0, "errmsg": "ok", **(extra or {})}))
        self._hints += 1
        hint = f"{int(self._platform.clock())}_{self._hints}_{self._platform.mint.text('hint', 32).lower()}"
        return failure(error.errcode, hint=hint, ip=request.ip, note=error.note, fields=extra)

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
        if route.path == "gettoken":
            return request.query.get("corpid", "")
        try:
            return str(read_body(request.body).get("auth_corpid", ""))
        except ApiError:
            return ""

    def _app(self, corpid: str, suite_id: str | None) -> Any:
        corp = self._platform.corps[corpid]
        return next(app for app in corp.apps.values() if suite_id in (None, app.suite_id))

    def _credentials(self, corpid: str, query: dict[str, str]) -> dict[str, str]:
        return {**query, "corpid": corpid, "corpsecret": self._app(corpid, None).secret}

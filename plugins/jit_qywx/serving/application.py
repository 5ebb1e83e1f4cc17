"""The callback server as an ASGI application: routes, bodies read with a limit, and its life."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from jit_qywx.serving.metrics import Metrics, Standing
from jit_qywx.serving.reception import Answer, Reception
from jit_qywx.serving.requests import Head, Refused
from jitcore import App
from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from os import PathLike

    from starlette.types import Receive, Scope, Send

    from jit_qywx.journal import Journal
    from jit_qywx.suite import Suite

__all__ = ["build"]

logger = logging.getLogger(__name__)

#: Whoever sends a megabyte more slowly than this is not WeCom.
_BODY_SECONDS = 10.0


def build(app: App | str | PathLike[str], *, reconcile: float | None, max_skew: float | None) -> Starlette:
    """See :func:`jit_qywx.serving.asgi_app`."""
    server = _Server(app, reconcile, max_skew)
    callbacks = _Callbacks(server)
    application = Starlette(
        routes=[
            Route("/callbacks/{authFullName}", callbacks),
            Route("/callbacks/{authFullName}/{corpId}", callbacks),
            Route("/healthz", server.healthz),
            Route("/readyz", server.readyz),
            Route("/metrics", server.metrics),
        ],
        lifespan=server.lifespan,
    )
    application.router.redirect_slashes = False
    return application


class _Server:
    """One App behind HTTP."""

    def __init__(self, app: App | str | PathLike[str], reconcile: float | None, max_skew: float | None) -> None:
        self._given = app
        self._reconcile = reconcile
        self._max_skew = max_skew
        self._figures = Metrics()
        self._figures.registry.register(Standing(self._suites))
        self._reception: Reception | None = None
        self._starting = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Open and start; at the end close what was opened here."""
        reception = await self.reception()
        try:
            yield
        finally:
            await asyncio.to_thread(self._close, reception)

    async def reception(self) -> Reception:
        """The reception, started by whoever comes first."""
        if self._reception is None:
            async with self._starting:
                if self._reception is None:
                    self._reception = await asyncio.to_thread(self._start)
        return self._reception

    async def healthz(self, _: Request) -> Response:
        """Alive: this process answers."""
        return PlainTextResponse("ok")

    async def readyz(self, _: Request) -> Response:
        """Ready: every auth element takes callbacks, and the database answers."""
        reception = await self.reception()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                await asyncio.to_thread(self._check, reception)
        except JitError as error:
            return PlainTextResponse(error.code, 503)
        except TimeoutError:
            return PlainTextResponse("database-busy", 503)
        return PlainTextResponse("ok" if reception.ready else "no auth element", 200 if reception.ready else 503)

    async def metrics(self, _: Request) -> Response:
        """The figures."""
        await self.reception()
        return Response(await asyncio.to_thread(self._figures.text), media_type=CONTENT_TYPE_LATEST)

    def _start(self) -> Reception:
        app = self._given if isinstance(self._given, App) else App(self._given)
        reception = Reception(app, reconcile=self._reconcile, max_skew=self._max_skew, observer=self._figures)
        reception.start()
        return reception

    def _close(self, reception: Reception) -> None:
        # In-flight requests were answered before; what they brought is stored, what is not worked off stays so.
        if reception.app is not self._given:
            reception.app.close()
            self._reception = None

    def _check(self, reception: Reception) -> None:
        reception.open_missing()
        for door in reception.doors.values():
            door.worker.reconciles.next_due()

    def _suites(self) -> dict[str, tuple[Suite, Journal]]:
        doors = self._reception.doors if self._reception is not None else {}
        suites = {}
        for name, door in doors.items():
            suite: Any = door.worker.suite
            suites[name] = (suite, suite.journal)
        return suites


class _Callbacks:
    """The callback URLs of both channels."""

    def __init__(self, server: _Server) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request)
        if answer is not None:
            response = PlainTextResponse(answer.text, answer.status, dict(answer.headers))
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Answer | None:
        reception = await self._server.reception()
        names = request.path_params
        corpId: str | None = names.get("corpId")
        begun = reception.begin(_head(request), names["authFullName"], corpId)
        if isinstance(begun, Answer):
            return begun
        try:
            body = await self._body(request, reception.max_body)
        except Refused as refused:
            return reception.refuse(begun.channel, refused, begun.begun)
        except ClientDisconnect:
            logger.warning("a callback's sender hung up")
            return None
        return await reception.answer_soon(begun, body)

    async def _body(self, request: Request, most: int) -> bytes:
        if request.method != "POST":
            return b""
        parts, size = [], 0
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    if size > most:
                        raise Refused(413, "size")
                    parts.append(part)
        except TimeoutError:
            raise Refused(408, "slow") from None
        return b"".join(parts)


def _head(request: Request) -> Head:
    headers = request.headers
    length = headers.get("content-length", "")
    return Head(
        request.method,
        request.scope["query_string"],
        headers.get("content-type", ""),
        headers.get("content-encoding", ""),
        int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None,
    )

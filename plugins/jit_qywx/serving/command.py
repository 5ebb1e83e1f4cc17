"""``jit serve``: the callback server as a program."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import click

from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from jitcore import App

__all__ = ["serve"]

_DAY = 86_400.0
_BACKLOG = 2_048
#: Seconds that requests under way get to end.
_GRACE = 10


class _Period(click.ParamType[float]):
    name = "SECONDS|off"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if value == "off":
            return 0.0
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not seconds > 0:
            self.fail(f"{value!r} is neither a number of seconds nor off.", param, ctx)
        return seconds


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option(
    "--reconcile",
    type=_Period(),
    default=_DAY,
    show_default="a day",
    help="Read every enterprise in full at least so often, whatever events came.",
)
@click.option(
    "--max-skew", type=click.FloatRange(min=1), default=600.0, show_default=True, metavar="SECONDS",
    help="How far the time in a request may be off.",
)  # fmt: skip
@click.option("--proxy-headers/--no-proxy-headers", default=False, help="Believe X-Forwarded-For and -Proto.")
@click.option(
    "--forwarded-allow-ips", default="127.0.0.1", show_default=True, metavar="ADDRESSES",
    help="Whose headers to believe, with --proxy-headers.",
)  # fmt: skip
@click.option("--root-path", default="", metavar="PATH", help="The path that a proxy in front takes away.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True,
    help="What to log to standard error.",
)  # fmt: skip
@click.pass_obj
def serve(
    open_app: Callable[[], App],
    host: str,
    port: int,
    reconcile: float,
    max_skew: float,
    proxy_headers: bool,
    forwarded_allow_ips: str,
    root_path: str,
    log_level: str,
) -> None:
    """Receive WeCom's callbacks, work them off, and keep the organisations right, until SIGTERM or Ctrl-C.

    The callback URLs are /callbacks/AUTH for a template and /callbacks/AUTH/$CORPID$ for its enterprises' apps, where
    AUTH is the full name of an auth element. Put a reverse proxy with a certificate in front.
    """
    from jit_qywx.serving import asgi_app, needing_server

    with needing_server():
        import uvicorn
    app = open_app()
    application = asgi_app(app, reconcile=reconcile or None, max_skew=max_skew)
    # The applications that are built on the library configure its logging; here that is us.
    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    # Threads that work must not keep the one that receives waiting for its turn.
    sys.setswitchinterval(0.0005)
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=proxy_headers,
        forwarded_allow_ips=forwarded_allow_ips,
        root_path=root_path,
        timeout_graceful_shutdown=_GRACE,
    )
    with _listening(host, port) as listener:
        application.router.lifespan_context = _announced(
            application.router.lifespan_context, lambda: _print_ready(app, listener)
        )
        # The server raises the signal that ended it once more: the App is to be closed after that.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        uvicorn.Server(config).run(sockets=[listener])


def _announced(lifespan: Callable[[Any], Any], announce: Callable[[], None]) -> Callable[[Any], Any]:
    """A lifespan that says when it has begun."""

    @contextlib.asynccontextmanager
    async def announced(application: Any) -> AsyncIterator[None]:
        async with lifespan(application):
            announce()
            yield

    return announced


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ArgumentError(
            f"{host}:{port} cannot be listened on: {error.strerror}.", hint="Choose another with --host and --port."
        ) from error


def _print_ready(app: App, listener: socket.socket) -> None:
    from jit_qywx.enterprises import auth_elements

    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"Serving {app.name} at {address} (Ctrl-C ends it)")
    for name, _ in auth_elements(app):
        click.echo(f"  template (指令回调)  {address}/callbacks/{name}")
        click.echo(f"  apps     (数据回调)  {address}/callbacks/{name}/$CORPID$")
    sys.stdout.flush()

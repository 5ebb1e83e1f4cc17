"""Serving callbacks over HTTP: the server that ``jit serve`` runs, and its parts for a server of your own.

:func:`asgi_app` is the whole as an ASGI application, to be run or mounted; :class:`Reception` is what it asks for each
answer, for frameworks that are not ASGI. Needs the extra ``server``; :class:`Reception` does not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jit_qywx.errors import ServerMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from starlette.applications import Starlette

    from jit_qywx.serving.reception import Answer, Reception
    from jitcore import App

__all__ = ["Answer", "Reception", "asgi_app"]


@contextmanager
def needing_server() -> Iterator[None]:
    """Import what the extra ``server`` installs.

    :raises ServerMissing: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise ServerMissing(
            f"The callback server needs the package {error.name}.", hint="Run: pip install 'jitcore[server]'"
        ) from error


def asgi_app(
    app: App | str | PathLike[str], *, reconcile: float | None = 86_400.0, max_skew: float = 600.0
) -> Starlette:
    """The callback server as an ASGI application.

    Its routes are ``/callbacks/{authFullName}``, ``/callbacks/{authFullName}/{corpId}``, ``/healthz``, ``/readyz`` and
    ``/metrics``. It starts working with its lifespan, or with its first request where nobody runs that.

    :param app: an open App, which the caller closes; or an app's folder, which is opened and closed with the lifespan.
    :param reconcile: seconds between two full readings of each enterprise at most; None reads in full only when
        something asks for it.
    :param max_skew: how many seconds the time in a request may be off.
    :raises ServerMissing: the extra ``server`` is not installed.
    """
    with needing_server():
        from jit_qywx.serving.application import build
    return build(app, reconcile=reconcile, max_skew=max_skew)


def __getattr__(name: str) -> Any:
    # The help of jit serve comes through here and needs no database.
    if name not in {"Answer", "Reception"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jit_qywx.serving import reception

    return getattr(reception, name)

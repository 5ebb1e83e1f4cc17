"""The emulator as a program: corps made to order, running until it is told to stop."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from jit_qywx.emulator.emulator import Emulator
from jit_qywx.emulator.organisation import Org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DEFAULT_PORT = 8931
TICKET_EVERY = 600.0
"""Seconds between two suite_tickets (document 97162: about every ten minutes)."""
REDIRECT_DOMAIN = "127.0.0.1:8000"
"""The domain that the corps' apps trust: where a development server usually listens."""


def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    *,
    seed: object = 0,
    corps: int | Iterable[str] = 2,
    members: int = 120,
    departments: int = 12,
    tags: int = 5,
    suite: tuple[str, str, str, str] | None = None,
    callback: str = "",
    app_callback: str = "",
    ticket_every: float = TICKET_EVERY,
    redirect_domain: str = REDIRECT_DOMAIN,
    on_ready: Callable[[Emulator], object] | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Run an emulator with generated corps, each with the suite installed, until SIGINT, SIGTERM or `stop`.

    Args:
        host: address to bind; the control API asks no questions, so keep it on the loopback.
        port: port to bind, 0 takes a free one.
        seed: decides ids, credentials and organisations.
        corps: how many corps, or their corpids.
        members: members of each corp.
        departments: departments of each corp.
        tags: tags of each corp.
        suite: (suite id, secret, token, EncodingAESKey) of the first suite; made from the seed when None.
        callback: the suite's callback URL: gets a suite_ticket at the start and again and again, and every template
            event. It may also be set later, by set_callback_url.
        app_callback: URL of the app channel, `$CORPID$` in it replaced by the corp's id: gets every edit.
        ticket_every: seconds between two suite_tickets.
        redirect_domain: the host, with its port, that login pages may lead back to.
        on_ready: called once with the emulator when it listens; `control.describe` tells its credentials.
        stop: ends the emulator when set.

    Raises:
        OSError: the port is taken.
    """
    stop = stop or threading.Event()
    restore = _on_signals(stop)
    try:
        with Emulator(seed=seed, host=host, port=port) as emulator:
            if suite is not None:
                emulator.platform.suites.clear()
                emulator.suite = emulator.add_suite(*suite)
            emulator.set_callback_url(callback, app_callback)
            for number, corpid in enumerate([None] * corps if isinstance(corps, int) else corps):
                org = Org.generate(f"{seed} {number}", members, departments, tags)
                corp = emulator.add_corp(corpid, org.departments[1].name, org)
                emulator.install(corp.corpid, redirect_domain=redirect_domain)
                emulator.follow(corp.corpid)
            if on_ready is not None:
                on_ready(emulator)
            push_tickets(emulator)
            while not stop.wait(ticket_every):
                push_tickets(emulator)
    except KeyboardInterrupt:
        pass  # Where no handler could be set, SIGINT arrives like this; it is the ordinary end.
    finally:
        restore()


def push_tickets(emulator: Emulator) -> None:
    """Push a new suite_ticket to every suite that has a callback URL, in the background."""
    for suite in tuple(emulator.platform.suites.values()):
        if suite.callback_url:
            emulator.courier.send(emulator.callbacks.ticket(suite), suite.callback_url)


def _on_signals(stop: threading.Event) -> Callable[[], None]:
    """Let SIGINT and SIGTERM set `stop`; returns what puts the old handlers back. Only the main thread may do this."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, lambda *_: stop.set()) for kind in kinds}

    def restore() -> None:
        for kind, handler in before.items():
            signal.signal(kind, handler)

    return restore

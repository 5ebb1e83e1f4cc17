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
    push_to: str | None = None,
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
        push_to: URL that gets a suite_ticket at the start and every ten minutes.
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
            for number, corpid in enumerate([None] * corps if isinstance(corps, int) else corps):
                org = Org.generate(f"{seed} {number}", members, departments, tags)
                corp = emulator.add_corp(corpid, org.departments[1].name, org)
                emulator.install(corp.corpid)
            if on_ready is not None:
                on_ready(emulator)
            while True:
                if push_to is not None:
                    emulator.push_ticket(push_to)
                if stop.wait(TICKET_EVERY):
                    break
    except KeyboardInterrupt:
        pass  # Where no handler could be set, SIGINT arrives like this; it is the ordinary end.
    finally:
        restore()


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

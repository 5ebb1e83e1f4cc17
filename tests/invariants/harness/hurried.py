"""A process of an app for which time passes faster, so that minutes of quotas are seconds; run as a program.

``hurried.py APP BASE SPEED sync NAME`` syncs an organisation. ``hurried.py APP BASE SPEED call SECONDS`` has several
threads make all the calls for the app's enterprises that they may, for so many of its seconds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_qywx.client.timing import Timing
from jit_qywx.errors import QywxError
from jitcore import App

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AUTH", "Hurry"]

AUTH = "auths.Wecom"


@dataclass(frozen=True)
class Hurry:
    """Time that passes so many times as fast, for all processes that have the same base."""

    base: float
    speed: float

    def now(self) -> float:
        return self.base + (time.time() - self.base) * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)

    @property
    def timing(self) -> Timing:
        return Timing(now=self.now, monotonic=self.now, sleep=self.sleep)


def sync(app: App, hurry: Hurry, name: str) -> None:
    corp = app.getElement(name)
    corp.clock = hurry.now
    corp.syncCorp()


def call(app: App, hurry: Hurry, seconds: str) -> None:
    """Two threads for each enterprise, one as a reading and one as the app itself."""
    auth = app.getElement(AUTH)
    clients: list[Any] = []
    for authorization in auth.authorizations():
        client = auth.getClient(authorization.corpId)
        with client.reading() as reading:
            clients += [client, reading]
    # Modules, connections and tokens take a while of their own.
    for client in clients:
        client.department.list()
    until = hurry.now() + float(seconds)

    def hammer(ask: Callable[[str], object]) -> None:
        while hurry.now() < until:
            try:
                ask("nobody")
            except QywxError:
                # That there is nobody is an answer like any other.
                continue

    for client in clients:
        threading.Thread(target=hammer, args=[client.user.get], daemon=True).start()
    hurry.sleep(until - hurry.now())


def main(path: str, base: str, speed: str, what: str, argument: str) -> None:
    hurry = Hurry(float(base), float(speed))
    app = App(path)
    app.getElement(AUTH).timing = hurry.timing
    {"sync": sync, "call": call}[what](app, hurry, argument)


if __name__ == "__main__":
    main(*sys.argv[1:])
    # Threads that wait for a quota are not waited for.
    os._exit(0)

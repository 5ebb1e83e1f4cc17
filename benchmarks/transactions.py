"""How long the transactions of a sync take, seen from outside: from ``BEGIN`` to the end of ``COMMIT``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from jitcore.storage import Storage
from jitcore.storage.statements import Phase, Statement


@dataclass(slots=True)
class Transactions:
    """The write transactions that ended while watching."""

    seconds: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """That of the publish: nothing else that a sync writes has more than a few rows."""
        return max(self.seconds)


@contextmanager
def watched(storage: Storage) -> Iterator[Transactions]:
    """Watch every thread's transactions."""
    found = Transactions()
    thread = threading.local()

    def listen(phase: Phase, statement: Statement) -> None:
        if statement.verb == "BEGIN" and phase == "before":
            thread.began, thread.wrote = time.perf_counter(), False
        elif statement.verb == "COMMIT" and phase == "after":
            if thread.wrote:
                found.seconds.append(time.perf_counter() - thread.began)
        elif statement.kind == "write":
            thread.wrote = True

    with storage.on_statement(listen):
        yield found

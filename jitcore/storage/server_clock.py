"""The time by the clock of the database's server: the one clock that all machines which share a database have.

A claim that ends, and which of two readings is the newer one, are decided by comparing times that several machines
wrote. Their own clocks may differ by hours. So the server's time is asked for now and then and counted on from there,
which costs no statement for each time that is asked for.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from jitcore.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitcore.storage.store import Storage

__all__ = ["ServerClock"]

#: How long it is counted on before the server is asked again.
COUNTED_SECONDS = 600.0
#: This machine was suspended, or its clock was set, when its two clocks differ by more than that all of a sudden.
SUDDEN_SECONDS = 1.0


class ServerClock:
    """Tells seconds since the epoch when called. It never fails: where the server cannot be asked, it is this machine's
    time, and what needs the database fails by itself a moment later.

    :param query: SQL for the server's time; ``None`` when the database is on this machine.
    :param machine: this machine's clock.
    :param steady: seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        storage: Storage,
        query: str | None,
        machine: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._query = query
        self._machine = machine
        self._steady = steady
        self._asked: _Asked | None = None

    def __call__(self) -> float:
        if self._query is None:
            return self._machine()
        if self._asked is None or not self._holds(self._asked):
            try:
                self._asked = self._ask(self._query)
            except StorageError:
                if self._asked is None:
                    return self._machine()
        return self._steady() + self._asked.ahead

    def _holds(self, asked: _Asked) -> bool:
        steady = self._steady()
        sudden = abs(self._machine() - steady - asked.between)
        return steady - asked.at < COUNTED_SECONDS and sudden < SUDDEN_SECONDS

    def _ask(self, query: str) -> _Asked:
        with self._storage.boundary():
            database: Any = self._storage.database
            # To connect takes far longer than to ask.
            database.connection()
            before = self._steady()
            (told,) = database.execute_sql(query).fetchone()
            after = self._steady()
        # It was told at some moment in between.
        return _Asked(float(told) - (before + after) / 2, self._machine() - after, after)


class _Asked(NamedTuple):
    """What the server was asked.

    :param ahead: how far its clock is ahead of the steady one.
    :param between: how far this machine's is, then.
    :param at: when, by the steady one.
    """

    ahead: float
    between: float
    at: float

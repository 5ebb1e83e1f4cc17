"""A Peewee database that tells about its statements and loses no connection.

Peewee keeps one connection per thread and forgets it when the thread ends, neither closed nor usable. An observed
database closes the connections of finished threads when the next one connects, closes all of them at the end, and
leaves those alone that a forked child inherited.

A thread that is inside its driver holds a lock meanwhile: closing an SQLite connection under a statement that is being
prepared ends the process with a segmentation fault.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, cast

import peewee

from jitcore.storage.kinds import Kind, kind_of
from jitcore.storage.statements import Listener, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ObservedDatabase", "observe"]

#: How long closing waits for a statement of another thread before it leaves the connection to that thread, in seconds.
CLOSING_SECONDS = 5.0


def observe(database: peewee.Database) -> ObservedDatabase:
    """Give a Peewee database the behaviour of this module and return the same object.

    SQLite files get WAL, ``synchronous=NORMAL``, foreign keys and a cache of 16 MB on every connection, except for
    pragmas that the database was made with.

    :param database: any Peewee database that is not connected yet; an observed one is returned as it is.
    """
    if not isinstance(database, ObservedDatabase):
        kind = kind_of(database)
        bases = (ObservedDatabase, *kind.dialects, type(database))
        # An App's database may come from anybody's Type: changing the class keeps the object and its settings.
        database.__class__ = type(f"Observed{type(database).__name__}", bases, {})
        observed = cast("ObservedDatabase", database)
        observed.observed = Observation(kind)
        kind.prepare(observed)
    return cast("ObservedDatabase", database)


class Observation:
    """What an observed database remembers: its kind, who listens, and whose connection is whose."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.listeners: list[Listener] = []
        self.closed = False
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.use = _Use()
        self.connections: dict[int, tuple[threading.Thread, threading.RLock, Any]] = {}
        self.inherited: list[Any] = []

    def tell(self, phase: Any, statement: Statement) -> None:
        for listener in tuple(self.listeners):
            listener(phase, statement)

    def add(self, connection: Any) -> None:
        with self.lock:
            self.connections[id(connection)] = (threading.current_thread(), self.use.lock, connection)

    def remove(self, connection: Any) -> None:
        with self.lock:
            self.connections.pop(id(connection), None)

    def take(self, *, only_finished: bool) -> list[tuple[threading.RLock, Any]]:
        """Hand over the connections of finished threads, or of all, each with the lock of its thread."""
        with self.lock:
            taken = [key for key, held in self.connections.items() if not (only_finished and held[0].is_alive())]
            return [self.connections.pop(key)[1:] for key in taken]

    def forget_parent(self) -> None:
        """Let go of the parent process's connections without closing them, which would end the parent's sessions."""
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.use = _Use()
        # Kept referenced, because a connection that is collected closes itself.
        self.inherited += [connection for _, _, connection in self.connections.values()]
        self.connections = {}


class _Use(threading.local):
    """One thread's lock, held while it is inside the driver."""

    def __init__(self) -> None:
        self.lock = threading.RLock()


class ObservedDatabase(peewee.Database):
    """The mixin that :func:`observe` puts in front of a database's own class."""

    observed: Observation

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        statement = Statement(sql)
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            cursor = super().execute_sql(sql, params)
        self.observed.tell("after", statement)
        return cursor

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> Any:
        """Run one prepared statement for many ready rows and return the driver's cursor."""
        statement = Statement(sql)
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            cursor = self.cursor()
            cursor.executemany(sql, rows)
        self.observed.tell("after", statement)
        return cursor

    def copy_in(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> Any:
        """Stream ready rows into PostgreSQL with ``COPY … FROM STDIN`` and return the driver's cursor."""
        statement = Statement(sql)
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            cursor = self.cursor()
            with cursor.copy(sql) as copy:
                for row in rows:
                    copy.write_row(row)
        self.observed.tell("after", statement)
        return cursor

    def execute_text(self, sql: str, text: str) -> Any:
        """Run on MariaDB or MySQL a statement that holds its values already, and return the driver's cursor.

        :param sql: what whoever listens is told, without the values.
        """
        statement = Statement(sql)
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            cursor = self.run_text(sql, text)  # type: ignore[attr-defined]  # of MySQLDialect, which lies behind this class
        self.observed.tell("after", statement)
        return cursor

    def begin(self, *args: Any) -> None:
        statement = Statement(" ".join(("BEGIN", *filter(None, args))))
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            try:
                super().begin(*args)
            except peewee.PeeweeException:
                # That the server ended an idle connection shows only now. Nothing was begun on it: a new one will do.
                if self.observed.closed or not self.observed.kind.is_lost(self.connection()):
                    raise
                self.close()
                super().begin(*args)
        self.observed.tell("after", statement)

    def commit(self) -> None:
        statement = Statement("COMMIT")
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            self._refuse_closed()
            super().commit()
        self.observed.tell("after", statement)

    def rollback(self) -> None:
        if self.observed.kind.is_over(self):
            return
        statement = Statement("ROLLBACK")
        self.observed.tell("before", statement)
        with self.observed.use.lock:
            super().rollback()
        self.observed.tell("after", statement)

    def cursor(self, *args: Any, **options: Any) -> Any:
        self._refuse_closed()
        return super().cursor(*args, **options)

    def connect(self, reuse_if_open: bool = False) -> bool:
        self._refuse_closed()
        for _, connection in self.observed.take(only_finished=True):
            self._close(connection)  # type: ignore[attr-defined]  # Peewee's way to close one; its stubs lack it
        with self.observed.use.lock:
            opened = super().connect(reuse_if_open)
            if opened:
                connection = self.connection()
                self.observed.add(connection)
                kind = self.observed.kind
                try:
                    # Whoever closes all may have looked just before.
                    self._refuse_closed()
                    kind.connected(self, connection)
                except peewee.InterfaceError:
                    self.close()
                    raise
                except kind.driver_errors() as error:
                    self.close()
                    raise peewee.OperationalError(error, *error.args) from error
        return opened

    def is_closed(self) -> bool:
        if self.observed.process != os.getpid():
            self.observed.forget_parent()
            self.dispose()
        return super().is_closed()

    def close(self) -> bool:
        with self.observed.use.lock:
            if not self.is_closed() and not self.in_transaction():
                self.observed.remove(self.connection())
            return super().close()

    def close_all(self) -> None:
        """Close the connections of every thread; using them or connecting again is refused.

        A statement that another thread is in the middle of is waited for, for a few seconds.
        """
        self.observed.closed = True
        for lock, connection in self.observed.take(only_finished=False):
            # Of one that is not had in time, the next statement and the commit are refused to its thread.
            if lock.acquire(timeout=CLOSING_SECONDS):
                try:
                    self._close(connection)  # type: ignore[attr-defined]  # as in connect()
                finally:
                    lock.release()
        self.dispose()

    def _refuse_closed(self) -> None:
        if self.observed.closed:
            raise peewee.InterfaceError("The database was closed together with its App.")

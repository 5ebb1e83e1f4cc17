"""A Peewee database that tells about its statements and loses no connection.

Peewee keeps one connection per thread and forgets it when the thread ends, neither closed nor usable. An observed
database closes the connections of finished threads when the next one connects, closes all of them at the end, and
leaves those alone that a forked child inherited.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import peewee

from jitcore.storage.statements import Listener, Statement

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ObservedDatabase", "observe"]

#: For SQLite files: readers and one writer at once, safe against a crash of the process, foreign keys enforced.
_SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal", "foreign_keys": "on"}
#: How long, and how often, a new file's connections try to be the one that sets its journal mode, in seconds.
_BUSY_SECONDS, _BUSY_POLL = 10.0, 0.01


def observe(database: peewee.Database) -> ObservedDatabase:
    """Give a Peewee database the behaviour of this module and return the same object.

    SQLite files get WAL, ``synchronous=NORMAL`` and foreign keys on every connection, except for pragmas that the
    database was made with.

    :param database: any Peewee database that is not connected yet; an observed one is returned as it is.
    """
    if not isinstance(database, ObservedDatabase):
        # An App's database may come from anybody's Type: changing the class keeps the object and its settings.
        database.__class__ = type(f"Observed{type(database).__name__}", (ObservedDatabase, type(database)), {})
        cast("ObservedDatabase", database).observed = Observation()
        if isinstance(database, peewee.SqliteDatabase):
            # Each thread has its own connection, but another thread closes it when its owner has ended.
            database.connect_params.setdefault("check_same_thread", False)
    return cast("ObservedDatabase", database)


class Observation:
    """What an observed database remembers: who listens, and whose connection is whose."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.closed = False
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.connections: dict[int, tuple[threading.Thread, Any]] = {}
        self.inherited: list[Any] = []

    def tell(self, phase: Any, statement: Statement) -> None:
        for listener in tuple(self.listeners):
            listener(phase, statement)

    def add(self, connection: Any) -> None:
        with self.lock:
            self.connections[id(connection)] = (threading.current_thread(), connection)

    def remove(self, connection: Any) -> None:
        with self.lock:
            self.connections.pop(id(connection), None)

    def take(self, *, only_finished: bool) -> list[Any]:
        """Hand over the connections of finished threads, or of all."""
        with self.lock:
            taken = [key for key, (thread, _) in self.connections.items() if not (only_finished and thread.is_alive())]
            return [self.connections.pop(key)[1] for key in taken]

    def forget_parent(self) -> None:
        """Let go of the parent process's connections without closing them, which would end the parent's sessions."""
        self.process = os.getpid()
        self.lock = threading.Lock()
        # Kept referenced, because a connection that is collected closes itself.
        self.inherited += [connection for _, connection in self.connections.values()]
        self.connections = {}


class ObservedDatabase(peewee.Database):
    """The mixin that :func:`observe` puts in front of a database's own class."""

    observed: Observation

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        statement = Statement(sql)
        self.observed.tell("before", statement)
        cursor = super().execute_sql(sql, params)
        self.observed.tell("after", statement)
        return cursor

    def executemany(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> Any:
        """Run one prepared statement for many ready rows and return the driver's cursor."""
        statement = Statement(sql)
        self.observed.tell("before", statement)
        cursor = self.cursor()
        cursor.executemany(sql, rows)
        self.observed.tell("after", statement)
        return cursor

    def copy_in(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> Any:
        """Stream ready rows into PostgreSQL with ``COPY … FROM STDIN`` and return the driver's cursor."""
        statement = Statement(sql)
        self.observed.tell("before", statement)
        cursor = self.cursor()
        with cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
        self.observed.tell("after", statement)
        return cursor

    def begin(self, *args: Any) -> None:
        statement = Statement(" ".join(("BEGIN", *filter(None, args))))
        self.observed.tell("before", statement)
        try:
            super().begin(*args)
        except peewee.PeeweeException:
            # That the server ended an idle connection shows only now. Nothing was begun on it, so a new one will do.
            if not getattr(self.connection(), "closed", False):
                raise
            self.close()
            super().begin(*args)
        self.observed.tell("after", statement)

    def commit(self) -> None:
        statement = Statement("COMMIT")
        self.observed.tell("before", statement)
        super().commit()
        self.observed.tell("after", statement)

    def rollback(self) -> None:
        if self.is_transaction_over():
            return
        statement = Statement("ROLLBACK")
        self.observed.tell("before", statement)
        super().rollback()
        self.observed.tell("after", statement)

    def is_transaction_over(self) -> bool:
        """Whether the database ended this thread's transaction by itself.

        SQLite does when the disk is full, and a broken connection has none: a ``ROLLBACK`` would fail and hide why.
        """
        connection = self.connection()
        return bool(getattr(connection, "closed", False)) or not getattr(connection, "in_transaction", True)

    def connect(self, reuse_if_open: bool = False) -> bool:
        if self.observed.closed:
            raise peewee.InterfaceError("The database was closed together with its App.")
        for connection in self.observed.take(only_finished=True):
            self._close(connection)  # type: ignore[attr-defined]  # Peewee's way to close one; its stubs lack it
        opened = super().connect(reuse_if_open)
        if opened:
            connection = self.connection()
            self.observed.add(connection)
            if isinstance(self, peewee.SqliteDatabase):
                try:
                    _set_pragmas(self, connection)
                except sqlite3.Error as error:
                    self.close()
                    raise peewee.OperationalError(error, *error.args) from error
        return opened

    def is_closed(self) -> bool:
        if self.observed.process != os.getpid():
            self.observed.forget_parent()
            self.dispose()
        return super().is_closed()

    def close(self) -> bool:
        if not self.is_closed() and not self.in_transaction():
            self.observed.remove(self.connection())
        return super().close()

    def close_all(self) -> None:
        """Close the connections of every thread; connecting again is refused."""
        self.observed.closed = True
        for connection in self.observed.take(only_finished=False):
            self._close(connection)  # type: ignore[attr-defined]  # as in connect()
        self.dispose()


def _set_pragmas(database: peewee.SqliteDatabase, connection: sqlite3.Connection) -> None:
    chosen = dict(getattr(database, "_pragmas", ()))
    for pragma, value in _SQLITE_PRAGMAS.items():
        if pragma in chosen:
            continue
        try:
            if pragma == "journal_mode":
                _set_journal_mode(connection, str(value))
            else:
                connection.execute(f"PRAGMA {pragma} = {value}").close()
        except sqlite3.OperationalError as error:
            # A file that may only be read keeps its journal mode.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:
                raise


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> None:
    """Change the mode unless it is that already, which needs no lock.

    SQLite does not wait for the lock it takes here, whatever the busy timeout: of several processes that open a new
    file at once, all but one are refused, and find the mode changed when they ask again.
    """
    deadline = time.monotonic() + _BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_POLL)

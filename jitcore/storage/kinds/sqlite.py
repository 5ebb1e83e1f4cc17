"""SQLite: one file, one writer at a time, and the default.

The codes of its errors: https://www.sqlite.org/rescode.html.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from jitcore.storage import errors
from jitcore.storage.kinds.kind import BrokenRule, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import peewee

    from jitcore.storage.bulk_writes import BulkWriter
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["SqliteKind"]

#: KiB of pages that a connection holds in memory, because a first sync writes to a dozen indexes at once.
_HELD = 16_000
#: For SQLite files: readers and one writer at once, safe against a crash of the process, foreign keys enforced.
_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal", "foreign_keys": "on", "cache_size": -_HELD}
#: A transaction that writes many rows holds so many KiB of pages for each thousand of them, and so many at most.
_THOUSAND_ROWS, _MOST = 40, 128_000
#: How often a new file's connections try to be the one that sets its journal mode, in seconds.
_BUSY_POLL = 0.01

_CODES = {
    sqlite3.SQLITE_BUSY: errors.DatabaseBusy,
    sqlite3.SQLITE_LOCKED: errors.DatabaseBusy,
    sqlite3.SQLITE_READONLY: errors.DatabaseReadOnly,
    sqlite3.SQLITE_FULL: errors.DatabaseFull,
    sqlite3.SQLITE_CANTOPEN: errors.DatabaseUnavailable,
    sqlite3.SQLITE_IOERR: errors.DatabaseUnavailable,
    sqlite3.SQLITE_CORRUPT: errors.DatabaseUnavailable,
    sqlite3.SQLITE_NOTADB: errors.DatabaseUnavailable,
    sqlite3.SQLITE_PERM: errors.DatabaseUnavailable,
    sqlite3.SQLITE_CONSTRAINT: errors.ConstraintViolated,
}
_RULES = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "unique",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    sqlite3.SQLITE_CONSTRAINT_ROWID: "unique",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "not-null",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign-key",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "check",
}


class SqliteKind(Kind):
    """SQLite, through Python's own module."""

    name = "SQLite"
    #: A write takes the only write lock at once, because one that reads first and then finds the lock taken can only
    #: give up.
    write_mode: ClassVar[tuple[str, ...]] = ("IMMEDIATE",)
    read_mode: ClassVar[str] = "DEFERRED"

    def check(self, database: peewee.Database) -> None:
        """Every one will do."""

    def prepare(self, database: ObservedDatabase) -> None:
        # Each thread has its own connection, but another thread closes it when its owner has ended.
        database.connect_params.setdefault("check_same_thread", False)

    def connected(self, database: ObservedDatabase, connection: sqlite3.Connection) -> None:
        chosen = dict(getattr(database, "_pragmas", ()))
        for pragma, value in _PRAGMAS.items():
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

    def is_over(self, database: ObservedDatabase) -> bool:
        # SQLite ends a transaction by itself when the disk is full.
        return not database.connection().in_transaction

    @contextmanager
    def refusing_writes(self, database: ObservedDatabase) -> Iterator[None]:
        connection, lock = database.connection(), database.observed.use.lock
        with lock:
            connection.execute("PRAGMA query_only = on").close()
        try:
            yield
        finally:
            with lock:
                connection.execute("PRAGMA query_only = off").close()

    @contextmanager
    def making_room(self, database: ObservedDatabase, rows: int) -> Iterator[None]:
        # Where keys come in no order, as accounts do, each row changes another page of an index. A page that is not
        # held any more is written to the log and read again, in the end one for every row.
        wanted = min(rows // 1_000 * _THOUSAND_ROWS, _MOST)
        if wanted <= _HELD or "cache_size" in dict(getattr(database, "_pragmas", ())):
            yield
            return
        _hold(database, wanted)
        try:
            yield
        finally:
            _hold(database, _HELD)

    def writer(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> BulkWriter:
        from jitcore.storage.bulk_writes import SqliteWriter  # the writers know the observed database

        return SqliteWriter(database, transaction)

    @contextmanager
    def migrating(self, database: ObservedDatabase, seconds: float) -> Iterator[None]:
        file: Any = database
        # Rebuilding a table drops the old one, which would cascade; the pragma does nothing inside a transaction.
        enforced = file.foreign_keys
        file.foreign_keys = 0
        try:
            with database.atomic("IMMEDIATE"):
                yield
        finally:
            file.foreign_keys = enforced

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        return (sqlite3.Error,)

    def classify(self, driver: BaseException) -> type[errors.StorageError]:
        return _CODES.get(getattr(driver, "sqlite_errorcode", 0) & 0xFF, errors.StatementFailed)

    def broken_rule(self, driver: BaseException) -> BrokenRule:
        kind = _RULES.get(getattr(driver, "sqlite_errorcode", 0), "other")
        # "UNIQUE constraint failed: person.id, person.corp"
        names = str(driver).partition("constraint failed: ")[2].split(", ")
        pairs = [name.partition(".") for name in names if "." in name]
        return BrokenRule(kind, pairs[0][0] if pairs else None, tuple(column for _, _, column in pairs))


def _hold(database: ObservedDatabase, kibibytes: int) -> None:
    """Have this thread's connection hold so many pages; others are freed."""
    with database.observed.use.lock:
        # Whoever closes all of them says so before.
        if not database.observed.closed:
            database.connection().execute(f"PRAGMA cache_size = -{kibibytes}").close()


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> None:
    """Change the mode unless it is that already, which needs no lock.

    SQLite does not wait for the lock it takes here, whatever the busy timeout: of several processes that open a new
    file at once, all but one are refused, and find the mode changed when they ask again, for as long as the connection
    waits for other locks.
    """
    deadline = time.monotonic() + connection.execute("PRAGMA busy_timeout").fetchone()[0] / 1000
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_POLL)

"""MariaDB and MySQL, through PyMySQL.

What an organisation is promised on SQLite and PostgreSQL has to hold here as well, so every connection is told so: no
value is ever cut to fit its column (strict mode), text compares by its characters (case and trailing spaces count), an
``UPDATE`` counts the rows it found, and transactions that write see what is committed at each statement (``READ
COMMITTED``, as on PostgreSQL); :meth:`~jitcore.storage.Storage.reading` sees one moment (``REPEATABLE READ``).

The rooms beside this one: what Peewee has to do otherwise (``mysql_dialect.py``), what the error numbers mean
(``mysql_errors.py``), writing many rows (``mysql_writer.py``), and migrations, which cannot be undone here but can be
gone on with (``mysql_steps.py``).
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import hashlib
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import peewee

from jitcore.storage import errors
from jitcore.storage.kinds.kind import BrokenRule, Kind
from jitcore.storage.kinds.mysql_dialect import READ_ONLY, MySQLDialect, Session
from jitcore.storage.kinds.mysql_errors import LOCK_TIMEOUT, broken_rule, classify, words
from jitcore.storage.kinds.mysql_steps import STEPS_TABLE, Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from jitcore.storage.bulk_writes import BulkWriter
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["MySQLKind"]

#: The oldest that are right: MariaDB from here on survives a crash in the middle of a statement that changes a table
#: (https://mariadb.com/kb/en/atomic-ddl/); MySQL from here on takes rows as a table (``VALUES ROW(…)``).
OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 19)}
#: Tells an ``UPDATE`` to count the rows that it found instead of those that it changed (``CLIENT_FOUND_ROWS``).
_FOUND_ROWS = 2
_MODES = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"
#: Compare by code points, trailing spaces included.
COLLATIONS = {"MariaDB": "utf8mb4_nopad_bin", "MySQL": "utf8mb4_0900_bin"}


class MySQLKind(Kind):
    """A server of MariaDB or MySQL: many writers, and tables that change at once whatever the transaction does."""

    name = "MySQL"
    read_mode: ClassVar[str] = READ_ONLY
    dialects: ClassVar[tuple[type, ...]] = (MySQLDialect,)
    # UNIX_TIMESTAMP would take the local time, of which there is an hour twice a year.
    clock_query = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) / 1e6"
    after_failed_migration: ClassVar[str] = "the next opening goes on behind the last step that it had done"
    steps_table: ClassVar[str | None] = STEPS_TABLE

    def check(self, database: peewee.Database) -> None:
        """Any driver may be told; which one it is shows when it connects."""

    def check_server(self, database: ObservedDatabase) -> None:
        from jitcore.storage.error_boundary import place  # it asks the kinds itself

        connection = database.connection()
        driver = type(connection).__module__.partition(".")[0]
        if driver != "pymysql":
            raise errors.DatabaseUnsupported(
                f"jitcore needs PyMySQL, but {place(database)} is opened with {driver}.",
                hint='Install it: pip install "jitcore[mysql]".',
            )
        version, oldest = tuple(database.server_version), OLDEST[self.name]
        if version < oldest:
            raise errors.DatabaseUnsupported(
                f"{place(database).removeprefix('the ')} is served by version {_dotted(version)}, which is too old.",
                hint=f"jitcore keeps its tables in MariaDB {_dotted(OLDEST['MariaDB'])} or newer, or in MySQL "
                f"{_dotted(OLDEST['MySQL'])} or newer.",
            )

    def prepare(self, database: ObservedDatabase) -> None:
        mine: Any = database
        mine.session = Session()
        mine.connect_params["client_flag"] = mine.connect_params.get("client_flag", 0) | _FOUND_ROWS
        mine.spell_types()

    def connected(self, database: ObservedDatabase, connection: Any) -> None:
        told: Any = database
        told.mariadb = "mariadb" in str(connection.get_server_info()).lower()
        self.name = "MariaDB" if told.mariadb else "MySQL"
        if tuple(told.server_version) < OLDEST[self.name]:
            # It may not know the words below; nothing of ours is kept there.
            return
        told.collation = COLLATIONS[self.name]
        with connection.cursor() as cursor:
            cursor.execute(f"SET NAMES utf8mb4 COLLATE {told.collation}")
            cursor.execute(f"SET SESSION sql_mode = CONCAT(@@sql_mode, ',{_MODES}')")
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            cursor.execute("SELECT @@max_allowed_packet")
            told.packet = int(cursor.fetchone()[0])

    def is_lost(self, connection: Any) -> bool:
        return not getattr(connection, "open", True)

    def is_failed(self, database: ObservedDatabase) -> bool:
        mine: Any = database
        return bool(mine.session.failed)

    def writer(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> BulkWriter:
        from jitcore.storage.kinds.mysql_writer import MySQLWriter  # the writers know the observed database

        return MySQLWriter(database, transaction)

    @contextmanager
    def migrating(self, database: ObservedDatabase, seconds: float) -> Iterator[None]:
        """The lock belongs to the connection, so it ends with it; another connection may not go on in its place."""
        mine: Any = database
        name = f"jitcore {hashlib.sha256(str(database.database).encode()).hexdigest()[:40]}"
        if database.execute_sql("SELECT GET_LOCK(%s, %s)", (name, seconds)).fetchone()[0] != 1:
            raise peewee.OperationalError(LOCK_TIMEOUT, "somebody else is migrating it")
        connection = database.connection()
        try:
            # Else a table that somebody reads would be waited for all day.
            database.execute_sql(f"SET SESSION lock_wait_timeout = {max(1, int(seconds))}")
            mine.session.migrating = connection
            yield
        finally:
            mine.session.migrating = None
            if not self.is_lost(connection):
                database.execute_sql("SET SESSION lock_wait_timeout = DEFAULT")
                database.execute_sql("SELECT RELEASE_LOCK(%s)", (name,)).fetchone()

    @contextmanager
    def one_migration(self, database: ObservedDatabase, name: str) -> Iterator[None]:
        mine: Any = database
        mine.session.steps = Steps(mine, name)
        try:
            yield
        finally:
            mine.session.steps = None

    def migrator(self, database: ObservedDatabase) -> Any:
        from jitcore.storage.kinds.mysql_migrator import KeyMigrator  # an up-to-date database needs none

        return KeyMigrator(database)

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        base = getattr(sys.modules.get("pymysql"), "MySQLError", None)
        return (base,) if base is not None else ()

    def classify(self, driver: BaseException) -> type[errors.StorageError]:
        return classify(driver)

    def broken_rule(self, driver: BaseException) -> BrokenRule:
        return broken_rule(driver)

    def words(self, driver: BaseException) -> str:
        return words(driver)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))

"""PostgreSQL, through psycopg 3.

The codes of its errors: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jitcore.storage import errors
from jitcore.storage.kinds.kind import BrokenRule, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import peewee

    from jitcore.storage.bulk_writes import BulkWriter
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["MIGRATION_LOCK", "PostgresqlKind"]

#: PostgreSQL's advisory locks are numbers; this one is "jitcore" in ASCII.
MIGRATION_LOCK = int.from_bytes(b"jitcore", "big")

#: SQLSTATE or its class (first two characters); the longer one wins.
_STATES = {
    "08": errors.DatabaseUnavailable,
    "23": errors.ConstraintViolated,
    "28": errors.DatabaseUnavailable,
    "3D": errors.DatabaseUnavailable,
    "40": errors.DatabaseBusy,
    "53": errors.DatabaseUnavailable,
    "57": errors.DatabaseUnavailable,
    "25006": errors.DatabaseReadOnly,
    "53100": errors.DatabaseFull,
    "55P03": errors.DatabaseBusy,
    "57014": errors.DatabaseBusy,
}
_RULES = {"23505": "unique", "23502": "not-null", "23503": "foreign-key", "23514": "check"}
#: libpq has no code for a connection that cannot be made or is gone.
_LOST = frozenset({"OperationalError", "ConnectionTimeout", "InterfaceError"})


class PostgresqlKind(Kind):
    """PostgreSQL: many writers, and everything inside a transaction can be undone."""

    name = "PostgreSQL"
    # Not now(), which stands still in a transaction.
    clock_query = "SELECT extract(epoch FROM clock_timestamp())::double precision"

    def check(self, database: peewee.Database) -> None:
        from jitcore.storage.error_boundary import place  # it asks the kinds itself

        adapter: Any = getattr(database, "_adapter", None)
        if not isinstance(adapter, getattr(database, "psycopg3_adapter", ())):
            raise errors.DatabaseUnsupported(
                f"jitcore needs psycopg 3, but {place(database)} is opened with psycopg2.",
                hint="Make the database with prefer_psycopg3=True.",
            )

    def is_failed(self, database: ObservedDatabase) -> bool:
        # PostgreSQL answers COMMIT after a failed statement with a silent ROLLBACK.
        return bool(database.connection().info.transaction_status.name == "INERROR")

    def writer(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> BulkWriter:
        from jitcore.storage.bulk_writes import PostgresqlWriter  # the writers know the observed database

        return PostgresqlWriter(database, transaction)

    @contextmanager
    def migrating(self, database: ObservedDatabase, seconds: float) -> Iterator[None]:
        # READ COMMITTED, so that what was committed while waiting for the lock is seen.
        with database.atomic("READ COMMITTED"):
            database.execute_sql(f"SET LOCAL lock_timeout = '{seconds}s'")
            database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
            database.execute_sql("SET LOCAL lock_timeout TO DEFAULT")
            yield

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        return (sys.modules["psycopg"].Error,) if "psycopg" in sys.modules else ()

    def classify(self, driver: BaseException) -> type[errors.StorageError]:
        state = getattr(driver, "sqlstate", None)
        if state:
            return _STATES.get(state) or _STATES.get(state[:2]) or errors.StatementFailed
        lost = type(driver).__module__.partition(".")[0] == "psycopg" and type(driver).__name__ in _LOST
        return errors.DatabaseUnavailable if lost else errors.StatementFailed

    def broken_rule(self, driver: BaseException) -> BrokenRule:
        told: Any = driver
        kind = _RULES.get(told.sqlstate, "other")
        # "Key (a, b)=(1, 2) already exists." - the names may be told, the values may not.
        named = re.match(r"Key \(([^=]*)\)=", told.diag.message_detail or "")
        columns = tuple(named[1].split(", ")) if named else tuple(filter(None, [told.diag.column_name]))
        return BrokenRule(kind, told.diag.table_name, columns, told.diag.constraint_name)

    def words(self, driver: BaseException) -> str:
        state = getattr(driver, "sqlstate", None)
        if state and state.startswith("22"):
            return f"a value does not fit its column (SQLSTATE {state})"
        diagnostics = getattr(driver, "diag", None)
        return (diagnostics.message_primary if diagnostics is not None else None) or str(driver)

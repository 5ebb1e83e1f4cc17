"""What can go wrong between an App and its database, whichever driver said it.

::

    StorageError
    ├── DatabaseUnavailable    not there, refused the connection, damaged, or gone in the middle
    ├── DatabaseUnsupported    not a database that jitcore keeps its tables in
    ├── DatabaseBusy           locked, deadlocked or out of turn: the same call may succeed later
    ├── DatabaseReadOnly       it may be read and not written
    ├── DatabaseFull           no room left
    ├── ConstraintViolated     a row broke a rule of its table (``kind``, ``table``, ``columns``, ``constraint``)
    ├── StatementFailed        any other refusal of one statement
    ├── TransactionAborted     a transaction was to be committed after a part of it had failed
    ├── StorageClosed          used after close()
    ├── StorageNewer           the database knows migrations that the code does not (``migrations``)
    └── MigrationFailed        a migration raised, and did nothing or is gone on with (``migration``)

Messages name the database without its password and never repeat a row's values; the driver's own words are in
``__cause__``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitcore.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ConstraintViolated",
    "DatabaseBusy",
    "DatabaseFull",
    "DatabaseReadOnly",
    "DatabaseUnavailable",
    "DatabaseUnsupported",
    "MigrationFailed",
    "StatementFailed",
    "StorageClosed",
    "StorageError",
    "StorageNewer",
    "TransactionAborted",
]


class DatabaseUnavailable(StorageError):
    """The database is not there, refused the connection, is damaged, or went away in the middle."""

    code = "database-unavailable"


class DatabaseUnsupported(StorageError):
    """The database works with Peewee but jitcore does not keep its own tables in that kind."""

    code = "database-unsupported"


class DatabaseBusy(StorageError):
    """Somebody else holds what the call needs (lock, deadlock, serialization failure); it may be repeated."""

    code = "database-busy"


class DatabaseReadOnly(StorageError):
    """The file, the server or the running read snapshot does not take writes."""

    code = "database-read-only"


class DatabaseFull(StorageError):
    """The database has no room left."""

    code = "database-full"


class ConstraintViolated(StorageError):
    """A row broke a rule of its table.

    :param kind: ``"unique"``, ``"not-null"``, ``"foreign-key"``, ``"check"`` or ``"other"``.
    :param table: name of the table, when the driver tells.
    :param columns: the columns of the rule, when the driver tells.
    :param constraint: name of the rule, when the driver tells.
    """

    code = "constraint-violated"

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        table: str | None = None,
        columns: Sequence[str] = (),
        constraint: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.table = table
        self.columns = tuple(columns)
        self.constraint = constraint


class StatementFailed(StorageError):
    """The database refused a statement for another reason, such as a missing table."""

    code = "statement-failed"


class TransactionAborted(StorageError):
    """A transaction was to be committed although a part of it had failed; it was rolled back instead."""

    code = "transaction-aborted"


class StorageClosed(StorageError):
    """The Storage was used after its App was closed."""

    code = "storage-closed"


class StorageNewer(StorageError):
    """The database was migrated by newer code than this; using it could destroy data.

    :param migrations: ``"set/migration"`` names that the code does not have.
    """

    code = "storage-newer"

    def __init__(self, message: str, *, migrations: Sequence[str], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.migrations = tuple(migrations)


class MigrationFailed(StorageError):
    """A migration raised; every migration of this opening was rolled back.

    On MariaDB and MySQL nothing can be: there the next opening goes on behind the last step that was done.

    :param migration: its ``"set/migration"`` name, or ``"set"`` when its files cannot be read.
    """

    code = "migration-failed"

    def __init__(self, message: str, *, migration: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.migration = migration

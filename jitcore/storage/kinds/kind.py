"""What one kind of database has to answer; what is said here holds for most."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jitcore.storage import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    import peewee

    from jitcore.storage.bulk_writes import BulkWriter
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["BrokenRule", "Kind", "OtherKind"]


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """Which rule of a table a row broke, as far as the driver tells.

    :param kind: ``"unique"``, ``"not-null"``, ``"foreign-key"``, ``"check"`` or ``"other"``.
    """

    kind: str
    table: str | None = None
    columns: tuple[str, ...] = ()
    constraint: str | None = None


class Kind(ABC):
    """One kind of database; each observed database has one to itself."""

    #: What people call it.
    name: str
    #: Arguments of Peewee's ``begin`` for a transaction that writes, and for one that reads one moment.
    write_mode: ClassVar[tuple[str, ...]] = ()
    read_mode: ClassVar[str] = "REPEATABLE READ READ ONLY"
    #: Put between an observed database and its own class, where Peewee has to behave otherwise.
    dialects: ClassVar[tuple[type, ...]] = ()
    #: SQL that tells the server's clock in seconds since the epoch; ``None`` for a database of this machine.
    clock_query: ClassVar[str | None] = None
    #: What a failing migration has left behind.
    after_failed_migration: ClassVar[str] = "nothing was changed"
    #: Where migrations that began and did not end are remembered, in a column ``migration``, where that can be.
    steps_table: ClassVar[str | None] = None

    # --- the driver and the connection ---

    @abstractmethod
    def check(self, database: peewee.Database) -> None:
        """Refuse what jitcore cannot keep its own tables in, before anything is connected.

        :raises DatabaseUnsupported: the kind, or this driver of it.
        """

    def check_server(self, database: ObservedDatabase) -> None:  # noqa: B027 - most have nothing to do
        """Refuse a server that is too old; called once, before anything is asked of it.

        :raises DatabaseUnsupported: its version.
        """

    def prepare(self, database: ObservedDatabase) -> None:  # noqa: B027 - most have nothing to do
        """Set what its connections are made with."""

    def connected(self, database: ObservedDatabase, connection: Any) -> None:  # noqa: B027 - most have nothing to do
        """Set up a new connection; a driver's error here closes it."""

    def is_lost(self, connection: Any) -> bool:
        """Whether the other side has ended the connection."""
        return bool(getattr(connection, "closed", False))

    # --- transactions ---

    def is_over(self, database: ObservedDatabase) -> bool:
        """Whether the database ended this thread's transaction by itself: a ``ROLLBACK`` would fail and hide why."""
        return self.is_lost(database.connection())

    def is_failed(self, database: ObservedDatabase) -> bool:
        """Whether a ``COMMIT`` of this thread's transaction would keep nothing, or not all, without an error."""
        return False

    def refusing_writes(self, database: ObservedDatabase) -> AbstractContextManager[None]:
        """Refuse writes inside a reading transaction, where its mode does not do so by itself."""
        return nullcontext()

    def making_room(self, database: ObservedDatabase, rows: int) -> AbstractContextManager[None]:
        """Around a transaction that writes about so many rows, where a database has to be told."""
        return nullcontext()

    # --- rows and tables ---

    @abstractmethod
    def writer(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> BulkWriter:
        """Return what writes many rows.

        :param transaction: starts or joins a write transaction.
        """

    @abstractmethod
    def migrating(self, database: ObservedDatabase, seconds: float) -> AbstractContextManager[None]:
        """Keep everybody else's migrations out, and undo what is done inside when it fails, if this kind can.

        :param seconds: how long to wait for somebody else's.
        """

    def one_migration(self, database: ObservedDatabase, name: str) -> AbstractContextManager[None]:
        """Around one migration inside :meth:`migrating`.

        :param name: its ``"set/migration"`` name.
        """
        return nullcontext()

    def migrator(self, database: ObservedDatabase) -> Any:
        """Return what Peewee's migrations are helped by, where its own will not do."""
        return None

    # --- errors ---

    @abstractmethod
    def driver_errors(self) -> tuple[type[BaseException], ...]:
        """The base classes of the driver's errors; none while the driver was not imported."""

    @abstractmethod
    def classify(self, driver: BaseException) -> type[errors.StorageError]:
        """Say which of our errors the driver's error is."""

    @abstractmethod
    def broken_rule(self, driver: BaseException) -> BrokenRule:
        """Say which rule it was, for an error that is :class:`~jitcore.storage.errors.ConstraintViolated`."""

    def words(self, driver: BaseException) -> str:
        """What the driver said, without values of rows; it may hold the password."""
        return str(driver)


class OtherKind(Kind):
    """Any other of Peewee's databases: its statements can be observed, and its rows are none of ours.

    :param name: what its class is called, without "Database".
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, database: peewee.Database) -> None:
        from jitcore.storage.error_boundary import place  # it asks the kinds itself

        raise errors.DatabaseUnsupported(
            f"jitcore keeps its tables in SQLite, PostgreSQL, MariaDB or MySQL, not in {place(database)}.",
            hint="Choose another database element as defaultDatabase; this one can still be used for other data.",
        )

    def writer(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> BulkWriter:
        raise NotImplementedError  # never asked: check() has refused the database

    def migrating(self, database: ObservedDatabase, seconds: float) -> AbstractContextManager[None]:
        raise NotImplementedError  # never asked: check() has refused the database

    def driver_errors(self) -> tuple[type[BaseException], ...]:
        return ()

    def classify(self, driver: BaseException) -> type[errors.StorageError]:
        return errors.StatementFailed

    def broken_rule(self, driver: BaseException) -> BrokenRule:
        return BrokenRule("other")

"""One App's storage: its database, its models, its transactions."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jitcore.errors import ArgumentError
from jitcore.storage.bound_models import BoundModels
from jitcore.storage.error_boundary import place, translating
from jitcore.storage.errors import StorageClosed, TransactionAborted
from jitcore.storage.kinds import kind_of
from jitcore.storage.migrating import migrate
from jitcore.storage.observed import observe
from jitcore.storage.server_clock import ServerClock
from jitcore.storage.statements import StatementCount
from jitcore.storage.tuples import select_tuples, select_where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import peewee

    from jitcore.storage.model_set import ModelSet
    from jitcore.storage.observed import ObservedDatabase
    from jitcore.storage.statements import Listener

__all__ = ["Storage"]


class Storage:
    """The database of one App, with everything that is allowed to touch it.

    Nothing is connected or migrated before the first use. All methods may be called from several threads; each thread
    has its own connection and its own transaction.

    :param database: one of Peewee's: SQLite, PostgreSQL, MariaDB or MySQL, not connected yet; the Storage closes it.
    :param model_sets: the models of the App's plugins.
    :raises ArgumentError: two sets have the same name.
    :raises DatabaseUnsupported: the database is of another kind.
    """

    def __init__(self, database: peewee.Database, model_sets: Sequence[ModelSet]) -> None:
        kind_of(database).check(database)
        names = [model_set.name for model_set in model_sets]
        if len(set(names)) < len(names):
            raise ArgumentError(f"Two model sets have the same name: {', '.join(sorted(names))}.")
        self._database = observe(database)
        self._kind = self._database.observed.kind
        self._model_sets = tuple(model_sets)
        self._lock = threading.Lock()
        self._ready = False
        self._closed = False
        self._models: BoundModels | None = None
        self._thread = _ThreadState()
        self._writer = self._kind.writer(self._database, self.transaction)
        #: Seconds since the epoch, by the clock that all who share the database have.
        self.clock = ServerClock(self, self._kind.clock_query)

    @property
    def database(self) -> peewee.Database:
        """The migrated database.

        :raises StorageNewer: it was migrated by newer code.
        :raises MigrationFailed: a migration raised and was undone.
        :raises DatabaseUnavailable: it cannot be reached.
        """
        return self._prepared()

    @property
    def models(self) -> BoundModels:
        """This App's own subclasses of all models: ``storage.models.CorpDept`` or ``storage.models[CorpDept]``."""
        self._prepared()
        if self._models is None:
            with self._lock:
                self._models = self._models or BoundModels(self._database, self._model_sets)
        return self._models

    @contextmanager
    def transaction(self, rows: int = 0) -> Iterator[None]:
        """Run the block as one write transaction; a nested one joins it.

        On SQLite it waits for the write lock at its start. When a joined block fails, the whole is rolled back even if
        somebody catches the error.

        :param rows: about how many it writes, if these are many: SQLite takes memory for them meanwhile.
        :raises TransactionAborted: the block ended well although a part of it had failed.
        :raises StorageError: what the database said, translated.
        """
        database, thread = self._prepared(), self._thread
        if thread.reading:
            raise ArgumentError(
                "A write transaction cannot start inside storage.reading().",
                hint="Begin with storage.transaction(); it may read as well.",
            )
        with translating(database):
            if database.in_transaction():
                try:
                    yield
                except BaseException:
                    thread.failed = True
                    raise
                return
            thread.failed = False
            with self._kind.making_room(database, rows), database.atomic(*self._kind.write_mode):
                yield
                if thread.failed or self._kind.is_failed(database):
                    raise TransactionAborted(
                        f"A part of this transaction in {place(database)} had failed, so all of it was undone.",
                        hint="Do not catch an error inside a transaction and go on.",
                    )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Run the block on one consistent snapshot; inside a transaction it joins that and sees its writes.

        :raises DatabaseReadOnly: the block wrote.
        :raises StorageError: what the database said, translated.
        """
        database, thread = self._prepared(), self._thread
        with translating(database):
            if database.in_transaction():
                yield
                return
            with database.atomic(self._kind.read_mode), self._kind.refusing_writes(database):
                thread.reading = True
                try:
                    yield
                finally:
                    thread.reading = False

    def boundary(self) -> AbstractContextManager[None]:
        """Translate driver errors of a block that needs no transaction.

        :raises StorageError: what the database said, translated.
        """
        return translating(self._database)

    def insert_rows(
        self,
        model: type[peewee.Model],
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
        same: tuple[Any, ...] = (),
    ) -> int:
        """Insert ready tuples, set-based.

        Values are what the driver takes: ``str``, ``int``, ``float``, ``bool``, ``bytes``, ``None``, naive ``datetime``
        and ``date``; a JSON column takes its text. Columns left out get the database's default, not the model's.

        :param model: the plain model or this App's bound one.
        :param columns: names of the tuples' fields, in order.
        :param rows: any iterable; it is streamed and may not use this database meanwhile.
        :param same: values of the first columns, the same in all rows; the tuples hold those of the other columns.
        :returns: how many rows the database says it wrote.
        :raises ArgumentError: the model has no such column.
        :raises ConstraintViolated: a row breaks a rule; then none is kept.
        """
        return self._writer.insert(self.models[model], columns, rows, same)

    def upsert_rows(
        self,
        model: type[peewee.Model],
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
        key: Sequence[str],
        update: Sequence[str] | None = None,
    ) -> int:
        """Insert ready tuples, or update the row that has the same key; of equal keys the last wins.

        :param key: columns of the primary key or of a unique index; all of them are among ``columns``.
        :param update: columns that an existing row takes over; ``None`` means all but the key, ``()`` leaves it alone.
        :raises ArgumentError: the model has no such column, or a key column is not among ``columns``.
        """
        return self._writer.upsert(self.models[model], columns, rows, key, update)

    def upsert_selected(
        self,
        model: type[peewee.Model],
        columns: Sequence[str],
        query: peewee.Select,
        key: Sequence[str],
        update: Sequence[str] | None = None,
    ) -> None:
        """As :meth:`upsert_rows` for the rows that a query finds: one statement, and no row leaves the database.

        :param query: built from plain or from bound models, not from both; it finds no key twice. In the order of the
            key its rows are written fastest.
        :raises ArgumentError: the model has no such column, or a key column is not among ``columns``.
        """
        self._writer.upsert_selected(self.models[model], columns, query, key, update)

    def update_rows(
        self,
        model: type[peewee.Model],
        key: Sequence[str],
        columns: Sequence[str],
        rows: Iterable[tuple[Any, ...]],
    ) -> int:
        """Set ``columns`` of the rows with these keys; of equal keys the last wins.

        :param rows: tuples of the key's values followed by the new values.
        :returns: how many rows the database says it wrote; a key that is not there counts nothing.
        """
        return self._writer.update(self.models[model], key, columns, rows)

    def delete_rows(self, model: type[peewee.Model], key: Sequence[str], keys: Iterable[tuple[Any, ...]]) -> int:
        """Delete the rows with these keys.

        :param keys: tuples of the key's values; a key that is not there is no error.
        :returns: how many rows were deleted.
        """
        return self._writer.delete(self.models[model], key, keys)

    def analyze(self, model: type[peewee.Model]) -> None:
        """Have the database look what is in a table into which many rows were written just now.

        By what it believes to be there it chooses how to search. PostgreSQL would look within a minute or so, and until
        then search a table of a hundred thousand new rows as if it were nearly empty.
        """
        self._writer.analyze(self.models[model])

    def select_tuples(self, query: peewee.Select) -> list[tuple[Any, ...]]:
        """Run a query and return plain tuples, several times faster than Peewee's rows.

        :param query: built from plain or from bound models, not from both.
        """
        models = self.models
        with self.boundary():
            return select_tuples(self._database, models, query)

    def select_where(self, model: type[peewee.Model], fields: Sequence[str], /, **equal: Any) -> list[tuple[Any, ...]]:
        """Return plain tuples of the rows in which some fields have the given values, in any order of rows.

        The statement is written once in a process: for a few rows Peewee needs longer to write it than a database to
        answer it.

        :param model: the plain model or this App's bound one.
        :param fields: names of the fields that the tuples hold, in order.
        :param equal: plain values by the name of the field, none of them ``None``.
        :raises ArgumentError: the model has no such column, or a value is ``None``.
        """
        models = self.models
        with self.boundary():
            return select_where(self._database, models, model, fields, equal)

    @contextmanager
    def counting(self) -> Iterator[StatementCount]:
        """Count the statements that run meanwhile, on all threads."""
        count = StatementCount()
        with self.on_statement(count):
            yield count

    @contextmanager
    def on_statement(self, listener: Listener) -> Iterator[None]:
        """Call ``listener("before" | "after", statement)`` around every statement that runs meanwhile, on all threads.

        A listener that raises or kills the process stops the statement; this is how crash tests choose the moment.
        """
        listeners = self._database.observed.listeners
        listeners.append(listener)
        try:
            yield
        finally:
            listeners.remove(listener)

    def close(self) -> None:
        """Close the connections of all threads; using the Storage afterwards raises :class:`StorageClosed`."""
        with self._lock:
            self._closed, self._ready = True, False
            self._database.close_all()

    def _prepared(self) -> ObservedDatabase:
        if not self._ready:
            with self._lock:
                if self._closed:
                    raise StorageClosed(
                        f"The storage of {place(self._database)} is closed.", hint="Open the App again."
                    )
                if not self._ready:
                    with translating(self._database):
                        self._kind.check_server(self._database)
                        migrate(self._database, self._model_sets)
                    self._ready = True
        return self._database


class _ThreadState(threading.local):
    """What one thread is in the middle of."""

    reading = False
    failed = False

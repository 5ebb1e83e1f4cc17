"""Writing many ready tuples with few statements.

Peewee's ``insert_many`` spends several times as long on building its query as the database on running it. SQLite gets
prepared statements and ``executemany``, new rows several to a statement; PostgreSQL gets new rows with ``COPY``, and
whole columns as arrays, one statement per chunk, for what has to be compared with the rows that are there. MariaDB and
MySQL, where every statement is text, have a room of their own: ``kinds/mysql_writer.py``.
"""

# ruff: noqa: S608 - the SQL is put together from the names of a model's columns; values are always parameters

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import contextmanager, nullcontext
from itertools import chain, islice
from operator import itemgetter, length_hint
from typing import TYPE_CHECKING, Any, TypeAlias

import peewee

from jitcore.errors import ArgumentError
from jitcore.storage.named_fields import named_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from jitcore.storage.observed import ObservedDatabase

__all__ = ["BulkWriter", "PostgresqlWriter", "Row", "SqliteWriter", "Table", "with_same"]

Row: TypeAlias = tuple[Any, ...]

#: Rows per statement on PostgreSQL; larger chunks gain nothing and hold more in memory.
_CHUNK = 5_000
#: New rows, and values, of one SQLite statement: a statement for each row takes half as long again, and an SQLite of
#: before 2020 takes 999 values.
_ROWS, _VALUES = 50, 900
#: So many new rows of a table, if they are more than it had, are better indexed at the end.
_MANY = 200_000
_UNEQUAL = "The rows do not all have the same number of values."


class BulkWriter(ABC):
    """Inserts, upserts, updates and deletes; each method is one transaction, and no rows are no statement."""

    #: Has the database look what is in a table; ``""`` where it does so in time by itself.
    _analyzing = ""

    def __init__(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        self._database = database
        self._transaction = transaction

    def insert(self, model: type[peewee.Model], columns: Sequence[str], rows: Iterable[Row], same: Row = ()) -> int:
        """See :meth:`jitcore.storage.Storage.insert_rows`."""
        names = _column_names(model, columns)
        if len(same) >= len(names):
            raise ArgumentError(f"{len(same)} values are the same in all rows, which have {len(names)} columns.")
        table, count = Table(model), length_hint(rows)

        def run(given: Iterable[Row]) -> int:
            with self._filling(table, count):
                return self._insert(table, names, given, same)

        return self._write(len(names) - len(same), rows, run)

    def upsert(
        self,
        model: type[peewee.Model],
        columns: Sequence[str],
        rows: Iterable[Row],
        key: Sequence[str],
        update: Sequence[str] | None,
    ) -> int:
        """See :meth:`jitcore.storage.Storage.upsert_rows`."""
        names, keys, new = _upsert_columns(model, columns, key, update)
        return self._write(len(names), rows, lambda given: self._upsert(Table(model), names, keys, new, given))

    def upsert_selected(
        self,
        model: type[peewee.Model],
        columns: Sequence[str],
        query: peewee.Select,
        key: Sequence[str],
        update: Sequence[str] | None,
    ) -> None:
        """See :meth:`jitcore.storage.Storage.upsert_selected`."""
        names, keys, new = _upsert_columns(model, columns, key, update)
        database: Any = self._database
        sql, values = database.get_sql_context().sql(query).query()
        # Behind a query without a condition, SQLite would take ON for that of a join.
        source = f"SELECT * FROM ({sql}) AS found WHERE 1 = 1"
        with self._transaction():
            sql = f"{self._insert_into(Table(model), names)} {source} {self._on_conflict(keys, new)}"
            database.execute_sql(sql, values)

    def update(self, model: type[peewee.Model], key: Sequence[str], columns: Sequence[str], rows: Iterable[Row]) -> int:
        """See :meth:`jitcore.storage.Storage.update_rows`."""
        keys, names = _column_names(model, key), _column_names(model, columns)
        return self._write(len(keys) + len(names), rows, lambda given: self._update(Table(model), keys, names, given))

    def delete(self, model: type[peewee.Model], key: Sequence[str], keys: Iterable[Row]) -> int:
        """See :meth:`jitcore.storage.Storage.delete_rows`."""
        names = _column_names(model, key)
        return self._write(len(names), keys, lambda given: self._delete(Table(model), names, given))

    def analyze(self, model: type[peewee.Model]) -> None:
        """See :meth:`jitcore.storage.Storage.analyze`."""
        if self._analyzing:
            with self._transaction():
                self._database.execute_sql(f"{self._analyzing} {Table(model)}")

    def _write(self, width: int, rows: Iterable[Row], run: Callable[[Iterable[Row]], int]) -> int:
        remaining = iter(rows)
        first = next(remaining, None)
        if first is None:
            return 0
        if len(first) != width:
            raise ArgumentError(f"A row has {len(first)} values for {width} columns.")
        with self._transaction():
            return run(chain([first], remaining))

    def _filling(self, table: Table, count: int) -> AbstractContextManager[None]:
        """Around inserting about so many rows; 0 for nobody knows how many."""
        return nullcontext()

    def _insert_into(self, table: Table, names: Sequence[str]) -> str:
        """How an insert of some columns begins."""
        return f"INSERT INTO {table} ({_listed(names)})"

    def _on_conflict(self, keys: Sequence[str], new: Sequence[str]) -> str:
        """How it ends, so that a row with the same key takes over the new columns, if any."""
        if not new:
            return f"ON CONFLICT ({_listed(keys)}) DO NOTHING"
        assignments = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in new)
        return f"ON CONFLICT ({_listed(keys)}) DO UPDATE SET {assignments}"

    @abstractmethod
    def _insert(self, table: Table, names: Sequence[str], rows: Iterable[Row], same: Row) -> int: ...

    @abstractmethod
    def _upsert(
        self, table: Table, names: Sequence[str], keys: Sequence[str], new: Sequence[str], rows: Iterable[Row]
    ) -> int: ...

    @abstractmethod
    def _update(self, table: Table, keys: Sequence[str], names: Sequence[str], rows: Iterable[Row]) -> int: ...

    @abstractmethod
    def _delete(self, table: Table, names: Sequence[str], rows: Iterable[Row]) -> int: ...


class SqliteWriter(BulkWriter):
    """Prepared statements and ``executemany``."""

    @contextmanager
    def _filling(self, table: Table, count: int) -> Iterator[None]:
        if count < _MANY or not self._has_at_most(table, count):
            yield
            return
        # An index that is not the order of the rows takes each of them to another page. Made anew when all rows are
        # there, it is sorted first, which takes a third of the time. Whoever reads meanwhile has the old one. Inside a
        # transaction this is a savepoint: a failure takes the indexes back, even if somebody catches it and goes on.
        with self._database.atomic():
            made = self._dropped(table)
            yield
            for sql in made:
                self._database.execute_sql(sql)

    def _has_at_most(self, table: Table, count: int) -> bool:
        query = f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT ?)"
        return bool(self._database.execute_sql(query, (count + 1,)).fetchone()[0] <= count)

    def _dropped(self, table: Table) -> list[str]:
        """Drop the indexes of a table that keep no rule; returns what makes them."""
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql LIKE 'CREATE INDEX%'"
        found = self._database.execute_sql(query, (table.names[-1],)).fetchall() if len(table.names) == 1 else []
        made = []
        for name, sql in found:
            try:
                self._database.execute_sql(f"DROP INDEX {_quoted(name)}")
            except peewee.OperationalError as error:
                # Whoever reads a table row by row, by the same connection, keeps its indexes.
                if getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_LOCKED:
                    raise
            else:
                made.append(sql)
        return made

    def _insert(self, table: Table, names: Sequence[str], rows: Iterable[Row], same: Row) -> int:
        return self._add(table, names, "", rows, same)

    def _upsert(
        self, table: Table, names: Sequence[str], keys: Sequence[str], new: Sequence[str], rows: Iterable[Row]
    ) -> int:
        return self._add(table, names, f" {self._on_conflict(keys, new)}", rows)

    def _update(self, table: Table, keys: Sequence[str], names: Sequence[str], rows: Iterable[Row]) -> int:
        assignments = ", ".join(f"{_quoted(name)} = ?" for name in names)
        # The statement names the new values first.
        turn = len(keys)
        turned = (row[turn:] + row[:turn] for row in rows)
        return self._run(f"UPDATE {table} SET {assignments} WHERE {_equal(keys)}", turned)

    def _delete(self, table: Table, names: Sequence[str], rows: Iterable[Row]) -> int:
        return self._run(f"DELETE FROM {table} WHERE {_equal(names)}", rows)

    def _add(self, table: Table, names: Sequence[str], tail: str, rows: Iterable[Row], same: Row = ()) -> int:
        # With FAIL, the rows before one that breaks a rule stay until the transaction is undone, which it is. Without,
        # SQLite gets ready to take them back by itself, and copies every page that it writes to.
        head = f"INSERT OR FAIL INTO {table} ({_listed(names)}) VALUES "
        width = len(names) - len(same)
        count = max(1, min(_ROWS, (_VALUES - len(same)) // width))
        remaining = iter(rows)
        some = list(islice(remaining, count))
        written = 0
        if len(some) == count:
            rest: list[Row] = []
            several = _several(chain(some, remaining), count, width, same, rest)
            written = self._run(head + _numbered(len(same), width, count) + tail, several)
            some = rest
        if some:
            written += self._run(head + _numbered(len(same), width, 1) + tail, [(*same, *row) for row in some])
        return written

    def _run(self, sql: str, rows: Iterable[Row]) -> int:
        return int(self._database.executemany(sql, rows).rowcount)


class PostgresqlWriter(BulkWriter):
    """``COPY`` for new rows, and whole columns as arrays for the others."""

    _analyzing = "ANALYZE"

    def __init__(self, database: ObservedDatabase, transaction: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(database, transaction)
        self._types: dict[str, dict[str, str]] = {}

    def _insert(self, table: Table, names: Sequence[str], rows: Iterable[Row], same: Row) -> int:
        sql = f"COPY {table} ({_listed(names)}) FROM STDIN"
        return int(self._database.copy_in(sql, with_same(same, rows)).rowcount)

    def _upsert(
        self, table: Table, names: Sequence[str], keys: Sequence[str], new: Sequence[str], rows: Iterable[Row]
    ) -> int:
        source = f"SELECT * FROM {self._arrays(table, names)}"
        # One statement may not update a row twice; without an update it may meet it twice.
        unique = [names.index(key) for key in keys] if new else None
        return self._run(f"{self._insert_into(table, names)} {source} {self._on_conflict(keys, new)}", rows, unique)

    def _update(self, table: Table, keys: Sequence[str], names: Sequence[str], rows: Iterable[Row]) -> int:
        assignments = ", ".join(f"{_quoted(name)} = new.n{index}" for index, name in enumerate(names, len(keys)))
        source = self._arrays(table, [*keys, *names])
        sql = f"UPDATE {table} AS old SET {assignments} FROM {source} WHERE {_same(keys)}"
        return self._run(sql, rows, list(range(len(keys))))

    def _delete(self, table: Table, names: Sequence[str], rows: Iterable[Row]) -> int:
        return self._run(f"DELETE FROM {table} AS old USING {self._arrays(table, names)} WHERE {_same(names)}", rows)

    def _arrays(self, table: Table, names: Sequence[str]) -> str:
        types = self._column_types(table)
        # A table that is not there has no types; the statement will say so.
        arrays = ", ".join(f"%s::{types.get(name, 'text')}[]" for name in names)
        return f"unnest({arrays}) AS new({', '.join(f'n{index}' for index in range(len(names)))})"

    def _column_types(self, table: Table) -> dict[str, str]:
        found = self._types.get(str(table))
        if not found:
            rows = self._database.execute_sql(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
                "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped",
                (str(table),),
            ).fetchall()
            found = self._types[str(table)] = dict(rows)
        return found

    def _run(self, sql: str, rows: Iterable[Row], unique: Sequence[int] | None = None) -> int:
        written = 0
        for chunk in _chunks(rows):
            distinct: Iterable[Row] = chunk
            if unique is not None:
                distinct = dict(zip(map(itemgetter(*unique), chunk), chunk, strict=True)).values()
            columns = _transposed(distinct)
            written += self._database.execute_sql(sql, columns).rowcount
        return written


class Table:
    """A model's table as standard SQL writes it; ``names`` are those of its schema, if any, and its own."""

    def __init__(self, model: type[peewee.Model]) -> None:
        options = model._meta  # noqa: SLF001 - Peewee's documented place for a model's options
        self.names = tuple(name for name in (options.schema, options.table_name) if name)
        self._path = ".".join(map(_quoted, self.names))

    def __str__(self) -> str:
        return self._path


def _column_names(model: type[peewee.Model], names: Sequence[str], *, empty: bool = False) -> list[str]:
    """The columns that the given field or column names mean."""
    found = [field.column_name for field in named_fields(model, names)]
    if len(set(found)) < len(found) or not (found or empty):
        raise ArgumentError(f"Columns of {model.__name__} must be given, each of them once: {list(names)}.")
    return found


def _upsert_columns(
    model: type[peewee.Model], columns: Sequence[str], key: Sequence[str], update: Sequence[str] | None
) -> tuple[list[str], list[str], list[str]]:
    """The columns that an upsert writes, those of the key, and those that a row that is there takes over."""
    names, keys = _column_names(model, columns), _column_names(model, key)
    new = [name for name in names if name not in keys] if update is None else _column_names(model, update, empty=True)
    missing = [name for name in [*keys, *new] if name not in names]
    if missing:
        raise ArgumentError(f"Columns {', '.join(missing)} are in key or update but not among the row's columns.")
    return names, keys, new


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def _several(rows: Iterator[Row], count: int, width: int, same: Row, rest: list[Row]) -> Iterator[Row]:
    """The values of so many rows at a time, after those that are the same in all of them.

    :param width: how many values a row has.
    :param rest: gets the rows at the end that are fewer.
    """
    while len(some := list(islice(rows, count))) == count:
        if set(map(len, some)) != {width}:
            raise ArgumentError(_UNEQUAL)
        yield (*same, *chain.from_iterable(some))
    rest += some


def _numbered(same: int, width: int, count: int) -> str:
    """Places for the values of so many rows, after so many values that are the same in all of them."""
    shared = [f"?{place}" for place in range(1, same + 1)]
    starts = range(same + 1, same + 1 + count * width, width)
    return ", ".join(f"({', '.join([*shared, *(f'?{start + place}' for place in range(width))])})" for start in starts)


def with_same(same: Row, rows: Iterable[Row]) -> Iterable[Row]:
    """The rows, each with the values before it that are the same in all of them."""
    return ((*same, *row) for row in rows) if same else rows


def _transposed(rows: Iterable[Row]) -> list[list[Any]]:
    try:
        return [list(values) for values in zip(*rows, strict=True)]
    except ValueError:
        raise ArgumentError(_UNEQUAL) from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _equal(names: Sequence[str]) -> str:
    return " AND ".join(f"{_quoted(name)} = ?" for name in names)


def _same(keys: Sequence[str]) -> str:
    return " AND ".join(f"old.{_quoted(name)} = new.n{index}" for index, name in enumerate(keys))

"""The floor of writing: the very same rows into the same tables, as ready tuples, by nothing but the driver.

What a sync wrote is seen from outside, by comparing the tables before and after; how it wrote it does not matter here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.databases import Connection, Home
from benchmarks.harness import Spent, Stopwatch

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the organisation.

    :param key: its primary key's columns, which come first among the columns.
    :param grows: whether rows are only ever added, numbered by their key.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    grows: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a table between two looks; rows are whole, a change has the row before and after."""

    table: Table
    added: Sequence[Row]
    removed: Sequence[Row]
    changed: Sequence[tuple[Row, Row]]

    def __len__(self) -> int:
        return len(self.added) + len(self.removed) + len(self.changed)

    def undone(self) -> Changes:
        """What takes it back."""
        return Changes(self.table, self.removed, self.added, [(after, before) for before, after in self.changed])


def tables() -> list[Table]:
    """The organisation's tables, history included; what is kept of the runs themselves aside."""
    from peewee import AutoField

    from jit_corps.models import MODELS, Observation, SyncLease, SyncRun

    found = []
    for model in MODELS:
        if model not in (Observation, SyncLease, SyncRun):
            meta = model._meta
            key = [field.column_name for field in meta.get_primary_keys()]  # type: ignore[no-untyped-call]  # Peewee's
            rest = [field.column_name for field in meta.sorted_fields if field.column_name not in key]
            grows = isinstance(meta.primary_key, AutoField)
            found.append(Table(meta.table_name, tuple(key), (*key, *rest), grows))
    return found


class Look:
    """What the tables held at a time; of those that only grow, how far they had got.

    :param connection: a bare one.
    """

    def __init__(self, connection: Connection) -> None:
        self.rows: dict[str, dict[Row, Row]] = {}
        self.last: dict[str, int] = {}
        for table in tables():
            if table.grows:
                self.last[table.name] = _number(connection, f"SELECT MAX({table.key[0]}) FROM {table.name}")
            else:
                self.rows[table.name] = keyed(table, connection.execute(_select(table)).fetchall())

    def changes(self, connection: Connection) -> list[Changes]:
        """What is different now."""
        return [changes for table in tables() if len(changes := self._changes(connection, table))]

    def _changes(self, connection: Connection, table: Table) -> Changes:
        if table.grows:
            newer = f"{_select(table)} WHERE {table.key[0]} > {self.last[table.name]}"
            return Changes(table, connection.execute(newer).fetchall(), (), ())
        before = self.rows[table.name]
        after = keyed(table, connection.execute(_select(table)).fetchall())
        return Changes(
            table,
            added=[row for key, row in after.items() if key not in before],
            removed=[row for key, row in before.items() if key not in after],
            changed=[(row, after[key]) for key, row in before.items() if key in after and after[key] != row],
        )


def keyed(table: Table, rows: Iterable[Row]) -> dict[Row, Row]:
    """Rows by their keys."""
    width = len(table.key)
    return {row[:width]: row for row in rows}


def rows(home: Home) -> dict[str, int]:
    """How many rows the tables hold; those that hold none are left out."""
    with home.connect() as connection:
        found = {table.name: _number(connection, f"SELECT COUNT(*) FROM {table.name}") for table in tables()}
    return {name: count for name, count in found.items() if count}


def inserting(home: Home) -> Spent:
    """What one transaction takes that puts the tables' rows, as ready tuples, into empty tables of the same make.

    Making the tuples ready does not count. There are those of one table at a time, because all of a large enterprise's
    would not fit in every memory.
    """

    def insert(connection: Connection, table: Table, content: Sequence[Row]) -> None:
        connection.cursor().executemany(_insert(home, table), content)

    return _elsewhere(home, insert)


def copying(home: Home) -> Spent:
    """The same with PostgreSQL's COPY, which is faster than executemany and unknown elsewhere."""

    def copy_in(connection: Connection, table: Table, content: Sequence[Row]) -> None:
        with connection.cursor().copy(f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN") as copy:
            for row in content:
                copy.write_row(row)

    return _elsewhere(home, copy_in)


def repeating(home: Home, done: Sequence[Changes]) -> Spent:
    """What one transaction takes that makes the changes again, after they were taken back on nobody's time."""
    undoing, doing = _work(home, [changes.undone() for changes in done]), _work(home, done)
    with home.connect() as connection:
        _transaction(connection, undoing)
        with Stopwatch() as watch:
            _transaction(connection, doing)
    return watch.spent


def _elsewhere(home: Home, write: Callable[[Connection, Table, Sequence[Row]], None]) -> Spent:
    all_tables = tables()
    watch = Stopwatch()
    with home.connect() as ours, home.twins([table.name for table in all_tables]) as connection:
        with watch:
            connection.execute("BEGIN")
        for table in all_tables:
            content = ours.execute(_select(table)).fetchall()
            with watch:
                if content:
                    write(connection, table, content)
            del content
        with watch:
            connection.execute("COMMIT")
        for table in all_tables:
            count = f"SELECT COUNT(*) FROM {table.name}"
            if _number(connection, count) != _number(ours, count):
                raise RuntimeError(f"the floor did not write every row of {table.name}")
    return watch.spent


def counted(done: Sequence[Changes]) -> dict[str, int]:
    """How many rows of each table changed."""
    return {changes.table.name: len(changes) for changes in done}


def _work(home: Home, done: Sequence[Changes]) -> list[tuple[str, list[Row]]]:
    work: list[tuple[str, list[Row]]] = []
    for changes in done:
        table, width = changes.table, len(changes.table.key)
        where = " AND ".join(f"{name} = {home.mark}" for name in table.key)
        if changes.removed:
            work.append((f"DELETE FROM {table.name} WHERE {where}", [row[:width] for row in changes.removed]))
        if changes.changed:
            new = ", ".join(f"{name} = {home.mark}" for name in table.columns[width:])
            rows = [(*after[width:], *after[:width]) for _, after in changes.changed]
            work.append((f"UPDATE {table.name} SET {new} WHERE {where}", rows))
        if changes.added:
            work.append((_insert(home, table), list(changes.added)))
    return work


def _transaction(connection: Connection, work: Sequence[tuple[str, list[Row]]]) -> None:
    connection.execute("BEGIN")
    cursor = connection.cursor()
    for sql, content in work:
        cursor.executemany(sql, content)
    connection.execute("COMMIT")


def _number(connection: Connection, query: str) -> int:
    [(number,)] = connection.execute(query).fetchall()
    return int(number or 0)


def _select(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name}"


def _insert(home: Home, table: Table) -> str:
    marks = ", ".join([home.mark] * len(table.columns))
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"

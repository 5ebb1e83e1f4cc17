"""The floor of writing: the very same rows into the same tables, as ready tuples, by nothing but the driver.

What a sync wrote is seen from outside, by comparing the tables before and after; how it wrote it does not matter here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.databases import Connection, Home

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
                [(last,)] = connection.execute(f"SELECT MAX({table.key[0]}) FROM {table.name}").fetchall()
                self.last[table.name] = last or 0
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


def written(connection: Connection) -> list[tuple[Table, list[Row]]]:
    """All that the tables hold."""
    found = ((table, connection.execute(_select(table)).fetchall()) for table in tables())
    return [(table, rows) for table, rows in found if rows]


def inserting(home: Home, content: Sequence[tuple[Table, list[Row]]]) -> float:
    """Seconds of one transaction that puts these rows into empty tables of the same make."""
    with home.twins([table.name for table, _ in content]) as connection:
        work = [(_insert(home, table), rows) for table, rows in content]
        return _transaction(connection, work)


def copying(home: Home, content: Sequence[tuple[Table, list[Row]]]) -> float:
    """The same with PostgreSQL's COPY, which is faster than executemany and unknown elsewhere."""
    with home.twins([table.name for table, _ in content]) as connection:
        start = time.perf_counter()
        connection.execute("BEGIN")
        cursor = connection.cursor()
        for table, rows in content:
            with cursor.copy(f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.execute("COMMIT")
        return time.perf_counter() - start


def repeating(home: Home, done: Sequence[Changes]) -> float:
    """Seconds of one transaction that makes the changes again, after they were taken back on nobody's time."""
    with home.connect() as connection:
        _transaction(connection, _work(home, [changes.undone() for changes in done]))
        return _transaction(connection, _work(home, done))


def counted(content: Sequence[tuple[Table, list[Row]]] | Sequence[Changes]) -> Mapping[str, int]:
    """How many rows of each table."""
    return {
        (each.table if isinstance(each, Changes) else each[0]).name: len(each if isinstance(each, Changes) else each[1])
        for each in content
    }


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


def _transaction(connection: Connection, work: Sequence[tuple[str, list[Row]]]) -> float:
    start = time.perf_counter()
    connection.execute("BEGIN")
    cursor = connection.cursor()
    for sql, rows in work:
        cursor.executemany(sql, rows)
    connection.execute("COMMIT")
    return time.perf_counter() - start


def _select(table: Table) -> str:
    return f"SELECT {', '.join(table.columns)} FROM {table.name}"


def _insert(home: Home, table: Table) -> str:
    marks = ", ".join([home.mark] * len(table.columns))
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"

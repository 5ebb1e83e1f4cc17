"""Writing many rows on MariaDB and MySQL.

Neither takes arrays, nor a stream of rows without a file, so values are put into the statement's text by the driver:
many rows a statement, as many as the server takes at once. What has to be compared with the rows that are there comes
as a table of values that is joined by its key, in this order, so that each row is found through its index.

An upsert meets every unique key of the table here, not only the one it names; tables that are written so have one.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import peewee

from jitcore.errors import ArgumentError
from jitcore.storage.bulk_writes import BulkWriter, Row, Table, with_same
from jitcore.storage.kinds.mysql_dialect import leaving_alone
from jitcore.storage.kinds.mysql_errors import TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["MySQLWriter"]

#: Rows per statement, and how long its text becomes at most; larger ones gain nothing and hold more in memory.
_ROWS, _TEXT = 5_000, 4 << 20


class MySQLWriter(BulkWriter):
    """Rows as text, in chunks of what fits."""

    def _insert_into(self, table: Table, names: Sequence[str]) -> str:
        return f"INSERT INTO {_path(table)} ({_listed(names)})"

    def _on_conflict(self, keys: Sequence[str], new: Sequence[str]) -> str:
        if not new:
            return leaving_alone(keys[0])
        assignments = ", ".join(f"{_quoted(name)} = VALUES({_quoted(name)})" for name in new)
        return f"ON DUPLICATE KEY UPDATE {assignments}"

    def _insert(self, table: Table, names: Sequence[str], rows: Iterable[Row], same: Row) -> int:
        head = f"{self._insert_into(table, names)} VALUES "
        return sum(self._run(head, values, "", len(names)) for values, _ in self._filled(with_same(same, rows)))

    def _upsert(
        self, table: Table, names: Sequence[str], keys: Sequence[str], new: Sequence[str], rows: Iterable[Row]
    ) -> int:
        head, tail = f"{self._insert_into(table, names)} VALUES ", f" {self._on_conflict(keys, new)}"
        if not new:
            return sum(self._run(head, values, tail, len(names)) for values, _ in self._filled(rows))
        unique = [names.index(key) for key in keys]
        written = 0
        for values, count in self._filled(rows, unique):
            # It counts a row that was there twice, or once if nothing changed.
            self._run(head, values, tail, len(names))
            written += count
        return written

    def _update(self, table: Table, keys: Sequence[str], names: Sequence[str], rows: Iterable[Row]) -> int:
        assignments = ", ".join(f"old.{_quoted(name)} = new.n{index}" for index, name in enumerate(names, len(keys)))
        head, tail = self._source(len(keys) + len(names))
        tail = f"{tail} STRAIGHT_JOIN {_path(table)} AS old ON {_same(keys)} SET {assignments}"
        unique = list(range(len(keys)))
        width = len(keys) + len(names)
        return sum(
            self._run(f"UPDATE {head}", self._as_table(values), tail, width) for values, _ in self._filled(rows, unique)
        )

    def _delete(self, table: Table, names: Sequence[str], rows: Iterable[Row]) -> int:
        head, tail = self._source(len(names))
        tail = f"{tail} STRAIGHT_JOIN {_path(table)} AS old ON {_same(names)}"
        return sum(
            self._run(f"DELETE old FROM {head}", self._as_table(values), tail, len(names))
            for values, _ in self._filled(rows)
        )

    # --- rows as text ---

    def _filled(self, rows: Iterable[Row], unique: Sequence[int] | None = None) -> Iterator[tuple[list[str], int]]:
        """Chunks of rows as ``(…)``, and how many they are.

        :param unique: places of the key; of equal keys in a chunk only the last is kept.
        """
        database: Any = self._database
        fill = database.cursor().mogrify
        most = min(_TEXT, database.packet // 2)
        key = itemgetter(*unique) if unique else None
        chunk: dict[Any, str] = {}
        length, width, marks = 0, 0, ""
        for number, row in enumerate(rows):
            if len(row) != (width or len(row)):
                raise ArgumentError("The rows do not all have the same number of values.")
            if not width:
                width, marks = len(row), _marks(len(row))
            text = fill(marks, row)
            if len(text) > database.packet:
                # The server would only hang up.
                raise peewee.OperationalError(TOO_LARGE, "a row is too large")
            if chunk and (length + len(text) > most or len(chunk) >= _ROWS):
                yield list(chunk.values()), len(chunk)
                chunk, length = {}, 0
            chunk[number if key is None else key(row)] = text
            # What is sent is UTF-8.
            length += len(text) if text.isascii() else len(text.encode())
        if chunk:
            yield list(chunk.values()), len(chunk)

    def _run(self, head: str, values: list[str], tail: str, width: int) -> int:
        filled = f"{head}{', '.join(values)}{tail}"
        return int(self._database.execute_text(f"{head}{_marks(width)}{tail}", filled).rowcount)

    def _source(self, width: int) -> tuple[str, str]:
        """What stands around the rows to make them the table ``new`` with the columns ``n0``, ``n1`` …"""
        names = ", ".join(f"n{index}" for index in range(width))
        if self._is_mariadb:
            return f"(WITH rows_({names}) AS (VALUES ", ") SELECT * FROM rows_) AS new"
        return "(VALUES ", f") AS new({names})"

    def _as_table(self, values: list[str]) -> list[str]:
        return values if self._is_mariadb else [f"ROW{value}" for value in values]

    @property
    def _is_mariadb(self) -> bool:
        database: Any = self._database
        return bool(database.mariadb)


def _marks(width: int) -> str:
    return f"({', '.join(['%s'] * width)})"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _path(table: Table) -> str:
    return ".".join(map(_quoted, table.names))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _same(keys: Sequence[str]) -> str:
    return " AND ".join(f"old.{_quoted(name)} = new.n{index}" for index, name in enumerate(keys))

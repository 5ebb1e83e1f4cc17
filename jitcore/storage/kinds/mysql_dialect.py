"""What Peewee has to do otherwise on MariaDB and MySQL.

Lies between an observed database and Peewee's own class, so whoever listens to statements hears of each once.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import peewee

from jitcore.storage.kinds.mysql_errors import ENDED, GONE, number
from jitcore.storage.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jitcore.storage.kinds.mysql_steps import Steps

__all__ = ["KEY_TEXT", "READ_ONLY", "MySQLDialect", "Session", "leaving_alone"]

#: Begins a transaction that sees one moment and cannot write.
READ_ONLY = "READ ONLY"
#: How a text is spelt that is, or is part of, a key: four of them fit into the 3,072 bytes that InnoDB allows a key.
KEY_TEXT = "VARCHAR(191)"
#: Counts the rows that an insert leaves alone because they are there.
_MET = "@jit_met"
#: No text or bytes are cut at 64 KiB, and no moment at its second.
_TYPES = {"TEXT": "LONGTEXT", "KEY TEXT": KEY_TEXT, "BLOB": "LONGBLOB", "DATETIME": "DATETIME(6)"}


class Session(threading.local):
    """What one thread is in the middle of.

    :ivar failed: its transaction was given up by the server, wholly or in part, so that nothing may follow in it.
    :ivar migrating: the connection that holds the lock of migrations.
    :ivar steps: the migration that runs.
    """

    failed = False
    migrating: Any = None
    steps: Steps | None = None


class MySQLDialect(peewee.MySQLDatabase if TYPE_CHECKING else object):  # type: ignore[misc]  # a mixin at run time
    """Goes in front of :class:`peewee.MySQLDatabase`."""

    session: Session
    collation = "utf8mb4_bin"
    packet = 1 << 20

    def spell_types(self) -> None:
        """Use the types of this room for columns."""
        self._field_types.update(_TYPES)

    # --- statements ---

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        if self.session.steps is not None:
            return self.session.steps.run(sql, params)
        return self.run(sql, params)

    def run(self, sql: str, params: Any = None) -> Any:
        """Run a statement, whether or not a migration is under way."""
        again = Statement(sql).kind == "read"
        return self._counted(
            sql, lambda: self._guarded(lambda: super(MySQLDialect, self).execute_sql(sql, params), again=again)
        )

    def run_text(self, sql: str, text: str) -> Any:
        """Run a statement that holds its values already.

        :param sql: the same without them.
        """

        def execute() -> Any:
            cursor = self.cursor()
            cursor.execute(text)
            return cursor

        return self._counted(sql, lambda: self._guarded(execute))

    def _guarded(self, execute: Callable[[], Any], *, again: bool = False) -> Any:
        """Run something, and note what it ends.

        :param again: it only reads, so when an idle connection turns out to be gone, it may be tried on a new one.
        """
        session = self.session
        if session.failed and self.in_transaction():
            raise peewee.OperationalError(1213, "its transaction was given up before this statement")
        if session.migrating is not None and self.connection() is not session.migrating:
            raise peewee.OperationalError(2013, "the connection that holds the lock of migrations is gone")
        try:
            return execute()
        except Exception as error:
            code = number(error)
            if code in ENDED and self.in_transaction():
                session.failed = True
            if code not in GONE:
                raise
            self._let_go()
            if not again or self.in_transaction() or session.migrating is not None:
                raise
        self.close()
        return execute()

    def _let_go(self) -> None:
        """Have the driver notice as well that its connection is gone."""
        connection = self.connection()
        if connection.open:
            connection.close()

    def _counted(self, sql: str, execute: Callable[[], Any]) -> Any:
        """Count of an insert that leaves rows alone the others; the server counts all that it found."""
        if _MET not in sql:
            return execute()
        self._guarded(lambda: super(MySQLDialect, self).execute_sql(f"SET {_MET} = 0"))
        cursor = execute()
        [(met,)] = super().execute_sql(f"SELECT {_MET}").fetchall()
        cursor.rowcount -= int(met)
        return cursor

    def conflict_statement(self, on_conflict: Any, query: Any) -> Any:
        return peewee.SQL("INSERT") if _is_ignore(on_conflict) else super().conflict_statement(on_conflict, query)

    def conflict_update(self, on_conflict: Any, query: Any) -> Any:
        if not _is_ignore(on_conflict):
            return super().conflict_update(on_conflict, query)
        key = query.model._meta.get_primary_keys() or query.model._meta.sorted_fields  # noqa: SLF001 - as below
        return peewee.SQL(leaving_alone(key[0].column_name))

    # --- transactions ---

    def begin(self, mode: str | None = None) -> None:
        self.session.failed = False
        if mode == READ_ONLY:
            self._guarded(
                lambda: super(MySQLDialect, self).execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            )
            self._guarded(lambda: super(MySQLDialect, self).execute_sql(f"START TRANSACTION {READ_ONLY}"))
        else:
            self._guarded(lambda: super(MySQLDialect, self).begin(mode))

    def commit(self) -> None:
        if self.session.failed:
            raise peewee.OperationalError(1213, "its transaction was given up before its end")
        self._guarded(super().commit)

    # --- tables ---

    def create_tables(self, models: Sequence[type[peewee.Model]], **options: Any) -> None:
        """As Peewee does, but with text that can be a key, and with the indexes that a cut-off migration left out."""
        safe = options.get("safe", True)
        for model in peewee.sort_models(models):  # type: ignore[attr-defined]  # the stubs lack it
            if safe and self.session.steps is None and self.table_exists(model):
                continue
            with self._spelt_for_keys(model):
                model._schema.create_all(**options)  # noqa: SLF001 - what Peewee's own create_table() calls

    @property
    def table_settings(self) -> str:
        """What stands behind the columns of each of our tables."""
        return f"ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE {self.collation}"

    @contextmanager
    def _spelt_for_keys(self, model: type[peewee.Model]) -> Iterator[None]:
        options: Any = model._meta  # noqa: SLF001 - Peewee's documented place for a model's options
        settings = options.table_settings
        texts = [field for field in _key_fields(model) if field.field_type == "TEXT"]
        try:
            for field in texts:
                field.field_type = "KEY TEXT"
            options.table_settings = [
                *([settings] if isinstance(settings, str) else settings or ()),
                self.table_settings,
            ]
            yield
        finally:
            options.table_settings = settings
            for field in texts:
                field.field_type = "TEXT"


def leaving_alone(column: str) -> str:
    """End an ``INSERT`` so that it leaves the rows alone that are there.

    ``INSERT IGNORE`` would forgive values as well that do not fit, and cut them. It would also share the row that it
    finds with others who do the same, so that two who want to change it next would wait for each other.

    :param column: any that is never NULL; it keeps its value.
    """
    name = f"`{column.replace('`', '``')}`"
    return f"ON DUPLICATE KEY UPDATE {name} = IF({_MET} := {_MET} + 1, {name}, {name})"


def _is_ignore(on_conflict: Any) -> bool:
    return str(on_conflict._action or "").lower() == "ignore"  # noqa: SLF001 - what Peewee's own databases ask


def _key_fields(model: type[peewee.Model]) -> list[Any]:
    options: Any = model._meta  # noqa: SLF001 - as above
    names = {name for index in options.indexes if isinstance(index, (list, tuple)) for name in index[0]}
    primary = {field.name for field in options.get_primary_keys()}
    return [
        field
        for field in options.sorted_fields
        if field.index or field.unique or field.name in primary or {field.name, field.column_name} & names
    ]

"""Migrations that are gone on with where they were cut off.

MariaDB and MySQL commit at every statement that changes a table, so a migration cannot be undone as a whole. What can
be done: every statement is a step that happens wholly or not at all, and is remembered. Whoever opens the database
after a migration was killed, or failed, runs it again from its start and passes over the steps that are remembered.

* A step that changes rows is remembered in its own transaction, so it happens exactly once.
* A step that changes a table is committed by itself, so it is remembered as being tried before, and as done after. When
  it is found as being tried, and now says that it was done before ("table exists", "duplicate column"), then it was.
* That a migration is applied is remembered together with the forgetting of its steps.

Steps are told apart by the text of their SQL, not by their values. So a migration has to bring the same statements when
it is run again, whatever it finds; it may leave out those that are done, as one does that looks for an index before it
drops it.

A database in which code began a migration that this code does not know is as new as one where it was ended
(:class:`~jitcore.storage.StorageNewer`).
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

# ruff: noqa: S608 - the SQL is put together from names of tables of ours; values are parameters

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import peewee

from jitcore.storage.kinds.mysql_dialect import KEY_TEXT
from jitcore.storage.kinds.mysql_errors import ALREADY_DONE, GONE, number
from jitcore.storage.statements import Statement

__all__ = ["STEPS_TABLE", "Steps"]

STEPS_TABLE = "jit_migration_steps"
#: Statements that are committed by themselves.
_CHANGE_TABLES = frozenset({"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"})
#: Marks a step that was begun and may have ended.
_TRIED = "?"


class Steps:
    """The steps of one migration, as they are made.

    :param database: an observed database; this thread holds the lock of migrations.
    :param name: the ``"set/migration"`` name.
    """

    def __init__(self, database: Any, name: str) -> None:
        self._database = database
        self._name = name
        set_name = name.partition("/")[0]
        self._applied = f"INSERT INTO `jit_migrations_{set_name}`"
        self._met: Counter[str] = Counter()
        database.execute_sql(
            f"CREATE TABLE IF NOT EXISTS {STEPS_TABLE} "
            f"(migration {KEY_TEXT}, step CHAR(80), PRIMARY KEY (migration, step)) {database.table_settings}"
        )
        rows = database.execute_sql(f"SELECT step FROM {STEPS_TABLE} WHERE migration = %s", (name,)).fetchall()
        self._steps = {step for (step,) in rows}
        # Peewee makes the table and its unique index in two steps, and the second one not if the first is done.
        database.execute_sql(
            f"CREATE TABLE IF NOT EXISTS `jit_migrations_{set_name}` (id INTEGER AUTO_INCREMENT PRIMARY KEY, "
            f"name VARCHAR(191) NOT NULL UNIQUE, applied DATETIME(6) NOT NULL) {database.table_settings}"
        )

    def run(self, sql: str, params: Any) -> Any:
        """Run a statement of the migration, unless it was before."""
        if Statement(sql).kind != "write":
            return self._database.run(sql, params)
        digest = hashlib.sha256(sql.encode()).hexdigest()
        self._met[digest] += 1
        step = f"{digest} {self._met[digest]}"
        if step in self._steps:
            return self._database.run("DO 0")
        if Statement(sql).verb in _CHANGE_TABLES:
            return self._change_table(step, sql, params)
        with self._database.atomic():
            cursor = self._database.run(sql, params)
            if sql.startswith(self._applied):
                self._forget()
            else:
                self._remember(step)
        return cursor

    def _change_table(self, step: str, sql: str, params: Any) -> Any:
        tried, was_tried = _TRIED + step, _TRIED + step in self._steps
        if not was_tried:
            self._remember(tried)
        try:
            cursor = self._database.run(sql, params)
        except peewee.PeeweeException as error:
            if was_tried and number(error) in ALREADY_DONE:
                cursor = self._database.run("DO 0")
            else:
                if number(error) not in GONE:
                    self._as_ours(f"DELETE FROM {STEPS_TABLE} WHERE migration = %s AND step = %s", (self._name, tried))
                raise
        self._as_ours(
            f"UPDATE {STEPS_TABLE} SET step = %s WHERE migration = %s AND step = %s", (step, self._name, tried)
        )
        return cursor

    def _remember(self, step: str) -> None:
        self._as_ours(f"INSERT INTO {STEPS_TABLE} (migration, step) VALUES (%s, %s)", (self._name, step))

    def _forget(self) -> None:
        self._as_ours(f"DELETE FROM {STEPS_TABLE} WHERE migration = %s", (self._name,))

    def _as_ours(self, sql: str, params: tuple[str, ...]) -> None:
        """Run a statement that is no step, but is heard by whoever listens to statements."""
        session = self._database.session
        running, session.steps = session.steps, None
        try:
            self._database.execute_sql(sql, params)
        finally:
            session.steps = running

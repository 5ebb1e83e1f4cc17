"""Peewee's helper for migrations on MariaDB and MySQL, with text that can become a key."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playhouse.migrate import MySQLMigrator, SchemaMigrator, operation

from jitcore.storage.kinds.mysql_dialect import KEY_TEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KeyMigrator"]


class KeyMigrator(MySQLMigrator):
    """Makes text ready to be a key before it becomes part of one, and asks less of the tables that are there."""

    # Peewee looks up what the column is, which a migration that is gone on with may have renamed already.
    rename_column = SchemaMigrator.rename_column

    @operation  # type: ignore[untyped-decorator]  # Peewee leaves it untyped
    def add_index(self, table: str, columns: Sequence[str], *arguments: Any, **options: Any) -> Any:
        found = {column.name: column for column in self.database.get_columns(table)}
        ready = [
            self.sql(f"ALTER TABLE `{table}` MODIFY `{name}` {KEY_TEXT} {'NULL' if column.null else 'NOT NULL'}")
            for name in columns
            if (column := found.get(name)) is not None and column.data_type == "longtext"
        ]
        return [*ready, super().add_index(table, columns, *arguments, **options)]

"""What a run could not decide and what it removed is kept in its row, where the guard finds what went in a day."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("corp_sync_run", "conflicts", TextField(null=True)),
        migrator.add_column("corp_sync_run", "removals", TextField(null=True)),
        migrator.add_index("corp_sync_run", ("corp_full_name", "finished_at")),
    )

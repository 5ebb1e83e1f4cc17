"""What people pin of members; what a run could not decide and what it removed, where the guard finds a day's sum."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(
        migrator.add_column("corp_member", "pinned", TextField(null=True)),
        migrator.add_column("corp_sync_run", "conflicts", TextField(null=True)),
        migrator.add_column("corp_sync_run", "removals", TextField(null=True)),
        migrator.add_index("corp_sync_run", ("corp_full_name", "finished_at")),
    )

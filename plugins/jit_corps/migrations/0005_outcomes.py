"""What a run could not decide is kept in its row."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("corp_sync_run", "conflicts", TextField(null=True)))

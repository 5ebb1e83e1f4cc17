"""Until when the pages of a reading are kept that has to wait for a quota."""

from __future__ import annotations

from typing import Any

from peewee import DoubleField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("corp_sync_checkpoint", "kept_until", DoubleField(null=True)))

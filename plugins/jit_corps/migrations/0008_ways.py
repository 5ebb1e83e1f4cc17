"""How a run read upstream, where a provider has several ways."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("corp_sync_run", "way", peewee.TextField(null=True)))

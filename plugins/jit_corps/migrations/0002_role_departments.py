"""Which departments a role stands for."""

from __future__ import annotations

from typing import Any

from peewee import TextField


def up(migrator: Any, db: Any) -> None:
    migrator.migrate(migrator.add_column("corp_role", "dept_ids", TextField(null=True)))

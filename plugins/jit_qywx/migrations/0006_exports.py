"""Why an enterprise cannot be exported, so that it is not tried with every sync."""

from __future__ import annotations

from typing import Any

import peewee

_TABLE = "jit_qywx_authorization"


def up(migrator: Any, db: peewee.Database) -> None:  # the runner's signature
    """Add the columns."""
    migrator.migrate(
        migrator.add_column(_TABLE, "exportTrouble", peewee.TextField(null=True)),
        migrator.add_column(_TABLE, "exportTroubleAt", peewee.DoubleField(null=True)),
    )

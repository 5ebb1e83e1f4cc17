"""When single records were read last."""

from __future__ import annotations

from typing import Any

from peewee import BooleanField, CompositeKey, DoubleField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Observation(Model):
        corp_full_name = TextField()
        kind = TextField()
        id = TextField()
        observed_at = DoubleField()
        gone = BooleanField()

        class Meta:
            database = db
            table_name = "corp_observation"
            primary_key = CompositeKey("corp_full_name", "kind", "id")
            indexes = ((("corp_full_name", "observed_at"), False),)

    db.create_tables([Observation])

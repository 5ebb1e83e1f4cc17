"""What an interrupted reading had read so far."""

from __future__ import annotations

from typing import Any

from peewee import CompositeKey, DoubleField, IntegerField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class SyncCheckpoint(Model):
        corp_full_name = TextField()
        number = IntegerField()
        corp_id = TextField()
        scope = TextField()
        oldest = DoubleField()
        newest = DoubleField()
        pages = TextField()

        class Meta:
            database = db
            table_name = "corp_sync_checkpoint"
            primary_key = CompositeKey("corp_full_name", "number")

    db.create_tables([SyncCheckpoint])

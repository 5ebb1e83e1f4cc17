"""What upstream's lists said when the organisation was last published, as digests."""

from __future__ import annotations

from typing import Any

from peewee import BigIntegerField, DoubleField, Model, TextField


def up(migrator: Any, db: Any) -> None:
    class Fingerprint(Model):
        corp_full_name = TextField(primary_key=True)
        generation = BigIntegerField()
        version = TextField()
        compared_at = DoubleField()
        digests = TextField()

        class Meta:
            database = db
            table_name = "corp_fingerprint"

    db.create_tables([Fingerprint])

"""What was used of WeCom's quotas, and who is left alone because one is used up."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:  # the runner's signature
    """Create the table; the model is a frozen copy, so that later code does not change this step."""

    class QywxQuota(peewee.Model):
        corpId = peewee.CharField(64)
        address = peewee.CharField(64)
        used = peewee.TextField()
        version = peewee.IntegerField()
        parkedUntil = peewee.DoubleField(null=True)
        parkedAt = peewee.DoubleField(null=True)
        reason = peewee.TextField(null=True)

        class Meta:
            table_name = "jit_qywx_quota"
            legacy_table_names = False
            primary_key = peewee.CompositeKey("corpId", "address")

    with db.bind_ctx([QywxQuota]):
        db.create_tables([QywxQuota])

"""Callbacks of two channels, claimed by a process and tried again when due; and which enterprises to read in full."""

from __future__ import annotations

from typing import Any

import peewee

_TABLE = "jit_qywx_callback"


def up(migrator: Any, db: peewee.Database) -> None:  # the runner's signature
    """Add the columns and the table; what was called failed is parked from now on."""

    class QywxCallback(peewee.Model):
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64, null=True)
        state = peewee.CharField(16)
        channel = peewee.CharField(16, default="template")
        dueAt = peewee.DoubleField(default=0.0)
        holder = peewee.TextField(null=True)
        repeats = peewee.IntegerField(default=0)

        class Meta:
            table_name = _TABLE
            legacy_table_names = False
            primary_key = False

    class QywxReconcile(peewee.Model):
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64)
        wantedAt = peewee.DoubleField()
        reason = peewee.TextField()
        wants = peewee.IntegerField()
        dueAt = peewee.DoubleField()
        attempts = peewee.IntegerField()

        class Meta:
            table_name = "jit_qywx_reconcile"
            legacy_table_names = False
            primary_key = peewee.CompositeKey("suiteId", "corpId")

    row: Any = QywxCallback
    migrator.migrate(
        *(
            migrator.add_column(_TABLE, field.column_name, field)
            for field in (row.channel, row.dueAt, row.holder, row.repeats)
        )
    )
    migrator.migrate(migrator.add_index(_TABLE, ("suiteId", "channel", "state", "corpId")))
    with db.bind_ctx([QywxCallback, QywxReconcile]):
        db.create_tables([QywxReconcile])
        row.update(state="parked").where(row.state == "failed").execute()

"""The life of a grant: since when it is in its state and why, the install link it came from, and what was erased."""

from __future__ import annotations

from typing import Any

import peewee

_TABLE = "jit_qywx_authorization"


def up(migrator: Any, db: peewee.Database) -> None:  # the runner's signature
    """Add the columns and the table; what was called lost is suspended from now on."""

    class QywxAuthorization(peewee.Model):
        agentId = peewee.CharField(32, null=True)
        state = peewee.CharField(16)
        cause = peewee.CharField(16, null=True)
        stateAt = peewee.DoubleField(null=True)
        linkState = peewee.CharField(32, null=True)
        updatedAt = peewee.DoubleField()

        class Meta:
            table_name = _TABLE
            legacy_table_names = False
            primary_key = False

    class QywxErasure(peewee.Model):
        id = peewee.AutoField()
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64)
        authFullName = peewee.TextField()
        corps = peewee.TextField()
        state = peewee.CharField(16)
        counts = peewee.TextField()
        erasedAt = peewee.DoubleField()

        class Meta:
            table_name = "jit_qywx_erasure"
            legacy_table_names = False

    row: Any = QywxAuthorization
    migrator.migrate(
        *(migrator.add_column(_TABLE, field.column_name, field) for field in (row.cause, row.stateAt, row.linkState))
    )
    with db.bind_ctx([QywxAuthorization, QywxErasure]):
        db.create_tables([QywxErasure])
        row.update(stateAt=row.updatedAt).execute()
        for before, after, cause in (
            ("lost", "suspended", "refused"),
            ("cancelled", "cancelled", "cancelled"),
            ("active", "active", "confirmed"),
        ):
            row.update(state=after, cause=cause).where(row.state == before).execute()
        # The code was stored and what it opens was not read yet.
        unread = (row.state == "active") & row.agentId.is_null()
        row.update(state="created", cause="authorised").where(unread).execute()

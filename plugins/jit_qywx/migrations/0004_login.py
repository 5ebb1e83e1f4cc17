"""Logging people in: login codes, and the private details that members agreed to show."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:  # the runner's signature
    """Create the tables; the models are frozen copies, so that later code does not change this step."""

    class QywxLoginCode(peewee.Model):
        digest = peewee.CharField(64, primary_key=True)
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64)
        memberId = peewee.CharField(255)
        expiresAt = peewee.DoubleField(index=True)
        usedAt = peewee.DoubleField(null=True)

        class Meta:
            table_name = "jit_qywx_login_code"
            legacy_table_names = False

    class QywxConsent(peewee.Model):
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64)
        memberId = peewee.CharField(255)
        fields = peewee.TextField()
        consentedAt = peewee.DoubleField()
        detailsSealed = peewee.TextField()

        class Meta:
            table_name = "jit_qywx_consent"
            legacy_table_names = False
            primary_key = peewee.CompositeKey("suiteId", "corpId", "memberId")

    models = [QywxLoginCode, QywxConsent]
    with db.bind_ctx(models):
        db.create_tables(models)

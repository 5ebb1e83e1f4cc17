"""The first tables: grants, the suite ticket, tokens, received callbacks."""

from __future__ import annotations

from typing import Any

import peewee


def up(migrator: Any, db: peewee.Database) -> None:  # the runner's signature
    """Create the tables; the models are frozen copies, so that later code does not change this step."""

    class QywxAuthorization(peewee.Model):
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64)
        corpName = peewee.TextField(null=True)
        agentId = peewee.CharField(32, null=True)
        permanentCodeSealed = peewee.TextField(null=True)
        state = peewee.CharField(16)
        reason = peewee.TextField(null=True)
        privilege = peewee.TextField(null=True)
        eventAt = peewee.BigIntegerField()
        createdAt = peewee.DoubleField()
        updatedAt = peewee.DoubleField()

        class Meta:
            table_name = "jit_qywx_authorization"
            legacy_table_names = False
            primary_key = peewee.CompositeKey("suiteId", "corpId")

    class QywxSuiteTicket(peewee.Model):
        suiteId = peewee.CharField(64, primary_key=True)
        ticketSealed = peewee.TextField()
        timeStamp = peewee.BigIntegerField()
        receivedAt = peewee.DoubleField()

        class Meta:
            table_name = "jit_qywx_suite_ticket"
            legacy_table_names = False

    class QywxToken(peewee.Model):
        kind = peewee.CharField(16)
        suiteId = peewee.CharField(64)
        corpId = peewee.CharField(64)
        tokenSealed = peewee.TextField(null=True)
        renewAt = peewee.DoubleField()
        version = peewee.IntegerField()
        fingerprint = peewee.CharField(64)
        refusal = peewee.TextField(null=True)
        leaseOwner = peewee.CharField(64, null=True)
        leaseUntil = peewee.DoubleField()

        class Meta:
            table_name = "jit_qywx_token"
            legacy_table_names = False
            primary_key = peewee.CompositeKey("kind", "suiteId", "corpId")

    class QywxCallback(peewee.Model):
        id = peewee.AutoField()
        suiteId = peewee.CharField(64)
        digest = peewee.CharField(64)
        infoType = peewee.CharField(64)
        corpId = peewee.CharField(64, null=True)
        timeStamp = peewee.BigIntegerField()
        receivedAt = peewee.DoubleField()
        state = peewee.CharField(16)
        reason = peewee.TextField(null=True)
        workedAt = peewee.DoubleField(null=True)
        attempts = peewee.IntegerField()
        bodySealed = peewee.TextField()

        class Meta:
            table_name = "jit_qywx_callback"
            legacy_table_names = False
            indexes = ((("suiteId", "digest"), True), (("suiteId", "state"), False))

    models = [QywxAuthorization, QywxSuiteTicket, QywxToken, QywxCallback]
    with db.bind_ctx(models):
        db.create_tables(models)

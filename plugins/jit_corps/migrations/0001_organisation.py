"""The first tables of the organisation: a frozen copy, so that later changes to the models do not change the past."""

from __future__ import annotations

from typing import Any

from peewee import (
    BigAutoField,
    BigIntegerField,
    BooleanField,
    CompositeKey,
    DateTimeField,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)


def up(migrator: Any, db: Any) -> None:
    class CorpDept(Model):
        corp_full_name = TextField()
        dept_id = TextField()
        name = TextField(null=True)
        parent_id = TextField(null=True)
        upstream_parent_id = TextField(null=True)
        sort_order = BigIntegerField()
        leader_ids = TextField(null=True)
        origin = TextField()
        placement = TextField()
        presence = TextField()
        scope_digest = TextField(null=True)

        class Meta:
            database = db
            table_name = "corp_dept"
            primary_key = CompositeKey("corp_full_name", "dept_id")

    class CorpMember(Model):
        corp_full_name = TextField()
        member_id = TextField()
        user_id = TextField(index=True)
        name = TextField(null=True)
        alias_name = TextField(column_name="alias", null=True)
        position = TextField(null=True)
        gender = TextField(null=True)
        avatar = TextField(null=True)
        open_user_id = TextField(null=True)
        main_dept_id = TextField(null=True)
        status = IntegerField()
        reason = TextField(null=True)
        upstream_reason = TextField(null=True)
        manual_offline = BooleanField()
        presence = TextField()
        scope_digest = TextField(null=True)

        class Meta:
            database = db
            table_name = "corp_member"
            primary_key = CompositeKey("corp_full_name", "member_id")

    class CorpDeptMember(Model):
        corp_full_name = TextField()
        dept_id = TextField()
        member_id = TextField()
        sort_order = BigIntegerField()
        is_leader = BooleanField()

        class Meta:
            database = db
            table_name = "corp_dept_member"
            primary_key = CompositeKey("corp_full_name", "dept_id", "member_id")
            indexes = ((("corp_full_name", "member_id"), False),)

    class CorpRole(Model):
        corp_full_name = TextField()
        role_id = TextField()
        name = TextField(null=True)
        origin = TextField()

        class Meta:
            database = db
            table_name = "corp_role"
            primary_key = CompositeKey("corp_full_name", "role_id")

    class CorpRoleMember(Model):
        corp_full_name = TextField()
        role_id = TextField()
        member_id = TextField()
        origin = TextField()

        class Meta:
            database = db
            table_name = "corp_role_member"
            primary_key = CompositeKey("corp_full_name", "role_id", "member_id", "origin")
            indexes = ((("corp_full_name", "member_id"), False),)

    class User(Model):
        user_id = TextField(primary_key=True)
        name = TextField(null=True)

        class Meta:
            database = db
            table_name = "users"

    class CorpState(Model):
        corp_full_name = TextField(primary_key=True)
        generation = BigIntegerField()
        corp_id = TextField(null=True)
        corp_name = TextField(null=True)
        scope_digest = TextField()
        scope_summary = TextField()
        root_dept_id = TextField(null=True)

        class Meta:
            database = db
            table_name = "corp_state"

    class SyncLease(Model):
        corp_full_name = TextField(primary_key=True)
        token = BigIntegerField()
        holder = TextField(null=True)
        until = DoubleField()

        class Meta:
            database = db
            table_name = "corp_sync_lease"

    class SyncRun(Model):
        run_id = BigAutoField()
        corp_full_name = TextField()
        action = TextField()
        status = TextField()
        started_at = DateTimeField()
        finished_at = DateTimeField(null=True)
        duration = DoubleField(null=True)
        generation = BigIntegerField(null=True)
        calls = IntegerField(null=True)
        counts = TextField(null=True)
        withheld = TextField(null=True)
        incomplete = TextField(null=True)
        digest = TextField(null=True)
        cause = TextField(null=True)

        class Meta:
            database = db
            table_name = "corp_sync_run"
            indexes = ((("corp_full_name", "run_id"), False),)

    class ChangeRecord(Model):
        change_id = BigAutoField()
        corp_full_name = TextField()
        generation = BigIntegerField()
        run_id = BigIntegerField(null=True)
        kind = TextField()
        key = TextField()
        action = TextField()
        before = TextField(null=True)
        after = TextField(null=True)

        class Meta:
            database = db
            table_name = "corp_change"
            indexes = ((("corp_full_name", "generation"), False),)

    db.create_tables(
        [
            CorpDept,
            CorpMember,
            CorpDeptMember,
            CorpRole,
            CorpRoleMember,
            User,
            CorpState,
            SyncLease,
            SyncRun,
            ChangeRecord,
        ]
    )

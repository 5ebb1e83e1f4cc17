"""The tables of every organisation in an App's database.

One set of tables holds all corps, keyed by ``corpFullName``, as JitAi does it. ``memberId`` is upstream's id inside one
corp; ``userId`` is the account behind members and is never shared because of a mail or telephone number. Neither of
these is stored: an app that needs one reads it from upstream when it needs it.

Field names are those that JitAi's users type (``deptId``); columns are snake case (``dept_id``).
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave the constructors of some fields untyped.

from __future__ import annotations

import json
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

from jit_corps.rows import ACTIVE, CUSTOM, INVISIBLE, MANUAL

__all__ = [
    "MODELS",
    "ChangeRecord",
    "CorpDept",
    "CorpDeptMember",
    "CorpMember",
    "CorpRole",
    "CorpRoleMember",
    "CorpState",
    "FingerprintRecord",
    "Observation",
    "SyncCheckpoint",
    "SyncLease",
    "SyncRun",
    "User",
]


class JsonText(TextField):
    """A JSON value kept as text, so that every database can keep it."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: Any) -> Any:
        # Most lists are empty.
        return [] if value == "[]" else None if value is None else json.loads(value)


class Record(Model):
    """Base of all tables here."""

    class Meta:
        legacy_table_names = False


class CorpDept(Record):
    """A department.

    ``parentId`` is where it stands in the tree that is kept here and is always known (``None`` only for the root);
    ``upstreamParentId`` is what upstream said. ``placement`` is ``told``, ``detached`` (its parent is not known here)
    or ``cycle`` (it was its own ancestor). ``presence`` is ``listed`` or ``invisible`` (out of the app's scope).
    ``origin`` is ``upstream``, or ``local`` for the department that we put above a forest.
    """

    corpFullName = TextField(column_name="corp_full_name")
    deptId = TextField(column_name="dept_id")
    name = TextField(null=True)
    parentId = TextField(column_name="parent_id", null=True)
    upstreamParentId = TextField(column_name="upstream_parent_id", null=True)
    #: Up to 2^32 - 1, bigger first (WeCom D95406).
    order = BigIntegerField(column_name="sort_order", default=0)
    leaderIds = JsonText(column_name="leader_ids", null=True)
    origin = TextField()
    placement = TextField()
    presence = TextField()
    scopeDigest = TextField(column_name="scope_digest", null=True)

    class Meta:
        table_name = "corp_dept"
        primary_key = CompositeKey("corpFullName", "deptId")

    def __str__(self) -> str:
        return str(self.name or self.deptId)

    @property
    def invisible(self) -> bool:
        """Whether it fell out of what the app may see."""
        return bool(self.presence == INVISIBLE)


class CorpMember(Record):
    """A member of one corp. The row and its ``userId`` stay for ever; leaving changes the status.

    ``status`` is 1 (active) or 2 (offline), ``reason`` says why offline: ``manual``, ``disabled``, ``quit`` or
    ``absent``. ``presence`` is ``listed``, ``invisible`` (out of the app's scope), ``unconfirmed`` (not listed, and
    upstream could not say why) or ``absent``. ``pinned`` is JSON: the fields that a person here keeps as they are, each
    with what upstream says of it; see ``pins``.
    """

    corpFullName = TextField(column_name="corp_full_name")
    memberId = TextField(column_name="member_id")
    userId = TextField(column_name="user_id", index=True)
    name = TextField(null=True)
    #: Upstream's ``alias``; Peewee's models have a method of that name.
    aliasName = TextField(column_name="alias", null=True)
    position = TextField(null=True)
    gender = TextField(null=True)
    avatar = TextField(null=True)
    openUserId = TextField(column_name="open_user_id", null=True)
    mainDeptId = TextField(column_name="main_dept_id", null=True)
    status = IntegerField()
    reason = TextField(null=True)
    upstreamReason = TextField(column_name="upstream_reason", null=True)
    manualOffline = BooleanField(column_name="manual_offline", default=False)
    presence = TextField()
    scopeDigest = TextField(column_name="scope_digest", null=True)
    pinned = TextField(null=True)

    class Meta:
        table_name = "corp_member"
        primary_key = CompositeKey("corpFullName", "memberId")

    def __str__(self) -> str:
        return str(self.name or self.memberId)

    @property
    def nick(self) -> str | None:
        """JitAi's other word for the name."""
        return None if self.name is None else str(self.name)

    @property
    def pins(self) -> dict[str, str | None]:
        """What a person here pinned (``pinMember``): the fields, each with what upstream says of it."""
        told: dict[str, str | None] = {} if self.pinned is None else json.loads(str(self.pinned))
        return told

    @property
    def active(self) -> bool:
        """Whether the member works here."""
        return bool(self.status == ACTIVE)

    @property
    def statusName(self) -> str:
        """``"active"`` or ``"offline"``."""
        return "active" if self.active else "offline"

    @property
    def invisible(self) -> bool:
        """Whether the member fell out of what the app may see."""
        return bool(self.presence == INVISIBLE)


class CorpDeptMember(Record):
    """A member's place in a department."""

    corpFullName = TextField(column_name="corp_full_name")
    deptId = TextField(column_name="dept_id")
    memberId = TextField(column_name="member_id")
    order = BigIntegerField(column_name="sort_order", default=0)
    isLeader = BooleanField(column_name="is_leader", default=False)

    class Meta:
        table_name = "corp_dept_member"
        primary_key = CompositeKey("corpFullName", "deptId", "memberId")
        indexes = ((("corpFullName", "memberId"), False),)


class CorpRole(Record):
    """A role: ``origin`` is ``upstream`` (a WeCom tag) or ``custom`` (made by ``setUserRole``).

    ``deptIds`` are the departments it stands for; everybody in and below them has it, with the origin ``dept``.
    """

    corpFullName = TextField(column_name="corp_full_name")
    roleId = TextField(column_name="role_id")
    name = TextField(null=True)
    origin = TextField()
    deptIds = JsonText(column_name="dept_ids", null=True)

    class Meta:
        table_name = "corp_role"
        primary_key = CompositeKey("corpFullName", "roleId")

    def __str__(self) -> str:
        return str(self.name or self.roleId)

    @property
    def isCustom(self) -> int:
        """JitAi's flag: 1 for a role that was made here."""
        return int(self.origin == CUSTOM)


class CorpRoleMember(Record):
    """A role of a member: ``origin`` is ``manual`` (``setUserRole``), ``tag`` or ``dept`` (a tag on a department)."""

    corpFullName = TextField(column_name="corp_full_name")
    roleId = TextField(column_name="role_id")
    memberId = TextField(column_name="member_id")
    origin = TextField()

    class Meta:
        table_name = "corp_role_member"
        primary_key = CompositeKey("corpFullName", "roleId", "memberId", "origin")
        indexes = ((("corpFullName", "memberId", "roleId", "origin"), False),)

    @property
    def isCustom(self) -> int:
        """JitAi's flag: 1 for a grant that a person made here."""
        return int(self.origin == MANUAL)


class User(Record):
    """The account behind members. A new member gets a new one."""

    userId = TextField(column_name="user_id", primary_key=True)
    name = TextField(null=True)

    class Meta:
        table_name = "users"

    def __str__(self) -> str:
        return str(self.name or self.userId)


class CorpState(Record):
    """What is kept of a corp itself: the published generation and the scope it was read under."""

    corpFullName = TextField(column_name="corp_full_name", primary_key=True)
    generation = BigIntegerField(default=0)
    corpId = TextField(column_name="corp_id", null=True)
    corpName = TextField(column_name="corp_name", null=True)
    scopeDigest = TextField(column_name="scope_digest", default="")
    scopeSummary = TextField(column_name="scope_summary", default="")
    rootDeptId = TextField(column_name="root_dept_id", null=True)

    class Meta:
        table_name = "corp_state"


class SyncLease(Record):
    """Who may publish a corp: ``token`` grows with every claim, so that a late writer is known by its old one."""

    corpFullName = TextField(column_name="corp_full_name", primary_key=True)
    token = BigIntegerField(default=0)
    holder = TextField(null=True)
    #: Seconds since the epoch.
    until = DoubleField(default=0)

    class Meta:
        table_name = "corp_sync_lease"


class SyncRun(Record):
    """One run: ``running ok ok_with_conflicts guarded partial failed skipped_locked superseded abandoned``.

    ``counts`` is ``{kind: {added, updated, removed}}``; ``withheld`` the guard's findings, each with the first
    thousand ``keys``; ``removals`` how many of each kind went by themselves without approval (``{kind: count}``);
    ``incomplete`` what upstream did not tell; ``conflicts`` what could not be decided; ``digest`` the seal of the saved
    plan that it applied; ``cause`` what failed; ``way`` how upstream was
    read.
    """

    runId = BigAutoField(column_name="run_id")
    corpFullName = TextField(column_name="corp_full_name")
    action = TextField()
    status = TextField()
    #: UTC.
    startedAt = DateTimeField(column_name="started_at")
    finishedAt = DateTimeField(column_name="finished_at", null=True)
    #: Seconds.
    duration = DoubleField(null=True)
    generation = BigIntegerField(null=True)
    calls = IntegerField(null=True)
    counts = JsonText(null=True)
    withheld = JsonText(null=True)
    removals = JsonText(null=True)
    incomplete = JsonText(null=True)
    conflicts = JsonText(null=True)
    digest = TextField(null=True)
    cause = TextField(null=True)
    way = TextField(null=True)

    class Meta:
        table_name = "corp_sync_run"
        indexes = ((("corpFullName", "runId"), False), (("corpFullName", "finishedAt"), False))


class ChangeRecord(Record):
    """One change of one record, append-only: replaying them from nothing gives the organisation of any generation.

    ``kind`` is one of ``departments members memberships roles grants``, ``key`` a JSON list of the record's ids,
    ``action`` is ``add update remove``. ``before`` and ``after`` are the record's other fields, without the empty ones;
    where both stand, only what differs.
    """

    changeId = BigAutoField(column_name="change_id")
    corpFullName = TextField(column_name="corp_full_name")
    generation = BigIntegerField()
    runId = BigIntegerField(column_name="run_id", null=True)
    kind = TextField()
    key = JsonText()
    action = TextField()
    before = JsonText(null=True)
    after = JsonText(null=True)

    class Meta:
        table_name = "corp_change"
        indexes = ((("corpFullName", "generation"), False),)


class Observation(Record):
    """When a single record was read last: nothing that an older reading says of it counts.

    ``kind`` is ``departments``, ``members`` or ``roles``; ``gone`` says that upstream did not have it.
    """

    corpFullName = TextField(column_name="corp_full_name")
    kind = TextField()
    id = TextField()
    #: When the reading began, in seconds since the epoch.
    observedAt = DoubleField(column_name="observed_at")
    gone = BooleanField(default=False)

    class Meta:
        table_name = "corp_observation"
        primary_key = CompositeKey("corpFullName", "kind", "id")
        indexes = ((("corpFullName", "observedAt"), False),)


class SyncCheckpoint(Record):
    """Pages of a reading that did not end, some of them a row; see :mod:`jit_corps.checkpoints`."""

    corpFullName = TextField(column_name="corp_full_name")
    number = IntegerField()
    corpId = TextField(column_name="corp_id")
    #: Digest of the visible range under which they were read.
    scope = TextField()
    #: When the first and the last of them were read, in seconds since the epoch.
    oldest = DoubleField()
    newest = DoubleField()
    #: Until when all of them may be used; null where each has its own time.
    keptUntil = DoubleField(column_name="kept_until", null=True)
    #: Compressed JSON as text, without anything that must not be stored.
    pages = TextField()

    class Meta:
        table_name = "corp_sync_checkpoint"
        primary_key = CompositeKey("corpFullName", "number")


class FingerprintRecord(Record):
    """What upstream's lists said when a generation was published; see :mod:`jit_corps.fingerprints`."""

    corpFullName = TextField(column_name="corp_full_name", primary_key=True)
    generation = BigIntegerField()
    #: Of how upstream was read and understood.
    version = TextField()
    #: When every list was compared last, in seconds since the epoch.
    comparedAt = DoubleField(column_name="compared_at")
    #: JSON text: digest and number of members, by the ids of departments and of roles.
    digests = TextField()

    class Meta:
        table_name = "corp_fingerprint"


#: In the order in which they are created.
MODELS = (
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
    Observation,
    SyncCheckpoint,
    FingerprintRecord,
)

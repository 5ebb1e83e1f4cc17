"""What the WeCom plugin remembers between processes: grants, tickets, tokens, quotas, received callbacks, erasures.

Columns that hold a secret end in ``Sealed`` and hold only what :class:`jit_qywx.encryption.SecretBox` made of it.
Moments are seconds since the epoch.
"""

from __future__ import annotations

import peewee

__all__ = [
    "APP",
    "DONE",
    "MODELS",
    "PARKED",
    "RECEIVED",
    "TEMPLATE",
    "WORKING",
    "QywxAuthorization",
    "QywxCallback",
    "QywxConsent",
    "QywxErasure",
    "QywxLoginCode",
    "QywxQuota",
    "QywxReconcile",
    "QywxSuiteTicket",
    "QywxToken",
]

#: States of a callback: stored and waiting, being worked on, settled, given up.
RECEIVED = "received"
WORKING = "working"
DONE = "done"
PARKED = "parked"

#: Channels: of the suite (指令回调), and of one enterprise's app (数据回调).
TEMPLATE = "template"
APP = "app"


class QywxAuthorization(peewee.Model):
    """One enterprise's grant to one suite (WeCom document 97163)."""

    suiteId = peewee.CharField(64)
    corpId = peewee.CharField(64)
    corpName = peewee.TextField(null=True)
    agentId = peewee.CharField(32, null=True)
    permanentCodeSealed = peewee.TextField(null=True)
    #: One of ``jit_qywx.states.STATES``, the transition that led there, and when it did.
    state = peewee.CharField(16)
    cause = peewee.CharField(16, null=True)
    stateAt = peewee.DoubleField(null=True)
    #: Why it is not active.
    reason = peewee.TextField(null=True)
    #: ``state`` of the install link that was followed (document 98744).
    linkState = peewee.CharField(32, null=True)
    #: JSON of auth_info.agent[0].privilege.
    privilege = peewee.TextField(null=True)
    #: Why the enterprise could not be exported, and when that was seen.
    exportTrouble = peewee.TextField(null=True)
    exportTroubleAt = peewee.DoubleField(null=True)
    #: ``TimeStamp`` of the newest event that changed it; 0 when it was authorised by hand.
    eventAt = peewee.BigIntegerField()
    createdAt = peewee.DoubleField()
    updatedAt = peewee.DoubleField()

    class Meta:
        table_name = "jit_qywx_authorization"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("suiteId", "corpId")


class QywxSuiteTicket(peewee.Model):
    """The newest suite_ticket of one suite (WeCom document 90628)."""

    suiteId = peewee.CharField(64, primary_key=True)
    ticketSealed = peewee.TextField()
    #: ``TimeStamp`` of the push: the newest wins, in whatever order the pushes arrive.
    timeStamp = peewee.BigIntegerField()
    receivedAt = peewee.DoubleField()

    class Meta:
        table_name = "jit_qywx_suite_ticket"
        legacy_table_names = False


class QywxToken(peewee.Model):
    """One access token, shared by all threads and processes, and who is fetching the next one."""

    #: ``app`` or ``suite``.
    kind = peewee.CharField(16)
    suiteId = peewee.CharField(64)
    #: The enterprise of an ``app`` token, else empty.
    corpId = peewee.CharField(64)
    tokenSealed = peewee.TextField(null=True)
    #: When to fetch the next one.
    renewAt = peewee.DoubleField()
    #: Counts the tokens of this key.
    version = peewee.IntegerField()
    #: Of the secret the token was fetched with; another secret makes the token worthless.
    fingerprint = peewee.CharField(64)
    #: JSON of the refusal of that secret: it is not tried again.
    refusal = peewee.TextField(null=True)
    leaseOwner = peewee.CharField(64, null=True)
    leaseUntil = peewee.DoubleField()

    class Meta:
        table_name = "jit_qywx_token"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("kind", "suiteId", "corpId")


class QywxCallback(peewee.Model):
    """One received callback: stored before it is answered, so that nothing acknowledged is lost."""

    id = peewee.AutoField()
    suiteId = peewee.CharField(64)
    #: ``template`` or ``app``.
    channel = peewee.CharField(16, default=TEMPLATE)
    #: SHA-256 of the decrypted body: WeCom sends no delivery id, and the same event up to three times.
    digest = peewee.CharField(64)
    infoType = peewee.CharField(64)
    corpId = peewee.CharField(64, null=True)
    timeStamp = peewee.BigIntegerField()
    receivedAt = peewee.DoubleField()
    #: ``received``, ``working``, ``done`` or ``parked``.
    state = peewee.CharField(16)
    #: Why it is parked or waits.
    reason = peewee.TextField(null=True)
    #: When it may be worked on.
    dueAt = peewee.DoubleField(default=0.0)
    #: When work on it last began, and in which process.
    workedAt = peewee.DoubleField(null=True)
    holder = peewee.TextField(null=True)
    attempts = peewee.IntegerField()
    #: How often the same content came again.
    repeats = peewee.IntegerField(default=0)
    bodySealed = peewee.TextField()

    class Meta:
        table_name = "jit_qywx_callback"
        legacy_table_names = False
        indexes = (
            (("suiteId", "digest"), True),
            (("suiteId", "state"), False),
            (("suiteId", "channel", "state", "corpId"), False),
        )


class QywxReconcile(peewee.Model):
    """An enterprise whose organisation is to be read in full; the row stays until that has succeeded."""

    suiteId = peewee.CharField(64)
    corpId = peewee.CharField(64)
    wantedAt = peewee.DoubleField()
    reason = peewee.TextField()
    #: Counts the wishes: one that comes while the organisation is being read is not fulfilled by that.
    wants = peewee.IntegerField()
    #: When it may be tried.
    dueAt = peewee.DoubleField()
    attempts = peewee.IntegerField()

    class Meta:
        table_name = "jit_qywx_reconcile"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("suiteId", "corpId")


class QywxErasure(peewee.Model):
    """That the data of one enterprise were erased: what is left of them."""

    id = peewee.AutoField()
    suiteId = peewee.CharField(64)
    corpId = peewee.CharField(64)
    #: The auth element it was erased through, and JSON of the full names of its corp elements.
    authFullName = peewee.TextField()
    corps = peewee.TextField()
    #: State of its authorization before; ``-`` when there was none.
    state = peewee.CharField(16)
    #: JSON: how many rows of each table.
    counts = peewee.TextField()
    erasedAt = peewee.DoubleField()

    class Meta:
        table_name = "jit_qywx_erasure"
        legacy_table_names = False


class QywxLoginCode(peewee.Model):
    """A login code of ours, by its SHA-256: whom it lets in, once, until when."""

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
    """What a member agreed to show of themselves (WeCom document 96443)."""

    suiteId = peewee.CharField(64)
    corpId = peewee.CharField(64)
    memberId = peewee.CharField(255)
    #: JSON list of the fields' names.
    fields = peewee.TextField()
    consentedAt = peewee.DoubleField()
    detailsSealed = peewee.TextField()

    class Meta:
        table_name = "jit_qywx_consent"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("suiteId", "corpId", "memberId")


class QywxQuota(peewee.Model):
    """What was used of the quotas of one enterprise, or of one address, and until when it is left alone."""

    #: The enterprise, or empty for an address.
    corpId = peewee.CharField(64)
    #: The name of the address that calls, or empty for an enterprise.
    address = peewee.CharField(64)
    #: JSON of :class:`jit_qywx.client.ledger.Ledger`.
    used = peewee.TextField()
    #: Counts the changes of ``used``.
    version = peewee.IntegerField()
    #: When readings may ask again, since when they may not, and why.
    parkedUntil = peewee.DoubleField(null=True)
    parkedAt = peewee.DoubleField(null=True)
    reason = peewee.TextField(null=True)

    class Meta:
        table_name = "jit_qywx_quota"
        legacy_table_names = False
        primary_key = peewee.CompositeKey("corpId", "address")


MODELS = (
    QywxAuthorization,
    QywxSuiteTicket,
    QywxToken,
    QywxCallback,
    QywxReconcile,
    QywxErasure,
    QywxLoginCode,
    QywxConsent,
    QywxQuota,
)

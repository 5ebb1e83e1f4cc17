"""One row per run, and one writer per corp.

A run begins by claiming the corp's lease and ends by giving it back; what happened between is its row. The lease lives
in the database, so it holds between processes and machines; a claim that nobody gave back (kill -9) ends by itself, and
at once where it can be seen that its process is gone. A claim carries a token that only grows: whoever publishes with
an old one is refused, however late it wakes up.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_corps import holders
from jit_corps.errors import SyncLocked, SyncSuperseded
from jit_corps.models import SyncLease, SyncRun

if TYPE_CHECKING:
    from jit_corps.changes import Plan
    from jitcore.storage import Storage

__all__ = [
    "KEPT_KEYS",
    "LEASE_SECONDS",
    "PUBLISHED",
    "Claim",
    "Outcome",
    "add_run",
    "begin_run",
    "check_claim",
    "end_run",
    "renew",
    "status_of",
]

log = logging.getLogger(__name__)

#: How a run ends that published, even if nothing had changed.
PUBLISHED = ("ok", "ok_with_conflicts", "guarded", "partial")
#: Of so many records a run's row says which ones were withheld.
KEPT_KEYS = 1000
#: How long a silent run keeps its claim; a run that makes progress renews it.
LEASE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One run's right to publish one corp.

    :param startedAt: seconds since the epoch.
    """

    corpFullName: str
    token: int
    runId: int
    startedAt: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, as its row says it.

    :param status: ``ok ok_with_conflicts guarded partial failed superseded``.
    :param digest: the seal of the saved plan that the run applied.
    :param cause: what failed; never a text that upstream or a caller could have put a secret in.
    """

    status: str
    generation: int | None = None
    plan: Plan | None = None
    cause: str | None = None
    digest: str | None = None


def begin_run(storage: Storage, corpFullName: str, action: str, now: float) -> Claim:
    """Claim the corp and write the run's row.

    :param action: ``"sync"`` or ``"register"``.
    :param now: seconds since the epoch.
    :raises SyncLocked: another run holds the corp; the row of this one says ``skipped_locked``.
    """
    lease, run = storage.models[SyncLease], storage.models[SyncRun]
    with storage.transaction():
        query = lease.select(lease.token, lease.holder, lease.until).where(lease.corpFullName == corpFullName)
        if storage.database.for_update:
            query = query.for_update()
        found = storage.select_tuples(query)
        if not found:
            columns = ("corpFullName", "token", "holder", "until")
            storage.upsert_rows(lease, columns, [(corpFullName, 0, None, 0.0)], ("corpFullName",), ())
            found = storage.select_tuples(query)
        [(token, holder, until)] = found
        taken = holder is not None and until > now
        if taken and holders.is_gone(holder):
            log.warning("taking over the claim of corp=%s from %s, which is gone", corpFullName, holders.shown(holder))
            taken = False
        if not taken:
            token += 1
            changed = {"token": token, "holder": holders.this_process(), "until": now + LEASE_SECONDS}
            lease.update(changed).where(lease.corpFullName == corpFullName).execute()
            if holder is not None:
                # Whoever was running has lost its claim, so it is not running any more.
                left = (run.corpFullName == corpFullName) & (run.status == "running")
                run.update(status="abandoned").where(left).execute()
        row: dict[str, Any] = {
            "corpFullName": corpFullName,
            "action": action,
            "status": "skipped_locked" if taken else "running",
            "startedAt": _utc(now),
        }
        if taken:
            row |= {"finishedAt": _utc(now), "duration": 0.0, "cause": f"held by {holders.shown(holder)}"}
        runId = int(run.insert(row).execute())
    if taken:
        raise SyncLocked(corpFullName, holder=holders.shown(holder), until=float(until), runId=runId)
    return Claim(corpFullName, int(token), runId, now)


def renew(storage: Storage, claim: Claim, now: float) -> None:
    """Keep the claim while the run makes progress; a claim that was lost stays lost."""
    lease = storage.models[SyncLease]
    mine = (lease.corpFullName == claim.corpFullName) & (lease.token == claim.token)
    with storage.transaction():
        lease.update(until=now + LEASE_SECONDS).where(mine).execute()


def check_claim(storage: Storage, claim: Claim) -> None:
    """Make sure, inside a transaction, that nobody took the claim over, and that nobody can until it ends.

    An expired claim that nobody took is still good.

    :raises SyncSuperseded: somebody did.
    """
    lease = storage.models[SyncLease]
    query = lease.select(lease.token).where(lease.corpFullName == claim.corpFullName)
    if storage.database.for_update:
        query = query.for_update()
    if storage.select_tuples(query) != [(claim.token,)]:
        raise SyncSuperseded(claim.corpFullName, claim.runId)


def end_run(storage: Storage, claim: Claim, outcome: Outcome, now: float) -> None:
    """Complete the run's row and give the claim back; joins a transaction that is under way."""
    lease, run = storage.models[SyncLease], storage.models[SyncRun]
    mine = (lease.corpFullName == claim.corpFullName) & (lease.token == claim.token)
    with storage.transaction():
        run.update(_told(outcome, claim.startedAt, now)).where(run.runId == claim.runId).execute()
        lease.update(holder=None, until=0.0).where(mine).execute()


def add_run(storage: Storage, corpFullName: str, action: str, startedAt: float, outcome: Outcome, now: float) -> int:
    """Write the row of a run that needed no claim, at its end; returns the row's id."""
    run = storage.models[SyncRun]
    row = {"corpFullName": corpFullName, "action": action, "startedAt": _utc(startedAt)}
    with storage.transaction():
        return int(run.insert(row | _told(outcome, startedAt, now)).execute())


def _told(outcome: Outcome, startedAt: float, now: float) -> dict[str, Any]:
    """The end of a run, as its row has it."""
    row: dict[str, Any] = {
        "status": outcome.status,
        "finishedAt": _utc(now),
        "duration": now - startedAt,
        "generation": outcome.generation,
        "cause": outcome.cause,
        "digest": outcome.digest,
    }
    if outcome.plan is not None:
        row |= {
            "calls": outcome.plan.calls,
            "way": outcome.plan.way or None,
            "counts": outcome.plan.counts,
            "withheld": [
                {"kind": one.kind, "count": one.count, "limit": one.limit, "active": one.active, "recent": one.recent}
                | {"keys": one.keys[:KEPT_KEYS]}
                for one in outcome.plan.withheld
            ],
            "removals": outcome.plan.unapproved or None,
            "incomplete": list(outcome.plan.incomplete),
            "conflicts": list(outcome.plan.conflicts),
        }
    return row


def status_of(plan: Plan) -> str:
    """How a run that published ``plan`` ended.

    ``ok`` is said only of an organisation that is what upstream says. ``guarded``: removals were withheld. ``partial``:
    upstream told only a part, could not confirm an absence, or everything should be read again.
    ``ok_with_conflicts``: everything was told, and something of it could not be decided.
    """
    if plan.withheld:
        return "guarded"
    if plan.incomplete or plan.reconcile:
        return "partial"
    return "ok_with_conflicts" if plan.conflicts else "ok"


def _utc(now: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(now, dt.UTC).replace(tzinfo=None)

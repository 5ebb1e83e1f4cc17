"""One run: fetch, plan, guard, publish, and the row that tells of it, however it ends.

Everything that talks to the network happens before anything is written; everything is written in one transaction. So a
run that fails, at whatever point, has changed nothing.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from jit_corps.collecting import collecting_seldom, without_collecting
from jit_corps.differing import read_differing
from jit_corps.errors import CorpError, PlanStale, SyncFailed, SyncSuperseded
from jit_corps.guard import removal_limit
from jit_corps.known import Known
from jit_corps.plan import plan_parts_guarded
from jit_corps.publish import analyze, lock_generation, publish
from jit_corps.recent import RecentRemovals
from jit_corps.report import SyncReport
from jit_corps.runs import LEASE_SECONDS, Outcome, begin_run, check_claim, end_run, renew, status_of
from jit_corps.snapshot import Snapshot
from jit_corps.state import read_parts
from jitcore.errors import JitError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from jit_corps.changes import Plan
    from jit_corps.newcomers import Newcomers
    from jit_corps.parts import Parts
    from jit_corps.progress import Progress
    from jit_corps.runs import Claim
    from jitcore.storage import Storage

__all__ = ["KEPT", "Engine", "Expected", "Fetch", "told"]

log = logging.getLogger(__name__)

R = TypeVar("R")

#: How a note on an error begins that says what the next run need not read again.
KEPT = "checkpoint kept"
#: How often a run plans at most because somebody published meanwhile.
ATTEMPTS = 5
#: As many members, with all that is planned of them, take about 300 MB.
MEMBERS_AT_ONCE = 100_000


class Fetch(Protocol):
    """What a provider does: see :meth:`jit_corps.corp.Corp.fetch`."""

    def __call__(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot: ...


class Expected(Protocol):
    """Raises when a plan, made by the run of this number, must not be published."""

    def __call__(self, plan: Plan, runId: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """What every run of one corp needs.

    :param title: the element's title, for a local root without a better name.
    :param clock: seconds since the epoch.
    :param members_at_once: an organisation of more is planned in parts of about so many.
    """

    storage: Storage
    corpFullName: str
    corpId: str
    title: str
    clock: Callable[[], float]
    members_at_once: int = MEMBERS_AT_ONCE

    def run(
        self,
        fetch: Fetch,
        *,
        action: str,
        approve: int | None,
        progress: Progress,
        expected: Expected | None = None,
        digest: str | None = None,
    ) -> SyncReport:
        """Run once and publish.

        :param action: what the run's row calls it: ``"sync"`` or ``"register"``.
        :param approve: how many removals of each kind a person lets through at most.
        :param expected: is shown each plan before it is published, and raises when it must not be.
        :param digest: the seal of the saved plan that is expected, for the run's row.
        :raises SyncLocked: another run of this corp is under way.
        :raises SyncFailed: nothing was changed; the cause is ``__cause__``.
        """
        try:
            claim = begin_run(self.storage, self.corpFullName, action, self.clock())
        except StorageError as error:
            raise self.failure(error, None) from error
        try:
            with collecting_seldom():
                snapshot = self.fetched(fetch, approve, _Beat(self, claim, progress))
                plan, generation = self._publish(snapshot, approve, claim, progress, expected, digest)
        except SyncSuperseded:
            self._note(claim, Outcome("superseded", cause="another run took over"))
            raise
        except BaseException as error:
            self._note(claim, Outcome("failed", cause=told(error)))
            if isinstance(error, SyncFailed) and error.runId is None:
                error.runId = claim.runId
            # Ctrl-C and the like go their way, and so does what says by itself that the run failed.
            if isinstance(error, SyncFailed) or not isinstance(error, Exception):
                raise
            raise self.failure(error, claim.runId) from error
        return self.report(plan, generation, claim.runId, claim.startedAt)

    def plan(self, fetch: Fetch, *, approve: int | None, progress: Progress) -> Plan:
        """What a run would do now; writes nothing.

        :raises SyncFailed: the organisation could not be read.
        """
        began = self.clock()
        try:
            with collecting_seldom():
                snapshot = self.fetched(fetch, approve, progress)
                return plan_parts_guarded(self.parts(snapshot, began), approve=approve, recent=self.recent())
        except SyncFailed:
            raise
        except Exception as error:
            raise self.failure(error, None) from error

    def fetched(self, fetch: Fetch, approve: int | None, progress: Progress) -> Snapshot:
        """What the provider says, with second looks at as many missing members as may go."""
        with collecting_seldom():
            known = self.known()
            snapshot = fetch(known, confirm=max(removal_limit(len(known)), approve or 0), progress=progress)
        if not isinstance(snapshot, Snapshot) or snapshot.corpId != self.corpId or snapshot.targets is not None:
            raise CorpError(
                f"The provider of {self.corpFullName} returned something that is no snapshot of {self.corpId!r}.",
                corpFullName=self.corpFullName,
                hint="fetch() has to return a jit_corps.snapshot.Snapshot of everything, with the element's corpId.",
            )
        return snapshot

    def report(self, plan: Plan, generation: int, runId: int | None, began: float) -> SyncReport:
        """What a run that published this plan says; it says so in the log as well."""
        report = SyncReport(
            corpFullName=self.corpFullName,
            status=status_of(plan),
            counts=plan.counts,
            duration=self.clock() - began,
            calls=plan.calls,
            withheld=plan.withheld,
            incomplete=plan.incomplete,
            generation=generation,
            runId=runId,
            conflicts=plan.conflicts,
            reconcile=plan.reconcile,
            way=plan.way,
        )
        log.info(
            "synced corp=%s status=%s changes=%d calls=%d seconds=%.3f generation=%d run=%s",
            *(report.corpFullName, report.status, report.changes, report.calls, report.duration),
            *(report.generation, report.runId),
        )
        if plan.way:
            log.info("read corp=%s by %s", self.corpFullName, plan.way)
        for conflict in plan.conflicts:
            log.warning("conflict in corp=%s: %s", self.corpFullName, conflict)
        return report

    def known(self) -> Known:
        """Active members whose absence would mean something."""
        return Known(self.storage, self.corpFullName)

    def _publish(
        self,
        snapshot: Snapshot,
        approve: int | None,
        claim: Claim,
        progress: Progress,
        expected: Expected | None,
        digest: str | None,
    ) -> tuple[Plan, int]:
        # What was read singly since is newer than it.
        began = claim.startedAt if snapshot.began is None else min(snapshot.began, claim.startedAt)

        def make() -> Plan:
            parts = self.parts(snapshot, began)
            plan = plan_parts_guarded(parts, approve=approve, recent=self.recent())
            if expected is not None:
                expected(plan, claim.runId)
            return plan

        def write(plan: Plan) -> int:
            return publish(self.storage, plan, claim, self.clock, digest)

        published = self.published(make, write, progress, lock=lambda: check_claim(self.storage, claim))
        analyze(self.storage, published[0])
        return published

    def published(
        self,
        make: Callable[[], Plan],
        write: Callable[[Plan], R],
        progress: Progress,
        lock: Callable[[], None] = lambda: None,
    ) -> tuple[Plan, R]:
        """Plan and publish, and plan again when somebody else published meanwhile; what they did stands.

        Planning takes long in a large organisation, and others should not have to wait for it. Who is overtaken every
        time plans at last while nobody else can publish.

        :param lock: what ``write`` locks first.
        """
        for _ in range(ATTEMPTS - 1):
            progress("plan", 0, 1)
            try:
                with without_collecting():
                    plan = make()
                    progress("plan", 1, 1)
                    progress("publish", 0, 1)
                    result = write(plan)
            except PlanStale:
                continue
            progress("publish", 1, 1)
            return plan, result
        progress("publish", 0, 1)
        with without_collecting(), self.storage.transaction():
            lock()
            lock_generation(self.storage, self.corpFullName)
            plan = make()
            result = write(plan)
        progress("publish", 1, 1)
        return plan, result

    def parts(self, snapshot: Snapshot, since: float) -> Parts | Newcomers:
        """What is published, beside a snapshot that began to be read then."""
        asked = (self.storage, self.corpFullName, snapshot, self.title, since, self.members_at_once)
        with self.storage.reading():
            return read_differing(*asked) or read_parts(*asked)

    def recent(self) -> RecentRemovals:
        """How many records went within a day before now; to be made after the state was read."""
        return RecentRemovals(self.storage, self.corpFullName, self.clock())

    def _note(self, claim: Claim, outcome: Outcome) -> None:
        """Write how the run failed; when the database is what failed, the log has to do."""
        try:
            end_run(self.storage, claim, outcome, self.clock())
        except StorageError as error:
            log.warning(
                "run=%d of %s ended %s, not recorded: %s", claim.runId, self.corpFullName, outcome.status, error
            )

    def failure(self, error: Exception, runId: int | None) -> SyncFailed:
        hint = error.hint if isinstance(error, JitError) else None
        message = f"{self.corpFullName} was not synced, nothing was changed: {told(error)}"
        return SyncFailed(message, corpFullName=self.corpFullName, runId=runId, hint=hint)


class _Beat:
    """Passes progress on, and keeps the run's claim alive while there is some; providers call it from any thread."""

    def __init__(self, engine: Engine, claim: Claim, progress: Progress) -> None:
        self.engine = engine
        self.claim = claim
        self.progress = progress
        self.renewed = claim.startedAt
        self.lock = threading.Lock()

    def __call__(self, phase: str, done: int, total: int | None) -> None:
        self.progress(phase, done, total)
        now = self.engine.clock()
        with self.lock:
            if now - self.renewed <= LEASE_SECONDS / 4:
                return
            self.renewed = now
        try:
            renew(self.engine.storage, self.claim, now)
        except StorageError as error:
            # The claim just gets older; whether it still holds is looked at before anything is published.
            log.warning("claim of run=%d of %s was not renewed: %s", self.claim.runId, self.claim.corpFullName, error)


def told(error: BaseException) -> str:
    """An error for the run's row: our own in full, because their texts hold no secret; others by name only.

    What is kept for the next run is told as well.
    """
    said = f"{error.code}: {error.message}" if isinstance(error, JitError) else type(error).__name__
    kept = [note for note in getattr(error, "__notes__", ()) if note.startswith(KEPT)]
    return f"{said} ({kept[-1]})" if kept else said

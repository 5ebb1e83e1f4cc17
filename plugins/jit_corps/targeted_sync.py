"""One run over single records: what an event of upstream asks for, in a few milliseconds.

It goes the way of every run (fetch, plan, guard, publish) with less to read. It takes no claim, because a run over
everything may hold that for an hour; what both have read is settled by who began later (:mod:`jit_corps.observations`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from jit_corps.errors import CorpError, SyncFailed, TargetsUnsupported
from jit_corps.plan import plan_guarded
from jit_corps.publish import publish_records
from jit_corps.report import SyncReport
from jit_corps.rows import ABSENT, MANUAL
from jit_corps.runs import Outcome, add_run
from jit_corps.snapshot import KINDS, Scope, Snapshot, Targets
from jit_corps.state import read_header
from jit_corps.sync import told
from jit_corps.targeted_state import read_around
from jit_corps.totals import Totals
from jitcore.errors import StorageError

if TYPE_CHECKING:
    from jit_corps.changes import Plan
    from jit_corps.progress import Progress
    from jit_corps.rows import LocalState
    from jit_corps.sync import Engine

__all__ = ["FetchTargets", "sync_targets"]

#: What the run's row calls it.
ACTION = "events"
#: A member in a new department below a new department, and so on: so many steps are taken to find all of them.
ROUNDS = 20
#: More records than that are not asked for one by one because others name them.
UNKNOWN = 200


class _NothingPublished(Exception):
    """There is nothing that could be brought up to date."""


class FetchTargets(Protocol):
    """What a provider does: see :meth:`jit_corps.corp.Corp.fetch_targets`."""

    def __call__(self, targets: Targets, *, progress: Progress) -> Snapshot: ...


def sync_targets(engine: Engine, fetch: FetchTargets, targets: Targets) -> SyncReport:
    """Bring single records up to date.

    Whatever they name that is not known here (a member's department, its parent, whom a tag names) is read, too.

    :raises TargetsUnsupported: the provider cannot read single records; nothing was changed.
    :raises SyncFailed: nothing was changed; the cause is ``__cause__``.
    """
    began = engine.clock()
    try:
        generation, header = read_header(engine.storage, engine.corpFullName)
        if header.corpId is None or not targets:
            return _nothing_done(engine, generation, began, is_new=header.corpId is None)
        snapshot, state, too_many = _read(engine, fetch, targets, began)
        first: list[LocalState] = [state]

        def make() -> Plan:
            current = first.pop() if first else _state(engine, snapshot, began)
            if current.header.corpId is None:
                raise _NothingPublished
            total = None if current.placed is None else Totals(engine.storage, engine.corpFullName)
            plan = plan_guarded(snapshot, current, total=total, recent=engine.recent())
            return replace(plan, reconcile=plan.reconcile or too_many)

        def write(plan: Plan) -> tuple[int, int | None]:
            return publish_records(engine.storage, plan, ACTION, engine.clock)

        plan, (generation, runId) = engine.published(make, write, _unseen)
    except TargetsUnsupported:
        raise
    except _NothingPublished:
        # It was erased while this was reading, and must not come back by it.
        return _nothing_done(engine, 0, began, is_new=True)
    except BaseException as error:
        runId = _note(engine, began, error)
        if isinstance(error, SyncFailed) or not isinstance(error, Exception):
            raise
        raise engine.failure(error, runId) from error
    return engine.report(plan, generation, runId, began)


def _read(
    engine: Engine, fetch: FetchTargets, targets: Targets, began: float
) -> tuple[Snapshot, LocalState, str | None]:
    """What upstream says of the targets and of what they name, beside what is published of that."""
    snapshot = _checked(engine, fetch(targets, progress=_unseen), targets)
    state = _state(engine, snapshot, began)
    for _ in range(ROUNDS):
        more = _unknown(snapshot, state)
        if not more:
            return snapshot, state, None
        if len(more.departments) + len(more.members) > UNKNOWN:
            break
        further = _checked(engine, fetch(more, progress=_unseen), more)
        # Nobody said that these exist, so not to know it leaves nothing open.
        snapshot = _united(snapshot, replace(further, unconfirmed=frozenset()))
        state = _state(engine, snapshot, began)
    return snapshot, state, "too much is named that is not known here"


def _unknown(snapshot: Snapshot, state: LocalState) -> Targets:
    """What the targets' records name, and is neither known here nor asked for yet."""
    targets = snapshot.targets
    assert targets is not None
    depts = {
        place.deptId
        for member in snapshot.members
        if member.memberId in targets.members
        for place in member.departments
    }
    depts |= {
        dept.parentId
        for dept in snapshot.departments
        if dept.deptId in targets.departments and dept.parentId is not None
    }
    known = {memberId for memberId, row in state.members.items() if row.presence != ABSENT}
    known |= {grant.memberId for grant in state.grants if grant.origin != MANUAL}
    holders = {grant.memberId for grant in snapshot.grants if grant.roleId in targets.roles}
    return Targets(
        departments=frozenset(depts - state.departments.keys() - targets.departments),
        members=frozenset(holders - known - targets.members),
    )


def _united(one: Snapshot, other: Snapshot) -> Snapshot:
    """Two readings of single records as one."""
    assert one.targets is not None
    assert other.targets is not None
    scope = one.scope
    if other.scope.digest != scope.digest:
        # What the app may see changed between them: this equals nothing that was published.
        scope = Scope(f"{scope.digest} {other.scope.digest}", other.scope.summary, other.scope.hasRoot)
    return replace(
        one,
        departments=one.departments + other.departments,
        members=(*one.members, *other.members),
        roles=one.roles + other.roles,
        grants=(*one.grants, *other.grants),
        scope=scope,
        complete=one.complete and other.complete,
        incomplete=one.incomplete + other.incomplete,
        unconfirmed=one.unconfirmed | other.unconfirmed,
        calls=one.calls + other.calls,
        targets=one.targets | other.targets,
    )


def _checked(engine: Engine, snapshot: Snapshot, asked: Targets) -> Snapshot:
    if (
        not isinstance(snapshot, Snapshot)
        or snapshot.corpId != engine.corpId
        or snapshot.targets is None
        or snapshot.targets | asked != snapshot.targets
    ):
        raise CorpError(
            f"The provider of {engine.corpFullName} returned something that does not tell the records asked for.",
            corpFullName=engine.corpFullName,
            hint="fetch_targets() has to return a jit_corps.snapshot.Snapshot with the corpId of the element and with"
            " the targets it was given, or more.",
        )
    return snapshot


def _state(engine: Engine, snapshot: Snapshot, began: float) -> LocalState:
    return read_around(engine.storage, engine.corpFullName, snapshot, engine.title, began)


def _nothing_done(engine: Engine, generation: int, began: float, *, is_new: bool) -> SyncReport:
    return SyncReport(
        corpFullName=engine.corpFullName,
        status="partial" if is_new else "ok",
        counts={kind: {"added": 0, "updated": 0, "removed": 0} for kind in KINDS},
        duration=engine.clock() - began,
        calls=0,
        withheld=(),
        incomplete=("everything",) if is_new else (),
        generation=generation,
        runId=None,
        reconcile="it was never synced as a whole" if is_new else None,
    )


def _note(engine: Engine, began: float, error: BaseException) -> int | None:
    outcome = Outcome("failed", cause=told(error))
    try:
        return add_run(engine.storage, engine.corpFullName, ACTION, began, outcome, engine.clock())
    except StorageError:
        # The database is what failed; the error that is raised says so.
        return None


def _unseen(phase: str, done: int, total: int | None) -> None:
    """Nobody watches."""

"""Saves what a sync would do, and does exactly that later, or refuses.

A plan that a person reviewed is worth nothing if something else happens in the end. So whatever has moved since (the
organisation, upstream, what the guard says, the file) is a reason to refuse, before anything is written.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jit_corps.errors import PlanApplied, PlanFileInvalid, PlanStale
from jit_corps.models import SyncRun
from jit_corps.plan_document import SavedPlan, parse, render
from jit_corps.runs import PUBLISHED
from jit_corps.state import read_header
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    import os

    from jit_corps.changes import Plan
    from jit_corps.progress import Progress
    from jit_corps.report import SyncReport
    from jit_corps.sync import Engine, Fetch

__all__ = ["apply_plan", "save_plan"]


def save_plan(
    engine: Engine, fetch: Fetch, file: str | os.PathLike[str], *, approve: int | None, progress: Progress
) -> Plan:
    """Plan, and write the plan to a file; writes nothing to the database.

    :raises SyncFailed: upstream could not be read.
    :raises ArgumentError: the file cannot be written.
    """
    plan = engine.plan(fetch, approve=approve, progress=progress)
    text = render(SavedPlan.of(plan, engine.corpId, approve, engine.clock()))
    try:
        Path(file).write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise ArgumentError(f"{Path(file)} cannot be written: {error.strerror}.") from error
    return plan


def apply_plan(engine: Engine, fetch: Fetch, file: str | os.PathLike[str], *, progress: Progress) -> SyncReport:
    """Read upstream again, plan again, and publish if that is the plan of the file.

    :raises PlanFileInvalid: the file is no plan for this organisation, or was edited.
    :raises PlanExpired: its approval is too old.
    :raises PlanApplied: it was applied before.
    :raises PlanStale: the organisation has changed since.
    :raises PlanMoved: upstream says something else by now.
    :raises SyncFailed: upstream could not be read. Whatever is raised, nothing was changed.
    """
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise PlanFileInvalid(engine.corpFullName, f"{Path(file)} cannot be read: {why}") from error
    saved = parse(text, engine.corpFullName)

    def check_here() -> None:
        saved.check_time(engine.clock())
        _check_unapplied(engine, saved)

    def expected(plan: Plan, runId: int) -> None:
        check_here()
        saved.check_equal(plan, engine.corpId, runId)

    # Before anybody is asked, and again when it is about to be published.
    check_here()
    generation, _ = read_header(engine.storage, engine.corpFullName)
    if generation != saved.base:
        raise PlanStale(engine.corpFullName, planned=saved.base, found=generation)
    return engine.run(
        fetch, action="sync", approve=saved.approve, progress=progress, expected=expected, digest=saved.seal
    )


def _check_unapplied(engine: Engine, saved: SavedPlan) -> None:
    run = engine.storage.models[SyncRun]
    same = (run.corpFullName == engine.corpFullName) & (run.digest == saved.seal) & run.status.in_(PUBLISHED)
    found = engine.storage.select_tuples(run.select(run.runId).where(same).limit(1))
    if found:
        raise PlanApplied(engine.corpFullName, int(found[0][0]))

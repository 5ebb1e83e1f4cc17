"""The organisation as it was: what is published now, with the newer changes of the history undone one by one.

Going back from now costs what has changed since, and needs no more of the history than that: an old part of it may be
deleted one day. Each change is held against the rows while it is undone: a history that does not fit is an error, never
an organisation that was not there.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_corps.errors import GenerationNotFound, HistoryIncomplete, RunNotFound, RunUnpublished
from jit_corps.models import ChangeRecord, SyncRun
from jit_corps.publish import TABLES
from jit_corps.rows import row_dict, row_key
from jit_corps.run_list import iso
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES
from jit_corps.state import read_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jit_corps.rows import DeptRow, GrantRow, LocalState, MemberRow, MembershipRow, RoleRow, Row
    from jitcore.storage import Storage

__all__ = ["EarlierOrganisation", "as_of_generation", "as_of_run", "current"]

Tables = dict[str, dict[tuple[str, ...], Any]]


@dataclass(frozen=True, slots=True)
class EarlierOrganisation:
    """The records of one corp as of a generation, by their ids.

    :param generation: the published version; 0 is before the first one.
    :param runId: the run that was asked for; ``None`` when a generation was.
    :param publishedAt: when that run ended, as ``2026-11-23T03:12:09Z``.
    :param memberships: by ids of department and member.
    """

    corpFullName: str
    title: str
    generation: int
    departments: Mapping[str, DeptRow]
    members: Mapping[str, MemberRow]
    memberships: Mapping[tuple[str, str], MembershipRow]
    roles: Mapping[str, RoleRow]
    grants: frozenset[GrantRow]
    runId: int | None = None
    publishedAt: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The records for a program: plain JSON values, each kind in the order of its ids."""
        return {
            "corpFullName": self.corpFullName,
            "generation": self.generation,
            "runId": self.runId,
            "publishedAt": self.publishedAt,
            DEPARTMENTS: [row_dict(row) for _, row in sorted(self.departments.items())],
            MEMBERS: [row_dict(row) for _, row in sorted(self.members.items())],
            MEMBERSHIPS: [row_dict(row) for _, row in sorted(self.memberships.items())],
            ROLES: [row_dict(row) for _, row in sorted(self.roles.items())],
            GRANTS: [row_dict(row) for row in sorted(self.grants)],
        }


def current(storage: Storage, corpFullName: str, title: str) -> EarlierOrganisation:
    """What is published now."""
    return _from_state(read_state(storage, corpFullName, title))


def as_of_run(storage: Storage, corpFullName: str, title: str, runId: int) -> EarlierOrganisation:
    """What was published when a run of the corp had ended.

    :raises RunNotFound: the corp has no such run.
    :raises RunUnpublished: the run ended without publishing, or has not ended.
    :raises HistoryIncomplete: the history does not reach back that far.
    """
    run = storage.models[SyncRun]
    mine = run.corpFullName == corpFullName
    with storage.reading():
        query = run.select(run.generation, run.status, run.finishedAt).where(mine & (run.runId == runId))
        found = storage.select_tuples(query)
        published = mine & run.generation.is_null(False)
        before = run.select(run.runId, run.generation).where(published & (run.runId < runId))
        newest = storage.select_tuples(before.order_by(run.runId.desc()).limit(1))
        if not found:
            raise RunNotFound(corpFullName, runId)
        [(generation, status, finishedAt)] = found
        if generation is None:
            raise RunUnpublished(corpFullName, runId, status, newest[0] if newest else None)
        return _undone(storage, corpFullName, title, int(generation), runId, iso(finishedAt))


def as_of_generation(storage: Storage, corpFullName: str, title: str, generation: int) -> EarlierOrganisation:
    """What was published as a generation; what people do here makes generations without a run.

    :raises GenerationNotFound: it is not published yet.
    :raises HistoryIncomplete: the history does not reach back that far.
    """
    with storage.reading():
        return _undone(storage, corpFullName, title, generation, None, None)


def _undone(
    storage: Storage, corpFullName: str, title: str, generation: int, runId: int | None, publishedAt: str | None
) -> EarlierOrganisation:
    state = read_state(storage, corpFullName, title)
    if generation > state.generation:
        raise GenerationNotFound(corpFullName, generation, state.generation)
    change = storage.models[ChangeRecord]
    mine = change.corpFullName == corpFullName
    if generation < state.generation:
        oldest = storage.select_tuples(
            change.select(change.generation).where(mine).order_by(change.generation).limit(1)
        )
        # The changes of the generation after the one asked for are the oldest that are needed; one in which only the
        # name of the enterprise or the scope changed has none, but the first always has.
        first = int(oldest[0][0]) if oldest else state.generation + 1
        if first > generation + 1:
            raise HistoryIncomplete(corpFullName, generation, first - 1)
    query = change.select(change.generation, change.kind, change.key, change.before, change.after)
    query = query.where(mine & (change.generation > generation))
    tables = _tables(state)
    for at, kind, key, before, after in storage.select_tuples(
        query.order_by(change.generation.desc(), change.changeId.desc())
    ):
        if not _undo(tables[kind], kind, tuple(key), before, after):
            raise HistoryIncomplete(corpFullName, generation, int(at))
    return EarlierOrganisation(
        corpFullName,
        title,
        generation,
        departments={key: row for (key,), row in tables[DEPARTMENTS].items()},
        members={key: row for (key,), row in tables[MEMBERS].items()},
        memberships={(dept, member): row for (dept, member), row in tables[MEMBERSHIPS].items()},
        roles={key: row for (key,), row in tables[ROLES].items()},
        grants=frozenset(tables[GRANTS].values()),
        runId=runId,
        publishedAt=publishedAt,
    )


def _undo(
    table: dict[tuple[str, ...], Any],
    kind: str,
    key: tuple[str, ...],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> bool:
    """Take one change back; False when the rows are not what the change left."""
    row = table.get(key)
    if after is None:
        assert before is not None
        table[key] = _made(kind, key, before)
        return row is None
    if row is None or any(getattr(row, name) != _value(value) for name, value in after.items()):
        return False
    if before is None:
        del table[key]
    else:
        table[key] = row._replace(**{name: _value(value) for name, value in before.items()})
    return True


def _made(kind: str, key: tuple[str, ...], told: dict[str, Any]) -> Row:
    row_type: Callable[..., Row] = TABLES[kind][1]
    fields = TABLES[kind][1]._fields[len(key) :]
    return row_type(*key, *(_value(told.get(name)) for name in fields))


def _value(told: Any) -> Any:
    """A value of the history as rows have it: JSON makes lists of tuples."""
    return tuple(told) if isinstance(told, list) else told


def _tables(state: LocalState) -> Tables:
    rows: Mapping[str, Any] = {
        DEPARTMENTS: state.departments.values(),
        MEMBERS: state.members.values(),
        MEMBERSHIPS: state.memberships.values(),
        ROLES: state.roles.values(),
        GRANTS: state.grants,
    }
    return {kind: {row_key(kind, row): row for row in rows[kind]} for kind in KINDS}


def _from_state(state: LocalState) -> EarlierOrganisation:
    return EarlierOrganisation(
        state.corpFullName,
        state.title,
        state.generation,
        departments=state.departments,
        members=state.members,
        memberships=state.memberships,
        roles=state.roles,
        grants=state.grants,
    )

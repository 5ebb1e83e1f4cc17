"""Makes a plan so, in one transaction: a reader sees the old organisation or the new one, a crash leaves one of them.

Writing is set-based: the number of statements depends on how many kinds of changes there are, not on how many records
change. A plan that changes nothing writes nothing but the end of its run.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from jit_corps.errors import PlanStale
from jit_corps.history import encode, record_changes
from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, CorpState, User
from jit_corps.rows import KEY_LENGTHS, DeptRow, GrantRow, Header, MemberRow, MembershipRow, RoleRow, row_key
from jit_corps.runs import Outcome, check_claim, end_run, status_of
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES
from jit_corps.state import read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import peewee

    from jit_corps.changes import KindChanges, Plan
    from jit_corps.rows import Row
    from jit_corps.runs import Claim
    from jitcore.storage import Storage

__all__ = ["TABLES", "lock_generation", "publish", "write_changes", "write_header"]

#: The model and the row of each kind.
TABLES: Mapping[str, tuple[type[peewee.Model], type[Row]]] = {
    DEPARTMENTS: (CorpDept, DeptRow),
    MEMBERS: (CorpMember, MemberRow),
    MEMBERSHIPS: (CorpDeptMember, MembershipRow),
    ROLES: (CorpRole, RoleRow),
    GRANTS: (CorpRoleMember, GrantRow),
}

STATE_COLUMNS = ("corpFullName", "generation", *Header._fields)


def publish(storage: Storage, plan: Plan, claim: Claim, clock: Callable[[], float]) -> int:
    """Publish a plan and end its run; all of it or nothing.

    :param clock: seconds since the epoch.
    :returns: the generation that is published now.
    :raises PlanStale: the organisation changed since the plan was made.
    :raises SyncSuperseded: another run took the claim over.
    """
    with storage.transaction():
        check_claim(storage, claim)
        generation, _ = lock_generation(storage, plan.corpFullName)
        if generation != plan.base:
            raise PlanStale(plan.corpFullName, planned=plan.base, found=generation, runId=claim.runId)
        if not plan.empty:
            generation += 1
            for kind in KINDS:
                write_changes(storage, plan.corpFullName, kind, plan.kinds[kind])
            storage.upsert_rows(User, ("userId", "name"), _accounts(plan.kinds[MEMBERS]), ("userId",))
            write_header(storage, plan.corpFullName, generation, plan.header)
            record_changes(storage, plan.corpFullName, generation, plan.changes(), claim.runId)
        end_run(storage, claim, Outcome(status_of(plan), generation, plan), clock())
    return generation


def lock_generation(storage: Storage, corpFullName: str) -> tuple[int, Header]:
    """The published generation and header; until the transaction ends nobody else can publish another."""
    generation, header = read_header(storage, corpFullName, lock=True)
    if not generation:
        # There may be no row to lock yet.
        storage.upsert_rows(CorpState, STATE_COLUMNS, [(corpFullName, 0, *header)], ("corpFullName",), ())
        generation, header = read_header(storage, corpFullName, lock=True)
    return generation, header


def write_header(storage: Storage, corpFullName: str, generation: int, header: Header) -> None:
    """Say which generation is published."""
    storage.upsert_rows(CorpState, STATE_COLUMNS, [(corpFullName, generation, *header)], ("corpFullName",))


def write_changes(storage: Storage, corpFullName: str, kind: str, changes: KindChanges[Any]) -> None:
    """Write one kind's rows: at most one bulk insert, one bulk update and one bulk delete."""
    model, row_type = TABLES[kind]
    key = ("corpFullName", *row_type._fields[: KEY_LENGTHS[kind]])
    rest = row_type._fields[KEY_LENGTHS[kind] :]
    deleted = (row_key(kind, removal.before) for removal in changes.removed if removal.after is None)
    changed = chain((after for _, after in changes.updated), (one.after for one in changes.removed if one.after))
    storage.delete_rows(model, key, ((corpFullName, *ids) for ids in deleted))
    if rest:
        storage.update_rows(model, key, rest, ((corpFullName, *row) for row in _stored(kind, changed)))
    storage.insert_rows(model, (*key, *rest), ((corpFullName, *row) for row in _stored(kind, changes.added)))


def _stored(kind: str, rows: Iterable[Row]) -> Iterable[tuple[Any, ...]]:
    """Rows as the database takes them: a JSON column takes its text."""
    if kind not in (DEPARTMENTS, ROLES):
        return rows
    return (tuple(encode(value) if isinstance(value, tuple) else value for value in row) for row in rows)


def _accounts(changes: KindChanges[MemberRow]) -> Iterator[tuple[str, str | None]]:
    """Accounts of new members, and those whose member has another name now."""
    for row in changes.added:
        yield row.userId, row.name
    for before, after in changes.updated:
        if before.name != after.name:
            yield after.userId, after.name

"""Makes a plan so, in one transaction: a reader sees the old organisation or the new one, a crash leaves one of them.

Writing is set-based: the number of statements depends on how many kinds of changes there are, not on how many records
change. A plan that changes nothing writes nothing but the end of its run.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import logging
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from jit_corps.errors import PlanStale
from jit_corps.fingerprints import store
from jit_corps.history import encode, record_changes
from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, CorpState, User
from jit_corps.observations import forget_old, note, read_fresh
from jit_corps.rows import KEY_LENGTHS, DeptRow, GrantRow, Header, MemberRow, MembershipRow, RoleRow, row_key
from jit_corps.runs import Outcome, add_run, check_claim, end_run, status_of
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES
from jit_corps.spool import in_any_order, tuples
from jit_corps.state import read_header
from jitcore.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import peewee

    from jit_corps.changes import KindChanges, Plan
    from jit_corps.rows import Row
    from jit_corps.runs import Claim
    from jitcore.storage import Storage

__all__ = [
    "TABLES",
    "analyze",
    "lock_generation",
    "publish",
    "publish_records",
    "write_accounts",
    "write_changes",
    "write_header",
]

log = logging.getLogger(__name__)

#: The model and the row of each kind.
TABLES: Mapping[str, tuple[type[peewee.Model], type[Row]]] = {
    DEPARTMENTS: (CorpDept, DeptRow),
    MEMBERS: (CorpMember, MemberRow),
    MEMBERSHIPS: (CorpDeptMember, MembershipRow),
    ROLES: (CorpRole, RoleRow),
    GRANTS: (CorpRoleMember, GrantRow),
}

#: So many new rows of a kind change how their table is searched.
MANY = 10_000

_ACCOUNT_COLUMNS, _ACCOUNT_KEY = ("userId", "name"), ("userId",)
#: The account of a member's row.
_ACCOUNT = itemgetter(MemberRow._fields.index("userId"), MemberRow._fields.index("name"))

STATE_COLUMNS = ("corpFullName", "generation", *Header._fields)


def publish(storage: Storage, plan: Plan, claim: Claim, clock: Callable[[], float], digest: str | None = None) -> int:
    """Publish a plan of the whole organisation and end its run; all of it or nothing.

    :param clock: seconds since the epoch.
    :param digest: the seal of the saved plan that this is.
    :returns: the generation that is published now.
    :raises PlanStale: the organisation changed since the plan was made.
    :raises SyncSuperseded: another run took the claim over.
    """
    # Each record has its row and its history.
    with storage.transaction(2 * len(plan)):
        check_claim(storage, claim)
        generation = _write(storage, plan, _checked(storage, plan, claim.runId), claim.runId)
        if plan.fingerprints is not None and not (plan.empty and plan.fingerprints.isStored):
            store(storage, plan.corpFullName, generation, plan.fingerprints)
        now = clock()
        forget_old(storage, plan.corpFullName, now)
        end_run(storage, claim, Outcome(status_of(plan), generation, plan, digest=digest), now)
    return generation


def analyze(storage: Storage, plan: Plan) -> None:
    """After a plan was published, have the database search well what has many more rows now; it may fail to."""
    counts = plan.counts
    for kind, (model, _) in TABLES.items():
        if counts[kind]["added"] >= MANY:
            try:
                storage.analyze(model)
            except StorageError as error:
                log.warning("statistics of %s are as they were: %s", plan.corpFullName, error)


def publish_records(storage: Storage, plan: Plan, action: str, clock: Callable[[], float]) -> tuple[int, int | None]:
    """Publish a plan of single records, and what was observed of them; all of it or nothing.

    It needs no claim: whoever reads everything meanwhile finds that these were read later.

    :param action: what the run's row calls it. A run that has nothing to tell has no row.
    :returns: the generation that is published now, and the run.
    :raises PlanStale: the organisation changed since the plan was made.
    """
    assert plan.since is not None
    with storage.transaction():
        generation = _checked(storage, plan)
        note(storage, plan.corpFullName, plan.observed, plan.since)
        if plan.empty and not (plan.withheld or plan.incomplete or plan.conflicts):
            return generation, None
        outcome = Outcome(status_of(plan), generation + (not plan.empty), plan)
        runId = add_run(storage, plan.corpFullName, action, plan.since, outcome, clock())
        return _write(storage, plan, generation, runId), runId


def _checked(storage: Storage, plan: Plan, runId: int | None = None) -> int:
    """The generation, locked, if it is the one that the plan was made for, and nobody has read later since."""
    generation, _ = lock_generation(storage, plan.corpFullName)
    is_new = plan.since is not None and read_fresh(storage, plan.corpFullName, plan.since) != plan.fresh
    if generation != plan.base or is_new:
        raise PlanStale(plan.corpFullName, planned=plan.base, found=generation, runId=runId)
    return generation


def _write(storage: Storage, plan: Plan, generation: int, runId: int) -> int:
    if plan.empty:
        return generation
    for kind in KINDS:
        write_changes(storage, plan.corpFullName, kind, plan.kinds[kind])
    if generation:
        write_accounts(storage, plan.kinds[MEMBERS])
    else:
        # Nothing was published before.
        _write_all_accounts(storage, plan.corpFullName)
    write_header(storage, plan.corpFullName, generation + 1, plan.header)
    record_changes(storage, plan.corpFullName, generation + 1, plan.kinds, runId)
    return generation + 1


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
    storage.insert_rows(model, (*key, *rest), _stored(kind, tuples(changes.added)), same=(corpFullName,))


def _stored(kind: str, rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """Rows as the database takes them: a JSON column takes its text."""
    if kind not in (DEPARTMENTS, ROLES):
        return rows
    return (tuple(encode(value) if isinstance(value, tuple) else value for value in row) for row in rows)


def _write_all_accounts(storage: Storage, corpFullName: str) -> None:
    """As :func:`write_accounts` where all members are new: the database has just got them."""
    member = storage.models[CorpMember]
    query = member.select(member.userId, member.name).where(member.corpFullName == corpFullName)
    # Accounts come in no order, as members come in theirs; each would be looked for in another place.
    storage.upsert_selected(User, _ACCOUNT_COLUMNS, query.order_by(member.userId), _ACCOUNT_KEY)


def write_accounts(storage: Storage, changes: KindChanges[MemberRow]) -> None:
    """Write the accounts of members who are new, are called something else now, or are somebody else."""
    storage.upsert_rows(User, _ACCOUNT_COLUMNS, _accounts(changes), _ACCOUNT_KEY)
    left = {before.userId for before, after in changes.updated if before.userId != after.userId}
    if left:
        user, member = storage.models[User], storage.models[CorpMember]
        used = {
            userId for (userId,) in storage.select_tuples(member.select(member.userId).where(member.userId << left))
        }
        user.delete().where(user.userId << (left - used)).execute()


def _accounts(changes: KindChanges[MemberRow]) -> Iterator[tuple[str, str | None]]:
    """Accounts of new members, and those whose member has another name now, or is another one."""
    yield from map(_ACCOUNT, in_any_order(changes.added))
    for before, after in changes.updated:
        if before.name != after.name or before.userId != after.userId:
            yield after.userId, after.name

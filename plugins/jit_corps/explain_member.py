"""Says why a member is as they are: which rule, and which run or person, made each thing that is so now.

Everything is read from the rows, the history, the runs and the observations that are there anyway.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from jit_corps.errors import MemberNotFound
from jit_corps.explanation import Fact, MemberExplanation, Notice
from jit_corps.member_history import read_history
from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, Observation, SyncRun
from jit_corps.observations import FULL
from jit_corps.pins import STATUS, keeps_active, pins_of
from jit_corps.role_departments import above
from jit_corps.rows import (
    ABSENT,
    DEPT,
    INVISIBLE,
    LISTED,
    MANUAL,
    STATUS_NAMES,
    UNCONFIRMED,
    DeptRow,
    GrantRow,
    MemberRow,
    MembershipRow,
    RoleRow,
    row_dict,
)
from jit_corps.run_list import iso
from jit_corps.runs import KEPT_KEYS, PUBLISHED
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS
from jit_corps.state import made, read_header, select_rows
from jit_corps.tree import id_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jit_corps.explanation import Origin
    from jit_corps.member_history import MemberHistory
    from jitcore.storage import Storage

__all__ = ["explain_member"]

UPSTREAM_SAYS = "upstream-says"
WITHHELD = "withheld"
#: Why a member is offline, by who found it out.
GONE = {
    "events": "upstream was asked for this member alone and does not have them any more",
    "register": "the complete data given to bulkRegister do not name them",
}
NOT_LISTED = (
    "a complete reading, with the same things in sight as before, did not list them,"
    " and a second look did not find them"
)
PRESENCES = {
    LISTED: ("listed", "upstream lists them"),
    INVISIBLE: ("out-of-scope", "what the app may see has changed and does not hold them any more; they are kept"),
    UNCONFIRMED: (
        "kept-unconfirmed",
        "upstream does not list them, and could not say that they are gone; they are kept",
    ),
    ABSENT: ("not-listed", "upstream does not have them"),
}
#: Newer runs than that need not be looked through for what is withheld: every full reading says it anew.
NEWEST_RUNS = 200


def explain_member(storage: Storage, corpFullName: str, memberId: str) -> MemberExplanation:
    """Explain one member.

    :raises MemberNotFound: naming the id that the member has now, if this is a former one.
    """
    with storage.reading():
        row = _one(storage, corpFullName, memberId)
        history = read_history(storage, corpFullName, memberId)
        generation, _ = read_header(storage, corpFullName)
        notices = tuple(_notices(storage, corpFullName, row))
        facts = [*_status(row, history, notices), *_pinned(row, history)]
        facts += _memberships(storage, corpFullName, row, history)
        facts += _roles(storage, corpFullName, row, history)
        return MemberExplanation(
            corpFullName=corpFullName,
            memberId=memberId,
            name=row.name,
            userId=row.userId,
            status=STATUS_NAMES[row.status],
            reason=row.reason,
            presence=row.presence,
            generation=generation,
            formerIds=history.formerIds,
            facts=tuple(facts),
            notices=notices,
            history=history.steps(),
        )


def _one(storage: Storage, corpFullName: str, memberId: str) -> MemberRow:
    member = storage.models[CorpMember]
    columns = [getattr(member, name) for name in MemberRow._fields]
    mine = member.corpFullName == corpFullName
    found = storage.select_tuples(member.select(*columns).where(mine & (member.memberId == memberId)))
    if found:
        return MemberRow(*found[0])
    former = read_history(storage, corpFullName, memberId).steps()
    accounts = [(step.before or {}).get("userId") for step in former if step.kind == MEMBERS and step.after is None]
    known = (
        storage.select_tuples(member.select(member.memberId).where(mine & (member.userId == accounts[-1])))
        if (accounts and accounts[-1])
        else []
    )
    from jit_corps.edits import similar_members

    now = [one for (one,) in known]
    raise MemberNotFound(corpFullName, [memberId], now or similar_members(storage, corpFullName, memberId))


def _status(row: MemberRow, history: MemberHistory, notices: Sequence[Notice]) -> Iterator[Fact]:
    key = (row.memberId,)
    presence = history.origin(MEMBERS, key, frozenset({"presence"}))
    upstream = history.origin(MEMBERS, key, frozenset({"status", "upstreamReason"}))
    rule, why, origin = _why(row, upstream)
    if row.manualOffline:
        origin = history.origin(MEMBERS, key, frozenset({"manualOffline"}))
    elif rule == "pinned-active":
        origin = history.origin(MEMBERS, key, frozenset({"pinned"}))
    there = PRESENCES[row.presence]
    if any(one.rule == WITHHELD and one.kind == MEMBERS for one in notices):
        rule, why = there = WITHHELD, "as it was before what the guard withholds"
    yield Fact("status", STATUS_NAMES[row.status], rule, why, origin)
    yield Fact("presence", row.presence, *there, presence)


def _why(row: MemberRow, upstream: Origin | None) -> tuple[str, str, Origin | None]:
    if row.manualOffline:
        why = "a person here set them offline, which stays until a person undoes it"
        if row.upstreamReason:
            why += f"; upstream says so as well ({row.upstreamReason})"
        return "manual-offline", why, upstream
    if keeps_active(row):
        why = (
            "a person here decided that no sync takes them offline, which stays until a person undoes it (unpinMember)"
        )
        if row.upstreamReason:
            told = (
                "does not have them any more" if row.upstreamReason == ABSENT else f"lists them as {row.upstreamReason}"
            )
            why += f"; upstream {told}"
        return "pinned-active", why, upstream
    if row.upstreamReason == ABSENT:
        by = upstream.by if upstream else ""
        return ("gone" if by == "events" else "not-listed"), GONE.get(by, NOT_LISTED), upstream
    if row.upstreamReason:
        return UPSTREAM_SAYS, f"upstream lists them as {row.upstreamReason}", upstream
    if row.presence == LISTED:
        return UPSTREAM_SAYS, "upstream lists them, and does not say that they may not work", upstream
    rule, why = PRESENCES[row.presence]
    return rule, why, upstream


def _pinned(row: MemberRow, history: MemberHistory) -> Iterator[Fact]:
    for field, behind in pins_of(row).items():
        if field != STATUS:
            value = {"field": field, "value": getattr(row, field), "upstream": behind}
            why = (
                f"a person here decided so, which stays until a person undoes it (unpinMember); upstream says {behind}"
            )
            yield Fact("field", value, "pinned", why, history.origin(MEMBERS, (row.memberId,), frozenset({field})))


def _memberships(storage: Storage, corpFullName: str, row: MemberRow, history: MemberHistory) -> Iterator[Fact]:
    found = _hanging(storage, CorpDeptMember, MembershipRow._fields, corpFullName, row.memberId)
    for place in sorted((MembershipRow(*one) for one in found), key=lambda place: id_key(place.deptId)):
        rule, why = UPSTREAM_SAYS, "upstream says so"
        if row.presence != LISTED:
            rule, why = "kept-with-member", f"upstream said so; it is kept as long as the member is {row.presence}"
        origin = history.origin(MEMBERSHIPS, (place.deptId, row.memberId))
        yield Fact("membership", row_dict(place), rule, why, origin)


def _roles(storage: Storage, corpFullName: str, row: MemberRow, history: MemberHistory) -> Iterator[Fact]:
    found = _hanging(storage, CorpRoleMember, GrantRow._fields, corpFullName, row.memberId)
    grants = sorted((GrantRow(*one) for one in found), key=lambda grant: (id_key(grant.roleId), grant.origin))
    roles: Mapping[str, RoleRow] = {}
    parents: Mapping[str, str | None] = {}
    depts: set[str] = set()
    if any(grant.origin == DEPT for grant in grants):
        roles = {
            one.roleId: one for one in made(RoleRow, select_rows(storage, CorpRole, RoleRow._fields, corpFullName))
        }
        rows = made(DeptRow, select_rows(storage, CorpDept, DeptRow._fields, corpFullName))
        parents = {dept.deptId: dept.upstreamParentId for dept in rows}
        depts = {one[0] for one in _hanging(storage, CorpDeptMember, ("deptId",), corpFullName, row.memberId)}
    for grant in grants:
        if grant.origin == MANUAL:
            rule, why = "manual-role", "a person here gave it, which stays until a person takes it (setUserRole)"
        elif grant.origin == DEPT:
            stands_for = set(roles[grant.roleId].deptIds or ()) if grant.roleId in roles else set()
            through = sorted(f"{dept} in or below {at}" for dept in depts for at in above(dept, parents) & stands_for)
            told = f", and the member is in department {', '.join(through)}" if through else ""
            rule, why = "role-of-department", f"the role stands for departments{told}"
        else:
            rule, why = UPSTREAM_SAYS, "upstream gives it to them by name"
        yield Fact("role", row_dict(grant), rule, why, history.origin(GRANTS, tuple(grant)))


def _hanging(
    storage: Storage, model: Any, fields: tuple[str, ...], corpFullName: str, memberId: str
) -> list[tuple[Any, ...]]:
    bound = storage.models[model]
    mine = (bound.corpFullName == corpFullName) & (bound.memberId == memberId)
    return storage.select_tuples(bound.select(*(getattr(bound, name) for name in fields)).where(mine))


def _notices(storage: Storage, corpFullName: str, row: MemberRow) -> Iterator[Notice]:
    """What is withheld, doubted or out of date now."""
    run, seen = storage.models[SyncRun], storage.models[Observation]
    columns = (run.runId, run.action, run.status, run.startedAt, run.withheld, run.incomplete, run.cause)
    query = run.select(*columns).where(run.corpFullName == corpFullName).order_by(run.runId.desc()).limit(NEWEST_RUNS)
    read = seen.select(seen.observedAt, seen.gone).where(
        (seen.corpFullName == corpFullName) & (seen.kind == MEMBERS) & (seen.id == row.memberId)
    )
    observed = storage.select_tuples(read)
    observedAt = float(observed[0][0]) if observed else 0.0
    for runId, action, status, startedAt, withheld, incomplete, cause in storage.select_tuples(query):
        if status == "failed" and action in FULL:
            yield Notice("run-failed", f"run {runId} ({iso(startedAt)}) failed and changed nothing: {cause}")
        if status not in PUBLISHED:
            continue
        # Whoever was read singly after that is not spoken of any more; times are kept to the microsecond.
        if observedAt <= startedAt.replace(tzinfo=dt.UTC).timestamp() + 0.001:
            yield from _withheld(runId, iso(startedAt), withheld or (), corpFullName, row.memberId)
        if action in FULL:
            if incomplete:
                yield Notice(
                    "incomplete", f"run {runId} ({iso(startedAt)}) was told only a part: {'; '.join(incomplete)}"
                )
            break
    if row.presence in (UNCONFIRMED, INVISIBLE):
        yield Notice(row.presence, PRESENCES[row.presence][1])
    if observed:
        moment = iso(dt.datetime.fromtimestamp(observedAt, dt.UTC).replace(tzinfo=None))
        what = "gone, and no older reading brings them back" if observed[0][1] else "there"
        yield Notice("read-singly", f"upstream was asked for this member alone at {moment}: {what}")


def _withheld(runId: int, at: str | None, withheld: Any, corpFullName: str, memberId: str) -> Iterator[Notice]:
    for one in withheld:
        keys = one.get("keys", ())
        place = 0 if one["kind"] == MEMBERS else 1
        mine = [key for key in keys if one["kind"] in (MEMBERS, MEMBERSHIPS, GRANTS) and key[place] == memberId]
        told = f"run {runId} ({at}): {one['count']} {one['kind']} of {one['active']} would go, more than the guard lets"
        cure = f"jit sync {corpFullName} --approve {one['count']} lets them, after a look at --plan"
        if mine:
            what = ", ".join(" / ".join(key) for key in mine)
            yield Notice(WITHHELD, f"{told}; this one among them: {one['kind']} {what}; {cure}", one["kind"])
        elif len(keys) >= KEPT_KEYS and one["kind"] in (MEMBERS, MEMBERSHIPS, GRANTS):
            yield Notice(
                "withheld-perhaps",
                f"{told}; whether this one is among them is not kept for so many; {cure}",
                one["kind"],
            )

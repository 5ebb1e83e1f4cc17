"""Compares what upstream says with what is kept here, and says what would change. Pure: values in, a value out.

The rules, each with its reason, are with the kinds they concern: :mod:`jit_corps.comparing` (absence),
:mod:`jit_corps.plan_departments` (the tree), :mod:`jit_corps.plan_members` (status), :mod:`jit_corps.plan_roles`
(ownership of grants). Two hold everywhere: ``None`` means not told and keeps what is known, and what a person set here
stays until a person undoes it.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from jit_corps.changes import KindChanges, Plan, Withheld
from jit_corps.comparing import Comparison
from jit_corps.guard import CEILING, SHARE, check_known, guard, nothing_went, passes
from jit_corps.newcomers import Newcomers
from jit_corps.parts import Whole
from jit_corps.plan_belongings import plan_memberships
from jit_corps.plan_departments import plan_departments
from jit_corps.plan_members import plan_members
from jit_corps.plan_roles import Standing, plan_grants, plan_roles
from jit_corps.renames import told_of_old_ids
from jit_corps.rows import UPSTREAM, Header
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from jit_corps.fingerprints import Fingerprints
    from jit_corps.guard import Recent, Total
    from jit_corps.parts import Parts
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

__all__ = ["make_plan", "plan_guarded", "plan_parts", "plan_parts_guarded"]


def plan_guarded(
    snapshot: Snapshot,
    state: LocalState,
    *,
    approve: int | None = None,
    total: Total | None = None,
    recent: Recent = nothing_went,
) -> Plan:
    """The plan that a run publishes: made, judged by the guard, and made again without what the guard holds back.

    :param approve: how many removals of each kind a person lets through at most.
    :param total: needed when ``state`` holds only a part of the organisation.
    :param recent: how many of a kind went within a day before.
    :raises EverybodyUnknown: upstream tells of nobody who is known here, and no approval says that this is right.
    """
    return plan_parts_guarded(Whole(snapshot, state, total), approve=approve, recent=recent)


def plan_parts_guarded(parts: Parts | Newcomers, *, approve: int | None = None, recent: Recent = nothing_went) -> Plan:
    """As :func:`plan_guarded`, of an organisation that may be cut into parts."""
    withheld: dict[str, Withheld] = {}
    while True:
        plan = plan_parts(parts, withhold=frozenset(withheld))
        check_known(plan, approve)
        found = guard(plan if parts.total is None else _counted(plan, parts.total, recent), recent)
        # What followed from something that is held back now may stand for itself.
        new = {one.kind: one for one in found if one.kind not in withheld and not passes(one, approve)}
        if not new:
            return replace(
                plan,
                withheld=tuple(withheld[kind] for kind in KINDS if kind in withheld),
                approved=frozenset(one.kind for one in found if one.kind not in withheld),
            )
        withheld |= new


def make_plan(snapshot: Snapshot, state: LocalState, *, withhold: frozenset[str] = frozenset()) -> Plan:
    """Say what would change if ``snapshot`` were published over ``state``.

    :param withhold: kinds whose removals are held back.
    """
    return plan_parts(Whole(snapshot, state), withhold=withhold)


def plan_parts(parts: Parts | Newcomers, *, withhold: frozenset[str] = frozenset()) -> Plan:
    """As :func:`make_plan`, of an organisation that may be cut into parts: the same plan, however it is cut."""
    snapshot, state = parts.snapshot, parts.state
    comparison = Comparison(snapshot, state, withhold)
    # In this order: what goes is decided before what hangs on it.
    departments, root = plan_departments(comparison)
    roles = plan_roles(comparison)
    standing = Standing(comparison, departments, roles)
    people, strangers = _plan_people(parts, comparison, standing)
    united = {**people, DEPARTMENTS: departments, ROLES: roles}
    left_open = comparison.left_open()
    return Plan(
        corpFullName=state.corpFullName,
        base=state.generation,
        kinds={kind: united[kind] for kind in KINDS},
        header=_header(snapshot, state.header, root),
        header_before=state.header,
        strangers=strangers if snapshot.targets is None and parts.total is None else 0,
        incomplete=(*_incomplete(snapshot), *left_open),
        conflicts=parts.conflicts,
        reconcile=_reconcile(comparison, left_open),
        calls=snapshot.calls,
        way=snapshot.way,
        scope=snapshot.scope,
        since=state.since,
        fresh=state.fresh,
        observed=comparison.observed(),
        fingerprints=None if withhold or left_open or comparison.rescoped else _fingerprints(parts),
    )


def _plan_people(
    parts: Parts | Newcomers, comparison: Comparison, standing: Standing
) -> tuple[dict[str, KindChanges[Any]], int]:
    """The changes of members, memberships and grants; and how many members are told if none of them is known."""
    if isinstance(parts, Newcomers):
        new_people = parts.planned(comparison.roles, standing)
        return new_people, len(new_people[MEMBERS])
    told = new = 0
    people: dict[str, list[KindChanges[Any]]] = {MEMBERS: [], MEMBERSHIPS: [], GRANTS: []}
    for part in parts:
        beside = comparison.of_part(part.snapshot, part.state)
        members = plan_members(beside)
        told += len(beside.members)
        new += len(members.added)
        memberships = plan_memberships(beside)
        grants = plan_grants(beside, standing, memberships)
        changes: dict[str, KindChanges[Any]] = {MEMBERS: members, MEMBERSHIPS: memberships, GRANTS: grants}
        if part.renames:
            changes = told_of_old_ids(changes, part.state, part.before, part.renames)
        for kind, one in changes.items():
            people[kind].append(parts.kept(kind, one))
    return {kind: parts.united(kind, found) for kind, found in people.items()}, told if told == new else 0


def _counted(plan: Plan, total: Total, recent: Recent) -> Plan:
    """The plan with the numbers of the whole corp where something would go."""
    kinds = dict(plan.kinds)
    for kind in (MEMBERS, MEMBERSHIPS, GRANTS):
        changes = kinds[kind]
        if changes.own_removals:
            removals = changes.own_removals + changes.doubtful + recent(kind)
            # Of ten times as many the removals are no more than the tenth that may go.
            most = None if removals > CEILING else ceil(removals / SHARE) + len(changes) + 1
            active = total(kind, most)
            kinds[kind] = replace(changes, active=active, active_after=active + changes.active_after - changes.active)
    return replace(plan, kinds=kinds)


def _incomplete(snapshot: Snapshot) -> tuple[str, ...]:
    if snapshot.incomplete or snapshot.complete:
        return snapshot.incomplete
    return ("everything",) if snapshot.targets is None else ("not every record could be read",)


def _fingerprints(parts: Parts | Newcomers) -> Fingerprints | None:
    """What the lists said, if all that they said is published with the plan."""
    snapshot = parts.snapshot
    undecided = snapshot.unconfirmed or snapshot.renames or parts.conflicts or parts.state.fresh
    is_whole = snapshot.complete and not snapshot.incomplete and snapshot.targets is None and snapshot.scope.digest
    return snapshot.fingerprints if is_whole and not undecided else None


def _reconcile(comparison: Comparison, left_open: tuple[str, ...]) -> str | None:
    if comparison.targets is None:
        return None
    if comparison.rescoped:
        return "what the app may see has changed"
    if left_open or not comparison.snapshot.complete:
        return "not every record could be read"
    told = comparison.targets.roles
    untold = any(row.origin == UPSTREAM and roleId not in told for roleId, row in comparison.state.roles.items())
    if untold and comparison.came_back():
        return "somebody is back, and nobody said which roles they have upstream"
    return None


def _header(snapshot: Snapshot, before: Header, root: str) -> Header:
    scope = snapshot.scope
    if snapshot.targets is not None:
        return before._replace(rootDeptId=root)
    # An incomplete reading must not make its scope the one that absence is judged under, unless there is none yet.
    adopted = (
        bool(scope.digest) and scope.digest != before.scopeDigest and (snapshot.complete or not before.scopeDigest)
    )
    return Header(
        corpId=snapshot.corpId,
        corpName=snapshot.corpName or before.corpName,
        scopeDigest=scope.digest if adopted else before.scopeDigest,
        scopeSummary=scope.summary if adopted else before.scopeSummary,
        rootDeptId=root,
    )

"""Compares what upstream says with what is kept here, and says what would change. Pure: values in, a value out.

The rules, each with its reason, are with the kinds they concern: :mod:`jit_corps.comparing` (absence),
:mod:`jit_corps.plan_departments` (the tree), :mod:`jit_corps.plan_members` (status), :mod:`jit_corps.plan_roles`
(ownership of grants). Two hold everywhere: ``None`` means not told and keeps what is known, and what a person set here
stays until a person undoes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_corps.changes import KindChanges, Plan
from jit_corps.comparing import Comparison
from jit_corps.guard import guard
from jit_corps.merging import merged
from jit_corps.plan_belongings import plan_memberships
from jit_corps.plan_departments import plan_departments
from jit_corps.plan_members import plan_members
from jit_corps.plan_roles import plan_grants, plan_roles
from jit_corps.rows import Header
from jit_corps.snapshot import DEPARTMENTS, GRANTS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

__all__ = ["make_plan", "plan_guarded"]


def plan_guarded(snapshot: Snapshot, state: LocalState, *, approve: int | None = None) -> Plan:
    """The plan that a run publishes: made, judged by the guard, and made again without what the guard holds back.

    :param approve: how many removals of each kind a person lets through at most.
    """
    plan = make_plan(snapshot, state)
    withheld = guard(plan, approve=approve)
    if not withheld:
        return plan
    kept = make_plan(snapshot, state, withhold=frozenset(one.kind for one in withheld))
    return replace(kept, withheld=withheld)


def make_plan(snapshot: Snapshot, state: LocalState, *, withhold: frozenset[str] = frozenset()) -> Plan:
    """Say what would change if ``snapshot`` were published over ``state``.

    :param withhold: kinds whose removals are held back.
    """
    comparison = Comparison(merged(snapshot), state, withhold)
    departments, root = plan_departments(comparison)
    # In this order: what goes is decided before what hangs on it.
    members = plan_members(comparison)
    memberships = plan_memberships(comparison)
    roles = plan_roles(comparison)
    grants = plan_grants(comparison, departments, memberships, roles)
    kinds: dict[str, KindChanges[Any]] = {
        DEPARTMENTS: departments,
        MEMBERS: members,
        MEMBERSHIPS: memberships,
        ROLES: roles,
        GRANTS: grants,
    }
    return Plan(
        corpFullName=state.corpFullName,
        base=state.generation,
        kinds=kinds,
        header=_header(snapshot, state.header, root),
        header_before=state.header,
        incomplete=snapshot.incomplete or (() if snapshot.complete else ("everything",)),
        calls=snapshot.calls,
    )


def _header(snapshot: Snapshot, before: Header, root: str) -> Header:
    scope = snapshot.scope
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

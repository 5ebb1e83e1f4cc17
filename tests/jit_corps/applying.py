"""Applies a plan to a state in memory: what the database must hold after publishing it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jit_corps.rows import KEY_LENGTHS, LocalState
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from jit_corps.changes import Plan


def applied(plan: Plan, state: LocalState) -> LocalState:
    """The state after the plan."""
    tables = {
        DEPARTMENTS: dict(state.departments),
        MEMBERS: dict(state.members),
        MEMBERSHIPS: dict(state.memberships),
        ROLES: dict(state.roles),
        GRANTS: {row: row for row in state.grants},
    }
    for kind in KINDS:
        table = tables[kind]
        single = KEY_LENGTHS[kind] == 1
        for change in plan.changes():
            if change.kind != kind:
                continue
            key = change.key[0] if single else change.key
            assert table.get(key) == change.before
            if change.after is None:
                del table[key]
            else:
                table[key] = change.after
    return replace(
        state,
        generation=state.generation + (not plan.empty),
        header=plan.header,
        departments=tables[DEPARTMENTS],
        members=tables[MEMBERS],
        memberships=tables[MEMBERSHIPS],
        roles=tables[ROLES],
        grants=frozenset(tables[GRANTS].values()),
    )

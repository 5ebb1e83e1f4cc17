"""Whatever happens upstream and here, in whatever order, the organisation is what the rules say."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from jit_corps.changes import Plan
from jit_corps.errors import EverybodyUnknown
from jit_corps.plan import make_plan, plan_guarded
from jit_corps.rows import LOCAL_ROOT, GrantRow, LocalState, RoleRow, row_dict
from jit_corps.snapshot import KINDS, MEMBERS, Snapshot
from tests.jit_corps.applying import applied
from tests.jit_corps.oracle import Model, seen_by
from tests.jit_corps.scripted import CORP
from tests.jit_corps.strategies import complete_snapshots, snapshots, steps

EMPTY = LocalState(CORP, "Shop")


def edited(state: LocalState, edit: tuple) -> LocalState:
    """The state after what a person did."""
    what, memberId, value = edit
    row = state.members[memberId]
    if what == "offline":
        reason = "manual" if value else row.upstreamReason
        row = row._replace(manualOffline=value, reason=reason, status=2 if reason else 1)
        return replace(state, members={**state.members, memberId: row})
    kept = {one for one in state.grants if one.memberId != memberId or one.origin != "manual"}
    given_now = {GrantRow(roleId, memberId, "manual") for roleId in value}
    custom = {roleId: RoleRow(roleId, roleId, "custom") for roleId in value}
    return replace(state, grants=frozenset(kept | given_now), roles={**custom, **state.roles})


def published(last: Snapshot, state: LocalState) -> Plan:
    """The plan of an upstream that tells of somebody who is known here; of another nothing is published."""
    try:
        return plan_guarded(last, state)
    except EverybodyUnknown:
        reject()


def lived(told: list) -> tuple[LocalState, Model]:
    """The engine's organisation and the model's after the same story."""
    state, model = EMPTY, Model()
    for step in told:
        if isinstance(step, Snapshot):
            state = applied(make_plan(step, state), state)
            model.sync(step)
        elif step[1] in state.members:
            state = edited(state, step)
            if step[0] == "offline":
                model.offline(step[1], offline=step[2])
            else:
                model.set_roles(step[1], step[2])
    return state, model


def shuffled(told: Snapshot, seed: int) -> Snapshot:
    """The same snapshot with every list in another order, some records told twice."""
    chance = random.Random(seed)

    def mixed(records):
        again = [*records, *chance.sample(records, k=min(1, len(records)))]
        return tuple(chance.sample(again, k=len(again)))

    return replace(
        told,
        departments=mixed(told.departments),
        members=tuple(one._replace(departments=mixed(one.departments)) for one in mixed(told.members)),
        roles=mixed(told.roles),
        grants=mixed(told.grants),
    )


@settings(max_examples=2 * settings.default.max_examples)
@given(steps)
def test_the_organisation_is_what_the_model_says(told):
    """Any story of syncs and edits ends the same way for the engine and for the model."""
    state, model = lived(told)
    assert seen_by(state) == model


@given(steps)
def test_status_follows_from_its_two_owners(told):
    """A member is offline exactly when upstream or a person here says so, and the reason names who."""
    state, _ = lived(told)
    for row in state.members.values():
        assert row.reason == ("manual" if row.manualOffline else row.upstreamReason)
        assert (row.status == 2) == (row.reason is not None)


@given(steps, snapshots)
def test_the_same_snapshot_again_changes_nothing(told, last):
    """Idempotent, whatever came before; except that a changed scope is judged in the run after."""
    state, _ = lived([*told, last, last])
    assert make_plan(last, state).empty


@given(steps, snapshots, st.integers())
def test_the_order_of_upstreams_lists_does_not_matter(told, last, seed):
    """Shuffled, and with records told twice, the plan is the same."""
    state, _ = lived(told)
    assert make_plan(shuffled(last, seed), state).digest == make_plan(last, state).digest


@given(steps, snapshots)
def test_an_incomplete_snapshot_never_removes(told, last):
    """No member goes offline and no row is deleted, but for a local root that gives way."""
    state, _ = lived(told)
    plan = make_plan(replace(last, complete=False), state)
    assert all(removal.before[0] == LOCAL_ROOT for kind in KINDS for removal in plan.kinds[kind].removed)


@given(steps, snapshots)
def test_nobody_loses_row_account_or_manual_grant(told, last):
    """Whatever upstream says."""
    state, _ = lived(told)
    later = applied(make_plan(last, state), state)
    for memberId, row in state.members.items():
        assert later.members[memberId].userId == row.userId
        assert later.members[memberId].manualOffline == row.manualOffline
    assert {one for one in state.grants if one.origin == "manual"} <= later.grants
    assert {one.roleId for one in later.grants} <= later.roles.keys()


@given(steps, snapshots)
def test_the_departments_are_one_tree(told, last):
    """Exactly one has no parent, everybody's ancestors lead there, and the header names it."""
    state, _ = lived([*told, last])
    depts = state.departments
    assert [deptId for deptId, row in depts.items() if row.parentId is None] == [state.header.rootDeptId]
    for start in depts:
        seen, current = set(), start
        while current is not None:
            assert current not in seen
            seen.add(current)
            current = depts[current].parentId
    assert (LOCAL_ROOT in depts) == (state.header.rootDeptId == LOCAL_ROOT)


@given(steps, snapshots)
def test_a_guarded_plan_removes_no_more_than_the_limit(told, last):
    """Of each kind at most three here, and never everybody; what is withheld is kept whole."""
    state, _ = lived(told)
    plan = published(last, state)
    later = applied(plan, state)
    for kind in KINDS:
        assert plan.kinds[kind].own_removals <= 3
    for one in plan.withheld:
        assert plan.kinds[one.kind].own_removals == 0
    working = [row for row in state.members.values() if row.status == 1 and row.presence != "invisible"]
    if working and plan.kinds[MEMBERS].removed:
        assert any(row.status == 1 and row.presence != "invisible" for row in later.members.values())


@given(steps, snapshots)
def test_approving_what_was_withheld_removes_it(told, last):
    """The number the guard names is the number that lets them go."""
    state, _ = lived(told)
    plan = published(last, state)
    approve = max((one.count for one in plan.withheld), default=0)
    assert plan_guarded(last, state, approve=approve).digest == make_plan(last, state).digest


@given(steps, complete_snapshots)
def test_a_complete_snapshot_read_twice_makes_the_listed_part_equal_upstream(told, last):
    """After the run that notices the scope and the one that judges, what is listed is what upstream says."""
    state, _ = lived([*told, last, last])
    assert {row.deptId for row in state.departments.values() if row.presence == "listed"} - {LOCAL_ROOT} == {
        record.deptId for record in last.departments
    }
    listed = {row.memberId for row in state.members.values() if row.presence == "listed"}
    assert listed == {record.memberId for record in last.members}
    seen = {key for key in state.memberships if key[1] in listed and key[0] not in state.departments}
    told_places = {(place.deptId, one.memberId) for one in last.members for place in one.departments}
    assert seen <= told_places


@given(steps, snapshots)
def test_the_plan_is_the_truth(told, last):
    """Applying the listed changes to the state, record by record, is all that happens."""
    state, _ = lived(told)
    plan = make_plan(last, state)
    assert len(list(plan.changes())) == len(plan)
    assert len({(change.kind, change.key) for change in plan.changes()}) == len(plan)
    for change in plan.changes():
        assert change.before != change.after
        assert change.after is None or row_dict(change.after)

"""An organisation planned in parts gets the plan that it gets when it is planned at once, change for change."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_corps import pins
from jit_corps.changes import Plan
from jit_corps.errors import EverybodyUnknown
from jit_corps.parts import Cut, People
from jit_corps.plan import make_plan, plan_guarded, plan_parts, plan_parts_guarded
from jit_corps.rows import GrantRow, LocalState
from jit_corps.snapshot import KINDS, MEMBERS, ROLES, GrantRecord, MemberRecord, Membership, RoleRecord, Scope, Snapshot
from tests.jit_corps.applying import applied
from tests.jit_corps.scripted import CORP_ID
from tests.jit_corps.strategies import dept_ids, member_ids, role_ids, snapshots, steps
from tests.jit_corps.test_plan_properties import lived

#: The provider's own ids of people; some become the ids that upstream calls them by.
persons = st.sampled_from([None, None, "p1", "p2", "p3", "", "gus", "hal"])
more_ids = member_ids | st.sampled_from(["gus", "hal", "ANN"])
fresh = st.frozensets(
    st.tuples(st.just("departments"), dept_ids)
    | st.tuples(st.just("members"), more_ids)
    | st.tuples(st.just("roles"), role_ids),
    max_size=2,
)


@pytest.fixture(autouse=True, scope="module")
def tiny_blocks():
    """Hardly a row stays in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jit_corps.spool.BLOCK", 2)
        yield


def cut(told: Snapshot, state: LocalState, count: int) -> Cut:
    """The same in parts."""
    people = People(*(map(tuple, rows) for rows in (state.members.values(), state.memberships.values(), state.grants)))
    return Cut(told, replace(state, members={}, memberships={}, grants=frozenset()), people, count)


def content(plan: Plan) -> list[object]:
    """All that a plan says."""
    numbers = [(one.active, one.active_after, one.doubtful, one.own_removals, len(one)) for one in plan.kinds.values()]
    said = (
        plan.withheld,
        plan.approved,
        plan.strangers,
        plan.incomplete,
        plan.conflicts,
        plan.reconcile,
        plan.observed,
        plan.base,
        plan.fresh,
    )
    return [
        list(plan.kinds),
        list(plan.changes()),
        plan.digest,
        plan.counts,
        plan.empty,
        plan.as_dict(),
        plan.header,
        plan.header_before,
        numbers,
        said,
    ]


@st.composite
def comparisons(draw):
    """An organisation after some story, with people known by ids of their own, and what is told next."""
    state, _ = lived(draw(steps))
    members = {one: row._replace(openUserId=draw(persons)) for one, row in state.members.items()}
    pinned = draw(st.frozensets(member_ids, max_size=2))
    members |= {one: pins.pinned(row, {"status": "active"}) for one, row in members.items() if one in pinned}
    renames = draw(st.frozensets(st.tuples(more_ids, more_ids), max_size=2))
    told = draw(snapshots)
    people = [one._replace(openUserId=draw(persons)) for one in told.members]
    people += [
        MemberRecord(draw(more_ids), active=True, departments=(Membership(draw(dept_ids)),), openUserId=draw(persons))
        for _ in range(draw(st.integers(0, 3)))
    ]
    return replace(told, members=tuple(people), renames=renames), replace(state, members=members, fresh=draw(fresh))


@settings(max_examples=2 * settings.default.max_examples)
@given(comparisons(), st.integers(1, 5), st.sets(st.sampled_from(KINDS)).map(frozenset))
def test_the_plan_is_the_same_however_it_is_cut(compared, count, withhold):
    """Cut into any number of parts an organisation gets the same plan, be some kinds withheld or not."""
    told, state = compared
    planned = plan_parts(cut(told, state, count), withhold=withhold)
    assert content(planned) == content(make_plan(told, state, withhold=withhold))


@given(comparisons(), st.integers(2, 5), st.none() | st.integers(0, 3))
def test_the_guard_judges_all_parts_together(compared, count, approve):
    """What the guard withholds of an organisation in parts is what it withholds of the whole."""
    told, state = compared
    try:
        expected = content(plan_guarded(told, state, approve=approve))
    except EverybodyUnknown as error:
        with pytest.raises(EverybodyUnknown, match=re.escape(str(error))):
            plan_parts_guarded(cut(told, state, count), approve=approve)
        return
    assert content(plan_parts_guarded(cut(told, state, count), approve=approve)) == expected


def staffed(memberIds, **told) -> Snapshot:
    """Everybody in the root."""
    people = tuple(MemberRecord(one, one, active=True, departments=(Membership("1"),), **told) for one in memberIds)
    return Snapshot(CORP_ID, members=people, scope=Scope("wide"), complete=True)


@pytest.mark.parametrize("count", range(2, 6))
def test_removals_that_only_together_are_too_many(count):
    """Three removals in each part pass nobody's limit, in all they are withheld."""
    everybody = [f"member{number}" for number in range(60)]
    state = LocalState("corps.Shop")
    first = plan_parts(cut(staffed(everybody), state, count))
    rows = {row.memberId: row for row in first.kinds[MEMBERS].added}
    state = replace(state, generation=1, members=rows)
    planned = plan_parts_guarded(cut(staffed(everybody[:50]), state, count))
    [withheld] = [one for one in planned.withheld if one.kind == MEMBERS]
    assert (withheld.count, withheld.active, withheld.limit) == (10, 60, 6)
    assert not planned.kinds[MEMBERS].removed
    assert [row.memberId for row in first.kinds[MEMBERS].added] == sorted(everybody)


@pytest.mark.parametrize("count", range(2, 6))
def test_a_whole_enterprise_with_new_ids(count):
    """Everybody who has another id now keeps account and decisions, into whatever part the new id falls."""
    told = Snapshot(
        CORP_ID,
        members=tuple(MemberRecord(f"old{one}", active=True, openUserId=f"person{one}") for one in range(30)),
        scope=Scope("wide"),
        complete=True,
    )
    state = LocalState("corps.Shop")
    rows = {row.memberId: row for row in make_plan(told, state).kinds[MEMBERS].added}
    rows["old7"] = rows["old7"]._replace(manualOffline=True, status=2, reason="manual")
    state = replace(state, generation=1, members=rows)
    moved = replace(
        told, members=tuple(MemberRecord(f"new{one}", active=True, openUserId=f"person{one}") for one in range(30))
    )
    planned = plan_parts(cut(moved, state, count))
    assert {row.memberId: row.userId for row in planned.kinds[MEMBERS].added} == {
        f"new{one}": rows[f"old{one}"].userId for one in range(30)
    }
    [kept] = [row for row in planned.kinds[MEMBERS].added if row.memberId == "new7"]
    assert kept.manualOffline
    assert content(planned) == content(make_plan(moved, state))


@pytest.mark.parametrize("count", range(2, 6))
def test_a_role_that_somebody_has_by_hand_stays(count):
    """A tag that is deleted goes on as a role of our own, in whatever part the member is who has it by hand."""
    everybody = [f"member{number}" for number in range(8)]
    told = replace(
        staffed(everybody),
        roles=(RoleRecord("tag:1", "Night"), RoleRecord("tag:2", "Day")),
        grants=tuple(GrantRecord(one, role) for one in everybody for role in ("tag:1", "tag:2")),
    )
    state = applied(make_plan(told, LocalState("corps.Shop")), LocalState("corps.Shop"))
    state = replace(state, grants=state.grants | {GrantRow("tag:1", "member5", "manual")})
    planned = plan_parts(cut(staffed(everybody), state, count))
    assert [after.roleId for _, after in planned.kinds[ROLES].updated] == ["tag:1"]
    assert [removal.before.roleId for removal in planned.kinds[ROLES].removed] == ["tag:2"]
    assert content(planned) == content(make_plan(staffed(everybody), state))

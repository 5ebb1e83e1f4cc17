"""What a plan says: absence, scope, ownership, identity."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jit_corps.plan import make_plan, plan_guarded
from jit_corps.rows import LOCAL_ROOT, GrantRow, Header, LocalState, RoleRow
from jit_corps.snapshot import (
    DEPARTMENTS,
    GRANTS,
    KINDS,
    MEMBERS,
    MEMBERSHIPS,
    ROLES,
    DeptRecord,
    GrantRecord,
    MemberRecord,
    Membership,
    RoleRecord,
    Snapshot,
)
from tests.jit_corps.applying import applied
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, depts, member, members, snapshot

EMPTY = LocalState(CORP, "Shop")


def after(told: Snapshot, state: LocalState = EMPTY) -> LocalState:
    """The state after publishing what upstream told."""
    return applied(make_plan(told, state), state)


def decided(state: LocalState, memberId: str, **values) -> LocalState:
    """A state in which a person here changed a member."""
    return replace(state, members={**state.members, memberId: state.members[memberId]._replace(**values)})


def offline_by_hand(state: LocalState, memberId: str) -> LocalState:
    return decided(state, memberId, manualOffline=True, status=2, reason="manual")


def granted_by_hand(state: LocalState, memberId: str, roleId: str) -> LocalState:
    return replace(
        state,
        grants=state.grants | {GrantRow(roleId, memberId, "manual")},
        roles={roleId: RoleRow(roleId, roleId, "custom"), **state.roles},
    )


# First import and nothing new


def test_a_first_import_adds_everything():
    """Departments, members, memberships, roles and grants of an empty organisation are all additions."""
    told = snapshot(members("ann", "bo"), tags={"tag:1": ["ann"]})
    plan = make_plan(told, EMPTY)
    assert {kind: count["added"] for kind, count in plan.counts.items()} == {
        DEPARTMENTS: 1,
        MEMBERS: 2,
        MEMBERSHIPS: 2,
        ROLES: 1,
        GRANTS: 1,
    }
    assert plan.header == Header(CORP_ID, "Shop Ltd", "all", "scope all", "1")


def test_the_same_again_changes_nothing():
    """A plan over an equal organisation is empty."""
    told = snapshot(members("ann", "bo"), tags={"tag:1": ["ann"]})
    plan = make_plan(told, after(told))
    assert plan.empty
    assert len(plan) == 0


def test_a_new_member_gets_an_account_of_their_own():
    """The account follows from corp and member, never from anything two people could share."""
    state = after(snapshot(members("ann", "bo")))
    elsewhere = make_plan(snapshot(members("ann")), LocalState("corps.Other"))
    accounts = {row.userId for row in state.members.values()} | {elsewhere.kinds[MEMBERS].added[0].userId}
    assert len(accounts) == 3


# Not told is not cleared


def test_what_is_not_told_stays_as_it_is_known():
    """A field that the app may not see any more is no empty field."""
    told = member("ann", "1", position="cook", alias="A", gender="1", avatar="a.png", openUserId="o", mainDeptId="1")
    state = after(snapshot([told]))
    again = after(snapshot([MemberRecord("ann", departments=(Membership("1"),))]), state)
    assert again.members["ann"] == state.members["ann"]


def test_an_empty_text_is_an_answer():
    """A position that upstream tells as empty is cleared; a name is never empty (WeCom: 1 to 32 characters)."""
    state = after(snapshot([member("ann", "1", position="cook")]))
    row = after(snapshot([member("ann", "1", position="", name="")]), state).members["ann"]
    assert (row.position, row.name) == ("", "Ann")


def test_a_department_keeps_its_name_and_leaders_when_these_are_not_told():
    """Names and leaders need a permission that can be taken back at any time."""
    state = after(snapshot(departments=[DeptRecord("1", "Shop", leaderIds=("bo", "ann", "bo"))]))
    assert state.departments["1"].leaderIds == ("ann", "bo")
    assert after(snapshot(departments=[DeptRecord("1")]), state) == state
    cleared = after(snapshot(departments=[DeptRecord("1", leaderIds=())]), state)
    assert cleared.departments["1"].leaderIds == ()


def test_a_role_keeps_its_name_when_it_is_not_told():
    """The same holds for tags."""
    state = after(snapshot(roles=(RoleRecord("tag:1", "Cooks"),)))
    assert after(snapshot(roles=(RoleRecord("tag:1"),)), state).roles["tag:1"].name == "Cooks"


def test_a_status_that_is_not_told_keeps_the_known_one():
    """Nobody is disabled, and nobody enabled, by an absent field."""
    state = after(snapshot([member("ann", "1"), member("bo", "1", active=False, reason="disabled")]))
    again = after(snapshot([member("ann", "1", active=None), member("bo", "1", active=None)]), state)
    assert again.members == state.members


# Status


@pytest.mark.parametrize("reason", ["disabled", "quit"])
def test_a_member_whom_upstream_disables_goes_offline_with_the_reason(reason):
    """WeCom's status 2 and 5."""
    state = after(snapshot(crowd(5)))
    plan = make_plan(snapshot([*crowd(4), member("m004", "1", active=False, reason=reason)]), state)
    (removal,) = plan.kinds[MEMBERS].removed
    assert (removal.after.status, removal.after.reason) == (2, reason)
    assert not plan.kinds[MEMBERSHIPS]


def test_offline_without_a_reason_counts_as_disabled():
    """There always is a reason."""
    assert after(snapshot([member("ann", "1", active=False)])).members["ann"].reason == "disabled"


def test_a_member_who_works_again_is_active_again():
    """The reason goes with the status."""
    state = after(snapshot([member("ann", "1", active=False, reason="disabled")]))
    row = after(snapshot(members("ann")), state).members["ann"]
    assert (row.status, row.reason, row.upstreamReason) == (1, None, None)


def test_absent_from_a_complete_snapshot_under_the_same_scope_is_offline():
    """Memberships and tag grants go with the member; the row and the account stay."""
    state = after(snapshot(crowd(5), tags={"tag:1": ["m004"]}))
    plan = make_plan(snapshot(crowd(4), tags={"tag:1": []}), state)
    (removal,) = plan.kinds[MEMBERS].removed
    assert (removal.after.status, removal.after.reason, removal.after.presence) == (2, "absent", "absent")
    assert removal.after.userId == state.members["m004"].userId
    assert [(kind, one.follows) for kind in (MEMBERSHIPS, GRANTS) for one in plan.kinds[kind].removed] == [
        (MEMBERSHIPS, True),
        (GRANTS, True),
    ]


def test_a_quit_member_who_vanishes_keeps_the_better_reason():
    """Quit members normally disappear from the lists afterwards."""
    state = after(snapshot([*crowd(4), member("ann", "1", active=False, reason="quit")]))
    row = after(snapshot(crowd(4)), state).members["ann"]
    assert (row.reason, row.presence) == ("quit", "absent")


def test_who_returns_gets_the_same_row_account_and_manual_roles():
    """Leaving and coming back restores what was theirs."""
    first = granted_by_hand(after(snapshot(crowd(5))), "m004", "admin")
    gone = after(snapshot(crowd(4)), first)
    assert gone.members["m004"].status == 2
    assert GrantRow("admin", "m004", "manual") in gone.grants
    back = after(snapshot(crowd(5)), gone)
    assert back.members == first.members
    assert back.memberships == first.memberships
    assert back.grants == first.grants


def test_an_absent_member_stays_absent_without_further_changes():
    """The second run over the same absence is empty."""
    gone = after(snapshot(crowd(4)), after(snapshot(crowd(5))))
    assert make_plan(snapshot(crowd(4)), gone).empty


# Completeness


@pytest.mark.parametrize("incomplete", [{"complete": False}, {"incomplete": ("departments: errcode 45009",)}])
def test_an_incomplete_snapshot_removes_nothing(incomplete):
    """45009 on page 37 of 60 is no mass resignation."""
    state = after(snapshot(crowd(20), departments=depts(d1=None, d2="1"), tags={"tag:1": ["m001"]}))
    told = snapshot([member("m000", "1", active=False), member("new", "1")], departments=(), **incomplete)
    plan = make_plan(told, state)
    assert not any(changes.removed for changes in plan.kinds.values())
    assert [row.memberId for row in plan.kinds[MEMBERS].added] == ["new"]
    assert applied(plan, state).members["m000"].status == 1


@pytest.mark.parametrize(
    ("partial", "kept"),
    [
        ("departments", set(KINDS)),
        ("members: errcode 60011", {MEMBERS, MEMBERSHIPS, ROLES, GRANTS}),
        ("memberships", {MEMBERSHIPS, ROLES, GRANTS}),
        ("roles: errcode 48002", {ROLES, GRANTS}),
        ("grants", {ROLES, GRANTS}),
        ("something new", set(KINDS)),
    ],
)
def test_a_partial_kind_protects_itself_and_what_depends_on_it(partial, kept):
    """A kind of which only a part was read loses nothing, nor does what hangs on it."""
    before = snapshot(crowd(5), departments=depts(d1=None, d2="1"), tags={"tag:1": ["m000"], "tag:2": ["m001"]})
    told = snapshot([*crowd(3), member("m003")], departments=depts(d1=None), tags={"tag:1": []}, incomplete=(partial,))
    plan = make_plan(told, after(before))
    assert {kind for kind in KINDS if not plan.kinds[kind].removed} == kept
    assert plan.incomplete == (partial,)


def test_an_incomplete_reading_does_not_make_its_scope_the_published_one():
    """Else the next complete reading would take what fell out of scope for gone."""
    state = after(snapshot(crowd(5), scope="wide"))
    partial = after(snapshot(crowd(1), scope="narrow", complete=False), state)
    assert partial.header.scopeDigest == "wide"
    narrow = after(snapshot(crowd(1), scope="narrow"), partial)
    assert {row.presence for row in narrow.members.values()} == {"listed", "invisible"}


def test_a_first_reading_that_is_incomplete_leaves_its_scope():
    """There is none to protect, and the next complete reading has to be able to judge."""
    assert after(snapshot(crowd(5), complete=False)).header.scopeDigest == "all"


# Scope

TWO = depts(d1=None, d2="1")


def test_out_of_scope_is_invisible_and_stays_active():
    """A narrowed range is not resignation; departments, memberships and grants stay too."""
    wide = snapshot(
        [*crowd(5), member("far", "2")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["far"]}, scope="wide"
    )
    state = after(wide)
    narrow = after(snapshot(crowd(5), scope="narrow", tags={"tag:1": []}), state)
    row = narrow.members["far"]
    assert (row.status, row.presence, row.scopeDigest) == (1, "invisible", "wide")
    assert narrow.departments["2"].presence == "invisible"
    assert narrow.memberships == state.memberships
    assert narrow.grants == state.grants


def test_who_fell_out_of_scope_stays_invisible_in_later_runs():
    """The next run under the same narrow scope knows no more than the first."""
    wide = snapshot([*crowd(2, "2"), member("far", "1"), member("half", "1", "2")], departments=TWO, scope="wide")
    told = snapshot(crowd(2, "2"), departments=depts(d2="1"), scope="narrow", hasRoot=False)
    narrow = after(told, after(wide))
    assert {narrow.members[who].presence for who in ("far", "half")} == {"invisible"}
    assert make_plan(told, narrow).empty


def test_who_left_while_the_scope_changed_is_gone_one_run_later():
    """Who was last seen only where the new scope reaches is not taken for out of sight for ever."""
    wide = snapshot([*crowd(2, "2"), member("left", "2"), member("far", "1")], departments=TWO, scope="wide")
    told = snapshot(crowd(2, "2"), departments=depts(d2="1"), scope="narrow", hasRoot=False)
    narrow = after(told, after(wide))
    assert (narrow.members["left"].presence, narrow.members["left"].status) == ("invisible", 1)
    later = after(told, narrow)
    assert (later.members["left"].reason, later.members["left"].status) == ("absent", 2)
    assert (later.members["far"].presence, later.members["far"].status) == ("invisible", 1)


def test_a_scope_that_holds_the_whole_enterprise_hides_nobody():
    """A right that was granted on the day somebody left changes the scope, and where they were may be gone as well."""
    state = after(snapshot([*crowd(2), member("left", "2")], departments=TWO, scope="few rights"))
    told = snapshot(crowd(2), scope="more rights")
    changed = after(told, state)
    assert (changed.members["left"].presence, changed.departments["2"].presence) == ("invisible", "invisible")
    later = after(told, changed)
    assert (later.members["left"].reason, "2" in later.departments) == ("absent", False)


def test_a_restored_scope_restores_everybody():
    """Same rows, same roles."""
    told = snapshot(crowd(5), tags={"tag:1": ["m004"]}, scope="wide")
    state = after(told)
    narrow = after(snapshot(crowd(2), scope="narrow"), state)
    back = after(told, narrow)
    assert back == replace(state, generation=back.generation)


def test_who_is_missing_from_the_restored_scope_is_gone_one_run_later():
    """The run that finds the scope changed removes nobody; the next one can judge those who were seen under it."""
    wide, narrow = "wide", "narrow"
    state = after(snapshot(crowd(2), scope=narrow), after(snapshot(crowd(5), scope=wide)))
    told = snapshot(crowd(4), scope=wide)
    back = after(told, state)
    assert back.members["m004"].status == 1
    assert back.members["m003"].presence == "listed"
    gone = after(told, back)
    assert (gone.members["m004"].status, gone.members["m004"].reason) == (2, "absent")


def test_under_a_changed_scope_nothing_is_removed():
    """Absence says nothing about roles, grants and memberships either."""
    state = after(snapshot([member("ann", "1", "2")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann"]}))
    plan = make_plan(snapshot([member("ann", "1")], scope="other"), state)
    assert not any(changes.removed for changes in plan.kinds.values())


def test_a_listed_member_may_be_disabled_under_a_changed_scope():
    """What upstream says of somebody it lists does not depend on the scope."""
    state = after(snapshot(crowd(5)))
    told = snapshot([*crowd(4), member("m004", "1", active=False)], scope="other")
    assert after(told, state).members["m004"].status == 2


def test_a_scope_that_nobody_tells_counts_as_unchanged():
    """A dictionary made by a caller has no scope to compare."""
    state = after(snapshot(crowd(5)))
    told = snapshot(crowd(4), scope="")
    assert after(told, state).members["m004"].reason == "absent"
    assert after(told, state).header.scopeDigest == "all"


# Confirmation


def test_an_unconfirmed_absence_keeps_the_member_and_says_so():
    """Kept active, with memberships and grants, and marked."""
    state = after(snapshot(crowd(5), tags={"tag:1": ["m004"]}))
    told = snapshot(crowd(4), tags={"tag:1": []}, unconfirmed=frozenset({"m004"}))
    plan = make_plan(told, state)
    doubted = applied(plan, state)
    assert plan.kinds[MEMBERS].doubtful == 1
    assert (doubted.members["m004"].status, doubted.members["m004"].presence) == (1, "unconfirmed")
    assert doubted.memberships == state.memberships
    assert doubted.grants == state.grants
    assert make_plan(told, doubted).empty
    assert after(snapshot(crowd(5), tags={"tag:1": ["m004"]}), doubted).members == state.members


# Ownership


def test_a_manual_offline_survives_upstream():
    """Upstream says active; the person here said offline."""
    state = offline_by_hand(after(snapshot(crowd(5))), "m004")
    assert make_plan(snapshot(crowd(5)), state).empty
    renamed = after(snapshot([*crowd(4), member("m004", "1", name="New")]), state).members["m004"]
    assert (renamed.status, renamed.reason, renamed.name) == (2, "manual", "New")


def test_what_upstream_says_is_kept_beside_a_manual_offline():
    """So that taking the manual one back tells the truth."""
    state = offline_by_hand(after(snapshot(crowd(5))), "m004")
    row = after(snapshot([*crowd(4), member("m004", "1", active=False, reason="quit")]), state).members["m004"]
    assert (row.reason, row.upstreamReason) == ("manual", "quit")


def test_who_is_offline_by_hand_is_no_removal_when_they_leave():
    """Rows that do not count must not trip the guard, nor pad what it counts."""
    state = after(snapshot(crowd(10)))
    for number in range(4):
        state = offline_by_hand(state, f"m{number:03}")
    plan = make_plan(snapshot(crowd(10)[4:]), state)
    assert not plan.kinds[MEMBERS].removed
    assert plan.kinds[MEMBERS].active == 6


def test_manual_grants_survive_and_tag_grants_follow():
    """Each grant follows its owner."""
    state = granted_by_hand(after(snapshot(crowd(5), tags={"tag:1": ["m000"]})), "m000", "admin")
    moved = after(snapshot(crowd(5), tags={"tag:1": ["m001"]}), state)
    assert moved.grants == {GrantRow("admin", "m000", "manual"), GrantRow("tag:1", "m001", "tag")}


def test_a_grant_by_tag_and_one_by_hand_stand_side_by_side():
    """The tag goes; what the person gave stays."""
    state = granted_by_hand(after(snapshot(crowd(5), tags={"tag:1": ["m000"]})), "m000", "tag:1")
    assert after(snapshot(crowd(5), tags={"tag:1": []}), state).grants == {GrantRow("tag:1", "m000", "manual")}


def test_a_deleted_tag_that_somebody_has_by_hand_goes_on_as_a_custom_role():
    """Deleting it would take away what a person gave."""
    state = granted_by_hand(after(snapshot(crowd(5), tags={"tag:1": ["m000", "m001"]})), "m000", "tag:1")
    plan = make_plan(snapshot(crowd(5)), state)
    later = applied(plan, state)
    assert later.roles["tag:1"] == RoleRow("tag:1", "Role tag:1", "custom")
    assert later.grants == {GrantRow("tag:1", "m000", "manual")}
    assert all(removal.follows for removal in plan.kinds[GRANTS].removed)


def test_a_custom_role_that_upstream_starts_to_know_becomes_upstreams():
    """One id is one role."""
    state = granted_by_hand(after(snapshot(crowd(5))), "m000", "tag:1")
    assert after(snapshot(crowd(5), tags={"tag:1": []}), state).roles["tag:1"].origin == "upstream"


def test_a_tag_on_a_department_grants_with_that_origin():
    """Grants by a tag and by a department's tag are told apart."""
    told = snapshot(crowd(1), grants=(GrantRecord("m000", "tag:1", "dept"), GrantRecord("m000", "tag:1", "tag")))
    assert after(told).grants == {GrantRow("tag:1", "m000", "dept"), GrantRow("tag:1", "m000", "tag")}
    assert after(told).roles["tag:1"].name is None


def test_a_tag_on_somebody_unknown_grants_nothing():
    """A tag may name people whom no department lists."""
    assert after(snapshot(crowd(1), tags={"tag:1": ["ghost"]})).grants == frozenset()


# Departments


def test_departments_stand_under_their_parents_whatever_the_order():
    """Children listed first find their parents."""
    state = after(snapshot(departments=depts(d3="2", d2="1", d1=None)))
    assert {row.deptId: row.parentId for row in state.departments.values()} == {"1": None, "2": "1", "3": "2"}


def test_a_forest_gets_a_local_root():
    """A visible range without the root: trees whose parents are not in sight."""
    state = after(snapshot(departments=depts(d7="5", d9="7", d8="6"), hasRoot=False))
    assert {row.deptId: row.parentId for row in state.departments.values()} == {
        LOCAL_ROOT: None,
        "7": LOCAL_ROOT,
        "8": LOCAL_ROOT,
        "9": "7",
    }
    assert state.departments[LOCAL_ROOT].name == "Shop Ltd"
    assert state.departments["7"].upstreamParentId == "5"
    assert state.header.rootDeptId == LOCAL_ROOT


def test_a_department_without_a_parent_is_no_root_when_the_scope_has_none():
    """Its parent was merely not told."""
    assert after(snapshot(departments=depts(d7=None), hasRoot=False)).header.rootDeptId == LOCAL_ROOT


def test_the_local_root_is_named_after_the_enterprise_or_else_the_element():
    """In this order: upstream's name for the enterprise, the known one, the element's title."""
    told = snapshot(departments=depts(d7="5"), hasRoot=False, corpName=None)
    state = after(told)
    assert state.departments[LOCAL_ROOT].name == "Shop"
    named = after(replace(told, corpName="Shop Ltd"), state)
    assert named.departments[LOCAL_ROOT].name == "Shop Ltd"
    assert make_plan(told, named).empty


def test_the_local_root_gives_way_to_the_real_one():
    """It never stands beside or above a real root, and its going is no removal to guard."""
    state = after(snapshot(departments=depts(d7="1"), hasRoot=False, scope="narrow"))
    plan = make_plan(snapshot(departments=depts(d1=None, d7="1"), scope="wide"), state)
    later = applied(plan, state)
    assert {row.deptId: row.parentId for row in later.departments.values()} == {"1": None, "7": "1"}
    assert later.header.rootDeptId == "1"
    assert plan.kinds[DEPARTMENTS].own_removals == 0
    assert plan.counts[DEPARTMENTS]["removed"] == 0


def test_a_root_that_fell_out_of_sight_stays_the_root():
    """The tree people know keeps its shape."""
    state = after(snapshot(departments=depts(d1=None, d7="1"), scope="wide"))
    narrow = after(snapshot(departments=depts(d7="1"), hasRoot=False, scope="narrow"), state)
    assert narrow.header.rootDeptId == "1"
    assert narrow.departments["1"].presence == "invisible"
    assert LOCAL_ROOT not in narrow.departments


def test_a_parent_and_its_child_may_swap_places():
    """Both are updates."""
    state = after(snapshot(departments=depts(d1=None, d2="1", d3="2")))
    swapped = after(snapshot(departments=depts(d1=None, d2="3", d3="1")), state)
    assert (swapped.departments["2"].parentId, swapped.departments["3"].parentId) == ("3", "1")


def test_a_removed_department_takes_its_memberships_along():
    """They follow, and do not count for the guard."""
    state = after(snapshot([member(f"m{number}", "1", "2") for number in range(9)], departments=depts(d1=None, d2="1")))
    plan = make_plan(snapshot([member(f"m{number}", "1") for number in range(9)]), state)
    assert [removal.before.deptId for removal in plan.kinds[DEPARTMENTS].removed] == ["2"]
    assert len(plan.kinds[MEMBERSHIPS].removed) == 9
    assert plan.kinds[MEMBERSHIPS].own_removals == 0


def test_a_membership_in_a_department_nobody_lists_can_be_left_again():
    """A main department outside the range is named all the same; when it is not named any more, it is over."""
    state = after(snapshot([member("ann", "1", "99")]))
    assert ("99", "ann") in state.memberships
    assert ("99", "ann") not in after(snapshot([member("ann", "1")]), state).memberships


# The guard


def test_a_guarded_plan_adds_and_changes_but_does_not_remove():
    """A safety check that stops hiring is an outage."""
    state = after(snapshot(crowd(40), tags={"tag:1": ["m001"]}))
    told = snapshot([*crowd(30)[1:], member("new", "1"), member("m000", "1", name="Renamed")], tags={"tag:1": []})
    plan = plan_guarded(told, state)
    (withheld,) = plan.withheld
    assert (withheld.kind, withheld.count, withheld.limit) == (MEMBERS, 10, 4)
    kept = applied(plan, state)
    assert {row.status for row in kept.members.values()} == {1}
    assert "new" in kept.members
    assert kept.members["m000"].name == "Renamed"
    assert {key for key in kept.memberships if key[1] == "m035"} == {("1", "m035")}
    assert not [row for row in kept.grants if row.origin == "tag"]
    assert plan_guarded(told, kept).counts[MEMBERS] == {"added": 0, "updated": 0, "removed": 0}


def test_approval_lets_exactly_so_many_go():
    """A ceiling: ten for ten, not ten for nine."""
    state = after(snapshot(crowd(40)))
    told = snapshot(crowd(30))
    assert plan_guarded(told, state, approve=9).withheld
    assert plan_guarded(told, state, approve=10).counts[MEMBERS]["removed"] == 10


def test_a_mass_disabling_is_withheld_too():
    """Well-formed and wrong is how people were lost elsewhere."""
    state = after(snapshot(crowd(40)))
    told = snapshot([*crowd(30), *(member(one.memberId, "1", active=False, name="X") for one in crowd(40)[30:])])
    plan = plan_guarded(told, state)
    assert plan.withheld[0].count == 10
    kept = applied(plan, state)
    assert {row.status for row in kept.members.values()} == {1}
    assert kept.members["m035"].name == "X"


def test_an_empty_answer_trips_every_kind():
    """An empty 200 empties nothing."""
    state = after(snapshot(crowd(2), tags={"tag:1": ["m000"]}))
    plan = plan_guarded(snapshot(departments=()), state)
    assert {one.kind for one in plan.withheld} == {DEPARTMENTS, MEMBERS}
    assert applied(plan, state).members == state.members
    assert applied(plan, state).memberships == state.memberships


def test_withheld_departments_keep_their_place_and_their_people():
    """What is withheld stays as it was, not half of it."""
    many = depts(d1=None, **{f"d{number}": "1" for number in range(2, 12)})
    state = after(snapshot([member("ann", "1", *(str(number) for number in range(2, 12)))], departments=many))
    told = snapshot([member("ann", "1")], departments=depts(d1=None))
    kept = applied(plan_guarded(told, state), state)
    assert kept == state


# Roles that stand for departments

THREE = depts(d1=None, d2="1", d3="2")


def told_for(*people, departments=THREE, deptIds=("2",), **told) -> Snapshot:
    """A snapshot whose ``tag:1`` stands for departments."""
    return snapshot(people, departments=departments, roles=(RoleRecord("tag:1", "Cooks", deptIds),), **told)


def by_department(state: LocalState) -> set[str]:
    return {row.memberId for row in state.grants if row.origin == "dept"}


def test_a_role_that_stands_for_a_department_is_everybodys_in_and_below_it():
    """Upstream names the department; whom that means follows from the tree and the memberships."""
    state = after(told_for(member("ann", "2"), member("bo", "3"), member("cy", "1")))
    assert by_department(state) == {"ann", "bo"}
    assert state.roles["tag:1"].deptIds == ("2",)
    assert make_plan(told_for(member("ann", "2"), member("bo", "3"), member("cy", "1")), state).empty


def test_who_moves_gets_and_loses_the_roles_of_departments():
    """Without another word about the role; what follows a membership is not judged again."""
    state = after(told_for(member("ann", "2"), member("cy", "1")))
    plan = make_plan(told_for(member("ann", "1"), member("cy", "3"), deptIds=None), state)
    assert by_department(applied(plan, state)) == {"cy"}
    assert plan.kinds[GRANTS].own_removals == 0


def test_a_department_that_moves_takes_its_people_to_other_roles():
    """These removals are nobody else's consequence, so the guard counts them."""
    state = after(told_for(member("bo", "3")))
    plan = make_plan(told_for(member("bo", "3"), departments=depts(d1=None, d2="1", d3="1")), state)
    assert by_department(applied(plan, state)) == set()
    assert plan.kinds[GRANTS].own_removals == 1


def test_a_role_that_stands_for_nothing_any_more_is_lost():
    """An empty list is told; ``None`` is not."""
    state = after(told_for(member("ann", "2")))
    assert by_department(after(told_for(member("ann", "2"), deptIds=None), state)) == {"ann"}
    assert by_department(after(told_for(member("ann", "2"), deptIds=()), state)) == set()


def test_a_role_goes_on_standing_for_a_department_out_of_sight():
    """Upstream names only departments in sight; whoever is in the others keeps the role."""
    state = after(told_for(member("ann", "1", "3"), member("bo", "3"), deptIds=("2", "3"), scope="wide"))
    told = told_for(member("ann", "1"), departments=depts(d1=None, d2="1"), hasRoot=False, scope="narrow")
    narrow = after(told, after(told, state))
    assert narrow.departments["3"].presence == "invisible"
    assert narrow.roles["tag:1"].deptIds == ("2", "3")
    assert by_department(narrow) == {"ann", "bo"}


def test_withheld_departments_keep_the_roles_of_their_people():
    """What is withheld stays as it was."""
    many = depts(d1=None, **{f"d{number}": "1" for number in range(2, 12)})
    people = [member("ann", "1", *(str(number) for number in range(2, 12)))]
    state = after(told_for(*people, departments=many, deptIds=("2", "3")))
    told = told_for(member("ann", "1"), departments=depts(d1=None), deptIds=())
    kept = applied(plan_guarded(told, state), state)
    assert kept == state


def test_a_partial_reading_takes_no_role_of_a_department_away():
    """Whichever part is missing."""
    state = after(told_for(member("ann", "2")))
    for missing in ({"complete": False}, {"incomplete": ("roles: errcode 48002",)}):
        assert by_department(after(told_for(member("ann", "1"), deptIds=(), **missing), state)) == {"ann"}


def test_who_leaves_loses_the_roles_of_departments():
    """As the memberships go."""
    state = after(told_for(*crowd(5, "2")))
    assert by_department(after(told_for(*crowd(4, "2")), state)) == {"m000", "m001", "m002", "m003"}


def test_a_role_that_upstream_deletes_stands_for_nothing():
    """Also when it goes on as a role of our own."""
    state = granted_by_hand(after(told_for(member("ann", "2"))), "ann", "tag:1")
    gone = after(snapshot([member("ann", "2")], departments=THREE), state)
    assert (gone.roles["tag:1"].origin, gone.roles["tag:1"].deptIds) == ("custom", None)
    assert gone.grants == {GrantRow("tag:1", "ann", "manual")}


# The plan as a value


def test_the_plan_lists_every_record_with_before_and_after():
    """JSON for a reviewer, with nothing that may not be shown."""
    state = after(snapshot([*crowd(4), member("ann", "1", mobile="13900001111", email="ann@example.com")]))
    told = snapshot([*crowd(3), member("ann", "1", name="Anna", mobile="13900001111", telephone="0101234567")])
    exported = json.loads(make_plan(told, state).to_json())
    assert {(change["kind"], *change["key"], change["action"]) for change in exported["changes"]} == {
        ("members", "ann", "update"),
        ("members", "m003", "remove"),
        ("memberships", "1", "m003", "remove"),
    }
    changed = next(change for change in exported["changes"] if change["key"] == ["ann"])
    assert (changed["before"]["name"], changed["after"]["name"]) == ("Ann", "Anna")
    assert "13900001111" not in json.dumps(exported)
    assert "example.com" not in json.dumps(exported)


def test_equal_plans_have_equal_digests():
    """And different ones different ones."""
    told = snapshot(crowd(3))
    assert make_plan(told, EMPTY).digest == make_plan(replace(told, members=told.members[::-1]), EMPTY).digest
    assert make_plan(told, EMPTY).digest != make_plan(snapshot(crowd(2)), EMPTY).digest
    assert make_plan(told, EMPTY).digest != make_plan(told, replace(EMPTY, generation=1)).digest


def test_a_plan_prints_as_one_line_and_what_is_to_be_noticed():
    """The short form for a terminal."""
    assert (
        str(make_plan(snapshot(crowd(2)), EMPTY))
        == "corps.Shop: departments +1 ~0 -0, members +2 ~0 -0, memberships +2 ~0 -0"
    )
    state = after(snapshot(crowd(2)))
    assert str(make_plan(snapshot(crowd(2), complete=False), state)) == (
        "corps.Shop: nothing would change\n  incomplete: everything"
    )
    assert "withheld members" in str(plan_guarded(snapshot(departments=()), state))


def test_a_local_root_is_not_counted_as_a_change_of_upstreams():
    """Counts speak of the enterprise's departments."""
    told = snapshot(departments=depts(d7="5"), hasRoot=False)
    assert make_plan(told, EMPTY).counts[DEPARTMENTS]["added"] == 1
    assert len(make_plan(told, EMPTY).kinds[DEPARTMENTS].added) == 2

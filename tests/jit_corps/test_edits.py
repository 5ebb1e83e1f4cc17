"""What a person decides here: atomic, recorded, and kept through syncs."""

from __future__ import annotations

import pytest

from jit_corps.edits import ensure_local_root, set_offline, set_roles
from jit_corps.errors import MemberNotFound, RoleNotFound
from jit_corps.models import ChangeRecord
from jit_corps.rows import LOCAL_ROOT, GrantRow, RoleRow
from tests.jit_corps.scripted import CORP, crowd, depts, snapshot


def roles_of(bench, memberId: str) -> set[str]:
    return {row.roleId for row in bench.state.grants if row.memberId == memberId}


@pytest.fixture
def staffed(bench):
    """Five members, one tag."""
    bench.sync(snapshot(crowd(5), tags={"tag:1": ["m000"]}))
    return bench


def test_roles_are_replaced_and_returned_in_order(staffed):
    """What was set before goes, what is set now stands; repeated ids count once."""
    set_roles(staffed.storage, CORP, "m001", ["a", "b"], strict=False)
    rows = set_roles(staffed.storage, CORP, "m001", ["c", "b", "c"], strict=False)
    assert [(row.memberId, row.roleId, row.origin, row.isCustom) for row in rows] == [
        ("m001", "c", "manual", 1),
        ("m001", "b", "manual", 1),
    ]
    assert roles_of(staffed, "m001") == {"b", "c"}


def test_an_unseen_role_becomes_a_custom_one_and_stays(staffed):
    """It goes on without holders."""
    set_roles(staffed.storage, CORP, "m001", ["boss"], strict=False)
    set_roles(staffed.storage, CORP, "m001", [], strict=False)
    assert staffed.state.roles["boss"] == RoleRow("boss", "boss", "custom")
    assert roles_of(staffed, "m001") == set()


def test_with_strict_roles_an_unseen_one_is_an_error(staffed):
    """Naming what may have been meant; nothing is changed."""
    before = staffed.state
    with pytest.raises(RoleNotFound) as caught:
        set_roles(staffed.storage, CORP, "m001", ["tag:1", "tag:2"], strict=True)
    assert (caught.value.roleIds, caught.value.possibilities) == (("tag:2",), ("tag:1",))
    assert staffed.state == before
    set_roles(staffed.storage, CORP, "m001", ["tag:1"], strict=True)


def test_roles_that_upstream_gives_stay(staffed):
    """The tag is upstream's; setting roles by hand neither takes nor doubles it."""
    set_roles(staffed.storage, CORP, "m000", ["tag:1", "boss"], strict=False)
    assert {tuple(row) for row in staffed.state.grants} == {
        ("tag:1", "m000", "tag"),
        ("tag:1", "m000", "manual"),
        ("boss", "m000", "manual"),
    }
    set_roles(staffed.storage, CORP, "m000", [], strict=False)
    assert staffed.state.grants == {GrantRow("tag:1", "m000", "tag")}


def test_roles_of_an_unknown_member_are_an_error(staffed):
    """With the ids that look like it."""
    with pytest.raises(MemberNotFound) as caught:
        set_roles(staffed.storage, CORP, "m01", ["a"], strict=False)
    assert "m001" in caught.value.possibilities
    assert "a" not in staffed.state.roles


def test_manual_roles_survive_syncs(staffed):
    """A sync after it writes nothing."""
    set_roles(staffed.storage, CORP, "m000", ["boss"], strict=False)
    report = staffed.sync(snapshot(crowd(5), tags={"tag:1": ["m000"]}))
    assert report.changes == 0
    assert roles_of(staffed, "m000") == {"boss", "tag:1"}


def test_offline_is_kept_through_syncs_until_taken_back(staffed):
    """Upstream says active all the time."""
    set_offline(staffed.storage, CORP, ["m001", "m002", "m001"], offline=True)
    staffed.sync(snapshot(crowd(5), tags={"tag:1": ["m000"]}))
    assert {row.memberId for row in staffed.state.members.values() if row.reason == "manual"} == {"m001", "m002"}
    set_offline(staffed.storage, CORP, ["m001"], offline=False)
    assert (staffed.state.members["m001"].status, staffed.state.members["m002"].status) == (1, 2)


def test_offline_is_all_or_nothing(staffed):
    """One unknown id among them, and nobody is touched; every unknown id is named."""
    before = staffed.state
    with pytest.raises(MemberNotFound) as caught:
        set_offline(staffed.storage, CORP, ["m001", "ghost", "m002", "m0001"], offline=True)
    assert caught.value.memberIds == ("ghost", "m0001")
    assert staffed.state == before


def test_taking_offline_back_does_not_make_active_whom_upstream_took_offline(staffed):
    """What upstream says is known beside what the person said."""
    set_offline(staffed.storage, CORP, ["m004"], offline=True)
    staffed.sync(snapshot(crowd(4), tags={"tag:1": ["m000"]}))
    set_offline(staffed.storage, CORP, ["m004"], offline=False)
    assert (staffed.state.members["m004"].status, staffed.state.members["m004"].reason) == (2, "absent")


def test_offline_touches_one_corp_only(open_bench):
    """The same person in another organisation goes on working."""
    shop, other = open_bench(), open_bench("corps.Other")
    shop.sync(snapshot(crowd(5)))
    other.sync(snapshot(crowd(5)))
    set_offline(shop.storage, CORP, ["m001"], offline=True)
    assert other.state.members["m001"].status == 1


def test_an_edit_that_changes_nothing_writes_nothing(staffed):
    """No generation, no history, no row."""
    set_offline(staffed.storage, CORP, ["m001"], offline=True)
    set_roles(staffed.storage, CORP, "m001", ["boss"], strict=False)
    before = staffed.state
    with staffed.storage.counting() as count:
        set_offline(staffed.storage, CORP, ["m001"], offline=True)
        set_offline(staffed.storage, CORP, [], offline=True)
        set_roles(staffed.storage, CORP, "m001", ["boss"], strict=False)
    assert count.writes == 0
    assert staffed.state == before


def test_edits_stand_in_the_history(staffed):
    """Without a run, because a person made them."""
    set_offline(staffed.storage, CORP, ["m001"], offline=True)
    change = staffed.storage.models[ChangeRecord]
    (row,) = change.select().where(change.runId.is_null())
    assert (row.generation, row.kind, row.key, row.action) == (2, "members", ["m001"], "update")
    assert row.after == {"status": 2, "reason": "manual", "manualOffline": True}


def test_many_members_at_once_take_few_statements(bench):
    """More ids than fit into one query's parameters, still set-based."""
    people = crowd(2500)
    bench.sync(snapshot(people))
    with bench.storage.counting() as count:
        set_offline(bench.storage, CORP, [one.memberId for one in people], offline=True)
    assert count.total <= 14
    assert {row.status for row in bench.state.members.values()} == {2}


def test_a_local_root_is_made_once(bench):
    """Asking again finds it; a root that came meanwhile is not doubled."""
    ensure_local_root(bench.storage, CORP, "The Shop")
    ensure_local_root(bench.storage, CORP, "Another name")
    assert [row.name for row in bench.state.departments.values()] == ["The Shop"]
    bench.sync(snapshot(departments=depts(d1=None, d2="1")))
    ensure_local_root(bench.storage, CORP, "The Shop")
    assert set(bench.state.departments) == {"1", "2"}
    assert LOCAL_ROOT not in bench.state.departments

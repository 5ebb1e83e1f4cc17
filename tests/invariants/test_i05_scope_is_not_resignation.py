"""Who falls out of the app's sight did not leave, and what the app is not told was not cleared.

They stay active with their roles, marked ``invisible``; a range that is given back finds the same people.
"""

from __future__ import annotations

import pytest

from jit_corps.edits import set_roles
from jit_corps.errors import SyncFailed
from tests.invariants.harness.world import EVERYTHING, READING, World, organisation
from tests.jit_corps.scripted import CORP

INJECTED = (
    "the visible range shrinks between runs, at every call of a run, and before, during and after an event; every"
    " permission revoked, between runs and at every call; `enable`, `status`, `main_department` and names left"
    " out; names given as ids; a main department outside; the range given back"
)
ALSO = (
    "tests/jit_qywx/test_reading.py::test_range_that_shrinks_on_the_way_changes_the_scope",
    "tests/jit_qywx/test_reading.py::test_hidden_names_are_not_told",
    "tests/jit_qywx/test_reading.py::test_names_that_vanish_on_the_way_are_not_taken_for_names",
    "tests/jit_qywx/test_login.py::test_people_outside_the_visible_range_are_refused",
    "tests/jit_qywx/test_convergence.py::test_nobody_goes_under_another_scope",
    "tests/jit_qywx/test_convergence.py::test_a_part_of_an_enterprise_converges",
    "tests/jit_qywx/test_reading_targets.py::test_a_scope_that_changes_on_the_way_is_told",
    "tests/jit_corps/test_plan.py::test_a_restored_scope_restores_everybody",
    "tests/jit_corps/test_plan.py::test_who_left_while_the_scope_changed_is_gone_one_run_later",
)
OPEN = ("Who is out of sight keeps everything and cannot log in: that is so for every app, there is no setting.",)

NARROW = (2,)


def people(world: World) -> dict[str, tuple]:
    """Of each member what must survive: account, status, name, and who gave which roles."""
    state = world.bench.state
    roles: dict[str, set] = {}
    for row in state.grants:
        roles.setdefault(row.memberId, set()).add((row.roleId, row.origin))
    return {
        key: (row.userId, row.status, row.name, frozenset(roles.get(key, ()))) for key, row in state.members.items()
    }


@pytest.fixture
def world(make_world) -> World:
    """Read once; somebody was given a role by hand."""
    world = make_world(organisation(departments=7, people=21))
    world.sync()
    set_roles(world.bench.storage, CORP, "user05", ["admin"], strict=False)
    return world


def given_back(world: World, before: dict[str, tuple]) -> None:
    """The old range and rights: everybody is in sight, the same as ever."""
    world.wecom.faults.clear()
    world.wecom.set_visible_range(world.corpId, (1,))
    world.wecom.set_permissions(world.corpId, EVERYTHING)
    world.sync()
    assert people(world) == before
    assert {row.presence for row in world.bench.state.members.values()} == {"listed"}


def test_a_range_that_shrinks_between_runs(world: World, share):
    """Three ranges, one after another, and all of it back."""
    before = people(world)
    for departments, users in share.of([((2,), ()), ((3,), ("user04",)), ((), ("user01",))], most=3):
        world.wecom.set_visible_range(world.corpId, departments, users)
        report = world.sync()
        assert all(count["removed"] == 0 for count in report.counts.values())
        assert people(world) == before
        hidden = {row.presence for row in world.bench.state.members.values()}
        assert hidden == {"listed", "invisible"}
        assert world.sync().changes == 0
    given_back(world, before)


def test_a_range_that_shrinks_at_any_call(world: World, share):
    """Whenever it happens during a run, nobody goes offline and nobody loses a role; nor in the run after it."""
    before = people(world)
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=4):
        world.wecom.at_call(call, lambda: world.wecom.set_visible_range(world.corpId, NARROW), path=READING)
        for _ in range(2):
            result = world.tried()
            assert isinstance(result, SyncFailed) or not any(c["removed"] for c in result.counts.values()), call
            assert people(world) == before, call
        given_back(world, before)


def test_a_range_that_grows_at_any_call(world: World, share):
    """The other way round, from a part: who comes into sight is there after one more run, and nobody went."""
    before = people(world)
    world.wecom.set_visible_range(world.corpId, NARROW)
    world.sync()
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=3):
        world.wecom.at_call(call, lambda: world.wecom.set_visible_range(world.corpId, (1,)), path=READING)
        world.tried()
        assert people(world) == before, call
        world.sync()
        assert {row.presence for row in world.bench.state.members.values()} == {"listed"}, call
        world.wecom.set_visible_range(world.corpId, NARROW)
        world.sync()


def test_a_change_of_rights_around_an_event(world: World, share):
    """change_auth before, during and after the reading that an event asks for: additions pass, nobody goes."""
    before = people(world)
    for moment in share.of(["before", 1, 2, 3, 4, 5, "after"], most=4):
        change = world.org.update_member("user19", name=before["user19"][2])

        def narrow() -> None:
            world.wecom.set_visible_range(world.corpId, NARROW)

        if moment == "before":
            narrow()
        elif moment != "after":
            world.wecom.at_call(moment, narrow, path=READING)
        try:
            report = world.events(change)
            assert not any(count["removed"] for count in report.counts.values()), moment
        except SyncFailed:
            pass
        narrow()
        world.sync()
        assert people(world) == before, moment
        given_back(world, before)


def test_rights_that_vanish(world: World, share):
    """Names, names of departments, positions: one after another, all at once, and at every call of a run."""
    before = people(world)
    names = {key: row.name for key, row in world.bench.state.departments.items()}
    revoked = [tuple(one for one in EVERYTHING if one != each) for each in EVERYTHING]
    for rights in share.of([*revoked, ()], most=4):
        world.wecom.set_permissions(world.corpId, rights)
        report = world.sync()
        assert not any(count["removed"] for count in report.counts.values()), rights
        assert people(world) == before, rights
        assert {key: row.name for key, row in world.bench.state.departments.items()} == names, rights
        given_back(world, before)
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=3):
        world.wecom.at_call(call, lambda: world.wecom.set_permissions(world.corpId, ()), path=READING)
        world.tried()
        assert people(world) == before, call
        assert {key: row.name for key, row in world.bench.state.departments.items()} == names, call
        given_back(world, before)


@pytest.mark.parametrize("hidden_names", ["missing", "id"])
def test_fields_that_are_left_out(world: World, share, hidden_names):
    """A missing `enable` or `status` disables nobody; a missing or meaningless name clears none."""
    before = people(world)
    mains = {key: row.mainDeptId for key, row in world.bench.state.members.items()}
    hidden = [{"enable"}, {"status"}, {"main_department"}, {"name"}, {"enable", "status", "main_department", "name"}]
    for fields in share.of(hidden, most=5):
        rights = () if hidden_names == "id" else EVERYTHING
        world.wecom.set_app(world.corpId, hidden_fields=fields, hidden_names=hidden_names, permissions=rights)
        world.sync()
        assert people(world) == before, fields
        assert {key: row.mainDeptId for key, row in world.bench.state.members.items()} == mains, fields
    world.wecom.set_app(world.corpId, hidden_fields=set())
    given_back(world, before)


def test_a_main_department_outside_the_range(make_world, share):
    """Somebody visible in one department whose main one is not: there, active, and their main department kept."""
    org = organisation(departments=4, people=8)
    org.add_member("both", "两边", departments=(2, 3), main_department=3)
    world = make_world(org)
    world.sync()
    before = world.bench.state.members["both"]
    world.wecom.set_visible_range(world.corpId, (2,))
    world.sync()
    row = world.bench.state.members["both"]
    assert (row.status, row.presence, row.mainDeptId) == (1, "listed", before.mainDeptId)
    share.count()

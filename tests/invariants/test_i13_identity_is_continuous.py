"""A person stays the same person through every change of id, and never becomes somebody of another enterprise."""

from __future__ import annotations

import itertools

import pytest

from jit_corps.edits import set_offline, set_roles
from jit_corps.models import User
from jit_corps.rows import user_id
from tests.invariants.harness.world import World, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, crowd, member, named, only, snapshot

INJECTED = (
    "every order of a rename's event among other news; leaving and returning after a day and after a year; one"
    " userid in two enterprises; mail and mobile moved from one person to another, and swapped; ids that differ by"
    " case; a rename onto an id that somebody has"
)
ALSO = (
    "tests/jit_qywx/test_convergence.py::test_a_rename_keeps_the_person",
    "tests/jit_qywx/test_convergence.py::test_a_rename_that_is_told_late_brings_everything_back",
    "tests/jit_qywx/test_convergence.py::test_a_late_rename_hands_over_nothing",
    "tests/jit_qywx/test_reading_targets.py::test_another_case_of_the_same_id_is_a_rename",
    "tests/jit_corps/test_models.py::test_no_table_has_a_column_for_telephone_numbers_or_addresses",
    "tests/jit_corps/test_edits.py::test_offline_touches_one_corp_only",
    "tests/jit_corps/test_plan.py::test_who_returns_gets_the_same_row_account_and_manual_roles",
)
OPEN = ("The move from plain to encrypted ids of a whole enterprise at once: only single renames are told by WeCom.",)


def person(world: World, memberId: str) -> tuple:
    """Account, status, and the roles that a person here gave."""
    state = world.bench.state
    manual = {row.roleId for row in state.grants if row.memberId == memberId and row.origin == "manual"}
    return (state.members[memberId].userId, state.members[memberId].status, manual)


@pytest.fixture
def world(make_world) -> World:
    world = make_world(organisation(departments=4, people=12))
    world.sync()
    return world


def test_a_rename_among_other_news(make_world, share):
    """In every order: the account, the roles given here and the decisions taken here go along to the new id."""
    world = make_world(organisation(departments=4, people=6))
    world.sync()
    for number, order in enumerate(share.of(itertools.permutations(range(4)), most=4)):
        old, new = f"old{number}", f"new{number}"
        world.events(world.org.add_member(old, "改前", departments=(2,)))
        set_roles(world.bench.storage, CORP, old, ["admin"], strict=False)
        set_offline(world.bench.storage, CORP, [old], offline=True)
        before = person(world, old)
        news = [
            world.org.rename_member(old, new),
            world.org.update_member(new, name="改后"),
            world.org.tag(1, add_users=(new,)),
            world.org.move_member(new, (3,)),
        ]
        for at in order:
            world.events(news[at])
        assert person(world, new) == before, order
        assert world.bench.state.members[new].manualOffline, order
        assert world.bench.state.members.get(old) is None or world.bench.state.members[old].presence == "absent"
        assert world.sync().status == "ok"
        assert person(world, new) == before, order


@pytest.mark.parametrize("days", [1, 365])
def test_who_returns_is_the_same(world: World, share, days):
    """After a day or a year, by full readings or by events: one account, and the roles given here."""
    for who, how in share.of([("user03", "full"), ("user04", "event")], most=2):
        set_roles(world.bench.storage, CORP, who, ["admin"], strict=False)
        before = person(world, who)
        gone = world.org.remove_member(who)
        world.sync() if how == "full" else world.events(gone)
        assert world.bench.state.members[who].status == 2
        world.bench.clock.pass_(days * 86_400)
        for _ in range(2):
            world.sync()
        back = world.org.add_member(who, "回来", departments=(3,))
        world.sync() if how == "full" else world.events(back)
        assert person(world, who) == before


def test_one_userid_in_two_enterprises(make_world, share):
    """Two people with two accounts: what happens to one in either of them does not reach the other."""
    one = make_world(organisation(departments=3, people=6))
    other_bench = Bench(one.bench.storage, one.bench.clock, "corps.Other")
    one.sync()
    other_bench.sync(snapshot([member(f"user0{at}", "1") for at in range(6)]))
    here, there = one.bench.state.members, other_bench.state.members
    assert set(here) == set(there)
    assert {row.userId for row in here.values()}.isdisjoint(row.userId for row in there.values())
    set_offline(one.bench.storage, CORP, ["user01"], offline=True)
    one.events(one.org.remove_member("user02"))
    one.events(one.org.rename_member("user03", "other03"))
    assert {row.status for row in other_bench.state.members.values()} == {1}
    assert other_bench.state.members == there
    share.count(3)


def test_mail_and_mobile_make_nobody_the_same(world: World, share):
    """They move from one to another, and are swapped; nobody's account, name or role moves with them."""
    world.org.update_member("user01", mobile="13911111111", email="a@mail.example")
    world.org.update_member("user02", mobile="13922222222", email="b@mail.example")
    world.sync()
    before = world.bench.state.members
    for first, second in share.of([(("", ""), ("13911111111", "a@mail.example")), (("1", "b"), ("2", "a"))], most=2):
        for who, (mobile, mail) in (("user01", first), ("user02", second)):
            world.org.update_member(who, mobile=mobile, email=mail)
        assert world.sync().changes == 0
        assert world.bench.state.members == before
    assert len(set(world.bench.storage.select_tuples(world.bench.storage.models[User].select()))) == len(before)


@pytest.mark.parametrize("pair", [("Ann", "ann"), ("woABC", "woabc"), ("straße", "STRASSE"), ("é", "e\u0301")])
def test_ids_that_differ_by_case_are_two(bench, share, pair):
    """Each is somebody; who leaves is the one who left."""
    one, two = pair
    people = [*crowd(5), member(one, "1"), member(two, "1")]
    bench.sync(snapshot(people))
    assert bench.state.members[one].userId != bench.state.members[two].userId
    bench.sync(snapshot(people[:-1]))
    assert (bench.state.members[one].status, bench.state.members[two].status) == (1, 2)
    share.count()


def test_a_rename_onto_somebody_harms_nobody(bench, share):
    """An id that two people claim is left as it is and told; everybody else's news arrive."""
    many = share.number(of_all=9_999, otherwise=99)
    bench.sync(snapshot([*crowd(many), member("ann", "1"), member("bob", "1")]))
    before = {key: bench.state.members[key].userId for key in ("ann", "bob")}
    told = snapshot(
        [*(member(f"m{at:03}", "1", name="New") for at in range(many)), member("ann", "1"), member("bob", "1")]
    )
    targets = named(*(f"m{at:03}" for at in range(min(many, 200))), ann="bob")
    report = bench.events(lambda asked, *, progress: only(told, asked), targets)
    assert {key: bench.state.members[key].userId for key in ("ann", "bob")} == before
    assert report.counts["members"]["updated"] >= min(many, 200)
    report = bench.sync(told)
    assert {row.name for key, row in bench.state.members.items() if key.startswith("m")} == {"New"}
    assert {row.userId for row in bench.state.members.values()} == {user_id(CORP, key) for key in bench.state.members}
    share.count(2)

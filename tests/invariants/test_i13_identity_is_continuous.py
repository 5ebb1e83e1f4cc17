"""A person stays the same person through every change of id, and never becomes somebody of another enterprise."""

from __future__ import annotations

import itertools

import pytest

from jit_corps.edits import set_offline, set_pins, set_roles
from jit_corps.errors import SyncFailed
from jit_corps.explain_member import explain_member
from jit_corps.models import User
from jit_corps.rows import user_id
from tests.invariants.harness.world import World, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, crowd, member, named, only, snapshot

INJECTED = (
    "every order of a rename's event among other news; leaving and returning after a day and after a year; one"
    " userid in two enterprises; mail and mobile moved from one person to another, and swapped; ids that differ by"
    " case; a rename onto an id that somebody has, and two who swap theirs; one conflict among 10,000; all ids of an"
    " enterprise encrypted at once, after events as well, and when WeCom converts none or not all"
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
OPEN = ()


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


def decided_about(world: World) -> dict[str, tuple]:
    """Of three people something is decided here; what each is and has, by the name."""
    set_roles(world.bench.storage, CORP, "user01", ["admin"], strict=False)
    set_offline(world.bench.storage, CORP, ["user02"], offline=True)
    set_pins(world.bench.storage, CORP, "user03", {"position": "Ours"})
    return by_name(world)


def by_name(world: World) -> dict[str, tuple]:
    """Account, status, pins and roles of everybody."""
    state = world.bench.state
    return {
        str(row.name): (
            row.userId,
            row.status,
            row.reason,
            row.pinned,
            frozenset((one.roleId, one.origin) for one in state.grants if one.memberId == row.memberId),
            frozenset(dept for dept, memberId in state.memberships if memberId == row.memberId),
        )
        for row in state.members.values()
        if row.presence == "listed"
    }


@pytest.mark.parametrize("first", ["full", "events"])
@pytest.mark.parametrize("people", [30, 5])
def test_all_ids_become_encrypted_ones(make_world, share, first, people):
    """The upgrade of an enterprise: accounts, roles, decisions and places go along, and nobody has departed."""
    world: World = make_world(organisation(departments=4, people=people))
    world.sync()
    before = decided_about(world)
    world.wecom.set_app(world.corpId, open_ids=True)
    if first == "events":
        # Whoever WeCom tells of before the next full reading is here under the new id by then.
        world.events(
            world.org.update_member("user02", english_name="x"), world.org.update_member("user04", name="成员4")
        )
    report = world.sync()
    assert report.status == "ok"
    assert by_name(world) == before
    assert not [key for key, row in world.bench.state.members.items() if key.startswith("user")]
    assert explain_member(world.bench.storage, CORP, id_of(world, "成员1")).formerIds == ("user01",)
    assert world.sync().changes == 0
    share.count()


def id_of(world: World, name: str) -> str:
    """The member of that name."""
    [memberId] = [key for key, row in world.bench.state.members.items() if row.name == name]
    return memberId


def test_encrypted_ids_that_nobody_converts(make_world, share):
    """The conversion is refused or tells nothing: nobody is added and nobody goes, until it is told."""
    world: World = make_world(organisation(departments=4, people=20))
    world.sync()
    before = by_name(world)
    world.wecom.set_app(world.corpId, open_ids=True)
    for fault in ({"errcode": 48002}, {"rewrite": lambda told: {**told, "open_userid_list": []}}):
        world.wecom.faults.add("batch/*", **fault)
        assert isinstance(world.tried(), SyncFailed)
        assert "everybody-unknown" in world.last_run().cause
        assert by_name(world) == before
        world.wecom.faults.clear()
        share.count()
    assert world.sync().status == "ok"
    assert by_name(world) == before


def test_who_left_before_the_upgrade_is_not_taken_for_anybody(make_world, share):
    """Of those who are gone WeCom converts nothing: they stay who they were, and the others move."""
    world: World = make_world(organisation(departments=4, people=20))
    world.sync()
    world.org.remove_member("user05")
    world.sync()
    world.org.remove_member("user06")
    world.wecom.set_app(world.corpId, open_ids=True)
    assert world.sync().status == "ok"
    left = {key: row for key, row in world.bench.state.members.items() if row.presence == "absent"}
    assert set(left) == {"user05", "user06"}
    assert {row.userId for row in world.bench.state.members.values()} == {
        user_id(CORP, f"user{n:02}") for n in range(20)
    }
    share.count()


def test_a_person_known_by_the_id_that_is_theirs_now(bench, share):
    """Where the provider's own id was told before, no conversion is needed: it is the id now."""
    bench.sync(snapshot([member(f"p{at}", "1", openUserId=f"wo{at}") for at in range(12)]))
    set_roles(bench.storage, CORP, "p3", ["admin"], strict=False)
    report = bench.sync(snapshot([member(f"wo{at}", "1") for at in range(12)]))
    assert report.status == "ok"
    state = bench.state
    assert {key: row.userId for key, row in state.members.items()} == {
        f"wo{at}": user_id(CORP, f"p{at}") for at in range(12)
    }
    assert {(row.memberId, row.roleId) for row in state.grants} == {("wo3", "admin")}
    share.count()


def test_two_who_swap_their_ids_in_one_go(bench, share):
    """Both ids are still listed, so neither news can be told from a mistake: nobody gets the other's account."""
    bench.sync(snapshot([*crowd(5), member("ann", "1"), member("bob", "1")]))
    before = {key: row.userId for key, row in bench.state.members.items()}
    swapped = snapshot([*crowd(5), member("ann", "1", name="Bob"), member("bob", "1", name="Ann")])
    report = bench.events(swapped, named(ann="bob", bob="ann"))
    assert {key: row.userId for key, row in bench.state.members.items()} == before
    assert report.status in ("ok", "ok_with_conflicts")
    share.count()


def test_one_conflict_among_ten_thousand(bench, share):
    """Two people about whom something was decided claim one id: they are left as they are, with the reason told;
    everybody else's news arrive."""
    many = share.number(of_all=9_999, otherwise=199)
    bench.sync(snapshot([*crowd(many), member("ann", "1", openUserId="o1"), member("bob", "1")]))
    for who in ("ann", "bob"):
        set_roles(bench.storage, CORP, who, ["admin"], strict=False)
    before = {key: bench.state.members[key].userId for key in ("ann", "bob")}
    people = [member(f"m{at:03}", "1", name="New") for at in range(many)]
    report = bench.sync(snapshot([*people, member("bob", "1", openUserId="o1")]))
    assert report.status == "ok_with_conflicts"
    assert ["'ann'" in one and "'bob'" in one for one in report.conflicts] == [True]
    assert {key: bench.state.members[key].userId for key in ("ann", "bob")} == before
    assert sum(row.name == "New" for row in bench.state.members.values()) == many
    share.count()

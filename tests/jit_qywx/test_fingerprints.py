"""Lists that say what they said before need not be compared, and nothing is different for that."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jit_corps.differing import read_differing
from jit_corps.edits import release_pins, set_offline, set_pins, set_roles
from jit_corps.errors import SyncFailed
from jit_corps.fingerprints import KEPT_SECONDS, Digests, load
from jit_corps.models import CorpDeptMember, CorpMember
from jit_corps.plan import plan_parts_guarded
from jit_corps.recall import Recall
from jit_corps.snapshot import Inside
from jit_corps.state import read_parts
from jit_qywx.emulator import Org
from jit_qywx.emulator.product import EditError
from tests.invariants.conftest import make_world  # noqa: F401 - a fixture
from tests.invariants.harness.world import READING, World, organisation
from tests.jit_corps.conftest import Bench, bench, clock, open_bench, shop, shop_app  # noqa: F401 - fixtures

EVERYBODY = 10**9
numbers = itertools.count()


class Compared:
    """Plans that were made of those who differ, each held against the plan of everybody."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.differing: list[int] = []
        self.whole = 0
        #: Off where somebody wrote into the tables behind the history's back.
        self.checks = True
        # Rows are read ahead in portions that a small enterprise has, too.
        monkeypatch.setattr("jit_corps.recall.NEWS", 2)
        monkeypatch.setattr("jit_corps.sync.plan_parts_guarded", self._plan)
        self._beside = None
        from jit_corps.sync import Engine

        real = Engine.parts

        def parts(engine, snapshot, since):
            found = real(engine, snapshot, since)
            self._beside = read_parts(engine.storage, engine.corpFullName, snapshot, engine.title, since, EVERYBODY)
            return found

        monkeypatch.setattr(Engine, "parts", parts)

    def _plan(self, parts, *, approve, recent):
        plan = plan_parts_guarded(parts, approve=approve, recent=recent)
        if parts.total is None:
            self.whole += 1
            return plan
        self.differing.append(sum(len(part.state.members) for part in parts))
        if not self.checks:
            return plan
        everybody = plan_parts_guarded(self._beside, approve=approve, recent=recent)
        assert list(plan.changes()) == list(everybody.changes())
        assert (plan.header, plan.withheld, plan.incomplete) == (
            everybody.header,
            everybody.withheld,
            everybody.incomplete,
        )
        assert (plan.conflicts, plan.unapproved) == (everybody.conflicts, everybody.unapproved)
        return plan


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compared:
    return Compared(monkeypatch)


@pytest.fixture
def world(compared, make_world) -> World:  # noqa: F811 - the fixture
    """An enterprise that was read twice: what its lists said is known."""
    world = make_world(organisation(departments=8, people=24, tags=4))
    world.sync()
    compared.whole = 0
    return world


EDITS = (
    "name",
    "position",
    "move",
    "second place",
    "quit",
    "remove",
    "add",
    "rename",
    "disable",
    "tag",
    "untag",
    "tag department",
    "new tag",
    "remove tag",
    "new department",
    "move department",
    "remove department",
    "rename department",
)
DECISIONS = ("offline", "online", "pin", "unpin", "role")
steps = st.lists(
    st.tuples(st.sampled_from((*EDITS, *EDITS, *DECISIONS, "range", "events", "sync")), st.integers(0, 10**6)),
    min_size=1,
    max_size=12,
)


def edit(org: Org, what: str, draw: random.Random) -> object:
    """Something that an administrator does."""
    userids = [one.userid for one in org.members.values() if not one.gone]
    who, dept, tag = draw.choice(userids), draw.choice(list(org.departments)), draw.choice([*org.tags, None])
    number = draw.randrange(10**6)
    if what in ("tag", "untag", "tag department", "remove tag") and tag is None:
        return None
    match what:
        case "name":
            return org.update_member(who, name=f"名{number}")
        case "position":
            return org.update_member(who, position=f"岗{number}")
        case "move":
            return org.move_member(who, [dept])
        case "second place":
            return org.move_member(who, sorted({dept, draw.choice(list(org.departments))}))
        case "quit":
            return org.quit_member(who)
        case "remove":
            return org.remove_member(who)
        case "add":
            return org.add_member(f"new{number}", f"新{number}", departments=[dept])
        case "rename":
            return org.rename_member(who, f"renamed{number}")
        case "disable":
            return org.disable_member(who)
        case "tag":
            return org.tag(tag, add_users=(who,))
        case "untag":
            return org.tag(tag, remove_users=(who,))
        case "tag department":
            return org.tag(tag, add_departments=(dept,))
        case "new tag":
            return org.add_tag(f"标{number}", users=(who,))
        case "remove tag":
            return org.remove_tag(tag)
        case "new department":
            return org.add_department(f"部{number}", dept)
        case "move department":
            # Nobody can move the root.
            return None if dept == 1 else org.move_department(dept, draw.choice(list(org.departments)))
        case "remove department":
            return None if dept == 1 else org.remove_department(dept)
        case "rename department":
            return org.update_department(dept, name=f"改{number}")
    raise AssertionError(what)


def decide(world: World, what: str, draw: random.Random) -> None:
    """Something that a person decides here."""
    storage, name = world.bench.storage, world.bench.engine.corpFullName
    who = draw.choice(sorted(world.bench.state.members))
    if what in ("offline", "online"):
        set_offline(storage, name, [who], offline=what == "offline")
    elif what == "pin":
        set_pins(storage, name, who, {"name": "pinned"})
    elif what == "unpin":
        release_pins(storage, name, who, None)
    else:
        set_roles(storage, name, who, draw.sample(["boss", "clerk"], draw.randrange(3)), strict=False)


def give_range(world: World, draw: random.Random) -> None:
    """Let the app see everything, or some departments and some of those who are in others."""
    departments = [1] if draw.random() < 0.4 else draw.sample(list(world.org.departments), draw.randrange(1, 4))
    users = [one.userid for one in world.org.members.values() if not one.gone]
    tags = draw.sample(list(world.org.tags), draw.randrange(min(2, len(world.org.tags) + 1)))
    world.wecom.set_visible_range(world.corpId, departments, draw.sample(users, min(2, len(users))), tags)


@pytest.mark.every_database
@settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=steps)
@example(story=[("name", 1), ("sync", 0), ("move", 2), ("tag", 3), ("quit", 4), ("add", 5), ("rename", 6)])
def test_a_plan_of_those_who_differ_is_the_plan_of_everybody(compared, make_world, bench, story):  # noqa: F811
    """Whatever changes upstream and here and in what the app may see, with events that arrive, are late or are lost."""
    corpId = f"wwshop{next(numbers)}"
    mine = Bench(bench.storage, bench.clock, f"corps.{corpId}")
    mine.engine = replace(mine.engine, corpId=corpId)
    world = make_world(organisation(departments=8, people=24, tags=4), bench=mine, corpId=corpId)
    world.sync()
    changes: list[object] = []
    for what, number in [*story, ("sync", 0), ("sync", 0)]:
        draw = random.Random(number)
        if what == "sync":
            world.bench.clock.pass_(20_000 if number % 5 == 0 else 1)
            result = world.tried()
            # A run fails for whatever is raised in it, be it by this test.
            assert not isinstance(getattr(result, "__cause__", None), AssertionError), result.__cause__
        elif what == "events":
            sent = [one for one in changes if one is not None and draw.random() < 0.7]
            changes.clear()
            if sent:
                world.events(*sent)
        elif what in DECISIONS:
            decide(world, what, draw)
        elif what == "range":
            give_range(world, draw)
        else:
            try:
                changes.append(edit(world.org, what, draw))
            except EditError:
                continue


@pytest.mark.every_database
def test_who_is_told_as_before_is_not_read(compared, world):
    """A run that finds nothing changed reads nobody's row, and one edit the row of whom it concerns."""
    world.sync()
    assert compared.differing == [0]
    world.org.update_member("user05", name="新名")
    world.org.tag(2, add_users=("user07",))
    report = world.sync()
    assert compared.differing == [0, 2]
    assert report.changes == 2
    assert world.sync().changes == 0
    assert compared.differing == [0, 2, 0]


def test_of_a_list_that_changed_only_the_rest_is_read(world):
    """One member has another name, one left and one came: their records are read and their rows, nobody else's."""
    world.org.move_member("user07", [2])
    for userid in ("user05", "user06"):
        world.org.move_member(userid, [3])
    world.sync()
    world.org.update_member("user05", name="新名")
    world.org.move_member("user06", [2])
    world.org.add_member("new", "新人", departments=(3,))
    told = world.fetch(world.bench.engine.known())
    assert told.repeats is not None
    assert sorted(record.memberId for record in told.repeats.others) == ["new", "user05", "user06"]
    assert told.repeats.differing == {"2": set(), "3": {"user05", "user06"}}
    assert {row[0] for row in told.repeats.inside.members} == {"user05", "user06"}
    assert told.repeats.inside.departments == frozenset()
    assert len(told.members) > 24


def test_who_is_missing_from_a_list_that_repeats_the_others_is_noticed(compared, world):
    """One left the enterprise, one the department: no list says anything new, and two say less."""
    for userid in ("user05", "user06", "user07"):
        world.org.move_member(userid, [3, 4] if userid == "user06" else [3])
    world.sync()
    whole = compared.whole
    world.org.remove_member("user05")
    world.org.move_member("user06", [4])
    report = world.sync()
    assert compared.whole == whole
    assert (report.counts["members"]["removed"], report.counts["memberships"]["removed"]) == (1, 2)
    assert world.bench.state.members["user05"].upstreamReason == "absent"


def test_an_error_beside_a_part_of_a_list_is_an_error(world):
    """All who are listed are listed in the words of before; that does not make it a good answer."""
    before = world.content()
    world.wecom.faults.add(
        "user/list",
        rewrite=lambda told: {**told, "errcode": 60011, "errmsg": "no privilege", "userlist": told["userlist"][1:]},
    )
    with pytest.raises(SyncFailed, match="60011"):
        world.sync()
    assert world.content() == before


def test_no_more_rows_are_read_than_may_be_held(compared, world, monkeypatch):
    """Every list says something else, or nothing: of a million members that are not read beside each other."""
    storage, engine = world.bench.storage, world.bench.engine
    for number in range(24):
        world.org.update_member(f"user{number:02}", position="新职")
    with monkeypatch.context() as patch:
        patch.setattr("jit_corps.recall.MOST_INSIDE", 5)
        told = world.fetch(engine.known())
        assert len(told.repeats.inside.members) <= 5
    # Nobody is listed in any department but the last.
    left = replace(told.repeats, departments=frozenset({"8"}), others=(), inside=Inside())
    gone = replace(told, members=(), repeats=left)
    with storage.counting() as statements, storage.reading():
        assert read_differing(storage, engine.corpFullName, gone, "", world.bench.clock(), 10) is None
    assert not [one.sql for one in statements.statements if "corp_member" in one.sql]


def test_of_very_many_members_only_whole_lists_are_known_again(world, monkeypatch):
    """Their marks would be more than a database takes at once; what is stored stays as it is when nothing changed."""
    monkeypatch.setattr("jit_corps.recall.MOST_MARKS", 10)
    storage, name = world.bench.storage, world.bench.engine.corpFullName
    world.org.update_member("user05", name="新名")
    world.sync()
    stored = load(storage, name)
    assert stored is not None
    assert {one.marks for one in stored[1].departments.values()} == {""}
    with storage.counting() as statements:
        assert world.sync().changes == 0
    assert not [one for one in statements.statements if "corp_fingerprint" in one.sql and one.kind == "write"]
    world.org.update_member("user05", name="旧名")
    assert world.sync().counts["members"]["updated"] == 1


def test_nothing_is_written_when_nothing_changed(world):
    """What the lists said is stored already."""
    world.sync()
    with world.bench.storage.counting() as statements:
        world.sync()
    assert not [one for one in statements.statements if "corp_fingerprint" in one.sql and one.kind == "write"]


def test_whoever_an_event_or_a_person_touched_is_compared(compared, world):
    """WeCom's list says what it said, and what is kept here says something else by now."""
    told = world.org.update_member("user05", name="新名")
    world.events(told)
    # The event is taken back upstream, and its callback is lost.
    world.org.update_member("user05", name="成员5")
    report = world.sync()
    assert report.counts["members"]["updated"] == 1
    assert world.bench.state.members["user05"].name == "成员5"
    assert compared.differing[-1] >= 1


@pytest.mark.parametrize("moment", [4, 8, 12, 14])
def test_who_is_touched_while_lists_are_read_is_read_again(compared, world, moment):
    """Rows are read ahead; what an event or a person changes after that counts."""
    storage, name = world.bench.storage, world.bench.engine.corpFullName
    for number in (1, 2, 3):
        world.org.update_member(f"user{number:02}", name=f"新名{number}")
    change = world.org.update_member("user09", position="新职")

    def meanwhile() -> None:
        world.events(change)
        set_pins(storage, name, "user01", {"name": "pinned"})
        set_offline(storage, name, ["user02"], offline=True)

    world.wecom.at_call(moment, meanwhile, path=READING)
    world.sync()
    members = world.bench.state.members
    assert (members["user01"].name, members["user02"].status, members["user09"].position) == ("pinned", 2, "新职")
    assert members["user03"].name == "新名3"
    assert len(compared.differing) == 1
    assert world.sync().changes == 0


def test_after_a_day_everybody_is_compared(compared, world):
    """What somebody wrote into the tables by hand is put right then."""
    compared.checks = False
    storage = world.bench.storage
    member = storage.models[CorpMember]
    member.update(name="wrong").where(member.memberId == "user05").execute()
    assert world.sync().changes == 0
    world.bench.clock.pass_(KEPT_SECONDS)
    assert world.sync().changes == 1
    assert compared.whole == 1
    assert world.bench.state.members["user05"].name == "成员5"
    world.sync()
    assert compared.whole == 1


def test_a_place_that_somebody_deleted_by_hand_is_put_back(compared, world):
    """As many members have to be here as were told, also of somebody who is in another department as well."""
    world.org.move_member("user05", [3, 4])
    world.sync()
    place = world.bench.storage.models[CorpDeptMember]
    place.delete().where(place.memberId == "user05", place.deptId == "3").execute()
    assert world.sync().counts["memberships"]["added"] == 1


def test_another_visible_range_makes_everybody_compared(compared, world):
    """What a text says depends on what the app may see."""
    world.wecom.set_visible_range(world.corpId, (2,))
    world.sync()
    assert compared.whole == 1


def test_what_a_changed_range_left_for_later_is_not_forgotten(compared, world):
    """Absence says nothing in the run that finds another range. A department moved meanwhile: the roles go after it."""
    world.org.move_department(8, 3)
    world.wecom.set_visible_range(world.corpId, (1,), ("user05",))
    assert world.sync().counts["grants"]["removed"] == 0
    report = world.sync()
    assert (report.status, report.counts["grants"]["removed"]) == ("ok", 3)
    assert compared.whole == 2
    assert world.sync().changes == 0
    assert compared.differing == [0]


def test_another_right_makes_the_same_text_say_something_else(make_world):  # noqa: F811
    """A name that repeats the id says nothing until the app may see names; then somebody is called so."""
    org = Org(root="总部")
    for number in range(4):
        org.add_member(f"user{number}", f"user{number}", departments=(1,))
    world = make_world(org, permissions=[], hidden_names="id")
    world.sync()
    world.sync()
    assert {row.name for row in world.bench.state.members.values()} == {None}
    world.wecom.set_permissions(world.corpId, ["contact:sensitive:user_name"])
    world.sync()
    assert {row.name for row in world.bench.state.members.values()} == {f"user{number}" for number in range(4)}


def test_a_reading_that_begins_anew_believes_nothing_of_before(world):
    """When its first calls turned out to be another enterprise's, what the app may see may differ the second time."""
    recall = Recall(world.bench.storage, world.bench.engine.corpFullName, world.bench.clock, world.suite.digests)
    stored = load(world.bench.storage, world.bench.engine.corpFullName)
    assert stored is not None
    recall.begin(stored[1].version)
    assert recall.said("1") == stored[1].departments["1"]
    recall.begin("of another range")
    assert recall.said("1") is None
    assert recall.populated == {}


def test_another_key_makes_everybody_compared(compared, world):
    """Nobody can try telephone numbers by digests without the key; with another one no list is known again."""
    world.org.update_member("user05", mobile="13800138000")
    world.sync()
    name = world.bench.engine.corpFullName
    _, before = load(world.bench.storage, name)
    compared.whole = 0
    world.suite.digests = Digests(b"another key")
    assert world.sync().changes == 0
    assert compared.whole == 1
    _, after = load(world.bench.storage, name)
    for old, new in ((before.departments, after.departments), (before.roles, after.roles)):
        assert old.keys() == new.keys()
        assert old.items().isdisjoint(new.items())
    assert not any(old.each & after.departments[one].each for one, old in before.departments.items())
    assert world.sync().changes == 0
    assert compared.whole == 1


def test_what_was_not_published_whole_is_not_believed(world):
    """A run that withheld something, or could not confirm somebody, keeps no fingerprints."""
    storage, name = world.bench.storage, world.bench.engine.corpFullName
    before = load(storage, name)
    for userid in [f"user{number:02}" for number in range(10, 20)]:
        world.org.remove_member(userid)
    report = world.sync()
    assert report.status == "guarded"
    assert load(storage, name) == before
    assert world.sync(approve=10).status == "ok"
    assert load(storage, name) != before


@pytest.mark.parametrize("how", ["full", "event"])
@pytest.mark.parametrize("what", ["department", "role"])
def test_roles_that_wait_for_approval_wait_until_they_have_it(world, what, how):
    """A department moved, or a tag stands for another one: no list says so, and what was held back is not forgotten."""
    if what == "department":
        change = world.org.move_department(4, 3)
    else:
        change = world.org.tag(1, add_departments=(5,), remove_departments=(2,))
    if how == "event":
        assert world.events(change).status == "guarded"
    for _ in range(3):
        report = world.sync()
        assert report.status == "guarded"
        [withheld] = report.withheld
    report = world.sync(approve=withheld.count)
    assert (report.status, report.counts["grants"]["removed"]) == ("ok", withheld.count)
    assert world.sync().changes == 0


def test_what_another_corps_lists_said_says_nothing_of_this_one(compared, world, open_bench):  # noqa: F811
    """A reading for one element that is published by another is compared whole."""
    other = open_bench("corps.Other")
    told = world.fetch(world.bench.engine.known())
    assert told.repeats is not None
    other.sync(told)
    other.sync(replace(told, calls=1))
    assert compared.whole == 2
    assert len(other.state.members) == 24


def test_an_enterprise_too_large_for_memory_keeps_its_lists_enciphered(compared, world, monkeypatch):
    """What WeCom sent holds telephone numbers, and lies in a file; who differs is found all the same."""
    monkeypatch.setattr("jit_qywx.reading.HELD", 5)
    written: list[bytes] = []
    from jit_corps.spool import SpoolFile

    real = SpoolFile.write
    monkeypatch.setattr(SpoolFile, "write", lambda self, data: written.append(data) or real(self, data))
    for number in range(24):
        world.org.update_member(f"user{number:02}", mobile=f"1380013{number:04}")
    world.sync()
    written.clear()
    world.org.update_member("user05", name="新名")
    assert world.sync().changes == 1
    assert compared.differing[-1] == 1
    assert written
    assert not any(b"1380013" in data for data in written)

"""However callbacks fare on their way, the organisation ends as WeCom has it; what was lost, one full reading heals."""

from __future__ import annotations

import itertools
import random

import pytest

from jit_qywx.emulator.product import EditError
from tests.invariants.harness.world import World, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.oracle import seen_by

INJECTED = (
    "420 orders of six callbacks that hang on one another (update before create, tag before member, child before"
    " parent), one by one, in pairs and three times each; random edits with callbacks shuffled, tripled and"
    " dropped; fields told one at a time"
)
ALSO = (
    "tests/jit_qywx/test_convergence.py::test_events_alone_converge",
    "tests/jit_qywx/test_convergence.py::test_one_full_sync_heals_what_was_lost",
    "tests/jit_qywx/test_convergence.py::test_a_part_of_an_enterprise_converges",
    "tests/jit_qywx/test_convergence.py::test_callbacks_through_the_journal_converge",
    "tests/jit_qywx/test_convergence.py::test_a_failed_reading_changes_nothing",
    "tests/jit_corps/test_one_story.py::test_events_in_any_order_beside_old_full_readings",
    "tests/jit_corps/test_one_story.py::test_events_one_after_another_need_no_full_reading",
    "tests/jit_corps/test_one_story.py::test_a_full_reading_comes_to_the_same",
    "tests/jit_corps/test_one_story.py::test_dropped_events_are_healed_by_one_full_reading",
    "tests/jit_qywx/test_journal.py::test_a_repeat_reopens_a_contact_event_only",
)
OPEN = ()

numbers = itertools.count()


@pytest.fixture
def world(make_world, monkeypatch) -> World:
    """A handful of members, whom no guard stands before: what it holds back is I3's business."""
    monkeypatch.setattr("jit_corps.guard.FLOOR", 10_000)
    monkeypatch.setattr("jit_corps.guard.NEVER_EMPTY", frozenset())
    world = make_world(organisation(departments=4, people=8, tags=2))
    world.sync()
    return world


def newcomer(world: World) -> Bench:
    """A corp element of its own that has read everything once, now."""
    other = Bench(world.bench.storage, world.bench.clock, f"corps.New{next(numbers)}")
    other.sync(world.fetch())
    return other


def comparable(bench: Bench) -> object:
    """The organisation of those who are there: a newcomer never saw the others."""
    model = seen_by(bench.state)
    gone = {key for key, one in model.people.items() if one["presence"] in ("absent", "unconfirmed")}
    model.people = {key: one for key, one in model.people.items() if key not in gone}
    model.places = {key: one for key, one in model.places.items() if key[1] not in gone}
    model.grants = {one for one in model.grants if one[1] not in gone}
    return model


@pytest.mark.parametrize("how", ["one by one", "in pairs", "three times each"])
def test_six_callbacks_in_every_order(world: World, share, how):
    """Nothing but these events, and nothing is missing, whichever comes first."""
    start = world.fetch()
    org = world.org
    parent = org.add_department("上级", 1, department_id=50)
    news = [
        parent,
        org.add_department("下级", 50, department_id=51),
        org.add_member("newcomer", "新人", departments=(51,)),
        org.update_member("newcomer", position="工程师"),
        org.tag(2, add_users=("newcomer",), add_departments=(50,)),
        org.remove_member("user05"),
    ]
    yardstick = comparable(newcomer(world))
    # A third of all orders one by one; fewer where each takes longer.
    orders = list(itertools.permutations(range(6)))[:: {"one by one": 3, "in pairs": 5}.get(how, 20)]
    for order in share.of(orders, most=3):
        mine = Bench(world.bench.storage, world.bench.clock, f"corps.Order{next(numbers)}")
        mine.sync(start)
        world.bench = mine
        sent = [news[at] for at in order]
        if how == "in pairs":
            for at in range(0, 6, 2):
                world.events(*sent[at : at + 2])
        else:
            for one in sent if how == "one by one" else [*sent, *reversed(sent), *sent]:
                world.events(one)
        assert comparable(mine) == yardstick, order


def test_fields_told_one_at_a_time(world: World, share):
    """An event of one field changes that field of that member, and no other row."""
    for name, value in share.of(
        [("name", "新名"), ("position", "新职"), ("gender", "2"), ("alias", "别名"), ("status", 2), ("status", 1)],
        most=6,
    ):
        before = world.bench.state
        world.events(world.org.update_member("user03", **{name: value}))
        after = world.bench.state
        changed = {key for key, row in after.members.items() if row != before.members[key]}
        assert changed <= {"user03"}, name
        assert (after.departments, after.memberships, after.roles) == (
            before.departments,
            before.memberships,
            before.roles,
        )
        fields = {
            one
            for one, old, new in zip(
                before.members["user03"]._fields, before.members["user03"], after.members["user03"], strict=True
            )
            if old != new
        }
        assert len(fields - {"status", "reason", "upstreamReason"}) <= 1, (name, fields)


EDITS = ("add", "move", "rename", "update", "remove", "department", "tag", "untag")


def edit(world: World, what: str, one: int, other: int, serial: int):
    """Something an administrator does; None when WeCom would refuse it."""
    org = world.org
    people, depts = sorted(key for key, row in org.members.items() if not row.gone), sorted(org.departments)
    who, dept = people[one % len(people)], depts[other % len(depts)]
    does = {
        "add": lambda: org.add_member(f"n{serial}", "新", departments=(dept,)),
        "move": lambda: org.move_member(who, (dept,)),
        "rename": lambda: org.rename_member(who, f"r{serial}"),
        "update": lambda: org.update_member(who, name=f"名{other}"),
        "remove": lambda: org.remove_member(who) if len(people) > 2 else None,
        "department": lambda: org.add_department(f"部{serial}", dept),
        "tag": lambda: org.tag(1, add_users=(who,)),
        "untag": lambda: org.tag(1, remove_users=(who,)),
    }
    try:
        return does[what]()
    except (EditError, LookupError):
        return None


def test_random_edits_with_bad_delivery(world: World, share):
    """Without drops events alone suffice; with drops one full reading makes up for them."""
    for seed in share.of(range(60), most=3):
        chance = random.Random(seed)
        waiting = []
        for serial in range(12):
            change = edit(world, chance.choice(EDITS), chance.randint(0, 9), chance.randint(0, 9), seed * 100 + serial)
            if change is not None and chance.random() > (0.3 if seed % 2 else 0.0):
                waiting += [change] * chance.choice((1, 1, 3))
            if chance.random() < 0.3 and waiting:
                chance.shuffle(waiting)
                world.events(*[waiting.pop() for _ in range(chance.randint(1, len(waiting)))])
        chance.shuffle(waiting)
        while waiting:
            world.events(*[waiting.pop() for _ in range(chance.randint(1, len(waiting)))])
        if seed % 2:
            world.sync()
        assert comparable(world.bench) == comparable(newcomer(world)), seed
        world.sync()

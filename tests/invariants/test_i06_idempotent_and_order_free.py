"""The same organisation told twice writes nothing the second time, in whatever order its lists come."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.models import ChangeRecord, CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, CorpState
from jit_corps.rows import user_id
from tests.invariants.harness.world import content, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.oracle import Model, seen_by
from tests.jit_corps.scripted import depts, member, snapshot
from tests.jit_corps.strategies import complete_snapshots

INJECTED = (
    "the same upstream again; every list and all JSON keys shuffled; a person in five departments, listed five"
    " times; random organisations told twice, shuffled and with records repeated"
)
ALSO = (
    "tests/jit_corps/test_plan.py::test_the_same_again_changes_nothing",
    "tests/jit_corps/test_merging.py::test_contradicting_listings_are_settled_by_value",
    "tests/jit_qywx/test_reading.py::test_order_of_lists_does_not_matter",
    "tests/jit_qywx/test_convergence.py::test_an_event_about_nothing_new_writes_nothing",
)
OPEN = ()

DOMAIN = (CorpDept, CorpMember, CorpDeptMember, CorpRole, CorpRoleMember, CorpState, ChangeRecord)
numbers = itertools.count()


def tables(bench: Bench) -> list[list[tuple]]:
    """Every row of the domain tables, all columns."""
    return [sorted(bench.storage.select_tuples(bench.storage.models[one].select()), key=repr) for one in DOMAIN]


def domain_writes(count) -> list[str]:
    """Statements that wrote a domain table."""
    names = tuple(f'"{one._meta.table_name}"' for one in DOMAIN)
    return [one.sql for one in count.statements if one.kind == "write" and any(name in one.sql for name in names)]


@pytest.mark.every_database
def test_a_second_run_writes_nothing(make_world, share):
    """No INSERT, UPDATE or DELETE on any table of the organisation, and the answers came in another order each time."""
    org = organisation(departments=8, people=40, tags=4)
    org.add_member("everywhere", "五处", departments=(2, 3, 4, 5, 6))
    world = make_world(org)
    world.sync()
    before = tables(world.bench)
    for seed in share.of([None, *range(100)], most=8):
        world.wecom.shuffle(seed)
        with world.bench.storage.counting() as count:
            report = world.sync()
        assert (report.status, report.changes) == ("ok", 0), seed
        # The row of CorpState is locked by an INSERT that inserts nothing, before there is one.
        assert domain_writes(count) == [], seed
        assert tables(world.bench) == before, seed


@pytest.mark.every_database
def test_every_order_makes_the_same_organisation(make_world, share):
    """First readings in different orders are equal, row by row."""
    world = make_world(organisation(departments=8, people=40, tags=4))
    world.sync()
    first = world.content()
    for seed in share.of(range(50), most=4):
        world.wecom.shuffle(seed)
        told = world.fetch()
        other = Bench(world.bench.storage, world.bench.clock, f"corps.Shuffled{next(numbers)}")
        other.sync(told)
        assert without_accounts(other) == without_accounts(world.bench), seed
    assert world.content() == first


def without_accounts(bench: Bench) -> tuple:
    """An organisation; accounts are those of its element."""
    header, depts, members, *rest = content(bench)
    name = bench.engine.corpFullName
    assert all(row.userId == user_id(name, key) for key, row in members.items())
    return (header, depts, {key: row._replace(userId="") for key, row in members.items()}, *rest)


def test_somebody_told_five_times_is_one_person(bench, share):
    """Once for each department, as WeCom lists them, in every order: one person in five places."""
    places = ("1", "2", "3", "4", "5")
    tree = depts(d1=None, d2="1", d3="1", d4="1", d5="1")
    bench.sync(snapshot([member("ann", *places)], departments=tree))
    for order in share.of(itertools.permutations(places), most=6):
        report = bench.sync(snapshot([member("ann", place) for place in order], departments=tree))
        assert (report.status, report.changes) == ("ok", 0), order


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=complete_snapshots, seed=st.integers(0, 2**32))
def test_any_organisation_told_twice_in_any_order(bench, share, told, seed):
    """Random organisations, shuffled, some records told again: the second run changes nothing, as the model says."""
    chance = random.Random(seed)

    def mixed(records: tuple) -> tuple:
        again = [*records, *chance.sample(records, chance.randint(0, len(records)))]
        chance.shuffle(again)
        return tuple(again)

    mine = Bench(bench.storage, bench.clock, f"corps.Random{next(numbers)}")
    mine.sync(told)
    generation = mine.state.generation
    again = replace(
        told,
        departments=mixed(told.departments),
        members=mixed(told.members),
        roles=mixed(told.roles),
        grants=mixed(told.grants),
    )
    report = mine.sync(again)
    assert (report.changes, mine.state.generation) == (0, generation)
    model = Model()
    model.sync(told)
    assert seen_by(mine.state) == model
    share.count()

"""Whatever departments WeCom tells, they become a tree that ends, holds everybody, and is the same every time.

Paths are not stored: ancestors are followed when they are asked for, so there is nothing beside the tree to be wrong.
"""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.rows import LOCAL_ROOT
from jit_corps.snapshot import DeptRecord
from tests.invariants.harness.world import READING, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import crowd, member, snapshot

INJECTED = (
    "child before parent, parent outside, self-parent, cycles of 2 and 50, depth 1,000, two roots, duplicate ids,"
    " swapped parent and child, a subtree of 5,000 moved, deleted and made again under one name, 30,000 children,"
    " order 2³²−1, names empty, long and emoji; random graphs; a department that vanishes at every call (60003)"
)
ALSO = (
    "tests/jit_qywx/test_reading.py::test_department_that_vanishes_costs_one_more_listing",
    "tests/jit_qywx/test_reading.py::test_departments_that_keep_vanishing_are_an_error",
    "tests/jit_qywx/test_reading.py::test_cyclic_departments_are_read",
    "tests/jit_corps/test_cli.py::test_org_draws_a_very_deep_tree",
    "tests/jit_corps/test_plan.py::test_a_parent_and_its_child_may_swap_places",
)
OPEN = ()

numbers = itertools.count()


def chain(length: int) -> dict[str, str | None]:
    return {str(one): str(one - 1) if one > 1 else None for one in range(1, length + 1)}


#: Each a graph: department → parent.
GRAPHS = {
    "child before parent": {"3": "2", "2": "1", "1": None},
    "parent outside": {"1": None, "2": "99", "3": "2"},
    "self-parent": {"1": None, "2": "2", "3": "2"},
    "cycle of 2": {"1": None, "2": "3", "3": "2", "4": "2"},
    "cycle of 50": {"1": None, **{str(2 + at): str(2 + (at + 1) % 50) for at in range(50)}},
    "depth 1,000": chain(1000),
    "two roots": {"1": None, "2": None, "3": "2"},
    "no root": {"2": "9", "3": "9"},
    "everything is a cycle": {"1": "2", "2": "1"},
}


def told(graph: dict[str, str | None], people: bool = True, **more):
    """A snapshot: one person in each department."""
    depts = tuple(DeptRecord(key, f"Dept {key}", parent) for key, parent in graph.items())
    return snapshot([member(f"p{key}", key) for key in graph] if people else crowd(1), departments=depts, **more)


def check(state, graph: dict[str, str | None]) -> None:
    """Every department is there once, leads up to the one root, and everybody is where they were told to be."""
    rows = state.departments
    assert set(graph) <= set(rows) <= {*graph, LOCAL_ROOT}
    root = state.header.rootDeptId
    assert rows[root].parentId is None
    safe = {root}
    for deptId in rows:
        way = []
        while deptId not in safe:
            way.append(deptId)
            assert deptId not in way[:-1], "a circle"
            deptId = rows[deptId].parentId
        safe.update(way)
    for key, parent in graph.items():
        if parent in graph and parent != key and rows[key].placement == "told":
            assert rows[key].parentId == parent
        assert rows[key].upstreamParentId == parent
    assert {(f"p{key}", key) for key in graph} == {(row.memberId, row.deptId) for row in state.memberships.values()}
    assert {row.status for row in state.members.values()} == {1}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_becomes_a_tree(open_bench, share, name):
    """From nothing, from another tree, shuffled, and back; and what had to be cut is marked."""
    graph = GRAPHS[name]
    bench = open_bench(f"corps.Graph{next(numbers)}")
    bench.sync(told(graph))
    check(bench.state, graph)
    first = bench.state.departments
    mixed = list(graph.items())
    random.Random(name).shuffle(mixed)
    assert bench.sync(told(dict(mixed))).changes == 0
    circular = "cycle" in name or name == "self-parent"
    assert circular == any(row.placement == "cycle" for row in first.values()), {r.placement for r in first.values()}
    plain = {key: None if key == "1" else "1" for key in graph}
    bench.sync(told(plain))
    check(bench.state, plain)
    bench.sync(told(graph))
    check(bench.state, graph)
    assert bench.state.departments == first
    share.count(4)


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graphs=st.lists(
        st.dictionaries(st.integers(1, 12).map(str), st.none() | st.integers(1, 14).map(str), min_size=1, max_size=12),
        min_size=1,
        max_size=3,
    )
)
def test_any_graph_after_any_other(bench, share, graphs):
    """Random graphs published over one another, guard or no guard: always a tree, always with everybody in it."""
    mine = Bench(bench.storage, bench.clock, f"corps.Any{next(numbers)}")
    for graph in graphs:
        mine.sync(told(graph), approve=1000)
        state = mine.state
        seen = {key: one for key, one in state.departments.items() if key != LOCAL_ROOT}
        assert set(seen) == set(graph)
        listed = {row.memberId for row in state.members.values() if row.presence == "listed"}
        assert listed == {f"p{key}" for key in graph}
        for start in seen:
            at, steps = start, 0
            while at is not None:
                at, steps = state.departments[at].parentId, steps + 1
                assert steps <= len(state.departments)
        share.count()


def test_a_large_subtree_moves(bench, share):
    """One department with thousands below it: one row changes, everything below comes along."""
    size = share.number(of_all=5000, otherwise=500)
    graph = {"1": None, "2": "1", "3": "1", **{str(10 + at): str(2 if at < 20 else 10 + at // 2) for at in range(size)}}
    bench.sync(told(graph, people=False))
    report = bench.sync(told({**graph, "2": "3"}, people=False))
    assert report.counts["departments"]["updated"] == 1
    assert report.changes == 1
    share.count()


def test_very_many_children(bench, share):
    """Thousands under one department, read and shown in their order."""
    size = share.number(of_all=30_000, otherwise=3_000)
    graph = {"1": None, **{str(10 + at): "1" for at in range(size)}}
    assert bench.sync(told(graph, people=False)).counts["departments"]["added"] == size + 1
    assert bench.sync(told(graph, people=False)).changes == 0
    share.count(2)


@pytest.mark.parametrize("name", ["", "x" * 32, "x" * 500, "👩‍👩‍👧‍👦 研发\u202e部", "a'b\"c\\d%s;--", "\x01"])
def test_any_name_and_the_largest_order(bench, share, name):
    """Kept as told, and a name that is empty clears none."""
    first = [DeptRecord("1", "root", None), DeptRecord("2", "before", "1", 5)]
    bench.sync(snapshot(crowd(1), departments=first))
    second = [first[0], DeptRecord("2", name, "1", 2**32 - 1)]
    bench.sync(snapshot(crowd(1), departments=second))
    row = bench.state.departments["2"]
    assert (row.name, row.order) == (name or "before", 2**32 - 1)
    share.count()


def test_duplicates_and_a_namesake(bench, share):
    """An id told twice is one department; one that is deleted and made anew under its name is another."""
    bench.sync(told({"1": None, "2": "1"}))
    two = DeptRecord("2", "Dept 2", "1")
    doubled = snapshot([member("p1", "1"), member("p2", "2")], departments=[DeptRecord("1", "Dept 1", None), two, two])
    assert bench.sync(doubled).changes == 0
    anew = [DeptRecord("1", "Dept 1", None), DeptRecord("3", "Dept 2", "1")]
    bench.sync(snapshot([member("p1", "1"), member("p2", "3")], departments=anew))
    assert set(bench.state.departments) == {"1", "3"}
    assert [key for key in bench.state.memberships if key[1] == "p2"] == [("3", "p2")]
    share.count(2)


def test_a_department_that_vanishes_at_any_call(make_world, share):
    """60003 costs one more listing, hides nobody, and does not keep anybody from being taken offline later."""
    world = make_world(organisation(departments=8, people=24))
    world.sync()
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=4):
        # What one a day takes with it is never too much.
        world.bench.clock.pass_(86_400)
        made = world.org.add_department(f"短命{call}", 1)
        leaver = f"leaver{call}"
        world.org.add_member(leaver, "走人", departments=(2,))
        world.sync()
        assert world.bench.state.members[leaver].status == 1
        world.org.remove_member(leaver)
        world.wecom.at_call(call, lambda made=made: world.org.remove_department(int(made.id)), path=READING)
        report = world.sync()
        assert report.counts["members"]["removed"] == 1, call
        assert world.bench.state.members[leaver].status == 2, call
        world.sync()
        assert made.id not in world.bench.state.departments, call
        assert str(made.id) not in world.bench.state.departments, call
        assert world.sync().changes == 0, call

"""Any graph of departments becomes a correct forest."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_corps.tree import CYCLE, DETACHED, TOLD, Branch, arrange, id_key

ids = st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "10", "x"])
branches = st.lists(st.builds(Branch, ids, st.none() | ids | st.just("99"), st.integers(0, 3)), max_size=12)


def test_parents_come_before_children_in_any_input_order():
    """A child listed before its parent stands under it all the same."""
    told = [Branch("3", "2"), Branch("2", "1"), Branch("1", None)]
    for order in itertools.permutations(told):
        assert [(place.deptId, place.parentId, place.depth) for place in arrange(order)] == [
            ("1", None, 0),
            ("2", "1", 1),
            ("3", "2", 2),
        ]


def test_siblings_stand_by_order_bigger_first_then_by_id():
    """WeCom shows the bigger order first (D95406); equal ones stand by the value of their ids."""
    told = [Branch("10", None, 5), Branch("9", None, 5), Branch("1", None, 1), Branch("2", None, 4294967295)]
    assert [place.deptId for place in arrange(told)] == ["2", "9", "10", "1"]


def test_a_parent_that_is_not_listed_makes_a_detached_root():
    """A visible range without the root is a forest."""
    assert [(place.deptId, place.parentId, place.placement) for place in arrange([Branch("7", "5")])] == [
        ("7", None, DETACHED)
    ]


def test_detached_departments_hang_under_the_given_root():
    """With a root there is one tree, and what had to be hung there is marked."""
    places = arrange([Branch("r", None), Branch("7", "5"), Branch("8", "7")], root="r")
    assert [(place.deptId, place.parentId, place.placement) for place in places] == [
        ("r", None, TOLD),
        ("7", "r", DETACHED),
        ("8", "7", TOLD),
    ]


def test_a_second_department_without_a_parent_is_detached_when_there_is_a_root():
    """There is one root; another department without a parent hangs under it."""
    places = arrange([Branch("1", None), Branch("2", None)], root="1")
    assert {place.deptId: (place.parentId, place.placement) for place in places} == {
        "1": (None, TOLD),
        "2": ("1", DETACHED),
    }


def test_a_department_that_is_its_own_parent_is_cut_off_itself():
    """A self-parent is the shortest cycle."""
    assert arrange([Branch("1", "1")])[0].placement == CYCLE


@pytest.mark.parametrize("length", [2, 50])
def test_a_cycle_is_cut_once_at_the_first_of_its_departments(length):
    """Every department of a cycle is kept, and the cut does not depend on the input's order."""
    told = [Branch(str(number), str(number % length + 1)) for number in range(1, length + 1)]
    expected = arrange(told)
    assert [place.placement for place in expected] == [CYCLE] + [TOLD] * (length - 1)
    assert expected[0].deptId == "1"
    assert arrange(reversed(told)) == expected


def test_a_cycle_below_the_root_is_cut_and_hung_under_it():
    """The root itself is never cut, even if upstream puts it into a cycle."""
    places = arrange([Branch("1", "2"), Branch("2", "1"), Branch("3", "4"), Branch("4", "3")], root="1")
    assert {place.deptId: (place.parentId, place.placement) for place in places} == {
        "1": (None, TOLD),
        "2": ("1", TOLD),
        "3": ("1", CYCLE),
        "4": ("3", TOLD),
    }


def test_a_duplicate_id_is_placed_once():
    """Of two entries with the same id, the one that would come first counts, wherever it stands in the list."""
    told = [Branch("2", "1", 1), Branch("2", "3", 9), Branch("1", None), Branch("3", "1")]
    assert arrange(told) == arrange(reversed(told))
    assert next(place for place in arrange(told) if place.deptId == "2").parentId == "3"


def test_a_thousand_levels_need_no_recursion():
    """Depth is no limit."""
    told = [Branch(str(number), str(number - 1) if number else None) for number in reversed(range(5000))]
    assert arrange(told)[-1].depth == 4999


def test_thirty_thousand_children_of_one_department():
    """Breadth is no limit either."""
    told = [Branch("0", None), *(Branch(str(number), "0") for number in range(1, 30_001))]
    assert [place.deptId for place in arrange(told)][:3] == ["0", "1", "2"]


def test_ids_sort_by_value_before_text():
    """Numeric ids sort by value, whatever their length; the rest as text."""
    assert sorted(["10", "9", "b", "a", "007", "²", "1" * 5000], key=id_key) == [
        "007",
        "9",
        "10",
        "1" * 5000,
        "a",
        "b",
        "²",
    ]


@given(branches)
def test_every_graph_becomes_a_forest(told):
    """Each id once, parents first, no edge but to a known department, and independent of the input's order."""
    places = arrange(told)
    assert sorted(place.deptId for place in places) == sorted({branch.deptId for branch in told})
    seen: dict[str | None, int] = {None: -1}
    for place in places:
        assert place.depth == seen[place.parentId] + 1
        seen[place.deptId] = place.depth
    assert arrange(sorted(told, key=repr)) == places
    assert arrange(sorted(told, key=repr, reverse=True)) == places


@given(branches)
def test_with_a_root_every_graph_becomes_one_tree(told):
    """Only the root has no parent."""
    places = arrange([*told, Branch("root", None)], root="root")
    assert [place.deptId for place in places if place.parentId is None] == ["root"]
    assert places[0].deptId == "root"

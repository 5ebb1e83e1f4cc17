"""The guard trips exactly by its formula, and lets go exactly what a person approves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_corps.changes import KindChanges, Plan, Removal
from jit_corps.guard import guard, nothing_went, passes, removal_limit
from jit_corps.rows import GrantRow, RoleRow
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES


def plan_with(kind: str, removals: int, active: int, *, follows: int = 0, doubtful: int = 0, left: int | None = None):
    removed = tuple(
        Removal(RoleRow(f"r{number}", None, "upstream"), None, follows=number >= removals)
        for number in range(removals + follows)
    )
    changes = KindChanges(
        removed=removed,
        active=active,
        active_after=active - removals - follows if left is None else left,
        doubtful=doubtful,
    )
    return Plan("corps.Shop", 1, {one: changes if one == kind else KindChanges() for one in KINDS})


def held(plan: Plan, approve: int | None = None, recent=nothing_went):
    """What is withheld in the end."""
    return tuple(one for one in guard(plan, recent) if not passes(one, approve))


@pytest.mark.parametrize(
    ("active", "limit"),
    [(0, 3), (1, 3), (30, 3), (31, 4), (100, 10), (101, 11), (4990, 499), (5000, 500), (5001, 500), (120_000, 500)],
)
def test_the_limit_is_a_tenth_at_least_three_at_most_five_hundred(active, limit):
    """Share, floor and ceiling."""
    assert removal_limit(active) == limit


@pytest.mark.parametrize("kind", KINDS)
def test_the_limit_passes_and_one_more_does_not(kind):
    """Trips exactly by the formula, for each kind alone."""
    assert guard(plan_with(kind, 10, 100)) == ()
    (withheld,) = guard(plan_with(kind, 11, 100))
    assert (withheld.kind, withheld.count, withheld.limit, withheld.active) == (kind, 11, 10, 100)
    assert len(withheld.keys) == 11


def test_501_of_120000_are_withheld():
    """A share alone would let twelve thousand people go."""
    assert guard(plan_with(MEMBERS, 500, 120_000)) == ()
    assert guard(plan_with(MEMBERS, 501, 120_000))


@pytest.mark.parametrize("kind", [DEPARTMENTS, MEMBERS, MEMBERSHIPS])
def test_nothing_is_emptied_without_approval(kind):
    """Two of two people are below the floor, and still all of them."""
    (withheld,) = guard(plan_with(kind, 2, 2))
    assert "leave none" in withheld.reason
    assert held(plan_with(kind, 2, 2), 1)
    assert held(plan_with(kind, 2, 2), 2) == ()


@pytest.mark.parametrize("kind", [ROLES, GRANTS])
def test_the_last_role_may_go(kind):
    """Taking the last tag from the last member is an ordinary day."""
    assert guard(plan_with(kind, 1, 1)) == ()


def test_replacing_everybody_is_not_emptying():
    """What counts is who is there afterwards."""
    assert guard(plan_with(MEMBERS, 2, 2, left=2)) == ()


def test_approval_is_a_ceiling():
    """Approval for 40 passes 40 and refuses 41; it never lowers the limit."""
    assert held(plan_with(MEMBERS, 40, 100), 40) == ()
    assert held(plan_with(MEMBERS, 41, 100), 40)
    assert held(plan_with(MEMBERS, 10, 100), 0) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_what_went_in_the_last_day_counts(kind):
    """A tenth of those who were there when the day began, for each kind alone; an approval is for what goes now."""
    went = {kind: 6}
    assert held(plan_with(kind, 4, 94), recent=lambda one: went.get(one, 0)) == ()
    (withheld,) = held(plan_with(kind, 5, 94), recent=lambda one: went.get(one, 0))
    assert (withheld.count, withheld.limit, withheld.active, withheld.recent) == (5, 4, 94, 6)
    assert "5 of 94 would go, and 6 went in the last 24 hours: more than the 10 that may go in a day" in str(withheld)
    assert held(plan_with(kind, 5, 94), 4, lambda one: went.get(one, 0))
    assert held(plan_with(kind, 5, 94), 5, lambda one: went.get(one, 0)) == ()
    assert held(plan_with(kind, 10, 94), recent=lambda one: {**dict.fromkeys(KINDS, 99), kind: 0}[one]) == ()


def test_what_follows_from_another_removal_is_not_counted():
    """The memberships of people who may leave leave with them."""
    assert guard(plan_with(MEMBERSHIPS, 1, 100, follows=50)) == ()


def test_members_nobody_could_ask_about_count_as_missing():
    """Second looks are limited; a mass disappearance must not pass because only some of it was confirmed."""
    (withheld,) = guard(plan_with(MEMBERS, 10, 100, doubtful=30))
    assert withheld.count == 40
    assert held(plan_with(MEMBERS, 10, 100, doubtful=30), 40) == ()


def test_doubt_alone_withholds_nothing():
    """Without a removal there is nothing to withhold."""
    assert guard(plan_with(MEMBERS, 0, 100, doubtful=99)) == ()


def test_the_reason_says_how_to_let_them_go():
    """A guard without an exit blocks for ever."""
    (withheld,) = guard(plan_with(GRANTS, 4, 4))
    assert str(withheld) == "grants: 4 of 4 would go: more than the 3 that may go in a day; approve=4 lets them."


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000) | st.none())
def test_no_more_than_the_limit_or_the_approval_ever_passes(removals, active, approve):
    """Whatever the numbers, what passes is at most what may pass."""
    removals = min(removals, active, 700)
    passed = not held(plan_with(MEMBERS, removals, active), approve)
    allowed = removals <= max(removal_limit(active), approve or 0)
    empties = removals == active > 0 and (approve or 0) < removals
    assert passed == (removals == 0 or (allowed and not empties))


def test_the_keys_are_those_of_the_removals():
    """The report names what was withheld."""
    removed = tuple(Removal(GrantRow("r", f"m{number}", "tag"), None, follows=False) for number in range(4))
    changes = {kind: KindChanges() for kind in KINDS} | {GRANTS: KindChanges(removed=removed, active=4)}
    (withheld,) = guard(Plan("corps.Shop", 1, changes))
    assert withheld.keys[0] == ("r", "m0", "tag")

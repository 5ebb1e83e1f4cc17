"""Whose turn it is, with time that is a number: nothing here waits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_corps.turns import Limits, Turns

NEVER = math.inf


class Simulation:
    """A row whose organisations take as long as they are told to; stopped ones end after ``obeys`` seconds."""

    def __init__(self, takes, limits, expected=None, *, obeys=0.0):
        self.turns = Turns({**dict.fromkeys(takes), **(expected or {})}, limits)
        self.began, self.ended, self.stopped, self.given_up = {}, {}, {}, {}
        self.most_running = self.most_long = 0
        now, ends = 0.0, {}
        while not self.turns.is_over:
            decision = self.turns.decide(now)
            for name in decision.begin:
                self.began[name], ends[name] = now, now + takes[name]
            for name in decision.stop:
                self.stopped[name], ends[name] = now, min(ends[name], now + obeys)
            self.given_up |= dict.fromkeys(decision.give_up, now)
            running = self.turns.running
            self.most_running = max(self.most_running, len(running))
            self.most_long = max(self.most_long, sum(turn.isLong for turn in running.values()))
            due = [end for name, end in ends.items() if name in running and end < NEVER]
            times = due if decision.wait is None else [*due, now + decision.wait]
            if not times:
                assert self.turns.is_over
                break
            now = max(now, min(times))
            for name in [name for name in running if ends[name] <= now]:
                self.turns.ended(name)
                self.ended[name] = now


def limits(places=4, patience=10.0, timeout=100.0, **others):
    return Limits(places, patience, timeout, **{"gap": 0.0, "grace": 5.0, **others})


def test_everybody_has_a_turn_and_no_more_at_once_than_there_are_places():
    """Ordinary ones: all begin, and as many as there are places run."""
    done = Simulation({f"c{number}": 1.0 for number in range(20)}, limits())
    assert len(done.ended) == 20
    assert done.most_running == 4
    assert max(done.ended.values()) == 5.0


def test_short_ones_come_from_one_end_and_long_ones_from_the_other():
    """By the last duration; one that never ran counts as long."""
    expected = {"new": None, "l": 50.0, "m": 5.0, "s1": 1.0, "s2": 2.0}
    turns = Turns(expected, limits(places=2))
    assert turns.decide(0.0).begin == ("new", "s1")
    turns.ended("s1")
    assert turns.decide(1.0).begin == ("s2",)
    turns.ended("new")
    assert turns.decide(2.0).begin == ("l",)


def test_long_ones_leave_half_of_the_places_to_the_others():
    """However many there are, while anybody else waits."""
    takes = {**{f"long{number}": 9.0 for number in range(10)}, **{f"s{number}": 1.0 for number in range(18)}}
    done = Simulation(takes, limits(), takes)
    assert done.most_long == 2
    assert max(done.ended[name] for name in takes if name.startswith("s")) == 9.0


def test_who_takes_long_passes_the_place_on():
    """After the patience it goes on in overtime, and the next one begins."""
    done = Simulation({"a": 35.0, "b": 1.0, "c": 1.0}, limits(places=1), {"a": 0.5, "b": 1.0, "c": 2.0})
    assert done.began == {"a": 0.0, "b": 10.0, "c": 11.0}
    assert done.ended["a"] == 35.0
    assert done.most_running == 2


def test_overtime_has_an_end_too():
    """Twice as many as there are places run at once, never more; the next place is free when one of them ends."""
    done = Simulation({f"c{number}": NEVER for number in range(6)}, limits(places=2), obeys=2.0)
    assert done.most_running == 4
    assert sorted(done.began.values()) == [0.0, 0.0, 10.0, 10.0, 102.0, 102.0]
    assert sorted(done.stopped.values()) == [100.0, 100.0, 110.0, 110.0, 202.0, 202.0]
    assert done.given_up == {}


def test_who_does_not_stop_is_given_up():
    """Nobody waits for it; it still counts as one that runs."""
    done = Simulation({"a": NEVER, "b": 1.0}, limits(places=1), {"a": 0.0, "b": 1.0}, obeys=NEVER)
    assert done.stopped == {"a": 100.0}
    assert done.given_up == {"a": 105.0}
    assert done.ended == {"b": 11.0}


def test_who_must_end_is_waited_for():
    """It was told to stop too late: what it does now is not left half-way."""
    turns = Turns({"a": None}, limits(places=1))
    turns.decide(0.0)
    turns.running["a"].mustEnd = True
    assert turns.decide(100.0).stop == ("a",)
    assert turns.decide(200.0).give_up == ()
    assert turns.decide(200.0).wait is None
    turns.running["a"].mustEnd = False
    assert turns.decide(201.0).give_up == ("a",)


def test_without_a_time_limit_nobody_is_stopped():
    """Nothing has to be decided before one ends."""
    turns = Turns({"a": None}, limits(timeout=None))
    turns.decide(0.0)
    assert turns.decide(1e9).stop == ()
    assert turns.decide(1e9).wait is None


def test_they_do_not_all_begin_at_once():
    """There is a moment between two that begin."""
    done = Simulation({f"c{number}": 1.0 for number in range(4)}, limits(gap=0.25))
    assert sorted(done.began.values()) == [0.0, 0.25, 0.5, 0.75]


def test_stopping_all_tells_everybody_once_and_begins_nobody():
    """Those that wait never begin."""
    turns = Turns({"a": 1.0, "b": 2.0, "c": 3.0}, limits(places=2))
    turns.decide(0.0)
    assert set(turns.stop_all(1.0)) == {"a", "c"}
    assert turns.stop_all(2.0) == ()
    turns.ended("a")
    turns.ended("c")
    assert turns.is_over


@given(
    places=st.integers(1, 6),
    slow=st.integers(0, 6),
    short=st.lists(st.floats(0.01, 30.0), min_size=1, max_size=40),
)
def test_nobody_begins_later_than_is_promised(places, slow, short):
    """The k-th shortest begins within ceil(k / (places - places // 2)) times the patience, whatever others do."""
    slow = min(slow, places)
    takes = {f"s{number:02}": seconds for number, seconds in enumerate(sorted(short))}
    # As short as the shortest last time, and now they never end: nothing told that they would be slow.
    takes |= {f"!slow{number}": NEVER for number in range(slow)}
    expected = {name: 0.001 if seconds == NEVER else seconds for name, seconds in takes.items()}
    patience = 31.0
    done = Simulation(takes, limits(places, patience, timeout=1e6), expected)
    row = sorted(takes, key=lambda name: (expected[name], name))
    lane = places - places // 2
    for k, name in enumerate(row, start=1):
        assert done.began[name] <= math.ceil(k / lane) * patience, name
    assert done.most_running <= 2 * places


@given(st.lists(st.sampled_from([0.5, 3.0, 40.0, NEVER]), max_size=40), st.integers(1, 5))
def test_everybody_begins_and_the_whole_ends(takes, places):
    """Whatever they take, and however little they obey: each begins once, and no more than allowed run."""
    named = {f"c{number}": seconds for number, seconds in enumerate(takes)}
    done = Simulation(named, limits(places, timeout=30.0), obeys=7.0)
    assert set(done.began) == set(named)
    assert done.most_running <= 2 * places
    assert done.most_long <= places // 2


@pytest.mark.parametrize("places", [1, 3])
def test_an_empty_row_is_over(places):
    """Nothing to do."""
    assert Turns({}, limits(places)).is_over

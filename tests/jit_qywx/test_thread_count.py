"""How many threads ask: few where there is work to do, all where answers are waited for."""

from __future__ import annotations

import pytest

from jit_qywx.thread_count import FEW, MOST, WINDOW, ThreadCount


class Clocks:
    """Seconds that went by, and that this process worked."""

    def __init__(self) -> None:
        self.now = self.worked = 0.0

    def go_on(self, seconds: float, working: float) -> None:
        """Let time go by, of which the process works a share."""
        self.now += seconds
        self.worked += seconds * working


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Clocks that stand still."""
    clocks = Clocks()
    monkeypatch.setattr("jit_qywx.thread_count.perf_counter", lambda: clocks.now)
    monkeypatch.setattr("jit_qywx.thread_count.process_time", lambda: clocks.worked)
    return clocks


def window(count: ThreadCount, clocks: Clocks, seconds: float, working: float) -> int:
    """A window of answers that took so long each, during which the process worked so much; threads after it."""
    for _ in range(WINDOW):
        clocks.go_on(seconds / count.wanted, working)
        count.answered(seconds)
    return count.wanted


@pytest.mark.parametrize(
    ("seconds", "working", "threads"),
    [
        pytest.param(0.0001, 1.0, FEW, id="answers come at once"),
        pytest.param(0.0015, 0.3, FEW, id="they come at once from somebody busy"),
        pytest.param(0.005, 1.0, FEW, id="this process has enough to do"),
        pytest.param(0.005, 0.1, MOST, id="they are waited for"),
        pytest.param(0.05, 1.0, MOST, id="they are waited for while this process does other things"),
    ],
)
def test_as_many_threads_as_have_something_to_do(clocks: Clocks, seconds: float, working: float, threads: int) -> None:
    """More than a few ask only where they wait for answers, and not for each other."""
    count = ThreadCount()
    assert window(count, clocks, seconds, working) == threads
    assert window(count, clocks, seconds, working) == threads


def test_a_first_answer_that_takes_long_is_enough(clocks: Clocks) -> None:
    """Whoever waits long for the first answer asks for many at once; a reading of a few calls has no window."""
    count = ThreadCount()
    clocks.go_on(0.05, 0.1)
    assert count.answered(0.05)
    assert count.wanted == MOST


def test_later_a_single_answer_that_takes_long_says_nothing(clocks: Clocks) -> None:
    """Among many that come at once, one that took long changes nothing, be it the first of them."""
    count = ThreadCount()
    window(count, clocks, 0.0003, 1.0)
    clocks.go_on(0.05, 1.0)
    assert not count.answered(0.05)
    assert window(count, clocks, 0.0003, 1.0) == FEW


def test_no_answer_at_all_is_waited_for(clocks: Clocks) -> None:
    """Where nobody is answered, more ask."""
    count = ThreadCount()
    clocks.go_on(0.2, 0.0)
    assert count.think_over()
    assert count.wanted == MOST


def test_a_pause_upstream_does_not_last(clocks: Clocks) -> None:
    """After a pause of somebody who answers at once there are soon few threads again."""
    count = ThreadCount()
    clocks.go_on(1.4, 0.0)
    count.think_over()
    after = [window(count, clocks, 0.004, 1.0) for _ in range(6)]
    assert after == [32, 16, 8, 4, FEW, FEW]


def test_as_many_as_can_work(clocks: Clocks) -> None:
    """Between the two, as many threads stay as keep the process busy, and do not come and go."""
    count = ThreadCount()
    clocks.go_on(0.2, 0.0)
    count.think_over()
    # Each answer takes 5 ms, and 0.25 ms of work.
    threads = [window(count, clocks, 0.005, min(1.0, count.wanted * 0.05)) for _ in range(6)]
    assert threads == [32, 16, 16, 16, 16, 16]

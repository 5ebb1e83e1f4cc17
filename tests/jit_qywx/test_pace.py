"""How fast one enterprise may be called."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from jit_qywx.client.pace import Pace
from jit_qywx.client.retries import RetryBudget

if TYPE_CHECKING:
    from conftest import FakeTime


def call(pace: Pace, path: str = "user/list") -> None:
    with pace.slot(path):
        pass


def test_a_minutes_quota_is_not_overdrawn(fake_time: FakeTime) -> None:
    """In any 60 seconds no more calls of one API are made than allowed; another API has its own quota."""
    pace = Pace(4, fake_time.timing, per_minute=3)
    begun = []
    for _ in range(7):
        call(pace)
        begun.append(fake_time.passed)
        fake_time.passed += 1
    call(pace, "tag/get")
    assert begun == [0, 1, 2, 60, 61, 62, 120]
    assert pace.calls == 8


def test_no_more_calls_at_once_than_allowed(fake_time: FakeTime) -> None:
    """A call beyond the limit waits until another has ended."""
    pace = Pace(1, fake_time.timing)
    second = threading.Thread(target=call, args=[pace])
    with pace.slot("user/list"):
        second.start()
        second.join(0.05)
        assert second.is_alive()
    second.join()
    assert pace.calls == 2


def test_lowered_concurrency_recovers_slowly(fake_time: FakeTime) -> None:
    """Concurrency is halved down to one, and grows by one for each hundred good calls, up to where it began."""
    pace = Pace(4, fake_time.timing)
    for expected in (2, 1, 1):
        pace.lower()
        assert pace.concurrency == expected
    for _ in range(99):
        call(pace)
    assert pace.concurrency == 1
    call(pace)
    assert pace.concurrency == 2
    for _ in range(1000):
        call(pace)
    assert pace.concurrency == 4


def test_failed_calls_free_their_place_and_do_not_count_as_good(fake_time: FakeTime) -> None:
    """An exception inside leaves no place taken."""
    pace = Pace(1, fake_time.timing)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), pace.slot("user/list"):
            raise ZeroDivisionError
    call(pace)


def test_budget_is_earned_by_calls() -> None:
    """Ten calls earn one repeat; no more than the reserve is saved up."""
    budget = RetryBudget(ratio=0.1, reserve=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(11):
        budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]

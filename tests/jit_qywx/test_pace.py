"""How fast one enterprise may be called."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jit_qywx.client.budget import Alone, Budget
from jit_qywx.client.ledger import Quota
from jit_qywx.client.pace import Gate, Pace
from jit_qywx.client.retries import RetryBudget
from jit_qywx.errors import QuotaSpent, TooManyConcurrent

if TYPE_CHECKING:
    from conftest import FakeTime


def call(pace: Pace, path: str = "user/list") -> None:
    with pace.slot(path):
        pass


def paced(time: FakeTime, concurrency: int = 4, *quotas: Quota) -> Pace:
    """A pace with a budget for each quota."""

    def pause(seconds: float) -> bool:
        time.sleep(seconds)
        return True

    budgets = [Budget(Alone(quota, time.timing), time.timing) for quota in quotas]
    return Pace(Gate(concurrency), budgets, time.timing, pause, "wwcorp")


def test_a_minutes_quota_is_not_overdrawn(fake_time: FakeTime) -> None:
    """In any 60 seconds no more calls of one API are made than allowed; another API has its own quota."""
    pace = paced(fake_time, 4, Quota(300, 10_000))
    begun = []
    for _ in range(700):
        call(pace)
        begun.append(fake_time.now())
        fake_time.passed += 0.01
    waited = len(fake_time.waits)
    call(pace, "tag/get")
    assert len(fake_time.waits) == waited
    assert pace.calls == 701
    assert all(late - early > 60 for early, late in zip(begun, begun[300:], strict=False))
    # A window, a slice and the leeway for each quota but the first.
    assert begun[-1] - begun[0] < 2 * 80


def test_a_call_is_paid_from_every_budget_or_from_none(fake_time: FakeTime) -> None:
    """What one budget gave goes back when another has nothing."""
    own, shared = (Budget(Alone(Quota(most, 1_000), fake_time.timing), fake_time.timing) for most in (5, 2))
    pace = Pace(Gate(4), [own, shared], fake_time.timing, lambda _: False, "wwcorp")
    for _ in range(4):
        call(pace)
    left = [own.take("user/list") for _ in range(4)]
    # Two of its five were paid; the calls for which the other had nothing took none of them.
    assert left[:3] == [0, 0, 0]
    assert left[3] > 0


def test_an_hours_quota_is_not_waited_for(fake_time: FakeTime) -> None:
    """It is told, with the time from which it is there again; nothing waits for most of an hour."""
    pace = paced(fake_time, 4, Quota(100, 100))
    for _ in range(100):
        call(pace)
    with pytest.raises(QuotaSpent, match="user/list is used up for this hour") as caught:
        call(pace)
    assert 3_600 <= caught.value.until - fake_time.now() <= 3_620
    assert sum(fake_time.waits) < 90
    fake_time.passed += 3_620
    call(pace)


def test_a_closed_transport_ends_the_waiting(fake_time: FakeTime) -> None:
    """Whoever waits for a quota goes on at once when waiting has no use any more, and finds out why."""
    budget = Budget(Alone(Quota(1, 100), fake_time.timing), fake_time.timing)
    pace = Pace(Gate(4), [budget], fake_time.timing, lambda _: False, "wwcorp")
    for _ in range(3):
        call(pace)
    assert fake_time.waits == []


def test_no_more_calls_at_once_than_allowed(fake_time: FakeTime) -> None:
    """A call beyond the limit waits until another has ended."""
    pace = paced(fake_time, 1)
    second = threading.Thread(target=call, args=[pace])
    with pace.slot("user/list"):
        second.start()
        second.join(0.05)
        assert second.is_alive()
    second.join()
    assert pace.calls == 2


def refused(pace: Pace) -> None:
    with pytest.raises(TooManyConcurrent), pace.slot("user/list"):
        raise TooManyConcurrent("too many", errcode=45033)


def test_lowered_concurrency_recovers_slowly(fake_time: FakeTime) -> None:
    """Concurrency is halved down to one, and grows by one for each hundred good calls, up to where it began."""
    pace = paced(fake_time, 4)
    for expected in (2, 1, 1):
        refused(pace)
        assert pace.concurrency == expected
    for _ in range(99):
        call(pace)
    assert pace.concurrency == 1
    call(pace)
    assert pace.concurrency == 2
    for _ in range(1000):
        call(pace)
    assert pace.concurrency == 4


def test_a_burst_of_refusals_halves_once(fake_time: FakeTime) -> None:
    """Sixteen calls that were under way together and are refused together say the same thing once."""
    pace = paced(fake_time, 16)
    together = threading.Barrier(16)

    def held(_: int) -> None:
        with pace.slot("user/list"):
            together.wait(60)
            raise TooManyConcurrent("too many", errcode=45033)

    def one(number: int) -> None:
        with pytest.raises(TooManyConcurrent):
            held(number)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(16)))
    assert pace.concurrency == 8
    refused(pace)
    assert pace.concurrency == 4


def test_paces_of_one_enterprise_share_the_gate(fake_time: FakeTime) -> None:
    """What WeCom says to a reading holds for the App's own calls of that enterprise, too."""
    gate = Gate(16)
    reading, own = (Pace(gate, (), fake_time.timing, lambda _: True) for _ in range(2))
    refused(reading)
    assert own.concurrency == 8
    call(own)
    assert (reading.calls, own.calls) == (1, 1)


def test_failed_calls_free_their_place_and_do_not_count_as_good(fake_time: FakeTime) -> None:
    """An exception inside leaves no place taken."""
    pace = paced(fake_time, 1)
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

"""The arithmetic of quotas: however many lease, and whenever, no window holds more calls than WeCom answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_qywx.client.budget import Budget
from jit_qywx.client.ledger import ANY, LEEWAY, SLICE, Lease, Ledger, Quota
from jit_qywx.client.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = 1_700_000_000.0
APIS = ("user/list", "user/get", "tag/get")


class Kept:
    """Leases that several processes share, kept as text between two of them, as in a database."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.now = NOW
        self.told = ""
        self.leases = 0

    def lease(self, api: str, want: int, least: int, share: float, back: Sequence[Lease]) -> Lease:
        ledger = Ledger(self.told)
        for one in back:
            ledger.give_back(one)
        lease = ledger.lease(self.now, api, want, self.quota.part(share), least=least)
        self.told = ledger.dumps()
        self.leases += bool(lease.calls)
        return lease

    def open(self, share: float = 1.0) -> Budget:
        """The budget of one more process."""
        return Budget(self, Timing(now=lambda: self.now), share)


def most_in(times: Sequence[float], window: float) -> int:
    """The most calls in any window of so many seconds, however it lies."""
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


steps = st.tuples(
    st.integers(0, 4), st.sampled_from(APIS), st.integers(1, 60), st.sampled_from((0.0, 0.4, 3.0, 5.0, 17.0, 61.0))
)


@settings(max_examples=40, deadline=None)
@given(
    quota=st.builds(Quota, st.integers(1, 60), st.integers(40, 300)), steps=st.lists(steps, min_size=5, max_size=120)
)
def test_no_window_holds_more_than_the_quota(quota: Quota, steps: list[tuple[int, str, int, float]]) -> None:
    """Five processes that want calls of three APIs in any order, at any time: no minute overflows, and no hour."""
    kept = Kept(quota)
    budgets = [kept.open(share) for share in (1.0, 1.0, 0.8, 0.8, 0.5)]
    made: dict[str, list[float]] = {api: [] for api in APIS}
    for process, api, calls, pause in steps:
        for _ in range(calls):
            if budgets[process].take(api):
                break
            made[api].append(kept.now)
        kept.now += pause
    for times in made.values():
        assert most_in(times, 60) <= quota.per_minute
        assert most_in(times, 3_600) <= quota.per_hour


@settings(max_examples=8, deadline=None)
@given(processes=st.integers(1, 6), quota=st.integers(20, 400), share=st.sampled_from((1.0, 0.8)))
def test_the_quota_is_nearly_used(processes: int, quota: int, share: float) -> None:
    """Processes that want as many calls as they can get have at least three quarters of what is theirs."""
    kept = Kept(Quota(quota, 1_000_000))
    budgets = [kept.open(share) for _ in range(processes)]
    made = 0
    for _ in range(1_200):
        kept.now += 0.5
        for budget in budgets:
            while not budget.take("user/list"):
                made += 1
    ours = max(1, int(quota * share)) * 10
    assert ours * 0.75 <= made <= ours + quota


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=1, max_size=40), st.integers(1, 50))
def test_a_wait_is_neither_short_nor_long(steps: list[tuple[int, str, int, float]], quota: int) -> None:
    """Just before it is over there is no call, and when it is there is one."""
    ledger, now = Ledger(), NOW
    for _, api, calls, pause in steps:
        lease = ledger.lease(now, api, calls, Quota(quota, 2 * quota))
        if not lease.calls:
            early, late = Ledger(ledger.dumps()), Ledger(ledger.dumps())
            assert not early.lease(now + lease.wait - 0.01, api, 1, Quota(quota, 2 * quota)).calls
            assert late.lease(now + lease.wait, api, 1, Quota(quota, 2 * quota)).calls
        now += pause


def test_what_is_given_back_can_be_leased_again() -> None:
    """A lease of which nothing was used costs nobody anything."""
    ledger, quota = Ledger(), Quota(10, 100)
    lease = ledger.lease(NOW, "user/list", 10, quota, least=10)
    assert lease.calls == 10
    assert not ledger.lease(NOW, "user/list", 1, quota).calls
    ledger.give_back(lease)
    assert ledger.lease(NOW, "user/list", 10, quota, least=10).calls == 10


def test_few_calls_of_many_apis_are_one_lease() -> None:
    """A small reading asks once, whatever it calls; its leases count against every API."""
    kept = Kept(Quota(1_000, 10_000))
    budget = kept.open()
    for api in APIS * 3:
        assert budget.take(api) == 0
    assert kept.leases == 1
    ledger = Ledger(kept.told)
    assert ledger.used(NOW, "whatever/else", 60) == ledger.used(NOW, ANY, 60) == 50


def test_many_calls_are_few_leases() -> None:
    """Five thousand calls at once take a handful of leases."""
    kept = Kept(Quota(10_000, 150_000))
    budget = kept.open(0.8)
    for _ in range(5_000):
        assert budget.take("user/list") == 0
    assert kept.leases <= 5


def test_what_a_process_did_not_use_goes_back() -> None:
    """An App that makes a call now and then takes nothing from others: only its last lease is open."""
    kept = Kept(Quota(1_000, 10_000))
    budget = kept.open()
    for _ in range(60):
        assert budget.take("user/get") == 0
        kept.now += 10
    assert Ledger(kept.told).used(kept.now, "user/get", 3_600) <= 60 + 50


def test_an_old_minute_is_one_entry() -> None:
    """However busy an hour was, its ledger stays small."""
    ledger, now = Ledger(), NOW
    for _ in range(800):
        assert ledger.lease(now, "user/list", 5, Quota(10_000, 150_000)).calls
        now += SLICE
    assert ledger.used(now, "user/list", 3_600) <= 5 * (3_600 + 60 + LEEWAY + SLICE) / SLICE
    assert len(ledger.dumps()) < 3_000


@pytest.mark.parametrize("jump", [-3_600.0, 3_600.0, -86_400.0])
def test_a_clock_that_jumps_blocks_nobody_for_long(jump: float) -> None:
    """What was leased in a future that did not come is forgotten."""
    ledger, quota = Ledger(), Quota(10, 1_000)
    assert ledger.lease(NOW, "user/list", 10, quota, least=10).calls == 10
    assert ledger.lease(NOW + jump, "user/list", 10, quota, least=10).calls == 10

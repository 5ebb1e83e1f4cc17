"""One writer per corp, and one honest row per run."""

from __future__ import annotations

import pytest

from jit_corps.errors import SyncLocked
from jit_corps.models import SyncLease, SyncRun
from jit_corps.runs import LEASE_SECONDS, Outcome, begin_run, check_claim, end_run, renew
from tests.jit_corps.scripted import CORP


def begin(bench, corpFullName: str = CORP):
    return begin_run(bench.storage, corpFullName, "sync", bench.clock())


def statuses(bench) -> list[str]:
    run = bench.storage.models[SyncRun]
    return [row.status for row in run.select().order_by(run.runId)]


def test_a_second_run_of_the_same_corp_is_skipped_and_says_so(bench):
    """The refusal names the holder and is a row of its own."""
    first = begin(bench)
    with pytest.raises(SyncLocked) as caught:
        begin(bench)
    assert caught.value.until == bench.clock.now + LEASE_SECONDS
    assert "process" in caught.value.holder
    assert caught.value.runId == first.runId + 1
    assert statuses(bench) == ["running", "skipped_locked"]


def test_other_corps_are_not_held_up(bench):
    """The claim is one corp's."""
    begin(bench)
    assert begin(bench, "corps.Other").token == 1


def test_a_run_that_ended_gives_its_claim_back(bench):
    """The next one starts at once, with a greater token."""
    first = begin(bench)
    end_run(bench.storage, first, Outcome("ok"), bench.clock())
    assert begin(bench).token == first.token + 1


def test_a_claim_that_nobody_gave_back_ends_by_itself(bench):
    """After a kill -9 the next run waits for the lease to pass, and marks the dead one."""
    begin(bench)
    bench.clock.pass_(LEASE_SECONDS - 1)
    with pytest.raises(SyncLocked):
        begin(bench)
    bench.clock.pass_(1)
    begin(bench)
    assert statuses(bench) == ["abandoned", "skipped_locked", "running"]


def test_progress_keeps_the_claim(bench):
    """A renewed claim lasts from its renewal."""
    claim = begin(bench)
    bench.clock.pass_(LEASE_SECONDS - 1)
    renew(bench.storage, claim, bench.clock())
    bench.clock.pass_(LEASE_SECONDS - 1)
    with pytest.raises(SyncLocked):
        begin(bench)


def test_a_lost_claim_cannot_be_renewed_or_given_back(bench):
    """The late one does not disturb its successor."""
    late = begin(bench)
    bench.clock.pass_(LEASE_SECONDS)
    mine = begin(bench)
    renew(bench.storage, late, bench.clock() + 1000)
    end_run(bench.storage, late, Outcome("superseded"), bench.clock())
    lease = bench.storage.models[SyncLease].get_by_id(CORP)
    assert (lease.token, lease.until) == (mine.token, bench.clock.now + LEASE_SECONDS)
    check_claim(bench.storage, mine)
    assert statuses(bench) == ["superseded", "running"]


def test_a_clock_that_jumps_back_holds_nobody_up_for_ever(bench):
    """A claim made in the future ends when its own clock says so; a token made by it still counts."""
    bench.clock.pass_(3600)
    begin(bench)
    bench.clock.pass_(-3600)
    with pytest.raises(SyncLocked) as caught:
        begin(bench)
    assert caught.value.until - bench.clock.now == 3600 + LEASE_SECONDS

"""One writer per corp, and one honest row per run."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jit_corps.errors import SyncLocked
from jit_corps.holders import is_gone, shown, this_process
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
    assert caught.value.holder == shown(this_process())
    assert f"ends by itself at {dt.datetime.fromtimestamp(caught.value.until, dt.UTC):%H:%M:%S} UTC" in str(
        caught.value
    )
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


def test_a_claim_whose_process_was_killed_is_taken_over_at_once(bench, caplog):
    """Nobody waits for a run of this machine that is seen to be dead, and its row says so."""
    holder = holder_of(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
    first = begin(bench)
    bench.storage.models[SyncLease].update(holder=holder).execute()
    assert begin(bench).token == first.token + 1
    assert statuses(bench) == ["abandoned", "running"]
    assert "which is gone" in caplog.text


def holder_of(child: subprocess.Popen[bytes]) -> str:
    """What a claim of the child said, which is dead by now."""
    with child:
        mine = this_process()
        started = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
        holder = re.sub(r"process [0-9]+", f"process {child.pid}", re.sub(r"[0-9]+\]$", f"{started}]", mine))
        assert not is_gone(holder)
        child.kill()
        # Not yet waited for, so its number is still taken.
        deadline = time.monotonic() + 10
        while not is_gone(holder) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert is_gone(holder)
    return holder


def test_a_process_that_cannot_be_seen_from_here_counts_as_running():
    """Another machine's, another start's, another container's, another version's: all wait for the claim to end."""
    mine = this_process()
    assert not is_gone(mine)
    assert not is_gone(shown(mine))
    assert not is_gone("process 4194304 on elsewhere [000000000000.1]")
    assert not is_gone("")


def test_another_process_with_the_same_number_is_not_the_holder():
    """Numbers are used again, at once where a container starts anew."""
    assert is_gone(re.sub(r"[0-9]+\]$", "1]", this_process()))


def test_a_claim_that_nobody_gave_back_ends_by_itself(bench):
    """The next run waits for the lease of one that cannot be seen to be dead to pass, and marks it."""
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

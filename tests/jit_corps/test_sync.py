"""Whole runs: what they report, and that a failing one changes nothing."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest

from jit_corps.edits import set_offline, set_roles
from jit_corps.errors import CorpError, SyncFailed, SyncLocked, SyncSuperseded
from jit_corps.models import SyncRun
from jit_corps.rows import GrantRow
from jit_corps.runs import LEASE_SECONDS, begin_run
from jit_corps.snapshot import MEMBERS
from jitcore.errors import JitError
from jitcore.storage import DatabaseBusy
from tests.jit_corps.scripted import CORP, crowd, depts, member, members, snapshot


def run_rows(bench) -> list:
    run = bench.storage.models[SyncRun]
    return list(run.select().order_by(run.runId))


def test_the_report_says_what_happened_and_so_does_the_row(bench):
    """Counts, duration, calls, generation, run."""

    def fetch(known, *, confirm, progress):
        bench.clock.pass_(2.5)
        return snapshot(crowd(5), tags={"tag:1": ["m000"]}, calls=7)

    report = bench.sync(fetch)
    assert (report.status, report.calls, report.duration, report.generation) == ("ok", 7, 2.5, 1)
    assert report.counts[MEMBERS] == {"added": 5, "updated": 0, "removed": 0}
    assert report.changes == 13
    assert str(report) == (
        "corps.Shop: ok, departments +1 ~0 -0, members +5 ~0 -0, memberships +5 ~0 -0, roles +1 ~0 -0, grants +1 ~0 -0"
        " (7 calls, 2.5 s, generation 1)"
    )
    (row,) = run_rows(bench)
    assert (row.runId, row.status, row.calls, row.duration, row.generation) == (report.runId, "ok", 7, 2.5, 1)
    assert row.counts == report.counts
    assert (row.finishedAt - row.startedAt).total_seconds() == 2.5


def test_an_unchanged_run_keeps_the_generation(bench):
    """The generation is the version of the organisation, not the number of the run."""
    bench.sync(snapshot(crowd(5)))
    report = bench.sync(snapshot(crowd(5)))
    assert (report.generation, report.changes) == (1, 0)
    assert "0 changes" in str(report)
    assert len(run_rows(bench)) == 2


def test_a_guarded_run_says_what_it_withheld_and_why(bench):
    """The guard's state is on the report and on the row, not only in a log."""
    bench.sync(snapshot(crowd(40)))
    report = bench.sync(snapshot(crowd(30)))
    assert report.status == "guarded"
    (withheld,) = report.withheld
    assert (withheld.kind, withheld.count, withheld.limit, len(withheld.keys)) == (MEMBERS, 10, 4, 10)
    assert "withheld members: 10 of 40 would go" in str(report)
    keys = [[f"m{number:03}"] for number in range(30, 40)]
    assert run_rows(bench)[1].withheld == [
        {"kind": "members", "count": 10, "limit": 4, "active": 40, "recent": 0, "keys": keys}
    ]
    assert report.as_dict()["withheld"][0]["count"] == 10
    again = bench.sync(snapshot(crowd(30)))
    assert (again.status, again.changes) == ("guarded", 0)
    approved = bench.sync(snapshot(crowd(30)), approve=10)
    assert (approved.status, approved.counts[MEMBERS]["removed"]) == ("ok", 10)


def test_approval_after_recovery_removes_nothing(bench):
    """A ceiling is no licence: who came back stays."""
    bench.sync(snapshot(crowd(40)))
    bench.sync(snapshot(crowd(30)))
    assert bench.sync(snapshot(crowd(40)), approve=10).changes == 0


def test_a_partial_run_says_what_is_missing(bench):
    """What upstream told only in part is named."""
    bench.sync(snapshot(crowd(5)))
    report = bench.sync(snapshot(crowd(4), incomplete=("grants: errcode 48002",)))
    assert (report.status, report.incomplete) == ("partial", ("grants: errcode 48002",))
    assert "incomplete: grants" in str(report)
    assert run_rows(bench)[1].incomplete == ["grants: errcode 48002"]


def test_the_provider_learns_who_is_known_and_how_many_to_ask_again(bench):
    """Active members in sight; as many second looks as removals may pass."""
    bench.sync(snapshot(crowd(50)))
    set_offline(bench.storage, CORP, ["m000"], offline=True)
    asked = []

    def fetch(known, *, confirm, progress):
        asked.append((known, confirm))
        return snapshot(crowd(50))

    bench.sync(fetch)
    bench.sync(fetch, approve=20)
    assert asked[0] == (frozenset(one.memberId for one in crowd(50)) - {"m000"}, 5)
    assert asked[1][1] == 20


def test_members_out_of_sight_are_not_asked_for_until_the_scope_is_back(bench):
    """A second look at them would say nothing: 60111 also means outside the range."""
    far, left = members("far1", "far2", dept="1"), member("left", "2")
    bench.sync(snapshot([*crowd(3, "2"), *far, left], departments=depts(d1=None, d2="1"), scope="wide"))
    bench.sync(snapshot(crowd(3, "2"), departments=depts(d2="1"), scope="narrow", hasRoot=False))
    asked = []

    def fetch(known, *, confirm, progress):
        asked.append(known)
        return snapshot([*crowd(3, "2"), far[0]], departments=depts(d1=None, d2="1"), scope="wide")

    bench.sync(fetch)
    bench.sync(fetch)
    # Whoever left meanwhile was last seen where the narrow range reaches, so a second look does say something.
    assert asked[0] == {"m000", "m001", "m002", "left"}
    assert asked[1] == {"m000", "m001", "m002", "far1", "far2", "left"}


class Refused(JitError):
    code = "refused"


def test_a_failing_fetch_changes_nothing_and_says_why(bench):
    """The error carries the cause; the run's row tells it."""
    bench.sync(snapshot(crowd(5)))
    before = bench.state
    cause = Refused("errcode 45009 of user/list.", hint="Wait a minute.")

    def fetch(known, *, confirm, progress):
        raise cause

    with pytest.raises(SyncFailed) as caught:
        bench.sync(fetch)
    assert caught.value.__cause__ is cause
    assert "nothing was changed: refused: errcode 45009 of user/list." in str(caught.value)
    assert caught.value.hint == "Wait a minute."
    assert bench.state == before
    row = run_rows(bench)[-1]
    assert (row.runId, row.status, row.cause) == (caught.value.runId, "failed", "refused: errcode 45009 of user/list.")
    assert bench.sync(snapshot(crowd(5))).status == "ok"


def test_a_foreign_error_is_told_by_name_only(bench):
    """Its text may hold a token or a telephone number."""

    def fetch(known, *, confirm, progress):
        raise ValueError("https://example.com/?access_token=SECRET 13900001111")

    with pytest.raises(SyncFailed) as caught:
        bench.sync(fetch)
    assert "SECRET" not in str(caught.value)
    assert run_rows(bench)[-1].cause == "ValueError"


def test_an_interrupt_goes_its_way_and_leaves_a_row(bench):
    """Ctrl-C is no sync error, and the claim is given back."""

    def fetch(known, *, confirm, progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.sync(fetch)
    assert run_rows(bench)[-1].cause == "KeyboardInterrupt"
    assert bench.sync(snapshot(crowd(1))).status == "ok"


@pytest.mark.parametrize("told", [None, replace(snapshot(), corpId="another")])
def test_a_snapshot_of_something_else_is_refused(bench, told):
    """A provider that answers for another enterprise must not get through."""
    with pytest.raises(SyncFailed) as caught:
        bench.sync(lambda known, *, confirm, progress: told)
    assert isinstance(caught.value.__cause__, CorpError)
    assert bench.state.generation == 0


def test_an_edit_between_reading_and_publishing_stands(bench, open_bench):
    """The run plans again from what it read, so that what a person decided meanwhile is not overwritten."""
    bench.sync(snapshot(crowd(5)))
    other = open_bench()

    def fetch(known, *, confirm, progress):
        return snapshot([*crowd(4), *(one._replace(name="New") for one in crowd(5)[4:])])

    edits = iter(
        [
            lambda: set_offline(other.storage, CORP, ["m004"], offline=True),
            lambda: set_roles(other.storage, CORP, "m004", ["admin"], strict=False),
        ]
    )

    def progress(phase, done, total):
        # After the plan was made and before it is published.
        if phase == "publish" and not done and (edit := next(edits, None)):
            edit()

    report = bench.engine.run(fetch, action="sync", approve=None, progress=progress)
    row = bench.state.members["m004"]
    assert (row.name, row.status, row.reason) == ("New", 2, "manual")
    assert GrantRow("admin", "m004", "manual") in bench.state.grants
    assert report.generation == 4


def test_a_run_that_is_overtaken_again_and_again_plans_while_nobody_can_publish(bench, open_bench):
    """Events go on arriving in a large organisation; the last try makes the others wait."""
    bench.sync(snapshot(crowd(5)))
    other = open_bench()
    turns = 0

    def progress(phase, done, total):
        nonlocal turns
        if phase == "publish" and not done:
            turns += 1
            set_offline(other.storage, CORP, ["m004"], offline=bool(turns % 2))

    report = bench.engine.run(
        lambda known, *, confirm, progress: snapshot(crowd(6)), action="sync", approve=None, progress=progress
    )
    assert turns == 5
    assert (report.status, report.generation) == ("ok", 7)
    assert bench.state.members["m004"].status == 2


def test_a_run_that_lost_its_claim_ends_superseded(bench):
    """Its successor's organisation stays."""
    bench.sync(snapshot(crowd(5)))

    def fetch(known, *, confirm, progress):
        bench.clock.pass_(LEASE_SECONDS)
        begin_run(bench.storage, CORP, "sync", bench.clock())
        return snapshot(crowd(9))

    with pytest.raises(SyncSuperseded):
        bench.sync(fetch)
    assert len(bench.state.members) == 5
    assert [row.status for row in run_rows(bench)] == ["ok", "superseded", "running"]


def test_progress_renews_the_claim(bench):
    """A long run that gets on is not taken over, whichever thread reports."""

    def fetch(known, *, confirm, progress):
        for done in range(10):
            bench.clock.pass_(LEASE_SECONDS / 2)
            report = threading.Thread(target=progress, args=("members", done, 10))
            report.start()
            report.join()
            with pytest.raises(SyncLocked):
                begin_run(bench.storage, CORP, "sync", bench.clock())
        return snapshot(crowd(5))

    assert bench.sync(fetch).status == "ok"


def test_a_claim_that_cannot_be_renewed_does_not_stop_the_run(bench, monkeypatch, caplog):
    """It only gets older; the log says so."""

    def busy(*_):
        raise DatabaseBusy("busy")

    monkeypatch.setattr("jit_corps.sync.renew", busy)

    def fetch(known, *, confirm, progress):
        bench.clock.pass_(LEASE_SECONDS / 2)
        progress("members", 1, 1)
        return snapshot(crowd(5))

    assert bench.sync(fetch).status == "ok"
    assert "not renewed" in caplog.text


def test_a_failure_that_cannot_be_recorded_is_logged(bench, monkeypatch, caplog):
    """When the database is what failed, the first error still comes through."""

    def busy(*_):
        raise DatabaseBusy("busy")

    def fetch(known, *, confirm, progress):
        raise Refused("no")

    monkeypatch.setattr("jit_corps.sync.end_run", busy)
    with pytest.raises(SyncFailed, match="refused: no"):
        bench.sync(fetch)
    assert "not recorded" in caplog.text


def test_a_database_that_cannot_be_written_fails_the_run(bench, monkeypatch):
    """Before upstream is asked; there is no run to point to."""

    def busy(*_):
        raise DatabaseBusy("busy", hint="Try again.")

    monkeypatch.setattr("jit_corps.sync.begin_run", busy)
    with pytest.raises(SyncFailed, match="busy") as caught:
        bench.sync(lambda known, *, confirm, progress: pytest.fail("upstream was asked"))
    assert (caught.value.runId, caught.value.hint) == (None, "Try again.")


def test_a_dry_run_writes_nothing(bench):
    """Not even a row that it ran."""
    bench.sync(snapshot(crowd(5)))
    with bench.storage.counting() as count:
        plan = bench.engine.plan(
            lambda known, *, confirm, progress: snapshot(crowd(4)), approve=None, progress=lambda *_: None
        )
    assert plan.counts[MEMBERS]["removed"] == 1
    assert count.writes == 0


def test_a_dry_run_that_cannot_read_fails_as_a_run_does(bench):
    """With the cause, and without a run."""

    def fetch(known, *, confirm, progress):
        raise Refused("no")

    with pytest.raises(SyncFailed) as caught:
        bench.engine.plan(fetch, approve=None, progress=lambda *_: None)
    assert caught.value.runId is None


def test_a_run_logs_one_line_without_names(bench, caplog):
    """One line per run, with its figures as fields."""
    with caplog.at_level(logging.INFO, "jit_corps"):
        bench.sync(snapshot(crowd(2), departments=depts(d1=None)))
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "synced corp=corps.Shop status=ok changes=5 calls=0 seconds=0.000 generation=1"
    )
    assert "M000" not in caplog.text

"""All organisations of an app at once: real threads and a real database, upstreams that do what the test tells them."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from jit_corps import fleet_view
from jit_corps.cli import sync
from jit_corps.errors import SyncStopped
from jit_corps.fleet import corp_names, last_durations, sync_all
from jit_corps.fleet_view import line, summary, sync_and_show
from jit_corps.resting import Rest
from jit_corps.run_list import newest
from jit_corps.turns import Limits
from jitcore.errors import ArgumentError
from tests.jit_corps.conftest import APP_FILES
from tests.jit_corps.scripted import crowd, snapshot

#: Short enough for a test, long enough for a busy machine.
LIMITS = Limits(places=4, patience=0.2, timeout=20.0, grace=20.0, gap=0.0)


@pytest.fixture
def fleet(open_app):
    """Makes an app with so many organisations, ``corps.C00`` and on; each says that it has three members."""

    def make(count: int, **files: Any) -> Any:
        corps = {
            f"corps/C{number:02}/e.json": {"type": "corps.ScriptedType", "title": "Corp"} for number in range(count)
        }
        corps |= {
            f"corps/C{number:02}/C{number:02}.json": {"corpId": f"ww{number:02}", "authFullName": "auths.Any"}
            for number in range(count)
        }
        shared = {name: told for name, told in APP_FILES.items() if name.startswith("corps/ScriptedType")}
        app = open_app({**shared, **corps, **files}, name="fleet")
        for number in range(count):
            corp = app.getElement(f"corps.C{number:02}")
            corp.upstream = replace(snapshot(crowd(3), calls=2), corpId=corp.corpId)
        return app

    return make


class Gate:
    """An upstream that answers when it is let: it reports progress meanwhile, unless it hangs."""

    def __init__(self, corp: Any, *, hangs: bool = False) -> None:
        self.entered, self.opened, self.left = threading.Event(), threading.Event(), threading.Event()
        self._told, self._hangs = corp.upstream, hangs
        corp.upstream = self

    def __call__(self, known: Any, *, confirm: int, progress: Any) -> Any:
        self.entered.set()
        try:
            while not self.opened.wait(None if self._hangs else 0.01):
                progress("members", 1, None)
            return self._told
        finally:
            self.left.set()


class Watcher:
    """Remembers what it is told; ``then`` is called with each result."""

    def __init__(self, then: Any = lambda result: None) -> None:
        self.count, self.begun, self.seen, self.then = 0, [], [], then

    def planned(self, count: int) -> None:
        self.count = count

    def began(self, corpFullName: str, title: str) -> None:
        self.begun.append(corpFullName)

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: Any) -> None:
        self.seen.append(result)
        self.then(result)


def by_name(results: Any) -> dict[str, Any]:
    return {result.corpFullName: result for result in results}


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("jit-sync")]


def jit(app: Any, *words: str) -> Any:
    return CliRunner().invoke(sync, words, obj=lambda: app, standalone_mode=False)


# Which ones


def test_every_organisation_is_synced(fleet):
    """One result for each, and one run."""
    app = fleet(12)
    watcher = Watcher()
    results = sync_all(app, limits=LIMITS, watcher=watcher)
    assert sorted(by_name(results)) == [f"corps.C{number:02}" for number in range(12)]
    assert {result.status for result in results} == {"ok"}
    assert watcher.seen == results
    assert watcher.count == 12
    assert all(len(app.getElement(result.corpFullName).getMembers()) == 3 for result in results)
    assert threads() == []


def test_organisations_are_instances_of_types_of_the_family(fleet):
    """Whatever a Type's own name is; Types are none, and broken ones are not passed over."""
    files = {
        "corps/Broken/e.json": "{",
        "acme/OwnType/e.json": {"type": "corps.ScriptedType", "title": "Own"},
        "acme/OwnType/__init__.py": "from tests.jit_corps.scripted import Loader\n",
        "acme/Mine/e.json": {"type": "acme.OwnType", "title": "Mine"},
        "acme/Mine/Mine.json": {"corpId": "wwmine", "authFullName": "auths.Any"},
    }
    app = fleet(1, **files)
    app.getElement("acme.Mine").upstream = replace(snapshot(), corpId="wwmine")
    assert corp_names(app) == ["acme.Mine", "corps.Broken", "corps.C00"]
    results = by_name(sync_all(app, limits=LIMITS))
    assert {name: result.status for name, result in results.items()} == {
        "acme.Mine": "ok",
        "corps.Broken": "failed",
        "corps.C00": "ok",
    }
    assert results["corps.Broken"].error.code == "element-invalid"


def test_a_corp_that_takes_no_progress_is_synced_too(fleet):
    """The family asks for a syncCorp without parameters, and for no report."""
    app = fleet(2)
    called = []
    app.getElement("corps.C00").syncCorp = lambda: called.append(1)
    result = by_name(sync_all(app, limits=LIMITS))["corps.C00"]
    assert (called, result.status, result.is_ok, result.report) == ([1], "ok", True, None)
    assert result.as_dict()["status"] == "ok"
    assert line(result) == "corps.C00: ok"


def test_a_resting_one_takes_no_place(fleet, monkeypatch):
    """It is shown with its word, is not asked, and has no run."""
    app = fleet(3)
    parked, gone = app.getElement("corps.C00"), app.getElement("corps.C01")
    kind = type(parked)
    rests = {"corps.C00": Rest("parked", "the secret was refused"), "corps.C01": Rest("gone", "it left", True)}
    monkeypatch.setattr(kind, "resting", property(lambda self: rests.get(self.fullName)))
    watcher = Watcher()
    results = by_name(sync_all(app, limits=LIMITS, watcher=watcher))
    assert watcher.begun == ["corps.C02"]
    assert (parked.asked, gone.asked) == (None, None)
    assert [(result.status, result.is_ok) for _, result in sorted(results.items())] == [
        ("parked", False),
        ("gone", True),
        ("ok", True),
    ]
    assert results["corps.C00"].as_dict() == {
        "corpFullName": "corps.C00",
        "status": "parked",
        "reason": "the secret was refused",
    }
    assert newest(app.storage, "corps.C00", 5) == []


# None keeps the others waiting


def test_one_that_fails_is_its_own_business(fleet):
    """Whatever it raises, in its run or before; the others are synced."""
    app = fleet(5)
    app.getElement("corps.C01").upstream = RuntimeError("no network")
    app.getElement("corps.C02").syncCorp = lambda progress: sys.exit(3)
    results = by_name(sync_all(app, limits=LIMITS))
    assert {name for name, result in results.items() if result.status == "ok"} == {
        "corps.C00",
        "corps.C03",
        "corps.C04",
    }
    assert results["corps.C01"].error.code == "sync-failed"
    assert "SystemExit" in str(results["corps.C02"].error)


def test_as_many_hang_as_there_are_places_and_the_others_end(fleet):
    """After the patience each place goes on to the next; twice as many threads as places at most."""
    app = fleet(24)
    gates = [Gate(app.getElement(f"corps.C{number:02}"), hangs=True) for number in (0, 7, 13, 23)]
    most = []

    def then(result: Any) -> None:
        most.append(len(threads()))
        if len(watcher.seen) == 20:
            for gate in gates:
                gate.opened.set()

    watcher = Watcher(then)
    results = sync_all(app, limits=LIMITS, watcher=watcher)
    assert {result.corpFullName for result in results[20:]} == {"corps.C00", "corps.C07", "corps.C13", "corps.C23"}
    assert {result.status for result in results} == {"ok"}
    assert max(most) <= 8


def test_the_time_limit_ends_a_run(fleet):
    """It fails with its reason, changes nothing, and its row says so; the next sync goes well."""
    app = fleet(1)
    gate = Gate(app.getElement("corps.C00"))
    (result,) = sync_all(app, limits=replace(LIMITS, timeout=0.3))
    assert isinstance(result.error, SyncStopped)
    assert "longer than 0.3 s" in result.error.message
    (run,) = newest(app.storage, "corps.C00", 5)
    assert (run["status"], run["cause"].partition(":")[0]) == ("failed", "sync-stopped")
    assert app.getElement("corps.C00").getMembers() == []
    gate.opened.set()
    assert {result.status for result in sync_all(app, limits=LIMITS)} == {"ok"}


def test_one_that_does_not_stop_is_not_waited_for(fleet):
    """It is told as failed; when it wakes up at last it publishes nothing, and its thread ends."""
    app = fleet(1)
    gate = Gate(app.getElement("corps.C00"), hangs=True)
    (result,) = sync_all(app, limits=replace(LIMITS, timeout=0.1, grace=0.1))
    assert "still about to end" in result.error.message
    (left,) = threads()
    gate.opened.set()
    left.join(60)
    assert not left.is_alive()
    assert app.getElement("corps.C00").getMembers() == []
    assert newest(app.storage, "corps.C00", 1)[0]["status"] == "failed"


def test_a_run_that_publishes_is_waited_for(fleet, monkeypatch):
    """Told to stop while it writes, it ends what it does, and its result is the true one."""
    from jit_corps import sync as engine

    app = fleet(1)
    publish, until = engine.publish, threading.Event()

    def slow(*given: Any) -> Any:
        done = publish(*given)
        until.wait(1.5)
        return done

    monkeypatch.setattr(engine, "publish", slow)
    (result,) = sync_all(app, limits=replace(LIMITS, timeout=1.0, grace=0.05))
    assert (result.status, result.report.counts["members"]["added"]) == ("ok", 3)
    assert newest(app.storage, "corps.C00", 1)[0]["status"] == "ok"


def test_the_last_durations_say_who_is_long(fleet):
    """The longest begin with half of the places; those never synced count as long."""
    app = fleet(6)
    sync_all(app, limits=LIMITS)
    app.database.execute_sql("UPDATE corp_sync_run SET duration = run_id * 0")
    app.database.execute_sql("UPDATE corp_sync_run SET duration = 50 WHERE corp_full_name = 'corps.C02'")
    app.database.execute_sql("DELETE FROM corp_sync_run WHERE corp_full_name = 'corps.C05'")
    known = last_durations(app.storage, [f"corps.C{number:02}" for number in range(6)])
    assert known == {
        "corps.C02": 50.0,
        "corps.C05": None,
        **dict.fromkeys(known.keys() - {"corps.C02", "corps.C05"}, 0.0),
    }
    watcher = Watcher()
    sync_all(app, limits=LIMITS, watcher=watcher)
    assert watcher.begun[:4] == ["corps.C05", "corps.C02", "corps.C00", "corps.C01"]


# Ctrl-C


def test_ctrl_c_stops_everybody_and_publishes_nothing_more(fleet):
    """Running ones end as failed, waiting ones never begin, no thread is left, what was published stays."""
    app = fleet(10)
    for number in range(1, 10):
        Gate(app.getElement(f"corps.C{number:02}"))

    def interrupt(result: Any) -> None:
        if result.corpFullName == "corps.C00":
            raise KeyboardInterrupt

    watcher = Watcher(interrupt)
    with pytest.raises(KeyboardInterrupt):
        sync_all(app, limits=LIMITS, watcher=watcher)
    assert threads() == []
    begun = set(watcher.begun) - {"corps.C00"}
    assert 0 < len(begun) < 9
    told = by_name(watcher.seen)
    assert {told[name].error.code for name in begun} == {"sync-stopped"}
    assert {newest(app.storage, name, 1)[0]["status"] for name in begun} == {"failed"}
    for number in range(1, 10):
        assert app.getElement(f"corps.C{number:02}").getMembers() == []
    assert len(app.getElement("corps.C00").getMembers()) == 3


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"concurrency": True}, {"timeout": 0}, {"timeout": "5"}])
def test_wrong_limits_are_refused(fleet, wrong):
    """Before anything begins."""
    with pytest.raises(ArgumentError):
        sync_all(fleet(1), **wrong)


# The command


def test_the_command_prints_a_line_for_each_and_a_summary(fleet):
    """Exit 0 when all are ok."""
    app = fleet(3)
    done = jit(app, "--all", "--concurrency", "2")
    assert done.return_value == 0
    *lines, last = done.stdout.splitlines()
    assert sorted(one.partition(",")[0] for one in lines) == [f"corps.C{number:02}: ok" for number in range(3)]
    assert last.startswith("3 organisations: 3 ok (6 calls, ")


def test_the_command_exits_1_when_one_needs_looking_after(fleet):
    """Failed and guarded ones; the failed one is told on standard error."""
    app = fleet(3)
    jit(app, "--all")
    corp = app.getElement("corps.C01")
    corp.upstream = replace(snapshot(), corpId=corp.corpId)
    done = jit(app, "--all")
    assert done.return_value == 1
    assert "corps.C01: guarded" in done.stdout
    assert "3 organisations: 2 ok, 1 guarded" in done.stdout
    corp.upstream = RuntimeError("no network")
    done = jit(app, "--all")
    assert done.return_value == 1
    assert "error[sync-failed]: corps.C01 was not synced" in done.stderr
    assert "2 ok, 1 failed" in done.stdout


def test_the_command_prints_json(fleet):
    """One entry for each, failed and resting ones too, of the shape that jit sync prints."""
    app = fleet(2, **{"corps/Broken/e.json": "{"})
    done = jit(app, "--all", "--json")
    told = {entry["corpFullName"]: entry for entry in json.loads(done.stdout)}
    assert (told["corps.Broken"]["status"], told["corps.Broken"]["code"]) == ("failed", "element-invalid")
    assert (told["corps.C00"]["status"], told["corps.C00"]["calls"]) == ("ok", 2)
    assert done.return_value == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--all", "corps.C00"],
        ["--all", "--approve", "3"],
        ["--all", "--plan"],
        ["--concurrency", "2"],
        ["--timeout", "2", "corps.C00"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused(fleet, words):
    """Before the app is opened; a ceiling for removals is about one organisation."""
    done = CliRunner().invoke(sync, words, obj=lambda: pytest.fail("opened"), standalone_mode=False)
    assert "--all" in str(done.exception)


def test_an_app_without_organisations_says_so(open_app):
    """Nothing to do is no error."""
    done = jit(open_app({"app.json": {"name": "empty"}}, name="empty"), "--all")
    assert (done.return_value, done.stdout) == (0, "The app has no organisation.\n")


def test_a_summary_of_what_was_interrupted_says_how_many_are_missing(fleet):
    """It does not pass for one of all."""
    results = sync_all(fleet(2), limits=LIMITS)
    assert summary(results, 5, 1.0) == "5 organisations: 2 ok, 3 not begun or not ended (4 calls, 1.0 s)"


def test_a_terminal_gets_one_table(fleet, capsys, monkeypatch):
    """Those that run are in it, with what they do; each that ends leaves a line above."""
    app = fleet(3)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    app.getElement("corps.C02").upstream = RuntimeError("no network")
    gate = Gate(app.getElement("corps.C01"))
    drawing, drawings = fleet_view._Table.drawing, []

    def drawn(table: Any) -> Any:
        now = drawing(table)
        if str(now.title).startswith("2 of 3 done, 1 failed, 1 running, 0 waiting"):
            drawings.append(now)
            # The first one is on the terminal before the organisation that it shows has ended.
            if len(drawings) == 2:
                gate.opened.set()
        return now

    monkeypatch.setattr(fleet_view._Table, "drawing", drawn)
    assert sync_and_show(app, concurrency=4, timeout=20.0, as_json=False) == 1
    shown = capsys.readouterr().out
    assert "corps.C00: ok" in shown
    assert "error[sync-failed]" in shown
    assert "2 of 3 done, 1 failed, 1 running, 0 waiting" in shown
    assert "members" in shown
    assert "3 organisations: 2 ok, 1 failed" in shown.splitlines()[-1]

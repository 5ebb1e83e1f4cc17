"""What a watching process serves stale, as `jit list` in another process shows it."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time

import pytest

from jitcore import App
from jitcore.bulletin import Bulletin, Served, served_stale
from jitcore.cli import main
from jitcore.elements import Stale
from jitcore.errors import AppError

#: Longest a test waits for something that must happen, in seconds.
PATIENCE = 60.0

PROGRAM = """
import sys
from jitcore import App

with App(sys.argv[1], watch=True) as app:
    app.getElement("things.Hello")
    print("open", flush=True)
    for line in sys.stdin:
        app.watcher.reload()
        print("reloaded", flush=True)
"""


class Program:
    """A program that watches an app and has loaded ``things.Hello``."""

    def __init__(self, path):
        words = [sys.executable, "-c", PROGRAM, str(path)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "open\n"
        self.pid = self.process.pid

    def reload(self):
        """Have it look at everything now."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "reloaded\n"

    def end(self):
        """Let it come to its end."""
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def start():
    """Start programs on an app; ended with the test."""
    running = []

    def begin(path):
        running.append(Program(path))
        return running[-1]

    yield begin
    for program in running:
        if program.process.returncode is None:
            program.end()


@pytest.fixture
def listed(capsys):
    """What ``jit list`` prints about ``things.Hello``: its line and those that belong to it."""

    def of(path, *options):
        with pytest.raises(SystemExit) as ended:
            main(["--app", str(path), "list", *options])
        out = capsys.readouterr().out
        assert ended.value.code == 0
        if options:
            return next(row for row in json.loads(out) if row["element"] == "things.Hello")
        return re.search(r"^things\.Hello.*(\n  .*)*", out, re.MULTILINE)[0]

    return of


def break_(path):
    (path / "things/Hello/Hello.json").write_text('{"wrod": "Hello"}')


def mend(path):
    (path / "things/Hello/Hello.json").write_text('{"word": "Hello"}')


def left(path):
    """The files of all processes."""
    folder = path / "appData/watching"
    return sorted(file.suffix for file in folder.iterdir()) if folder.exists() else []


def test_list_shows_what_another_process_serves_stale(write_app, things, start, listed):
    """State, since when, the process and why; after the cure nothing of it is left."""
    path = write_app(things)
    program = start(path)
    assert left(path) == []
    break_(path)
    program.reload()
    text = listed(path)
    assert re.match(
        r"things\.Hello +things\.PlainType +stale +app\n"
        rf"  stale since \d\d:\d\d:\d\d \(process {program.pid}\): things/Hello/Hello\.json:1:2: error\[key-unknown\]",
        text,
    )
    row = listed(path, "--json")
    assert row["state"] == "stale"
    [one] = row["stale"]
    assert one["process"] == program.pid
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", one["since"])
    assert "wrod" in one["why"]
    mend(path)
    program.reload()
    assert "stale" not in listed(path)
    assert listed(path, "--json")["stale"] == []
    assert left(path) == []


def test_several_processes_are_told_together(write_app, things, start, listed):
    """Those that serve the same for the same reason stand in one line."""
    path = write_app(things)
    programs = [start(path), start(path)]
    break_(path)
    for program in programs:
        program.reload()
    pids = [program.pid for program in programs]
    several = rf"{pids[0]}, {pids[1]}|{pids[1]}, {pids[0]}"
    assert re.search(rf"\n  stale since [0-9:]+ \(processes (?:{several})\): ", listed(path))
    assert listed(path).count("\n") == 1
    programs[0].end()
    assert f"(process {programs[1].pid})" in listed(path)


def test_a_killed_process_is_not_believed(write_app, things, start, listed):
    """kill -9 leaves the file behind, which tells nothing; the next process with something to tell clears it away."""
    path = write_app(things)
    program = start(path)
    break_(path)
    program.reload()
    program.process.kill()
    program.process.communicate()
    assert left(path) == [".json", ".lock"]
    assert re.match(r"things\.Hello +things\.PlainType +invalid +app$", listed(path))
    assert left(path) == [".json", ".lock"]
    mend(path)
    other = start(path)
    break_(path)
    other.reload()
    assert f"(process {other.pid})" in listed(path)
    assert left(path) == [".json", ".lock"]
    other.end()
    assert left(path) == []


def test_an_edit_of_the_edit_is_told(watched, things):
    """Since stays, why is that of the last save; nothing is written while nothing changes."""
    app = watched(things)
    app.app.getElement("things.Hello")
    break_(app.path)
    app.app.watcher.reload()
    [first] = served_stale(app.app)["things.Hello"]
    [file] = (app.path / "appData/watching").glob("*.json")
    stamp = file.stat().st_mtime_ns, file.stat().st_ino
    (app.path / "things/PlainType/schema.json").touch()
    app.app.watcher.reload()
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == stamp
    (app.path / "things/Hello/Hello.json").write_text("{")
    app.app.watcher.reload()
    [second] = served_stale(app.app)["things.Hello"]
    assert second.since == first.since
    assert "json-syntax" in second.why
    assert second.process == os.getpid()


def test_nothing_secret_is_told(watched, things):
    """Values of the business file stay where they are."""
    things["things/Hello/Hello.json"] = {"word": "Hello", "secret": "canary-4711"}
    app = watched(things)
    app.app.getElement("things.Hello")
    (app.path / "things/Hello/Hello.json").write_text('{"word": 7, "secret": "canary-4711", "sceret": "canary-4712"}')
    app.app.watcher.reload()
    [file] = (app.path / "appData/watching").glob("*.json")
    assert "canary" not in file.read_text()
    [served] = served_stale(app.app)["things.Hello"]
    assert served.why.endswith("(and 1 more)")


@pytest.mark.parametrize("place", ["appData", "appData/watching"])
def test_where_nothing_can_be_written_everything_else_works(watched, write_app, things, caplog, place):
    """One line for whoever debugs, once; hot reload goes on, and list shows what it can see by itself."""
    app = watched({**things, place: "in the way"})
    app.app.getElement("things.Hello")
    with caplog.at_level(logging.DEBUG, "jitcore.bulletin"):
        for _ in range(2):
            break_(app.path)
            app.app.watcher.reload()
            assert app.app.elements["things.Hello"].state == "stale"
            mend(app.path)
            app.app.watcher.reload()
            assert app.app.elements["things.Hello"].state == "loaded"
    assert [record.levelname for record in caplog.records if record.name == "jitcore.bulletin"] == ["DEBUG"]
    assert served_stale(app.app) == {}


@pytest.mark.parametrize("content", ["", "[]", '{"stale": 1}', '{"process": "x", "stale": {"a.B": {}}}'])
def test_a_file_that_is_not_ours_tells_nothing(open_app, things, content):
    """Whatever lies in the folder stops nobody, also when its lock is held."""
    app = open_app(things)
    bulletin = Bulletin(app)
    bulletin.tell({"things.Hello": Stale(time.time(), AppError("no"))})
    [file] = (app.path / "appData/watching").glob("*.json")
    file.write_text(content)
    assert served_stale(app) == {}
    bulletin.close()
    bulletin.close()
    assert left(app.path) == []


def test_what_is_stale_since_another_day_has_a_date(open_app, things, listed):
    """The time alone would mislead."""
    app = open_app(things)
    bulletin = Bulletin(app)
    bulletin.tell({"things.Hello": Stale(1_700_000_000.0, AppError("it is\nbroken"))})
    try:
        assert re.search(r"stale since 2023-11-1[45] [0-9:]{8} \(process \d+\): it is broken", listed(app.path))
        assert served_stale(app) == {"things.Hello": [Served(os.getpid(), 1_700_000_000.0, "it is broken")]}
    finally:
        bulletin.close()


def test_jit_dev_tells_too(write_app, things, listed):
    """What `jit dev` shows as stale is shown by list."""
    path = write_app(things)
    words = [sys.executable, "-m", "jitcore.cli", "--app", str(path), "dev", "--plain"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as dev:
        try:
            assert dev.stdout.readline().startswith("watching")
            break_(path)
            while "stale" not in dev.stdout.readline():
                pass
            assert f"(process {dev.pid})" in listed(path)
        finally:
            dev.kill()


def test_reading_makes_no_folder(write_app, things, listed):
    """`jit list` of an app that nobody watches leaves it as it is."""
    path = write_app(things)
    listed(path)
    assert not (path / "appData").exists()
    with App(path) as app:
        assert served_stale(app) == {}

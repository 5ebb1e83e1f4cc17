"""What Types were told, between processes: each change is told by one of them."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import time

import pytest

from jitcore import App
from jitcore.errors import AppError
from jitcore.filelock import FileLock
from jitcore.ledger import tell
from jitcore.lifecycle import Changes

#: Longest a test waits for something that must happen, in seconds.
PATIENCE = 60.0

#: A Type that writes down what it hears, and is slow about it: whoever does not wait tells it twice.
SLOW = """
import os, time

def note(app, text):
    time.sleep(0.01)
    descriptor = os.open(app.app_data / "heard", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{text}\\n".encode())
    os.close(descriptor)

def onCreate(app, fullName):
    note(app, f"+{fullName}")

def onUpdate(app, fullName):
    note(app, f"~{fullName}")

def onDelete(app, fullName):
    note(app, f"-{fullName}")
"""

WATCHING = """
import sys
from jitcore import App

with App(sys.argv[1], watch=True):
    print("open", flush=True)
    sys.stdin.read()
"""

ANNOUNCING = """
import sys
from jitcore import App

with App(sys.argv[1]) as app:
    print("open", flush=True)
    sys.stdin.readline()
    changes = app.announce_changes()
    print(len(changes.created), flush=True)
"""


def start(code, path):
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "open\n"
    return process


@pytest.fixture
def processes():
    """Start programs on an app; ended with the test, and whoever was not killed must end well."""
    running = []

    def begin(code, path):
        running.append(start(code, path))
        return running[-1]

    yield begin
    for process in running:
        process.communicate(timeout=PATIENCE)
        assert process.returncode in {0, -9}


def heard(path, count):
    """The first ``count`` notes of the Type, and whatever comes within a moment after them."""
    file = path / "appData/heard"
    deadline = time.monotonic() + PATIENCE
    while len(file.read_text().splitlines() if file.exists() else ()) < count:
        assert time.monotonic() < deadline, file.read_text() if file.exists() else "nothing"
        time.sleep(0.01)
    time.sleep(0.5)
    return file.read_text().splitlines()


def test_several_watching_processes_tell_each_change_once(write_app, things, processes):
    """Of the processes that see the same save, one tells the Type: creation, update and end."""
    path = write_app({**things, "things/PlainType/lifecycle.py": SLOW})
    for _ in range(3):
        processes(WATCHING, path)
    names = [f"New{number}" for number in range(5)]
    for name in names:
        write_app(
            {
                f"things/{name}/{name}.json": {"word": name},
                f"things/{name}/e.json": {"type": "things.PlainType", "title": name},
            }
        )
    assert sorted(heard(path, 5)) == [f"+things.{name}" for name in names]
    (path / "things/New1/New1.json").write_text('{"word": "Other"}')
    assert heard(path, 6)[5:] == ["~things.New1"]
    shutil.rmtree(path / "things/New1")
    assert heard(path, 7)[6:] == ["-things.New1"]


def test_several_announcing_processes_tell_each_change_once(write_app, things, processes):
    """The first of them tells all; the others wait for it and find nothing left."""
    path = write_app({**things, "things/PlainType/lifecycle.py": SLOW})
    programs = [processes(ANNOUNCING, path) for _ in range(4)]
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    assert sorted(int(program.stdout.readline()) for program in programs) == [0, 0, 0, 1]
    assert heard(path, 1) == ["+things.Hello"]


def test_what_a_killed_process_was_telling_is_told_again(write_app, things, processes):
    """A process that dies in the middle of onCreate leaves the change to the next one."""
    dying = SLOW + "\n\ndef onCreate(app, fullName):\n    note(app, f'+{fullName}')\n    time.sleep(600)\n"
    path = write_app({**things, "things/PlainType/lifecycle.py": dying})
    program = processes(ANNOUNCING, path)
    program.stdin.write("\n")
    program.stdin.flush()
    assert heard(path, 1) == ["+things.Hello"]
    program.kill()
    program.wait()
    write_app({"things/PlainType/lifecycle.py": SLOW})
    with App(path) as app:
        assert app.announce_changes().created == ["things.Hello"]
    assert heard(path, 2) == ["+things.Hello"] * 2


@pytest.fixture
def notes(monkeypatch):
    """What the Type of the test app wrote down."""
    import builtins

    written = []
    monkeypatch.setattr(builtins, "jit_test_notes", written, raising=False)
    return written


@pytest.fixture
def noting(things):
    """An app whose Type writes down what it hears."""
    code = "import builtins\n\n" + "\n\n".join(
        f"def on{verb}(fullName):\n    builtins.jit_test_notes.append(('{verb}', fullName))\n"
        for verb in ("Create", "Update", "Delete")
    )
    return {**things, "things/PlainType/lifecycle.py": code}


def told(app, **changes):
    names = {name for some in changes.values() for name in some}
    tell(app, Changes.of(**changes), dict.fromkeys(names, "things.PlainType"), lambda: True)


def test_what_another_told_is_not_told_again(open_app, write_app, noting, notes):
    """Each change that the ledger knows already is passed over; what was edited since its creation is an update."""
    app = open_app(noting)
    told(app, created=["things.Hello"])
    told(app, created=["things.Hello"])
    told(app, updated=["things.Hello"])
    assert notes == [("Create", "things.Hello")]
    write_app({"things/Hello/Hello.json": {"word": "Other"}})
    with App(app.path) as other:
        told(other, created=["things.Hello"])
        told(other, updated=["things.Hello"])
        assert not other.announce_changes()
    assert notes[1:] == [("Update", "things.Hello")]
    told(app, deleted=["things.Hello"])
    told(app, deleted=["things.Hello"])
    assert notes[2:] == [("Delete", "things.Hello")]


def test_an_instance_may_come_back(open_app, noting, notes):
    """After its end was told, its new beginning is told, and its next end."""
    app = open_app(noting)
    told(app, created=["things.Hello"])
    told(app, deleted=["things.Hello"])
    told(app, created=["things.Hello"])
    told(app, deleted=["things.Hello"])
    assert [verb for verb, _ in notes] == ["Create", "Delete"] * 2
    assert app.announce_changes().created == ["things.Hello"]


def test_a_type_that_asks_while_it_is_told_gets_nothing(open_app, things):
    """announce_changes in onCreate returns at once, with no changes, instead of waiting for itself."""
    things["things/PlainType/lifecycle.py"] = (
        "def onCreate(app, fullName):\n    (app.path / 'told').write_text(repr(bool(app.announce_changes())))\n"
    )
    app = open_app(things)
    assert app.announce_changes().created == ["things.Hello"]
    assert (app.path / "told").read_text() == "False"


def test_who_waits_for_another_process_says_so_and_may_give_up(open_app, noting, notes, caplog, monkeypatch):
    """The log names the process that has the ledger; a closing App does not wait for it."""
    monkeypatch.setattr("jitcore.ledger._TOLD_AFTER", 0.0)
    app = open_app(noting)
    tries = iter([False, False, True])
    with FileLock(app.app_data / "elements.lock") as lock, caplog.at_level(logging.INFO, "jitcore.ledger"):
        lock.take()
        monkeypatch.setattr("jitcore.filelock.threading.get_ident", lambda: 0)
        tell(app, Changes.of(created=["things.Hello"]), {"things.Hello": "things.PlainType"}, lambda: next(tries))
    assert caplog.text.count("is telling the Types of app what changed") == 1
    assert notes == []


def test_what_cannot_be_remembered_is_told_all_the_same(open_app, noting, notes):
    """Where appData cannot be written, a reload still tells the Types; announce_changes says why it cannot."""
    app = open_app({**noting, "appData": "in the way"})
    told(app, created=["things.Hello"])
    assert notes == [("Create", "things.Hello")]
    with pytest.raises(AppError, match="appData cannot be made"):
        app.announce_changes()
    assert len(notes) == 1


@pytest.mark.parametrize("name", ["elements.lock", "elements.json"])
def test_a_ledger_that_cannot_be_written_is_told(open_app, noting, notes, name):
    """The error names the file and what to do."""
    app = open_app(noting)
    (app.app_data / name).mkdir()
    with pytest.raises(AppError, match=rf"cannot remember .*{name} cannot be used"):
        app.announce_changes()


def test_a_file_system_without_locks_still_tells(open_app, noting, notes, monkeypatch):
    """Where the system refuses locks, processes may tell twice, and nobody is kept from telling."""

    def refuse(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("jitcore.filelock._lock", refuse)
    assert open_app(noting).announce_changes().created == ["things.Hello"]
    assert notes == [("Create", "things.Hello")]


def test_the_ledger_remembers_ends_by_name_only(open_app, noting, notes):
    """An instance whose end was told leaves its name and nothing else."""
    app = open_app(noting)
    told(app, deleted=["things.Gone"])
    assert json.loads((app.app_data / "elements.json").read_text()) == {"things.Gone": ["", ""]}

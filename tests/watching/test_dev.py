"""`jit dev`: what a developer sees while editing."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.watching.terminal import Terminal

#: Longest a test waits for a line, in seconds.
PATIENCE = 60.0


class Dev:
    """A running `jit dev`, its output line by line."""

    def __init__(self, path, *options):
        self.path = path
        words = [sys.executable, "-m", "jitcore.cli", "--app", str(path), "dev", *options]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = self.process.stdout.fileno()
        self.seen = ""

    def wait_for(self, pattern):
        """Read until the output since the last call matches."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in:\n{self.seen}"
            if select.select([self.reader], [], [], left)[0]:
                self.seen += os.read(self.reader, 65536).decode("utf-8", "replace")
        self.seen = self.seen[found.end() :]
        return found

    def write(self, place, content):
        file = self.path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture
def run(write_app):
    """Start `jit dev` on a written app; ended by Ctrl-C at the end of the test, which must be clean."""
    running = []

    def start(files, *options):
        dev = Dev(write_app(files), *options)
        running.append(dev)
        return dev

    yield start
    for dev in running:
        assert dev.stop() == 0


def test_each_save_shows_what_it_did(run, things):
    """Plain lines: what was saved, reloaded, created, deleted, and how long it took."""
    dev = run(things)
    dev.wait_for(r"watching .*: \d+ elements, 2 loaded")
    dev.write("things/Hello/Hello.json", {"word": "Two"})
    dev.wait_for(r"saved +things/Hello/Hello\.json \(\d+ ms\)\n.*reloaded +things\.Hello")
    dev.write("things/Fresh/Fresh.json", {"word": "Fresh"})
    dev.write("things/Fresh/e.json", {"type": "things.PlainType", "title": "Fresh"})
    dev.wait_for(r"created +things\.Fresh")
    code = dev.path / "things/PlainType/__init__.py"
    dev.write("things/PlainType/__init__.py", code.read_text() + "\nMORE = 1\n")
    dev.wait_for(r"saved +things/PlainType/__init__\.py.*\n.*reloaded +things\.Fresh\n.*reloaded +things\.Hello")


def test_a_broken_save_is_explained_and_its_fix_announced(run, things):
    """A broken edit: place, snippet and remedy; the element goes on; the fix says recovered."""
    dev = run(things)
    dev.wait_for("watching")
    dev.write("things/Hello/Hello.json", '{\n  "wrod": "Hello"\n}\n')
    dev.wait_for(r"stale +things\.Hello serves as it was\n")
    dev.wait_for(r"things/Hello/Hello\.json:2:3.*\n")
    dev.wait_for(r'2 \| +"wrod"')
    dev.wait_for(r'Did you mean "word"\?')
    dev.write("things/Hello/Hello.json", {"word": "Back"})
    dev.wait_for(r"recovered +things\.Hello")


def test_what_is_wrong_at_the_start_is_shown(run, things):
    """An app full of mistakes is opened and explained, app.json included."""
    dev = run({**things, "things/Bad/e.json": {"type": "things.PlianType", "title": "Bad"}})
    dev.wait_for(r"invalid +things\.Bad\n.*unknown-type")


@pytest.fixture
def show(write_app):
    """Start `jit dev` on a written app in a terminal; ended by Ctrl-C at the end of the test."""
    running = []

    def start(files, **options):
        terminal = Terminal(write_app(files), **options)
        running.append(terminal)
        return terminal

    yield start
    for terminal in running:
        assert terminal.stop() == 0


def test_a_terminal_gets_one_view(show, write_app, things):
    """On a terminal the elements and their states are shown, and brought up to date with each save."""
    terminal = show(things)
    business = write_app({}) / "things/Hello/Hello.json"
    terminal.wait_for_view(r"things\.Hello +things\.PlainType +loaded")
    business.write_text('{"word": ')
    terminal.wait_for_view(r"things\.Hello +things\.PlainType +stale[^$]*Hello\.json:1")
    business.write_text('{"word": "Back"}')
    terminal.wait_for_view(r"things\.Hello +things\.PlainType +loaded[^$]*recovered +things\.Hello")


def test_the_view_fits_a_small_terminal(show, write_app, things):
    """However much is wrong, the newest saves are in sight."""
    for number in range(20):
        things[f"things/Bad{number}/e.json"] = {"type": "things.PlianType", "title": "Bad"}
    terminal = show(things, size=(20, 80))
    terminal.wait_for_view(r"invalid")
    (write_app({}) / "things/Hello/Hello.json").write_text('{"word": "Seen"}')
    terminal.wait_for_view(r"saved +things/Hello/Hello\.json[^$]*reloaded +things\.Hello")
    assert "more: jit check" in terminal.view
    assert len(terminal.view.splitlines()) <= 20


def test_an_error_of_a_type_is_told_once(run, things):
    """A broken Type names the instances that it keeps, and is explained once; many are counted."""
    for number in range(30):
        things[f"things/More{number:02}/e.json"] = {"type": "things.PlainType", "title": "More"}
        things[f"things/More{number:02}/More{number:02}.json"] = {"word": "More"}
    dev = run(things)
    dev.wait_for("watching")
    code = dev.path / "things/PlainType/__init__.py"
    text = code.read_text()
    code.write_text(text + "def broken(:\n")
    dev.wait_for(r"stale +and 22 more\n.*type-import-failed")
    code.write_text(text + "MORE = 1\n")
    found = dev.wait_for(r"(?s)^(.*)reloaded +and 21 more\n")
    assert "type-import-failed" not in found[1]


def test_app_json_recovers(run, things):
    """A broken app.json is said to be, and its cure as well, though nothing else changed."""
    dev = run({**things, "app.json": {"name": "shop"}})
    dev.wait_for("watching")
    dev.write("app.json", "{")
    dev.wait_for(r"stale +app\.json or \.env was not taken over")
    dev.write("app.json", {"name": "shop"})
    dev.wait_for(r"recovered +app\.json and \.env")


def test_looking_on_tells_no_type(run, things):
    """A new instance is shown and loaded; what its Type does about it is left to the program that runs the app."""
    things["things/PlainType/lifecycle.py"] = (
        "def onCreate(app, fullName):\n    (app.path / 'told').write_text(fullName)\n"
    )
    dev = run(things)
    dev.wait_for("watching")
    dev.write("things/Fresh/Fresh.json", {"word": "Fresh"})
    dev.write("things/Fresh/e.json", {"type": "things.PlainType", "title": "Fresh"})
    dev.wait_for(r"created +things\.Fresh")
    dev.write("things/Fresh/Fresh.json", {"word": "Fresher"})
    dev.wait_for(r"reloaded +things\.Fresh")
    assert not (dev.path / "told").exists()

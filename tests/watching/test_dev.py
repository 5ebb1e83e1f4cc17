"""`jit dev`: what a developer sees while editing."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

#: Longest a test waits for a line, in seconds.
PATIENCE = 60.0


class Dev:
    """A running `jit dev`, its output line by line."""

    def __init__(self, path, *options, terminal=False):
        self.path = path
        words = [sys.executable, "-m", "jitcore.cli", "--app", str(path), "dev", *options]
        if terminal:
            self.reader, slave = pty.openpty()
            self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
            os.close(slave)
        else:
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
            if self.process.stdout:
                self.process.stdout.close()
            else:
                os.close(self.reader)


@pytest.fixture
def run(write_app):
    """Start `jit dev` on a written app; ended by Ctrl-C at the end of the test, which must be clean."""
    running = []

    def start(files, *options, terminal=False):
        dev = Dev(write_app(files), *options, terminal=terminal)
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
    dev.wait_for(r"saved +things/PlainType/__init__\.py.*\n.*reloaded +things\.Hello")


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


def test_a_terminal_gets_one_view(run, things):
    """On a terminal the elements and their states are shown, and brought up to date with each save."""
    dev = run(things, terminal=True)
    dev.wait_for(r"things\.Hello.*loaded")
    dev.write("things/Hello/Hello.json", '{"word": ')
    dev.wait_for(r"stale")
    dev.write("things/Hello/Hello.json", {"word": "Back"})
    dev.wait_for(r"recovered")

"""An app that is watched, and a way to wait for what its watcher does."""

from __future__ import annotations

import copy
import queue
import sys
import time

import pytest

from jitcore import App
from tests.jitcore.conftest import THINGS

#: Longest a test waits for something that must happen, in seconds.
PATIENCE = 60.0
#: How long a test waits to be sure that nothing more happens.
SILENCE = 0.4


class Watched:
    """A watched App and its rounds."""

    def __init__(self, app):
        self.app = app
        self.rounds = queue.Queue()
        app.watcher.subscribe(self.rounds.put)

    @property
    def path(self):
        return self.app.path

    def next(self):
        """The next round."""
        return self.rounds.get(timeout=PATIENCE)

    def none(self):
        """Make sure that no round comes."""
        with pytest.raises(queue.Empty):
            self.rounds.get(timeout=SILENCE)

    def until(self, holds):
        """Wait until something holds; rounds on the way are collected."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.005)
        rounds = []
        while not self.rounds.empty():
            rounds.append(self.rounds.get())
        return rounds


@pytest.fixture
def things():
    """Files of a small app."""
    return copy.deepcopy(THINGS)


@pytest.fixture
def watched(write_app):
    """Open a written app with watch=True."""
    opened = []

    def open_(files, name="app", **options):
        app = App(write_app(files, name), watch=True, **options)
        opened.append(app)
        return Watched(app)

    yield open_
    for app in opened:
        app.close()


@pytest.fixture(autouse=True)
def byte_code(monkeypatch):
    """Byte-code writing is on, as it is for users: what hides stale code must show here."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)

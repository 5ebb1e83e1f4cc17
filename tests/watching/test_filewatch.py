"""When everything is looked at: after events that may have been lost, and otherwise rarely."""

from __future__ import annotations

import time

import pytest

from jitcore.watching import filewatch
from jitcore.watching.filewatch import AFTER_BURST, BURST, SETTLED, FileWatch, Scope


class Rounds:
    """A watch whose rounds are made by hand: its thread never starts."""

    def __init__(self, root):
        self.taken = []
        self.watch = FileWatch("by hand", Scope((str(root),), frozenset({"things"})), self.taken.append)
        self.look_everywhere()

    def look_everywhere(self):
        """A round in which everything is due to be looked at."""
        self.watch._reconcile_at = time.monotonic()
        self.watch._step(set())

    def hear(self, *folders):
        """A round after events in some folders."""
        self.watch._step({str(folder) for folder in folders})

    @property
    def is_due_soon(self):
        """Whether everything is looked at again soon, however long a look takes."""
        return self.watch._reconcile_at <= time.monotonic() + AFTER_BURST


@pytest.fixture
def rounds(tmp_path, monkeypatch):
    """Rounds over a folder of a family, where the ordinary pause between two looks is endless."""
    monkeypatch.setattr(filewatch, "SHARE", 1e-12)
    (tmp_path / "things").mkdir()
    made = Rounds(tmp_path)
    yield made
    made.watch.stop()


def test_a_burst_is_followed_by_a_look(rounds, tmp_path):
    """Of many edits at once the system may have lost some; of few it has not."""
    places = [tmp_path / "things" / f"Place{number}" for number in range(BURST)]
    rounds.hear(*places[1:])
    assert not rounds.is_due_soon
    rounds.hear(*places)
    assert rounds.is_due_soon


def test_a_look_that_finds_something_is_not_the_last(rounds, tmp_path):
    """What no event told of was lost on its way, and what was edited since the look began may be lost, too."""
    file = tmp_path / "things" / "e.json"
    file.write_text("{}")
    time.sleep(SETTLED + 0.1)
    rounds.look_everywhere()
    assert rounds.taken == [{str(file)}]
    assert rounds.is_due_soon
    rounds.look_everywhere()
    assert rounds.taken == [{str(file)}]
    assert not rounds.is_due_soon

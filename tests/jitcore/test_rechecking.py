"""`jit check --watch`: checks again when a file changes, and only then."""

from __future__ import annotations

import os

import pytest

from jitcore.cli import main
from jitcore.cli.rechecking import Checked, Contents, recheck


class Script:
    """Edits that happen while the loop waits, one a pause; the loop ends when none is left."""

    def __init__(self, *edits):
        self.edits = list(edits)

    def __call__(self):
        if not self.edits:
            return False
        self.edits.pop(0)()
        return True


def watch(root, edits, text=lambda: "same"):
    """How many checks there were, and what was shown."""
    shown = []
    statuses = list(recheck(str(root), lambda: Checked(1, text(), (str(root),)), shown.append, Script(*edits)))
    return len(statuses), shown


def test_it_checks_again_when_content_changes(write_app):
    """New, changed and deleted files of the app; what is printed is printed once."""
    root = write_app({"a/A/e.json": "{}", ".env": "A=1"})
    edits = [
        lambda: (root / "a/A/e.json").write_text('{"x": 1}'),
        lambda: (root / "a/A/A.json").write_text("{}"),
        lambda: (root / "a/A/A.json").unlink(),
        lambda: (root / ".env").write_text("A=2"),
        lambda: (root / "a/A/__init__.py").write_text(""),
    ]
    assert watch(root, edits) == (6, ["same"])


def test_what_means_nothing_is_not_checked_again(write_app):
    """A touch, another kind of file, run-time data, byte code."""
    root = write_app({"a/A/e.json": "{}", "appData/x.json": "{}", "a/__pycache__/x.py": ""})
    edits = [
        lambda: os.utime(root / "a/A/e.json", (1, 1)),
        lambda: (root / "notes.txt").write_text("x"),
        lambda: (root / "appData/x.json").write_text("[]"),
        lambda: (root / "a/__pycache__/x.py").write_text("1"),
    ]
    assert watch(root, edits) == (1, ["same"])


def test_only_a_new_result_is_shown(write_app):
    """The text is printed when it differs from the last one."""
    root = write_app({"a/A/e.json": "1"})
    file = root / "a/A/e.json"
    edits = [lambda: file.write_text("22"), lambda: file.write_text(" 22"), lambda: file.write_text("333")]
    assert watch(root, edits, lambda: file.read_text().strip()) == (4, ["1", "22", "333"])


def test_a_file_that_cannot_be_read_is_no_file(tmp_path):
    """A dangling link, as editors make as locks, stops nothing."""
    (tmp_path / "lock.json").symlink_to("nowhere")
    assert Contents().read([str(tmp_path)]) == {}


def test_the_command_ends_with_the_last_status(write_app, things, monkeypatch, capsys):
    """Ctrl-C ends it; the exit code is that of the last check. An app that is not there yet is waited for."""
    root = write_app({"things/x": ""})
    edits = [
        lambda: write_app({"app.json": {"nmae": "x"}}),
        lambda: write_app({"app.json": {"name": "x"}}),
        lambda: write_app({"app.json": {"name": "x", "extends": 1}}),
    ]
    pauses = Script(*edits)

    def sleep(seconds):
        if not pauses():
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    with pytest.raises(SystemExit) as exit_:
        main(["--app", str(root), "check", "--watch"])
    assert exit_.value.code == 1
    out = capsys.readouterr().out
    told = [out.index(text) for text in ("not-an-app", "nmae", "No problems found.", '"extends" must be')]
    assert told == sorted(told)

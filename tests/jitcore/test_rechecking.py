"""`jit check --watch`: checks again when a file changes, and only then."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest
from watchdog.observers.api import BaseObserver

from jitcore.cli.check import Checked
from jitcore.cli.rechecking import recheck
from jitcore.watching.filewatch import Scope

#: Longest a test waits for a line, in seconds.
PATIENCE = 60.0


def watch(root, edits, text=lambda: "same"):
    """How many checks there were, one after each edit, and what was shown."""
    shown = []
    scope = Scope((str(root),), frozenset({"a"}))

    def check(follow):
        follow(scope)
        return Checked(1, text())

    checks = recheck(str(root), check)
    for edit in (*edits, None):
        checked, is_new = next(checks)
        shown += [checked.text] if is_new else []
        if edit is not None:
            edit()
    checks.close()
    return len(edits) + 1, shown


def test_it_checks_again_when_content_changes(write_app):
    """New, changed and deleted files of the app; what is printed is printed once."""
    root = write_app({"a/A/e.json": "{}", ".env": "A=1"})
    edits = [
        lambda: (root / "a/A/e.json").write_text('{"x": 1}'),
        lambda: (root / "a/A/A.json").write_text("{}"),
        lambda: (root / "a/A/A.json").unlink(),
        lambda: (root / ".env").write_text("A=2"),
        lambda: (root / "a/A/__init__.py").write_text("X = 1\n"),
        lambda: shutil.rmtree(root / "a/A"),
    ]
    assert watch(root, edits) == (7, ["same"])


def test_what_means_nothing_is_not_checked_again(write_app):
    """A touch, another kind of file, run-time data, byte code, a dangling link: only what follows is checked."""
    root = write_app({"a/A/e.json": "{}", "appData/x.json": "{}", "a/__pycache__/x.py": ""})
    texts = iter(["first", "after the real edit"])

    def edit():
        os.utime(root / "a/A/e.json", (1, 1))
        (root / "notes.txt").write_text("x")
        (root / "a/A/lock.json").symlink_to("nowhere")
        (root / "appData/x.json").write_text("[]")
        (root / "a/__pycache__/x.py").write_text("1")
        time.sleep(0.3)
        (root / "a/A/e.json").write_text('{"real": 1}')

    assert watch(root, [edit], lambda: next(texts)) == (2, ["first", "after the real edit"])


def test_only_a_new_result_is_shown(write_app):
    """The text is printed when it differs from the last one."""
    root = write_app({"a/A/e.json": "1"})
    file = root / "a/A/e.json"
    edits = [lambda: file.write_text("22"), lambda: file.write_text(" 22"), lambda: file.write_text("333")]
    assert watch(root, edits, lambda: file.read_text().strip()) == (4, ["1", "22", "333"])


def test_without_events_it_looks_by_itself(write_app, monkeypatch, caplog):
    """Where the system has no watches left, one line says so and edits are still checked."""

    def exhausted(*_args, **_options):
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(BaseObserver, "schedule", exhausted)
    root = write_app({"a/A/e.json": "1"})
    file = root / "a/A/e.json"
    assert watch(root, [lambda: file.write_text("22")], file.read_text) == (2, ["1", "22"])
    assert caplog.text.count("no more file events") == 1


class Check:
    """A running `jit check --watch`, its output as it comes."""

    def __init__(self, path):
        words = [sys.executable, "-m", "jitcore.cli", "--app", str(path), "check", "--watch"]
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
                self.seen += os.read(self.reader, 65536).decode()
        self.seen = self.seen[found.end() :]

    def stop(self):
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture
def run():
    """Start `jit check --watch`; ended with the test."""
    running = []

    def start(path):
        running.append(Check(path))
        return running[-1]

    yield start
    for check in running:
        if check.process.returncode is None:
            check.stop()


def test_the_command_ends_with_the_last_status(write_app, run):
    """Ctrl-C ends it; the exit code is that of the last check. An app that is not there yet is waited for."""
    check = run(write_app({"things/x": ""}))
    check.wait_for("not-an-app")
    write_app({"app.json": {"nmae": "x"}})
    check.wait_for("nmae")
    write_app({"app.json": {"name": "x"}})
    check.wait_for(r"No problems found\.")
    write_app({"app.json": {"name": "x", "extends": 1}})
    check.wait_for('"extends" must be')
    assert check.stop() == 1
    assert "Traceback" not in check.seen


def test_a_folder_that_turns_out_to_be_a_family_is_watched(write_app, things, run):
    """Elements that appear where nobody looked before are seen with the next check, and so are their edits."""
    path = write_app({**things, "app.json": {"name": "x"}, "later/notes.txt": "not yet"})
    (path / "empty").mkdir()
    check = run(path)
    check.wait_for(r"No problems found\.")
    write_app({"empty/One/e.json": "{"})
    check.wait_for(r"empty/One/e\.json:1")
    write_app({"later/Two/e.json": {"type": "things.PlainType", "title": "x"}})
    write_app({"empty/One/e.json": "["})
    check.wait_for(r"later/Two")
    write_app({"later/Two/Two.json": {"word": "x"}, "empty/One/e.json": {"type": "", "title": "x"}})
    check.wait_for(r"No problems found\.")
    assert check.stop() == 0


def test_a_folder_with_a_wrong_name_is_watched(write_app, things, run):
    """Renaming what has a name that no element can have is a change."""
    path = write_app({**things, "app.json": {"name": "x"}, "wrong/a-b/e.json": {"type": "", "title": "x"}})
    check = run(path)
    check.wait_for("name-invalid")
    (path / "wrong/a-b").rename(path / "wrong/AB")
    check.wait_for(r"No problems found\.")


def test_base_apps_are_followed(write_app, things, run):
    """Saves in an app that is named in extends count, also after app.json was broken in between, or changed."""
    base = write_app({**things, "app.json": {"name": "base"}}, "base")
    manifest = {"name": "shop", "extends": [{"path": "../base"}]}
    path = write_app({"app.json": manifest})
    check = run(path)
    check.wait_for(r"No problems found\.")
    business = base / "things/Hello/Hello.json"
    business.write_text('{"wrod": "x"}')
    check.wait_for("wrod")
    (path / "app.json").write_text("{")
    check.wait_for(r"app\.json:1")
    (path / "app.json").write_text(json.dumps(manifest))
    check.wait_for("wrod")
    business.write_text('{"word": "x"}')
    check.wait_for(r"No problems found\.")


def test_a_folder_that_is_not_there_yet_is_waited_for(tmp_path, run):
    """The whole app may come later."""
    check = run(tmp_path / "app")
    check.wait_for("not-an-app")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/app.json").write_text('{"name": "x"}')
    (tmp_path / "new").rename(tmp_path / "app")
    check.wait_for(r"No problems found\.")

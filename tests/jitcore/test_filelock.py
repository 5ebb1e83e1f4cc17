"""Locks between processes: one holder at a time, none left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from jitcore.filelock import FileLock, is_held

HOLDER = """
import sys
from jitcore.filelock import FileLock

lock = FileLock(sys.argv[1])
assert lock.take()
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path):
    """The path of a lock."""
    return tmp_path / "some.lock"


@pytest.fixture
def holder(file):
    """Another process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "taken\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_keeps_it(file, holder):
    """While a process has the lock nobody else gets it, and everybody can see who has it."""
    with FileLock(file) as lock:
        assert not lock.take()
        assert lock.holder[0] == holder.pid
        assert not lock.is_ours
    assert is_held(file)


def test_a_killed_process_holds_nobody_up(file, holder):
    """The system lets go of the lock of a process that was killed."""
    holder.kill()
    holder.wait()
    assert not is_held(file)
    with FileLock(file) as lock:
        assert lock.take()


def test_it_is_let_go_at_the_end_of_the_block(file):
    """After the block others may take it, and nobody is said to have it; letting go twice is letting go once."""
    with FileLock(file) as lock:
        assert lock.take()
        assert is_held(file)
    lock.release()
    assert not is_held(file)
    with FileLock(file) as other:
        assert other.holder is None


def test_it_holds_between_threads_and_within_one(file):
    """Another thread of the process does not get it; the same thread learns that it waits for itself."""
    answers = []

    def ask():
        with FileLock(file) as lock:
            answers.append((lock.take(), lock.is_ours))

    with FileLock(file) as lock:
        lock.take()
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        ask()
    assert answers == [(False, False), (False, True)]


def test_those_who_ask_do_not_disturb_each_other(file):
    """However many look at once, a lock that nobody has is free for all of them."""
    file.touch()
    answers = []
    threads = [threading.Thread(target=lambda: answers.extend(is_held(file) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [False] * 2000


def test_no_file_is_no_answer(file):
    """Who asks about a lock that was never made is told so, and makes none."""
    with pytest.raises(FileNotFoundError):
        is_held(file)
    assert not os.path.lexists(file)

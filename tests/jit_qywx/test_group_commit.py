"""Many callers, one writer: they share commits and nobody else's fate."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from jit_qywx.group_commit import GroupCommit
from jitcore.storage import DatabaseBusy, StatementFailed, StorageClosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Disk:
    """Stores what it is given while its gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.commits: list[list[str]] = []
        self.error: Exception | None = None

    def write(self, entries: Sequence[str]) -> list[bool]:
        self.begun.set()
        assert self.gate.wait(60)
        if self.error is not None:
            raise self.error
        if "bad" in entries:
            raise StatementFailed("A value does not fit.")
        self.commits.append(list(entries))
        return [entry.startswith("again") for entry in entries]


@pytest.fixture
def disk() -> Disk:
    """A disk that is stuck."""
    return Disk()


@pytest.fixture
def commits(disk: Disk) -> Iterator[GroupCommit[str]]:
    """What writes to it; closed when the test ends."""
    told: list[str] = []
    commits: GroupCommit[str] = GroupCommit(disk.write, told.extend)
    yield commits
    disk.gate.set()
    commits.close(10)
    assert told == [entry for commit in disk.commits for entry in commit], "each is told of once, when it is stored"


def test_what_comes_during_a_commit_goes_together(disk: Disk, commits: GroupCommit[str]) -> None:
    """Ten callers behind a slow commit cost one more."""
    first = commits.submit("one")
    assert disk.begun.wait(60)
    others = [commits.submit(f"again {number}") for number in range(10)]
    disk.gate.set()
    assert [first.result(10), *(other.result(10) for other in others)] == [False] + [True] * 10
    assert [len(commit) for commit in disk.commits] == [1, 10]


def test_a_bad_entry_fails_alone(disk: Disk, commits: GroupCommit[str]) -> None:
    """What cannot be stored is its caller's trouble, not its neighbours'."""
    first = commits.submit("one")
    assert disk.begun.wait(60)
    good, bad, better = (commits.submit(entry) for entry in ("good", "bad", "better"))
    disk.gate.set()
    assert [each.result(10) for each in (first, good, better)] == [False] * 3
    with pytest.raises(StatementFailed):
        bad.result(10)


def test_a_stuck_database_is_everybodys_trouble(disk: Disk, commits: GroupCommit[str]) -> None:
    """When the database is locked, entries are not tried one by one."""
    disk.error = DatabaseBusy("It is locked.")
    first = commits.submit("one")
    assert disk.begun.wait(60)
    second = commits.submit("two")
    disk.gate.set()
    for each in (first, second):
        with pytest.raises(DatabaseBusy):
            each.result(10)


def test_a_mistake_does_not_end_the_writer(
    disk: Disk, commits: GroupCommit[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong, the next entry is stored."""
    disk.gate.set()
    disk.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        commits.submit("one").result(10)
    disk.error = None
    assert commits.submit("two").result(10) is False
    assert "ZeroDivisionError" in caplog.text


def test_who_stops_waiting_takes_the_entry_back(disk: Disk, commits: GroupCommit[str]) -> None:
    """What is cancelled before its commit began is not stored."""
    first = commits.submit("one")
    assert disk.begun.wait(60)
    second = commits.submit("two")
    assert second.cancel()
    disk.gate.set()
    assert first.result(10) is False
    with pytest.raises(CancelledError):
        second.result(10)
    commits.close(10)
    assert disk.commits == [["one"]]


def test_a_queue_has_an_end(disk: Disk, commits: GroupCommit[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """When too much waits, the next caller is told at once."""
    monkeypatch.setattr("jit_qywx.group_commit._MOST_WAITING", 2)
    commits.submit("one")
    assert disk.begun.wait(60)
    commits.submit("two")
    commits.submit("three")
    with pytest.raises(DatabaseBusy):
        commits.submit("four")


def test_closing_stores_what_waits(disk: Disk, commits: GroupCommit[str]) -> None:
    """What was handed over before the end is stored; afterwards nothing is taken."""
    disk.gate.set()
    futures = [commits.submit(str(number)) for number in range(5)]
    commits.close(10)
    assert [future.result(0) for future in futures] == [False] * 5
    with pytest.raises(StorageClosed):
        commits.submit("late")

"""One clock for all machines that share a database."""

from __future__ import annotations

import time

import peewee
import pytest

from jitcore.storage import Storage
from jitcore.storage.server_clock import COUNTED_SECONDS, ServerClock


class Machine:
    """Two clocks of a machine: one that people set, and one that nobody sets."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000.0, 5.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def storage(open_database):
    storage = Storage(open_database(), [])
    yield storage
    storage.close()


def test_a_file_has_the_clock_of_its_machine(tmp_path):
    """An SQLite database is where its users are; nothing is asked."""
    storage = Storage(peewee.SqliteDatabase(str(tmp_path / "rows.db")), [])
    assert abs(storage.clock() - time.time()) < 5
    assert not (tmp_path / "rows.db").exists()
    storage.close()


@pytest.mark.only_databases("postgresql", "mariadb")
def test_the_servers_time_counts_and_not_the_machines(storage, machine):
    """Asked once, counted on from there."""
    clock = ServerClock(storage, storage.clock._query, lambda: machine.wall, lambda: machine.steady)
    assert storage.database
    with storage.counting() as count:
        first = clock()
        machine.pass_(COUNTED_SECONDS - 1)
        assert clock() == pytest.approx(first + COUNTED_SECONDS - 1)
    assert abs(first - time.time()) < 60
    assert count.total == 1


@pytest.mark.only_databases("postgresql")
@pytest.mark.parametrize("wall", [-3600.0, 3600.0])
def test_it_is_asked_again_when_something_happened(storage, machine, wall):
    """After a while, when the machine's clock was set, and when the machine was suspended."""
    clock = ServerClock(storage, "SELECT 100", lambda: machine.wall, lambda: machine.steady)
    assert clock() == 100
    machine.pass_(10)
    assert clock() == 110
    machine.wall += wall
    assert clock() == 100
    machine.pass_(COUNTED_SECONDS - 1)
    assert clock() == 100 + COUNTED_SECONDS - 1
    machine.pass_(1)
    assert clock() == 100


@pytest.mark.only_databases("postgresql")
def test_a_server_that_cannot_be_asked_is_counted_on(storage, machine):
    """The clock never fails: it goes on from what was told last, or is the machine's own."""
    clock = ServerClock(storage, "SELECT nothing", lambda: machine.wall, lambda: machine.steady)
    assert clock() == 1_000
    clock._query = "SELECT 100"
    assert clock() == 100
    clock._query = "SELECT nothing"
    machine.pass_(COUNTED_SECONDS)
    assert clock() == 100 + COUNTED_SECONDS

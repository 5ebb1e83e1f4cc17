from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import subprocess
import sys
import threading
import warnings

import peewee
import pymysql
import pytest

from jitcore.storage import Storage, observed
from jitcore.storage.observed import observe
from tests.fixtures.databases import told
from tests.storage.shelf.models import Badge

pytestmark = pytest.mark.every_database


def in_threads(number: int, work) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
        thread.join()


def test_connections_of_finished_threads_are_closed(storage):
    """However many threads came and went, only the living ones' connections are open."""
    in_threads(10, lambda: storage.select_tuples(Badge.select()))
    assert len(storage.database.observed.connections) <= 2


def test_close_closes_the_connections_of_all_threads(storage):
    """A waiting thread's connection is closed too, and no driver warns about a lost one."""
    ready, done = threading.Event(), threading.Event()

    def wait() -> None:
        storage.select_tuples(Badge.select())
        ready.set()
        done.wait()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        thread = threading.Thread(target=wait)
        thread.start()
        ready.wait()
        raw = [connection for *_, connection in storage.database.observed.connections.values()]
        storage.close()
        done.set()
        thread.join()
        gc.collect()
    for connection in raw:
        if isinstance(connection, pymysql.connections.Connection):
            assert not connection.open
        else:
            with pytest.raises(Exception, match="closed"):
                connection.execute("SELECT 1")


def test_a_connection_can_be_closed_and_comes_back(storage):
    """Peewee's own close() works as ever; the next statement connects again."""
    database = storage.database
    assert database.close()
    assert database.observed.connections == {}
    assert not database.close()
    assert database.connect()
    assert not database.connect(reuse_if_open=True)
    assert storage.models.Badge.select().count() == 0


def test_observing_twice_changes_nothing(open_database):
    """An observed database stays the same object with the same class."""
    database = open_database()
    kind = type(database)
    assert observe(database) is database
    observed = type(database)
    assert observe(database) is database
    assert type(database) is observed
    assert issubclass(observed, kind)


def test_sqlite_files_get_wal_and_foreign_keys(tmp_path):
    """Readers do not wait for a writer, foreign keys hold, and a crash of the process loses nothing."""
    database = observe(peewee.SqliteDatabase(str(tmp_path / "a.db")))
    assert (database.journal_mode, database.foreign_keys, database.synchronous) == ("wal", 1, 1)
    assert database.cache_size == -16_000
    database.close_all()


def test_pragmas_of_the_database_are_kept(tmp_path):
    """What somebody chose on purpose is not overruled."""
    database = observe(
        peewee.SqliteDatabase(str(tmp_path / "a.db"), pragmas={"journal_mode": "truncate", "synchronous": 2})
    )
    assert (database.journal_mode, database.foreign_keys, database.synchronous) == ("truncate", 1, 2)
    database.close_all()


@pytest.mark.parametrize("pragmas", [{}, {"cache_size": -2_000}])
def test_a_large_transaction_has_room(tmp_path, pragmas):
    """It holds more pages as long as it lasts, and by its size; unless somebody chose how many are held."""
    usual = pragmas.get("cache_size", -16_000)
    storage = Storage(peewee.SqliteDatabase(str(tmp_path / "a.db"), pragmas=pragmas), [])
    for rows, held in ((0, -16_000), (300_000, -16_000), (1_000_000, -40_000), (10**9, -128_000)):
        with contextlib.suppress(KeyError), storage.transaction(rows), storage.transaction(10):
            assert storage.database.cache_size == (usual if pragmas else held)
            raise KeyError
        assert storage.database.cache_size == usual
    storage.close()


class Slow:
    """An SQLite database of which another thread is in the middle of a statement, until that is let go."""

    def __init__(self, path):
        self.database = observe(peewee.SqliteDatabase(str(path)))
        self.began, self.go_on = threading.Event(), threading.Event()
        self.said = []
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        assert self.began.wait(60)

    def _wait(self):
        self.began.set()
        return self.go_on.wait(60)

    def _work(self):
        self.database.connect()
        self.database.connection().create_function("wait", 0, self._wait)
        self.database.begin()
        # Its row is another step, before which the database may be closed.
        self.database.execute_sql("SELECT wait()")
        self.said.append("done")
        for work in (lambda: self.database.execute_sql("SELECT 1"), self.database.commit, self.database.connect):
            try:
                work()
            except peewee.InterfaceError as error:
                self.said.append(str(error))


def test_closing_waits_for_the_statement_of_another_thread(tmp_path):
    """No connection is closed under a statement, which could end the process; what its thread does next is refused."""
    slow = Slow(tmp_path / "a.db")
    closing = threading.Thread(target=slow.database.close_all)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()
    assert slow.said == []
    slow.go_on.set()
    closing.join(60)
    slow.thread.join(60)
    assert slow.said[0] == "done"
    assert len(slow.said) == 4
    assert all("closed together with its App" in said for said in slow.said[1:])


def test_closing_does_not_wait_for_ever(tmp_path, monkeypatch):
    """A statement that takes too long keeps its connection; its thread can neither go on nor commit."""
    monkeypatch.setattr(observed, "CLOSING_SECONDS", 0.05)
    slow = Slow(tmp_path / "a.db")
    slow.database.close_all()
    assert slow.said == []
    slow.go_on.set()
    slow.thread.join(60)
    assert slow.said[0] == "done"
    assert len(slow.said) == 4
    assert all("closed together with its App" in said for said in slow.said[1:])


def test_a_new_process_starts_with_no_connection(storage):
    """Where the process is another than the one that connected, its connection is left alone and a new one made."""
    database = storage.database
    (before,) = (connection for *_, connection in database.observed.connections.values())
    database.observed.process = -1
    assert storage.models.Badge.select().count() == 0
    (now,) = (connection for *_, connection in database.observed.connections.values())
    assert now is not before
    assert database.observed.inherited == [before]
    before.cursor().execute("SELECT 1")
    before.close()


def test_two_processes_may_make_one_file_at_once(tmp_path):
    """While another connection holds the new file, switching it to WAL waits for it, and gives up in time."""
    path = str(tmp_path / "a.db")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    impatient = observe(peewee.SqliteDatabase(path, timeout=0))
    with pytest.raises(peewee.OperationalError, match="locked"):
        impatient.connect()
    patient = observe(peewee.SqliteDatabase(path, timeout=30))
    release = threading.Timer(0.05, lambda: other.execute("COMMIT"))
    release.start()
    assert patient.journal_mode == "wal"
    release.join()
    other.close()
    impatient.close_all()
    patient.close_all()


FORK = """
import os, sys, peewee
from jitcore.storage import observe
database = observe(getattr(peewee, sys.argv[1])(sys.argv[2], **eval(sys.argv[3])))
database.execute_sql("CREATE TABLE pet (name TEXT)")
child = os.fork()
database.execute_sql("INSERT INTO pet VALUES ('Tom')")
if child:
    assert os.waitpid(child, 0)[1] == 0
    assert database.execute_sql("SELECT count(*) FROM pet").fetchone() == (2,)
    assert len(database.observed.connections) == 1 and not database.observed.inherited
else:
    assert len(database.observed.connections) == 1 and len(database.observed.inherited) == 1
database.close_all()
os._exit(0) if not child else None
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_forked_child_leaves_the_parents_connection_alone(open_database):
    """After a fork both sides work, each with a connection of its own."""
    database = open_database()
    kind, name, parameters = told(database)
    command = [sys.executable, "-W", "error", "-c", FORK, kind, name, repr(parameters)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

from __future__ import annotations

import signal
import subprocess
import sys

import peewee
import pytest

from tests.storage.shelf.models import Badge

#: Replaces all badges in one transaction and kills itself around the chosen statement.
CRASH = """
import os, signal, sys, peewee
from jitcore.storage import Storage
from tests.storage.conftest import SHELF
from tests.storage.shelf.models import Badge
storage = Storage(getattr(peewee, sys.argv[1])(sys.argv[2], **eval(sys.argv[3])), [SHELF])
storage.database
moments = []

def listen(phase, statement):
    moments.append((phase, statement.verb))
    if len(moments) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

with storage.on_statement(listen), storage.transaction():
    storage.delete_rows(Badge, ["code"], [(f"old{n}",) for n in range(100)])
    storage.insert_rows(Badge, ["code", "level"], [(f"new{n}", 1) for n in range(100)])
print(len(moments))
"""


@pytest.fixture
def run_and_crash(open_database):
    database = open_database()
    kind = "SqliteDatabase" if isinstance(database, peewee.SqliteDatabase) else "PostgresqlDatabase"
    parameters = {} if kind == "SqliteDatabase" else {**database.connect_params, "prefer_psycopg3": True}

    def run(at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CRASH, kind, database.database, repr(parameters), str(at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_kill_at_any_statement_leaves_the_old_rows_or_the_new(open_storage, run_and_crash):
    """Killed before or after any statement of a transaction, the database holds all old rows or all new ones."""
    storage = open_storage()
    old = {f"old{number}" for number in range(100)}

    def codes() -> set[str]:
        return {code for (code,) in storage.select_tuples(Badge.select(Badge.code))}

    at = 0
    while True:
        at += 1
        storage.insert_rows(Badge, ["code", "level"], [(code, 1) for code in old - codes()])
        storage.delete_rows(Badge, ["code"], [(code,) for code in codes() - old])
        done = run_and_crash(at)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        last = codes()
        assert last == old or last == {f"new{number}" for number in range(100)}
    assert int(done.stdout) == at - 1
    assert at > 8
    # Only the kill after COMMIT leaves the new rows.
    assert last != old

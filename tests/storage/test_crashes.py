from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.fixtures.databases import told

pytestmark = pytest.mark.every_database

#: Replaces all badges in one transaction, each time in a forked process that kills itself around the next statement,
#: until one survives; prints which badges each left behind.
CRASHES = """
import json, os, signal, sys, traceback, peewee
from jitcore.storage import Storage
from tests.storage.conftest import SHELF
from tests.storage.shelf.models import Badge

OLD, NEW = {f"old{n}" for n in range(100)}, {f"new{n}" for n in range(100)}

def opened():
    return Storage(getattr(peewee, sys.argv[1])(sys.argv[2], **json.loads(sys.argv[3])), [SHELF])

def replace(at):
    storage = opened()
    storage.database
    moments = []
    def listen(phase, statement):
        moments.append((phase, statement.verb))
        if len(moments) == at:
            os.kill(os.getpid(), signal.SIGKILL)
    with storage.on_statement(listen), storage.transaction():
        storage.delete_rows(Badge, ["code"], [(code,) for code in OLD])
        storage.insert_rows(Badge, ["code", "level"], [(code, 1) for code in NEW])
    storage.close()

def ended(work, *arguments):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        work(*arguments)
        status = 0
    except BaseException:
        traceback.print_exc()
    os._exit(status)

left = []
status = -1
while status:
    storage = opened()
    there = {code for (code,) in storage.select_tuples(Badge.select(Badge.code))}
    storage.insert_rows(Badge, ["code", "level"], [(code, 1) for code in OLD - there])
    storage.delete_rows(Badge, ["code"], [(code,) for code in there - OLD])
    storage.close()
    status = ended(replace, len(left) + 1)
    if status not in (0, -signal.SIGKILL):
        sys.exit(1)
    storage = opened()
    there = {code for (code,) in storage.select_tuples(Badge.select(Badge.code))}
    storage.close()
    left.append([status, "old" if there == OLD else "new" if there == NEW else "neither"])
print(json.dumps(left))
"""


@pytest.mark.no_cover
def test_kill_at_any_statement_leaves_the_old_rows_or_the_new(open_database):
    """Killed before or after any statement of a transaction, the database holds all old rows or all new ones."""
    database = open_database()
    kind, name, parameters = told(database)
    command = [sys.executable, "-c", CRASHES, kind, name, json.dumps(parameters)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *killed, last = json.loads(done.stdout)
    assert len(killed) >= 8
    assert last == [0, "new"]
    assert {status for status, _ in killed} == {-signal.SIGKILL}
    # Only the kill after COMMIT leaves the new rows.
    assert [rows for _, rows in killed] == ["old"] * (len(killed) - 1) + ["new"]

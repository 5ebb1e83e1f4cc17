"""A process that is killed in the middle of a sync leaves the old organisation or the new one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from jit_corps.plugin import jit_models
from tests.fixtures.databases import told


@pytest.mark.every_database
@pytest.mark.no_cover
def test_kill_9_at_every_statement_leaves_the_old_organisation_or_the_new(open_database, share):
    """Before and after each statement of a run; and the next run needs no repair to bring the new one."""
    database = open_database(*jit_models())
    kind, name, parameters = told(database)
    # Each process has to connect anew, and to log in at a server.
    every = share.number(1, 3 if kind == "SqliteDatabase" else 7)
    command = [sys.executable, "-m", "tests.jit_corps.crashing", kind, name, json.dumps(parameters)]
    done = subprocess.run([*command, str(every)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *killed, last = json.loads(done.stdout)
    assert len(killed) > 60 // every
    assert {outcome["ended"] for outcome in killed} == {-signal.SIGKILL}
    assert last["ended"] == 0
    assert all(outcome["next"] for outcome in killed)
    left = [outcome["left"] for outcome in killed]
    assert "neither" not in left
    # Only the moment after the last COMMIT leaves the new one.
    assert left == ["old"] * (len(left) - 1) + (["new"] if every == 1 else left[-1:])

"""Kills a sync at its statements, and tells what the database holds afterwards; run as a program.

Each sync runs in a forked process of its own, so that the interpreter starts once. Prints one JSON list: for each
moment how the process ended, which organisation was left, and whether the next run brought the new one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import peewee

from jit_corps.history import replay
from jit_corps.plugin import jit_models
from jit_corps.rows import KEY_LENGTHS, row_dict, row_key
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES
from jit_corps.state import read_state
from jit_corps.sync import Engine
from jitcore.storage import Storage
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, depts, member, snapshot

OLD = snapshot([*crowd(6), member("ann", "1", "2")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann"]})
NEW = snapshot(
    [*crowd(5), member("ann", "3", name="Anna"), member("new", "1")],
    departments=depts(d1=None, d3="1"),
    tags={"tag:2": ["ann", "new"]},
)


class Harness:
    """One database, connected to anew in every process."""

    def __init__(self, kind: str, database: str, parameters: dict[str, Any]) -> None:
        self.storage = Storage(getattr(peewee, kind)(database, **parameters), list(jit_models()))
        # Migrating is not what is tested here.
        assert self.storage.models
        self.storage.database.close()
        self.now = 1_700_000_000.0

    def run(self, told: Any, kill_at: int = 0) -> int:
        """Sync in a process of its own, killed at a moment; returns how it ended."""
        # Two days later: the claim that the last one left behind is over, and whom it took away counts no more.
        self.now += 172_800
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        engine = Engine(self.storage, CORP, CORP_ID, "Shop", lambda: self.now)
        moments = 0

        def listen(_phase: str, _statement: Any) -> None:
            nonlocal moments
            moments += 1
            if moments == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        with self.storage.on_statement(listen):
            engine.run(lambda *_, **__: told, action="sync", approve=None, progress=lambda *_: None)
        self.storage.close()
        os._exit(0)

    def held(self) -> Any:
        """The organisation in the database, as plain values; its history has to say the same."""
        state = read_state(self.storage, CORP)
        told = replay(self.storage, CORP)
        self.storage.database.close()
        tables = {
            DEPARTMENTS: state.departments.values(),
            MEMBERS: state.members.values(),
            MEMBERSHIPS: state.memberships.values(),
            ROLES: state.roles.values(),
            GRANTS: state.grants,
        }
        held = {
            kind: {
                row_key(kind, row): {
                    name: list(value) if isinstance(value, tuple) else value
                    for name, value in list(row_dict(row).items())[KEY_LENGTHS[kind] :]
                    if value is not None
                }
                for row in tables[kind]
            }
            for kind in KINDS
        }
        assert held == told
        return held, state.header


def main(harness: Harness, every: int) -> None:
    """Kill at the first moment, then at each so many later, until one comes to its end."""
    # Twice, because who left once is kept as offline.
    for told in (OLD, NEW, OLD):
        assert harness.run(told) == 0
    old = harness.held()
    assert harness.run(NEW) == 0
    new = harness.held()
    outcomes = []
    ended = -1
    while ended:
        assert harness.run(OLD) == 0
        assert harness.held() == old
        ended = harness.run(NEW, kill_at=1 + every * len(outcomes))
        held = harness.held()
        left = "old" if held == old else "new" if held == new else "neither"
        again = harness.run(NEW) == 0 and harness.held() == new
        outcomes.append({"ended": ended, "left": left, "next": again})
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(Harness(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])), int(sys.argv[4]))

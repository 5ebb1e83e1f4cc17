"""Kills a migration at its statements, and tells what the next opening makes of it; run as a program.

Each migration runs in a forked process of its own, so that the interpreter starts once. Prints one JSON list: for each
moment how the process ended, and what the database holds after it was opened again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import peewee

from jitcore.storage import ModelSet, Storage


def left(storage: Storage) -> dict[str, Any]:
    """What the migrations of ``test_mysql.py`` have left, as plain values."""
    database: Any = storage.database
    rows = database.execute_sql("SELECT owner, name, tale, age FROM pet").fetchall()
    applied = database.execute_sql("SELECT name FROM jit_migrations_pets ORDER BY name").fetchall()
    return {
        "pets": [list(row) for row in rows],
        "indexes": sorted([list(index.columns), index.unique] for index in database.get_indexes("pet")),
        "applied": [name for (name,) in applied],
        "steps": database.execute_sql("SELECT count(*) FROM jit_migration_steps").fetchone()[0],
        "has toys": "toy" in database.get_tables(),
    }


def main(kind: str, name: str, parameters: str, folder: str, every: str) -> None:
    """Kill at the first moment, then at each so many later, until one comes to its end."""

    def opened() -> Storage:
        database = getattr(peewee, kind)(name, **json.loads(parameters))
        return Storage(database, [ModelSet("pets", (), Path(folder))])

    outcomes: list[dict[str, Any]] = []
    while not outcomes or outcomes[-1]["ended"]:
        ended = _in_child(opened, 1 + len(outcomes) * int(every))
        storage = opened()
        outcomes.append({"ended": ended, "left": left(storage)})
        database: Any = storage.database
        database.execute_sql(f"DROP DATABASE {name}")
        database.execute_sql(f"CREATE DATABASE {name}")
        storage.close()
    print(json.dumps(outcomes))


def _in_child(opened: Any, kill_at: int) -> int:
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    storage, moments = opened(), 0

    def listen(_phase: str, _statement: Any) -> None:
        nonlocal moments
        moments += 1
        if moments == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with storage.on_statement(listen):
        assert storage.database
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])

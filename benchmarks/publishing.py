"""Storing an organisation once it is read, against sqlite3's executemany of the very same rows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import peewee

import jit_corps
from benchmarks.harness import Count, Figure, Measurement, Scale, compare
from benchmarks.organisations import organisation
from jit_corps.plan import plan_guarded
from jit_corps.publish import publish
from jit_corps.runs import begin_run
from jit_corps.snapshot import Snapshot
from jit_corps.state import read_state
from jitcore.storage import ModelSet, Storage

CORP = "corps.Bench"
HISTORY = "corp_change"


@dataclass(frozen=True, slots=True)
class Table:
    """One table as a sync left it: what makes it and what it holds."""

    name: str
    statements: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


def results(scale: Scale, folder: Path) -> Iterator[Figure | Count]:
    """The first run, which writes everything, and a run that finds nothing changed."""
    for size in scale.members:
        snapshot = organisation(size)
        with store(folder / "first.db") as storage:
            with storage.counting() as first:
                sync(storage, snapshot)
            with storage.counting() as unchanged:
                sync(storage, snapshot)
            tables = [table for table in written(folder / "first.db") if table.rows]
            total = sum(len(table.rows) for table in tables)
            kept = [table for table in tables if table.name != HISTORY]

            ratio = compare(publishing(folder, snapshot), inserting(folder, tables), scale.sync_rounds)
            name = f"publish the first sync of {size:,} members"
            yield Figure(name, f"executemany of its {total:,} rows", ratio, goal=2.5)
            ratio = compare(publishing(folder, snapshot), inserting(folder, kept), scale.sync_rounds)
            yield Figure(name, "the same without the rows of the history", ratio)
            ratio = compare(storing(folder, snapshot), inserting(folder, tables), scale.sync_rounds)
            yield Figure(f"read, plan and publish the first sync of {size:,}", f"executemany of {total:,} rows", ratio)
            ratio = compare(repeating(storage, snapshot), inserting(folder, kept), scale.sync_rounds)
            yield Figure(f"read, plan and publish {size:,} unchanged", "executemany, without the history", ratio)
        yield Count(f"SQL to store the first sync of {size:,}", f"{first.total} statements, {first.writes} writing")
        yield Count(f"SQL to store {size:,} unchanged", f"{unchanged.total} statements, {unchanged.writes} writing")


@contextmanager
def store(path: Path) -> Iterator[Storage]:
    """A storage with the organisation's tables in a new SQLite file, removed at the end."""
    migrations = Path(str(jit_corps.__file__)).parent / "migrations"
    storage = Storage(peewee.SqliteDatabase(str(path)), [ModelSet("corps", "jit_corps.models:MODELS", migrations)])
    try:
        assert storage.models
        yield storage
    finally:
        storage.close()
        remove(path)


def sync(storage: Storage, snapshot: Snapshot) -> float:
    """Read what is kept, plan and publish; the seconds of the last."""
    plan = plan_guarded(snapshot, read_state(storage, CORP))
    claim = begin_run(storage, CORP, "sync", time.time())
    start = time.perf_counter()
    publish(storage, plan, claim, time.time)
    return time.perf_counter() - start


def publishing(folder: Path, snapshot: Snapshot) -> Measurement:
    """Only the transaction of a first sync."""

    def measure() -> float:
        with store(folder / "ours.db") as storage:
            return sync(storage, snapshot)

    return measure


def storing(folder: Path, snapshot: Snapshot) -> Measurement:
    """All that a first sync does after the network."""

    def measure() -> float:
        with store(folder / "ours.db") as storage:
            start = time.perf_counter()
            sync(storage, snapshot)
            return time.perf_counter() - start

    return measure


def repeating(storage: Storage, snapshot: Snapshot) -> Measurement:
    """All that a sync does after the network when nothing changed."""

    def measure() -> float:
        start = time.perf_counter()
        sync(storage, snapshot)
        return time.perf_counter() - start

    return measure


def inserting(folder: Path, tables: Sequence[Table]) -> Measurement:
    """The floor: ready tuples into the same tables of a new file, in one transaction, by nothing but sqlite3."""

    def measure() -> float:
        path = folder / "floor.db"
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = wal")
                connection.execute("PRAGMA synchronous = normal")
                for statement in (statement for table in tables for statement in table.statements):
                    connection.execute(statement)
                start = time.perf_counter()
                connection.execute("BEGIN IMMEDIATE")
                for table in tables:
                    marks = ", ".join("?" * len(table.rows[0]))
                    connection.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', table.rows)
                connection.execute("COMMIT")
                return time.perf_counter() - start
        finally:
            remove(path)

    return measure


def written(path: Path) -> Iterator[Table]:
    """The organisation's tables in a file, with their indexes and rows."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'corp_%' OR name = 'users')"
        )
        for (name,) in names.fetchall():
            made = connection.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (name,))
            statements = tuple(sql for (sql,) in made)
            yield Table(name, statements, connection.execute(f'SELECT * FROM "{name}"').fetchall())


def remove(path: Path) -> None:
    """Remove a SQLite file and what lies beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)

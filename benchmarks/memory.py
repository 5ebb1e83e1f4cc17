"""Memory that a sync of the largest enterprise takes: the most that its process ever had, all of Python included."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.databases import Opened, kinds
from benchmarks.enterprises import corp_name, opened
from benchmarks.harness import Amount, Scale
from benchmarks.syncing import SHARE
from benchmarks.upstream import Shape, Upstream
from jitcore import App

CHANGED = "sync, 1 % changed"


def results(scale: Scale, folder: Path) -> Iterator[Amount]:
    """A first sync, one that finds nothing changed and one that finds a hundredth changed, on each database."""
    size = scale.growth[-1]
    with Upstream(Shape.of(size)) as upstream, kinds() as databases:
        for database in databases:
            yield from _runs(size, upstream, database, folder)


def _runs(size: int, upstream: Upstream, database: Opened, folder: Path) -> Iterator[Amount]:
    with database(folder) as home, opened(folder / "app", upstream, home):
        for name in ("first sync", "sync, nothing changed", CHANGED):
            if name == CHANGED:
                upstream.edit(SHARE)
            upstream.warm()
            mebibytes, seconds, changes = _apart(folder / "app")
            note = f"{changes:,} records changed, {seconds:.0f} s"
            yield Amount(f"{name}, {size:,} members, {home.kind}", mebibytes, "MiB", "memory", note)


def _apart(path: Path) -> tuple[float, float, int]:
    """Sync in a process of its own, in which nothing else has ever been."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_sync, args=(theirs, path))
    process.start()
    theirs.close()
    try:
        told: tuple[float, float, int] = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process that was to sync ended with {process.exitcode}") from None
    process.join()
    return told


def _sync(connection: Connection, path: Path) -> None:
    with App(path) as app:
        start = time.perf_counter()
        report = app.getElement(corp_name()).syncCorp()
        connection.send((_most() / 2**20, time.perf_counter() - start, report.changes))


def _most() -> int:
    """Bytes of memory that this process had at most."""
    try:
        # Before a new program begins, its process has the memory of the one that started it, and getrusage counts that.
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    [most] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(most) * 1024

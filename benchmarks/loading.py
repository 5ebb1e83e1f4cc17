"""Opening an app and loading its elements, against reading the same files with nothing around it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.apps import write_app
from benchmarks.harness import Figure, Measurement, Scale, compare, timed
from jitcore import App

# More than any of the files, and small enough that the memory for it costs nothing.
BUFFER = 4096


def results(scale: Scale, folder: Path) -> Iterator[Figure]:
    """The index, the cold load of every element, and what registered Types cost it."""
    for size in scale.elements:
        app = folder / f"index-{size}"
        write_app(app, size)
        ratio = compare(index(app), timed(partial(stat_all, app)), scale.rounds)
        yield Figure(f"index {size:,} elements", "scandir + stat of each e.json", ratio)

    one, fifty = folder / "one-type", folder / "fifty-types"
    names = write_app(one, scale.loaded)
    write_app(fifty, scale.loaded, types=50)
    ratio = compare(load(one, names), timed(partial(read_all, one)), scale.rounds)
    floor = "scandir + read + json.loads of both files"
    yield Figure(f"cold load of {scale.loaded:,} elements, both files validated", floor, ratio, goal="load")
    ratio = compare(load(fifty, names), load(one, names), scale.rounds)
    yield Figure(f"load of {scale.loaded:,} elements of 50 Types", "the same with 1 Type", ratio, goal="types")


def index(path: Path) -> Measurement:
    """Open the app; closing it is not counted."""

    def measure() -> float:
        start = time.perf_counter()
        app = App(path)
        seconds = time.perf_counter() - start
        app.close()
        return seconds

    return measure


def load(path: Path, names: list[str]) -> Measurement:
    """Open the app and get every element; closing it is not counted."""

    def measure() -> float:
        start = time.perf_counter()
        app = App(path)
        for name in names:
            app.getElement(name)
        seconds = time.perf_counter() - start
        app.close()
        return seconds

    return measure


def stat_all(app: Path) -> int:
    """What no index can do without: name every folder and see that its ``e.json`` is there."""
    found = 0
    for family in _folders(str(app)):
        for element in _folders(family):
            os.stat(element + "/e.json")
            found += 1
    return found


def read_all(app: Path) -> int:
    """What no load can do without: read and parse both files of every element."""
    found = 0
    for family in _folders(str(app)):
        for element in _folders(family):
            name = os.path.basename(element)
            for file in ("/e.json", f"/{name}.json"):
                try:
                    descriptor = os.open(element + file, os.O_RDONLY)
                except FileNotFoundError:
                    continue
                try:
                    json.loads(os.read(descriptor, BUFFER))
                finally:
                    os.close(descriptor)
                found += 1
    return found


def _folders(path: str) -> list[str]:
    with os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_dir()]

"""Starting a process that loads one element, against one that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.apps import write_app
from benchmarks.harness import Figure, Measurement, Scale, compare, timed

LOAD_ONE = "import sys; from jitcore import App; App(sys.argv[1]).getElement(sys.argv[2])"


def results(scale: Scale, folder: Path) -> Iterator[Figure]:
    """A whole process each time, with byte code on disk as after a first run."""
    app = folder / "app"
    name = write_app(app, 10)[0]
    nothing = process("-c", "pass")
    rounds = scale.rounds * 3 if scale.rounds > 1 else 1
    ratio = compare(process("-c", "import jitcore"), nothing, rounds)
    yield Figure("process that imports jitcore", "python -c pass", ratio, goal="import")
    ratio = compare(process("-c", LOAD_ONE, str(app), name), nothing, rounds)
    yield Figure("process that opens an app and loads one element", "python -c pass", ratio, goal="start")
    ratio = compare(process("-m", "jitcore.cli", "--help"), nothing, rounds)
    yield Figure("jit --help", "python -c pass", ratio)


def process(*arguments: str) -> Measurement:
    """A Python with these arguments, from start to end."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def run() -> None:
        subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)

    return timed(run)

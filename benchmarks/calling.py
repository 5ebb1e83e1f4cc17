"""Getting an element that is loaded, against a dictionary."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.apps import write_app
from benchmarks.harness import Figure, Measurement, Ratio, Scale, compare
from jitcore import App

CALLS = 100_000


def results(scale: Scale, folder: Path) -> Iterator[Figure]:
    """The hot way of ``getElement``, in a small and in a large app."""
    for size in scale.elements:
        path = folder / f"app-{size}"
        names = write_app(path, size)
        with App(path) as app:
            loaded = {each: app.getElement(each) for each in names}
            ratio = hot(app, loaded, names[size // 2], scale.rounds)
        yield Figure(
            f"getElement(…).ping(), one of {size:,} loaded elements", "dict[…].ping()", ratio, goal="getElement"
        )


def hot(app: App, loaded: Mapping[str, Any], name: str, rounds: int) -> Ratio:
    """One element again and again, through the App and through a dictionary of the same size."""
    return compare(
        per_call(lambda: app.getElement(name).ping()),
        per_call(lambda: loaded[name].ping()),
        rounds,
    )


def per_call(call: Callable[[], object]) -> Measurement:
    """Seconds of one call, over many."""
    return lambda: timeit.timeit(call, number=CALLS) / CALLS

"""Getting an element that is loaded, against a dictionary."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.apps import write_app
from benchmarks.harness import Figure, Measurement, Scale, compare
from jitcore import App

CALLS = 100_000


def results(scale: Scale, folder: Path) -> Iterator[Figure]:
    """The hot way of ``getElement``, in a small and in a large app."""
    for size in scale.elements:
        path = folder / f"app-{size}"
        names = write_app(path, size)
        name = names[size // 2]
        with App(path) as app:
            loaded = {each: app.getElement(each) for each in names}
            ratio = compare(
                per_call(lambda app=app, name=name: app.getElement(name).ping()),
                per_call(lambda loaded=loaded, name=name: loaded[name].ping()),
                scale.rounds,
            )
        yield Figure(f"getElement(…).ping(), one of {size:,} loaded elements", "dict[…].ping()", ratio, goal=2.5)


def per_call(call: Callable[[], object]) -> Measurement:
    """Seconds of one call, over many."""
    return lambda: timeit.timeit(call, number=CALLS) / CALLS

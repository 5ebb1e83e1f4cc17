"""From a save to the new element, and what watching costs while nobody saves."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.apps import write_app
from benchmarks.harness import Count, Figure, Scale, compare
from benchmarks.starting import process
from jitcore import App

# Longest from a save to the element for the median and for 99 in 100, in seconds.
GOAL_P50, GOAL_P99 = 0.040, 0.100
# How long to wait for a save that is never taken over.
PATIENCE = 30.0


def results(scale: Scale, folder: Path) -> Iterator[Figure | Count]:
    """Saves of business files of loaded elements, the start of the watcher, its idle time, and the commands."""
    for size in scale.watched:
        path = folder / f"app-{size}"
        names = write_app(path, size)
        yield from _saves(path, names, scale)
        yield _start(path, names)
        if size == scale.watched[-1]:
            yield _idle(path, names, scale)
            yield from _commands(path, size, scale)


def _saves(path: Path, names: list[str], scale: Scale) -> Iterator[Count]:
    with App(path, watch=True) as app:
        for name in names:
            app.getElement(name)
        _settle(app)
        for way, save in (("in place", _in_place), ("atomic rename", _rename)):
            took = sorted(_until_live(app, path, name, save) for name in _spread(names, scale.saves))
            p50, p99 = statistics.median(took), took[min(len(took) - 1, round(len(took) * 0.99))]
            told = f"p50 {p50 * 1e3:.1f} ms {_judged(p50, GOAL_P50)}, p99 {p99 * 1e3:.1f} ms {_judged(p99, GOAL_P99)}"
            yield Count(f"save to live, {len(names):,} elements, {way}", f"{told}, {len(took)} saves")


def _until_live(app: App, path: Path, name: str, save: object) -> float:
    """Seconds from the end of a save until ``getElement`` hands out the element made from it."""
    last = name.rpartition(".")[2]
    file = f"{path}/items/{last}/{last}.json"
    mark = f"ww{time.monotonic_ns():016x}"
    text = json.dumps({"corpId": mark, "authFullName": "auths.Shared"})
    assert callable(save)
    save(file, text)
    started = time.perf_counter()
    while app.getElement(name).config["corpId"] != mark:
        time.sleep(0.0005)
        if time.perf_counter() - started > PATIENCE:
            raise TimeoutError(f"the save of {name} was never taken over")
    return time.perf_counter() - started


def _start(path: Path, names: list[str]) -> Count:
    """What watch=True adds to opening an app."""
    plain: list[float] = []
    watched: list[float] = []
    for _ in range(3):
        for watch, seconds in ((False, plain), (True, watched)):
            started = time.perf_counter()
            app = App(path, watch=watch)
            seconds.append(time.perf_counter() - started)
            app.close()
    seconds_more = statistics.median(watched) - statistics.median(plain)
    each = seconds_more / len(names) * 1e6
    return Count(
        f"start of the watcher, {len(names):,} folders", f"{each:.0f} us a folder ({seconds_more * 1e3:.0f} ms)"
    )


def _idle(path: Path, names: list[str], scale: Scale) -> Count:
    """CPU of the whole process while nothing is saved."""
    with App(path, watch=True) as app:
        _settle(app)
        before = time.process_time()
        time.sleep(scale.idle)
        spent = (time.process_time() - before) / scale.idle
    return Count(f"idle watcher, {len(names):,} folders", f"{spent * 60:.2f} s of CPU a minute ({spent:.1%}, goal 2%)")


def _commands(path: Path, size: int, scale: Scale) -> Iterator[Figure]:
    nothing = process("-c", "pass")
    rounds = scale.rounds
    for words in (("--help",), ("list",), ("check",)):
        ours = process("-m", "jitcore.cli", "--app", str(path), *words)
        name = f"jit {words[0]}" if words[0] == "--help" else f"jit {words[0]}, {size:,} elements"
        yield Figure(name, "python -c pass", compare(ours, nothing, rounds))


def _settle(app: App) -> None:
    """Wait until what the start itself set off is over."""
    assert app.watcher is not None
    app.watcher.reload()
    time.sleep(0.3)


def _spread(names: list[str], count: int) -> list[str]:
    return [names[number * 7919 % len(names)] for number in range(count)]


def _judged(seconds: float, goal: float) -> str:
    return f"(goal {goal * 1e3:.0f}: {'met' if seconds <= goal else 'NOT MET'})"


def _in_place(file: str, text: str) -> None:
    with open(file, "w", encoding="utf-8") as writer:
        writer.write(text)


def _rename(file: str, text: str) -> None:
    partial = f"{file}.partial"
    _in_place(partial, text)
    os.replace(partial, file)

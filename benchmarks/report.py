"""How the figures look on paper: the machine they were taken on, then one line each."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version

from benchmarks.harness import Count, Figure

PACKAGES = ("jitcore", "peewee", "pluggy", "jsonschema", "jsonschema-rs", "requests", "cryptography", "click")


def machine() -> Iterator[str]:
    """What the figures depend on, one line each."""
    processor = next(_facts("/proc/cpuinfo", "model name"), platform.processor() or platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"
    yield f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def line(result: Figure | Count, *, judged: bool = True) -> str:
    """One result as the report shows it.

    :param judged: whether the sizes were those that the goals are set for.
    """
    if isinstance(result, Count):
        return f"{result.name:<62}  {result.value}"
    ratio = result.ratio
    goal = "no goal" if result.goal is None else f"goal {result.goal:g}"
    if judged and result.met is not None:
        goal += ": met" if result.met else ": NOT MET"
    spread = f"({ratio.low:.2f}..{ratio.high:.2f})"
    scale = f"{_seconds(ratio.ours)} / {_seconds(ratio.floor)}"
    return f"{result.name:<62}  {ratio.median:>6.2f} x {spread:<16} {scale:<21} {goal:<18} floor: {result.floor}"


def _seconds(seconds: float) -> str:
    for unit, size in (("s ", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _facts(path: str, key: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as facts:
            for fact in facts:
                name, _, value = fact.partition(":")
                if name.strip() == key:
                    yield " ".join(value.split())
    except OSError:
        return

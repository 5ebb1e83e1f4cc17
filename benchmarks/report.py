"""How the figures look on paper: the machine they were taken on, then one line each."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version

from benchmarks.harness import Amount, Count, Figure, Point, Result, goal_of

PACKAGES = (
    "jitcore",
    "peewee",
    "pluggy",
    "jsonschema",
    "jsonschema-rs",
    "requests",
    "cryptography",
    "click",
    "psycopg",
)


def machine() -> Iterator[str]:
    """What the figures depend on, one line each."""
    processor = next(_facts("/proc/cpuinfo", "model name"), platform.processor() or platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"
    yield f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def line(result: Result, *, judged: bool = True) -> str:
    """One result as the report shows it.

    :param judged: whether the sizes were those that the goals are set for.
    """
    if isinstance(result, Count):
        return f"{result.name:<70}  {result.value}"
    if isinstance(result, Point):
        return f"{result.series:<40} {result.members:>10,} members  {seconds(result.seconds)}"
    return f"{result.name:<70}  {measured(result):<50} {verdict(result, judged=judged)}"


def measured(result: Figure | Amount) -> str:
    """What came out, with its spread and its seconds where it has some."""
    if isinstance(result, Amount):
        return f"{result.value:,.4g} {result.unit}{f' ({result.note})' if result.note else ''}"
    ratio = result.ratio
    spread = f"({ratio.low:.2f}..{ratio.high:.2f}, {ratio.rounds})"
    return f"{ratio.median:>6.2f} x {spread:<18} {seconds(ratio.ours)} / {seconds(ratio.floor)}"


def verdict(result: Figure | Amount, *, judged: bool = True) -> str:
    """The goal, and whether it was met."""
    goal = goal_of(result)
    told = "no goal" if goal is None else f"goal {goal}"
    if judged and goal is not None:
        told += ": met" if goal.met(result.value) else ": NOT MET"
    return told if isinstance(result, Amount) else f"{told:<22} floor: {result.floor}"


def seconds(value: float) -> str:
    """Seconds in the unit that suits them."""
    for unit, size in (("s ", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def _facts(path: str, key: str) -> Iterator[str]:
    try:
        with open(path, encoding="utf-8") as facts:
            for fact in facts:
                name, _, value = fact.partition(":")
                if name.strip() == key:
                    yield " ".join(value.split())
    except OSError:
        return

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
    "httptools",
    "cryptography",
    "click",
    "psycopg",
    "wechatpy",
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
    name, value, spread, took, against = cells(result)
    goal = "" if isinstance(result, Count | Point) else verdict(result, judged=judged)
    told = [f"{name:<70}", f"{value:<16}", f"{spread:<18}", f"{took:<20}", f"{goal:<24}", against]
    return "  ".join(told).rstrip()


def cells(result: Result) -> tuple[str, str, str, str, str]:
    """What it is, what came out, its spread and rounds, the seconds of both sides, and what it was held against."""
    if isinstance(result, Count):
        return result.name, result.value, "", "", ""
    if isinstance(result, Point):
        name = f"{result.series}, {result.members:,} members, {result.database}"
        return name, seconds(result.seconds), "", "", ""
    if isinstance(result, Amount):
        return result.name, f"{result.value:,.4g} {result.unit}", result.note, "", ""
    ratio = result.ratio
    spread = f"{ratio.low:.2f}..{ratio.high:.2f}, {ratio.rounds}"
    took = f"{seconds(ratio.ours)} / {seconds(ratio.floor)}"
    return result.name, f"{ratio.median:.2f} x", spread, took, result.floor


def verdict(result: Figure | Amount, *, judged: bool = True) -> str:
    """The goal, and whether it was met."""
    goal = goal_of(result)
    if goal is None:
        return "no goal"
    met = "met" if goal.met(result.value) else "NOT MET"
    return f"goal {goal}: {met}" if judged else f"goal {goal}"


def seconds(value: float) -> str:
    """Seconds in the unit that suits them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
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

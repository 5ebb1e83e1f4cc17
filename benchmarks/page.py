"""The page of results: every goal with what came out, missed ones included, then all figures of each family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks.chart import alternative, draw
from benchmarks.goals import GOALS
from benchmarks.harness import Amount, Figure, Point, goal_of
from benchmarks.keeping import Kept
from benchmarks.report import cells

__all__ = ["CHART", "PAGE", "drawn", "write", "written"]

PAGE = Path(__file__).parent / "RESULTS.md"
CHART = Path(__file__).parent / "RESULTS.svg"

HEAD = """# Results

<!-- Written by `make bench`. What is edited here is lost. -->

Seconds say little, because a machine's speed drifts by half between minutes. So every figure is a ratio to a floor that
is measured in turn with it, round after round: what no program could do without, done by nothing but the driver and the
standard library. `1.20 x` is 1.2 times as long as the floor. Beside it stand the smallest and the largest ratio of a
round and how many rounds there were, then the medians of our seconds and of the floor's. `make bench` measures all of
it anew, `make bench BENCH=syncing` one family.
"""

METHOD = """## How a sync is measured

* **The enterprise** has 100,000 members in 5,000 departments with 120,000 memberships, and 500 tags of up to 200
  members; other sizes in proportion. WeCom is [the emulator](../docs/emulator.md) in a process of its own, without
  latency. Its answers are rendered before they are asked for; what it spends on a call all the same is told below.
* **The time** is that of `corp.syncCorp()`. The app is open and authorised and its tables are made. WeCom's limit of
  10,000 calls a minute is lifted: two syncs of a large enterprise within one minute would measure nothing else.
* **fetch + parse** gets the answers of the same run again: as many keep-alive connections as a sync uses (8) with the
  standard library's `http.client`, and `json.loads` of every answer. Nothing is kept.
* **executemany** writes the rows that the sync was seen to write, history included, as ready tuples in one
  transaction, into empty tables of the same make, indexes included. What a later run changed is taken back first.
* **1 % changed**: of ten edits four give a new name, two a new position, two another department, one leaves and one
  joins; each round makes others. Who left is asked for once more, which the floor does without.
* **The publish** is the longest transaction of a run, from its `BEGIN` to the end of its `COMMIT`.
* **The peer's way** is [peer.py](peer.py): wechatpy's client walks the departments one by one, Peewee saves row by row
  (`get_or_none`, `create`, `save`) in one transaction. It removes nobody and keeps no history.
* **PostgreSQL** runs on the same machine with `fsync=off`, SQLite with WAL and `synchronous=NORMAL`: both sides alike.
"""


COLUMNS = ("figure", "result", "spread, rounds", "ours / floor", "floor")


def write(families: Sequence[Kept]) -> None:
    """Write the page and its plot.

    :param families: what is kept, in the order of the page.
    """
    PAGE.write_text(written(families), encoding="utf-8")
    CHART.write_text(drawn(families), encoding="utf-8")


def written(families: Sequence[Kept]) -> str:
    """The text of the page."""
    machines = list(dict.fromkeys(kept.machine for kept in families))
    parts = [HEAD]
    if len(machines) == 1:
        parts.append(_listed(machines[0]))
    parts.append("## Goals\n")
    parts.append(_table((*COLUMNS, "goal", ""), _goals(families)))
    points = _points(families)
    if points:
        parts.append(f"![{alternative(points)}]({CHART.name})\n")
    parts.append(METHOD)
    for kept in families:
        parts.append(f"## {kept.family}\n\n{kept.title} Measured on {kept.day}.\n")
        if len(machines) > 1:
            parts.append(_listed(kept.machine))
        parts.append(_table(COLUMNS, map(cells, kept.results)))
    return "\n".join(parts)


def drawn(families: Sequence[Kept]) -> str:
    """The plot."""
    return draw(_points(families))


def _points(families: Sequence[Kept]) -> list[Point]:
    return [result for kept in families for result in kept.results if isinstance(result, Point)]


def _goals(families: Sequence[Kept]) -> Iterator[tuple[str, ...]]:
    """A row for each figure that a goal judges; a goal without one has a row too."""
    results = [result for kept in families for result in kept.results]
    for goal in GOALS.values():
        judged = [result for result in results if goal_of(result) is goal]
        for result in judged:
            assert isinstance(result, Figure | Amount)
            yield *cells(result), str(goal), "met" if goal.met(result.value) else "**NOT MET**"
        if not judged:
            yield goal.name, "not measured", "", "", "", str(goal), "**NOT MET**"


def _table(heads: Sequence[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


def _listed(facts: Sequence[str]) -> str:
    return "".join(f"* {fact}\n" for fact in facts)

"""Syncing an enterprise from WeCom into the database, against fetching, parsing and storing the same things bare."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.databases import Opened, kinds, version
from benchmarks.enterprises import opened, sync
from benchmarks.fetching import get_all, targets_of
from benchmarks.harness import Amount, Count, Figure, Result, Scale, Spent, ratio_of, spent
from benchmarks.tables import Look, copying, counted, inserting, repeating, rows, tables
from benchmarks.transactions import watched
from benchmarks.upstream import Shape, Upstream
from jitcore import App
from jitcore.storage.statements import StatementCount

#: How much of the enterprise changes between two syncs.
SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Run:
    """One sync as it was measured.

    :param spent: on all of it.
    :param publish: seconds of its longest transaction.
    :param statements: what it sent to the database.
    :param calls: what it asked WeCom.
    """

    spent: Spent
    publish: float
    statements: StatementCount
    calls: Sequence[tuple[str, str, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Round:
    """The three syncs of one new database, and in turn with them what they are held against.

    :param first: into the empty tables.
    :param unchanged: right after it.
    :param changed: after a hundredth of the members changed.
    :param fetched: the floor of reading beside each of the three.
    :param inserted: the floor of writing what the first wrote.
    :param copied: the same by PostgreSQL's faster way.
    :param repeated: the floor of writing what the last wrote.
    :param rows: how many rows of each table the first wrote.
    :param edits: how many edits were made upstream.
    :param changes: how many rows of each table that changed.
    :param upstream: seconds of WeCom's own processor time for a floor of reading.
    """

    first: Run
    unchanged: Run
    changed: Run
    fetched: tuple[Spent, Spent, Spent]
    inserted: Spent
    copied: Spent | None
    repeated: Spent
    rows: dict[str, int]
    edits: int
    changes: dict[str, int]
    upstream: float


def results(scale: Scale, folder: Path) -> Iterator[Result]:
    """The first sync, one that finds nothing changed and one that finds a hundredth changed, on each database."""
    with Upstream(Shape.of(scale.members)) as upstream, kinds() as databases:
        for number, database in enumerate(databases):
            # One round more, to warm caches; it does not count.
            rounds = [_round(upstream, database, folder) for _ in range(scale.sync_rounds + 1)]
            with database(folder) as home:
                yield Count("database", version(home))
                yield from _told(home.kind, scale.members, rounds[1:], with_calls=not number)


def _round(upstream: Upstream, database: Opened, folder: Path) -> Round:
    with database(folder) as home, opened(folder / "app", upstream, home) as app:
        upstream.warm()
        first = _run(app, upstream)
        floor = partial(get_all, upstream.base_url, upstream.permanent_code(), targets_of(first.calls))
        before = upstream.seconds()
        fetched = [spent(floor)]
        theirs = upstream.seconds() - before
        inserted = inserting(home)
        copied = copying(home) if home.kind == "PostgreSQL" else None

        written = rows(home)

        unchanged = _run(app, upstream)
        fetched.append(spent(floor))

        with home.connect() as connection:
            look = Look(connection)
        edits = upstream.edit(SHARE)
        upstream.warm()
        changed = _run(app, upstream)
        fetched.append(spent(floor))
        with home.connect() as connection:
            changes = look.changes(connection)
        del look
        repeated = repeating(home, changes)
        return Round(
            first=first,
            unchanged=unchanged,
            changed=changed,
            fetched=(fetched[0], fetched[1], fetched[2]),
            inserted=inserted,
            copied=copied,
            repeated=repeated,
            rows=written,
            edits=edits,
            changes=counted(changes),
            upstream=theirs,
        )


def _run(app: App, upstream: Upstream) -> Run:
    upstream.calls()
    with app.storage.counting() as statements, watched(app.storage) as transactions:
        all_of_it = spent(partial(sync, app))
    return Run(all_of_it, transactions.longest, statements, upstream.calls())


def _told(kind: str, size: int, rounds: Sequence[Round], *, with_calls: bool) -> Iterator[Result]:
    last = rounds[-1]
    of, wrote, changes = f"of {size:,} members, {kind}", sum(last.rows.values()), sum(last.changes.values())
    asked = len(targets_of(last.first.calls))
    fetch = f"fetch + parse of its {asked:,} answers"

    pairs = [(each.first.spent.seconds, each.fetched[0].seconds + each.inserted.seconds) for each in rounds]
    yield Figure(f"first sync {of}", f"{fetch} + executemany of its {wrote:,} rows", ratio_of(pairs), "first")
    pairs = [(each.unchanged.spent.seconds, each.fetched[1].seconds) for each in rounds]
    yield Figure(f"sync {of}, nothing changed", fetch, ratio_of(pairs), "unchanged")
    pairs = [(each.changed.spent.seconds, each.fetched[2].seconds) for each in rounds]
    yield Figure(f"sync {of}, 1 % changed", fetch, ratio_of(pairs), "changed")
    pairs = [(each.first.publish, each.inserted.seconds) for each in rounds]
    yield Figure(
        f"publish of a first sync {of}", f"executemany of its {wrote:,} rows", ratio_of(pairs), "publish first"
    )
    copied = [(each.first.publish, each.copied.seconds) for each in rounds if each.copied is not None]
    if copied:
        yield Figure(f"publish of a first sync {of}", f"COPY of its {wrote:,} rows", ratio_of(copied))
    pairs = [(each.changed.publish, each.repeated.seconds) for each in rounds]
    name = f"publish of {last.edits:,} edits {of}"
    yield Figure(name, f"executemany of its {changes:,} rows", ratio_of(pairs), "publish changed")

    first = ratio_of(
        (each.first.spent.processor, each.fetched[0].processor + each.inserted.processor) for each in rounds
    )
    unchanged = ratio_of((each.unchanged.spent.processor, each.fetched[1].processor) for each in rounds)
    changed = ratio_of((each.changed.spent.processor, each.fetched[2].processor) for each in rounds)
    told = f"{first.median:.2f} x, unchanged {unchanged.median:.2f} x, 1 % changed {changed.median:.2f} x"
    yield Count(
        f"processor time of the three syncs, {kind}", f"first {told}: ours over the floor's, this process's only"
    )

    writes = max(_writes(each.unchanged.statements) for each in rounds)
    statements = max(each.unchanged.statements.total for each in rounds)
    yield Amount(f"writes to the organisation, nothing changed, {kind}", writes, "writes", "unchanged writes")
    yield Amount(f"SQL statements, nothing changed, {kind}", statements, "statements", "unchanged statements")
    for name, run in (("first", last.first), ("1 % changed", last.changed)):
        total, writing = run.statements.total, run.statements.writes
        yield Count(f"SQL statements, {name}, {kind}", f"{total}, {writing} of them writing")
    yield Count(f"rows of a first sync, {kind}", by_name(last.rows))
    yield Count(f"rows of {last.edits:,} edits, {kind}", by_name(last.changes))
    if with_calls:
        for name, run in (("a first sync", last.first), ("1 % changed", last.changed)):
            yield Count(f"HTTP calls, {name}", by_name(Counter(path for _, path, _ in run.calls)))
        each = last.upstream / asked * 1e6
        yield Count("WeCom's own time", f"{each:.0f} us of processor time for a call, in a process of its own")


def by_name(counts: dict[str, int]) -> str:
    """A sum and what it is made of, the most frequent first."""
    parts = ", ".join(f"{count:,} {name}" for name, count in Counter(counts).most_common())
    return f"{sum(counts.values()):,}: {parts}"


def _writes(count: StatementCount) -> int:
    """Writing statements that name a table of the organisation."""
    names = re.compile(rf"\b({'|'.join(table.name for table in tables())})\b")
    return sum(each.kind == "write" and names.search(each.sql) is not None for each in count.statements)

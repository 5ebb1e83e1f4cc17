"""The newest runs of a corp, for a table and for a program."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps.models import SyncRun

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from jitcore.storage import Storage

__all__ = ["iso", "lines", "newest"]

HEADS = ("run", "started (UTC)", "action", "status", "changes", "calls", "seconds", "generation", "remarks")


def newest(storage: Storage, corpFullName: str, limit: int) -> list[dict[str, Any]]:
    """The newest runs, newest first, as plain JSON values."""
    run = storage.models[SyncRun]
    query = run.select().where(run.corpFullName == corpFullName).order_by(run.runId.desc()).limit(limit)
    names = run._meta.sorted_field_names  # noqa: SLF001 - Peewee's documented place for a model's options
    found = [dict(zip(names, row, strict=True)) for row in storage.select_tuples(query)]
    for row in found:
        for name in ("startedAt", "finishedAt"):
            row[name] = iso(row[name])
        # Which records were withheld is told of one member at a time.
        if row["withheld"] is not None:
            row["withheld"] = [{key: one[key] for key in one if key != "keys"} for one in row["withheld"]]
    return found


def iso(moment: dt.datetime | None) -> str | None:
    """A time of a run's row, which is in UTC, as ``2026-11-23T03:12:09Z``."""
    return None if moment is None else moment.isoformat(timespec="seconds") + "Z"


def lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The same as a table."""
    if not found:
        yield "No run yet."
        return
    table = [HEADS, *(_cells(row) for row in found)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADS))]
    for line in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    counts = row["counts"]
    changes = None if counts is None else sum(number for count in counts.values() for number in count.values())
    remarks = [f"withheld {one['count']} {one['kind']}{_recent(one)}" for one in row["withheld"] or ()]
    remarks += [f"incomplete {one}" for one in row["incomplete"] or ()]
    remarks += [f"conflict {one}" for one in row["conflicts"] or ()]
    remarks += [row["way"]] if row["way"] else []
    remarks += ["applied a saved plan"] if row["digest"] else []
    remarks += [row["cause"]] if row["cause"] else []
    seconds = None if row["duration"] is None else f"{row['duration']:.1f}"
    how = (row["runId"], row["startedAt"], row["action"], row["status"])
    what = (changes, row["calls"], seconds, row["generation"])
    return (*("-" if value is None else str(value) for value in (*how, *what)), ", ".join(remarks))


def _recent(withheld: dict[str, Any]) -> str:
    """What the guard counted besides; rows of earlier versions do not say."""
    recent = withheld.get("recent")
    return f" ({recent} went in the 24 h before)" if recent else ""

"""When single records were read last, so that an older reading does not undo what a newer one found.

A full reading takes minutes, and events go on arriving meanwhile. Whatever was read singly after the full reading began
is newer than what the full reading says of it: such a record is left alone, and one that is gone stays gone. Nobody has
to wait for anybody. The time is that of the database's server, so that all machines which read agree on it.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from jit_corps.models import Observation, SyncRun
from jit_corps.runs import PUBLISHED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jitcore.storage import Storage

__all__ = ["Seen", "forget_old", "note", "read_fresh"]

#: A record's kind and id, and whether it was gone.
Seen = tuple[str, str, bool]

COLUMNS = ("corpFullName", "kind", "id", "observedAt", "gone")
KEY = ("corpFullName", "kind", "id")
#: No reading takes longer than that; and two full ones have to have begun since.
KEPT_SECONDS = 7 * 24 * 3600.0
#: Runs that read everything and were published.
FULL = ("sync", "register")


def read_fresh(storage: Storage, corpFullName: str, since: float) -> frozenset[tuple[str, str]]:
    """Kind and id of the records that somebody began to read after ``since`` (seconds since the epoch)."""
    seen = storage.models[Observation]
    newer = (seen.corpFullName == corpFullName) & (seen.observedAt > since)
    return frozenset((kind, one) for kind, one in storage.select_tuples(seen.select(seen.kind, seen.id).where(newer)))


def note(storage: Storage, corpFullName: str, observed: Iterable[Seen], began: float) -> None:
    """Remember what a reading that began then has seen; not those of which a newer one is known."""
    rows = ((corpFullName, kind, one, began, gone) for kind, one, gone in observed)
    storage.upsert_rows(Observation, COLUMNS, rows, KEY)


def forget_old(storage: Storage, corpFullName: str, now: float) -> None:
    """Forget what no reading under way can be older than; called when a full one is published."""
    seen, run = storage.models[Observation], storage.models[SyncRun]
    old = (seen.corpFullName == corpFullName) & (seen.observedAt < now - KEPT_SECONDS)
    if not storage.select_tuples(seen.select(seen.observedAt).where(old).limit(1)):
        return
    full = (run.corpFullName == corpFullName) & run.action.in_(FULL) & run.status.in_(PUBLISHED)
    before = storage.select_tuples(run.select(run.startedAt).where(full).order_by(run.runId.desc()).limit(1))
    if before:
        [(started,)] = before
        seen.delete().where(old & (seen.observedAt < started.replace(tzinfo=dt.UTC).timestamp())).execute()

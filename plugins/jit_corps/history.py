"""The history of every record, append-only: who was where, and since which generation.

Replaying a corp's changes from nothing gives the organisation of any generation; :func:`replay` does it, and the tests
hold it against the tables. A change of an existing record keeps only the fields that differ.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jit_corps.changes import REMOVE, UPDATE
from jit_corps.models import ChangeRecord
from jit_corps.rows import row_dict
from jit_corps.snapshot import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jit_corps.changes import Change
    from jit_corps.rows import Row
    from jitcore.storage import Storage

__all__ = ["encode", "record_changes", "replay"]

COLUMNS = ("corpFullName", "generation", "runId", "kind", "key", "action", "before", "after")

#: JSON text of a value; one encoder, because making one per row takes longer than encoding the row.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def record_changes(
    storage: Storage, corpFullName: str, generation: int, changes: Iterable[Change], runId: int | None = None
) -> None:
    """Append the changes of one generation.

    :param runId: the run that made them; ``None`` for what a person did here.
    """
    storage.insert_rows(ChangeRecord, COLUMNS, _records(corpFullName, generation, changes, runId))


def replay(storage: Storage, corpFullName: str, generation: int | None = None) -> dict[str, dict[tuple[str, ...], Any]]:
    """The records of a corp as of a generation, by kind and key, each as a dictionary without its empty fields.

    :param generation: ``None`` for the newest.
    """
    change = storage.models[ChangeRecord]
    query = change.select(change.kind, change.key, change.action, change.after)
    query = query.where(change.corpFullName == corpFullName).order_by(change.changeId)
    if generation is not None:
        query = query.where(change.generation <= generation)
    records: dict[str, dict[tuple[str, ...], Any]] = {kind: {} for kind in KINDS}
    for kind, ids, action, after in storage.select_tuples(query):
        known, key = records[kind], tuple(ids)
        if after is None:
            del known[key]
        elif action in (UPDATE, REMOVE):
            known[key] = _filled({**known[key], **after})
        else:
            known[key] = after
    return records


def _records(
    corpFullName: str, generation: int, changes: Iterable[Change], runId: int | None
) -> Iterator[tuple[Any, ...]]:
    for kind, key, action, before, after in changes:
        told_before, told_after = _told(before, after)
        yield corpFullName, generation, runId, kind, encode(key), action, told_before, told_after


def _told(before: Row | None, after: Row | None) -> tuple[str | None, str | None]:
    if before is None or after is None:
        return tuple(None if row is None else encode(_filled(row_dict(row))) for row in (before, after))  # type: ignore[return-value]  # a pair
    old, new = row_dict(before), row_dict(after)
    differing = [name for name in old if old[name] != new[name]]
    return encode({name: old[name] for name in differing}), encode({name: new[name] for name in differing})


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}

"""The history of every record, append-only: who was where, and since which generation.

Replaying a corp's changes from nothing gives the organisation of any generation; :func:`replay` does it, and the tests
hold it against the tables. The values of a record stand beside its key and do not repeat it; a change of an existing
record keeps only the fields that differ.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jit_corps.changes import REMOVE, UPDATE
from jit_corps.models import ChangeRecord
from jit_corps.rows import FLAGS
from jit_corps.snapshot import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jit_corps.changes import Change
    from jit_corps.rows import Row
    from jitcore.storage import Storage

__all__ = ["encode", "record_changes", "replay"]

COLUMNS = ("corpFullName", "generation", "runId", "kind", "key", "action", "before", "after")

#: So many different values of memberships are written down once only.
REMEMBERED = 10_000

#: JSON text of a value; one encoder, because making one per row takes longer than encoding the row.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
quoted = json.encoder.encode_basestring


def record_changes(
    storage: Storage, corpFullName: str, generation: int, changes: Iterable[Change], runId: int | None = None
) -> None:
    """Append the changes of one generation.

    :param runId: the run that made them; ``None`` for what a person did here.
    """
    storage.insert_rows(ChangeRecord, COLUMNS, _records(corpFullName, generation, changes, runId))


def replay(storage: Storage, corpFullName: str, generation: int | None = None) -> dict[str, dict[tuple[str, ...], Any]]:
    """The records of a corp as of a generation, by kind and key: dictionaries without the key and without empty fields.

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
            known[key] = {name: value for name, value in {**known[key], **after}.items() if value is not None}
        else:
            known[key] = after
    return records


def _records(
    corpFullName: str, generation: int, changes: Iterable[Change], runId: int | None
) -> Iterator[tuple[Any, ...]]:
    # Most of a first import is additions, and many memberships have the same few values.
    known: dict[tuple[Any, ...], str] = {}
    for kind, key, action, before, after in changes:
        length = len(key)
        key_text = f"[{','.join(map(quoted, key))}]"
        if before is not None and after is not None:
            differing = [index for index, value in enumerate(before) if value != after[index]]
            old, new = _encoded(before, differing), _encoded(after, differing)
            yield corpFullName, generation, runId, kind, key_text, action, old, new
            continue
        row = before or after
        assert row is not None
        rest = (kind, *row[length:])
        text = known.get(rest)
        if text is None:
            filled = [index for index in range(length, len(row)) if row[index] is not None]
            text = _encoded(row, filled)
            if length > 1 and len(known) < REMEMBERED:
                known[rest] = text
        if before is None:
            yield corpFullName, generation, runId, kind, key_text, action, None, text
        else:
            yield corpFullName, generation, runId, kind, key_text, action, text, None


def _encoded(row: Row, indexes: Iterable[int]) -> str:
    names = row._fields
    return encode({names[at]: bool(row[at]) if names[at] in FLAGS else row[at] for at in indexes})

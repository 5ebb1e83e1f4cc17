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
    for kind, key, action, before, after in changes:
        key_text = f"[{','.join(map(quoted, key))}]"
        if before is not None and after is not None:
            differing = [index for index, value in enumerate(before) if value != after[index]]
            old: str | None = _encoded(before, differing)
            new: str | None = _encoded(after, differing)
        else:
            old = None if before is None else _filled(before, len(key))
            new = None if after is None else _filled(after, len(key))
        yield corpFullName, generation, runId, kind, key_text, action, old, new


def _encoded(row: Row, indexes: Iterable[int]) -> str:
    names = row._fields
    return encode({names[at]: bool(row[at]) if names[at] in FLAGS else row[at] for at in indexes})


def _filled(row: Row, start: int) -> str:
    """Whatever stands in a row beside its key."""
    # Written for every record of a first sync: putting a few texts together takes half as long as the encoder does.
    texts = [
        f'"{name}":{quoted(value) if type(value) is str else _value(name, value)}'
        for name, value in zip(row._fields[start:], row[start:], strict=True)
        if value is not None
    ]
    return f"{{{','.join(texts)}}}"


def _value(name: str, value: Any) -> str:
    if name in FLAGS:
        return "true" if value else "false"
    return str(value) if type(value) is int else encode(value)

"""The history of every record, append-only: who was where, and since which generation.

Replaying a corp's changes from nothing gives the organisation of any generation; :func:`replay` does it, and the tests
hold it against the tables. The values of a record stand beside its key and do not repeat it; a change of an existing
record keeps only the fields that differ.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

from jit_corps.changes import ADD, REMOVE, UPDATE
from jit_corps.models import ChangeRecord
from jit_corps.rows import FLAGS, KEY_LENGTHS
from jit_corps.snapshot import GRANTS, KINDS, MEMBERSHIPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jit_corps.changes import KindChanges
    from jit_corps.rows import MembershipRow, Row
    from jitcore.storage import Storage

__all__ = ["encode", "record_changes", "replay"]

COLUMNS = ("corpFullName", "generation", "runId", "kind", "key", "action", "before", "after")


#: JSON text of a value; one encoder, because making one per row takes longer than encoding the row.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
quoted = json.encoder.encode_basestring


def record_changes(
    storage: Storage,
    corpFullName: str,
    generation: int,
    changes: Mapping[str, KindChanges[Any]],
    runId: int | None = None,
) -> None:
    """Append the changes of one generation.

    :param changes: by kind.
    :param runId: the run that made them; ``None`` for what a person did here.
    """
    told = chain.from_iterable(_told(kind, changes[kind]) for kind in KINDS)
    rows = ((corpFullName, generation, runId, *one) for one in told)
    storage.insert_rows(ChangeRecord, COLUMNS, rows)


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


def _told(kind: str, changes: KindChanges[Any]) -> Iterator[tuple[str, str, str, str | None, str | None]]:
    """The changes of one kind as a row has them: kind, key, action, before and after."""
    length, filled = KEY_LENGTHS[kind], _FILLED.get(kind, _filled)
    # Written for every record of a first sync.
    for row in changes.added:
        yield kind, f"[{','.join(map(quoted, row[:length]))}]", ADD, None, filled(row, length)
    for before, after in changes.updated:
        yield kind, f"[{','.join(map(quoted, after[:length]))}]", UPDATE, *_differing(before, after)
    for before, after, _ in changes.removed:
        key = f"[{','.join(map(quoted, before[:length]))}]"
        if after is None:
            yield kind, key, REMOVE, filled(before, length), None
        else:
            yield kind, key, REMOVE, *_differing(before, after)


def _differing(before: Row, after: Row) -> tuple[str, str]:
    """What differs between two rows, as it was and as it is."""
    differing = [index for index, value in enumerate(before) if value != after[index]]
    return _encoded(before, differing), _encoded(after, differing)


def _encoded(row: Row, indexes: Iterable[int]) -> str:
    names = row._fields
    return encode({names[at]: bool(row[at]) if names[at] in FLAGS else row[at] for at in indexes})


def _filled(row: Row, start: int) -> str:
    """Whatever stands in a row beside its key."""
    # Putting a few texts together takes half as long as the encoder does.
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


def _filled_membership(row: MembershipRow, _start: int) -> str:
    return f'{{"order":{row[2]},"isLeader":{"true" if row[3] else "false"}}}'


#: The same for the two kinds of which there are more than members: all that stands beside a grant's key is nothing.
_FILLED: Mapping[str, Callable[[Any, int], str]] = {
    MEMBERSHIPS: _filled_membership,
    GRANTS: lambda _row, _start: "{}",
}

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
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES
from jit_corps.spool import in_any_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jit_corps.changes import KindChanges
    from jit_corps.rows import Row
    from jitcore.storage import Storage

__all__ = ["encode", "record_changes", "replay"]

COLUMNS = ("corpFullName", "generation", "runId", "kind", "action", "key", "after", "before")
#: Of so many additions, what all of one kind share is given to the database once.
MANY = 1_000

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
    head = (corpFullName, generation, runId)
    many = [kind for kind in KINDS if len(changes[kind].added) >= MANY]
    for kind in many:
        told = _added(kind, in_any_order(changes[kind].added))
        storage.insert_rows(ChangeRecord, COLUMNS[:-1], told, (*head, kind, ADD))
    others = chain.from_iterable(_told(kind, changes[kind], with_added=kind not in many) for kind in KINDS)
    storage.insert_rows(ChangeRecord, COLUMNS, others, head)


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


def _told(
    kind: str, changes: KindChanges[Any], *, with_added: bool
) -> Iterator[tuple[str, str, str, str | None, str | None]]:
    """The changes of one kind as a row has them: kind, action, key, after and before."""
    if with_added:
        for key, filled in _added(kind, changes.added):
            yield kind, ADD, key, filled, None
    for before, after in changes.updated:
        old, new = _differing(before, after)
        yield kind, UPDATE, _key(kind, after), new, old
    for before, after, _ in changes.removed:
        if after is None:
            yield kind, REMOVE, _key(kind, before), None, _FILLED[kind](before)
        else:
            old, new = _differing(before, after)
            yield kind, REMOVE, _key(kind, before), new, old


def _added(kind: str, rows: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Key and after of additions."""
    filled = _FILLED[kind]
    return ((_key(kind, row), filled(row)) for row in rows)


def _key(kind: str, row: tuple[Any, ...]) -> str:
    return f"[{','.join(map(quoted, row[: KEY_LENGTHS[kind]]))}]"


def _differing(before: Row, after: Row) -> tuple[str, str]:
    """What differs between two rows, as it was and as it is."""
    differing = [index for index, value in enumerate(before) if value != after[index]]
    return _encoded(before, differing), _encoded(after, differing)


def _encoded(row: Row, indexes: Iterable[int]) -> str:
    names = row._fields
    return encode({names[at]: bool(row[at]) if names[at] in FLAGS else row[at] for at in indexes})


def _filled(row: Row) -> str:
    """Whatever stands in a department's or a role's row beside its key."""
    named = zip(row._fields[1:], row[1:], strict=True)
    return encode({name: value for name, value in named if value is not None})


# The other kinds are written for every member of a first sync, where the encoder would take several times as long, and
# going through the names of the fields nearly three times. Their rows may be plain tuples here.


def _filled_member(row: tuple[Any, ...]) -> str:
    _, userId, name, aliasName, position, gender, avatar, openUserId, mainDeptId = row[:9]
    status, reason, upstreamReason, manualOffline, presence, scopeDigest, pinned = row[9:]
    text = f'{{"userId":{quoted(userId)}'
    if name is not None:
        text += f',"name":{quoted(name)}'
    if aliasName is not None:
        text += f',"aliasName":{quoted(aliasName)}'
    if position is not None:
        text += f',"position":{quoted(position)}'
    if gender is not None:
        text += f',"gender":{quoted(gender)}'
    if avatar is not None:
        text += f',"avatar":{quoted(avatar)}'
    if openUserId is not None:
        text += f',"openUserId":{quoted(openUserId)}'
    if mainDeptId is not None:
        text += f',"mainDeptId":{quoted(mainDeptId)}'
    text += f',"status":{status}'
    if reason is not None:
        text += f',"reason":{quoted(reason)}'
    if upstreamReason is not None:
        text += f',"upstreamReason":{quoted(upstreamReason)}'
    text += f',"manualOffline":{"true" if manualOffline else "false"},"presence":{quoted(presence)}'
    if scopeDigest is not None:
        text += f',"scopeDigest":{quoted(scopeDigest)}'
    if pinned is not None:
        text += f',"pinned":{quoted(pinned)}'
    return f"{text}}}"


def _filled_membership(row: tuple[Any, ...]) -> str:
    _, _, order, isLeader = row
    return f'{{"order":{order},"isLeader":{"true" if isLeader else "false"}}}'


#: All that stands beside a grant's key is nothing.
_FILLED: Mapping[str, Callable[[Any], str]] = {
    DEPARTMENTS: _filled,
    MEMBERS: _filled_member,
    MEMBERSHIPS: _filled_membership,
    ROLES: _filled,
    GRANTS: lambda _: "{}",
}

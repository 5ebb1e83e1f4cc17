"""What a person here decided about single fields of a member: a local name, or that no sync takes them offline.

A pinned field keeps its value whatever upstream says. What upstream says is kept behind it, so that unpinning gives
back what is so upstream, and not what was so when somebody pinned it. Pure: rows in, rows out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jit_corps.history import encode
from jit_corps.rows import ACTIVE, BY_HAND, OFFLINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jit_corps.rows import MemberRow
    from jit_corps.snapshot import MemberRecord

__all__ = ["FIELDS", "STATUS", "keeps_active", "pinned", "pins_of", "settled", "told", "unpinned"]

#: Pinned, it can only be ``"active"``; to be offline is ``offlineMember``.
STATUS = "status"
#: Fields of a row that can be pinned, and what they are called in what upstream tells.
FIELDS: Mapping[str, str] = {
    "name": "name",
    "aliasName": "alias",
    "position": "position",
    "gender": "gender",
    "avatar": "avatar",
}


def pins_of(row: MemberRow) -> dict[str, str | None]:
    """The pinned fields, with what upstream says of each; nothing for the status, whose other side is
    ``upstreamReason``."""
    return {} if row.pinned is None else json.loads(row.pinned)


def keeps_active(row: MemberRow) -> bool:
    """Whether no sync may take the member offline."""
    return row.pinned is not None and STATUS in pins_of(row)


def settled(row: MemberRow) -> MemberRow:
    """The row with the status that follows from what upstream says and what people here decided."""
    reason = row.upstreamReason
    if row.manualOffline:
        reason = BY_HAND
    elif keeps_active(row):
        reason = None
    return row._replace(status=ACTIVE if reason is None else OFFLINE, reason=reason)


def told(row: MemberRow, old: MemberRow, record: MemberRecord) -> MemberRow:
    """The row of a member with pins, after upstream told of them.

    :param row: as it would be without pins.
    :param old: as it was.
    """
    behind = pins_of(old)
    values: dict[str, Any] = {}
    for field in behind.keys() & FIELDS.keys():
        says = getattr(record, FIELDS[field])
        # A name that is not told is never taken for a cleared one.
        if says is not None and (says or field != "name"):
            behind[field] = says
        values[field] = getattr(old, field)
    return settled(row._replace(pinned=_text(behind), **values))


def pinned(row: MemberRow, values: Mapping[str, str]) -> MemberRow:
    """The row with these fields pinned; what is pinned already gets another value."""
    behind = pins_of(row)
    fields: dict[str, Any] = {field: value for field, value in values.items() if field != STATUS}
    for field in values:
        behind.setdefault(field, None if field == STATUS else getattr(row, field))
    return settled(row._replace(pinned=_text(behind), **fields))


def unpinned(row: MemberRow, fields: Iterable[str] | None) -> MemberRow:
    """The row with these fields as upstream has them; those that are not pinned are that already.

    :param fields: ``None`` for all.
    """
    behind = pins_of(row)
    given: dict[str, Any] = {field: behind.pop(field) for field in list(behind) if fields is None or field in fields}
    given.pop(STATUS, None)
    return settled(row._replace(pinned=_text(behind), **given))


def _text(behind: Mapping[str, str | None]) -> str | None:
    return encode(dict(sorted(behind.items()))) if behind else None

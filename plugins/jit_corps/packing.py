"""How what a plan is made of lies in a spool: records and rows as plain tuples, without mail and telephone numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from jit_corps.changes import Removal
from jit_corps.rows import GrantRow, MemberRow, MembershipRow
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS, GrantRecord, MemberRecord, Membership
from jit_corps.spool import Packing, row_packing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GRANT_RECORDS", "MEMBER_RECORDS", "ROWS", "pairs_of", "removals_of"]

T = TypeVar("T")

# What calling a named tuple's type does, without a step through Python for each.
_new: Any = tuple.__new__
_DEPARTMENTS = MemberRecord._fields.index("departments")


def pairs_of(row: Packing[T]) -> Packing[tuple[T, T]]:
    """How pairs of such rows are kept."""
    pack, unpack = row
    return Packing(lambda pair: (pack(pair[0]), pack(pair[1])), lambda packed: (unpack(packed[0]), unpack(packed[1])))


def removals_of(row: Packing[Any]) -> Packing[Removal[Any]]:
    """How removals of such rows are kept."""
    pack, unpack = row
    return Packing(
        lambda one: (pack(one.before), one.after and pack(one.after), one.follows),
        lambda packed: Removal(unpack(packed[0]), packed[1] and unpack(packed[1]), packed[2]),
    )


def _packed(record: MemberRecord) -> tuple[Any, ...]:
    """All but what is never stored: mail and telephone numbers do not get into a file."""
    memberId, name, active, reason, places, main, position, alias, _, _, _, gender, avatar, openUserId = record
    # Most are in one department.
    told = (tuple(places[0]),) if len(places) == 1 else tuple(map(tuple, places))
    return memberId, name, active, reason, told, main, position, alias, None, None, None, gender, avatar, openUserId


def _unpacked(packed: tuple[Any, ...]) -> MemberRecord:
    fields, told = list(packed), packed[_DEPARTMENTS]
    one = len(told) == 1
    fields[_DEPARTMENTS] = (_new(Membership, told[0]),) if one else tuple([_new(Membership, place) for place in told])
    record: MemberRecord = _new(MemberRecord, fields)
    return record


#: Members' and grants' records of a snapshot.
MEMBER_RECORDS = Packing(_packed, _unpacked)
GRANT_RECORDS = row_packing(GrantRecord)
#: The rows of each kind that belongs to a member.
ROWS: Mapping[str, Packing[Any]] = {
    MEMBERS: row_packing(MemberRow),
    MEMBERSHIPS: row_packing(MembershipRow),
    GRANTS: row_packing(GrantRow),
}

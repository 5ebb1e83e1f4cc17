"""Pages of a reading as JSON, for :class:`jit_corps.checkpoints.Checkpoint`.

Mail addresses and telephone numbers are left out: they are never stored. A record without them says that they were not
told, and the organisation does not keep them anyway.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from jit_corps.snapshot import MemberRecord, Membership, RoleRecord
from jit_qywx.mapping import Tag

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NAMED", "TAG", "pack", "unpack"]

#: How the name of a page begins that tells of a tag, and of who is visible by themselves; a department's is its id, a
#: number.
TAG, NAMED = "tag:", "named:"
_UNSTORED = frozenset({"email", "mobile", "telephone"})
_PLAIN = tuple(name for name in MemberRecord._fields if name not in {*_UNSTORED, "departments"})

#: Asked for every member of a large enterprise.
_plain = attrgetter(*_PLAIN)


def pack(name: str, told: Any) -> Any:
    """A page as JSON values."""
    return _pack_tag(told) if name.startswith(TAG) else [_pack_member(record) for record in told]


def unpack(name: str, told: Any) -> Any:
    """What :func:`pack` was given, without what must not be stored."""
    return _unpack_tag(told) if name.startswith(TAG) else [_unpack_member(values) for values in told]


def _pack_member(record: MemberRecord) -> list[Any]:
    return [[[place.deptId, place.order, place.isLeader] for place in record.departments], *_plain(record)]


def _unpack_member(values: Sequence[Any]) -> MemberRecord:
    places = tuple(Membership(*place) for place in values[0])
    return MemberRecord(departments=places, **dict(zip(_PLAIN, values[1:], strict=True)))


def _pack_tag(tag: Tag) -> list[Any]:
    return [tag.role.roleId, tag.role.name, tag.role.deptIds, tag.memberIds]


def _unpack_tag(values: Sequence[Any]) -> Tag:
    roleId, name, deptIds, memberIds = values
    return Tag(RoleRecord(roleId, name, None if deptIds is None else tuple(deptIds)), tuple(memberIds))

"""Makes one record of several that upstream tells of the same thing, so that the order of its lists never matters.

A member listed once per department, or a tag that names somebody twice, is ordinary. Where such records differ, the
choice is by value and not by position.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from jit_corps.snapshot import DeptRecord, GrantRecord, MemberRecord, Membership, RoleRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from jit_corps.snapshot import Records, Snapshot

__all__ = ["merged", "merged_grants", "merged_head", "merged_members", "merged_plain_members"]

R = TypeVar("R")

_MEMBER_ID = MemberRecord._fields.index("memberId")
MEMBER_TEXTS = tuple(
    name for name in MemberRecord._fields if name not in {"memberId", "active", "reason", "departments"}
)


def merged(snapshot: Snapshot) -> Snapshot:
    """The same snapshot with one record for each department, member, membership, role and grant.

    A role that is only named by a grant gets a record without a name.
    """
    head = merged_head(snapshot, {grant.roleId for grant in snapshot.grants})
    return replace(head, members=merged_members(snapshot.members), grants=merged_grants(snapshot.grants))


def merged_head(snapshot: Snapshot, roleIds: Collection[str]) -> Snapshot:
    """The snapshot with one record for each department and role, and as it was in all else.

    :param roleIds: those that its grants name.
    """
    roles = [*snapshot.roles]
    known = {role.roleId for role in roles}
    roles += [RoleRecord(roleId) for roleId in sorted(set(roleIds) - known)]
    return replace(
        snapshot,
        departments=_unique(snapshot.departments, attrgetter("deptId"), _one_dept),
        roles=_unique(roles, attrgetter("roleId"), _one_role),
    )


def merged_members(told: Records[MemberRecord]) -> tuple[MemberRecord, ...]:
    """One record for each member, with one place for each department."""
    return tuple(map(_with_single_places, _unique(told, attrgetter("memberId"), _one_member)))


def merged_plain_members(
    told: Iterable[tuple[Any, ...]], unpack: Callable[[tuple[Any, ...]], MemberRecord]
) -> tuple[MemberRecord, ...]:
    """As :func:`merged_members`, of records that are plain values.

    Most who are told more than once are told alike, in each of their departments, and that needs no records.

    :param unpack: makes a record of plain values.
    """
    first: dict[str, tuple[Any, ...]] = {}
    differing: list[tuple[Any, ...]] = []
    for values in told:
        known = first.setdefault(values[_MEMBER_ID], values)
        if known is not values and known != values:
            differing.append(values)
    if differing:
        return merged_members(tuple(map(unpack, chain(first.values(), differing))))
    return tuple(map(_with_single_places, map(unpack, first.values())))


def merged_grants(told: Iterable[GrantRecord]) -> tuple[GrantRecord, ...]:
    """One record for each grant."""
    return tuple(dict.fromkeys(told))


def _unique(records: Records[R], key: Callable[[R], str], one: Callable[[list[R]], R]) -> tuple[R, ...]:
    # There is mostly one of each, and saying so is cheaper than grouping them.
    if len(set(map(key, records))) == len(records):
        return tuple(records)
    first: dict[str, R] = {}
    differing: dict[str, list[R]] = {}
    for record in records:
        known = first.setdefault(key(record), record)
        if known is not record and known != record:
            differing.setdefault(key(record), [known]).append(record)
    first.update((name, one(group)) for name, group in differing.items())
    return tuple(first.values())


def _one_dept(same: list[DeptRecord]) -> DeptRecord:
    leaders = [leaderId for dept in same if dept.leaderIds is not None for leaderId in dept.leaderIds]
    told = any(dept.leaderIds is not None for dept in same)
    return DeptRecord(
        deptId=same[0].deptId,
        name=_text(dept.name for dept in same),
        parentId=_text(dept.parentId for dept in same),
        order=max((dept.order for dept in same if dept.order is not None), default=None),
        leaderIds=tuple(sorted(set(leaders))) if told else None,
    )


def _one_member(same: list[MemberRecord]) -> MemberRecord:
    told = {member.active for member in same}
    active = True if True in told else False if False in told else None
    texts: dict[str, Any] = {name: _text(getattr(member, name) for member in same) for name in MEMBER_TEXTS}
    return MemberRecord(
        memberId=same[0].memberId,
        active=active,
        reason=None if active else _text(member.reason for member in same),
        departments=tuple(place for member in same for place in member.departments),
        **texts,
    )


def _one_role(same: list[RoleRecord]) -> RoleRecord:
    told = [role.deptIds for role in same if role.deptIds is not None]
    deptIds = tuple(sorted({deptId for one in told for deptId in one})) if told else None
    return RoleRecord(same[0].roleId, _text(role.name for role in same), deptIds)


def _with_single_places(member: MemberRecord) -> MemberRecord:
    places = member.departments
    if len(places) < 2 or len({place.deptId for place in places}) == len(places):
        return member
    single: dict[str, Membership] = {}
    for place in places:
        other = single.get(place.deptId, place)
        single[place.deptId] = Membership(place.deptId, max(place.order, other.order), place.isLeader or other.isLeader)
    return member._replace(departments=tuple(single.values()))


def _text(told: Iterable[str | None]) -> str | None:
    return min((one for one in told if one is not None), default=None)

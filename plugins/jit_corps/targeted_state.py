"""Reads as much of what is published as single records can change: a few rows by their ids, however large the corp."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING

from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRoleMember
from jit_corps.observations import read_fresh
from jit_corps.role_departments import below, children_of
from jit_corps.row_selection import Rows
from jit_corps.rows import (
    LISTED,
    MANUAL,
    DeptRow,
    GrantRow,
    LocalState,
    MemberRow,
    MembershipRow,
    RoleRow,
)
from jit_corps.state import read_header, read_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_corps.snapshot import Snapshot, Targets
    from jitcore.storage import Storage

__all__ = ["read_around"]

#: Of more members than that, reading everything is the shorter way.
SINGLY = 5_000


def read_around(storage: Storage, corpFullName: str, snapshot: Snapshot, title: str, since: float) -> LocalState:
    """What is published of the snapshot's targets, and of what can change with them.

    A member brings along memberships and grants; a role its grants. A department that goes or moves, or a role that
    stands for others, brings along the members whose roles follow from that.

    :param title: the element's title.
    :param since: when the snapshot began to be read, in seconds since the epoch.
    """
    targets = snapshot.targets
    assert targets is not None
    rows = Rows(storage, corpFullName)
    with storage.reading():
        generation, header = read_header(storage, corpFullName)
        roles = rows.roles()
        depts = rows.depts(targets.departments)
        parents: dict[str, str | None] = {}
        is_tree = _moves(snapshot, targets, depts)
        if is_tree:
            depts = rows.depts()
            parents = {deptId: row.upstreamParentId for deptId, row in depts.items()}
        elif _stands(snapshot, roles):
            parents = dict(rows.all(CorpDept, ("deptId", "upstreamParentId")))
        concerned = _concerned(snapshot, targets, parents, roles)
        people = rows.some(CorpDeptMember, ("memberId",), "deptId", concerned)
        placed = {memberId for (memberId,) in people} | targets.members
        if len(placed) > SINGLY:
            return read_state(storage, corpFullName, title, since)
        places = list(starmap(MembershipRow, rows.some(CorpDeptMember, MembershipRow._fields, "memberId", placed)))
        grants = set(starmap(GrantRow, rows.some(CorpRoleMember, GrantRow._fields, "memberId", placed)))
        grants.update(starmap(GrantRow, rows.some(CorpRoleMember, GrantRow._fields, "roleId", targets.roles)))
        # Who has the role and keeps it is known here.
        told = {(one.roleId, one.memberId) for one in snapshot.grants if one.roleId in targets.roles}
        had = {(one.roleId, one.memberId) for one in grants if one.roleId in targets.roles and one.origin != MANUAL}
        holders = {memberId for _, memberId in told ^ had}
        members = starmap(MemberRow, rows.some(CorpMember, MemberRow._fields, "memberId", placed | holders))
        if not is_tree:
            named = {place.deptId for member in snapshot.members for place in member.departments}
            named |= {place.deptId for place in places}
            # Whether they are known here decides what else is read.
            named |= {dept.parentId for dept in snapshot.departments if dept.parentId is not None}
            named |= {deptId for roleId in targets.roles & roles.keys() for deptId in roles[roleId].deptIds or ()}
            named |= {header.rootDeptId} if header.rootDeptId else set()
            depts |= rows.depts(named - depts.keys())
        return LocalState(
            corpFullName=corpFullName,
            title=title,
            generation=generation,
            header=header,
            departments=depts,
            members={row.memberId: row for row in members},
            memberships={(row.deptId, row.memberId): row for row in places},
            roles=roles,
            grants=frozenset(grants),
            since=since,
            fresh=read_fresh(storage, corpFullName, since),
            placed=frozenset(placed),
            is_tree=is_tree,
            parents={} if is_tree else parents,
        )


def _stands(snapshot: Snapshot, roles: Mapping[str, RoleRow]) -> bool:
    """Whether some role is somebody's because of a department."""
    return any(row.deptIds for row in roles.values()) or any(role.deptIds for role in snapshot.roles)


def _moves(snapshot: Snapshot, targets: Targets, depts: Mapping[str, DeptRow]) -> bool:
    """Whether what is told of departments changes more than what they are called and who leads them.

    :param depts: the targets that are known here.
    """
    told = {dept.deptId: dept for dept in snapshot.departments if dept.deptId in targets.departments}
    if told.keys() != depts.keys():
        return True
    return any(
        depts[deptId].presence != LISTED
        or depts[deptId].upstreamParentId != dept.parentId
        or dept.order not in (None, depts[deptId].order)
        for deptId, dept in told.items()
    )


def _concerned(
    snapshot: Snapshot, targets: Targets, parents: Mapping[str, str | None], roles: Mapping[str, RoleRow]
) -> set[str]:
    """Departments whose members may lose a place, or may get or lose roles.

    :param parents: where all departments stand now.
    """
    told = {dept.deptId: dept for dept in snapshot.departments if dept.deptId in targets.departments}
    gone = {deptId for deptId in targets.departments if deptId in parents and deptId not in told}
    if not _stands(snapshot, roles):
        return gone
    moved = {deptId for deptId, dept in told.items() if deptId not in parents or parents[deptId] != dept.parentId}
    for role in snapshot.roles:
        if role.roleId in targets.roles and role.deptIds is not None:
            known = roles[role.roleId].deptIds if role.roleId in roles else None
            moved.update(set(role.deptIds) ^ set(known or ()))
    # Where they stand now, and where they will.
    children = children_of(parents)
    for deptId, dept in told.items():
        if dept.parentId is not None:
            children.setdefault(dept.parentId, []).append(deptId)
    return below(moved | gone, children)

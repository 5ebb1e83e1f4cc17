"""Reads as much of what is published as single records can change: a few rows by their ids, however large the corp."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any

from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember
from jit_corps.observations import read_fresh
from jit_corps.role_departments import below, children_of
from jit_corps.rows import (
    ABSENT,
    ACTIVE,
    INVISIBLE,
    LISTED,
    MANUAL,
    DeptRow,
    GrantRow,
    LocalState,
    MemberRow,
    MembershipRow,
    RoleRow,
)
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS
from jit_corps.state import made, read_header, read_state, select_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import peewee

    from jit_corps.snapshot import Snapshot, Targets
    from jitcore.storage import Storage

__all__ = ["Totals", "read_around"]

#: Ids in one query; SQLite takes 32,766 parameters in a statement, older ones 999.
CHUNK = 900
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
    rows = _Rows(storage, corpFullName)
    with storage.reading():
        generation, header = read_header(storage, corpFullName)
        roles = {row.roleId: row for row in made(RoleRow, rows.all(CorpRole, RoleRow._fields))}
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


class Totals:
    """Counts for the guard what is in the database: see :class:`jit_corps.plan.Total`."""

    def __init__(self, storage: Storage, corpFullName: str) -> None:
        self._storage = storage
        self._corpFullName = corpFullName

    def __call__(self, kind: str, most: int | None) -> int:
        """How many records of the kind count, at most so many."""
        member = self._storage.models[CorpMember]
        there = (member.presence != INVISIBLE) & (member.presence != ABSENT)
        counted = (member.corpFullName == self._corpFullName) & (member.status == ACTIVE) & there
        if kind == MEMBERS:
            query = member.select(member.memberId).where(counted)
        else:
            model: Any = self._storage.models[{MEMBERSHIPS: CorpDeptMember, GRANTS: CorpRoleMember}[kind]]
            same = (model.corpFullName == member.corpFullName) & (model.memberId == member.memberId)
            query = model.select(model.memberId).join(member, on=same).where(counted)
            query = query.where(model.corpFullName == self._corpFullName)
            if kind == GRANTS:
                query = query.where(model.origin != MANUAL)
        with self._storage.boundary():
            return int(query.limit(most).count() if most is not None else query.count())


class _Rows:
    """Rows of one corp as plain tuples."""

    def __init__(self, storage: Storage, corpFullName: str) -> None:
        self._storage = storage
        self._corpFullName = corpFullName

    def all(self, model: type[peewee.Model], fields: Iterable[str]) -> list[tuple[Any, ...]]:
        return select_rows(self._storage, model, tuple(fields), self._corpFullName)

    def depts(self, ids: Collection[str] | None = None) -> dict[str, DeptRow]:
        """Departments, all or those with these ids."""
        names = DeptRow._fields
        found = self.all(CorpDept, names) if ids is None else self.some(CorpDept, names, "deptId", ids)
        return {row.deptId: row for row in made(DeptRow, found)}

    def some(
        self, model: type[peewee.Model], fields: Iterable[str], key: str, ids: Collection[str]
    ) -> list[tuple[Any, ...]]:
        """Those with these ids; no ids are no statement."""
        bound: Any = self._storage.models[model]
        columns = [getattr(bound, name) for name in fields]
        found: list[tuple[Any, ...]] = []
        wanted = sorted(ids)
        for start in range(0, len(wanted), CHUNK):
            mine = (bound.corpFullName == self._corpFullName) & getattr(bound, key).in_(wanted[start : start + CHUNK])
            found += self._storage.select_tuples(bound.select(*columns).where(mine))
        return found


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

"""Selects rows of one corp as plain tuples: all of a table, or those with certain ids, in few statements."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import peewee

from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole
from jit_corps.rows import ABSENT, DeptRow, RoleRow
from jit_corps.state import made, select_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from jitcore.storage import Storage

__all__ = ["Rows"]

#: Ids in one query; SQLite takes 32,766 parameters in a statement, older ones 999.
CHUNK = 900


class Rows:
    """Rows of one corp as plain tuples."""

    def __init__(self, storage: Storage, corpFullName: str) -> None:
        self._storage = storage
        self._corpFullName = corpFullName

    def all(self, model: type[peewee.Model], fields: Iterable[str]) -> list[tuple[Any, ...]]:
        """All of a table."""
        return select_rows(self._storage, model, tuple(fields), self._corpFullName)

    def depts(self, ids: Collection[str] | None = None) -> dict[str, DeptRow]:
        """Departments, all or those with these ids."""
        names = DeptRow._fields
        found = self.all(CorpDept, names) if ids is None else self.some(CorpDept, names, "deptId", ids)
        return {row.deptId: row for row in made(DeptRow, found)}

    def roles(self) -> dict[str, RoleRow]:
        """All roles."""
        return {row.roleId: row for row in made(RoleRow, self.all(CorpRole, RoleRow._fields))}

    def some(
        self, model: type[peewee.Model], fields: Iterable[str], key: str, ids: Collection[str]
    ) -> list[tuple[Any, ...]]:
        """Those with these ids, or other values of a column; no ids are no statement."""
        bound: Any = self._storage.models[model]
        columns = [getattr(bound, name) for name in fields]
        found: list[tuple[Any, ...]] = []
        wanted = sorted(ids)
        for start in range(0, len(wanted), CHUNK):
            mine = (bound.corpFullName == self._corpFullName) & getattr(bound, key).in_(wanted[start : start + CHUNK])
            found += self._storage.select_tuples(bound.select(*columns).where(mine))
        return found

    def without_places(self) -> set[str]:
        """Ids of the members who are in no department, but not of those who left."""
        member, place = self._storage.models[CorpMember], self._storage.models[CorpDeptMember]
        theirs = place.select(place.memberId).where(
            place.corpFullName == member.corpFullName, place.memberId == member.memberId
        )
        here = (member.corpFullName == self._corpFullName) & (member.presence != ABSENT)
        query = member.select(member.memberId).where(here & ~peewee.fn.EXISTS(theirs))
        return {memberId for (memberId,) in self._storage.select_tuples(query)}

    def in_departments(
        self, model: type[peewee.Model], fields: Iterable[str], deptIds: Iterable[str]
    ) -> list[tuple[Any, ...]]:
        """Those of all members who are in one of the departments; some may come twice."""
        place: Any = self._storage.models[CorpDeptMember]
        bound: Any = self._storage.models[model]
        columns = [getattr(bound, name) for name in fields]
        # By another name: the rows may be of the same table.
        inside = place.alias()
        found: list[tuple[Any, ...]] = []
        wanted = sorted(deptIds)
        for start in range(0, len(wanted), CHUNK):
            some = (inside.corpFullName == self._corpFullName) & inside.deptId.in_(wanted[start : start + CHUNK])
            theirs = bound.memberId.in_(inside.select(inside.memberId).where(some))
            found += self._storage.select_tuples(
                bound.select(*columns).where((bound.corpFullName == self._corpFullName) & theirs)
            )
        return found

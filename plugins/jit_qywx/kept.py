"""What is kept here of one organisation, as far as reading single records has to know it.

A record that WeCom tells may name others: a parent, a department, a member under a tag. Those known here need not be
read again, or every event would cost as many calls as the tree is deep.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import functools
import json
import operator
from typing import TYPE_CHECKING, Any

import peewee

from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember
from jit_corps.rows import ABSENT, ACTIVE, INVISIBLE, LISTED, TAG, UNCONFIRMED, UPSTREAM
from jit_corps.snapshot import DEPARTMENTS, MEMBERS, ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from jitcore.storage import Storage

__all__ = ["Kept"]

#: How many values one statement asks for; every database takes so many.
_CHUNK = 500
_FEW = 20


class Kept:
    """The published rows of one corp.

    :param storage: the App's.
    :param corpFullName: the corp element.
    """

    def __init__(self, storage: Storage, corpFullName: str) -> None:
        self._storage = storage
        self._corpFullName = corpFullName

    def calls_for_everything(self) -> int:
        """About how many calls reading everything takes: one for each department and each tag."""
        with self._storage.reading():
            counts = [
                model.select().where(model.corpFullName == self._corpFullName, model.origin == UPSTREAM).count()
                for model in (self._storage.models[CorpDept], self._storage.models[CorpRole])
            ]
        return sum(counts)

    def everybody(self) -> frozenset[str]:
        """Ids of all members who were ever here, those who left and those taken offline by hand included."""
        member = self._storage.models[CorpMember]
        query = member.select(member.memberId).where(member.corpFullName == self._corpFullName)
        return frozenset(memberId for (memberId,) in self._storage.select_tuples(query))

    def listed(self, kind: str, ids: Collection[str]) -> set[str]:
        """Those of the records that are in sight here: of members those of whom nobody could say whether they are gone
        as well, but not those who left.

        :param kind: ``departments``, ``members`` or ``roles``.
        """
        return self._rows(kind, ids, LISTED, UNCONFIRMED)

    def known(self, kind: str, ids: Collection[str]) -> set[str]:
        """Those of the records that are here, in sight or not, but not members who left."""
        return self._rows(kind, ids, LISTED, UNCONFIRMED, INVISIBLE)

    def strangers(self, memberIds: Collection[str]) -> set[str]:
        """Those of the members who have never been here."""
        return set(memberIds) - self._rows(MEMBERS, memberIds, LISTED, UNCONFIRMED, INVISIBLE, ABSENT)

    def witnesses(self, but: Collection[str], most: int) -> list[str]:
        """Some active members who are in sight here.

        :param but: nobody of these.
        :param most: so many at most.
        """
        member = self._storage.models[CorpMember]
        mine = (member.corpFullName == self._corpFullName) & (member.presence == LISTED) & (member.status == ACTIVE)
        query = member.select(member.memberId).where(mine).order_by(member.memberId).limit(most + len(but))
        with self._storage.reading():
            found = [memberId for (memberId,) in self._storage.select_tuples(query) if memberId not in but]
        return found[:most]

    def leading(self, memberIds: Collection[str]) -> set[tuple[str, str]]:
        """Which departments say that one of the members leads them: pairs of the ids of a department and a member.

        Not from the memberships: a department may have been read after a member whose own record was read before.
        """
        dept = self._storage.models[CorpDept]
        query = dept.select(dept.deptId, dept.leaderIds).where(
            dept.corpFullName == self._corpFullName, dept.leaderIds.is_null(False)
        )
        asked = set(memberIds)
        if len(asked) <= _FEW:
            # A few texts are found sooner by the database than by reading the leaders of thousands of departments.
            texts = [peewee.Value(f"%{json.dumps(one, ensure_ascii=False)}%", converter=False) for one in asked]
            named = [peewee.Expression(dept.leaderIds, peewee.OP.ILIKE, text) for text in texts]
            query = query.where(functools.reduce(operator.or_, named, dept.deptId.in_([])))
        with self._storage.reading():
            told = self._storage.select_tuples(query)
        return {(deptId, leaderId) for deptId, leaderIds in told for leaderId in asked.intersection(leaderIds)}

    def telling_leaders(self, deptIds: Collection[str]) -> set[str]:
        """Those of the departments of which it is known here who leads them, be it nobody."""
        dept = self._storage.models[CorpDept]
        return {one for (one,) in self._of(dept, [dept.deptId], dept.deptId, deptIds, dept.leaderIds.is_null(False))}

    def inside(self, deptIds: Collection[str]) -> tuple[set[str], set[str]]:
        """The departments directly below those, and the members in them."""
        dept, place = self._storage.models[CorpDept], self._storage.models[CorpDeptMember]
        below = self._of(dept, [dept.deptId], dept.upstreamParentId, deptIds)
        members = self._of(place, [place.memberId], place.deptId, deptIds)
        return {deptId for (deptId,) in below}, {memberId for (memberId,) in members}

    def roles(self, deptIds: Collection[str]) -> set[str]:
        """The roles that stand for one of the departments."""
        if not deptIds:
            return set()
        role = self._storage.models[CorpRole]
        query = role.select(role.roleId, role.deptIds).where(
            role.corpFullName == self._corpFullName, role.deptIds.is_null(False)
        )
        with self._storage.reading():
            return {
                roleId for roleId, named in self._storage.select_tuples(query) if not set(deptIds).isdisjoint(named)
            }

    def held(self, memberIds: Collection[str]) -> set[str]:
        """The roles by which upstream names one of the members."""
        grant = self._storage.models[CorpRoleMember]
        return {one for (one,) in self._of(grant, [grant.roleId], grant.memberId, memberIds, grant.origin == TAG)}

    def _rows(self, kind: str, ids: Collection[str], *presence: str) -> set[str]:
        models = self._storage.models
        dept, member, role = models[CorpDept], models[CorpMember], models[CorpRole]
        tables: dict[str, tuple[Any, Any, Any]] = {
            DEPARTMENTS: (dept, dept.deptId, dept.presence.in_(presence)),
            MEMBERS: (member, member.memberId, member.presence.in_(presence)),
            ROLES: (role, role.roleId, role.origin == UPSTREAM),
        }
        table, key, here = tables[kind]
        return {one for (one,) in self._of(table, [key], key, ids, here)}

    def _of(
        self, model: Any, columns: list[Any], key: Any, keys: Iterable[str], *conditions: Any
    ) -> list[tuple[Any, ...]]:
        asked = sorted(keys)
        found: list[tuple[Any, ...]] = []
        with self._storage.reading():
            for start in range(0, len(asked), _CHUNK):
                some = key.in_(asked[start : start + _CHUNK])
                query = model.select(*columns).where(model.corpFullName == self._corpFullName, some, *conditions)
                found += self._storage.select_tuples(query)
        return found

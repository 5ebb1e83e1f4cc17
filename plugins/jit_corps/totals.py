"""Counts what is in the database of one corp, for the guard of a plan that holds only a part of it."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps.models import CorpDeptMember, CorpMember, CorpRoleMember
from jit_corps.rows import ABSENT, ACTIVE, INVISIBLE, MANUAL
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS

if TYPE_CHECKING:
    from jitcore.storage import Storage

__all__ = ["Totals"]


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

"""Who is known of an organisation, looked up when somebody asks: a reading that misses nobody need not know."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from peewee import Case, fn

from jit_corps.comparing import in_sight_again
from jit_corps.models import CorpDept, CorpDeptMember, CorpMember
from jit_corps.rows import ABSENT, ACTIVE, INVISIBLE, LISTED, UPSTREAM
from jit_corps.state import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jitcore.storage import Storage

__all__ = ["Known"]

T = TypeVar("T")

#: Of so many others it is asked who is among them.
FEW = 900


class Known(AbstractSet[str]):
    """Ids of the active members of one corp whose absence would mean something: not of those who are out of sight.

    A set like any other. What is made of it and of another set is a ``frozenset``. Their number, and who of a few
    others is among them, can be told without looking up all.
    """

    def __init__(self, storage: Storage, corpFullName: str) -> None:
        self._storage = storage
        self._corpFullName = corpFullName
        member: Any = storage.models[CorpMember]
        self._ids = member.select(member.memberId)
        self._mine = (member.corpFullName == corpFullName) & (member.status == ACTIVE) & (member.presence != ABSENT)

    def __contains__(self, memberId: object) -> bool:
        return memberId in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        if self._is_loaded or self._are_some_hidden:
            return len(self._all)
        return self._numbers[0]

    def __and__(self, other: AbstractSet[Any]) -> frozenset[str]:
        if not other:
            return frozenset()
        if self._is_loaded or len(other) > FEW or self._are_some_hidden:
            return self._all.intersection(other)
        member = self._storage.models[CorpMember]
        query = self._ids.where(self._mine & member.memberId.in_(sorted(other)))
        return frozenset(chain.from_iterable(self._storage.select_tuples(query)))

    __rand__ = __and__

    @classmethod
    def _from_iterable(cls, it: Iterable[T]) -> frozenset[T]:
        return frozenset(it)

    @property
    def _is_loaded(self) -> bool:
        return "_all" in self.__dict__

    @property
    def _are_some_hidden(self) -> bool:
        """Whether some are out of sight: who of them counts takes all of them to say."""
        return self._numbers[1] > 0

    @cached_property
    def _numbers(self) -> tuple[int, int]:
        """How many there are, and how many of them are out of sight."""
        member = self._storage.models[CorpMember]
        # Not grouped: to sort everybody by presence takes half as long again.
        hidden = fn.COUNT(Case(None, [(member.presence == INVISIBLE, 1)]))
        [(count, out_of_sight)] = self._storage.select_tuples(
            member.select(fn.COUNT(member.memberId), hidden).where(self._mine)
        )
        return count, out_of_sight

    @cached_property
    def _all(self) -> frozenset[str]:
        storage, name = self._storage, self._corpFullName
        member, dept, place = storage.models[CorpMember], storage.models[CorpDept], storage.models[CorpDeptMember]
        with storage.reading():
            _, header = read_header(storage, name)
            in_sight = (member.presence != INVISIBLE) | (member.scopeDigest == header.scopeDigest)
            found = storage.select_tuples(self._ids.where(self._mine & in_sight))
            hidden = storage.select_tuples(self._ids.where(self._mine & ~in_sight))
            if not hidden:
                return frozenset(chain.from_iterable(found))
            real = (dept.corpFullName == name) & (dept.presence == LISTED) & (dept.origin == UPSTREAM)
            depts = {deptId for (deptId,) in storage.select_tuples(dept.select(dept.deptId).where(real))}
            query = place.select(place.deptId, place.memberId).where(place.corpFullName == name)
            places = storage.select_tuples(query)
        again = frozenset(
            in_sight_again(
                [memberId for (memberId,) in hidden],
                places,
                depts,
                whole=bool(header.scopeDigest and header.rootDeptId in depts),
            )
        )
        return again.union(chain.from_iterable(found))

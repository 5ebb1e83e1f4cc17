"""Recognises, while an organisation is read, the lists that say what they said: see :mod:`jit_corps.fingerprints`."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from peewee import fn

from jit_corps.fingerprints import KEPT_SECONDS, MOST_MARKS, Fingerprints, load, read_touched
from jit_corps.models import CorpDeptMember, CorpMember, CorpRoleMember
from jit_corps.row_selection import Rows
from jit_corps.rows import TAG, MemberRow, MembershipRow
from jit_corps.snapshot import Inside
from jit_corps.state import read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    import peewee

    from jit_corps.fingerprints import Digests, Fingerprint, Prints
    from jitcore.storage import Storage

__all__ = ["Partly", "Recall"]

#: After so many lists that say something new it is looked up who is in their departments here.
NEWS = 300
#: So many rows of members are read ahead.
MOST_INSIDE = 50_000


class Partly(NamedTuple):
    """Of whom a list tells that repeats only a part of what it said: ids of members.

    :param repeated: of whom it says what it said.
    :param told: of whom it says something else.
    """

    repeated: AbstractSet[str]
    told: AbstractSet[str]


class Recall:
    """What one corp's lists said when its organisation was last published.

    :param clock: seconds since the epoch.
    :param digests: makes digests of what lists say now.
    """

    def __init__(self, storage: Storage, corpFullName: str, clock: Callable[[], float], digests: Digests) -> None:
        self.corpFullName = corpFullName
        self.digests = digests
        self._storage = storage
        self._clock = clock
        self._departments: Prints = {}
        self._roles: Prints = {}
        #: What is stored, and believed.
        self._stored: Fingerprints | None = None
        self._version = ""
        #: The generation that was published when the reading began.
        self.generation = 0
        #: Departments that had members here then, and how many.
        self.populated: Mapping[str, int] = {}
        #: Members who were in no department when :meth:`look_up_missing` looked, and of whom no list told then.
        self.unplaced: set[str] = set()
        self._missing: AbstractSet[str] = set()
        #: By department whose list repeats a part of what it said: who is in it here and is not repeated.
        self.differing: dict[str, set[str]] = {}
        #: Rows that were read ahead.
        self.inside = Inside()
        #: Departments whose lists say something new and that are not looked up yet; None for lists that repeat nothing.
        self._news: dict[str, Partly | None] = {}

    def begin(self, version: str) -> None:
        """Look up what was said.

        :param version: of how upstream is read and understood: see :class:`~jit_corps.fingerprints.Fingerprints`.
        """
        # A reading that begins anew asks anew, perhaps under another version.
        self._version, self._stored, self._departments, self._roles = version, None, {}, {}
        self.populated, self.unplaced, self.differing, self.inside = {}, set(), {}, Inside()
        self._news, self._missing = {}, set()
        with self._storage.reading():
            self.generation, _ = read_header(self._storage, self.corpFullName)
            loaded = load(self._storage, self.corpFullName)
            if loaded is not None:
                self._believe(*loaded)

    def said(self, deptId: str) -> Fingerprint | None:
        """What a department's list said, if nobody who was in it then was touched here since."""
        return self._departments.get(deptId)

    def knows_role(self, roleId: str, digest: str) -> bool:
        """Whether the list of those whom a role names says what it said, and nobody changed these here since."""
        known = self._roles.get(roleId)
        return known is not None and known.digest == digest

    def fingerprints(self, departments: Prints, roles: Prints) -> Fingerprints:
        """What was said this time."""
        if sum(one.members for one in departments.values()) > MOST_MARKS:
            departments = {deptId: one._replace(marks="") for deptId, one in departments.items()}
        stored = self._stored
        if stored is None:
            return Fingerprints(self._version, self._clock(), departments, roles)
        same = stored.isStored and stored.departments == departments and stored.roles == roles
        return Fingerprints(self._version, stored.comparedAt, departments, roles, isStored=same)

    def note_news(self, deptId: str, partly: Partly | None) -> None:
        """Note a department whose list says something new. Now and then it is looked up who is there.

        :param partly: of whom it tells, when it repeats a part of what it said; None when it says something else.
        """
        self._news[deptId] = partly
        if len(self._news) >= NEWS:
            self.look_up_news()

    def look_up_news(self) -> None:
        """Look up who is here of whom lists say something new: while the rest of the lists is waited for.

        Nobody's rows are read when they are too many to be kept; whoever needs them reads them then.
        """
        partly = {deptId: one for deptId, one in self._news.items() if one is not None}
        whole = self.populated.keys() & (self._news.keys() - partly.keys())
        self._news = {}
        rows = Rows(self._storage, self.corpFullName)
        differing: dict[str, set[str]] = {deptId: set() for deptId in partly}
        for deptId, memberId in rows.some(CorpDeptMember, ("deptId", "memberId"), "deptId", partly):
            if memberId not in partly[deptId].repeated:
                differing[deptId].add(memberId)
        self.differing |= differing
        some = set().union(*differing.values(), *(one.told for one in partly.values()))
        many = len(self.inside.members) + len(some) + sum(self.populated[deptId] for deptId in whole)
        if many > MOST_INSIDE:
            return
        departments, members, places = self.inside
        self.inside = Inside(
            departments | whole,
            (
                *members,
                *rows.in_departments(CorpMember, MemberRow._fields, whole),
                *rows.some(CorpMember, MemberRow._fields, "memberId", some),
            ),
            (
                *places,
                *rows.in_departments(CorpDeptMember, MembershipRow._fields, whole),
                *rows.some(CorpDeptMember, MembershipRow._fields, "memberId", some),
            ),
        )

    def look_up_missing(self, known: AbstractSet[str], deptIds: AbstractSet[str], told: AbstractSet[str]) -> None:
        """Look up those of the known members of whom no list tells.

        :param known: ids of members here.
        :param deptIds: the departments that say what they said, but for those who are :attr:`differing`.
        :param told: of whom something else is told.
        """
        rows = Rows(self._storage, self.corpFullName)
        elsewhere = self.populated.keys() - deptIds
        found = {memberId for (memberId,) in rows.some(CorpDeptMember, ("memberId",), "deptId", elsewhere)}
        self.unplaced = rows.without_places()
        found = (found.union(self.unplaced, *self.differing.values()) - told) & known
        places = rows.some(CorpDeptMember, ("deptId", "memberId"), "memberId", found)
        self._missing = found - {
            memberId
            for deptId, memberId in places
            if deptId in deptIds and memberId not in self.differing.get(deptId, ())
        }

    def missing(self, known: AbstractSet[str], told: AbstractSet[str]) -> AbstractSet[str] | None:
        """Those of the known members of whom nobody tells; ``None`` when that has to be found by reading all lists.

        Who was touched here since the reading began may be among them although somebody does.

        :param known: as for :meth:`look_up_missing`, which was called before.
        :param told: of whom is told by now what is not repeated.
        """
        # Whoever was touched while the missing were looked up is among them.
        generation, _ = read_header(self._storage, self.corpFullName)
        touched = read_touched(self._storage, self.corpFullName, self.generation, generation)
        if touched is None:
            return None
        return (self._missing - told) | ((touched.members - told) & known)

    def _believe(self, since: int, stored: Fingerprints) -> None:
        if stored.version != self._version or not 0 <= self._clock() - stored.comparedAt < KEPT_SECONDS:
            return
        touched = read_touched(self._storage, self.corpFullName, since, self.generation)
        if touched is None:
            return
        self._stored = replace(stored, isStored=since == self.generation)
        place, grant = self._storage.models[CorpDeptMember], self._storage.models[CorpRoleMember]
        members = self._counts(place, place.deptId)
        holders = self._counts(grant, grant.roleId, grant.origin == TAG)
        self.populated = members
        # As many are here as were told. So these are they, because all who were told were published.
        self._departments = {
            deptId: one
            for deptId, one in stored.departments.items()
            if members.get(deptId, 0) == one.members and deptId not in touched.departments
        }
        self._roles = {
            roleId: one
            for roleId, one in stored.roles.items()
            if holders.get(roleId, 0) == one.members and roleId not in touched.roles
        }

    def _counts(self, model: type[peewee.Model], column: Any, *conditions: Any) -> dict[str, int]:
        bound: Any = model
        query = bound.select(column, fn.COUNT(bound.memberId)).where(
            bound.corpFullName == self.corpFullName, *conditions
        )
        return dict(self._storage.select_tuples(query.group_by(column)))

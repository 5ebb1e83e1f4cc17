"""Gathers the members that a reading finds, by where they were found. It is the one place where they are kept.

A reading finds the same member in each of their departments, in the visible range, under a tag, and at a second look.
What one place told is added whole, once it is told whole; so whoever wants to go on with an interrupted reading keeps
what was added and adds it again, and whoever reads in other portions than departments adds those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from jit_corps.snapshot import MemberRecord, Records

__all__ = ["CONFIRMED", "NAMED", "Listing"]

#: Places that are no department: members visible by themselves, and those found by a second look. WeCom's department
#: ids are numbers.
NAMED = "named"
CONFIRMED = "confirmed"


class Listing:
    """Members, as records of a snapshot, by the place that told them.

    Filled by one thread. A place is a department's id, :data:`NAMED`, :data:`CONFIRMED`, or the name of any other
    portion in which a reading gets its members.
    """

    def __init__(self) -> None:
        self._told: dict[str, list[MemberRecord]] = {}
        self._memberIds: set[str] | None = set()

    def add(self, place: str, records: Iterable[MemberRecord]) -> None:
        """Keep all that a place tells, which may be nobody. A place that is told again replaces what it told."""
        told = list(records)
        if place in self._told:
            self._memberIds = None
        elif self._memberIds is not None:
            self._memberIds.update(record.memberId for record in told)
        self._told[place] = told

    def __contains__(self, place: object) -> bool:
        """Whether it was added."""
        return place in self._told

    def only(self, places: Iterable[str]) -> None:
        """Leave out what any other place told, and keep to this order: the others vanished while all was read."""
        kept = {place: self._told[place] for place in places}
        if len(kept) < len(self._told):
            self._memberIds = None
        self._told = kept

    @property
    def memberIds(self) -> AbstractSet[str]:
        """Whom the places tell of."""
        if self._memberIds is None:
            self._memberIds = {record.memberId for record in self._records()}
        return self._memberIds

    def members(self, altered: Callable[[MemberRecord], MemberRecord] | None = None) -> Records[MemberRecord]:
        """One record per member, although each department lists them; more only where different things were told.

        :param altered: gives the record to hand out for one that was added.
        """
        first: dict[str, MemberRecord] = {}
        members: list[MemberRecord] = []
        for record in self._records() if altered is None else map(altered, self._records()):
            known = first.setdefault(record.memberId, record)
            if known is record or known != record:
                members.append(record)
        return tuple(members)

    def _records(self) -> Iterator[MemberRecord]:
        for told in self._told.values():
            yield from told

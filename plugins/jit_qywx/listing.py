"""Gathers the members that a reading finds, by where they were found. It is the one place where they are kept.

A reading finds the same member in each of their departments, in the visible range, under a tag, and at a second look.
What one place told is added whole, once it is told whole; so whoever wants to go on with an interrupted reading keeps
what was added and adds it again, and whoever reads in other portions than departments adds those.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from jit_corps.packing import MEMBER_RECORDS
from jit_corps.spool import SpoolFile, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from jit_corps.snapshot import MemberRecord, Records

__all__ = ["CONFIRMED", "NAMED", "Listing"]

#: Places that are no department: members visible by themselves, and those found by a second look. WeCom's department
#: ids are numbers.
NAMED = "named"
CONFIRMED = "confirmed"

_Told: TypeAlias = "list[MemberRecord] | _Written"


class Listing:
    """Members, as records of a snapshot, by the place that told them.

    Filled by one thread. A place is a department's id, :data:`NAMED`, :data:`CONFIRMED`, or the name of any other
    portion in which a reading gets its members.

    :param held: of more records than that, all are kept in a file, without mail and telephone numbers; ``None`` keeps
        all of them in memory, and whole.
    """

    def __init__(self, held: int | None = None) -> None:
        self._most = held
        self._held = 0
        self._told: dict[str, _Told] = {}
        self._file = SpoolFile()
        self._memberIds: set[str] | None = set()

    def add(self, place: str, records: Iterable[MemberRecord]) -> None:
        """Keep all that a place tells, which may be nobody. A place that is told again replaces what it told."""
        told = list(records)
        if place in self._told:
            self._memberIds = None
        elif self._memberIds is not None:
            self._memberIds.update([record.memberId for record in told])
        self._held += len(told)
        if self._most is None or self._held <= self._most:
            self._told[place] = told
            return
        if self._held - len(told) <= self._most:
            # From here on, all are too many.
            self._told = {one: self._written(list(earlier)) for one, earlier in self._told.items()}
        self._told[place] = self._written(told)

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
            self._memberIds = {record.memberId for record in chain.from_iterable(self._told.values())}
        return self._memberIds

    def members(self, altered: Callable[[MemberRecord], MemberRecord] | None = None) -> Records[MemberRecord]:
        """One record per member, although each department lists them; more only where different things were told.

        Of more records than are held, all are handed out, repeated ones too.

        :param altered: gives the record to hand out for one that was added.
        """
        told = tuple(self._told.values())
        if any(isinstance(one, _Written) for one in told):
            return _Members(told, altered)
        first: dict[str, MemberRecord] = {}
        members: list[MemberRecord] = []
        for record in _Members(told, altered):
            known = first.setdefault(record.memberId, record)
            if known is record or known != record:
                members.append(record)
        return tuple(members)

    def _written(self, told: list[MemberRecord]) -> _Told:
        return _Written(self._file, told) if told else told


class _Written:
    """What one place told, in the file."""

    __slots__ = ("_count", "_file", "_length", "_start")

    def __init__(self, file: SpoolFile, told: list[MemberRecord]) -> None:
        data = packed(MEMBER_RECORDS, told)
        self._file = file
        self._start = file.write(data)
        self._length = len(data)
        self._count = len(told)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[MemberRecord]:
        return unpacked(MEMBER_RECORDS, self._file.read(self._start, self._length))


class _Members:
    """The records of several places, one after another."""

    def __init__(self, told: Sequence[_Told], altered: Callable[[MemberRecord], MemberRecord] | None) -> None:
        self._told = told
        self._altered = altered

    def __len__(self) -> int:
        return sum(map(len, self._told))

    def __iter__(self) -> Iterator[MemberRecord]:
        records = chain.from_iterable(self._told)
        return records if self._altered is None else map(self._altered, records)

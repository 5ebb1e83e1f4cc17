"""Gathers the members that a reading finds, by where they were found. It is the one place where they are kept.

A reading finds the same member in each of their departments, in the visible range, under a tag, and at a second look.
What one place told is added whole, once it is told whole; so whoever wants to go on with an interrupted reading keeps
what was added and adds it again, and whoever reads in other portions than departments adds those.

A place that says what it said before is kept as the text that it sent, and read only if somebody asks.
"""

from __future__ import annotations

from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias

from jit_corps.packing import MEMBER_RECORDS
from jit_corps.spool import SpoolFile, packed, unpacked
from jit_qywx.one_enterprise import WITNESSES
from jit_qywx.sealing import Seal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from jit_corps.snapshot import MemberRecord, Records

__all__ = ["CONFIRMED", "NAMED", "Listing", "Repeated"]

#: Places that are no department: members visible by themselves, and those found by a second look. WeCom's department
#: ids are numbers.
NAMED = "named"
CONFIRMED = "confirmed"


class Repeated:
    """What a place told, as the text that it sent.

    :param count: how many records it holds.
    :param read: makes these of it.
    """

    def __init__(self, text: bytes, count: int, read: Callable[[bytes], Iterable[MemberRecord]]) -> None:
        self.text = text
        self.read = read
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[MemberRecord]:
        return iter(self.read(self.text))


_Told: TypeAlias = "list[MemberRecord] | Repeated | _Filed"


class Listing:
    """Members, as records of a snapshot, by the place that told them.

    Filled by one thread. A place is a department's id, :data:`NAMED`, :data:`CONFIRMED`, or the name of any other
    portion in which a reading gets its members.

    :param held: of more records than that, all are kept in a file, without mail and telephone numbers, or enciphered;
        ``None`` keeps all of them in memory, and whole.
    """

    def __init__(self, held: int | None = None) -> None:
        self._most = held
        self._held = 0
        self._told: dict[str, _Told] = {}
        self._file = SpoolFile()
        self._seal = Seal()
        self._repeated: set[str] = set()
        #: Of whom the places tell that are not repeated; None when that has to be found out again.
        self._told_elsewhere: set[str] | None = set()
        #: What the first places told, of as many members as vouch for a token; replaced whole, for other threads.
        self._first: tuple[list[MemberRecord] | Repeated, ...] = ()

    def add(self, place: str, records: Iterable[MemberRecord]) -> None:
        """Keep all that a place tells, which may be nobody. A place that is told again replaces what it told."""
        told = list(records)
        self._repeated.discard(place)
        if place in self._told:
            self._told_elsewhere = None
        elif self._told_elsewhere is not None:
            self._told_elsewhere.update([record.memberId for record in told])
        self._add(place, told)

    def add_repeated(self, place: str, told: Repeated) -> None:
        """Keep what a place tells that says what it said before."""
        if place in self._told:
            self._told_elsewhere = None
        self._repeated.add(place)
        self._add(place, told)

    def __contains__(self, place: object) -> bool:
        """Whether it was added."""
        return place in self._told

    def only(self, places: Iterable[str]) -> None:
        """Leave out what any other place told, and keep to this order: the others vanished while all was read."""
        kept = {place: self._told[place] for place in places}
        if len(kept) < len(self._told):
            self._told_elsewhere = None
        self._told = kept
        self._repeated &= kept.keys()

    @property
    def repeated(self) -> frozenset[str]:
        """The places that say what they said before."""
        return frozenset(self._repeated)

    @property
    def told_elsewhere(self) -> AbstractSet[str]:
        """Of whom the other places tell."""
        if self._told_elsewhere is None:
            self._told_elsewhere = {record.memberId for record in self.elsewhere()}
        return self._told_elsewhere

    @property
    def first(self) -> list[MemberRecord]:
        """Some of those who were listed first; any thread may ask."""
        return list(islice(chain.from_iterable(self._first), WITNESSES))

    def clear(self) -> None:
        """Leave out all of it."""
        self.only(())
        self._first = ()

    @property
    def memberIds(self) -> AbstractSet[str]:
        """Of whom all places tell. With places that are repeated this reads them."""
        if not self._repeated:
            return self.told_elsewhere
        return self.told_elsewhere | {record.memberId for record in self.of(self._repeated)}

    def of(self, places: Iterable[str]) -> Records[MemberRecord]:
        """What some of the places told, repeated records too."""
        return _Members([self._told[place] for place in places], None)

    def elsewhere(self) -> Records[MemberRecord]:
        """What is told by the places that do not say what they said before, repeated records too."""
        return self.of([place for place in self._told if place not in self._repeated])

    def members(self, altered: Callable[[MemberRecord], MemberRecord] | None = None) -> Records[MemberRecord]:
        """One record per member, although each department lists them; more only where different things were told.

        Of more records than are held, and where some places say what they said before, all are handed out, repeated
        ones too.

        :param altered: gives the record to hand out for one that was added.
        """
        told = tuple(self._told.values())
        if not all(isinstance(one, list) for one in told):
            return _Members(told, altered)
        first: dict[str, MemberRecord] = {}
        members: list[MemberRecord] = []
        for record in _Members(told, altered):
            known = first.setdefault(record.memberId, record)
            if known is record or known != record:
                members.append(record)
        return tuple(members)

    def _add(self, place: str, told: list[MemberRecord] | Repeated) -> None:
        if sum(map(len, self._first)) < WITNESSES:
            self._first = (*self._first, told)
        self._held += len(told)
        if self._most is None or self._held <= self._most:
            self._told[place] = told
            return
        if self._held - len(told) <= self._most:
            # From here on, all are too many.
            self._told = {one: self._filed(earlier) for one, earlier in self._told.items()}
        self._told[place] = self._filed(told)

    def _filed(self, told: _Told) -> _Told:
        if not told or isinstance(told, _Filed):
            return told
        if isinstance(told, list):
            return _Filed(self._file, packed(MEMBER_RECORDS, told), len(told), partial(unpacked, MEMBER_RECORDS))
        # What WeCom sent holds mail and telephone numbers.
        seal, read = self._seal, told.read
        return _Filed(self._file, seal.sealed(told.text), len(told), lambda data: read(seal.opened(data)))


class _Filed:
    """What one place told, in the file.

    :param data: what lies there.
    :param count: how many records that holds.
    :param read: makes these of it.
    """

    __slots__ = ("_count", "_file", "_length", "_read", "_start")

    def __init__(
        self, file: SpoolFile, data: bytes, count: int, read: Callable[[bytes], Iterable[MemberRecord]]
    ) -> None:
        self._file = file
        self._start = file.write(data)
        self._length = len(data)
        self._count = count
        self._read = read

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[MemberRecord]:
        return iter(self._read(self._file.read(self._start, self._length)))


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

"""Gathers the members that a reading finds, by where they were found. It is the one place where they are kept.

A reading finds the same member in each of their departments, in the visible range, under a tag, and at a second look.
What one place told is added whole, once it is told whole; so whoever wants to go on with an interrupted reading keeps
what was added and adds it again, and whoever reads in other portions than departments adds those.

What a place repeats of what it said before is kept as the text that it sent, and read only if somebody asks.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.packing import MEMBER_RECORDS
from jit_corps.spool import Packed, SpoolFile, dumped, loaded, plain
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
    """What a place told and had told before, as the text that it sent.

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
        #: Every place, with what it told for the first time, and some of them with what they repeated.
        self._told: dict[str, _Told] = {}
        self._repeated: dict[str, _Told] = {}
        self._file = SpoolFile()
        self._seal = Seal()
        #: Of whom was told for the first time; None when that has to be found out again.
        self._news: set[str] | None = set()
        #: What the first places told, of as many members as vouch for a token; replaced whole, for other threads.
        self._first: tuple[list[MemberRecord] | Repeated, ...] = ()

    def add(self, place: str, records: Iterable[MemberRecord], repeated: Repeated | None = None) -> None:
        """Keep all that a place tells, which may be nobody. A place that is told again replaces what it told.

        :param records: what it tells but for what is ``repeated``.
        :param repeated: what it had told before; None for nothing.
        """
        told = list(records)
        if place in self._told:
            self._news = None
            self._repeated.pop(place, None)
        elif self._news is not None:
            self._news.update([record.memberId for record in told])
        self._put(self._told, place, told)
        if repeated is not None:
            self._put(self._repeated, place, repeated)

    def __contains__(self, place: object) -> bool:
        """Whether it was added."""
        return place in self._told

    def only(self, places: Iterable[str]) -> None:
        """Leave out what any other place told, and keep to this order: the others vanished while all was read."""
        kept = {place: self._told[place] for place in places}
        if len(kept) < len(self._told):
            self._news = None
        self._told = kept
        self._repeated = {place: self._repeated[place] for place in kept if place in self._repeated}

    @property
    def repeated(self) -> frozenset[str]:
        """The places that repeat what they said before, or some of it."""
        return frozenset(self._repeated)

    @property
    def newsIds(self) -> AbstractSet[str]:
        """Of whom is told what is not repeated."""
        if self._news is None:
            self._news = {record.memberId for record in self.news()}
        return self._news

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
        """Of whom all places tell. Where something is repeated this reads it."""
        if not self._repeated:
            return self.newsIds
        return self.newsIds | {record.memberId for record in self.repeated_by(self._repeated)}

    def told_by(self, place: str) -> Records[MemberRecord]:
        """All that a place tells."""
        return _Members([told[place] for told in (self._told, self._repeated) if place in told], None)

    def repeated_by(self, places: Iterable[str]) -> Records[MemberRecord]:
        """What some of the places repeat."""
        return _Members([self._repeated[place] for place in places if place in self._repeated], None)

    def news(self) -> Records[MemberRecord]:
        """What is told and not repeated."""
        return _Members(tuple(self._told.values()), None)

    def members(self, altered: Callable[[MemberRecord], MemberRecord] | None = None) -> Records[MemberRecord]:
        """One record per member, although each department lists them; more only where different things were told.

        Of more records than are held, and where something is repeated, all are handed out, be they alike.

        :param altered: gives the record to hand out for one that was added.
        """
        told = (*self._told.values(), *self._repeated.values())
        if not all(isinstance(one, list) for one in told):
            return _Members(told, altered)
        first: dict[str, MemberRecord] = {}
        members: list[MemberRecord] = []
        for record in _Members(told, altered):
            known = first.setdefault(record.memberId, record)
            if known is record or known != record:
                members.append(record)
        return tuple(members)

    def _put(self, where: dict[str, _Told], place: str, told: list[MemberRecord] | Repeated) -> None:
        # Nobody vouches for nothing, and there may be thousands of places with nobody.
        if told and sum(map(len, self._first)) < WITNESSES:
            self._first = (*self._first, told)
        self._held += len(told)
        if self._most is None or self._held <= self._most:
            where[place] = told
            return
        if self._held - len(told) <= self._most:
            # From here on, all are too many.
            for kept in (self._told, self._repeated):
                kept.update({one: self._filed(earlier) for one, earlier in kept.items()})
        where[place] = self._filed(told)

    def _filed(self, told: _Told) -> _Told:
        if not told or isinstance(told, _Filed):
            return told
        if isinstance(told, list):
            return _Filed(self._file, dumped(map(MEMBER_RECORDS.pack, told)), len(told))
        # What WeCom sent holds mail and telephone numbers.
        seal, read = self._seal, told.read
        return _Filed(self._file, seal.sealed(told.text), len(told), lambda data: read(seal.opened(data)))


class _Filed(Packed):
    """What one place told, in the file.

    :param data: what lies there.
    :param count: how many records that holds.
    :param read: makes these of it; None where they lie as plain values.
    """

    __slots__ = ("_count", "_file", "_length", "_read", "_start")

    def __init__(
        self, file: SpoolFile, data: bytes, count: int, read: Callable[[bytes], Iterable[MemberRecord]] | None = None
    ) -> None:
        self._file = file
        self._start = file.write(data)
        self._length = len(data)
        self._count = count
        self._read = read

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[MemberRecord]:
        data = self._file.read(self._start, self._length)
        return map(MEMBER_RECORDS.unpack, loaded(data)) if self._read is None else iter(self._read(data))

    def plain(self) -> Iterator[Any]:
        data = self._file.read(self._start, self._length)
        return iter(loaded(data)) if self._read is None else map(MEMBER_RECORDS.pack, self._read(data))


class _Members(Packed):
    """The records of several places, one after another."""

    def __init__(self, told: Sequence[_Told], altered: Callable[[MemberRecord], MemberRecord] | None) -> None:
        self._told = told
        self._altered = altered

    def __len__(self) -> int:
        return sum(map(len, self._told))

    def __iter__(self) -> Iterator[MemberRecord]:
        records = chain.from_iterable(self._told)
        return records if self._altered is None else map(self._altered, records)

    def plain(self) -> Iterator[Any]:
        if self._altered is not None:
            return map(MEMBER_RECORDS.pack, self)
        return chain.from_iterable(plain(told, MEMBER_RECORDS) for told in self._told)

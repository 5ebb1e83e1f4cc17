"""Keeps any number of rows in bounded memory: a few are held, the others lie in a file that nobody else can open.

A sync of a million members goes through its rows a few times, one after another, and never needs them all at once.
Writing a row to a file and reading it back takes about as long as making it. The file has no name, is readable by
nobody but this process, and is gone with it. It holds what the rows hold.
"""

from __future__ import annotations

import marshal
import tempfile
import threading
import weakref
from abc import ABC, abstractmethod
from bisect import bisect_right
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from jit_corps.errors import SpoolFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import IO

    from jit_corps.snapshot import Records

__all__ = [
    "BLOCK",
    "BUFFER",
    "Merged",
    "Packed",
    "Packing",
    "Spool",
    "SpoolFile",
    "dumped",
    "in_any_order",
    "loaded",
    "plain",
    "row_packing",
    "tuples",
]

T = TypeVar("T")

#: Rows that are written and read together. Smaller blocks cost a call each; of larger ones the first rows have left the
#: processor's cache when the last are there.
BLOCK = 200
#: Bytes that are gathered before they are written to a file.
BUFFER = 1 << 20


class Packing(NamedTuple, Generic[T]):
    """How rows of one type become plain values, and rows again.

    :param pack: makes of a row what ``marshal`` takes: a tuple, text, number, truth or ``None``, or tuples of these.
    :param unpack: makes the row of that.
    """

    pack: Callable[[T], Any]
    unpack: Callable[[Any], T]


class Packed(ABC):
    """Rows that lie as plain values somewhere, all or some of them."""

    __slots__ = ()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def plain(self) -> Iterator[Any]:
        """All of them as plain values, of which :class:`Packing` makes rows."""


def plain(rows: Iterable[T], packing: Packing[T]) -> Iterator[Any]:
    """Rows as plain values. Of those that lie so already no rows are made meanwhile."""
    return rows.plain() if isinstance(rows, Packed) else map(packing.pack, rows)


def dumped(values: Iterable[Any]) -> bytes:
    """Plain values as bytes, to be read by this process only."""
    return marshal.dumps(list(values))


def loaded(data: bytes) -> list[Any]:
    """The values of :func:`dumped`."""
    values: list[Any] = marshal.loads(data)  # noqa: S302 - nobody else can have written it
    return values


class SpoolFile:
    """The file that several spools share; it is made when so much is written that it does not fit into the buffer.

    :param folder: where; the system's place for such files by default (``TMPDIR``).
    """

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        #: What does not lie in the file yet. A system call for each of thousands of small pieces would take longer than
        #: to make them, and let other threads in between.
        self._buffer = bytearray()
        self._buffered_from = 0
        self._lock = threading.Lock()

    def write(self, data: bytes) -> int:
        """Append, and return where it begins.

        :raises SpoolFull: there is no room, or no permission.
        """
        with self._lock:
            start = self._buffered_from + len(self._buffer)
            self._buffer += data
            if len(self._buffer) >= BUFFER:
                self._flush()
            return start

    def read(self, start: int, length: int) -> bytes:
        """What was written there."""
        with self._lock:
            if start >= self._buffered_from:
                start -= self._buffered_from
                return bytes(self._buffer[start : start + length])
            assert self._file is not None
            self._file.seek(start)
            data = self._file.read(length)
            while len(data) < length and (more := self._file.read(length - len(data))):
                data += more
            return data

    @property
    def buffered(self) -> int:
        """How many bytes are in memory."""
        return len(self._buffer)

    def _flush(self) -> None:
        try:
            if self._file is None:
                # The buffer is our own: whether there is room shows when something is written, and not at the end.
                self._file = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115 - closed with this object
                weakref.finalize(self, self._file.close)
            self._file.seek(self._buffered_from)
            remaining = memoryview(self._buffer)
            while remaining:
                remaining = remaining[self._file.write(remaining) :]
        except OSError as error:
            raise SpoolFull(self._folder or tempfile.gettempdir(), error) from error
        self._buffered_from += len(self._buffer)
        self._buffer = bytearray()


class Spool(Packed, Generic[T]):
    """Rows in the order in which they were added, as often as asked for; at most :data:`BLOCK` of them in memory.

    :param file: where the others are kept.
    """

    def __init__(self, file: SpoolFile, packing: Packing[T], rows: Iterable[T] = ()) -> None:
        self._file = file
        self._packing = packing
        self._held: list[Any] = []
        self._blocks: list[tuple[int, int]] = []
        self._written = 0
        self.extend(rows)

    def append(self, row: T) -> None:
        """Add one row."""
        self.extend((row,))

    def extend(self, rows: Iterable[T]) -> None:
        """Add rows."""
        self.extend_plain(map(self._packing.pack, rows))

    def extend_plain(self, values: Iterable[Any]) -> None:
        """Add rows that are plain values already."""
        remaining = iter(values)
        while some := tuple(islice(remaining, BLOCK - len(self._held))):
            self._held += some
            if len(self._held) >= BLOCK:
                self._write()

    def __len__(self) -> int:
        return self._written + len(self._held)

    def __iter__(self) -> Iterator[T]:
        return map(self._packing.unpack, self.plain())

    def plain(self) -> Iterator[Any]:
        """All rows as plain values."""
        return chain.from_iterable(self.blocks())

    def blocks(self) -> Iterator[Sequence[Any]]:
        """All rows as plain values, as many at a time as are kept together."""
        return chain(map(self._read, tuple(self._blocks)), (tuple(self._held),))

    @property
    def packing(self) -> Packing[T]:
        """How its rows become plain values."""
        return self._packing

    @property
    def held(self) -> int:
        """How many rows are in memory."""
        return len(self._held)

    def _read(self, block: tuple[int, int]) -> list[Any]:
        return loaded(self._file.read(*block))

    def _write(self) -> None:
        data = dumped(self._held)
        self._blocks.append((self._file.write(data), len(data)))
        self._written += len(self._held)
        self._held = []


class Merged(Packed, Generic[T]):
    """Several sorted runs of rows as one.

    :param runs: at least one; their packing is the same.
    :param key: what they are sorted by, of a row's plain values; ``None`` for what these begin with. No two rows have
        the same.
    """

    def __init__(self, runs: Sequence[Spool[T]], key: Callable[[Any], Any] | None = None) -> None:
        self._runs = runs
        self._key = key

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def __iter__(self) -> Iterator[T]:
        return map(self._runs[0].packing.unpack, self.plain())

    def plain(self) -> Iterator[Any]:
        # A block of each run at a time, and of these what comes before all that was not read yet. To sort that, which
        # is a piece of each run after the other, takes half as long as to go from row to row.
        key = self._key
        blocks = [run.blocks() for run in self._runs]
        fronts = [_Front(some, 0, more) for more in blocks if (some := next(more, ()))]
        while fronts:
            last = min([front.rows[-1] for front in fronts], key=key)
            bound = last if key is None else key(last)
            ready: list[Any] = []
            for front in fronts:
                ready += front.until(bound, key)
            ready.sort(key=key)
            yield from ready
            fronts = [front for front in fronts if front.rows]

    def in_any_order(self) -> Iterator[Any]:
        """As :meth:`plain`, one run after another, which is quicker."""
        return chain.from_iterable(run.plain() for run in self._runs)


class _Front:
    """How far a run has been read: a block, the place in it, and the blocks after it; an empty block is the end."""

    __slots__ = ("at", "more", "rows")

    def __init__(self, rows: Sequence[Any], at: int, more: Iterator[Sequence[Any]]) -> None:
        self.rows = rows
        self.at = at
        self.more = more

    def until(self, bound: Any, key: Callable[[Any], Any] | None) -> Sequence[Any]:
        """The next rows of the block up to this key, which are read with that."""
        end = bisect_right(self.rows, bound, self.at, key=key)
        found = self.rows[self.at : end]
        self.at = end
        if end == len(self.rows):
            self.rows, self.at = next(self.more, ()), 0
        return found


class _Tuples:
    """Plain values that are tuples, as often as asked, by somebody who wants to know how many."""

    def __init__(self, rows: Packed) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows.plain()


def tuples(rows: Records[tuple[Any, ...]]) -> Records[tuple[Any, ...]]:
    """Rows that are named tuples, for whoever needs no names. Of those that lie as plain values none are made rows."""
    return _Tuples(rows) if isinstance(rows, Packed) else rows


def in_any_order(rows: Records[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """As :func:`tuples`; those of several runs one run after another, which is quicker than as one."""
    return rows.in_any_order() if isinstance(rows, Merged) else tuples(rows)


def row_packing(row_type: Any) -> Packing[Any]:
    """How named tuples of plain values are kept."""
    return Packing(tuple, partial(tuple.__new__, row_type))

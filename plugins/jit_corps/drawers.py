"""Files what is kept and told of a large organisation by whose it is: each drawer holds some members, and all of these.

What does not fit into memory at once is worked on drawer by drawer.
"""

from __future__ import annotations

from itertools import chain, islice, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zlib import crc32

from jit_corps.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jit_corps.spool import Packing, SpoolFile

__all__ = ["Drawers", "drawer_of", "some_at_a_time"]

T = TypeVar("T")

#: Rows that are worked on at a time: few enough to stay in the processor's cache meanwhile.
AT_ONCE = 2_000


class Drawers(Generic[T]):
    """Rows filed by the drawer that they belong to, as plain values.

    :param file: where they lie.
    :param count: how many drawers.
    :param member: where in a row's plain values the member's id stands.
    :param home: of a member's id, the one whose drawer it is.
    """

    def __init__(
        self, file: SpoolFile, packing: Packing[T], count: int, member: int, home: Callable[[str], str] = str
    ) -> None:
        self.member = member
        self._spools = [Spool(file, packing) for _ in range(count)]
        self._home = home

    def __len__(self) -> int:
        return len(self._spools)

    def file(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """File rows, which are plain values."""
        for _ in self.filing(rows):
            pass

    def passing(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """As :meth:`file`, and hand each row out."""
        return chain.from_iterable(self.filing(rows))

    def filing(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
        """As :meth:`passing`, some at a time: this is done for everything that is kept and told."""
        count = len(self._spools)
        for some in some_at_a_time(rows):
            filed: list[list[tuple[Any, ...]]] = [[] for _ in range(count)]
            homes = map(self._home, map(itemgetter(self.member), some))
            for values, number in zip(some, _numbers(homes), strict=True):
                filed[number % count].append(values)
            for spool, mine in zip(self._spools, filed, strict=True):
                spool.extend_plain(mine)
            yield some

    def drawer(self, number: int) -> Iterator[T]:
        """The rows of one drawer."""
        return iter(self._spools[number])

    def plain_drawer(self, number: int) -> Iterator[tuple[Any, ...]]:
        """The rows of one drawer as plain values."""
        return self._spools[number].plain()

    def plain(self) -> Iterator[tuple[Any, ...]]:
        """All rows as plain values."""
        return chain.from_iterable(spool.plain() for spool in self._spools)


def drawer_of(memberId: str, count: int) -> int:
    """Which of so many drawers is a member's, the same one in every process: what is found of one is found again."""
    [number] = _numbers((memberId,))
    return number % count


def some_at_a_time(rows: Iterable[T]) -> Iterator[list[T]]:
    """Rows in lists that are neither long nor, but for the last, short."""
    remaining = iter(rows)
    while some := list(islice(remaining, AT_ONCE)):
        yield some


def _numbers(memberIds: Iterable[str]) -> Iterator[int]:
    # An id may hold whatever a JSON text may.
    return map(crc32, map(str.encode, memberIds, repeat("utf-8"), repeat("surrogatepass")))

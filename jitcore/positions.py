"""Where each value of a JSON text stands, found when a message needs it and never before.

Parsers that keep positions tax every file for the sake of the few that are wrong. Here a file is accepted without them;
after a failure it is scanned once more and any JSON pointer (RFC 6901) leads to its key and its value.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from jitcore.lines import Lines
from jitcore.pointers import join_pointer, split_pointer
from jitcore.scanning import scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitcore.scanning import Entry, Finding

__all__ = ["Positions", "Span"]


class Span(NamedTuple):
    """A piece of the text, as offsets: from ``start`` up to, not including, ``end``."""

    start: int
    end: int


class Positions:
    """The place of every key and value of one JSON text.

    A text that is no JSON has the positions of what stands before the mistake. Where an object has a key twice, the
    last one counts, as it does for the parser; :attr:`findings` names both.

    :param text: the whole text.
    :param depth: how deep objects and arrays may be nested.
    """

    __slots__ = ("_entries", "_index", "broken_from", "findings", "lines", "text")

    def __init__(self, text: str, *, depth: int) -> None:
        self.text = text
        self.lines = Lines(text)
        found = scan(text, depth=depth)
        self._entries = found.entries
        self._index = {(entry.parent, entry.token): index for index, entry in enumerate(found.entries)}
        #: What breaks the rules of JSON, in the order it stands.
        self.findings: tuple[Finding, ...] = tuple(found.findings)
        #: Where the text stops being JSON; its length if it never does.
        self.broken_from = found.broken_from if found.broken_from is not None else len(text)

    def value(self, pointer: str) -> Span | None:
        """Where the value of ``pointer`` stands; None when there is none."""
        entry = self._entry(pointer)
        return Span(entry.start, entry.end if entry.end >= 0 else len(self.text)) if entry else None

    def key(self, pointer: str) -> Span | None:
        """Where the key of ``pointer`` stands, with its quotes; None for an array's item and for the document."""
        entry = self._entry(pointer)
        return Span(entry.key, entry.key_end) if entry and entry.key >= 0 else None

    def nearest(self, pointer: str) -> str:
        """``pointer``, or the pointer of the innermost object or array around it that exists."""
        while pointer and self._entry(pointer) is None:
            pointer = pointer.rpartition("/")[0]
        return pointer

    def pointer(self, entry: int) -> str:
        """The pointer of an entry, by the index that a finding carries."""
        tokens = []
        while entry > 0:
            tokens.append(self._entries[entry].token or "")
            entry = self._entries[entry].parent
        return join_pointer(reversed(tokens))

    def scalars(self, start: int, end: int) -> Iterator[tuple[str, Span]]:
        """The strings, numbers and literals that stand in a piece of the text: their pointers and places."""
        first = bisect_right(self._entries, start, key=lambda entry: entry.start) - 1
        # The one that began before the piece may reach into it; objects and arrays are no obstacle on the way to it.
        while first > 0 and self.text[self._entries[first].start] in "{[":
            first -= 1
        for index in range(max(first, 0), len(self._entries)):
            entry = self._entries[index]
            if entry.start >= end:
                break
            if entry.end > start and self.text[entry.start] not in "{[":
                yield self.pointer(index), Span(entry.start, entry.end)

    def _entry(self, pointer: str) -> Entry | None:
        index = 0
        for token in split_pointer(pointer):
            found = self._index.get((index, token))
            if found is None:
                return None
            index = found
        return self._entries[index] if self._entries else None

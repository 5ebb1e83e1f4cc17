"""The line of a file that a problem is about, drawn with carets under the place and without its secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jitcore.positions import Span
from jitcore.printing import columns, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from jitcore.lines import Lines
    from jitcore.positions import Positions

    Hidden = Callable[[int, int], Iterable[Span]]

__all__ = ["all_values", "draw", "values_of"]

#: What stands for a value that is not shown; of one width, so that it does not tell how long the value is.
_MASK = "***"
#: How many characters of a long line are drawn; minified files are one line of a thousand.
_WIDEST = 100
_TAB = 4
_TOKEN = re.compile(r'"(?:[^"\\\n\r]|\\[^\n\r])*\\?"?|[^\s{}\[\],:"]+')
_COLON = re.compile(r"\s*:")
_PLAIN = frozenset({"true", "false", "null", "True", "False", "None", "NaN", "Infinity", "-Infinity", "undefined"})


def draw(lines: Lines, place: Span, hidden: Hidden | None = None) -> str:
    """Draw the line where ``place`` starts, and a line of carets under it.

    Tabs become spaces and wide characters count as two columns, so that the carets stand where they should.

    :param place: what the carets mark, as far as it is in that line.
    :param hidden: tells for a piece of the text (its start and end) what is to be masked in it, in order and without
        overlap.
    """
    number, _ = lines.place(place.start)
    first, last = lines.span(number)
    stop = min(max(place.end, place.start + 1), max(last, place.start + 1))
    left, right = _window(first, last, place.start, stop)
    canvas = _Canvas(place.start, min(stop, right) if right > place.start else stop)
    if left > first:
        canvas.put("…")
    at = left
    for mask in hidden(left, right) if hidden else ():
        if mask.start > at:
            canvas.copy(lines.text, at, min(mask.start, right))
        is_string = lines.text[mask.start] == '"'
        canvas.cover(max(mask.start, at), f'"{_MASK}"' if is_string else _MASK, min(mask.end, right))
        at = mask.end
    canvas.copy(lines.text, at, right)
    if right < last:
        canvas.put("…")
    margin = " " * len(str(number))
    carets = " " * canvas.from_column + "^" * max(canvas.to_column - canvas.from_column, 1)
    return f"{number} | {canvas.text}\n{margin} | {carets}"


def all_values(positions: Positions, *, but: Span | None = None) -> Hidden:
    """Hide every string and number, for it is not known which are secret; literals say nothing and stay.

    :param but: a value, or a part of one, to show all the same.
    """

    def hidden(start: int, end: int) -> Iterator[Span]:
        at = start
        for _, span in positions.scalars(start, end):
            at = span.end
            if but and span.start <= but.start < but.end <= span.end:
                # Around a part, what is hidden lies between the quotes.
                yield from (
                    one for one in (Span(span.start + 1, but.start), Span(but.end, span.end - 1)) if one.start < one.end
                )
            elif positions.text[span.start : span.end] not in _PLAIN:
                yield span
        # From the mistake on nobody can say what is a key and what a value.
        yield from _words(positions.text, max(at, positions.broken_from), end)

    return hidden


def values_of(positions: Positions, secrets: Collection[str]) -> Hidden:
    """Hide the values of some pointers, and what is inside them."""
    exact = frozenset(secrets)

    def hidden(start: int, end: int) -> Iterator[Span]:
        for pointer, span in positions.scalars(start, end) if exact else ():
            if pointer in exact or any(_around(pointer, secret) for secret in exact):
                yield span

    return hidden


def _around(pointer: str, secret: str) -> bool:
    return pointer.startswith(secret + "/")


def _words(text: str, start: int, end: int) -> Iterator[Span]:
    """What may be a value in text that is not JSON: every word and string that no colon follows."""
    for token in _TOKEN.finditer(text, start, end):
        if token.group() not in _PLAIN and not _COLON.match(text, token.end()):
            yield Span(*token.span())


def _window(first: int, last: int, start: int, stop: int) -> tuple[int, int]:
    """The part of a long line to draw: what surrounds the place, more of what comes before it."""
    if last - first <= _WIDEST:
        return first, last
    left = max(first, min(start - _WIDEST // 2, last - _WIDEST))
    return left, max(min(left + _WIDEST, last), min(stop, left + _WIDEST))


class _Canvas:
    """The drawn line so far, and the columns where the marked piece begins and ends."""

    def __init__(self, start: int, stop: int) -> None:
        self.text = ""
        self.column = 0
        self.start, self.stop = start, stop
        self.from_column = self.to_column = 0

    def put(self, shown: str) -> None:
        self.text += shown
        self.column += sum(columns(char) for char in shown)

    def copy(self, source: str, start: int, end: int) -> None:
        """Draw a piece of the source as it is."""
        for offset in range(start, end):
            char = source[offset]
            shown = " " * (_TAB - self.column % _TAB) if char == "\t" else visible(char)
            self.cover(offset, shown, offset + 1)
        if start <= self.start == end:
            # The place is the end of the line: behind its last character.
            self.from_column, self.to_column = self.column, self.column + 1

    def cover(self, start: int, shown: str, end: int) -> None:
        """Draw ``shown`` in place of a piece of the source."""
        if start <= self.start < end:
            self.from_column = self.column
        self.put(shown)
        if start < self.stop <= end:
            self.to_column = self.column

"""Offsets in a text as the lines and columns that editors show."""

from __future__ import annotations

import re
from bisect import bisect_right

__all__ = ["Lines"]

# Not str.splitlines(): that also breaks at U+2028 and other characters where no editor starts a new line number.
_BREAK = re.compile(r"\r\n|\n|\r")


class Lines:
    """Where the lines of a text start and end; built once, in linear time.

    :param text: the whole text; lines end in LF, CRLF or CR.
    """

    __slots__ = ("_ends", "_starts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        breaks = [match.span() for match in _BREAK.finditer(text)]
        self._starts = [0, *(end for _, end in breaks)]
        self._ends = [*(start for start, _ in breaks), len(text)]

    def place(self, offset: int) -> tuple[int, int]:
        """Turn an offset into line and column, both 1-based; a column is one character, a tab too."""
        index = bisect_right(self._starts, offset) - 1
        return index + 1, offset - self._starts[index] + 1

    def span(self, line: int) -> tuple[int, int]:
        """Offsets of the first character of a line (1-based) and of the end of its text, without the line break."""
        return self._starts[line - 1], self._ends[line - 1]

"""The ``.env`` file of an app: names and values, one a line.

What is understood is what the common tools agree on: ``NAME=value``, an optional ``export`` in front, ``#``
comments, values in single quotes (as they stand) or in double quotes (escapes as in JSON), either over several lines.
Nothing is expanded: a ``$`` is a ``$``. Values are secrets, so no message shows one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from jitcore.lines import Lines
from jitcore.positions import Span
from jitcore.problems import Problem, Related
from jitcore.snippets import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Dotenv", "parse_dotenv"]

_BLANK = re.compile(r"[ \t]*(?:#[^\n\r]*)?(?:\r\n|\n|\r|\Z)")
_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>\w+)[ \t]*=[ \t]*")
_COLON = re.compile(r"[ \t]*(?:export[ \t]+)?\w+[ \t]*:")
_COLON_HINT = "Write an equals sign instead of the colon."
_PLAIN = re.compile(r"(?P<value>[^\n\r]*?)[ \t]*(?:(?<=[ \t=])#[^\n\r]*)?(?:\r\n|\n|\r|\Z)")
_QUOTED = {
    '"': re.compile(r'"(?P<value>[^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL),
    "'": re.compile(r"'(?P<value>[^']*)'"),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_LINE = re.compile(r"[^\n\r]*(?:\r\n|\n|\r|\Z)")


class Dotenv(NamedTuple):
    """What a ``.env`` file says.

    :param values: each name and its value; where a name is set twice, the last one.
    :param problems: lines that say nothing, and names set twice (a warning).
    """

    values: dict[str, str]
    problems: tuple[Problem, ...]


def parse_dotenv(text: str, *, shown: str) -> Dotenv:
    """Read the text of a ``.env`` file; a broken line is a problem, and the others count all the same.

    :param shown: the file as messages name it.
    """
    reader = _Reader(text.removeprefix("\ufeff"), shown)
    values: dict[str, str] = {}
    first: dict[str, Span] = {}
    for name, value, at in reader.assignments():
        if name in values:
            reader.note(
                "dotenv-duplicate",
                f"{name} is set a second time here, and this one counts.",
                at,
                is_error=False,
                first=first[name],
            )
        first.setdefault(name, at)
        values[name] = value
    return Dotenv(values, tuple(reader.problems))


class _Reader:
    def __init__(self, text: str, shown: str) -> None:
        self.text = text
        self.shown = shown
        self.lines = Lines(text)
        self.problems: list[Problem] = []

    def assignments(self) -> Iterator[tuple[str, str, Span]]:
        """Name, value and the name's place, in the order of the file."""
        at = 0
        while at < len(self.text):
            if blank := _BLANK.match(self.text, at):
                at = blank.end()
                continue
            start = at
            name = _NAME.match(self.text, at)
            if name is None:
                hint = _COLON_HINT if _COLON.match(self.text, at) else "A name has letters, digits and underscores."
                at = self._skip(start, at, "This line is not NAME=value.", hint)
                continue
            at = name.end()
            quote = self.text[at : at + 1]
            if quote not in _QUOTED:
                plain = _PLAIN.match(self.text, at)
                assert plain is not None  # it matches any line
                yield name["name"], plain["value"], Span(*name.span("name"))
                at = plain.end()
                continue
            quoted = _QUOTED[quote].match(self.text, at)
            if quoted is None:
                at = self._skip(start, at, f"The value has no closing {quote}.", "Close it, or leave the quotes away.")
                continue
            rest = _BLANK.match(self.text, quoted.end())
            if rest is None:
                at = self._skip(start, quoted.end(), "Something follows the closing quote.", r"Write \" for a quote.")
                continue
            value = quoted["value"]
            if quote == '"':
                value = _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), value)
            yield name["name"], value, Span(*name.span("name"))
            at = rest.end()

    def note(
        self,
        code: str,
        message: str,
        at: Span,
        hint: str | None = None,
        *,
        is_error: bool = True,
        first: Span | None = None,
    ) -> None:
        """Report something about a name, or (from there on nobody knows what is a value) about a place in a line."""
        line, column = self.lines.place(at.start)
        begin, last = self.lines.span(line)
        shown_to = begin if is_error else at.end
        self.problems.append(
            Problem(
                code,
                message,
                "error" if is_error else "warning",
                file=self.shown,
                line=line,
                column=column,
                snippet=draw(self.lines, at, lambda _start, _end: [Span(shown_to, last)] if shown_to < last else []),
                hint=hint,
                related=tuple(
                    Related("it is set first here", self.shown, *self.lines.place(one.start)) for one in (first,) if one
                ),
            )
        )

    def _skip(self, start: int, at: int, message: str, hint: str) -> int:
        """Report a line and leave it; where the next one starts."""
        line = _LINE.match(self.text, start)
        assert line is not None  # it matches anything
        first, last = self.lines.span(self.lines.place(start)[0])
        self.note("dotenv-syntax", message, Span(first, max(last, first + 1)), hint)
        return line.end()

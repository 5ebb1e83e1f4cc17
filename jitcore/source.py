"""Reading the JSON files of an app: fast when they are fine, exact when they are not.

An app may hold ten thousand elements of two files each, and nearly all of them are right. So :func:`read_json` does
the least a correct reader can do, and only a file that fails is read again, slowly, to say what is wrong and where.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from json.decoder import JSONDecoder
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from jitcore.files import SourceInvalid, read_text
from jitcore.problems import Problem, Related

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from jitcore.positions import Positions, Span
    from jitcore.problems import Severity
    from jitcore.scanning import Finding

__all__ = ["DEEPEST", "Source", "SourceInvalid", "read_json"]

#: How deep objects and arrays may be nested in a file.
DEEPEST = 64

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(r"[{}\[\]]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Source:
    """A JSON file that was read, with all that is needed to say something about a place in it.

    :param path: the file.
    :param shown: the file as messages name it, relative to the app where possible.
    :param element: full name of the element it belongs to, if any.
    :param text: its whole content.
    :param data: what the content means: an object. Shared by all who ask: copy it before you change it.
    """

    __slots__ = ("_positions", "data", "element", "path", "shown", "text")

    def __init__(self, path: str, shown: str, element: str | None, text: str, data: dict[str, Any]) -> None:
        self.path = path
        self.shown = shown
        self.element = element
        self.text = text
        self.data = data
        self._positions: Positions | None = None

    def __repr__(self) -> str:
        return f"<Source {self.shown}>"

    @property
    def digest(self) -> str:
        """Hash of the content: equal content, equal digest, whatever the file's times say."""
        return hashlib.blake2b(self.text.encode(), digest_size=16).hexdigest()

    @property
    def positions(self) -> Positions:
        """Where everything stands; computed when first asked for."""
        if self._positions is None:
            from jitcore.positions import Positions

            self._positions = Positions(self.text, depth=DEEPEST)
        return self._positions

    def problem(
        self,
        code: str,
        message: str,
        *,
        pointer: str = "",
        at: Literal["value", "key"] = "value",
        part: Span | None = None,
        hint: str | None = None,
        severity: Severity = "error",
        secrets: Collection[str] | None = None,
        related: Iterable[Related] = (),
    ) -> Problem:
        """Make a problem that is located in this file.

        :param code: one of :data:`jitcore.problems.CODES`.
        :param message: what is wrong, in one sentence, without secrets.
        :param pointer: JSON pointer of the value; the nearest object or array around it is used when it is missing.
        :param at: whether the value or its key is to be marked.
        :param part: what to mark inside the value, as offsets into the text.
        :param hint: what to do.
        :param severity: ``error`` or ``warning``.
        :param secrets: pointers of values that the snippet may not show (nor what is inside them). By default no
            string or number is shown but what is marked.
        :param related: other places that explain it.
        """
        from jitcore.snippets import all_values, draw, values_of

        positions = self.positions
        place = self._place(pointer, at, part)
        if self.text[place.start] in "{[" and part is None:
            place = place._replace(end=place.start + 1)
        line, column = positions.lines.place(place.start)
        hidden = all_values(positions, but=place) if secrets is None else values_of(positions, secrets)
        return Problem(
            code,
            message,
            severity,
            element=self.element,
            file=self.shown,
            line=line,
            column=column,
            pointer=pointer,
            snippet=draw(positions.lines, place, hidden),
            hint=hint,
            related=tuple(related),
        )

    def related(self, message: str, *, pointer: str = "", at: Literal["value", "key"] = "value") -> Related:
        """Name a place in this file that explains a problem elsewhere.

        :param message: what stands there, as a clause.
        :param pointer: as for :meth:`problem`.
        :param at: as for :meth:`problem`.
        """
        place = self._place(pointer, at, None)
        return Related(message, self.shown, *self.positions.lines.place(place.start))

    def _place(self, pointer: str, at: Literal["value", "key"], part: Span | None) -> Span:
        found = self.positions.nearest(pointer)
        place = (self.positions.key(found) if at == "key" else None) or part or self.positions.value(found)
        assert place is not None  # a parsed document has a value at its root, and `found` exists
        return place


def read_json(
    path: str | os.PathLike[str],
    *,
    inside: str | os.PathLike[str],
    shown: str,
    element: str | None,
) -> Source:
    """Read a file that holds one JSON object.

    Refused, each as a problem with its place: a file that is missing, unreadable, larger than :data:`LARGEST`, or a
    link to a place outside ``inside``; what is not UTF-8 or starts with a byte order mark; what is not JSON after
    RFC 8259 (NaN and Infinity included); numbers that Python cannot hold; duplicate keys; nesting deeper than
    :data:`DEEPEST`; halves of surrogate pairs; and a top level that is no object. No value of such a file is shown:
    nobody knows yet which of them are secret.

    :param path: the file.
    :param inside: the folder that the file may not lead out of, usually the element's.
    :param shown: the file as messages name it.
    :param element: full name of the element it belongs to.
    :raises SourceInvalid: if anything is wrong; it carries all problems.
    """
    path = os.fspath(path)
    text = read_text(path, inside=os.fspath(inside), shown=shown, element=element)
    try:
        start = 0 if text[0] == "{" else _SPACE.match(text).end()  # type: ignore[union-attr]  # it matches nothing, too
        # The decoder's C scanner alone: json.loads() with these hooks would build a decoder for every file. It
        # recurses, so the depth is looked at before; few files have so many brackets that it must be counted.
        if text.count("{") + text.count("[") <= DEEPEST or _depth(text) <= DEEPEST:
            data, end = _SCAN(text, start)
            if (
                type(data) is dict
                and (end == len(text) or not text[end:].strip(" \t\n\r"))
                and ("\\u" not in text or not _SURROGATE.search(text))
            ):
                return Source(path, shown, element, text, data)
    except (ValueError, StopIteration, IndexError):
        pass
    return _read_closely(path, shown, element, text)


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("duplicate key")
    return found


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("too large")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


#: ``(text, offset) -> (value, end)``, by the rules of this module.
_SCAN: Callable[[str, int], tuple[Any, int]] = JSONDecoder(
    object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse
).scan_once  # type: ignore[attr-defined]  # typeshed leaves it out; JSONDecoder.raw_decode has always called it


def _depth(text: str) -> int:
    """How deep brackets are nested, at least: in text that is not JSON it is a guess."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub("", text)):
        depth += 1 if bracket in "{[" else -1
        deepest = max(deepest, depth)
    return deepest


def _read_closely(path: str, shown: str, element: str | None, text: str) -> Source:
    """Read a text that the fast way did not take: find all that is wrong with it, or that it is fine after all."""
    problems = []
    if text.startswith("\ufeff"):
        problems.append(
            Problem(
                "file-encoding",
                "The file starts with a byte order mark.",
                element=element,
                file=shown,
                line=1,
                column=1,
                hint='Save the file as "UTF-8", not as "UTF-8 with BOM".',
            )
        )
        text = " " + text[1:]
    source = Source(path, shown, element, text, {})
    problems += [_problem(source, finding) for finding in source.positions.findings]
    if problems:
        raise SourceInvalid(problems)
    data, _ = _SCAN(text, _SPACE.match(text).end())  # type: ignore[union-attr]  # it matches nothing, too
    if not isinstance(data, dict):
        message = "The top level of the file must be an object, written { … }."
        raise SourceInvalid([source.problem("json-not-object", message, secrets=[""])])
    source.data = data
    return source


def _problem(source: Source, finding: Finding) -> Problem:
    from jitcore.positions import Span
    from jitcore.snippets import all_values, draw

    positions = source.positions
    line, column = positions.lines.place(finding.start)
    first, last = positions.lines.span(line)
    is_blank = not source.text[first:last].strip()
    return Problem(
        finding.code,
        finding.message,
        element=source.element,
        file=source.shown,
        line=line,
        column=column,
        pointer=None if finding.entry is None else positions.pointer(finding.entry),
        snippet=None if is_blank else draw(positions.lines, Span(finding.start, finding.end), all_values(positions)),
        hint=finding.hint,
        related=() if finding.first is None else (_first(source, finding.first),),
    )


def _first(source: Source, start: int) -> Related:
    return Related("the first one stands here", source.shown, *source.positions.lines.place(start))

"""``{{variables}}``: what differs from one deployment to the next, kept out of the files of an app.

A name is looked up in what the program passed, then in the process environment, then in the app's ``.env``, then among
the defaults that ``app.json`` declares. It is put into strings after the JSON is parsed: a quote in a value cannot
break a file, and a value cannot bring a structure of its own.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jitcore.errors import ArgumentError
from jitcore.files import SourceInvalid, read_text
from jitcore.pointers import join_pointer
from jitcore.printing import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from jitcore.positions import Span
    from jitcore.problems import Problem
    from jitcore.source import Source

__all__ = ["Variables"]

_NAME = re.compile(r"\w+\Z")
#: A placeholder, or two braces that open none; of three braces the outer one is text.
_PLACEHOLDER = re.compile(r"\{\{\s*(?P<name>\w+)\s*\}\}|\{\{(?!\{\s*\w+\s*\}\})")
_MASK = "***"


class Variables:
    """The variables of one App.

    :param explicit: what the program passed: names and values, both strings.
    :param environ: the process environment.
    :param dotenv: the app's ``.env``; None, or a file that is not there, sets nothing.
    :param declared: the ``variables`` of ``app.json``, nearest app first: ``name``, maybe ``default`` and ``secret``.
    :param shown: the ``.env`` as messages name it.
    :raises ArgumentError: if ``explicit`` holds something else than strings.
    """

    __slots__ = ("_declared", "_sources", "problems")

    def __init__(
        self,
        explicit: Mapping[str, str] | None,
        environ: Mapping[str, str],
        dotenv: Path | None,
        declared: Iterable[Mapping[str, Any]] = (),
        *,
        shown: str = ".env",
    ) -> None:
        given = _checked({} if explicit is None else explicit)
        from_file, self.problems = _read_dotenv(dotenv, shown)
        self._declared: dict[str, Mapping[str, Any]] = {}
        for one in declared:
            self._declared.setdefault(one["name"], one)
        defaults = {name: one["default"] for name, one in self._declared.items() if "default" in one}
        self._sources: tuple[Mapping[str, str], ...] = (given, environ, from_file, defaults)

    def __repr__(self) -> str:
        return f"<Variables {', '.join(sorted(self.names))}>"

    @property
    def names(self) -> frozenset[str]:
        """The names that the program, ``.env`` and ``app.json`` know; not the whole process environment."""
        given, _, from_file, _ = self._sources
        return frozenset(given).union(from_file, self._declared)

    @property
    def secrets(self) -> frozenset[str]:
        """The values that may never be shown: those of the variables declared ``secret``."""
        values = (self.lookup(name) for name, one in self._declared.items() if one.get("secret") is True)
        return frozenset(value for value in values if value)

    def lookup(self, name: str) -> str | None:
        """The value of a variable; None if it has none."""
        for source in self._sources:
            value = source.get(name)
            if value is not None:
                return value
        return None

    def redact(self, text: str) -> str:
        """Replace every secret value in a text, also where it stands escaped as in JSON or in Python."""
        spellings = {
            spelling
            for value in self.secrets
            for spelling in (
                value,
                json.dumps(value)[1:-1],
                json.dumps(value, ensure_ascii=False)[1:-1],
                repr(value)[1:-1],
            )
        }
        for spelling in sorted(spellings, key=len, reverse=True):
            text = text.replace(spelling, _MASK)
        return text

    def substitute(self, data: Any, source: Source) -> tuple[Any, list[Problem]]:
        """Put the values of variables into the strings of a document.

        :param data: what ``source`` holds.
        :param source: the file, for the places of problems.
        :returns: the document with every ``{{name}}`` replaced, and a problem for each that could not be. The document
            is ``data`` itself when there is nothing to replace; it is never changed in place.
        """
        # The braces may hide in an escape; any other text without a pair of them has nothing to replace.
        if "{{" not in source.text and "\\u007" not in source.text:
            return data, []
        problems: list[Problem] = []
        return self._replaced(data, (), source, problems), problems

    def _replaced(self, value: Any, path: tuple[str | int, ...], source: Source, problems: list[Problem]) -> Any:
        if isinstance(value, str):
            return self._filled(value, path, source, problems) if "{{" in value else value
        if isinstance(value, dict):
            members = {key: self._replaced(member, (*path, key), source, problems) for key, member in value.items()}
            return members if any(members[key] is not value[key] for key in value) else value
        if isinstance(value, list):
            items = [self._replaced(item, (*path, index), source, problems) for index, item in enumerate(value)]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _filled(self, text: str, path: tuple[str | int, ...], source: Source, problems: list[Problem]) -> str:
        """Fill in one string; a placeholder that cannot be filled stays as it is."""
        pieces = []
        end = 0
        for count, match in enumerate(_PLACEHOLDER.finditer(text)):
            name = match["name"]
            value = self.lookup(name) if name else None
            if value is None or not _is_text(value):
                code, message, hint = self._refusal(name, value)
                pointer = join_pointer(path)
                part = _in_source(source, pointer, text, count)
                problems.append(source.problem(code, message, pointer=pointer, part=part, hint=hint))
                value = match.group()
            pieces += [text[end : match.start()], value]
            end = match.end()
        return "".join([*pieces, text[end:]])

    def _refusal(self, name: str | None, value: str | None) -> tuple[str, str, str]:
        if name is None:
            hint = "A placeholder is {{name}}, of letters, digits and underscores."
            return "variable-malformed", "These braces open no {{variable}}.", hint
        if value is not None:
            return "variable-invalid", f"The value of {quoted(name)} is not text.", "Set it to UTF-8 text."
        hint = f"Set it in the environment, or write {name}=… into .env."
        if name in self._declared:
            return "variable-unset", f"The variable {quoted(name)} has no value.", hint
        from jitcore.suggestions import did_you_mean

        _, environ, _, _ = self._sources
        guess = did_you_mean(name, self.names) or did_you_mean(name, environ)
        return "variable-unknown", f"There is no variable {quoted(name)}.", guess or hint


def _checked(explicit: object) -> Mapping[str, str]:
    if not isinstance(explicit, Mapping):
        raise ArgumentError(f"variables must be a mapping of names to strings, not {type(explicit).__name__}.")
    for name, value in explicit.items():
        if not isinstance(name, str) or not _NAME.match(name):
            raise ArgumentError(
                f"{name!r} cannot be the name of a variable.", hint="A name has letters, digits and underscores."
            )
        if not isinstance(value, str):
            raise ArgumentError(
                f"The value of the variable {quoted(name)} must be a string, not {type(value).__name__}.",
                hint="Variables are put into strings; write the number or switch itself into the file.",
            )
    return dict(explicit)


def _read_dotenv(path: Path | None, shown: str) -> tuple[Mapping[str, str], tuple[Problem, ...]]:
    # Most apps have none, and a missing one is nothing to report.
    if path is None or not os.path.lexists(path):
        return {}, ()
    from jitcore.dotenv import parse_dotenv

    try:
        # It may be a link: deployments mount their secrets from elsewhere.
        return parse_dotenv(read_text(str(path), inside=None, shown=shown, element=None), shown=shown)
    except SourceInvalid as invalid:
        return {}, invalid.problems


def _is_text(value: str) -> bool:
    """The environment may hold bytes that are no text; Python smuggles them in as surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_source(source: Source, pointer: str, text: str, count: int) -> Span | None:
    """Where a string's placeholder stands in the file; None if the string is written with escapes."""
    span = source.positions.value(pointer)
    if span is None or source.text[span.start + 1 : span.end - 1] != text:
        return None
    from jitcore.positions import Span

    match = list(_PLACEHOLDER.finditer(text))[count]
    return Span(span.start + 1 + match.start(), span.start + 1 + match.end())

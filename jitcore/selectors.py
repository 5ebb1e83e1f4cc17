"""Selectors: the small language in which ``app.findElements`` is told which elements to find (JAAP, ``findElements``).

============================  ==================================================================
``corps.CorpA``               that element
``.corps.QywxProxyType``      the elements whose type it is
``#title=Branch``             the elements whose ``e.json`` says so; also ``!=``, ``>`` and ``<``
``*corps.CorpA``              its parents: its Type, the Type's Type, …, the Meta
``corps.Meta*``               its children: what has it as a parent
``.corps.QywxProxyType:#…``   a filter: what both sides describe; any number of them
``corps.CorpA,.corps.X``      what one side or the other describes
============================  ==================================================================

A value that holds ``,`` or ``:`` stands in double quotes. ``fullName`` and ``name`` are attributes like the keys of
``e.json``. ``>`` and ``<`` compare numbers and versions by their value and other text by its letters; an element
without the attribute is only ever ``!=``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from jitcore.errors import ArgumentError, JitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jitcore.app import App

__all__ = ["select"]

_NAME = re.compile(r"[^\W\d_]\w*(\.[^\W\d_]\w*)*")
_ATTRIBUTE = re.compile(r"[\w-]+")
_OPERATOR = re.compile(r"!=|[=<>]")
_QUOTED = re.compile(r'"([^"]*)"')
_BARE = re.compile(r"[^,:]*")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*\Z")

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "!=": lambda one, other: bool(one != other),
    ">": lambda one, other: bool(one > other),
    "<": lambda one, other: bool(one < other),
}


def select(app: App, selector: str) -> set[str]:
    """Full names of the elements that a selector describes.

    :raises ArgumentError: if the selector cannot be read, with the place.
    :raises ElementNotFound: if nobody defines the Type or element that a part of it starts from; a plain full name
        that nobody defines describes nothing.
    """
    return _Reading(app, selector).union()


class _Reading:
    """Reads a selector from left to right and answers each part as it goes."""

    def __init__(self, app: App, text: str) -> None:
        self._app = app
        self._text = text
        self._place = 0
        self._handles = app.elements
        self._known_types: dict[str, str] | None = None

    def union(self) -> set[str]:
        found = self._chain()
        while self._take(","):
            found |= self._chain()
        if self._place < len(self._text):
            self._refuse("a comma, a colon or the end")
        return found

    def _chain(self) -> set[str]:
        found = self._part()
        while self._take(":"):
            found &= self._part()
        return found

    def _part(self) -> set[str]:
        self._skip_space()
        if self._take("#"):
            found = self._having()
        elif self._take("."):
            name = self._name("the full name of a Type")
            found = {one for one, type_name in self._types.items() if type_name == name}
        elif self._take("*"):
            found = self._parents(self._name("the full name of an element"))
        else:
            start = self._place
            name = self._match(_NAME, "a full name, '.', '#' or '*'")
            if self._take("*"):
                found = self._children(self._defined(name))
            elif "." not in name:
                self._place = start
                self._refuse("a full name, which has a dot")
            else:
                found = {name} & self._handles.keys()
        self._skip_space()
        return found

    def _having(self) -> set[str]:
        attribute = self._match(_ATTRIBUTE, "the name of an attribute")
        compare = _COMPARISONS[self._match(_OPERATOR, "=, !=, > or <")]
        quoted = _QUOTED.match(self._text, self._place)
        if quoted:
            wanted, self._place = quoted[1], quoted.end()
        elif self._text.startswith('"', self._place):
            self._place = len(self._text)
            self._refuse("the closing quote")
        else:
            wanted = self._match(_BARE, "a value").strip()
        found = set()
        for name in self._handles:
            offered = self._attributes(name).get(attribute)
            if compare is _COMPARISONS["!="] if offered is None else compare(*_comparable(offered, wanted)):
                found.add(name)
        return found

    def _attributes(self, fullName: str) -> Mapping[str, Any]:
        try:
            define = self._app.registry.nodes(fullName)[0].define
        except JitError:
            define = {}
        return {**define, "fullName": fullName, "name": fullName.rpartition(".")[2]}

    def _parents(self, name: str) -> set[str]:
        found: set[str] = set()
        parent = self._types.get(name, "")
        # Types that lead back to themselves are a problem of theirs; the walk ends all the same.
        while parent in self._handles and parent not in found:
            found.add(parent)
            parent = self._types[parent]
        return found - {name}

    def _children(self, name: str) -> set[str]:
        by_type: dict[str, list[str]] = {}
        for one, type_name in self._types.items():
            by_type.setdefault(type_name, []).append(one)
        found: set[str] = set()
        waiting = [name]
        while waiting:
            for child in by_type.get(waiting.pop(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found - {name}

    @property
    def _types(self) -> dict[str, str]:
        """The type of every element; empty for a Meta and for what cannot be read."""
        if self._known_types is None:
            self._known_types = {name: handle.type for name, handle in self._handles.items()}
        return self._known_types

    def _name(self, expected: str) -> str:
        return self._defined(self._match(_NAME, expected))

    def _defined(self, name: str) -> str:
        if name not in self._handles:
            raise self._app.registry.missing(name)
        return name

    def _match(self, pattern: re.Pattern[str], expected: str) -> str:
        matched = pattern.match(self._text, self._place)
        if matched is None:
            self._refuse(expected)
        self._place = matched.end()
        return matched[0]

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._place):
            return False
        self._place += len(token)
        return True

    def _skip_space(self) -> None:
        while self._text.startswith((" ", "\n", "\t"), self._place):
            self._place += 1

    def _refuse(self, expected: str) -> NoReturn:
        shown = self._text.replace("\n", " ").replace("\t", " ")
        raise ArgumentError(
            f"The selector cannot be read at character {self._place + 1}: {expected} belongs there.\n"
            f"  {shown}\n  {' ' * self._place}^",
            hint="Selectors look like corps.CorpA, .corps.QywxProxyType, #title=Branch, *corps.CorpA or corps.Meta*.",
        )


def _comparable(offered: Any, wanted: str) -> tuple[Any, Any]:
    """The two sides as values of one kind."""
    if isinstance(offered, bool):
        return str(offered).lower(), wanted.lower()
    if isinstance(offered, (int, float)):
        try:
            return float(offered), float(wanted)
        except ValueError:
            return str(offered), wanted
    text = str(offered)
    if _VERSION.match(text) and _VERSION.match(wanted):
        return _version(text), _version(wanted)
    return text, wanted


def _version(text: str) -> tuple[int, ...]:
    numbers = [int(number) for number in text.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)

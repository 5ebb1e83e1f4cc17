"""Where Python code stands, for problems about it: a class that breaks a contract, a module that cannot be imported."""

from __future__ import annotations

import inspect
import os
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from jitcore.errors import JitError
from jitcore.files import SourceInvalid, read_text
from jitcore.importing import COMMONS
from jitcore.layers import APPS_PACKAGE
from jitcore.lines import Lines
from jitcore.positions import Span
from jitcore.problems import Problem, Related
from jitcore.snippets import draw
from jitcore.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitcore.layers import Layer
    from jitcore.node import Node
    from jitcore.registry import Registry

__all__ = ["class_problem", "import_problem", "related_class"]

_STRING = re.compile(r"\"[^\"\n\r]*\"?|'[^'\n\r]*'?")
#: The real package of an app folder has a number in its name, which tells a reader nothing.
_PACKAGE = re.compile(rf"\b{APPS_PACKAGE}\.\w+\.")
_NO_NAME = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'")
_NO_MODULE = re.compile(r"No module named '(?P<name>[\w.]+)'")


class _Place(NamedTuple):
    """A piece of a line of a Python file; ``column`` and ``end`` are 1-based characters, 0 where unknown."""

    path: str
    line: int
    column: int = 0
    end: int = 0


def class_problem(code: str, message: str, cls: type[Any], node: Node, hint: str, related: Related | None) -> Problem:
    """Make a problem that is located at a class's definition, or else in the e.json of its element.

    :param node: the element whose code defines or uses the class.
    :param related: another place that explains it.
    """
    place = _class_place(cls)
    others = (related,) if related else ()
    if place is None or not place.path.startswith(os.path.join(str(node.path), "")):
        shown = node.source.shown if node.source else None
        return Problem(code, message, element=node.fullName, file=shown, hint=hint, related=others)
    return _located(code, message, node, place, hint, others)


def related_class(message: str, cls: type[Any], node: Node) -> Related | None:
    """Name the place where a class is defined; None when nobody knows it.

    :param node: the element whose code defines or uses the class.
    """
    place = _class_place(cls)
    return Related(message, _shown(node, place.path), place.line) if place else None


def import_problem(node: Node, error: BaseException, registry: Registry) -> Problem:
    """Make a problem of what importing an element's package raised.

    It points at the deepest line of the app's own code that took part in the failure: of the element's folder, of
    ``commons``, of another element. Outside the folder, the line of the folder that led there is named, too. Texts in
    the line are masked: people write passwords into code.
    """
    places = list(_places(node, error))
    place = places[-1] if places else None
    related: tuple[Related, ...] = ()
    if place is not None and not _is_own(node, place.path):
        related = tuple(
            Related(f"{node.fullName} gets there from here", _shown(node, one.path), one.line, one.column or None)
            for one in [one for one in places if _is_own(node, one.path)][-1:]
        )
    if isinstance(error, SyntaxError):
        whose = f"that {node.fullName} imports" if related else f"of {node.fullName}"
        message = f"The code {whose} is not Python: {error.msg}."
    else:
        told = error.message if isinstance(error, JitError) else _without_path(str(error))
        told = registry.app.variables.redact(_PACKAGE.sub("", told))
        message = f"Importing {node.fullName} raised {type(error).__name__}{f': {told}' if told else ''}"
        message += "" if message.endswith(".") else "."
    hint = error.hint if isinstance(error, JitError) else _import_hint(node, error, registry)
    if place is None:
        return Problem("type-import-failed", message, element=node.fullName, hint=hint)
    return _located("type-import-failed", message, node, place, hint, related)


def _located(
    code: str, message: str, node: Node, place: _Place, hint: str | None, related: tuple[Related, ...]
) -> Problem:
    return Problem(
        code,
        message,
        element=node.fullName,
        file=_shown(node, place.path),
        line=place.line,
        column=place.column or None,
        snippet=_snippet(place),
        hint=hint,
        related=related,
    )


def _snippet(place: _Place) -> str | None:
    try:
        text = read_text(place.path, inside=None, shown=place.path, element=None)
    except SourceInvalid:
        return None
    lines = Lines(text)
    try:
        first, last = lines.span(place.line)
    except IndexError:
        return None  # the file has changed since
    indent = len(text[first:last]) - len(text[first:last].lstrip())
    start = first + place.column - 1 if place.column else first + indent
    end = first + place.end - 1 if place.end > place.column else last
    start = min(start, last)

    def hidden(left: int, right: int) -> Iterator[Span]:
        return (Span(*found.span()) for found in _STRING.finditer(text, left, right))

    return draw(lines, Span(start, max(min(end, last), start + 1)), hidden)


def _class_place(cls: type[Any]) -> _Place | None:
    try:
        file = inspect.getsourcefile(cls)
        lines, number = inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return None
    decorators = next((count for count, line in enumerate(lines) if line.lstrip().startswith("class ")), 0)
    head = lines[decorators].rstrip()
    column = len(head) - len(head.lstrip()) + 1
    return _Place(file, number + decorators, column, len(head) + 1) if file else None


def _places(node: Node, error: BaseException) -> Iterator[_Place]:
    """The lines of the element's and of the app's own code that led to a failure; the last is the broken one."""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.lineno is not None and _is_edited(node, frame.filename):
            # Columns are counted in bytes; a line of ASCII, as most are, has as many characters.
            plain = frame.line is not None and frame.line.isascii() and frame.colno is not None
            ends_here = frame.end_lineno == frame.lineno
            end = (frame.end_colno or 0) + 1 if plain and ends_here else 0
            yield _Place(frame.filename, frame.lineno, (frame.colno or 0) + 1 if plain else 0, end)
    # What is no Python never ran: it has no frame.
    if isinstance(error, SyntaxError) and error.filename and _is_edited(node, error.filename):
        ends_here = error.end_lineno in {None, error.lineno}
        end = error.end_offset or 0 if ends_here else 0
        yield _Place(error.filename, error.lineno or 1, error.offset or 0, end)


def _is_own(node: Node, path: str) -> bool:
    return path.startswith(os.path.join(str(node.path), ""))


def _is_edited(node: Node, path: str) -> bool:
    """Whether a file is the element's, or lies in a family or in the commons of an app: a virtual environment that
    somebody keeps in an app's folder is not the app's code."""
    if _is_own(node, path):
        return True
    layer = _app_layer(node, path)
    if layer is None:
        return False
    top = os.path.relpath(path, str(layer.root)).partition(os.sep)[0]
    return top == COMMONS or top in node.app.registry.families


def _app_layer(node: Node, path: str) -> Layer | None:
    """The app folder that a file lies in; the innermost, where one holds another."""
    holding = [
        layer for layer in node.app.layers if layer.is_app and path.startswith(os.path.join(str(layer.root), ""))
    ]
    return max(holding, key=lambda layer: len(str(layer.root)), default=None)


def _import_hint(node: Node, error: BaseException, registry: Registry) -> str | None:
    if not isinstance(error, ImportError):
        return None
    told = str(error)
    if f"partially initialized module {node.module_name!r}" in told:
        below = [lower.module_name for lower in registry.nodes(node.fullName)[1:]]
        if not below:
            return "It imports itself, or a module that imports it: move what both need into a module of its own."
        hint = "It imports itself through the family name; import what it overrides by its real package: "
        return f"{hint}from {below[0]} import …"
    if found := _NO_NAME.match(told):
        return did_you_mean(found["name"], [name for name in dir(sys.modules.get(found["module"])) if name[0] != "_"])
    if found := _NO_MODULE.match(told):
        name = _PACKAGE.sub("", found["name"])
        guess = registry.did_you_mean(name) if "." in name else did_you_mean(name, sys.stdlib_module_names)
        return guess or f"Install what provides {name}, or correct the name."
    return None


def _without_path(told: str) -> str:
    """The message of an ImportError without the file of the other module: that is not where the mistake is."""
    return re.sub(r" \((?:unknown location|[^()]*\.\w+)\)$", "", told)


def _shown(node: Node, path: str) -> str:
    layer = _app_layer(node, path)
    return node.app.registry.shown(layer, path) if layer is not None else path

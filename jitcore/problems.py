"""What is wrong with an app's files, as data.

A :class:`Problem` is a value: it is found in one place, shown in another (:mod:`jitcore.rendering`), and compared in
tests. Its ``code`` is a promise to programs, so all codes stand in one list, :data:`CODES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CODES", "WARNINGS", "Problem", "Related", "Severity", "in_order"]

Severity = Literal["error", "warning"]

#: Every code jitcore reports, and what it stands for. A code keeps its meaning for ever; add, never reuse.
CODES: Mapping[str, str] = MappingProxyType(
    {
        "contract-unmet": "A class does not offer what its Meta promises.",
        "dotenv-duplicate": "A name is set twice in .env; the last one counts.",
        "dotenv-syntax": "A line of .env is not NAME=value.",
        "element-failed": "An element's own code raised an error.",
        "element-not-found": "No layer defines an element.",
        "extends-cycle": "Apps extend each other in a circle.",
        "extends-invalid": "An entry of extends cannot be used.",
        "extends-missing": "A base app or plugin named in extends is not there.",
        "file-encoding": "A file is not UTF-8 text, or starts with a byte order mark.",
        "file-missing": "A file that must be there is not.",
        "file-outside": "A file is a link to a place outside its element's folder.",
        "file-too-large": "A file is larger than jitcore reads.",
        "file-unreadable": "The system does not let jitcore read a file or folder.",
        "json-duplicate-key": "An object has the same key twice.",
        "json-not-object": "The top level of a file is not an object.",
        "json-number": "A number is not one that JSON and Python can both hold.",
        "json-surrogate": "A string holds half of a UTF-16 surrogate pair.",
        "json-syntax": "A file is not JSON.",
        "json-too-deep": "Objects and arrays are nested deeper than jitcore reads.",
        "key-missing": "A required key is missing.",
        "key-unknown": "A key is not one that the schema knows.",
        "loader-missing": "A Type has no Loader, nor has any Type or Meta above it.",
        "name-collision": "Two elements have names that some file systems cannot tell apart.",
        "name-invalid": "A folder's name cannot be part of an element's full name.",
        "override-drift": "An override was made from another version of what it replaces.",
        "override-refused": "An override does not honour the contract of what it replaces.",
        "plugin-failed": "An installed plugin cannot be used.",
        "reference-cycle": "Elements refer to each other in a circle.",
        "reference-dangling": "A reference names an element that does not exist.",
        "reference-family": "A reference names an element of the wrong family.",
        "reference-kind": "A reference names a Type or Meta where an instance is needed.",
        "schema-invalid": "A schema cannot be used.",
        "silence-error": "A code in silence is always an error.",
        "silence-unknown": "An entry of silence names a code or element that does not exist.",
        "silence-unused": "An entry of silence silences nothing.",
        "type-cycle": "Types have each other as their Type.",
        "type-import-failed": "The Python code of a Type cannot be imported.",
        "type-level": "The type of an instance is a Meta or another instance.",
        "unknown-type": "No layer defines the Type of an element.",
        "value-choice": "A value is not one of those allowed.",
        "value-format": "A string does not have the format the schema asks for.",
        "value-items": "An array has too few, too many or unfit items.",
        "value-length": "A string is too short or too long.",
        "value-pattern": "A string does not have the form the schema asks for.",
        "value-properties": "An object has too few, too many or unfit keys.",
        "value-range": "A number is too small, too large or not a multiple.",
        "value-shape": "A value has none of the allowed forms, or too many at once.",
        "value-type": "A value is of the wrong type.",
        "variable-invalid": "The value of a variable is not text.",
        "variable-malformed": "A {{variable}} is not written as one.",
        "variable-unknown": "A {{variable}} is neither set nor declared.",
        "variable-unset": "A declared variable has no value.",
    }
)

#: The codes that may be warnings: what works, and should still be looked at. All others are always errors.
WARNINGS = frozenset({"dotenv-duplicate", "name-collision", "override-drift", "plugin-failed", "silence-unused"})


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that a problem is about: the line of the schema, the other one of two.

    :param message: what stands there, as a clause without a full stop.
    :param file: the file, named as in :class:`Problem`.
    :param line: 1-based; None when the file as a whole is meant.
    :param column: 1-based, in characters.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """``file:line:column`` as far as known; empty when nothing is."""
        return _place(self.file, self.line, self.column)

    def __str__(self) -> str:
        return f"{self.message}: {self.place}" if self.place else self.message


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in one place.

    :param code: stable slug, one of :data:`CODES`.
    :param message: what is wrong, in one sentence; never holds a secret.
    :param severity: ``error`` (the element cannot be used) or ``warning``.
    :param element: full name of the element, if it concerns one.
    :param file: the file, relative to the app where possible.
    :param line: 1-based; None when the finding is about the file as a whole.
    :param column: 1-based, counted in characters (a tab is one).
    :param pointer: JSON pointer (RFC 6901) of the value; ``""`` is the whole document.
    :param snippet: the source line and a line with carets under the place, secrets masked.
    :param hint: what to do, in one sentence.
    :param related: other places that explain it.
    """

    code: str
    message: str
    severity: Severity = "error"
    element: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str | None = None
    snippet: str | None = None
    hint: str | None = None
    related: tuple[Related, ...] = ()

    @property
    def place(self) -> str:
        """``file:line:column`` as far as known, else the element's full name; empty when neither is."""
        return _place(self.file, self.line, self.column) or self.element or ""

    def __str__(self) -> str:
        text = f"{self.severity}[{self.code}]: {self.message}"
        if self.place:
            text = f"{self.place}: {text}"
        return f"{text} {self.hint}" if self.hint else text


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort by element, file, line, column and code, so that two runs over the same app print the same text."""
    return sorted(
        problems,
        key=lambda problem: (
            problem.element or "",
            problem.file or "",
            problem.line or 0,
            problem.column or 0,
            problem.code,
            problem.pointer or "",
            problem.message,
        ),
    )


def _place(file: str | None, line: int | None, column: int | None) -> str:
    return "" if file is None else ":".join(str(part) for part in (file, line, column) if part is not None)

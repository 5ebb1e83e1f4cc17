"""What an engine objects to and what is said about it, as data, and the words both have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from jitcore.printing import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitcore.annotations import Shape

__all__ = ["KINDS", "Said", "Violation", "advice", "but", "count", "either", "inside", "kind", "meaning"]

#: The types of JSON Schema as a sentence names them.
KINDS: Mapping[str, str] = {
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
    "object": "an object",
    "array": "an array",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One keyword that a value breaks, whichever engine says so.

    :param path: keys and indexes that lead to the value.
    :param keyword: the keyword; ``false`` where the schema is ``false``.
    :param schema: the subschema that holds the keyword.
    :param value: the value; the key's name for ``propertyNames``.
    :param branches: for ``anyOf`` and ``oneOf``, what each branch objects to; empty when too many branches fit.
    :param shape: all that the schema says about the place.
    :param quote: the value as a message may show it; None when it may not.
    """

    path: tuple[str | int, ...]
    keyword: str
    schema: Mapping[str, Any]
    value: Any = field(repr=False)
    branches: tuple[tuple[Violation, ...], ...] = field(default=(), repr=False)
    shape: Shape | None = field(default=None, repr=False)
    quote: str | None = None

    @property
    def limit(self) -> Any:
        """What the keyword demands."""
        return self.schema.get(self.keyword)

    @property
    def subject(self) -> str:
        """The value as the grammatical subject of a sentence."""
        if not self.path:
            return "The document"
        start = next((i for i in reversed(range(len(self.path))) if isinstance(self.path[i], str)), 0)
        name = "".join(part if isinstance(part, str) else f"[{part}]" for part in self.path[start:])
        return quoted(name)


class Said(NamedTuple):
    """One finding: a problem without its file.

    :param missing: the key that is not there, if that is what is said.
    """

    code: str
    message: str
    path: tuple[str | int, ...]
    at: Literal["value", "key"] = "value"
    hint: str | None = None
    missing: str | None = None


def advice(it: Violation) -> str | None:
    """What the schema's author says to whoever gets the value wrong: ``"x-hint"``."""
    advice = it.schema.get("x-hint")
    return advice if isinstance(advice, str) else None


def meaning(it: Violation) -> str | None:
    """What the schema says the value is for."""
    return it.shape.says("description") if it.shape and it.path else None


def but(it: Violation) -> str:
    return f", not {it.quote}" if it.quote is not None else ""


def inside(it: Violation) -> str:
    return f" in {it.subject}" if it.path else ""


def either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if value is None:
        return "null"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"

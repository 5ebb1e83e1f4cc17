"""Filling in a business file that nobody has written yet: only what its schema requires.

What can be inferred is filled in (an element to refer to, the only value allowed, a default); other texts become
``{{variables}}``, because they differ from place to place.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitcore.pointers import split_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["UNKNOWN", "Filled", "Variable", "fill"]

#: Stands for a text that only the user knows.
UNKNOWN = "change-me"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that a filled-in file uses.

    :param name: what stands between the braces.
    :param title: what the schema says about it, in one line.
    :param secret: whether its value may be shown.
    :param example: a value that the schema accepts; None when none could be found.
    """

    name: str
    title: str
    secret: bool
    example: str | None


@dataclass(slots=True)
class Filled:
    """A filled-in business file and the variables in it."""

    data: Any = None
    variables: list[Variable] = field(default_factory=list)

    def example(self) -> Any:
        """The document with an example in place of each variable."""
        text = json.dumps(self.data)
        for variable in self.variables:
            text = text.replace(f"{{{{{variable.name}}}}}", json.dumps(variable.example or UNKNOWN)[1:-1])
        return json.loads(text)


def fill(schema: Mapping[str, Any], prefix: str, refer: Callable[[str | None], str | None]) -> Filled:
    """Make the smallest document that a schema asks for.

    :param schema: a JSON Schema.
    :param prefix: what variables are called after: ``corpC`` gives ``corpCSecret``.
    :param refer: finds an element to refer to in a family (None: in any); None when there is none.
    """
    filled = Filled()
    filled.data = _Filling(schema, prefix, refer, filled.variables).value(schema, ())
    return filled


class _Filling:
    def __init__(
        self,
        root: Mapping[str, Any],
        prefix: str,
        refer: Callable[[str | None], str | None],
        variables: list[Variable],
    ) -> None:
        self._root = root
        self._prefix = prefix
        self._refer = refer
        self._variables = variables

    def value(self, schema: Any, path: tuple[str, ...]) -> Any:
        schema = self._resolved(schema)
        for key in ("default", "const"):
            if key in schema and not schema.get("writeOnly"):
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = kind[0]
        if kind == "object":
            properties = schema.get("properties", {})
            required = list(schema.get("required", ()))
            for branches in (schema.get("anyOf"), schema.get("oneOf")):
                # One way of several is enough; the first is the one that the schema's author thought of first.
                required += self._resolved(branches[0]).get("required", ()) if branches else ()
            return {key: self.value(properties.get(key, {}), (*path, key)) for key in dict.fromkeys(required)}
        if kind == "array":
            return [self.value(schema.get("items", {}), path)] * schema.get("minItems", 0)
        if kind in {"integer", "number"}:
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        if kind == "boolean":
            return False
        return None if kind == "null" else self._text(schema, path)

    def _text(self, schema: Mapping[str, Any], path: tuple[str, ...]) -> str:
        family = schema.get("x-reference")
        if family is not None:
            found = self._refer(family if isinstance(family, str) else None)
            if found is not None:
                return found
        last = path[-1] if path else "value"
        name = self._prefix + last[:1].upper() + last[1:]
        while any(variable.name == name for variable in self._variables):
            name += "2"
        told = str(schema.get("title") or schema.get("description") or last)
        title = re.split(r"[.;:]\s|\.$|\n", told)[0]
        self._variables.append(Variable(name, title, bool(schema.get("writeOnly")), _example(schema)))
        return f"{{{{{name}}}}}"

    def _resolved(self, schema: Any) -> Mapping[str, Any]:
        followed = 0
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and followed < 20:
            found: Any = self._root
            for token in split_pointer(schema["$ref"].removeprefix("#")):
                found = found[int(token)] if isinstance(found, list) else found[token]
            schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
            followed += 1
        return schema if isinstance(schema, dict) else {}


def _example(schema: Mapping[str, Any]) -> str | None:
    """A text that the schema accepts, if one is at hand."""
    pattern = schema.get("pattern")
    for text in (*schema.get("examples", ()), UNKNOWN):
        if (
            isinstance(text, str)
            and schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
            and (pattern is None or re.search(pattern, text))
            and "format" not in schema
        ):
            return text
    return None

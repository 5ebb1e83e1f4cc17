"""From a rejected document to everything that is wrong with it.

Two engines are asked: jsonschema, which is imported only here, and jsonschema-rs, which said no in the first place.
They do not always see the same (formats, ``false`` schemas, what ``$`` matches), and whichever says no, no is final; so
their findings are put into one form, joined, and told once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.annotations import Shape, hidden_values, subschemas
from jitcore.pointers import join_pointer
from jitcore.printing import quoted
from jitcore.problems import in_order
from jitcore.sentences import say
from jitcore.suggestions import closest
from jitcore.violations import Said, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import jsonschema_rs

    from jitcore.problems import Problem, Related
    from jitcore.source import Source

__all__ = ["explain", "explain_schema"]

#: Keywords about a plain value, the telling ones first; of one value only the first that it breaks is told.
_RANKS = {"type": 0, "enum": 1, "const": 1, "minLength": 2, "maxLength": 2, "pattern": 3, "format": 4}
#: What a schema does at the keyword that is violated; of others it just asks for something.
_ASKS = {
    "additionalProperties": "lists its keys",
    "unevaluatedProperties": "lists its keys",
    "enum": "lists the allowed values",
    "const": "names the allowed value",
    "type": "says which type it has",
    "required": "requires it",
    "dependentRequired": "requires it",
    "pattern": "has the pattern",
}
_CONTAINS = frozenset({"contains", "minContains", "maxContains"})


def explain(
    schema: Mapping[str, Any],
    shape: Shape,
    accept: jsonschema_rs.Validator,
    source: Source,
    data: Any,
    *,
    redact: Callable[[str], str] | None = None,
    origin: Source | None = None,
) -> list[Problem]:
    """Find all that is wrong with a document and say where, with its source's positions.

    :param schema: the whole schema.
    :param shape: the schema's shape of the document.
    :param accept: the validator that rejected it.
    :param source: the file, whose text is shown.
    :param data: what was judged: the file's data, or the same with variables substituted.
    :param redact: removes secret values from text, as a last safeguard.
    :param origin: the schema's file, to name the lines that ask for what is not there; None to name none.
    :returns: the problems in the order of the file; empty if neither engine objects.
    """
    view = _View(schema, shape, source.data, hidden_values(shape, data))
    violations: dict[tuple[Any, ...], Violation] = {}
    for violation in [*_by_jsonschema(view, data), *_by_jsonschema_rs(view, accept, data)]:
        name = violation.value if violation.keyword == "propertyNames" else None
        violations.setdefault((violation.path, violation.keyword, id(violation.schema), name), violation)
    said: dict[Said, Violation] = {}
    for violation in _without_consequences(violations.values()):
        for one in say(violation):
            said.setdefault(one, violation)
    return in_order(
        source.problem(
            one.code,
            redact(one.message) if redact else one.message,
            pointer=join_pointer(one.path),
            at=one.at,
            hint=redact(one.hint) if redact and one.hint else one.hint,
            secrets=view.hidden,
            related=_asked_for(origin, said[one], one) if origin else (),
        )
        for one in _without_echoes(list(said))
    )


def _asked_for(origin: Source, violation: Violation, said: Said) -> Iterator[Related]:
    """Where the schema asks for what is not there."""
    keyword = violation.keyword
    words = _ASKS.get(keyword, "asks for it")
    for path, schema in subschemas(origin.data):
        if schema is violation.schema:
            if said.missing and keyword == "required":
                path = (*path, keyword, schema[keyword].index(said.missing))
            elif said.code == "key-unknown" and "properties" in schema:
                path = (*path, "properties")
            elif keyword in schema:
                path = (*path, keyword)
            yield origin.related(
                f"the schema of {origin.element} {words} here",
                pointer=join_pointer(path),
                at="value" if said.missing else "key",
            )
            return


def explain_schema(source: Source, engine_path: Iterable[str | int]) -> list[Problem]:
    """Find what is wrong with a schema that no engine takes.

    :param source: the schema's file.
    :param engine_path: where jsonschema-rs gave up, in case that the meta-schema has no objection.
    """
    import jsonschema  # type: ignore[import-untyped]  # it ships none

    engine: Any = jsonschema.validators.validator_for(source.data, default=None)
    if engine is None and "$schema" in source.data:
        message, path = "This is not the name of a JSON Schema draft.", ("$schema",)
        said = [Said("schema-invalid", message, path, hint='Write "https://json-schema.org/draft/2020-12/schema".')]
    else:
        meta = (engine or jsonschema.Draft202012Validator).META_SCHEMA
        view = _View(meta, Shape(meta, []), source.data, frozenset())
        said = list(dict.fromkeys(one for violation in _by_jsonschema(view, source.data) for one in say(violation)))
    if not said:
        # A pattern that Python knows and the accepting engine does not.
        hint = "Write patterns as JavaScript (ECMA-262) has them."
        said = [Said("schema-invalid", "This part of the schema cannot be used.", tuple(engine_path), hint=hint)]
    return in_order(
        source.problem("schema-invalid", one.message, pointer=join_pointer(one.path), hint=one.hint, secrets=())
        for one in said
    )


@dataclass(frozen=True, slots=True)
class _View:
    """What turning an engine's error into a violation needs to know."""

    schema: Mapping[str, Any]
    shape: Shape
    written: Any
    hidden: frozenset[str]

    def violation(
        self,
        path: tuple[str | int, ...],
        keyword: str,
        schema: Any,
        value: Any,
        branches: Iterable[tuple[Violation, ...]],
    ) -> Violation:
        return Violation(
            path,
            "contains" if keyword in _CONTAINS else keyword,
            schema if isinstance(schema, dict) else {},
            value,
            tuple(branches),
            self._shape(path),
            self._quote(path, value),
        )

    def _shape(self, path: tuple[str | int, ...]) -> Shape | None:
        shape: Shape | None = self.shape
        for token in path:
            shape = shape.child(str(token), is_item=isinstance(token, int)) if shape else None
        return shape

    def _quote(self, path: tuple[str | int, ...], value: Any) -> str | None:
        """The value as the file has it: a placeholder stays one, and a hidden value stays hidden."""
        if isinstance(value, dict | list) or any(
            join_pointer(path[:end]) in self.hidden for end in range(len(path) + 1)
        ):
            return None
        written = self.written
        for token in path:
            written = written[token]
        return None if isinstance(written, dict | list) else quoted(written)


def _by_jsonschema(view: _View, data: Any) -> list[Violation]:
    import jsonschema
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # nor this one

    engine = jsonschema.validators.validator_for(view.schema, default=jsonschema.Draft202012Validator)
    # The given registry holds the meta-schemas alone; without it jsonschema would fetch what a $ref names.
    validator = engine(view.schema, registry=REGISTRY, format_checker=engine.FORMAT_CHECKER)
    try:
        return list(_from_jsonschema(view, validator.iter_errors(data)))
    except (re.error, RecursionError):
        return []  # a pattern that Python does not know, or a schema that leads back to itself: the other engine knows


def _from_jsonschema(view: _View, errors: Iterable[Any]) -> Iterator[Violation]:
    for error in errors:
        keyword = error.validator
        if keyword is None or keyword == "items":
            continue  # a schema that is false: jsonschema does not say where, the other engine does
        path = tuple(error.absolute_path)
        schema_path = list(error.absolute_schema_path)
        branches: dict[Any, list[Violation]] = {}
        for inner in error.context or ():
            if not inner.schema_path:
                continue  # a branch that is false
            branches.setdefault(inner.schema_path[0], []).extend(_from_jsonschema(view, [inner]))
        if "propertyNames" in schema_path[:-1] and isinstance(error.instance, str):
            yield view.violation(path, "propertyNames", error.schema, error.instance, ())
        else:
            yield view.violation(path, keyword, error.schema, error.instance, map(tuple, branches.values()))


def _by_jsonschema_rs(view: _View, validator: jsonschema_rs.Validator, data: Any) -> list[Violation]:
    return list(_from_jsonschema_rs(view, validator.iter_errors(data), data))


def _from_jsonschema_rs(view: _View, errors: Iterable[jsonschema_rs.ValidationError], data: Any) -> Iterator[Violation]:
    import jsonschema_rs

    for error in errors:
        kind: Any = error.kind
        path = tuple(error.instance_path)
        value = data
        for token in path:
            value = value[token]
        schema, keyword = _holder(view.schema, error.schema_path)
        is_false = isinstance(kind, jsonschema_rs.ValidationErrorKind.FalseSchema)
        # It also calls an object that may have no keys at all a false schema; that is about its keys.
        if is_false and not (keyword == "additionalProperties" and isinstance(value, dict)):
            keyword = "false"
        inner = getattr(kind, "error", None)
        branches = [tuple(_from_jsonschema_rs(view, branch, data)) for branch in getattr(kind, "context", ())]
        if isinstance(inner, jsonschema_rs.ValidationError):
            keyword, value = "propertyNames", inner.instance
        yield view.violation(path, keyword, schema, value, branches if any(branches) else ())


def _holder(schema: Any, path: list[str | int]) -> tuple[Any, str]:
    """The subschema that holds the last keyword of a schema path, and that keyword."""
    for token in path[:-1]:
        schema = schema[token]
    return schema, str(path[-1]) if path else "false"


def _without_consequences(violations: Iterable[Violation]) -> Iterator[Violation]:
    """One mistake breaks many keywords: of a value of the wrong type only that is told, of an empty one no pattern."""
    by_path: dict[tuple[str | int, ...], list[Violation]] = {}
    for violation in violations:
        by_path.setdefault(violation.path, []).append(violation)
    for together in by_path.values():
        first = min(_RANKS.get(one.keyword, len(_RANKS)) for one in together)
        for one in together:
            # Keywords without a rank are about other things, except that nothing else is said of a wrong type.
            if _RANKS.get(one.keyword, first or 1) <= first:
                yield one


def _without_echoes(said: list[Said]) -> Iterator[Said]:
    """A misspelt key is one mistake, not two: the key that is then missing goes unsaid."""
    missing: dict[tuple[str | int, ...], set[str]] = {}
    for one in said:
        if one.missing:
            missing.setdefault(one.path, set()).add(one.missing)
    echoes = set()
    for one in said:
        if one.code == "key-unknown":
            at = one.path[:-1]
            echoes |= {(at, key) for key in closest(str(one.path[-1]), missing.get(at, ()), limit=1)}
    return (one for one in said if not one.missing or (one.path, one.missing) not in echoes)

"""Judging a document by its schema: a fast yes, and a no that explains itself.

Accepting and explaining are two jobs. jsonschema-rs accepts in a quarter of a microsecond; only a document that it
rejects is looked at closely (:mod:`jitcore.explaining`). A schema is compiled once and kept by whoever asked for it.

A schema may say more than which documents are right:

``"writeOnly": true``
    The value is a secret. No message and no snippet shows it, nor a value under a key the schema does not know.
``"x-reference": "auths"``
    The string is the full name of an element of that family (``true``: of any), an edge between two elements.
``"x-hint": "…"``
    What to tell whoever gets this value wrong.

References inside a schema stay inside its file (``#/$defs/…``); nothing is fetched. Write digits as ``[0-9]`` (``\\d``
means other things to other engines) and the end of a string as ``$(?!\\n)``, which Python and the rest agree on. A
pattern is trusted: keep it without nested repetition such as ``(a+)+``, which takes for ever on the wrong text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jitcore.annotations import Reference, Shape, hidden_values, references_in, resolve, secret_places, subschemas
from jitcore.files import SourceInvalid
from jitcore.pointers import join_pointer
from jitcore.printing import quoted
from jitcore.problems import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import NoReturn

    import jsonschema_rs

    from jitcore.problems import Problem
    from jitcore.source import Source

__all__ = ["Reference", "Schema", "compile_schema", "references", "secret_pointers"]


class Schema:
    """A compiled JSON Schema; :func:`compile_schema` makes it.

    :param source: the schema's file.
    :param validator: the engine that accepts.
    """

    __slots__ = ("_validator", "accepts", "shape", "source")

    def __init__(self, source: Source, validator: jsonschema_rs.Validator) -> None:
        self.source = source
        #: What the schema says about a document's top level, and below it.
        self.shape = Shape(source.data, [source.data])
        self._validator = validator
        #: ``accepts(data)``: whether the document is right. The engine's own method: a wrapper would double its cost.
        self.accepts: Callable[[Any], bool] = validator.is_valid

    def __repr__(self) -> str:
        return f"<Schema {self.source.shown}>"

    @property
    def properties(self) -> Mapping[str, Any]:
        """The schemas of the top level's keys, as written."""
        properties = self.source.data.get("properties", {})
        assert isinstance(properties, dict)  # the meta-schema says so
        return properties

    def explain(self, source: Source, data: Any = None, *, redact: Callable[[str], str] | None = None) -> list[Problem]:
        """Say all that is wrong with a document that :attr:`accepts` rejected.

        :param source: the document's file.
        :param data: what was judged, if it is not ``source.data`` itself: the same with variables substituted.
        :param redact: removes secret values from a text.
        :returns: located problems in the order of the file; empty if the document is right after all.
        """
        from jitcore.explaining import explain

        judged = source.data if data is None else data
        # The formats of e.json and app.json are the same for everybody; what a Type asks for is its author's choice.
        origin = self.source if self.source.element else None
        return explain(self.source.data, self.shape, self._validator, source, judged, redact=redact, origin=origin)

    def hidden(self, data: Any) -> frozenset[str]:
        """Pointers of the document's values that nobody may be shown, for :meth:`jitcore.source.Source.problem`."""
        return hidden_values(self.shape, data)


def references(schema: Schema, data: Any) -> list[Reference]:
    """Find the strings of a document that name other elements (``"x-reference"``), in the order they stand.

    :param data: a document that the schema accepts, with variables substituted.
    """
    return references_in(schema.shape, data)


def secret_pointers(schema: Schema) -> tuple[str, ...]:
    """Name the schema's secrets (``"writeOnly"``) as JSON pointers, in which ``*`` stands for any key or index."""
    return secret_places(schema.shape)


def compile_schema(source: Source) -> Schema:
    """Compile a schema, once.

    :param source: the schema's file; draft 2020-12 unless its ``$schema`` names an older draft.
    :raises SourceInvalid: if it is no schema, if a reference leads out of the file or nowhere, or if an annotation
        cannot be used; with all problems, located.
    """
    import jsonschema_rs

    problems = list(_beyond_engines(source))
    if problems:
        raise SourceInvalid(in_order(problems))
    try:
        validator = jsonschema_rs.validator_for(source.data, validate_formats=True, retriever=_fetch_nothing)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        from jitcore.explaining import explain_schema

        raise SourceInvalid(explain_schema(source, getattr(error, "instance_path", ()))) from None
    return Schema(source, validator)


def _fetch_nothing(uri: str) -> NoReturn:
    raise LookupError(uri)


def _beyond_engines(source: Source) -> Iterator[Problem]:
    """What the engines would let pass: references out of the file, and annotations of jitcore's own."""
    for path, schema in subschemas(source.data):
        for keyword, refusal in _REFUSALS.items():
            if keyword in schema:
                refused = refusal(source.data, path, schema[keyword])
                if refused:
                    message, hint = refused
                    yield source.problem(
                        "schema-invalid", message, pointer=join_pointer((*path, keyword)), hint=hint, secrets=()
                    )


def _refuse_reference(root: Mapping[str, Any], path: _Path, value: Any) -> tuple[str, str] | None:
    if not isinstance(value, str):
        return None  # the engine says so
    if value != "#" and not value.startswith("#/"):
        return f"The reference {quoted(value)} leads out of this file.", 'Write "#/$defs/…" and put it into this file.'
    try:
        found = isinstance(resolve(root, value), dict | bool)
    except LookupError:
        found = False
    if found:
        return None
    from jitcore.suggestions import did_you_mean

    definitions = [f"#/$defs/{name}" for name in root.get("$defs", ())]
    hint = did_you_mean(value, definitions) or "It must name a schema in this file."
    return f"The reference {quoted(value)} leads nowhere.", hint


def _refuse_family(root: Mapping[str, Any], path: _Path, value: Any) -> tuple[str, str] | None:
    if isinstance(value, bool) or (isinstance(value, str) and value):
        return None
    return '"x-reference" must be the name of a family, or true.', 'Write "x-reference": "auths", for example.'


def _refuse_hint(root: Mapping[str, Any], path: _Path, value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, str) else ('"x-hint" must be a string.', "Say what to write.")


def _refuse_base(root: Mapping[str, Any], path: _Path, value: Any) -> tuple[str, str] | None:
    # It would change what "#" means in the references below it.
    return ("Only the schema itself may have an $id.", "Remove it.") if path else None


def _refuse_dynamic(root: Mapping[str, Any], path: _Path, value: Any) -> tuple[str, str] | None:
    return "Dynamic references are not supported.", 'Use "$ref".'


_Path = tuple[str | int, ...]
_REFUSALS: Mapping[str, Callable[[Mapping[str, Any], _Path, Any], tuple[str, str] | None]] = {
    "$ref": _refuse_reference,
    "$id": _refuse_base,
    "$dynamicRef": _refuse_dynamic,
    "$recursiveRef": _refuse_dynamic,
    "x-reference": _refuse_family,
    "x-hint": _refuse_hint,
}

"""Judging documents by schemas: accepting, explaining, and what schemas say beyond yes and no."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitcore.problems import Problem
from jitcore.source import Source, SourceInvalid, read_json
from jitcore.validation import Reference, Schema, compile_schema, references, secret_pointers

#: A schema with what business files have: nested secrets, references, arrays, alternatives.
AUTH = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string"},
        "authConfig": {
            "type": "object",
            "properties": {
                "suiteId": {"type": "string", "minLength": 1, "description": "Id of the suite, from WeCom's console."},
                "suiteSecret": {"type": "string", "minLength": 5, "writeOnly": True},
                "encodingAESKey": {"type": "string", "pattern": "^[0-9A-Za-z]{43}$(?!\\n)", "writeOnly": True},
            },
            "required": ["suiteId", "suiteSecret"],
            "additionalProperties": False,
        },
        "apiBaseUrl": {"type": "string", "format": "uri"},
        "isActive": {"type": "boolean"},
        "corps": {"type": "array", "items": {"type": "string", "x-reference": "corps"}},
    },
    "required": ["authConfig"],
    "additionalProperties": False,
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Source]:
    """Write a document (data or text) to a file and read it."""

    def write_and_read(document: Any, name: str = "My.json") -> Source:
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document, ensure_ascii=False), "utf-8")
        return read_json(path, inside=tmp_path, shown=name, element="auths.My")

    return write_and_read


@pytest.fixture
def compiled(read: Callable[..., Source]) -> Callable[[Any], Schema]:
    """Compile a schema."""
    return lambda schema: compile_schema(read(schema, "schema.json"))


@pytest.fixture
def explained(read: Callable[..., Source], compiled: Callable[[Any], Schema]) -> Callable[..., list[Problem]]:
    """All problems of a document under a schema; none if it is accepted."""

    def explain(schema: Any, document: Any) -> list[Problem]:
        rules, source = compiled(schema), read(document)
        problems = rules.explain(source)
        assert rules.accepts(source.data) == (problems == [])
        return problems

    return explain


class TestAccepting:
    """The fast yes."""

    def test_a_right_document_is_accepted(self, read: Callable[..., Source], compiled: Callable[..., Schema]) -> None:
        """And explaining it finds nothing."""
        schema = compiled(AUTH)
        source = read({"authConfig": {"suiteId": "tj", "suiteSecret": "abcde"}, "corps": ["corps.A"]})
        assert schema.accepts(source.data)
        assert schema.explain(source) == []
        assert list(schema.properties) == ["$schema", "authConfig", "apiBaseUrl", "isActive", "corps"]
        assert repr(schema) == "<Schema schema.json>"

    def test_accepting_imports_no_explainer(self, tmp_path: Path) -> None:
        """jsonschema, difflib and the position scanner cost time to import; a right document needs none of them."""
        (tmp_path / "schema.json").write_text('{"required": ["a"], "properties": {"a": {"x-reference": "b"}}}')
        (tmp_path / "e.json").write_text('{"a": "{{b}}"}')
        program = f"""
import sys
from pathlib import Path
from jitcore.source import read_json
from jitcore.validation import compile_schema, references
from jitcore.variables import Variables
folder = Path({str(tmp_path)!r})
schema = compile_schema(read_json(folder / "schema.json", inside=folder, shown="s", element=None))
source = read_json(folder / "e.json", inside=folder, shown="e", element=None)
data, _ = Variables({{"b": "b.C"}}, {{}}, None).substitute(source.data, source)
assert schema.accepts(data) and references(schema, data)
heavy = {{"jsonschema", "referencing", "difflib", "requests", "jitcore.scanning", "jitcore.explaining"}}
print(sorted(heavy & set(sys.modules)))
"""
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        assert done.stdout == "[]\n"


#: A schema, a document, and what is said: code, pointer, line:column, sentence, hint.
SAID: list[tuple[str, dict[str, Any], str, list[tuple[str, str, str, str, str | None]]]] = [
    (
        "a missing key",
        {"required": ["title"], "properties": {"title": {"description": "What people see."}}},
        "\n{}",
        [("key-missing", "", "2:1", 'The key "title" is missing.', 'Add "title": What people see.')],
    ),
    (
        "two missing keys, nested",
        {"properties": {"a": {"required": ["b", "c"]}}},
        '{"a": {}}',
        [
            ("key-missing", "/a", "1:7", 'The key "b" of "a" is missing.', None),
            ("key-missing", "/a", "1:7", 'The key "c" of "a" is missing.', None),
        ],
    ),
    (
        "a misspelt key",
        {"properties": {"title": True, "type": True}, "additionalProperties": False},
        '{"type": 1,\n "tilte": 2}',
        [("key-unknown", "/tilte", "2:2", 'The key "tilte" is not known.', 'Did you mean "title"?')],
    ),
    (
        "a misspelt key that is required is one mistake",
        {"properties": {"type": True, "x": True}, "required": ["type", "x"], "additionalProperties": False},
        '{"tpye": 1}',
        [
            ("key-missing", "", "1:1", 'The key "x" is missing.', None),
            ("key-unknown", "/tpye", "1:2", 'The key "tpye" is not known.', 'Did you mean "type"?'),
        ],
    ),
    (
        "a foreign key",
        {"properties": {"$schema": True, "a": True, "b": True}, "additionalProperties": False},
        '{"zzz": 1}',
        [("key-unknown", "/zzz", "1:2", 'The key "zzz" is not known.', 'Known keys: "a", "b".')],
    ),
    (
        "a foreign key among many",
        {"properties": dict.fromkeys("abcdefghijkl", True), "additionalProperties": False},
        '{"zzz": 1}',
        [
            (
                "key-unknown",
                "/zzz",
                "1:2",
                'The key "zzz" is not known.',
                'Known keys: "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" and others.',
            )
        ],
    ),
    (
        "a key one level too high",
        AUTH,
        '{"authConfig": {"suiteId": "a", "suiteSecret": "abcde"}, "suiteSecret": "abcde"}',
        [
            (
                "key-unknown",
                "/suiteSecret",
                "1:58",
                'The key "suiteSecret" is not known.',
                'It belongs into "authConfig".',
            )
        ],
    ),
    (
        "a key no object may have",
        {"additionalProperties": False},
        '{"a": 1}',
        [("key-unknown", "/a", "1:2", 'The key "a" is not known.', None)],
    ),
    (
        "a key where none is known, nested",
        {"properties": {"o": {"properties": {"a": True}, "unevaluatedProperties": False}}},
        '{"o": {"b": 1}}',
        [("key-unknown", "/o/b", "1:8", 'The key "b" is not known in "o".', 'Known keys: "a".')],
    ),
    (
        "a key known only to a neighbour of the closed schema",
        {"allOf": [{"properties": {"a": True}, "additionalProperties": False}], "properties": {"b": True}},
        '{"b": 1}',
        [("key-unknown", "/b", "1:2", 'The key "b" is not known.', 'Known keys: "a".')],
    ),
    (
        "a value that breaks many keywords by one mistake",
        {
            "properties": {
                "a": {"type": "string", "enum": ["x"], "pattern": "^x", "minLength": 3, "oneOf": [{"const": "x"}]},
                "b": {"minLength": 1, "pattern": "^b", "format": "email"},
                "c": {"pattern": "^c", "format": "email", "oneOf": [{"const": "c@d.e"}]},
                "d": {"required": ["e"], "maxProperties": 1, "enum": [{}]},
            }
        },
        '{"a": 1, "b": "", "c": "x", "d": {"x": 1, "y": 2}}',
        [
            ("value-type", "/a", "1:7", '"a" must be a string, not a number.', "Write it in double quotes."),
            ("value-length", "/b", "1:15", '"b" must not be empty.', None),
            ("value-pattern", "/c", "1:24", '"c" must match the pattern ^c, not "x".', None),
            ("value-choice", "/c", "1:24", '"c" must be "c@d.e", not "x".', None),
            ("key-missing", "/d", "1:34", 'The key "e" of "d" is missing.', None),
            ("value-choice", "/d", "1:34", '"d" must be {}.', None),
            ("value-properties", "/d", "1:34", '"d" must have at most 1 key, not 2.', None),
        ],
    ),
    (
        "items and keys under schemas that are false",
        {
            "properties": {
                "a": {"items": False},
                "b": {"properties": {}, "patternProperties": {"^x": False}},
                "c": {"unevaluatedProperties": {"type": "string"}},
            }
        },
        '{"a": [1], "b": {"x": 1}, "c": {"y": 1}}',
        [
            ("value-shape", "/a/0", "1:8", '"a[0]" may not stand here.', None),
            ("key-unknown", "/b/x", "1:18", 'The key "x" may not stand here.', None),
            ("value-shape", "/c", "1:32", '"c" has a form that is not allowed here.', None),
        ],
    ),
    (
        "a forbidden key",
        {"properties": {"a": False}},
        '{"a": 1}',
        [("key-unknown", "/a", "1:2", 'The key "a" may not stand here.', None)],
    ),
    (
        "a forbidden item",
        {"properties": {"a": {"prefixItems": [False]}}},
        '{"a": [1]}',
        [("value-shape", "/a/0", "1:8", '"a[0]" may not stand here.', None)],
    ),
    (
        "a wrong type",
        {"properties": {"a": {"type": "string"}, "b": {"type": ["object", "null"]}, "c": {"type": "boolean"}}},
        '{"a": 1, "b": [2], "c": "True"}',
        [
            ("value-type", "/a", "1:7", '"a" must be a string, not a number.', "Write it in double quotes."),
            ("value-type", "/b", "1:15", '"b" must be an object or null, not an array.', None),
            ("value-type", "/c", "1:25", '"c" must be true or false, not a string.', "Write it without quotes."),
        ],
    ),
    (
        "more wrong types",
        {"properties": {"a": {"type": "integer"}, "b": {"type": "array"}, "c": {"type": "number"}}},
        '{"a": "12", "b": true, "c": null}',
        [
            ("value-type", "/a", "1:7", '"a" must be a whole number, not a string.', "Write it without quotes."),
            ("value-type", "/b", "1:18", '"b" must be an array, not a boolean.', None),
            ("value-type", "/c", "1:29", '"c" must be a number, not null.', None),
        ],
    ),
    (
        "not one of the choices",
        {"properties": {"a": {"enum": ["active", "offline", 1]}, "b": {"const": "x"}}},
        '{"a": "activ", "b": 2}',
        [
            (
                "value-choice",
                "/a",
                "1:7",
                '"a" must be one of "active", "offline" or 1, not "activ".',
                'Did you mean "active"?',
            ),
            ("value-choice", "/b", "1:21", '"b" must be "x", not 2.', None),
        ],
    ),
    (
        "not one of many choices",
        {"properties": {"a": {"enum": list(range(12))}}},
        '{"a": {}}',
        [
            (
                "value-choice",
                "/a",
                "1:7",
                '"a" must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8 or 9 or one of 2 more.',
                None,
            )
        ],
    ),
    (
        "a wrong pattern, with and without a hint from the schema",
        {"properties": {"a": {"pattern": "^[0-9]+$"}, "b": {"pattern": "^b", "x-hint": "Start with b."}}},
        '{"a": "x", "b": "y"}',
        [
            ("value-pattern", "/a", "1:7", '"a" must match the pattern ^[0-9]+$, not "x".', None),
            ("value-pattern", "/b", "1:17", '"b" cannot be "y".', "Start with b."),
        ],
    ),
    (
        "wrong lengths",
        {"properties": {"a": {"minLength": 1}, "b": {"minLength": 3}, "c": {"maxLength": 1}}},
        '{"a": "", "b": "x", "c": "xx"}',
        [
            ("value-length", "/a", "1:7", '"a" must not be empty.', None),
            ("value-length", "/b", "1:16", '"b" must have at least 3 characters, not 1.', None),
            ("value-length", "/c", "1:26", '"c" must have at most 1 character, not 2.', None),
        ],
    ),
    (
        "wrong formats, those that only one engine checks too",
        {"properties": {"a": {"format": "email"}, "b": {"format": "uri"}, "c": {"format": "json-pointer"}}},
        '{"a": "x", "b": "no uri", "c": "x"}',
        [
            ("value-format", "/a", "1:7", '"a" must be an e-mail address, not "x".', None),
            ("value-format", "/b", "1:17", '"b" must be a URL such as https://example.com/, not "no uri".', None),
            ("value-format", "/c", "1:32", '"c" must be of the format "json-pointer", not "x".', None),
        ],
    ),
    (
        "numbers out of range",
        {
            "properties": {
                "a": {"minimum": 1},
                "b": {"maximum": 1},
                "c": {"exclusiveMinimum": 1},
                "d": {"exclusiveMaximum": 1},
                "e": {"multipleOf": 5},
            }
        },
        '{"a": 0, "b": 2, "c": 1, "d": 1, "e": 7}',
        [
            ("value-range", "/a", "1:7", '"a" must be at least 1, not 0.', None),
            ("value-range", "/b", "1:15", '"b" must be at most 1, not 2.', None),
            ("value-range", "/c", "1:23", '"c" must be more than 1, not 1.', None),
            ("value-range", "/d", "1:31", '"d" must be less than 1, not 1.', None),
            ("value-range", "/e", "1:39", '"e" must be a multiple of 5, not 7.', None),
        ],
    ),
    (
        "unfit arrays",
        {
            "properties": {
                "a": {"minItems": 1},
                "b": {"maxItems": 1},
                "c": {"uniqueItems": True},
                "d": {"contains": {"const": 1}},
                "e": {"contains": {"const": 1}, "minContains": 2},
                "f": {"prefixItems": [True], "unevaluatedItems": False},
            }
        },
        '{"a": [], "b": [1, 2], "c": [1, 1], "d": [2], "e": [1], "f": [1, 2]}',
        [
            ("value-items", "/a", "1:7", '"a" must have at least 1 item, not 0.', None),
            ("value-items", "/b", "1:16", '"b" must have at most 1 item, not 2.', None),
            ("value-items", "/c", "1:29", '"c" has the same item twice.', None),
            ("value-items", "/d", "1:42", '"d" has not the items it must contain.', None),
            ("value-items", "/e", "1:52", '"e" has not the items it must contain.', None),
            ("value-items", "/f", "1:62", '"f" has items that are not known.', None),
        ],
    ),
    (
        "unfit objects",
        {
            "properties": {
                "a": {"minProperties": 1},
                "b": {"maxProperties": 1},
                "c": {"propertyNames": {"pattern": "^[a-z]+$"}},
                "d": {"dependentRequired": {"user": ["password", "host"]}},
            }
        },
        '{"a": {}, "b": {"x": 1, "y": 2}, "c": {"X1": 1, "ok": 2}, "d": {"user": 1, "host": 2}}',
        [
            ("value-properties", "/a", "1:7", '"a" must have at least 1 key, not 0.', None),
            ("value-properties", "/b", "1:16", '"b" must have at most 1 key, not 2.', None),
            ("value-properties", "/c/X1", "1:40", '"X1" is not a name that a key may have here.', None),
            ("key-missing", "/d", "1:64", 'The key "password" of "d" is missing; "user" needs it.', None),
        ],
    ),
    (
        "one of two keys",
        {"properties": {"a": {"items": {"oneOf": [{"required": ["path"]}, {"required": ["plugin"]}]}}}},
        '{"a": [{}, {"path": 1}, {"path": 1, "plugin": 2}]}',
        [
            ("key-missing", "/a/0", "1:8", 'One of the keys "path" or "plugin" is missing in "a[0]".', None),
            ("value-shape", "/a/2", "1:25", 'Only one of "path" or "plugin" may be given in "a[2]".', None),
        ],
    ),
    (
        "alternatives of different types",
        {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "object"}]}}},
        '{"a": 1}',
        [("value-type", "/a", "1:7", '"a" must be a string or an object, not a number.', "Write it in double quotes.")],
    ),
    (
        "alternatives of which one has the right type",
        {"properties": {"a": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "object"}]}}},
        '{"a": "x"}',
        [("value-length", "/a", "1:7", '"a" must have at least 3 characters, not 1.', None)],
    ),
    (
        "alternatives that a member tells apart",
        {
            "properties": {
                "a": {
                    "oneOf": [
                        {"properties": {"kind": {"const": "x"}, "n": {"type": "integer"}}},
                        {"properties": {"kind": {"const": "y"}, "n": {"type": "string"}}},
                    ]
                }
            }
        },
        '{"a": {"kind": "x", "n": "1"}}',
        [("value-type", "/a/n", "1:26", '"n" must be a whole number, not a string.', "Write it without quotes.")],
    ),
    (
        "alternatives that are single values",
        {"properties": {"a": {"anyOf": [{"const": "x"}, {"enum": ["y", "z"]}]}}},
        '{"a": "w"}',
        [("value-choice", "/a", "1:7", '"a" must be one of "x", "y" or "z", not "w".', None)],
    ),
    (
        "alternatives that nothing tells apart",
        {"properties": {"a": {"anyOf": [{"required": ["x"], "minProperties": 1}, {"maxProperties": 0}]}}},
        '{"a": {"y": 1}}',
        [
            (
                "value-shape",
                "/a",
                "1:7",
                '"a" has none of the forms it may have.',
                'Either: The key "x" of "a" is missing. Or: "a" must have at most 0 keys, not 1.',
            )
        ],
    ),
    (
        "too many alternatives at once",
        {"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "number"}]}}},
        '{"a": 1}',
        [("value-shape", "/a", "1:7", '"a" fits more than one of the forms it may have.', None)],
    ),
    (
        "a form that is excluded",
        {"properties": {"a": {"not": {"type": "string"}}}},
        '{"a": "x"}',
        [("value-shape", "/a", "1:7", '"a" has a form that is not allowed here.', None)],
    ),
    (
        "the document itself",
        {"minProperties": 1},
        "{}",
        [("value-properties", "", "1:1", "The document must have at least 1 key, not 0.", None)],
    ),
    (
        "what stands behind references and conditions",
        {
            "properties": {"a": {"$ref": "#/$defs/port"}},
            "allOf": [{"if": {"required": ["a"]}, "then": {"required": ["b"]}}],
            "$defs": {"port": {"type": "integer", "x-hint": "A port."}},
        },
        '{"a": "x"}',
        [
            ("key-missing", "", "1:1", 'The key "b" is missing.', None),
            ("value-type", "/a", "1:7", '"a" must be a whole number, not a string.', "A port."),
        ],
    ),
    (
        "an older draft",
        {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"items": [{"type": "string"}]}}},
        '{"a": [1]}',
        [("value-type", "/a/0", "1:8", '"a[0]" must be a string, not a number.', "Write it in double quotes.")],
    ),
    (
        "a pattern that only the accepting engine knows",
        {"properties": {"a": {"pattern": "^\\p{Lu}+$"}, "b": {"type": "string"}}},
        '{"a": "x", "b": 1}',
        [
            ("value-pattern", "/a", "1:7", '"a" must match the pattern ^\\p{Lu}+$, not "x".', None),
            ("value-type", "/b", "1:17", '"b" must be a string, not a number.', "Write it in double quotes."),
        ],
    ),
    (
        "what only the accepting engine sees",
        {"properties": {"a": {"pattern": "^[0-9.]+$"}, "b": {"pattern": "^\\d+$"}}},
        '{"a": "1.0\\n", "b": "١"}',
        [
            ("value-pattern", "/a", "1:7", '"a" must match the pattern ^[0-9.]+$, not "1.0\\n".', None),
            ("value-pattern", "/b", "1:21", '"b" must match the pattern ^\\d+$, not "١".', None),
        ],
    ),
]


class TestExplaining:
    """The no that says what to do."""

    @pytest.mark.parametrize(("schema", "document", "said"), [one[1:] for one in SAID], ids=[one[0] for one in SAID])
    def test_each_keyword_has_a_sentence_and_a_place(
        self, explained: Callable[..., list[Problem]], schema: Any, document: str, said: list[Any]
    ) -> None:
        """All findings at once, in the order of the file, each where it must be mended."""
        problems = explained(schema, document)
        found = [(one.code, one.pointer, f"{one.line}:{one.column}", one.message, one.hint) for one in problems]
        assert sorted(found) == sorted(said)
        assert [(one.line, one.column) for one in problems] == sorted((one.line, one.column) for one in problems)

    def test_a_problem_names_file_and_element_and_draws_the_line(self, explained: Callable[..., list[Problem]]) -> None:
        """A finding is complete: it can be shown without looking anything up."""
        schema = {"properties": {"a": {"type": "string"}, "b": {}}}
        [problem] = explained(schema, '{\n\t"b": 1, "a": []\n}')
        assert (problem.file, problem.element, problem.severity) == ("My.json", "auths.My", "error")
        assert problem.snippet == '2 |     "b": 1, "a": []\n  |                  ^'

    def test_a_schema_that_leads_back_to_itself(self, explained: Callable[..., list[Problem]]) -> None:
        """A recursive schema explains a recursive document; one that is nothing but a circle does not hang."""
        tree = {"properties": {"child": {"$ref": "#"}, "n": {"type": "integer"}}, "additionalProperties": False}
        assert [one.pointer for one in explained(tree, {"child": {"child": {"n": "x"}}})] == ["/child/child/n"]
        circle = {"$ref": "#", "required": ["a"]}
        assert [one.code for one in explained(circle, {})] == ["key-missing"]

    def test_nothing_is_fetched(self, explained: Callable[..., list[Problem]], monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither engine opens a connection, whatever a schema names."""

        def refuse(*args: object, **kwargs: object) -> None:
            raise AssertionError(args)

        monkeypatch.setattr("socket.socket.connect", refuse)
        schema = {"$id": "https://example.invalid/a.json", "properties": {"a": {"$ref": "#/$defs/b"}}}
        assert explained({**schema, "$defs": {"b": {"type": "string"}}}, {"a": 1})


class TestSubstituted:
    """Documents that were judged after their variables were filled in."""

    def test_the_value_is_judged_and_the_placeholder_shown(
        self, read: Callable[..., Source], compiled: Callable[..., Schema]
    ) -> None:
        """A pattern judges what the variable holds; the message shows what the file says."""
        schema = compiled({"properties": {"a": {"enum": ["red", "green"]}}})
        source = read('{"a": "{{colour}}"}')
        assert schema.explain(source, {"a": "red"}) == []
        [problem] = schema.explain(source, {"a": "rde"})
        assert problem.message == '"a" must be one of "red" or "green", not "{{colour}}".'
        assert "rde" not in repr(problem)

    def test_the_last_safeguard(self, read: Callable[..., Source], compiled: Callable[..., Schema]) -> None:
        """What the caller knows to be secret is taken out of sentence and hint."""
        schema = compiled({"required": ["s3cret"], "properties": {"s3cret": {"description": "The s3cret."}}})
        [problem] = schema.explain(read("{}"), redact=lambda text: text.replace("s3cret", "***"))
        assert (problem.message, problem.hint) == ('The key "***" is missing.', 'Add "***": The ***.')


class TestSecrets:
    """Values that no message may show."""

    @pytest.mark.parametrize(
        "document",
        [
            {"authConfig": {"suiteId": "", "suiteSecret": "CANARY1234"}},
            {"authConfig": {"suiteId": "", "suiteSecret": "CNRY"}},
            {"authConfig": {"suiteId": "", "suiteSecert": "CANARY1234"}},
            {"authConfig": {"suiteId": "a", "suiteSecret": ["CANARY1234"]}},
            {"authConfig": {"suiteId": "a", "suiteSecret": {"x": "CANARY1234"}}},
            {"authConfig": "CANARY1234"},
            {"authConfig": ["CANARY1234"]},
            {"suiteSecret": "CANARY1234"},
            {"authConfig": {"suiteId": "a", "suiteSecret": "CANARY1234", "encodingAESKey": "CANARY1234"}},
            {"authConfig": {"suiteId": {"suiteSecret": "CANARY1234"}}},
        ],
    )
    def test_neither_sentence_nor_line_shows_one(self, explained: Callable[..., list[Problem]], document: Any) -> None:
        """Not the wrong value itself, not a right one beside the mistake, not one under a misspelt or foreign key."""
        problems = explained(AUTH, json.dumps(document, indent=1) if len(document) > 1 else json.dumps(document))
        assert problems
        for problem in problems:
            assert "CANARY" not in repr(problem)
            assert "CNRY" not in repr(problem)

    def test_no_guess_tells_a_secret(self, explained: Callable[..., list[Problem]]) -> None:
        """Hints are made from values too: a secret gets neither did-you-mean nor advice about quotes."""
        schema = {
            "properties": {
                "a": {"enum": ["hunter1", "x"], "writeOnly": True},
                "b": {"type": "integer", "writeOnly": True},
            }
        }
        assert [problem.hint for problem in explained(schema, {"a": "hunter2", "b": "12"})] == [None, None]

    def test_plain_values_stay_visible(self, explained: Callable[..., list[Problem]]) -> None:
        """Hiding stops at what is declared and plain, or the line would help nobody."""
        [problem] = explained(AUTH, '{"authConfig": {"suiteId": "tj1", "suiteSecret": "x"}}')
        assert problem.snippet is not None
        assert problem.snippet.splitlines()[0] == '1 | {"authConfig": {"suiteId": "tj1", "suiteSecret": "***"}}'

    def test_the_places_of_secrets(self, compiled: Callable[..., Schema]) -> None:
        """A schema names its secrets, through references, branches, patterns and arrays; recursion ends."""
        schema = compiled(
            {
                "properties": {
                    "a": {"$ref": "#/$defs/secret"},
                    "b": {"anyOf": [{"type": "object", "properties": {"c": {"writeOnly": True}}}, {"type": "null"}]},
                    "d": {"items": {"additionalProperties": {"writeOnly": True}}},
                    "e": {"patternProperties": {"^x": {"writeOnly": True}}},
                    "f": {"$ref": "#"},
                    "g": {"prefixItems": [{"writeOnly": True}]},
                    "plain": {"type": "string"},
                },
                "$defs": {"secret": {"writeOnly": True}},
            }
        )
        assert secret_pointers(schema) == ("/a", "/b/c", "/d/*/*", "/e/*", "/g/*")

    def test_what_is_hidden_in_a_document(self, compiled: Callable[..., Schema]) -> None:
        """Secrets, and what might be one in the wrong place."""
        schema = compiled(AUTH)
        data = {"authConfig": {"suiteId": "a", "suiteSecret": "b", "x": 1}, "isActive": True, "y": [1], "corps": ["c"]}
        assert schema.hidden(data) == {"/authConfig/suiteSecret", "/authConfig/x", "/y"}
        assert schema.hidden({"authConfig": 5}) == {"/authConfig"}

    def test_a_pattern_of_keys_that_python_cannot_read_hides_too_much(self, compiled: Callable[..., Schema]) -> None:
        """Where it cannot be told whether a key is known, its value is hidden."""
        schema = compiled({"patternProperties": {"^\\p{Lu}": {"type": "string"}}})
        assert schema.hidden({"A": "x"}) == {"/A"}


class TestReferences:
    """Strings that name other elements."""

    def test_they_are_found_wherever_the_schema_puts_them(self, compiled: Callable[..., Schema]) -> None:
        """At the top, nested, in arrays, behind `$ref` and branches; with the family, or none for any."""
        schema = compiled(
            {
                "properties": {
                    "auth": {"type": "string", "x-reference": "auths"},
                    "any": {"type": "string", "x-reference": True},
                    "list": {"items": {"$ref": "#/$defs/corp"}},
                    "tuple": {"prefixItems": [{"type": "string"}, {"$ref": "#/$defs/corp"}]},
                    "a/b": {"anyOf": [{"type": "null"}, {"additionalProperties": {"x-reference": "corps"}}]},
                    "plain": {"type": "string"},
                },
                "$defs": {"corp": {"type": "string", "x-reference": "corps"}},
            }
        )
        data = {
            "plain": "x.Y",
            "auth": "auths.A",
            "any": "x.Y",
            "list": ["corps.A", "corps.B"],
            "tuple": ["corps.no", "corps.C"],
            "a/b": {"k": "corps.D"},
        }
        assert references(schema, data) == [
            Reference("/auth", "auths.A", "auths"),
            Reference("/any", "x.Y", None),
            Reference("/list/0", "corps.A", "corps"),
            Reference("/list/1", "corps.B", "corps"),
            Reference("/tuple/1", "corps.C", "corps"),
            Reference("/a~1b/k", "corps.D", "corps"),
        ]

    def test_what_names_nothing_is_none(self, compiled: Callable[..., Schema]) -> None:
        """An absent key, an empty string and a schema without references give none."""
        schema = compiled({"properties": {"auth": {"x-reference": "auths"}}})
        assert references(schema, {}) == references(schema, {"auth": ""}) == references(schema, {"auth": 1}) == []
        assert references(compiled({}), {"auth": "auths.A"}) == []


class TestBrokenSchemas:
    """Schemas are files of users, too."""

    @pytest.mark.parametrize(
        ("schema", "place", "said"),
        [
            ('{"properties": {\n"a": {"type": "strng"}}}', "2:15", '"type" must be one of "array", "boolean",'),
            ('{"required": "a"}', "1:14", '"required" must be an array, not a string.'),
            ('{"properties": {"a": 5}}', "1:22", '"a" must be an object or true or false, not a number.'),
            ('{"pattern": "("}', "1:13", '"pattern" must be a regular expression, not "(".'),
            ('{"pattern": "(?P<n>a)(?P=n)"}', "1:13", "This part of the schema cannot be used."),
            ('{"$schema": "https://example.invalid/s"}', "1:13", "This is not the name of a JSON Schema draft."),
            ('{"$ref": "https://example.invalid/s"}', "1:10", 'The reference "https://example.invalid/s" leads out'),
            ('{"$ref": "#/$defs/a", "$defs": {"aa": {}}}', "1:10", 'The reference "#/$defs/a" leads nowhere.'),
            ('{"$ref": "#/title/x", "title": "t"}', "1:10", 'The reference "#/title/x" leads nowhere.'),
            ('{"$ref": "#/title", "title": "t"}', "1:10", 'The reference "#/title" leads nowhere.'),
            ('{"items": {"$ref": "#/allOf/x"}, "allOf": [{}]}', "1:20", 'The reference "#/allOf/x" leads nowhere.'),
            ('{"items": {"$ref": "#/allOf/9"}, "allOf": [{}]}', "1:20", 'The reference "#/allOf/9" leads nowhere.'),
            ('{"properties": {"a": {"$ref": "#a"}}}', "1:31", 'The reference "#a" leads out of this file.'),
            ('{"$ref": 5}', "1:10", '"$ref" must be a string, not a number.'),
            ('{"$dynamicRef": "#a"}', "1:17", "Dynamic references are not supported."),
            ('{"items": {"$id": "b"}}', "1:19", "Only the schema itself may have an $id."),
            ('{"items": {"x-reference": 1}}', "1:27", '"x-reference" must be the name of a family, or true.'),
            ('{"items": {"x-hint": 1}}', "1:22", '"x-hint" must be a string.'),
            ('{"writeOnly": "yes"}', "1:15", '"writeOnly" must be true or false, not a string.'),
        ],
    )
    def test_a_mistake_is_a_located_problem(
        self, compiled: Callable[..., Schema], schema: str, place: str, said: str
    ) -> None:
        """What is wrong with a schema is told like what is wrong with a document."""
        with pytest.raises(SourceInvalid) as caught:
            compiled(schema)
        [problem] = caught.value.problems
        assert (problem.code, f"{problem.line}:{problem.column}", problem.file) == (
            "schema-invalid",
            place,
            "schema.json",
        )
        assert problem.message.startswith(said)

    def test_all_mistakes_are_told(self, compiled: Callable[..., Schema]) -> None:
        """One run, every mistake the meta-schema knows."""
        with pytest.raises(SourceInvalid) as caught:
            compiled({"properties": {"a": {"type": "x"}, "b": {"minLength": -1}}, "required": 5})
        assert [problem.pointer for problem in caught.value.problems] == [
            "/properties/a/type",
            "/properties/b/minLength",
            "/required",
        ]

    def test_references_are_followed_as_written(self, compiled: Callable[..., Schema]) -> None:
        """Into arrays, through escaped keys, to the whole schema, and to `true`."""
        schema = compiled(
            {
                "properties": {
                    "a": {"$ref": "#/allOf/0"},
                    "b": {"$ref": "#/$defs/x~1y%20z"},
                    "c": {"$ref": "#"},
                    "d": {"$ref": "#/$defs/yes"},
                },
                "allOf": [{"writeOnly": True, "type": ["string", "object"]}],
                "$defs": {"x/y z": {"writeOnly": True}, "yes": True},
            }
        )
        assert schema.shape.is_secret  # by its allOf
        assert schema.hidden({"a": 1}) == {""}


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "corps.A", "hunter2", "{{x}}", "\n"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "authConfig", "suiteId", "suiteSecret", "corps", "x/y"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)
SUBSCHEMAS = st.recursive(
    st.sampled_from(
        [
            True,
            False,
            {"type": "string"},
            {"type": ["integer", "null"]},
            {"enum": ["a", 1]},
            {"const": {"a": 1}},
            {"minLength": 2, "maxLength": 3},
            {"pattern": "^[a-c]$"},
            {"required": ["a"]},
            {"minimum": 0, "multipleOf": 2},
            {"minItems": 1, "uniqueItems": True},
            {"maxProperties": 1},
            {"propertyNames": {"maxLength": 3}},
            {"dependentRequired": {"a": ["x/y"]}},
            {"contains": {"const": 1}, "maxContains": 1},
            {"$ref": "#/$defs/any"},
            {"type": "string", "writeOnly": True, "minLength": 9},
        ]
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(
                st.sampled_from(["a", "authConfig", "suiteSecret", "x/y"]), inner, max_size=3
            ),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "additionalProperties": inner,
            "unevaluatedProperties": inner,
            "patternProperties": st.dictionaries(st.just("^[ac]"), inner, max_size=1),
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": st.dictionaries(st.just("a"), inner, max_size=1),
        },
    ),
    max_leaves=8,
)


@given(schema=SUBSCHEMAS, document=st.dictionaries(st.sampled_from(["a", "authConfig", "x/y"]), DOCUMENTS, max_size=3))
def test_every_rejection_is_explained(
    tmp_path_factory: pytest.TempPathFactory, schema: Any, document: dict[str, Any]
) -> None:
    """For any schema and document: rejected if and only if there are problems, each located in the document."""
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.schema.json").write_text(
        json.dumps({"properties": {"a": True}, "allOf": [schema], "$defs": {"any": {"type": "object"}}})
    )
    (folder / "any.json").write_text(json.dumps(document))
    rules = compile_schema(read_json(folder / "any.schema.json", inside=folder, shown="s", element=None))
    source = read_json(folder / "any.json", inside=folder, shown="d", element=None)
    problems = rules.explain(source)
    assert rules.accepts(source.data) == (problems == [])
    assert all(problem.line == 1 and problem.column for problem in problems)
    assert len(problems) == len(set(problems))
    references(rules, source.data)
    secret_pointers(rules)

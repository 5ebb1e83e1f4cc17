"""Filling in a business file from its schema: the smallest document that the schema accepts."""

from __future__ import annotations

import jsonschema

from jitcore.scaffolding.placeholders import fill

SCHEMA = {
    "$defs": {"name": {"type": "string", "minLength": 3, "title": "A name. It is shown."}},
    "type": "object",
    "properties": {
        "chosen": {"enum": ["first", "second"]},
        "fixed": {"const": 7},
        "usual": {"type": "string", "default": "as usual"},
        "count": {"type": "integer", "minimum": 4},
        "more": {"type": "number", "exclusiveMinimum": 2},
        "either": {"type": ["integer", "string"]},
        "flag": {"type": "boolean"},
        "nothing": {"type": "null"},
        "names": {"type": "array", "items": {"$ref": "#/$defs/name"}, "minItems": 1},
        "inner": {
            "properties": {"code": {"type": "string", "pattern": "^[a-z]{2}$", "examples": ["x", "de"]}},
            "required": ["code"],
        },
        "friend": {"type": "string", "x-reference": "things"},
        "stranger": {"type": "string", "x-reference": True},
        "code": {"type": "string", "maxLength": 2, "writeOnly": True, "description": "Two letters"},
        "left": {"type": "string"},
        "optional": {"type": "string"},
        "anything": True,
    },
    "required": [
        "chosen",
        "fixed",
        "usual",
        "count",
        "more",
        "either",
        "flag",
        "nothing",
        "names",
        "inner",
        "friend",
        "stranger",
        "code",
        "anything",
    ],
    "oneOf": [{"required": ["left"]}, {"required": ["optional"]}],
    "additionalProperties": False,
}


def test_only_what_is_required_is_filled_in_by_its_kind():
    """The only value, the default, the lowest number, the element to refer to; texts become variables."""
    filled = fill(SCHEMA, "shop", lambda family: "things.A" if family == "things" else None)
    assert filled.data == {
        "chosen": "first",
        "fixed": 7,
        "usual": "as usual",
        "count": 4,
        "more": 3,
        "either": 1,
        "flag": False,
        "nothing": None,
        "names": ["{{shopNames}}"],
        "inner": {"code": "{{shopCode}}"},
        "friend": "things.A",
        "stranger": "{{shopStranger}}",
        "code": "{{shopCode2}}",
        "anything": "{{shopAnything}}",
        "left": "{{shopLeft}}",
    }


def test_variables_know_what_the_schema_says_of_them():
    """First sentence, secrecy, and an example that the schema accepts, if there is one at hand."""
    variables = {one.name: one for one in fill(SCHEMA, "shop", lambda family: None).variables}
    assert variables["shopNames"].title == "A name"
    assert variables["shopCode"].example == "de"
    assert (variables["shopCode2"].secret, variables["shopCode2"].example) == (True, None)
    assert variables["shopLeft"].title == "left"


def test_examples_make_a_document_that_is_right():
    """With an example for each variable, only what has none is wrong."""
    filled = fill(SCHEMA, "shop", lambda family: "things.A")
    wrong = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(filled.example()))
    assert [list(error.path) for error in wrong] == [["code"]]

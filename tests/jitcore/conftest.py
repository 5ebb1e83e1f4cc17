"""A small family to test the framework with: ``things``, which knows nothing of WeCom."""

from __future__ import annotations

import copy

import pytest

THINGS = {
    "things/Meta/e.json": {"type": "", "title": "Things"},
    "things/Meta/__init__.py": """\
from typing import Protocol


class ElementProtocol(Protocol):
    def greet(self, name: str) -> str: ...
""",
    "things/PlainType/e.json": {"type": "things.Meta", "title": "Plain", "version": "1.0.0"},
    "things/PlainType/__init__.py": """\
from jitcore import Element
from jitcore import Loader as BaseLoader


class Thing(Element):
    def greet(self, name):
        return f"{self.config['word']} {name}"


class Loader(BaseLoader):
    elementClass = Thing
""",
    "things/PlainType/schema.json": {
        "type": "object",
        "properties": {
            "$schema": {"type": "string"},
            "word": {"type": "string", "minLength": 1},
            "friend": {"type": "string", "x-reference": "things"},
            "secret": {"type": "string", "writeOnly": True},
        },
        "required": ["word"],
        "additionalProperties": False,
    },
    "things/Hello/e.json": {"type": "things.PlainType", "title": "Hello"},
    "things/Hello/Hello.json": {"word": "Hello"},
}


@pytest.fixture
def things() -> dict[str, object]:
    """Files of an app with a Meta, a Type and the instance ``things.Hello``."""
    return copy.deepcopy(THINGS)

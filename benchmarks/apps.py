"""Apps to measure with: as many small elements as asked for, each with an ``e.json`` and a business file."""

from __future__ import annotations

import json
import os
from pathlib import Path

META = '''"""The contract of a thing."""

from typing import Protocol


class ElementProtocol(Protocol):
    """What every thing offers."""

    def ping(self) -> int: ...
'''

TYPE = '''"""A thing."""

from jitcore import Element
from jitcore import Loader as BaseLoader


class Thing(Element):
    """Answers."""

    def ping(self) -> int:
        """One."""
        return 1


class Loader(BaseLoader):
    """Makes things."""

    elementClass = Thing
'''

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "$schema": {"type": "string"},
        "corpId": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9]+$"},
        "authFullName": {"type": "string", "minLength": 1},
    },
    "required": ["corpId", "authFullName"],
    "additionalProperties": False,
}


def write_app(folder: Path, elements: int, types: int = 1) -> list[str]:
    """Write an app.

    :param folder: where; it is created.
    :param elements: how many instances.
    :param types: over how many Types they are spread, evenly.
    :returns: the full names of the instances.
    """
    _write(folder / "app.json", json.dumps({"appId": "bench.app"}))
    _write(folder / "things" / "Meta" / "e.json", json.dumps({"type": "", "title": "Things"}))
    _write(folder / "things" / "Meta" / "__init__.py", META)
    for number in range(types):
        path = folder / "things" / f"Type{number:02}"
        _write(path / "e.json", json.dumps({"type": "things.Meta", "title": "Thing", "version": "1.0.0"}))
        _write(path / "__init__.py", TYPE)
        _write(path / "schema.json", json.dumps(SCHEMA))
    names = [f"E{number:05}" for number in range(elements)]
    for number, name in enumerate(names):
        path = folder / "items" / name
        define = {"type": f"things.Type{number % types:02}", "title": f"Element {number}", "version": "1.0.0"}
        _write(path / "e.json", json.dumps(define))
        _write(path / f"{name}.json", json.dumps({"corpId": f"ww{number:016x}", "authFullName": "auths.Shared"}))
    # What the disk still has to write would be written on somebody's measured time.
    os.sync()
    return [f"items.{name}" for name in names]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

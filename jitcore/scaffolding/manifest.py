"""Declaring variables in an ``app.json`` without touching the rest of its text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jitcore.scaffolding.errors import NotMade
from jitcore.source import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["declared_text"]


def declared_text(manifest: Path, variables: Sequence[Mapping[str, Any]]) -> str:
    """The text of an ``app.json`` with more variables declared at the end of the list.

    :param manifest: its path; the file may be missing.
    :param variables: entries of the list ``variables``.
    :raises NotMade: if the file cannot be read or its ``variables`` is no list.
    :raises SourceInvalid: if the file is no JSON.
    """
    entries = [json.dumps(entry, ensure_ascii=False) for entry in variables]
    spaced = [f"{{ {entry[1:-1]} }}" for entry in entries]
    if not manifest.exists():
        items = ",\n".join(f"    {entry}" for entry in spaced)
        return f'{{\n  "name": {json.dumps(manifest.parent.name)},\n  "variables": [\n{items}\n  ]\n}}\n'
    source = read_json(str(manifest), inside=str(manifest.parent), shown=str(manifest), element=None)
    listed = source.data.get("variables", [])
    if not isinstance(listed, list):
        raise NotMade(f"variables of {manifest} is no list, so nothing can be declared there.")
    pointer = f"/variables/{len(listed) - 1}" if listed else "/variables" if "variables" in source.data else ""
    span = source.positions.value(pointer)
    assert span is not None
    if listed:
        return _insert(source.text, span.end, "".join(f",\n    {entry}" for entry in spaced))
    items = ",\n".join(f"    {entry}" for entry in spaced)
    if pointer:
        return source.text[: span.start] + f"[\n{items}\n  ]" + source.text[span.end :]
    body = source.text[: span.end - 1].rstrip()
    comma = "," if source.data else ""
    return f'{body}{comma}\n  "variables": [\n{items}\n  ]\n}}{source.text[span.end :]}'


def _insert(text: str, place: int, piece: str) -> str:
    return text[:place] + piece + text[place:]

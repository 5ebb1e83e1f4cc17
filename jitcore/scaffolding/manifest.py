"""Declaring variables in an ``app.json`` without touching the rest of its text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.json_text import with_member
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
    if not listed:
        return with_member(source, "variables", variables)
    last = source.positions.value(f"/variables/{len(listed) - 1}")
    assert last is not None
    return source.text[: last.end] + "".join(f",\n    {entry}" for entry in spaced) + source.text[last.end :]

"""Changing one key of a JSON file and leaving every other letter as its owner wrote it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jitcore.source import Source

__all__ = ["with_member"]


def with_member(source: Source, key: str, value: Any) -> str:
    """The file's text with a key of the top-level object set: replaced in its place, or added at the end.

    :param source: a file that holds an object.
    """
    written = json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n  ")
    span = source.positions.value("/" + key.replace("~", "~0").replace("/", "~1"))
    if span is not None:
        return source.text[: span.start] + written + source.text[span.end :]
    whole = source.positions.value("")
    assert whole is not None
    body = source.text[: whole.end - 1].rstrip()
    comma = "," if source.data else ""
    return f"{body}{comma}\n  {json.dumps(key)}: {written}\n}}{source.text[whole.end :]}"

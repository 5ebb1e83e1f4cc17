"""Text from files, made safe and straight for a terminal.

A message quotes names and values that somebody else wrote: control characters would move the cursor, and characters
that change the writing direction would make a line read as what it is not.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any

__all__ = ["columns", "quoted", "visible"]

#: The longest value a message quotes, in characters.
_LONGEST = 60


def visible(text: str) -> str:
    """Replace what has no shape of its own (control and format characters) by its escape, such as ``\\u202e``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def quoted(value: Any) -> str:
    """Write a JSON value as JSON for a message: visible, and cut when it is long."""
    text = visible(json.dumps(value, ensure_ascii=False))
    if len(text) <= _LONGEST:
        return text
    return f'{text[: _LONGEST - 2]}…"' if text[0] == '"' else f"{text[: _LONGEST - 1]}…"


def columns(char: str) -> int:
    """How many columns of a terminal a character takes: 2 for CJK and other wide ones, 0 for combining ones."""
    if char.isascii():
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"

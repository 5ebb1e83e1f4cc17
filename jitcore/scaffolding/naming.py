"""Names: which ones can be used, and what follows from them."""

from __future__ import annotations

import keyword
import re

from jitcore.discovery import is_element_name
from jitcore.scaffolding.errors import NotMade

__all__ = ["checked_fullname", "words_of"]


def checked_fullname(name: str, example: str) -> tuple[str, str]:
    """The family and the last part of a full name that a new element may have.

    :param example: shown when the name cannot be used.
    :raises NotMade: if it is no full name, or no name that Python can import.
    """
    parts = name.split(".")
    if len(parts) < 2 or not all(is_element_name(part) for part in parts):
        raise NotMade(
            f"{name!r} is no full name of an element.",
            hint=f"A full name is a family and a name, each of letters, digits and underscores: {example}.",
        )
    reserved = [part for part in parts if keyword.iskeyword(part)]
    if reserved:
        raise NotMade(f"{reserved[0]!r} is a word of Python's own, so {name} could not be imported.")
    return parts[0], parts[-1]


def words_of(name: str) -> str:
    """A name as people read it: ``AcmeProxyType`` → ``Acme proxy type``, ``jit-acme`` → ``Jit acme``."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z_\W]+", name) or [name]
    first, *rest = words
    return " ".join([first[:1].upper() + first[1:], *(word if word.isupper() else word.lower() for word in rest)])

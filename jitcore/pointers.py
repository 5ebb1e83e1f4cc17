"""JSON pointers (RFC 6901): how a place in a document is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["join_pointer", "split_pointer"]


def join_pointer(path: Iterable[str | int]) -> str:
    """Write a path of keys and indexes as a JSON pointer."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)


def split_pointer(pointer: str) -> list[str]:
    """Read a JSON pointer as its keys and indexes."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]

"""``databases.Meta``: what every database element offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import peewee

__all__ = ["ElementProtocol"]


class ElementProtocol(Protocol):
    """The contract of the family ``databases``: a class with a property ``database``."""

    @property
    def database(self) -> peewee.Database:
        """The Peewee database, the same object at every reading; it may be not connected yet."""
        ...

"""The fields of a model that a caller names, so that a misspelt one is the same error everywhere."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import peewee

__all__ = ["named_fields"]


def named_fields(model: type[peewee.Model], names: Iterable[str]) -> list[peewee.Field]:
    """The fields that these names of fields or of columns mean.

    :raises ArgumentError: the model has no such column.
    """
    fields: dict[str, peewee.Field] = model._meta.combined  # noqa: SLF001 - Peewee's documented place for a model's options
    found = []
    for name in names:
        if name not in fields:
            near = get_close_matches(name, fields, n=1)
            raise ArgumentError(
                f"Model {model.__name__} has no column {name!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(fields)}.",
            )
        found.append(fields[name])
    return found

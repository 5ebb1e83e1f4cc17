"""What a plugin hands over through the hook ``jit_models``: its models and the migrations that make their tables."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import peewee

__all__ = ["ModelSet"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Models that belong together and migrate together.

    :param name: lower-case name, the same for ever: the history table is ``jit_migrations_<name>``.
    :param models: the model classes, or where they are: a callable without arguments or ``"package.module:NAME"``,
        so that naming a set imports neither them nor Peewee.
    :param migrations: folder of ``playhouse.migrations`` files (``0001_initial.py`` …) with ``up(migrator, db)``.
    :raises ArgumentError: the name has other characters than ``a-z 0-9 _``.
    """

    name: str
    models: Sequence[type[peewee.Model]] | Callable[[], Sequence[type[peewee.Model]]] | str
    migrations: Path

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ArgumentError(
                f"A model set cannot be named {self.name!r}.",
                hint="Use at most 40 lower-case letters, digits and underscores, a letter first.",
            )

    @property
    def history_table(self) -> str:
        """The table that remembers which of its migrations were applied."""
        return f"jit_migrations_{self.name}"

    def resolve(self) -> tuple[type[peewee.Model], ...]:
        """Import the models if need be and return them.

        :raises ArgumentError: the text names nothing.
        """
        if isinstance(self.models, str):
            module, _, attribute = self.models.partition(":")
            found = getattr(importlib.import_module(module), attribute, None) if attribute else None
            if found is None:
                raise ArgumentError(
                    f"The models of set {self.name!r} are not at {self.models!r}.",
                    hint='Write "package.module:NAME", where NAME is a sequence of model classes.',
                )
            return tuple(found)
        return tuple(self.models() if callable(self.models) else self.models)

"""What plugins hand over through the hooks, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jitcore.loader import Loader

__all__ = ["CommandSpec", "TypeSpec"]


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """A Type that has no folder, as :func:`jitcore.hookspecs.jit_types` returns it.

    :param loader: the Loader class, or ``"package.module:Name"`` to import it when the first instance is loaded.
    :param type: full name of the Meta (or of another Type) it belongs to.
    :param title: what people see.
    :param version: version of the Type.
    :param schema: JSON Schema of its instances' business file.
    """

    loader: type[Loader] | str
    type: str
    title: str
    version: str = "1.0.0"
    schema: Path | None = None


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command of ``jit``, as :func:`jitcore.hookspecs.jit_commands` returns it.

    :param name: what the user types after ``jit``.
    :param target: ``"package.module:attribute"`` of a click command or group, imported only when it runs.
    :param help: one line for ``jit --help``.
    """

    name: str
    target: str
    help: str

"""What plugins hand over through the hooks, as plain data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jitcore.loader import Loader

__all__ = ["CommandSpec", "ElementSpec", "TypeSpec", "checked"]


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
class ElementSpec:
    """An instance that has no folder, as :func:`jitcore.hookspecs.jit_elements` returns it.

    :param type: full name of its Type.
    :param config: its business file: what JSON can hold, ``{{variables}}`` included.
    :param title: what people see; the element's name when empty.
    """

    type: str
    config: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""


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


#: Hooks that return something for each of some full names.
_MAPPINGS = frozenset({"jit_types", "jit_schemas", "jit_elements", "jit_element_states"})


def checked(hook: str, contributed: Any) -> Any:
    """What a plugin's hook returned, complete and of the right kind: mappings and lists of what the hook asks for.

    :param hook: for example ``jit_types``.
    :raises TypeError: if it is anything else.
    """
    kind = _kind(hook)
    if hook in _MAPPINGS:
        if not isinstance(contributed, Mapping):
            raise TypeError(f"it returned {contributed!r}, which is no mapping of full names")
        wrong: list[Any] = [name for name in contributed if not isinstance(name, str)]
        wrong += [one for one in contributed.values() if not isinstance(one, kind)]
        if hook == "jit_schemas":
            contributed = {name: Path(one) if isinstance(one, str) else one for name, one in contributed.items()}
    else:
        if isinstance(contributed, str | Mapping) or not isinstance(contributed, Iterable):
            raise TypeError(f"it returned {contributed!r}, which is no list")
        # A generator runs the plugin's code only here.
        contributed = list(contributed)
        wrong = [one for one in contributed if not isinstance(one, kind)]
    if wrong:
        raise TypeError(f"it returned {wrong[0]!r} where the hook's specification asks for something else")
    return contributed


def _kind(hook: str) -> type[Any] | tuple[type[Any], ...]:
    if hook == "jit_types":
        return TypeSpec
    if hook == "jit_elements":
        return ElementSpec
    if hook == "jit_element_states":
        return str
    if hook == "jit_commands":
        return CommandSpec
    if hook == "jit_models":
        from jitcore.storage import ModelSet

        return ModelSet
    return (str, os.PathLike)

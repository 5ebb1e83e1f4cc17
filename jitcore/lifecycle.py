"""Telling elements and plugins what happens to them.

An instance's ``lifecycle.py`` may define ``onLoad()``, ``onCalled()`` and ``onAppExit(exc_val, resData)``; a Type's
may define ``onCreate(fullName)``, ``onUpdate(fullName)``, ``onDelete(fullName)`` and ``onException(fullName, title,
exc)`` for its instances (JAAP). Each function is called with those of the arguments it names, plus ``app`` and
``fullName`` when it names them. Afterwards the plugins hear of it through the hooks. A raising function is logged and
stops nobody, except ``onLoad``: an element whose ``onLoad`` raises is not loaded.
"""

from __future__ import annotations

import importlib
import inspect
import logging
from typing import TYPE_CHECKING, Any, Self

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import ModuleType

    from jitcore.app import App
    from jitcore.node import Node

__all__ = ["Changes", "announce", "call", "lifecycle_of", "type_functions"]

log = logging.getLogger(__name__)


def lifecycle_of(node: Node) -> ModuleType | None:
    """The ``lifecycle`` module of an element, imported under its real name, or None if it has none."""
    if not node.has_lifecycle or node.module_name is None:
        return None
    return importlib.import_module(f"{node.module_name}.lifecycle")


def call(function: Callable[..., Any], **available: Any) -> Any:
    """Call a lifecycle function with those of ``available`` that it takes."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function(**available)
    return function(**{name: value for name, value in available.items() if name in parameters})


class Changes:
    """Which instances appeared, changed and vanished since the last time somebody asked."""

    def __init__(self, before: dict[str, tuple[str, str]], now: dict[str, tuple[str, str]]) -> None:
        self.created = sorted(now.keys() - before.keys())
        self.deleted = sorted(before.keys() - now.keys())
        self.updated = sorted(name for name in now.keys() & before.keys() if now[name][1] != before[name][1])

    @classmethod
    def of(cls, *, created: Sequence[str] = (), updated: Sequence[str] = (), deleted: Sequence[str] = ()) -> Self:
        """Changes that are known by name."""
        changes = cls({}, {})
        changes.created, changes.updated, changes.deleted = list(created), list(updated), list(deleted)
        return changes

    def __bool__(self) -> bool:
        return bool(self.created or self.updated or self.deleted)


def announce(app: App, changes: Changes, types: dict[str, str]) -> None:
    """Run the Types' ``onCreate``, ``onUpdate`` and ``onDelete`` and the plugins' hooks for ``changes``.

    :param types: the Type of each changed instance.
    """
    for verb, names in (("Create", changes.created), ("Update", changes.updated), ("Delete", changes.deleted)):
        for fullName in names:
            try:
                # Importing a Type's lifecycle runs its code as well.
                for function in type_functions(app, types[fullName], f"on{verb}"):
                    call(function, app=app, fullName=fullName)
            except JitError as error:
                log.warning("on%s of %s for %s: %s", verb, types[fullName], fullName, error)
            except (Exception, SystemExit):
                log.exception("on%s of %s raised for %s", verb, types[fullName], fullName)
            app.plugins.broadcast(f"jit_element_{verb.lower()}d", app=app, fullName=fullName)


def type_functions(app: App, typeName: str, name: str) -> Iterable[Callable[..., Any]]:
    """The function called ``name`` of the first link of a Type's chain whose ``lifecycle.py`` defines it."""
    for link in app.dispatch.chain(typeName):
        module = lifecycle_of(app.registry.nodes(link)[0])
        function = getattr(module, name, None)
        if function is not None:
            return [function]
    return []

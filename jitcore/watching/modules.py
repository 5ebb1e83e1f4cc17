"""Which modules of the app folders a changed file concerns, and how to import them anew without losing the old ones.

A module belongs to the element whose folder it lies in, so a change of any file of the folder concerns all of the
folder's modules. Modules elsewhere that import one of them, directly or through others, are concerned too: what they
import is read from their source, because a module that was already imported leaves no other trace.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jitcore.importing import COMMONS, forget_aliases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from jitcore.app import App

__all__ = ["ModuleSwap", "concerned", "owner"]


def concerned(app: App, files: Iterable[str]) -> set[str]:
    """Real names of the loaded modules that a change of ``files`` concerns."""
    loaded = _loaded(app)
    by_file = {module.__file__: name for name, module in loaded.items() if getattr(module, "__file__", None)}
    changed = {by_file[file] for file in files if file in by_file}
    owners = {owner(app, name) for name in changed} | {_owner_of_file(app, file) for file in files}
    stale = changed | {name for name in loaded if owner(app, name) in owners - {None}}
    if not stale:
        return stale
    imports = {name: set(_imports(app, name, module)) for name, module in loaded.items()}
    while True:
        more = {name for name, wanted in imports.items() if name not in stale and _touches(wanted, stale)}
        # An element's modules are one unit: its package holds what its modules define.
        units = {owner(app, name) for name in more} - {None}
        more |= {name for name in loaded if name not in stale and owner(app, name) in units}
        if not more:
            return stale
        stale |= more


def owner(app: App, module: str) -> str | None:
    """Full name of the element that a module of an app folder belongs to; None for commons and the like."""
    for layer in app.layers:
        if layer.is_app and module.startswith(f"{layer.package}."):
            dotted = module[len(layer.package or "") + 1 :]
            while dotted:
                if dotted in layer.tree.folders:
                    return dotted
                dotted = dotted.rpartition(".")[0]
    return None


class ModuleSwap:
    """Takes modules out of ``sys.modules`` so that they are imported anew, and puts old ones back where that failed.

    :param names: real names of the modules.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._before = {name: sys.modules.pop(name) for name in sorted(names) if name in sys.modules}
        forget_aliases()

    def put_back(self, names: Iterable[str]) -> None:
        """Put old modules back, whatever was imported in their place."""
        for name in names:
            module = self._before.get(name)
            if module is None:
                continue
            sys.modules[name] = module
            parent, _, last = name.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], last, module)
        forget_aliases()

    def put_back_missing(self) -> None:
        """Put back the old modules that nothing has imported anew."""
        self.put_back([name for name in self._before if name not in sys.modules])


def _loaded(app: App) -> dict[str, ModuleType]:
    packages = tuple(f"{layer.package}." for layer in app.layers if layer.is_app)
    return {name: module for name, module in list(sys.modules.items()) if name.startswith(packages)}


def _owner_of_file(app: App, file: str) -> str | None:
    """The element in whose folder a Python file lies, also when nobody has imported it yet."""
    if not file.endswith(".py"):
        return None
    for layer in app.layers:
        if layer.is_app and layer.root is not None and Path(file).is_relative_to(layer.root):
            parts = Path(file).parent.relative_to(layer.root).parts
            while parts:
                if ".".join(parts) in layer.tree.folders:
                    return ".".join(parts)
                parts = parts[:-1]
    return None


def _touches(wanted: set[str], stale: set[str]) -> bool:
    return any(name in stale for name in wanted)


def _imports(app: App, name: str, module: ModuleType) -> Iterator[str]:
    """Real names of what a module's source imports, as far as it can be known from the source."""
    file = getattr(module, "__file__", None)
    if not file:
        return
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _real_names(app, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")
                parent = parent[: len(parent) - node.level + 1]
                base = ".".join([*parent, *([base] if base else [])])
            yield from _real_names(app, base)
            for alias in node.names:
                yield from _real_names(app, f"{base}.{alias.name}")


def _real_names(app: App, dotted: str) -> Iterator[str]:
    yield dotted
    top = dotted.partition(".")[0]
    if top == COMMONS or top in app.registry.families:
        real = app.registry.module_name(dotted)
        if real is not None:
            yield real

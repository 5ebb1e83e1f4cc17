"""Python imports across layers: real names for app folders, family names as aliases.

Every module has one real name. A plugin's is its own (``jit_qywx.corps.QywxProxyType``); a module in an app folder
gets one below ``jitapps`` (``jitapps.shop_1a2b3c4d.corps.QywxProxyType``). A family name (``corps.QywxProxyType``) is
an alias: importing it returns *the same module object* as the winning layer's real name, so relative imports,
pickling and ``inspect.getsource`` work and no class exists twice.

The state of all this is one finder in ``sys.meta_path``; it is there exactly as long as an App is open. When two
open Apps disagree on the winner, the alias raises :class:`~jitcore.errors.AliasError` and never picks one.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import logging
import os
import sys
from typing import TYPE_CHECKING

from jitcore.errors import AliasError
from jitcore.layers import APPS_PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    from jitcore.app import App

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    # importlib.abc would cost every process more than all of this module; a loader is one by what it does.
    Loader = object

__all__ = ["forget_aliases", "mount", "open_apps", "refresh", "unload", "unmount"]

#: Plain code of an app that its elements share; importable like a family (JAAP: ``from commons.x import y``).
COMMONS = "commons"

log = logging.getLogger(__name__)


def mount(app: App) -> None:
    """Make the elements of ``app`` importable."""
    finder = _finder()
    if finder is None:
        finder = ElementFinder()
        # Ahead of the path finder: run from inside the app folder, Python would otherwise take ``corps`` for a
        # namespace package and import the app's modules a second time under another name.
        sys.meta_path.insert(0, finder)
    finder.apps.append(app)
    finder.forget_aliases()


def unmount(app: App) -> None:
    """Undo :func:`mount`: aliases are forgotten, modules of app folders that no open App uses are unloaded."""
    finder = _finder()
    if finder is None or app not in finder.apps:
        return
    finder.apps.remove(app)
    finder.forget_aliases()
    still_used = {layer.package for other in finder.apps for layer in other.layers}
    for layer in app.layers:
        if layer.is_app and layer.package not in still_used:
            unload(layer.package)
    if not finder.apps:
        sys.meta_path.remove(finder)


def forget_aliases() -> None:
    """Have every family name looked up again: what it means may have changed."""
    finder = _finder()
    if finder is not None:
        finder.forget_aliases()


def refresh(app: App, take: Callable[[], object]) -> None:
    """Have ``take`` change the App's layers, and unload the modules of app folders that are no layer any more."""
    before = app.layers
    take()
    forget_aliases()
    kept = {layer.package for other in open_apps() for layer in other.layers}
    for layer in before:
        if layer.is_app and layer.package not in kept:
            unload(layer.package)


def open_apps() -> tuple[App, ...]:
    """Every App open in this process, oldest first."""
    finder = _finder()
    return tuple(finder.apps) if finder else ()


class ElementFinder:
    """Finds modules below ``jitapps`` and below the family names of the open Apps."""

    def __init__(self) -> None:
        self.apps: list[App] = []
        #: Top-level names that were handed out as aliases.
        self.aliased: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top == APPS_PACKAGE:
            return self._find_in_app_folder(fullname, path)
        if any(top == COMMONS or top in app.registry.families for app in self.apps):
            return self._find_alias(fullname)
        return None

    def forget_aliases(self) -> None:
        """Drop the aliases from ``sys.modules``: what they mean may have changed."""
        while self.aliased:
            unload(self.aliased.pop())
        importlib.invalidate_caches()

    def _find_in_app_folder(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        if fullname == APPS_PACKAGE:
            return _group(fullname, [])
        for app in self.apps:
            for layer in app.layers:
                if layer.package == fullname and layer.root is not None:
                    return _group(fullname, [str(layer.root)])
        for entry in path or ():
            # Compiled from source each time: byte code is keyed on whole seconds, so two quick edits of one size
            # would run the old code.
            finder = importlib.machinery.FileFinder(entry, (_SourceLoader, importlib.machinery.SOURCE_SUFFIXES))
            spec = finder.find_spec(fullname)
            if spec is not None:
                if spec.loader is None and spec.submodule_search_locations is not None:
                    return _group(fullname, list(spec.submodule_search_locations))
                return spec
        return None

    def _find_alias(self, alias: str) -> ModuleSpec | None:
        top = alias.partition(".")[0]
        if top != alias and top not in self.aliased and self._belongs_to_someone_else(top):
            return None
        meanings: dict[str, App] = {}
        is_group = False
        for app in self.apps:
            real = app.registry.module_name(alias)
            if real is not None:
                meanings.setdefault(real, app)
            is_group = is_group or app.registry.is_group(alias)
        if len(meanings) > 1:
            told = ", ".join(f"{real} in {app.path}" for real, app in meanings.items())
            raise AliasError(
                f"{alias} means different modules in the open Apps: {told}.",
                hint=f'Use app.getElement("{alias}"), or import the real module name.',
            )
        if not meanings and not is_group:
            return None
        if "." not in alias:
            if self._belongs_to_someone_else(alias):
                return None
            self.aliased.add(alias)
        if meanings:
            return importlib.machinery.ModuleSpec(alias, _AliasLoader(next(iter(meanings))))
        return _group(alias, [])

    def _belongs_to_someone_else(self, name: str) -> bool:
        """Whether an ordinary package of that name is installed: shadowing it would break its users."""
        spec = importlib.machinery.PathFinder.find_spec(name)
        if spec is None or spec.origin is None:
            return False
        roots = [str(layer.root) for app in self.apps for layer in app.layers if layer.is_app]
        if any(spec.origin.startswith(os.path.join(root, "")) for root in roots):
            return False
        log.warning("%s is an ordinary package (%s), so elements of that family are not importable", name, spec.origin)
        return True


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Compiles from source and leaves no byte code in the user's app folder."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _GroupLoader(Loader):
    """Makes the empty packages that stand for a family, an intermediate folder, or an app."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        pass


class _AliasLoader(Loader):
    """Hands out the module that already lives under its real name."""

    def __init__(self, real: str) -> None:
        self.real = real
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.real)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just stamped the alias's spec on the module; the real one belongs there.
        module.__spec__ = self.spec


def _group(name: str, locations: list[str]) -> ModuleSpec:
    spec = importlib.machinery.ModuleSpec(name, _GroupLoader(), is_package=True)
    spec.submodule_search_locations = locations
    return spec


def _finder() -> ElementFinder | None:
    return next((finder for finder in sys.meta_path if isinstance(finder, ElementFinder)), None)


def unload(package: str | None) -> None:
    """Forget a package and all modules below it."""
    # Other threads may be importing.
    for name in [name for name in tuple(sys.modules) if name == package or name.startswith(f"{package}.")]:
        sys.modules.pop(name, None)

"""Finding the installed plugins and keeping one pluggy manager per App.

One bad plugin never stops an App: it is left out whole, and why is kept for ``check`` and the log.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from jitcore import hookspecs
from jitcore.contributions import checked
from jitcore.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from jitcore.app import App
    from jitcore.entrypoints import EntryPoint

__all__ = ["Plugin", "Plugins"]

#: The distribution whose plugins are the shipped ones.
SHIPPED_DISTRIBUTION = "jitcore"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One registered plugin: a module of hook implementations and where it came from."""

    name: str
    module: ModuleType
    distribution: str
    version: str

    @property
    def shipped(self) -> bool:
        """Whether it comes with jitcore itself."""
        return self.distribution == SHIPPED_DISTRIBUTION

    @property
    def package(self) -> str:
        """Name of the package that holds its module; the module's own when it stands alone."""
        return self.module.__name__.rpartition(".")[0] or self.module.__name__


class Plugins:
    """The plugins of one App.

    :param entry_points: as :func:`jitcore.entrypoints.installed_plugins` yields them.
    :param third_party: False loads the shipped ones only.
    """

    def __init__(self, entry_points: Iterable[EntryPoint], *, third_party: bool = True) -> None:
        self.manager = pluggy.PluginManager(hookspecs.ENTRY_POINT_GROUP)
        self.manager.add_hookspecs(hookspecs)
        self.failures: list[PluginError] = []
        #: Seconds that importing and registering each plugin took, by its name; one imported earlier took no time.
        self.seconds: dict[str, float] = {}
        found_all = list(entry_points)
        wanted = [found for found in found_all if third_party or found.distribution == SHIPPED_DISTRIBUTION]
        #: Names of installed plugins that were not asked for.
        self.left_out = frozenset(found.name for found in found_all if not third_party) - {
            found.name for found in wanted
        }
        loaded = [plugin for found in wanted if (plugin := self._load(found)) is not None]
        # Third-party plugins come before the shipped ones, each group by name: the order of the layers.
        loaded.sort(key=lambda plugin: (plugin.shipped, plugin.name))
        self.all: list[Plugin] = []
        # pluggy calls the last registered first, so the nearest layer is registered last.
        for plugin in reversed(loaded):
            if self._register(plugin):
                self.all.insert(0, plugin)

    def _load(self, found: EntryPoint) -> Plugin | None:
        started = time.perf_counter()
        try:
            module = importlib.import_module(found.module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger raises, the App goes on without it
            told = f"{found.distribution} {found.version}"
            self._fail(found.name, told, f"its module {found.module} raised", error)
            return None
        finally:
            self.seconds[found.name] = time.perf_counter() - started
        return Plugin(found.name, module, found.distribution, found.version)

    def _register(self, plugin: Plugin) -> bool:
        started = time.perf_counter()
        told = f"{plugin.distribution} {plugin.version}"
        if self.manager.has_plugin(plugin.name):
            taken = next(f"{other.distribution} {other.version}" for other in self.all if other.name == plugin.name)
            self._fail(plugin.name, told, "its name is taken", ValueError(f"{taken} has a plugin of that name"))
            return False
        try:
            self.manager.register(plugin.module, name=plugin.name)
            self.manager.check_pending()
        except (ValueError, pluggy.PluginValidationError) as error:
            if self.manager.has_plugin(plugin.name):
                self.manager.unregister(name=plugin.name)
            self._fail(plugin.name, told, "its hooks do not fit", error)
            return False
        finally:
            self.seconds[plugin.name] += time.perf_counter() - started
        return True

    def _fail(self, name: str, distribution: str, what: str, cause: BaseException) -> None:
        sentence = " ".join(str(cause).split())
        error = PluginError(
            f"Plugin {name} ({distribution}) was left out: {what}: {type(cause).__name__}: {sentence}",
            plugin=name,
            distribution=distribution,
            hint="Update or uninstall it, or report this to its author.",
        )
        error.__cause__ = cause
        if not any(failure.message == error.message for failure in self.failures):
            self.failures.append(error)
            log.warning("%s", error)

    def collect(self, hook: str) -> Iterator[tuple[Plugin, Any]]:
        """Yield what each plugin contributes to ``hook``, nearest layer first; a raising plugin contributes nothing."""
        for plugin in self.all:
            implementation = getattr(plugin.module, hook, None)
            if implementation is None:
                continue
            try:
                contributed = checked(hook, implementation())
            except (Exception, SystemExit) as error:  # noqa: BLE001 - isolates one plugin's fault from the App
                self._fail(plugin.name, f"{plugin.distribution} {plugin.version}", f"{hook}() raised", error)
                continue
            yield plugin, contributed

    def implementations(self, hook: str) -> list[tuple[Plugin, Callable[[App], Any]]]:
        """Who implements a hook about one App, nearest layer first, each to be called with the App."""
        by_name = {one.plugin_name: one for one in getattr(self.manager.hook, hook).get_hookimpls()}
        return [(plugin, partial(_call_with, by_name[plugin.name])) for plugin in self.all if plugin.name in by_name]

    def broadcast(self, hook: str, **arguments: Any) -> None:
        """Tell every plugin about a lifecycle event; each implementation is isolated from the others."""
        caller = getattr(self.manager.hook, hook)
        for implementation in reversed(caller.get_hookimpls()):
            wanted = {name: arguments[name] for name in implementation.argnames}
            try:
                implementation.function(**wanted)
            except (Exception, SystemExit):
                log.exception("%s of plugin %s raised", hook, implementation.plugin_name)

    @cached_property
    def trees(self) -> list[tuple[Plugin, Path, str | None]]:
        """Element trees, nearest first: the plugin, the folder, and the package under which it is importable."""
        trees = []
        for plugin, folders in self.collect("jit_element_trees"):
            for folder in folders:
                root = Path(os.path.abspath(folder))
                trees.append((plugin, root, _package_of(root, plugin)))
        return trees


def _call_with(implementation: pluggy.HookImpl, app: App) -> Any:
    return implementation.function(*([app] if "app" in implementation.argnames else []))


def _package_of(root: Path, plugin: Plugin) -> str | None:
    package = importlib.import_module(plugin.package)
    for location in getattr(package, "__path__", ()):
        if root.is_relative_to(location):
            return ".".join([plugin.package, *root.relative_to(location).parts])
    return None

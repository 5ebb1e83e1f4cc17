"""The layers of an App, nearest first: the app, the apps it extends, generated elements, plugins, shipped plugins.

A full name may be defined in several layers. The nearest definition wins as a whole; nothing is half-mixed.
"""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jitcore.discovery import Tree, scan
from jitcore.errors import NotAnApp
from jitcore.files import SourceInvalid
from jitcore.schemas import load_schema
from jitcore.source import read_json
from jitcore.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jitcore.contributions import ElementSpec, TypeSpec
    from jitcore.plugins import Plugins
    from jitcore.problems import Problem
    from jitcore.source import Source

__all__ = ["APPS_PACKAGE", "AppLayers", "Layer", "app_layers", "plugin_layers"]

#: Root of the real module names of elements that live in app folders.
APPS_PACKAGE = "jitapps"

_ONE_WAY = "Take one of these out of its extends."
_RELATIVE = "The path is relative to the folder of this app.json."

LayerKind = Literal["app", "base", "generated", "plugin", "shipped"]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One place elements come from.

    :param name: what people call it: the app's name, or the plugin's.
    :param kind: ``app`` (the one that was opened), ``base`` (reached through ``extends``), ``generated``, ``plugin`` or
        ``shipped``.
    :param root: the folder, or None for what has none: generated elements, a plugin that only registers Types.
    :param package: real package name of the root, or None when its Python is not importable.
    :param distribution: name of the distribution, empty for an app.
    :param version: version of the app or distribution.
    :param tree: the elements found below the root.
    :param types: Types without a folder, by full name.
    :param elements: instances without a folder, by full name; they come and go.
    :param settings: the parsed ``app.json``; empty for plugins.
    """

    name: str
    kind: LayerKind
    root: Path | None
    package: str | None
    distribution: str = ""
    version: str = ""
    tree: Tree = field(default_factory=Tree)
    types: Mapping[str, TypeSpec] = field(default_factory=dict)
    elements: Mapping[str, ElementSpec] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_app(self) -> bool:
        """Whether it is an app folder, whose files its user edits."""
        return self.kind in {"app", "base"}

    def __contains__(self, fullName: str) -> bool:
        return fullName in self.tree.folders or fullName in self.types or fullName in self.elements

    def __iter__(self) -> Iterator[str]:
        # A copy: other threads index folders meanwhile.
        return iter((*self.tree.folders, *self.types, *self.elements))

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}" if self.distribution else str(self.root)
        return f"{self.name} ({self.kind}, {origin})"


@dataclass(slots=True)
class AppLayers:
    """The app folders of an App, nearest first, the plugins that ``extends`` names, and what is wrong with them."""

    layers: list[Layer] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def app_layers(path: Path, plugins: Plugins) -> AppLayers:
    """Open an app folder and, depth first in listed order, the apps it extends.

    What is wrong with an ``app.json`` or with ``extends`` becomes a problem, and the rest goes on without that part.

    :param path: the app's folder.
    :param plugins: the installed plugins, some of which may be named in ``extends``.
    :raises NotAnApp: if ``path`` is no app.
    """
    found = AppLayers()
    try:
        root = Path(os.path.realpath(path))
    except ValueError:  # a NUL character
        raise NotAnApp(f"{str(path)!r} is no folder, so it cannot be opened as an app.") from None
    _open(root, (), found, {plugin.name for plugin in plugins.all} | plugins.left_out)
    return found


def plugin_layers(plugins: Plugins, first: Sequence[str] = ()) -> list[Layer]:
    """Make the layers of the installed plugins: those named in ``extends`` first, then by name, shipped ones last."""
    folders = plugins.trees
    types = {plugin.name: dict(found) for plugin, found in plugins.collect("jit_types")}
    layers: list[Layer] = []
    order = {name: place for place, name in enumerate(first)}
    for plugin in sorted(plugins.all, key=lambda plugin: order.get(plugin.name, len(order))):
        kind: LayerKind = "shipped" if plugin.shipped else "plugin"
        layer = partial(Layer, plugin.name, kind, distribution=plugin.distribution, version=plugin.version)
        for owner, root, package in folders:
            if owner is plugin:
                layers.append(layer(root, package, tree=scan(str(root))))
        if types.get(plugin.name):
            layers.append(layer(None, plugin.package, types=types[plugin.name]))
    return layers


def _open(path: Path, chain: tuple[Path, ...], found: AppLayers, installed: set[str]) -> None:
    chain = (*chain, path)
    layer, source = _read_app(path, "base" if found.layers else "app", found.problems)
    found.layers.append(layer)
    for place, entry in enumerate(layer.settings.get("extends", ())):
        assert source is not None
        # Defaults of variables may be secrets, the rest of the file is not.
        where = partial(source.problem, pointer=f"/extends/{place}", secrets=("/variables",))
        if "path" in entry:
            try:
                base = Path(os.path.realpath(path / entry["path"]))
                is_folder = base.is_dir()
            except (OSError, ValueError):  # longer than names can be, or with a NUL character
                found.problems.append(where("extends-missing", "No folder can have such a name.", hint=_RELATIVE))
                continue
            if base in chain:
                circle = " → ".join(str(one) for one in (*chain[chain.index(base) :], base))
                problem = where("extends-cycle", f"The apps extend each other in a circle: {circle}.", hint=_ONE_WAY)
                found.problems.append(problem)
            elif not is_folder:
                hint = did_you_mean(base.name, _folders(base.parent)) or _RELATIVE
                found.problems.append(where("extends-missing", f"There is no folder {base}.", hint=hint))
            elif not any(other.root == base for other in found.layers):
                try:
                    _open(base, chain, found, installed)
                except NotAnApp as error:
                    hint = error.hint or "Put an app.json into it ({} is enough), or name another folder."
                    found.problems.append(where("extends-invalid", error.message, hint=hint))
            continue
        name = entry.get("plugin") or entry.get("appId", "")
        if name in installed:
            found.plugins.append(name)
        else:
            known = f"Installed plugins: {', '.join(sorted(installed)) or 'none'}."
            hint = did_you_mean(name, installed) or known
            found.problems.append(where("extends-missing", f"The plugin {name!r} is not installed.", hint=hint))


def _folders(parent: Path) -> list[str]:
    return [child.name for child in parent.iterdir() if child.is_dir()] if parent.is_dir() else []


def _read_app(path: Path, kind: LayerKind, problems: list[Problem]) -> tuple[Layer, Source | None]:
    if not path.is_dir():
        raise NotAnApp(f"{path} is no folder, so it cannot be opened as an app.")
    tree = scan(str(path))
    manifest = path / "app.json"
    settings: Mapping[str, Any] = {}
    source = None
    # Whatever has the name is meant to be the file: a folder or a broken link is told, not passed over.
    if os.path.lexists(manifest):
        shown = manifest.name if kind == "app" else str(manifest)
        source, settings = _read_manifest(manifest, shown, problems)
    elif not any(name.count(".") == 1 for name in tree.folders) and not tree.misnamed:
        # Elements deeper down do not count: they belong to an app that lies below this folder.
        apps = sorted(str(child.parent) for child in path.glob("*/app.json"))
        raise NotAnApp(
            f"{path} is no app: it has neither an app.json nor an element such as corps/MyCorp/e.json.",
            hint=f"Did you mean {' or '.join(apps)}?" if apps else None,
        )
    name = str(settings.get("name") or path.name)
    version = str(settings.get("version", ""))
    return Layer(name, kind, path, app_package(path), version=version, tree=tree, settings=settings), source


def _read_manifest(manifest: Path, shown: str, problems: list[Problem]) -> tuple[Source | None, Mapping[str, Any]]:
    try:
        source = read_json(str(manifest), inside=str(manifest.parent), shown=shown, element=None)
    except SourceInvalid as invalid:
        problems += invalid.problems
        return None, {}
    schema = load_schema("app")
    if schema.accepts(source.data):
        return source, source.data
    explained = schema.explain(source)
    problems += explained
    # The keys without a problem still count, so that the rest of the app can be looked at.
    broken = {problem.pointer.split("/")[1] for problem in explained if problem.pointer}
    return source, {key: value for key, value in source.data.items() if key not in broken}


def app_package(path: Path) -> str:
    """Real package name of an app folder: the same for the same path, different for two apps of one name."""
    readable = re.sub(r"\W", "_", path.name) or "app"
    return f"{APPS_PACKAGE}.{readable}_{zlib.crc32(os.fsencode(path)):08x}"

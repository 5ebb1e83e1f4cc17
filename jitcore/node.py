"""One layer's definition of a full name: what a Loader gets to read."""

from __future__ import annotations

import importlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitcore.discovery import HAS_LIFECYCLE, HAS_LOADER, HAS_PACKAGE, HAS_SCHEMA
from jitcore.errors import ArgumentError, ElementFailed

if TYPE_CHECKING:
    from types import ModuleType

    from jitcore.app import App
    from jitcore.contributions import ElementSpec, TypeSpec
    from jitcore.discovery import Folder
    from jitcore.layers import Layer
    from jitcore.source import Source

__all__ = ["Node"]


class Node:
    """One layer's definition of an element; ``nodes[0]`` of a Loader is the nearest.

    Loaders read the element's files through it and never join paths themselves.

    :param app: the App that loads the element; the same for the nodes of all layers.
    :param fullName: for example ``corps.MyQywxProxyCorp``.
    :param layer: the layer that defines it.
    :param folder: its folder, or None for a Type that a plugin registered without one.
    :param source: its parsed ``e.json`` (None without a folder).
    :param define: what the ``e.json`` says.
    :param spec: what a plugin registered as a Type without a folder.
    :param generated: what a plugin generated as an instance without a folder.
    """

    __slots__ = ("__dict__", "app", "define", "folder", "fullName", "generated", "layer", "source", "spec")

    def __init__(
        self,
        app: App,
        fullName: str,
        layer: Layer,
        folder: Folder | None,
        source: Source | None,
        define: dict[str, Any],
        spec: TypeSpec | None = None,
        generated: ElementSpec | None = None,
    ) -> None:
        self.app = app
        self.fullName = fullName
        self.layer = layer
        self.folder = folder
        self.source = source
        self.define = define
        self.spec = spec
        self.generated = generated

    def __repr__(self) -> str:
        return f"<Node {self.fullName} of {self.layer.name}>"

    @property
    def name(self) -> str:
        """Last part of the full name."""
        return self.fullName.rpartition(".")[2]

    @property
    def family(self) -> str:
        """First part of the full name."""
        return self.fullName.partition(".")[0]

    @property
    def elementType(self) -> str:
        """Full name of the Type (of the Meta, for a Type; empty for a Meta)."""
        return str(self.define.get("type", ""))

    @property
    def title(self) -> str:
        """Display name; the element's name when ``e.json`` has none."""
        return str(self.define.get("title") or self.name)

    @property
    def version(self) -> str:
        """Version of the element (seed page: ``1.0.0`` when not given)."""
        return str(self.define.get("version", "1.0.0"))

    @property
    def appId(self) -> str:
        """The app's ``appId``, else its name."""
        return str(self.app.manifest.get("appId") or self.app.name)

    @property
    def path(self) -> Path | None:
        """The element's folder, or None for what a plugin registered or generated without one."""
        return Path(self.folder.path) if self.folder else None

    @property
    def config(self) -> dict[str, Any]:
        """The element's business file: validated, ``{{variables}}`` substituted; empty when there is none.

        :raises ElementInvalid: if the file has problems.
        """
        return self.app.element_states.configuration(self.fullName).data

    @property
    def is_package(self) -> bool:
        """Whether Python can import something here."""
        return self.spec is not None or bool(self.folder and self.folder.marks & (HAS_PACKAGE | HAS_LOADER))

    @property
    def has_lifecycle(self) -> bool:
        """Whether its folder holds a ``lifecycle.py``."""
        return bool(self.folder and self.folder.marks & HAS_LIFECYCLE)

    @property
    def schema_path(self) -> Path | None:
        """The Type's own ``schema.json`` for the business file of its instances."""
        if self.folder and self.folder.marks & HAS_SCHEMA:
            return Path(self.folder.path) / "schema.json"
        return self.spec.schema if self.spec else None

    @cached_property
    def module_name(self) -> str | None:
        """Real name of the element's package, or None when its Python is not importable."""
        if self.spec is not None:
            loader = self.spec.loader
            return loader.partition(":")[0] if isinstance(loader, str) else loader.__module__
        return f"{self.layer.package}.{self.fullName}" if self.layer.package else None

    @property
    def module(self) -> ModuleType:
        """The element's package, imported under its real name.

        :raises ElementFailed: if the folder's Python cannot be imported under any name.
        """
        if self.module_name is None:
            raise ElementFailed(
                f"{self.fullName} cannot be imported: its folder {self.path} lies outside the plugin's package.",
                fullName=self.fullName,
                hint="Put the element tree into the plugin's package.",
            )
        return importlib.import_module(self.module_name)

    def getFile(self, name: str, isBinary: bool = False) -> str | bytes:
        """Read a file of the element's folder.

        :param name: path relative to the element's folder.
        :param isBinary: True for bytes, False for UTF-8 text.
        :raises ArgumentError: if the name leads outside the folder, or the element has none.
        :raises OSError: if the file cannot be read.
        """
        folder = os.path.realpath(self.folder.path) if self.folder else None
        path = os.path.realpath(os.path.join(folder, name)) if folder and _may_be_a_path(name) else ""
        if folder is None or not path or os.path.commonpath([folder, path]) != folder:
            raise ArgumentError(f"{name!r} is not a file inside the folder of {self.fullName}.")
        content = Path(path).read_bytes()
        return content if isBinary else content.decode("utf-8")


def _may_be_a_path(name: object) -> bool:
    return isinstance(name, str | os.PathLike) and "\0" not in str(name)

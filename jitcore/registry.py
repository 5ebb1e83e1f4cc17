"""Which layer defines which full name: the App's index, and the parsed ``e.json`` behind each entry.

The index is complete from the moment an App opens, but only with names; an ``e.json`` is read when its element is
first asked for. A miss is never remembered, so a folder added later is found without reopening the App.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

from jitcore.discovery import Folder, is_element_name, look, scan
from jitcore.errors import ElementInvalid, ElementNotFound
from jitcore.files import SourceInvalid
from jitcore.importing import COMMONS
from jitcore.node import Node
from jitcore.problems import Problem
from jitcore.schemas import load_schema
from jitcore.source import read_json
from jitcore.suggestions import closest, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jitcore.app import App
    from jitcore.layers import Layer
    from jitcore.validation import Schema

__all__ = ["Registry"]


class Registry:
    """Names, definitions and module names of one App.

    :param app: the App the nodes belong to.
    :param overrides: False passes over what app folders define in place of a Type or Meta of a lower layer.
    """

    def __init__(self, app: App, *, overrides: bool = True) -> None:
        self.app = app
        self._overrides = overrides
        #: Names of which it is being found out whether they are Types, each with the thread that does.
        self._judging: set[tuple[int, str]] = set()
        #: Definitions that were read, by full name.
        self.cache: dict[str, tuple[Node, ...]] = {}
        self._hints: dict[tuple[str, str | None], str | None] = {}
        self._root_length = len(os.path.join(str(app.path), ""))

    @property
    def layers(self) -> Sequence[Layer]:
        """The App's layers, nearest first."""
        return self.app.layers

    def __contains__(self, fullName: str) -> bool:
        if not self.is_known(fullName):
            self.app.generated.refresh()
        return self.is_known(fullName)

    def is_known(self, fullName: str) -> bool:
        """Whether some layer defines the name, as far as anybody has looked."""
        return any(fullName in layer for layer in self.layers)

    def names(self) -> list[str]:
        """Every full name that some layer defines, sorted."""
        found: set[str] = set()
        for layer in self.layers:
            found.update(layer)
        return sorted(found)

    @cached_property
    def families(self) -> frozenset[str]:
        """First parts of all full names."""
        return frozenset(name.partition(".")[0] for name in self.names())

    @cached_property
    def _schema(self) -> Schema:
        return load_schema("e")

    def nodes(self, fullName: str) -> tuple[Node, ...]:
        """The definitions of a full name, nearest layer first.

        A definition below the nearest one that cannot be read is left out here; ``check`` reports it.

        :raises ElementNotFound: if no layer defines it, with the names that look like it.
        :raises ElementInvalid: if the nearest ``e.json`` has problems, or may not shadow what it shadows.
        """
        nodes = self.cache.get(fullName)
        if nodes is None:
            nodes = self.cache[fullName] = self._read_nodes(fullName)
        return nodes

    def definitions(self, fullName: str) -> list[tuple[Layer, Folder | None]]:
        """The layers that define a full name, nearest first, without reading anything."""
        found = [(layer, layer.tree.folders.get(fullName)) for layer in self.layers if fullName in layer]
        if self._overrides or len(found) < 2:
            return found
        lower = [self.layers[self.layers.index(layer) + 1 :] for layer, _ in found]
        return [
            one
            for one, below in zip(found, lower, strict=True)
            if not one[0].is_app or not self._overrides_type(fullName, below)
        ]

    def reindex(self, file: str) -> tuple[str, bool, bool] | None:
        """Take over a file that is new, changed or gone.

        :param file: absolute path.
        :returns: full name of the element whose folder it lies in, and whether some layer defined it before and does
            now; None when it belongs to no element.
        """
        for layer in self.layers:
            root = os.path.join(str(layer.root), "")
            if not layer.is_app or not file.startswith(root):
                continue
            folder = os.path.dirname(file)
            while len(folder) >= len(root):
                name = unicodedata.normalize("NFC", folder[len(root) :].replace(os.sep, "."))
                found = look(folder)
                if found is not None or name in layer.tree.folders:
                    before = self.is_known(name)
                    if found is None:
                        del layer.tree.folders[name]
                    else:
                        layer.tree.folders[name] = found
                    self.forget([name])
                    return name, before, self.is_known(name)
                folder = os.path.dirname(folder)
        return None

    def forget(self, names: Iterable[str]) -> None:
        """Have the definitions of some names read again when they are next needed."""
        for name in names:
            self.cache.pop(name, None)
        self.__dict__.pop("families", None)
        self._hints.clear()

    def define(self, layer: Layer, folder: Folder | None, fullName: str) -> Node:
        """Read one layer's definition.

        :raises SourceInvalid: if its ``e.json`` has problems.
        """
        if folder is None:
            element = layer.elements.get(fullName)
            if element is not None:
                define = {"type": element.type, "title": element.title}
                return Node(self.app, fullName, layer, None, None, define, generated=element)
            if fullName not in layer.types:
                raise self.missing(fullName)  # another thread found that it is gone
            spec = layer.types[fullName]
            define = {"type": spec.type, "title": spec.title, "version": spec.version}
            return Node(self.app, fullName, layer, None, None, define, spec)
        path = f"{folder.path}{os.sep}e.json"
        source = read_json(path, inside=folder.path, shown=self.shown(layer, path), element=fullName)
        if not self._schema.accepts(source.data):
            raise SourceInvalid(self._schema.explain(source))
        return Node(self.app, fullName, layer, folder, source, source.data)

    def shown(self, layer: Layer, path: str) -> str:
        """How messages name a file: relative to the opened app, absolute elsewhere."""
        if layer.kind == "app":
            return path[self._root_length :]
        return path

    def missing(self, fullName: str) -> ElementNotFound:
        """The error for a full name that nobody defines."""
        return ElementNotFound(
            f"No element {fullName!r} in {self.app.name} or the layers below it.",
            fullName=fullName,
            possibilities=closest(fullName, self.names()),
        )

    def did_you_mean(self, fullName: str, family: str | None = None) -> str | None:
        """The question to ask about a name that nobody defines; remembered, because a thousand may miss the same one.

        :param family: suggest names of this family only.
        """
        return self.hint(
            (fullName, family),
            lambda: did_you_mean(fullName, self.names() if family is None else self.names_of(family)),
        )

    def names_of(self, family: str) -> list[str]:
        """Every full name of a family, sorted."""
        start = f"{family}."
        return sorted({name for layer in self.layers for name in layer if name.startswith(start)})

    def hint(self, key: tuple[str, str | None], make: Callable[[], str | None]) -> str | None:
        """A hint that is dear to make and asked for again and again; remembered until a name comes or goes."""
        if key not in self._hints:
            self._hints[key] = make()
        return self._hints[key]

    def module_name(self, dotted: str) -> str | None:
        """Real name of the module that ``dotted`` (a full name, or something below one) stands for."""
        head = dotted
        while head:
            for layer, folder in self.definitions(head):
                node = Node(self.app, head, layer, folder, None, {}, layer.types.get(head))
                return None if node.module_name is None else node.module_name + dotted[len(head) :]
            head = head.rpartition(".")[0]
        if dotted == COMMONS or dotted.startswith(f"{COMMONS}."):
            return self._commons(dotted)
        return None

    def _commons(self, dotted: str) -> str | None:
        """The module of the nearest app that has it: an app's own commons hide no code that its base apps need."""
        roots = [(layer.package, layer.root / COMMONS) for layer in self.layers if layer.is_app and layer.root]
        holders = [(package, folder) for package, folder in roots if folder.is_dir()]
        parts = dotted.split(".")[1:]
        for package, folder in holders:
            path = folder.joinpath(*parts)
            if path.is_dir() or path.with_name(f"{path.name}.py").is_file():
                return f"{package}.{dotted}"
        return f"{holders[0][0]}.{dotted}" if holders else None

    def is_group(self, dotted: str) -> bool:
        """Whether ``dotted`` is a family or an intermediate folder of some element."""
        start = f"{dotted}."
        return any(name.startswith(start) for name in self.names())

    def _read_nodes(self, fullName: str) -> tuple[Node, ...]:
        found = self.definitions(fullName) or self._look_again(fullName)
        if not found and fullName in self:
            found = self.definitions(fullName)
        nodes: list[Node] = []
        for layer, folder in found:
            try:
                node = self.define(layer, folder, fullName)
            except SourceInvalid as invalid:
                if not nodes:
                    raise ElementInvalid(
                        f"{fullName} cannot be read.", fullName=fullName, problems=invalid.problems
                    ) from None
                continue
            # JAAP: a private element is not inherited.
            if layer.kind == "app" or node.define.get("accessModifier") != "private":
                nodes.append(node)
        if not nodes:
            raise self.missing(fullName)
        if len(nodes) > 1:
            self._refuse_protected(nodes)
        return tuple(nodes)

    def _look_again(self, fullName: str) -> list[tuple[Layer, Folder | None]]:
        """Look on disk for a name that was not there when the App opened."""
        fullName = unicodedata.normalize("NFC", fullName)
        parts = fullName.split(".")
        if all(is_element_name(part) for part in parts):
            for layer in self.layers:
                if layer.is_app and layer.root is not None:
                    path = os.path.join(layer.root, *parts)
                    if os.path.isfile(os.path.join(path, "e.json")):
                        layer.tree.folders.update(scan(path, fullName).folders)
                        self.__dict__.pop("families", None)
                        self._hints.clear()
        return list(self.definitions(fullName))

    def _overrides_type(self, fullName: str, lower: Sequence[Layer]) -> bool:
        """Whether one of the lower layers defines the name as a Type or Meta."""
        judged = (threading.get_ident(), fullName)
        if judged in self._judging:
            # Types whose types lead back to themselves: reported where they are used.
            return False
        self._judging.add(judged)
        try:
            for layer in lower:
                if fullName not in layer:
                    continue
                folder = layer.tree.folders.get(fullName)
                try:
                    if self.app.dispatch.kind(self.define(layer, folder, fullName)) != "instance":
                        return True
                except (SourceInvalid, ElementInvalid):
                    continue
            return False
        finally:
            self._judging.discard(judged)

    def _refuse_protected(self, nodes: Sequence[Node]) -> None:
        for shadowed in nodes[1:]:
            # JAAP: a protected element is inherited but not overridden.
            if shadowed.define.get("accessModifier") == "protected":
                raise ElementInvalid(
                    f"{nodes[0].fullName} may not be overridden.",
                    fullName=nodes[0].fullName,
                    problems=[_protected_problem(nodes[0], shadowed)],
                )


def _protected_problem(node: Node, shadowed: Node) -> Problem:
    code = "override-refused"
    message = f"{shadowed.layer} marks {shadowed.fullName} as protected: no nearer layer may define it."
    hint = "Give your element another name."
    # A Type without a folder has no e.json to say protected in, but it may stand above one that does.
    places = [shadowed.source.related("it is protected here", pointer="/accessModifier")] if shadowed.source else []
    if node.source is None:
        return Problem(code, message, element=node.fullName, hint=hint, related=tuple(places))
    return node.source.problem(code, message, hint=hint, secrets=(), related=places)

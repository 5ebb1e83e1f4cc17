"""From an element's ``type`` to the Loader, schema and lifecycle that serve it.

The chain of a Type is own → Type → Type's Type → … → Meta; the first link that has what is looked for wins (JitAi's
loader lookup). What is found is kept in one dictionary, so that loading an instance costs one lookup however many
Types are registered.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.contract import compose
from jitcore.discovery import HAS_LOADER, HAS_PACKAGE
from jitcore.errors import ElementFailed, ElementInvalid, ElementNotFound
from jitcore.files import SourceInvalid
from jitcore.importing import unload
from jitcore.problems import Problem
from jitcore.source import read_json
from jitcore.suggestions import closest
from jitcore.validation import Schema, compile_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from jitcore.node import Node
    from jitcore.plugins import Plugins
    from jitcore.problems import Related
    from jitcore.registry import Registry

__all__ = ["Dispatch", "ResolvedType"]


@dataclass(frozen=True, slots=True)
class ResolvedType:
    """A Type, ready to load instances.

    :param fullName: its full name.
    :param chain: full names from the Type to its Meta, both included.
    :param loader: the Loader class.
    :param schema: the schema of an instance's business file, if any link of the chain has one.
    :param takes_nodes: whether the Loader's constructor takes the nodes.
    """

    fullName: str
    chain: tuple[str, ...]
    loader: type[Any]
    schema: Schema | None
    takes_nodes: bool

    def make_loader(self, nodes: Sequence[Node]) -> Any:
        """A Loader for one instance; the peer's pages show Loaders with a constructor and without one."""
        if self.takes_nodes:
            return self.loader(nodes)
        loader = self.loader()
        loader.nodes = nodes
        return loader


class Dispatch:
    """Resolves Types for one App.

    :param registry: where names are looked up.
    :param plugins: whose ``jit_schemas`` are collected.
    """

    def __init__(self, registry: Registry, plugins: Plugins) -> None:
        self._registry = registry
        self._plugins = plugins
        #: Types that were resolved, and schemas that were looked for, by full name.
        self.resolved: dict[str, ResolvedType] = {}
        self._plugin_schemas: Mapping[str, Path] | None = None
        self.schemas: dict[str, Schema | None] = {}

    def resolve(self, fullName: str) -> ResolvedType:
        """Everything needed to load an instance of a Type.

        :raises ElementNotFound: if no layer defines the Type or a link of its chain.
        :raises ElementInvalid: if its definition, its code or its override is not acceptable.
        """
        resolved = self.resolved.get(fullName)
        if resolved is None:
            chain = self.chain(fullName)
            loader = self._loader(fullName, chain)
            takes_nodes = loader.__init__ is not object.__init__ and bool(inspect.signature(loader).parameters)
            resolved = ResolvedType(fullName, chain, loader, self.schema(fullName), takes_nodes)
            self.resolved[fullName] = resolved
        return resolved

    def forget(self, names: Iterable[str]) -> set[str]:
        """Have the Types resolved again whose chain holds one of ``names``.

        :returns: their full names.
        """
        names = set(names)
        stale = {name for name, resolved in self.resolved.items() if names.intersection(resolved.chain)}
        for name in stale:
            del self.resolved[name]
        # What a schema was looked for along is not kept; looking again is cheap.
        self.schemas.clear()
        return stale

    def chain(self, fullName: str) -> tuple[str, ...]:
        """Full names from a Type to its Meta, both included.

        :raises ElementInvalid: if the chain comes back to itself or ends in something that is no Meta.
        """
        chain: list[str] = []
        name = fullName
        while True:
            if name in chain:
                circle = chain[chain.index(name) :]
                told = f"The types lead back to themselves: {' → '.join([*circle, name])}."
                hint = "One of them must have the family's Meta as its type."
                raise self._invalid(
                    fullName, "type-cycle", told, "/type", hint, [one for one in circle if one != fullName]
                )
            chain.append(name)
            try:
                node = self._registry.nodes(name)[0]
            except ElementNotFound:
                if len(chain) == 1:
                    raise
                raise self.unknown_type(chain[-2], name) from None
            if not node.elementType:
                return tuple(chain)
            name = node.elementType

    def kind(self, node: Node) -> str:
        """``meta``, ``type`` or ``instance``.

        A Meta has an empty ``type``. A Type's ``type`` is a Meta, or another Type while it ships a Loader itself.
        """
        if not node.elementType:
            return "meta"
        if node.generated is not None:
            return "instance"
        if node.spec is not None or (node.folder and node.folder.marks & HAS_LOADER):
            return "type"
        try:
            if not self._registry.nodes(node.elementType)[0].elementType:
                return "type"
        except (ElementNotFound, ElementInvalid):
            return "instance"
        if node.folder and node.folder.marks & HAS_PACKAGE and hasattr(self.module(node), "Loader"):
            return "type"
        return "instance"

    def schema(self, fullName: str) -> Schema | None:
        """The schema of the business files of a Type's instances, from the first link of its chain that has one."""
        if fullName not in self.schemas:
            self.schemas[fullName] = self._find_schema(fullName)
        return self.schemas[fullName]

    def module(self, node: Node) -> ModuleType:
        """Import an element's package.

        :raises ElementInvalid: if its code raises while it is imported, with the place in its files.
        """
        try:
            return node.module
        except ElementFailed:
            raise
        except (Exception, SystemExit) as error:
            # A stranger's module may raise anything; it becomes a problem. Of what it had imported of its own before
            # that nothing stays: the next try would take it as it was.
            if node.module_name not in sys.modules:
                unload(node.module_name)
            raise ElementInvalid(
                f"The code of {node.fullName} cannot be imported.",
                fullName=node.fullName,
                problems=[self._import_problem(node, error)],
            ) from error

    def unknown_type(self, element: str, name: str) -> ElementInvalid:
        """The error for an element whose ``type`` nobody defines, located in its ``e.json``."""
        hint = self._registry.did_you_mean(name)
        return self._invalid(element, "unknown-type", f"No layer defines the type {name}.", "/type", hint=hint)

    def _find_schema(self, fullName: str) -> Schema | None:
        if self._plugin_schemas is None:
            collected: dict[str, Path] = {}
            for _plugin, schemas in self._plugins.collect("jit_schemas"):
                for name, path in schemas.items():
                    collected.setdefault(name, path)
            self._plugin_schemas = collected
        for name in self.chain(fullName):
            for node in self._registry.nodes(name):
                if node.schema_path is not None:
                    shown = self._registry.shown(node.layer, str(node.schema_path))
                    return self._compile(name, node.schema_path, shown)
            if name in self._plugin_schemas:
                path = self._plugin_schemas[name]
                return self._compile(name, path, str(path))
        return None

    def _compile(self, fullName: str, path: Path, shown: str) -> Schema:
        try:
            return compile_schema(read_json(path, inside=path.parent, shown=shown, element=fullName))
        except SourceInvalid as invalid:
            raise ElementInvalid(
                f"The schema of {fullName} cannot be used.", fullName=fullName, problems=invalid.problems
            ) from None

    def _loader(self, fullName: str, chain: tuple[str, ...]) -> type[Any]:
        for name in chain:
            nodes = self._registry.nodes(name)
            loader = self._own_loader(nodes[0])
            if loader is not None:
                packages = [(node, self._own_loader(node)) for node in nodes if node.is_package]
                meta = self._registry.nodes(chain[-1])[0]
                protocol = getattr(self.module(meta), "ElementProtocol", None) if meta.is_package else None
                return compose(packages, protocol if isinstance(protocol, type) else None)
        own = self._registry.nodes(fullName)[0]
        names = [name for name in dir(self.module(own)) if name[0] != "_"] if own.is_package else []
        misspelt = closest("Loader", names, limit=1)
        hint = f"Rename {misspelt[0]} to Loader." if misspelt else "Export a class Loader from its __init__.py."
        raise self._invalid(fullName, "loader-missing", f"Neither {' nor '.join(chain)} exports a Loader.", hint=hint)

    def _own_loader(self, node: Node) -> type[Any] | None:
        if not node.is_package:
            return None
        if node.spec is not None:
            target = node.spec.loader
            if not isinstance(target, str):
                return target
            _module, _, attribute = target.partition(":")
            loader = getattr(self.module(node), attribute, None)
        else:
            module_with_loader = self.module(node)
            loader = getattr(module_with_loader, "Loader", None)
            if loader is None and node.folder and node.folder.marks & HAS_LOADER:
                try:
                    loader = getattr(importlib.import_module(f"{node.module_name}.loader"), "Loader", None)
                except (Exception, SystemExit) as error:
                    raise ElementInvalid(
                        f"The Loader of {node.fullName} cannot be imported.",
                        fullName=node.fullName,
                        problems=[self._import_problem(node, error)],
                    ) from error
        return loader if isinstance(loader, type) else None

    def _invalid(
        self,
        fullName: str,
        code: str,
        message: str,
        pointer: str = "",
        hint: str | None = None,
        others: Sequence[str] = (),
    ) -> ElementInvalid:
        source = self._registry.nodes(fullName)[0].source
        if source is None:
            problem = Problem(code, message, element=fullName, hint=hint)
        else:
            # What an e.json says is no secret.
            problem = source.problem(
                code, message, pointer=pointer, hint=hint, secrets=(), related=self._types_of(others)
            )
        return ElementInvalid(f"{fullName} cannot be used as a Type.", fullName=fullName, problems=[problem])

    def _types_of(self, names: Sequence[str]) -> Iterator[Related]:
        for name in names:
            node = self._registry.nodes(name)[0]
            if node.source is not None:
                yield node.source.related(f"the type of {name} is {node.elementType}", pointer="/type")

    def _import_problem(self, node: Node, error: BaseException) -> Problem:
        from jitcore.codeplaces import import_problem

        return import_problem(node, error, self._registry)

"""Answering "where does this element come from": every layer that defines a name, the winner, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitcore.app import App
    from jitcore.discovery import Folder
    from jitcore.layers import Layer

__all__ = ["Definition", "Explanation", "explain"]

_ORDER = "Nearest first: the app, the apps it extends, generated elements, installed plugins by name, shipped plugins."


@dataclass(frozen=True, slots=True)
class Definition:
    """One layer's definition of the name.

    :param layer: name of the layer.
    :param kind: ``app``, ``base``, ``generated``, ``plugin`` or ``shipped``.
    :param distribution: name of the distribution, empty for an app.
    :param version: version of the distribution or app.
    :param file: its ``e.json``; the Loader of a Type without a folder; nothing of a generated element.
    :param element_version: ``version`` of the ``e.json``; empty when it cannot be read.
    """

    layer: str
    kind: str
    distribution: str
    version: str
    file: str
    element_version: str

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}" if self.distribution else self.kind
        place = f" {self.file}" if self.file else ""
        return f"{self.layer} ({origin}){place}" + (f", version {self.element_version}" if self.element_version else "")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What :meth:`jitcore.App.explain` returns; ``str()`` of it is what the command line prints.

    :param fullName: the name that was asked for.
    :param kind: ``meta``, ``type``, ``instance``, or ``unreadable``.
    :param state: ``declared``, ``loaded``, ``invalid`` or ``failed``.
    :param chain: full names from its Type to the Meta.
    :param winner: the nearest definition.
    :param shadowed: the definitions below it, nearest first.
    :param reason: why the winner wins.
    :param problems: what is wrong with it, as text.
    """

    fullName: str
    kind: str
    state: str
    chain: tuple[str, ...]
    winner: Definition
    shadowed: tuple[Definition, ...]
    reason: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.fullName} ({self.kind}, {self.state})",
            f"  winner    {self.winner}",
            *(f"  shadowed  {definition}" for definition in self.shadowed),
            f"  why       {self.reason}",
        ]
        if self.chain:
            lines.append(f"  chain     {' → '.join((self.fullName, *self.chain))}")
        lines += [f"  problem   {problem}" for problem in self.problems]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def explain(app: App, fullName: str) -> Explanation:
    """Collect the definitions of a name.

    :raises ElementNotFound: if no layer defines it.
    """
    app.generated.refresh()
    if fullName not in app.registry:
        raise app.registry.missing(fullName)
    definitions = [_definition(app, layer, folder, fullName) for layer, folder in app.registry.definitions(fullName)]
    kind = "unreadable"
    chain: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    try:
        node = app.registry.nodes(fullName)[0]
        kind = app.dispatch.kind(node)
        if node.elementType:
            chain = app.dispatch.chain(node.elementType)
        if kind == "instance":
            app.element_states.configuration(fullName)
        elif node.elementType:
            app.dispatch.resolve(fullName)
    except JitError as error:
        problems = tuple(str(problem) for problem in getattr(error, "problems", (error,)))
    winner, *shadowed = definitions
    return Explanation(
        fullName,
        kind,
        app.elements[fullName].state,
        chain,
        winner,
        tuple(shadowed),
        _reason(winner, shadowed),
        problems,
    )


def _reason(winner: Definition, shadowed: Sequence[Definition]) -> str:
    if not shadowed:
        return f"Only {winner.layer} defines it."
    others = " and ".join(definition.layer for definition in shadowed)
    return f"{winner.layer} is nearer than {others}. {_ORDER}"


def _definition(app: App, layer: Layer, folder: Folder | None, fullName: str) -> Definition:
    if fullName in layer.elements:
        file = version = ""
    elif folder is None:
        loader = layer.types[fullName].loader
        file = loader if isinstance(loader, str) else f"{loader.__module__}:{loader.__qualname__}"
        version = layer.types[fullName].version
    else:
        file = app.registry.shown(layer, f"{folder.path}/e.json")
        try:
            version = app.registry.define(layer, folder, fullName).version
        except JitError:
            version = ""
    return Definition(layer.name, layer.kind, layer.distribution, layer.version, file, version)

"""What an App knew before a round of hot reload, so that what fails goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jitcore.app import App

__all__ = ["Memory"]


class Memory:
    """The definitions, Types and business files that an App has read and found right.

    :param app: the App, before anything is forgotten.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._nodes = dict(app.registry.cache)
        self._resolved = dict(app.dispatch.resolved)
        self._configurations = dict(app.element_states.configurations)

    def chain(self, fullName: str) -> tuple[str, ...]:
        """The Types above an element as they were, nearest first; for a Type, itself first."""
        if fullName in self._resolved:
            return self._resolved[fullName].chain
        nodes = self._nodes.get(fullName)
        if nodes is None:
            try:
                nodes = self._app.registry.nodes(fullName)
            except JitError:
                return ()
        name = nodes[0].elementType
        return self._resolved[name].chain if name in self._resolved else (name,)

    def type_of(self, fullName: str) -> str:
        """The Type of an instance as it was; empty for Types and Metas, and when nobody read its definition."""
        nodes = self._nodes.get(fullName)
        return "" if nodes is None or fullName in self._resolved else nodes[0].elementType

    def has_type_of(self, names: Iterable[str]) -> bool:
        """Whether one of some names was a Type in use, or stood above one."""
        wanted = set(names)
        return any(not wanted.isdisjoint(resolved.chain) for resolved in self._resolved.values())

    def types(self) -> tuple[str, ...]:
        """The Types in use, in the order in which they came into it."""
        return tuple(self._resolved)

    def is_defined_elsewhere(self, fullName: str) -> bool:
        """Whether the folders that define an element are others than they were."""
        before = self._nodes.get(fullName)
        if before is None:
            return False
        try:
            now = self._app.registry.nodes(fullName)
        except JitError:
            return True
        return [node.path for node in now] != [node.path for node in before]

    def was_resolved(self, fullName: str) -> bool:
        """Whether a Type was in use."""
        return fullName in self._resolved

    def restore(self, fullName: str) -> None:
        """Let an element go on with the definition and the business file it was made from."""
        if fullName in self._nodes:
            self._app.registry.cache[fullName] = self._nodes[fullName]
        if fullName in self._configurations:
            self._app.element_states.configurations[fullName] = self._configurations[fullName]

    def restore_type(self, fullName: str) -> None:
        """Let a Type go on with the definition and the Loader it had."""
        self.restore(fullName)
        if fullName in self._resolved:
            self._app.dispatch.resolved[fullName] = self._resolved[fullName]

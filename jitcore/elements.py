"""The elements of one App: which are loaded, which cannot be, and the ladder each climbs on first use.

The ladder: definition → Type → business file → references → Loader → ``onLoad`` → live. Every step fails for this
element only. A failure is kept for ``app.elements`` and tried again at the next ``getElement``.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from jitcore.configuration import Configuration, configure, reference_problems
from jitcore.errors import ElementError, ElementFailed, ElementInvalid, JitError
from jitcore.lifecycle import call, lifecycle_of, type_functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jitcore.app import App
    from jitcore.node import Node
    from jitcore.problems import Problem
    from jitcore.validation import Schema

__all__ = ["ElementHandle", "Elements"]

log = logging.getLogger(__name__)


class Elements:
    """Loads elements on first use and keeps them.

    :param app: the App they belong to.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        #: Loaded elements without an ``onCalled``: what ``getElement`` answers from without any further step.
        self.live: dict[str, Any] = {}
        #: Loaded elements that want to be told of each call.
        self._called: dict[str, tuple[Any, Callable[..., Any]]] = {}
        #: Why the last attempt to load an element ended; cleared by its next success.
        self.failures: dict[str, JitError] = {}
        self._exits: list[tuple[str, Callable[..., Any]]] = []
        self._configurations: dict[str, Configuration] = {}
        self._acyclic: set[str] = set()
        self._lock = threading.RLock()
        self._loading: list[str] = []

    def get(self, fullName: str) -> Any:
        """The loaded element; loads it on first use."""
        called = self._called.get(fullName)
        if called is None:
            with self._lock:
                if fullName in self.live:
                    return self.live[fullName]
                if fullName not in self._called:
                    return self._load(fullName)
                called = self._called[fullName]
        element, on_called = called
        self._isolated(fullName, "onCalled", on_called)
        self._app.plugins.broadcast("jit_element_called", app=self._app, fullName=fullName)
        return element

    def configuration(self, fullName: str) -> Configuration:
        """The instance's business file, validated once.

        :raises ElementInvalid: with every problem of its files and of its Type.
        """
        configuration = self._configurations.get(fullName)
        if configuration is None:
            node = self._app.registry.nodes(fullName)[0]
            schema = self._app.dispatch.schema(self.checked_type(node))
            configuration = self._configure(node, schema)
        return configuration

    def _configure(self, node: Node, schema: Schema | None) -> Configuration:
        configuration = configure(self._app.registry, node, schema, self._app.variables)
        self._configurations[node.fullName] = configuration
        return configuration

    def checked_type(self, node: Node) -> str:
        """The full name of an instance's Type, which exists.

        :raises ElementInvalid: if nobody defines it, at its place in the instance's ``e.json``.
        """
        if node.elementType not in self._app.registry:
            raise self._app.dispatch.unknown_type(node.fullName, node.elementType)
        return node.elementType

    def state(self, fullName: str) -> str:
        """``declared``, ``loaded``, ``invalid`` or ``failed``."""
        if fullName in self.live or fullName in self._called:
            return "loaded"
        failure = self.failures.get(fullName)
        if failure is None:
            return "declared"
        return "invalid" if isinstance(failure, ElementInvalid) else "failed"

    def exit(self, exc_val: BaseException | None) -> None:
        """Run ``onAppExit`` of the loaded elements, last loaded first, and forget everything."""
        for fullName, function in reversed(self._exits):
            self._isolated(fullName, "onAppExit", function, exc_val=exc_val)
        self.live.clear()
        self._called.clear()
        self._exits.clear()
        self._configurations.clear()

    def _load(self, fullName: str) -> Any:
        if fullName in self._loading:
            circle = " → ".join([*self._loading[self._loading.index(fullName) :], fullName])
            raise ElementFailed(
                f"Loading {fullName} needs {fullName} itself: {circle}.",
                fullName=fullName,
                hint="Ask for the other element when it is used, not while loading.",
            )
        self._loading.append(fullName)
        try:
            element = self._climb(fullName)
        except JitError as error:
            # A miss leaves no trace, and another element's failure is that element's.
            own = not isinstance(error, ElementError) or error.fullName == fullName
            if own and fullName in self._app.registry:
                self.failures[fullName] = error
            raise
        finally:
            self._loading.pop()
        self.failures.pop(fullName, None)
        return element

    def _climb(self, fullName: str) -> Any:
        app = self._app
        nodes = app.registry.nodes(fullName)
        node = nodes[0]
        if app.dispatch.kind(node) != "instance":
            element = self._package(node)
            self.live[fullName] = element
            return element
        resolved = app.dispatch.resolve(self.checked_type(node))
        configuration = self._configurations.get(fullName) or self._configure(node, resolved.schema)
        if configuration.references:
            self.check_references(node, configuration)
        try:
            element = resolved.make_loader(nodes).load()
            lifecycle = lifecycle_of(node)
            on_load = getattr(lifecycle, "onLoad", None)
            if on_load is not None:
                call(on_load, app=app, fullName=fullName)
        except JitError:
            raise
        except Exception as error:
            self._tell_type(node, error)
            raise ElementFailed(
                f"Loading {fullName} failed in {resolved.loader.__module__}: {type(error).__name__}: {error}",
                fullName=fullName,
                hint="The cause is chained below this error.",
            ) from error
        on_exit = getattr(lifecycle, "onAppExit", None)
        if on_exit is not None:
            self._exits.append((fullName, on_exit))
        on_called = getattr(lifecycle, "onCalled", None)
        if on_called is None:
            self.live[fullName] = element
        else:
            self._called[fullName] = (element, on_called)
        app.plugins.broadcast("jit_element_loaded", app=app, fullName=fullName, element=element)
        return element

    def _package(self, node: Node) -> Any:
        """What ``getElement`` of a Meta or Type hands out: its package."""
        dispatch = self._app.dispatch
        if node.elementType:
            dispatch.resolve(node.fullName)
        if not node.is_package:
            return node
        return dispatch.module(node)

    def check_references(self, node: Node, configuration: Configuration) -> None:
        problems = reference_problems(self._app.registry, configuration)
        if not problems and (circle := self.reference_cycle(node.fullName)):
            assert configuration.source is not None
            pointer = next(where for where, name, _ in configuration.references if name == circle[1])
            problems = [
                configuration.source.problem(
                    "reference-cycle",
                    f"The elements refer to each other in a circle: {' → '.join(circle)}.",
                    pointer=pointer,
                )
            ]
        if problems:
            raise ElementInvalid(f"{node.fullName} is not valid.", fullName=node.fullName, problems=problems)

    def reference_cycle(self, fullName: str) -> list[str]:
        """The path on which references lead from an element back to itself; empty when they do not."""
        path: list[str] = []

        def visit(name: str) -> bool:
            path.append(name)
            for other in self._references_of(name):
                if other == fullName:
                    path.append(other)
                    return True
                if other not in path and other not in self._acyclic and visit(other):
                    return True
            path.pop()
            return False

        if fullName in self._acyclic:
            return []
        if visit(fullName):
            return path
        self._acyclic.add(fullName)
        return []

    def _references_of(self, fullName: str) -> Sequence[str]:
        try:
            return [name for _, name, _ in self.configuration(fullName).references]
        except JitError:
            # Its own problems are reported where it is used or checked; it has no edges to follow.
            return []

    def _tell_type(self, node: Node, error: Exception) -> None:
        for function in type_functions(self._app, node.elementType, "onException"):
            self._isolated(node.fullName, "onException", function, title=node.title, exc=error)

    def _isolated(self, fullName: str, what: str, function: Callable[..., Any], **arguments: Any) -> None:
        try:
            call(function, app=self._app, fullName=fullName, **arguments)
        except Exception:
            log.exception("%s of %s raised", what, fullName)


class ElementHandle:
    """One known element, loaded or not; what ``findElements`` and ``app.elements`` hand out.

    Attributes that the handle does not have itself are those of the loaded element, which is loaded for it (JitAi's
    Element is the same transparent proxy). A broken element therefore raises where it is used, and never hides.
    """

    __slots__ = ("_app", "fullName")

    def __init__(self, app: App, fullName: str) -> None:
        self._app = app
        self.fullName = fullName

    def __repr__(self) -> str:
        return f"<ElementHandle {self.fullName} {self.state}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.load(), name)

    @property
    def state(self) -> str:
        """``declared`` (known, not yet used), ``loaded``, ``invalid`` (its files) or ``failed`` (its code)."""
        return self._app.element_states.state(self.fullName)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it is ``invalid``; empty otherwise."""
        return tuple(getattr(self._app.element_states.failures.get(self.fullName), "problems", ()))

    @property
    def error(self) -> JitError | None:
        """Why the last attempt to load it ended, or None."""
        return self._app.element_states.failures.get(self.fullName)

    @property
    def type(self) -> str:
        """Full name of its Type (of its Meta, for a Type); empty for a Meta and while ``e.json`` cannot be read."""
        try:
            return self._app.registry.nodes(self.fullName)[0].elementType
        except JitError:
            return ""

    @property
    def kind(self) -> str:
        """``meta``, ``type`` or ``instance``; ``unreadable`` while its definition cannot be read."""
        try:
            return self._app.dispatch.kind(self._app.registry.nodes(self.fullName)[0])
        except JitError:
            return "unreadable"

    def load(self) -> Any:
        """The loaded element, as ``getElement`` returns it."""
        return self._app.getElement(self.fullName)

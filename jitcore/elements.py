"""The elements of one App: which are loaded, which cannot be, and the ladder each climbs on first use.

The ladder: definition → Type → business file → references → Loader → ``onLoad`` → live. Every step fails for this
element only. A failure is kept for ``app.elements`` and tried again at the next ``getElement``. A reload climbs the
same ladder beside the loaded element and swaps at its end.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from jitcore.configuration import Configuration, configure
from jitcore.errors import AppClosed, ElementError, ElementFailed, ElementInvalid, JitError
from jitcore.layers import APPS_PACKAGE
from jitcore.lifecycle import call, lifecycle_of, type_functions
from jitcore.pointers import split_pointer
from jitcore.references import References

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jitcore.app import App
    from jitcore.node import Node
    from jitcore.validation import Schema

__all__ = ["Elements", "Stale"]

log = logging.getLogger(__name__)


class Stale(NamedTuple):
    """An element that serves as it last was, because its files or its code are broken since.

    :param since: seconds since the epoch.
    :param error: what is wrong.
    """

    since: float
    error: JitError


class _Built(NamedTuple):
    """An element that climbed the ladder and is not handed out yet."""

    element: Any
    on_called: Callable[..., Any] | None = None
    on_exit: Callable[..., Any] | None = None


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
        #: Loaded elements whose last reload failed.
        self.stale: dict[str, Stale] = {}
        #: Business files that were read and found right, by full name.
        self.configurations: dict[str, Configuration] = {}
        self.references = References(app.registry, self.configuration)
        #: Taken to load and to reload; whoever finds a loaded element needs no lock.
        self.lock = threading.RLock()
        self._exits: dict[str, Callable[..., Any]] = {}
        self._loading: list[str] = []

    def get(self, fullName: str) -> Any:
        """The loaded element; loads it on first use."""
        called = self._called.get(fullName)
        if called is None:
            with self.lock:
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
        configuration = self.configurations.get(fullName)
        if configuration is None:
            node = self._app.registry.nodes(fullName)[0]
            schema = self._app.dispatch.schema(self.checked_type(node))
            configuration = self._configure(node, schema)
        return configuration

    def checked_type(self, node: Node) -> str:
        """The full name of an instance's Type, which exists.

        :raises ElementInvalid: if nobody defines it, at its place in the instance's ``e.json``.
        """
        if node.elementType not in self._app.registry:
            raise self._app.dispatch.unknown_type(node.fullName, node.elementType)
        return node.elementType

    def examine(self, fullName: str) -> None:
        """Find out whether an element could be loaded, without running any code of an instance.

        :raises ElementError: why it could not.
        """
        node = self._app.registry.nodes(fullName)[0]
        if self._app.dispatch.kind(node) == "instance":
            self._app.dispatch.resolve(self.checked_type(node))
            self.references.check(node, self.configuration(fullName))
        elif node.elementType:
            self._app.dispatch.resolve(fullName)

    def renew(self, fullName: str) -> Any:
        """Make a loaded element anew and swap it in.

        :returns: the element it replaces.
        :raises ElementError: why it could not be made; the loaded one is untouched.
        """
        built = self._build(fullName)
        before = self._called.get(fullName)
        replaced = before[0] if before is not None else self.live.get(fullName)
        self._exits.pop(fullName, None)
        # The new one is there before the old one goes: who asks without the lock always finds one.
        self._install(fullName, built)
        if built.on_called is None:
            self._called.pop(fullName, None)
        else:
            self.live.pop(fullName, None)
        return replaced

    def take_out(self, fullName: str) -> Any:
        """Hand out an element no longer; returns it, or None when it was not loaded."""
        for cache in (self._exits, self.configurations, self.stale, self.failures):
            cache.pop(fullName, None)
        called = self._called.pop(fullName, None)
        return called[0] if called is not None else self.live.pop(fullName, None)

    def retire(self, fullName: str) -> None:
        """Hand out an element no longer, and dispose of it: the next who asks gets it made anew."""
        element = self.take_out(fullName)
        if element is not None:
            dispose(fullName, element)

    def is_loaded(self, fullName: str) -> bool:
        """Whether an element is loaded."""
        return fullName in self.live or fullName in self._called

    def loaded(self) -> set[str]:
        """Full names of the loaded elements."""
        return self.live.keys() | self._called.keys()

    def referring(self) -> Mapping[str, set[str]]:
        """For each element that is referred to, the elements that do."""
        referring: dict[str, set[str]] = {}
        for name, configuration in self.configurations.items():
            for reference in configuration.references:
                referring.setdefault(reference.fullName, set()).add(name)
        return referring

    def is_outdated(self, fullName: str) -> bool:
        """Whether reading the business file anew gives another configuration than the element was made with."""
        before = self.configurations.pop(fullName, None)
        if before is None:
            return False
        try:
            return self.configuration(fullName).data != before.data
        except JitError:
            return True
        finally:
            self.configurations[fullName] = before

    def mark_stale(self, fullName: str, error: JitError, now: float) -> None:
        """Note that a reload failed; a loaded element goes on as it was, and says so."""
        self.failures[fullName] = error
        if self.is_loaded(fullName):
            before = self.stale.get(fullName)
            self.stale[fullName] = Stale(before.since if before else now, error)

    def settle(self, fullName: str) -> bool:
        """Note that an element is in order; whether it was not before."""
        failed = self.failures.pop(fullName, None) is not None
        return (self.stale.pop(fullName, None) is not None) or failed

    def state(self, fullName: str) -> str:
        """``declared``, ``loaded``, ``stale``, ``invalid`` or ``failed``."""
        if self.is_loaded(fullName):
            return "stale" if fullName in self.stale else "loaded"
        failure = self.failures.get(fullName)
        if failure is None:
            return "declared"
        return "invalid" if isinstance(failure, ElementInvalid) else "failed"

    def exit(self, exc_val: BaseException | None) -> None:
        """Run ``onAppExit`` of the loaded elements, last loaded first, and their disposers; forget everything."""
        # One may load another, which then exits as well.
        while self._exits:
            fullName, function = self._exits.popitem()
            self._isolated(fullName, "onAppExit", function, exc_val=exc_val)
        for fullName, element in reversed(
            [*self.live.items(), *((name, one) for name, (one, _) in self._called.items())]
        ):
            dispose(fullName, element)
        for cache in (self.live, self._called, self._exits, self.configurations, self.stale):
            cache.clear()

    def _load(self, fullName: str) -> Any:
        try:
            built = self._build(fullName)
        except JitError as error:
            # A miss leaves no trace, and another element's failure is that element's.
            own = not isinstance(error, ElementError) or error.fullName == fullName
            if own and fullName in self._app.registry:
                self.failures[fullName] = error
            raise
        self._install(fullName, built)
        self.failures.pop(fullName, None)
        if self._app.closed:
            # It was loading while another thread closed the App, which saw nothing of it.
            self.exit(None)
            raise AppClosed(f"{self._app.name} was closed while {fullName} was loading.")
        return built.element

    def _build(self, fullName: str) -> _Built:
        if fullName in self._loading:
            circle = " → ".join([*self._loading[self._loading.index(fullName) :], fullName])
            raise ElementFailed(
                f"Loading {fullName} needs {fullName} itself: {circle}.",
                fullName=fullName,
                hint="Ask for the other element when it is used, not while loading.",
            )
        self._loading.append(fullName)
        try:
            return self._climb(fullName)
        finally:
            self._loading.pop()

    def _climb(self, fullName: str) -> _Built:
        app = self._app
        nodes = app.registry.nodes(fullName)
        node = nodes[0]
        resolved = None if node.is_package else app.dispatch.resolved.get(node.elementType)
        if resolved is None:
            if app.dispatch.kind(node) != "instance":
                return _Built(self._package(node))
            resolved = app.dispatch.resolve(self.checked_type(node))
        configuration = self.configurations.get(fullName) or self._configure(node, resolved.schema)
        if configuration.references:
            self.references.check(node, configuration)
        place = _readable(resolved.loader.__module__)
        try:
            element = resolved.make_loader(nodes).load()
            place = f"{fullName}.lifecycle"
            lifecycle = lifecycle_of(node)
            on_load = getattr(lifecycle, "onLoad", None)
            if on_load is not None:
                call(on_load, app=app, fullName=fullName)
        except JitError:
            raise
        # Code that exits fails like any other: one element never ends the process.
        except (Exception, SystemExit) as error:
            self._tell_type(node, error)
            told = _without_secrets(app.variables.redact(str(error)), configuration.data, resolved.schema)
            raise ElementFailed(
                f"Loading {fullName} failed in {place}: {type(error).__name__}: {told}",
                fullName=fullName,
                hint="The cause is chained below this error.",
            ) from error
        return _Built(element, getattr(lifecycle, "onCalled", None), getattr(lifecycle, "onAppExit", None))

    def _install(self, fullName: str, built: _Built) -> None:
        if built.on_exit is not None:
            self._exits[fullName] = built.on_exit
        if built.on_called is None:
            self.live[fullName] = built.element
        else:
            self._called[fullName] = (built.element, built.on_called)
        self._app.plugins.broadcast("jit_element_loaded", app=self._app, fullName=fullName, element=built.element)

    def _configure(self, node: Node, schema: Schema | None) -> Configuration:
        configuration = configure(self._app.registry, node, schema, self._app.variables)
        self.configurations[node.fullName] = configuration
        return configuration

    def _package(self, node: Node) -> Any:
        """What ``getElement`` of a Meta or Type hands out: its package."""
        dispatch = self._app.dispatch
        if node.elementType:
            dispatch.resolve(node.fullName)
        if not node.is_package:
            return node
        return dispatch.module(node)

    def _tell_type(self, node: Node, error: BaseException) -> None:
        try:
            functions = type_functions(self._app, node.elementType, "onException")
        except (Exception, SystemExit):
            log.exception("the lifecycle of %s raised", node.elementType)
            return
        for function in functions:
            self._isolated(node.fullName, "onException", function, title=node.title, exc=error)

    def _isolated(self, fullName: str, what: str, function: Callable[..., Any], **arguments: Any) -> None:
        try:
            call(function, app=self._app, fullName=fullName, **arguments)
        except (Exception, SystemExit):
            log.exception("%s of %s raised", what, fullName)


def dispose(fullName: str, element: Any) -> None:
    """Run the disposers that an element recorded, last first, each isolated."""
    disposers = getattr(element, "_disposers", None)
    while isinstance(disposers, list) and disposers:
        disposer = disposers.pop()
        try:
            disposer()
        except (Exception, SystemExit):
            log.exception("disposing %s: %r raised", fullName, disposer)


def _readable(module: str) -> str:
    # The real package of an app folder has a number in its name, which tells a reader nothing.
    return module.split(".", 2)[2] if module.count(".") > 1 and module.startswith(f"{APPS_PACKAGE}.") else module


def _without_secrets(text: str, data: Any, schema: Schema | None) -> str:
    """A text of an element's code without the values of its business file that the schema marks as secret."""
    for pointer in () if schema is None else schema.hidden(data):
        value = data
        for token in split_pointer(pointer):
            value = value[int(token) if isinstance(value, list) else token]
        if isinstance(value, str) and value:
            text = text.replace(value, "***")
    return text

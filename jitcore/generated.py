"""Elements without a folder: what plugins make of data, in layers of their own between the apps and the plugins.

A plugin that implements ``jit_elements`` is asked again whenever somebody lists elements, and when a name is asked for
that nobody defines; a loaded element is handed out without asking. So an element that another process brought about is
there the next time somebody looks, and an app in which nobody generates anything pays nothing.
"""

from __future__ import annotations

import itertools
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from jitcore.contributions import ElementSpec, checked
from jitcore.layers import Layer
from jitcore.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitcore.app import App
    from jitcore.plugins import Plugin

__all__ = ["Generated"]

log = logging.getLogger(__name__)


class _Generator(NamedTuple):
    """A plugin that generates elements, and where they stand."""

    plugin: Plugin
    ask: Callable[[App], Any]
    elements: dict[str, ElementSpec]
    layer: Layer


class Generated:
    """The generated elements of one App.

    :param app: the App; its plugins are loaded.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._generators = [_generator(plugin, ask) for plugin, ask in app.plugins.implementations("jit_elements")]
        #: One for each plugin that generates elements, nearest first.
        self.layers = tuple(generator.layer for generator in self._generators)
        #: Threads that are not to look again just now.
        self._held: set[int] = set()
        self._numbers = itertools.count(1)
        self._latest = 0
        self._failures: dict[str, str] = {}

    def refresh(self) -> None:
        """Ask the plugins what there is now, and take it over.

        A plugin that fails keeps what it had generated before.
        """
        if not self._generators or threading.get_ident() in self._held or self._app.closed:
            return
        # A plugin that looks for elements meanwhile finds those there are.
        with self._hold():
            number = next(self._numbers)
            told = [(generator, self._ask(generator)) for generator in self._generators]
        if any(elements is not None and elements != generator.elements for generator, elements in told):
            self._take_over(number, told)

    @contextmanager
    def looked_at_once(self) -> Iterator[None]:
        """Look now, and not again in this thread for the length of the block, however many names are missing."""
        self.refresh()
        with self._hold():
            yield

    def problems(self) -> Iterator[Problem]:
        """What went wrong the last time."""
        for message in self._failures.values():
            hint = "The elements that it generated before stay as they were."
            yield Problem("plugin-failed", message, severity="warning", hint=hint)

    @contextmanager
    def _hold(self) -> Iterator[None]:
        thread = threading.get_ident()
        inner = thread in self._held
        self._held.add(thread)
        try:
            yield
        finally:
            if not inner:
                self._held.discard(thread)

    def _ask(self, generator: _Generator) -> dict[str, ElementSpec] | None:
        plugin = generator.plugin
        try:
            told: dict[str, ElementSpec] = dict(checked("jit_elements", generator.ask(self._app)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - isolates one plugin's fault from the App
            sentence = " ".join(str(error).split())
            message = f"jit_elements() of plugin {plugin.name} raised {type(error).__name__}: {sentence}"
            if self._failures.get(plugin.name) != message:
                self._failures[plugin.name] = message
                log.warning("%s", message)
            return None
        self._failures.pop(plugin.name, None)
        return told

    def _take_over(self, number: int, told: list[tuple[_Generator, dict[str, ElementSpec] | None]]) -> None:
        states = self._app.element_states
        # Plugins were asked without it: loading needs it, and what loads may miss a name and ask.
        with states.lock:
            if number < self._latest:
                return  # somebody who asked later was faster
            self._latest = number
            changed: set[str] = set()
            for generator, elements in told:
                if elements is None:
                    continue
                before = generator.elements
                different = {name for name in before if elements.get(name) != before[name]}
                changed |= different | (elements.keys() - before.keys())
                for name in different - elements.keys():
                    del before[name]
                before.update({name: elements[name] for name in elements if before.get(name) != elements[name]})
            self._app.registry.forget(changed)
            states.references.forget()
            for name in changed:
                states.retire(name)


def _generator(plugin: Plugin, ask: Callable[[App], Any]) -> _Generator:
    elements: dict[str, ElementSpec] = {}
    layer = Layer(
        "generated",
        "generated",
        None,
        None,
        distribution=plugin.distribution,
        version=plugin.version,
        elements=elements,
    )
    return _Generator(plugin, ask, elements, layer)

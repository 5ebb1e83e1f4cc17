"""From changed files to new elements: what a round of hot reload does to an App.

A round works out what the files concern (an element, a Type with its instances, a shared module with its importers,
the variables, the layers), makes each concerned element beside the old one, and swaps it in when that succeeded. All
of it happens under the lock that loading takes; loaded elements keep being handed out meanwhile.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jitcore.errors import ElementInvalid, JitError
from jitcore.handle import ElementHandle
from jitcore.watching.memory import Memory
from jitcore.watching.modules import ModuleSwap, concerned, owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jitcore.app import App
    from jitcore.watching.retiring import Retirement

__all__ = ["Reload", "refresh"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reload:
    """What one round did.

    :param files: the changed files, as messages name them.
    :param created: instances that appeared.
    :param updated: instances whose own files changed.
    :param deleted: elements whose folder is gone.
    :param types: the Type of each of these that is an instance, as far as it is known.
    :param reloaded: loaded elements that were made anew and swapped in.
    :param stale: elements whose edit is broken, with the error; those that were loaded keep serving as they were.
    :param recovered: elements of earlier rounds' ``stale`` that are in order again.
    :param error: why ``app.json`` or ``.env`` was not taken over, or None.
    :param reread: whether they were.
    :param mended: whether they were, after rounds in which they could not be.
    :param seconds: how long the round took.
    """

    files: tuple[str, ...]
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    reloaded: tuple[str, ...] = ()
    stale: Mapping[str, JitError] = field(default_factory=dict)
    recovered: tuple[str, ...] = ()
    error: JitError | None = None
    reread: bool = False
    mended: bool = False
    seconds: float = 0.0

    def __bool__(self) -> bool:
        """Whether anything but files changed."""
        return bool(self.created or self.updated or self.deleted or self.reloaded or self.stale or self.recovered)


def refresh(app: App, files: Iterable[str], retirement: Retirement, clock: Callable[[], float]) -> Reload:
    """Take over the changes of some files.

    :param files: absolute paths of files that are new, changed or gone.
    :param retirement: where replaced elements go.
    :param clock: seconds, for the duration.
    """
    started = clock()
    with app.element_states.lock:
        result = _Round(app, set(files), retirement).run(clock, started)
    _log(result)
    return result


class _Round:
    """One round; the attributes are what its steps hand to the next."""

    def __init__(self, app: App, files: set[str], retirement: Retirement) -> None:
        self.app = app
        self.files = files
        self.states = app.element_states
        self.retirement = retirement
        self.error: JitError | None = None
        self.created: set[str] = set()
        self.deleted: set[str] = set()
        #: Elements whose own files changed.
        self.touched: set[str] = set()
        #: Elements to make anew although nothing of their own changed.
        self.dragged: set[str] = set()
        self.reloaded: list[str] = []
        self.stale: dict[str, JitError] = {}
        self.recovered: list[str] = []

    def run(self, clock: Callable[[], float], started: float) -> Reload:
        app = self.app
        old = Memory(app)
        suspects = set(self.states.failures) | set(self.states.stale)
        rerouted = self._read_app_files()
        if rerouted:
            self._follow_layers(old)
        self._update_index()
        modules = concerned(app, self.files)
        units = {name for module in modules if (name := owner(app, module)) is not None}
        self.touched |= units
        if rerouted or self.created or self.deleted:
            # Whatever could not be resolved before may be now.
            self.dragged |= suspects
        used = {name: old.chain(name) for name in suspects}
        app.registry.forget(self.touched | self.created | self.deleted)
        types = app.dispatch.forget(self.touched | self.created | self.deleted)
        broken = self._reload_types(types, modules, old)
        changed = self.touched | types
        if old.has_type_of(changed):
            # Only now is it worth asking ten thousand elements for their Types.
            used.update((name, old.chain(name)) for name in self.states.loaded())
        for name, chain in used.items():
            if not changed.isdisjoint(chain):
                failed = next((broken[link] for link in chain if link in broken), None)
                if failed is None:
                    self.dragged.add(name)
                else:
                    self._keep(name, failed)
        self._drag_dependants()
        if rerouted:
            self.dragged |= {name for name in self.states.loaded() if self.states.is_outdated(name)}
        for name in self._in_order():
            if name not in self.stale:
                self._renew(name, old)
        return Reload(
            files=tuple(sorted(self._shown(file) for file in self.files)),
            created=tuple(sorted(self.created)),
            updated=tuple(sorted(self.touched - self.created - self.deleted)),
            deleted=tuple(sorted(self.deleted)),
            types={name: type_name for name in self.touched if (type_name := self._type_of(name, old))},
            reloaded=tuple(self.reloaded),
            stale=dict(sorted(self.stale.items())),
            recovered=tuple(self.recovered),
            error=self.error,
            reread=rerouted,
            seconds=clock() - started,
        )

    def _read_app_files(self) -> bool:
        """Take over ``app.json`` and ``.env``; whether variables or layers may have changed."""
        roots = [str(layer.root) for layer in self.app.layers if layer.is_app]
        manifests = {os.path.join(root, "app.json") for root in roots} & self.files
        dotenv = os.path.join(self.app.path, ".env") in self.files
        if not manifests and not dotenv:
            return False
        try:
            self.app.reread()
        except JitError as error:
            self.error = error
            return False
        return True

    def _follow_layers(self, old: Memory) -> None:
        """Find what has another definition now, and have the Types in use resolved: edits are followed by that."""
        for name in {*old.types(), *self.states.loaded()}:
            if name not in self.app.registry:
                self.deleted.add(name)
            elif old.is_defined_elsewhere(name):
                self.touched.add(name)
        for name in old.types():
            if name not in self.deleted:
                try:
                    self.app.dispatch.resolve(name)
                except JitError:
                    # Its instances tell, as soon as they are made anew.
                    old.restore_type(name)

    def _update_index(self) -> None:
        for file in sorted(self.files):
            changed = self.app.registry.reindex(file)
            if changed is None:
                continue
            name, before, after = changed
            self.touched.add(name)
            if after and not before:
                self.created.add(name)
            elif before and not after:
                self.deleted.add(name)

    def _reload_types(self, types: set[str], modules: set[str], old: Memory) -> dict[str, JitError]:
        """Resolve the concerned Types from new code; those that fail get their old code and definition back."""
        broken: dict[str, JitError] = {}
        swap = ModuleSwap(modules)
        for name in sorted(types):
            if name not in self.app.registry:
                continue
            try:
                self.app.dispatch.resolve(name)
            except JitError as error:
                broken[name] = error
                swap.put_back({module for module in modules if owner(self.app, module) == name})
                old.restore_type(name)
                if self.states.is_loaded(name) or old.was_resolved(name):
                    self._keep(name, error)
                continue
            self._renewed_package(name)
        if broken:
            swap.put_back_missing()
        return broken

    def _renewed_package(self, name: str) -> None:
        if name in self.states.live:
            self.states.live[name] = self.app.dispatch.module(self.app.registry.nodes(name)[0])
            self.reloaded.append(name)
        self._settled(name)

    def _drag_dependants(self) -> None:
        """Elements that refer to a concerned element are made anew, too."""
        waiting = [*self.touched, *self.dragged, *self.deleted]
        if not waiting:
            return
        referring = self.states.referring()
        while waiting:
            for name in referring.get(waiting.pop(), ()):
                if name not in self.dragged and name not in self.stale:
                    self.dragged.add(name)
                    waiting.append(name)

    def _in_order(self) -> list[str]:
        """The concerned elements, each after those it refers to."""
        concerned_names = self.touched | self.dragged | self.deleted
        ordered: dict[str, None] = {}
        placing: set[str] = set()
        # A stack of our own: how long a row of references is, is the user's business.
        waiting = sorted(concerned_names, reverse=True)
        while waiting:
            name = waiting.pop()
            if name in ordered:
                continue
            first = [one for one in self._references(name) if one in concerned_names and one not in ordered]
            if name in placing or not first:
                ordered[name] = None
                continue
            placing.add(name)
            waiting.append(name)
            waiting += sorted((one for one in first if one not in placing), reverse=True)
        return list(ordered)

    def _references(self, name: str) -> Iterator[str]:
        """What an element refers to, as far as its business file was read before the round."""
        configuration = self.states.configurations.get(name)
        if configuration is not None:
            yield from (reference.fullName for reference in configuration.references)

    def _renew(self, name: str, old: Memory) -> None:
        """Make one element anew, or find out what is wrong with it."""
        states = self.states
        if name not in self.app.registry:
            gone = states.take_out(name)
            if gone is not None:
                self.retirement.add(name, gone)
            return
        was_loaded = states.is_loaded(name)
        states.configurations.pop(name, None)
        try:
            if was_loaded:
                replaced = states.renew(name)
                self.retirement.add(name, replaced)
                if name not in self.reloaded:
                    self.reloaded.append(name)
            else:
                states.examine(name)
        except JitError as error:
            old.restore(name)
            self._keep(name, error)
        else:
            self._settled(name)

    def _type_of(self, name: str, old: Memory) -> str:
        """The Type of an instance; empty for Types and Metas, and when nobody ever read it."""
        if name in self.deleted:
            return old.type_of(name)
        handle = ElementHandle(self.app, name)
        return handle.type if handle.kind == "instance" else ""

    def _keep(self, name: str, error: JitError) -> None:
        self.stale[name] = error
        self.states.mark_stale(name, error, time.time())

    def _settled(self, name: str) -> None:
        if self.states.settle(name):
            self.recovered.append(name)

    def _shown(self, file: str) -> str:
        prefix = os.path.join(self.app.path, "")
        return file.removeprefix(prefix)


def _log(result: Reload) -> None:
    for name, error in result.stale.items():
        told = error.problems[0] if isinstance(error, ElementInvalid) and error.problems else error
        log.warning("%s is stale: %s", name, told)
    for name in result.recovered:
        log.info("%s recovered", name)
    if result.error is not None:
        log.warning("the app's own files were not taken over: %s", result.error)
    if result:
        log.info(
            "reloaded %d, created %d, deleted %d in %.0f ms",
            len(result.reloaded),
            len(result.created),
            len(result.deleted),
            result.seconds * 1000,
        )

"""The thread that finds out which files of some app folders changed: from the first sign of an edit to its content.

Events only mark folders dirty. After a short quiet window the dirty folders are looked at, and what really changed is
handed on. What no event told of (a burst that overflowed the kernel's queue, a linked folder, a system without events)
is found by looking at everything: after bursts, every few seconds, and faster when that is all there is.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from jitcore.watching.events import Events
from jitcore.watching.files import FileStates, age

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitcore.app import App

__all__ = ["FileWatch", "Scope", "scope_of"]

log = logging.getLogger(__name__)

#: Seconds without a further event before the dirty folders are looked at, and the longest wait for that.
QUIET = 0.02
LONGEST = 0.5
#: Seconds between two looks at everything, with events and without.
RECONCILE, POLL = 3.0, 1.0
#: A look at everything may take at most this share of the time: large apps are looked at less often.
SHARE = 0.01
#: So many dirty folders at once are a burst, after which events may have been lost.
BURST = 64
#: Seconds after a burst, or after a look that found what no event told of, at which everything is looked at.
AFTER_BURST = 1.0
#: What a look at everything finds younger than this is left to the event that ends the save, or to the next look.
SETTLED = 0.3


class Scope(NamedTuple):
    """What is watched.

    :param roots: absolute paths of app folders.
    :param families: names of the folders directly below that hold elements.
    """

    roots: tuple[str, ...]
    families: frozenset[str] = frozenset()


def scope_of(app: App) -> Scope:
    """What there is to watch of an App: its app folders, and in them whatever has an ``e.json`` somewhere below."""
    layers = [layer for layer in app.layers if layer.is_app]
    # A folder whose name cannot be an element's is still one that somebody means to mend.
    misnamed = {os.path.relpath(path, layer.root).split(os.sep)[0] for layer in layers for path in layer.tree.misnamed}
    return Scope(tuple(str(layer.root) for layer in layers), app.registry.families | misnamed)


class FileWatch:
    """Tells of the files that are new, changed or gone, until :meth:`stop`.

    :param name: the thread's name.
    :param scope: what to watch.
    :param take: called with absolute paths of changed files, on the thread, while :attr:`turn` is held.
    :param rest: called after each look; True when it has more to do soon.
    """

    def __init__(
        self, name: str, scope: Scope, take: Callable[[set[str]], object], rest: Callable[[], bool] = lambda: False
    ) -> None:
        self._take = take
        self._rest = rest
        self._has_more = False
        self._wake = threading.Condition()
        #: Held from a look at files to the end of what it led to, so that two never see the same change.
        self.turn = threading.RLock()
        self._dirty: set[str] = set()
        self._first = self._last = 0.0
        self._stopping = False
        self._files = FileStates(scope.roots, scope.families)
        self._events = Events(self._mark)
        self._reconcile_at = 0.0
        self.listen()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to tell; what changed since the watch was made is told first."""
        self._thread.start()

    @property
    def is_polling(self) -> bool:
        """Whether the system gives no events, so that changes are found by looking every second."""
        return not self._events.work

    @property
    def roots(self) -> tuple[str, ...]:
        """The app folders that are watched."""
        return self._files.roots

    def follow(self, scope: Scope) -> bool:
        """Watch this from now on.

        :returns: whether there are folders that were not looked at before; what changed in them until now is not told.
        """
        with self.turn:
            is_other = scope.roots != self._files.roots or self._files.passes_over(scope.families)
            if is_other:
                self._files = FileStates(scope.roots, scope.families, self._files)
            self.listen()
        return is_other

    def listen(self) -> None:
        """Listen where there is something to hear, and look once more: it may have happened before we listened."""
        if self._events.follow(self._watched()):
            with self._wake:
                self._reconcile_at = time.monotonic()
                self._wake.notify()

    def look(self) -> set[str]:
        """Look at everything now.

        :returns: absolute paths of the files that changed; they are not told of again.
        """
        with self.turn:
            with self._wake:
                self._dirty.clear()
            return self._files.look_everywhere()

    def stop(self) -> None:
        """Tell no more."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        self._events.stop()

    def _mark(self, folder: str) -> None:
        now = time.monotonic()
        with self._wake:
            if not self._dirty:
                self._first = now
            self._last = now
            self._dirty.add(folder)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            folders = self._next()
            if self._stopping:
                return
            try:
                with self.turn:
                    self._step(folders)
            except Exception:
                # The thread must outlive whatever a file or an element did; the next look tries again.
                log.exception("a round of hot reload failed")
                self._reconcile_at = time.monotonic() + RECONCILE

    def _step(self, folders: set[str]) -> None:
        if folders:
            changed = self._files.look(folders)
            if any(self._files.is_unfinished(file) for file in changed):
                self._put_off(folders, changed)
            elif changed:
                self._take(changed)
            else:
                # A folder that appeared empty is listened to before its files come.
                self.listen()
            if len(folders) >= BURST:
                self._reconcile_at = min(self._reconcile_at, time.monotonic() + AFTER_BURST)
        if time.monotonic() >= self._reconcile_at:
            self._reconcile()
        self._has_more = self._rest()

    def _next(self) -> set[str]:
        """Wait for dirty folders that have been quiet, or for the next look at everything."""
        with self._wake:
            while not self._stopping:
                now = time.monotonic()
                if self._dirty:
                    due = min(self._last + QUIET, self._first + LONGEST)
                    if now >= due:
                        folders, self._dirty = self._dirty, set()
                        return folders
                else:
                    due = self._reconcile_at
                    if now >= due:
                        return set()
                    if self._has_more:
                        due = min(due, now + QUIET)
                        if self._wake.wait(due - now):
                            continue
                        return set()
                self._wake.wait(due - now)
            return set()

    def _reconcile(self) -> None:
        started = time.monotonic()
        changed = self._files.look_everywhere()
        took = time.monotonic() - started
        # In the middle of a save a file may be empty or missing; nothing but the next look would tell that it was.
        unsettled = {file for file in changed if age(file) < SETTLED and os.path.isdir(os.path.dirname(file))}
        self._files.forget(unsettled)
        if changed - unsettled:
            self._take(changed - unsettled)
        self._events.follow(self._watched())
        if unsettled:
            pause = SETTLED
        elif changed:
            # Where events were lost, more may have been since this look began.
            pause = AFTER_BURST
        else:
            pause = max(POLL if self.is_polling else RECONCILE, took / SHARE)
        self._reconcile_at = time.monotonic() + pause

    def _put_off(self, folders: set[str], files: set[str]) -> None:
        self._files.forget(files)
        with self._wake:
            now = time.monotonic()
            if not self._dirty:
                self._first = now
            self._last = now
            self._dirty |= folders | {os.path.dirname(file) for file in files}

    def _watched(self) -> set[tuple[str, bool]]:
        """Folders to hear events of, and whether with all below: the roots themselves, families and commons."""
        return {(root, False) for root in self._files.roots} | {(top, True) for top in self._files.families()}

"""The thread behind hot reload: from the first sign of an edit to the finished round.

Events only mark folders dirty. After a short quiet window the dirty folders are looked at and one round takes over what
really changed. What no event told of (a burst that overflowed the kernel's queue, a linked folder, a system without
events) is found by looking at everything: after bursts, every few seconds, and faster when that is all there is.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jitcore.lifecycle import Changes
from jitcore.watching.announcing import Announcer
from jitcore.watching.events import Events
from jitcore.watching.files import FileStates, age
from jitcore.watching.refresh import Reload, refresh
from jitcore.watching.retiring import Retirement

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitcore.app import App
    from jitcore.errors import JitError

__all__ = ["Watcher"]

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
#: Seconds after a burst at which everything is looked at.
AFTER_BURST = 1.0
#: What a look at everything finds younger than this is left to the event that ends the save, or to the next look.
SETTLED = 0.3


class Watcher:
    """Takes over edits of an App's files while it is open.

    :param app: the App.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._listeners: list[Callable[[Reload], object]] = []
        self._retirement = Retirement(time.monotonic)
        self._wake = threading.Condition()
        #: Held from a look at files to the end of what it led to, so that two never see the same change.
        self._turn = threading.RLock()
        self._dirty: set[str] = set()
        self._first = self._last = 0.0
        self._stopping = False
        #: Whether Types are told of the instances that appear, change and vanish; False for who only looks on.
        self.announces = True
        self._announcer = Announcer(app)
        #: Why ``app.json`` or ``.env``, as they are now, were not taken over; None while they are in order.
        self.error: JitError | None = None
        self._appeared: set[str] = set()
        self._files = FileStates(self._roots(), app.registry.families)
        self._events = Events(self._mark)
        self._reconcile_at = 0.0
        self._follow()
        self._thread = threading.Thread(target=self._run, name=f"jit-watch-{app.name}", daemon=True)
        self._thread.start()

    @property
    def is_polling(self) -> bool:
        """Whether the system gives no events, so that changes are found by looking every second."""
        return not self._events.work

    def subscribe(self, listener: Callable[[Reload], object]) -> None:
        """Have ``listener`` called after each round that changed something, on the watcher's thread."""
        self._listeners.append(listener)

    def reload(self) -> Reload:
        """Look at everything now and take over what changed; for when events are not enough."""
        with self._turn:
            with self._wake:
                self._dirty.clear()
            return self._take_over(self._files.look_everywhere())

    def stop(self) -> None:
        """End watching; dispose what was replaced."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        self._events.stop()
        self._announcer.stop()
        self._retirement.dispose(everything=True)

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
                with self._turn:
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
                self._take_over(changed)
            else:
                # A folder that appeared empty is listened to before its files come.
                self._follow()
            if len(folders) >= BURST:
                self._reconcile_at = min(self._reconcile_at, time.monotonic() + AFTER_BURST)
        if time.monotonic() >= self._reconcile_at:
            self._reconcile()
        self._retirement.dispose()

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
                    if len(self._retirement):
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
            self._take_over(changed - unsettled)
        self._events.follow(self._watched())
        pause = POLL if self.is_polling else RECONCILE
        self._reconcile_at = time.monotonic() + (SETTLED if unsettled else max(pause, took / SHARE))

    def _take_over(self, files: set[str]) -> Reload:
        result = refresh(self._app, files, self._retirement, time.monotonic)
        if result.reread and self.error is not None:
            result = replace(result, mended=True)
        if result.reread or result.error is not None:
            self.error = result.error
        self._follow_layers()
        self._follow()
        self._announce(result)
        if result or result.error is not None or result.mended:
            for listener in list(self._listeners):
                try:
                    listener(result)
                except Exception:
                    log.exception("%r raised after a reload", listener)
        return result

    def _follow_layers(self) -> None:
        roots = self._roots()
        if roots != self._files.roots:
            self._files = FileStates(roots, self._app.registry.families)

    def _announce(self, result: Reload) -> None:
        """Tell the Types of their instances; apart from the reload, because onCreate may take its time."""
        # What appeared broken is created when it is right for the first time.
        self._appeared = (self._appeared | set(result.created)) - set(result.deleted)
        right = {name for name in (*result.created, *result.updated) if name in result.types} - result.stale.keys()
        created = right & self._appeared
        self._appeared -= created
        told = Changes.of(
            created=sorted(created),
            updated=sorted(right - created),
            deleted=[name for name in result.deleted if name in result.types],
        )
        if told and self.announces:
            self._announcer.tell(told, dict(result.types))

    def _put_off(self, folders: set[str], files: set[str]) -> None:
        self._files.forget(files)
        with self._wake:
            now = time.monotonic()
            if not self._dirty:
                self._first = now
            self._last = now
            self._dirty |= folders | {os.path.dirname(file) for file in files}

    def _follow(self) -> None:
        """Listen where there is something to hear, and look once more: it may have happened before we listened."""
        if self._events.follow(self._watched()):
            self._reconcile_at = time.monotonic()

    def _roots(self) -> tuple[str, ...]:
        return tuple(str(layer.root) for layer in self._app.layers if layer.is_app)

    def _watched(self) -> set[tuple[str, bool]]:
        """Folders to hear events of, and whether with all below: the roots themselves, families and commons."""
        return {(root, False) for root in self._files.roots} | {(top, True) for top in self._files.families()}

"""Hearing of changes from the system, through watchdog.

Only what ends a change is listened to: without a filter, watchdog also reports each opening and closing of a file, and
its own scans then keep it busy for ever in an app of some thousand folders. Where the system has no watches left,
:attr:`Events.work` is False and the watcher looks by itself.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from jitcore.watching.files import is_relevant

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Events"]

log = logging.getLogger(__name__)


class Events:
    """The system's events for some folders.

    :param mark: called with each folder in which something relevant happened, on watchdog's thread.
    """

    def __init__(self, mark: Callable[[str], object]) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        self._mark = mark
        self._filter: list[Any] = [
            events.FileMovedEvent,
            events.FileClosedEvent,
            events.FileCreatedEvent,
            events.FileDeletedEvent,
            events.DirMovedEvent,
            events.DirCreatedEvent,
            events.DirDeletedEvent,
        ]
        self._followed: dict[tuple[str, bool], Any] = {}
        self._handler = _Handler(self._on_event)
        self._observer = Observer()
        #: Whether the system gives events for all that is followed.
        self.work = True
        try:
            self._observer.start()
        except OSError as error:
            self._give_up(error)

    def follow(self, folders: set[tuple[str, bool]]) -> bool:
        """Listen to these folders, each with what lies below it when the flag says so, and to no others.

        :returns: whether there is a folder that was not listened to before.
        """
        if not self.work:
            return False
        new = sorted(folders - self._followed.keys())
        for gone in self._followed.keys() - folders:
            self._observer.unschedule(self._followed.pop(gone))
        for path, deep in new:
            try:
                self._followed[path, deep] = self._observer.schedule(
                    self._handler,  # type: ignore[arg-type]  # all that watchdog asks of a handler is dispatch()
                    path,
                    recursive=deep,
                    event_filter=self._filter,
                )
            except FileNotFoundError:
                continue
            except OSError as error:
                self._give_up(error)
                return True
        return bool(new)

    def stop(self) -> None:
        """Listen no more."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _give_up(self, error: OSError) -> None:
        # One line, once: from now on the watcher polls.
        log.warning("no more file events from the system (%s): looking for changes every second instead", error)
        self.work = False
        self._observer.unschedule_all()

    def _on_event(self, event: Any) -> None:
        for path in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path or "")):
            if not path:
                continue
            folder, _, name = path.rpartition(os.sep)
            if not name or (name[0] == "." and name != ".env"):
                continue
            if event.is_directory:
                self._mark(folder)
                self._mark(path)
            elif is_relevant(name) or name == ".env":
                self._mark(folder)


class _Handler:
    """What watchdog calls; its base class would only sort events that are all treated alike."""

    def __init__(self, handle: Callable[[Any], object]) -> None:
        self.dispatch = handle

"""Hot reload of one App: what its files' changes lead to, round after round.

Which files changed is found out by :mod:`filewatch`; one round takes them over, follows the layers that there are then,
and tells other processes, Types and listeners.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from jitcore.bulletin import Bulletin
from jitcore.lifecycle import Changes
from jitcore.watching.announcing import Announcer
from jitcore.watching.filewatch import FileWatch, scope_of
from jitcore.watching.refresh import Reload, refresh
from jitcore.watching.retiring import Retirement

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitcore.app import App
    from jitcore.errors import JitError

__all__ = ["Watcher"]

log = logging.getLogger(__name__)


class Watcher:
    """Takes over edits of an App's files while it is open.

    :param app: the App.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._listeners: list[Callable[[Reload], object]] = []
        self._retirement = Retirement(time.monotonic)
        #: Whether Types are told of the instances that appear, change and vanish; False for who only looks on.
        self.announces = True
        self._announcer = Announcer(app)
        self._bulletin = Bulletin(app)
        #: Why ``app.json`` or ``.env``, as they are now, were not taken over; None while they are in order.
        self.error: JitError | None = None
        self._appeared: set[str] = set()
        self._watch = FileWatch(f"jit-watch-{app.name}", scope_of(app), self._take_over, self._dispose)
        self._watch.start()

    @property
    def is_polling(self) -> bool:
        """Whether the system gives no events, so that changes are found by looking every second."""
        return self._watch.is_polling

    def subscribe(self, listener: Callable[[Reload], object]) -> None:
        """Have ``listener`` called after each round that changed something, on the watcher's thread."""
        self._listeners.append(listener)

    def reload(self) -> Reload:
        """Look at everything now and take over what changed; for when events are not enough."""
        with self._watch.turn:
            return self._take_over(self._watch.look())

    def stop(self) -> None:
        """End watching; dispose what was replaced."""
        self._watch.stop()
        self._bulletin.close()
        self._announcer.stop()
        self._retirement.dispose(everything=True)

    def _take_over(self, files: set[str]) -> Reload:
        result = refresh(self._app, files, self._retirement, time.monotonic)
        if result.reread and self.error is not None:
            result = replace(result, mended=True)
        if result.reread or result.error is not None:
            self.error = result.error
        if result.reread or result.created:
            self._watch.follow(scope_of(self._app))
        else:
            self._watch.listen()
        self._bulletin.tell(self._app.element_states.stale)
        self._announce(result)
        if result or result.error is not None or result.mended:
            for listener in list(self._listeners):
                try:
                    listener(result)
                except Exception:
                    log.exception("%r raised after a reload", listener)
        return result

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

    def _dispose(self) -> bool:
        self._retirement.dispose()
        return bool(len(self._retirement))

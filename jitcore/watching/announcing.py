"""Telling Types of instances that appeared, changed or vanished, apart from the reload that noticed.

What a Type does then may take its time (a new organisation is synced); further edits must not wait for it.
"""

from __future__ import annotations

import logging
import queue
import threading
from typing import TYPE_CHECKING

from jitcore.ledger import tell
from jitcore.lifecycle import Changes

if TYPE_CHECKING:
    from jitcore.app import App

__all__ = ["Announcer"]

log = logging.getLogger(__name__)

#: Seconds to wait for a Type that is busy, here or in another process, while the App closes.
PATIENCE = 5.0


class Announcer:
    """Tells one App's Types, one change after the other, on a thread of its own.

    :param app: the App.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: queue.Queue[tuple[Changes, dict[str, str]] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        #: Set when nobody waits for another process any more.
        self._over = threading.Event()

    def tell(self, changes: Changes, types: dict[str, str]) -> None:
        """Have changes told soon.

        :param types: the Type of each instance.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"jit-announce-{self._app.name}", daemon=True)
            self._thread.start()
        self._waiting.put((changes, types))

    def stop(self) -> None:
        """Tell what is waiting, and end."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(PATIENCE)
            self._over.set()

    def _run(self) -> None:
        while (told := self._waiting.get()) is not None:
            changes, types = told
            # While an earlier change was told, a later edit may have taken the instance away again.
            changes = Changes.of(
                created=[name for name in changes.created if name in self._app.registry],
                updated=[name for name in changes.updated if name in self._app.registry],
                deleted=changes.deleted,
            )
            try:
                tell(self._app, changes, types, give_up=self._over.is_set)
            except Exception:
                log.exception("changes could not be announced")

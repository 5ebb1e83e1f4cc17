"""What the threads of one worker share: the news they wait for, the end they all see, and that mistakes end none."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Protocol

from jitcore.errors import StorageError
from jitcore.storage import StorageClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Pulse", "WorkObserver", "start_thread"]

logger = logging.getLogger(__name__)

#: Seconds to wait after an error of the database, or a mistake of ours.
_PAUSE = 1.0


class WorkObserver(Protocol):
    """Told of work that ended; must not raise."""

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        """``kind`` is ``template``, ``contacts`` or ``reconcile``; ``outcome`` ``done``, ``waits``, ``parked``."""


class _NobodyWatches:
    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        pass


class Pulse:
    """News for threads that wait."""

    def __init__(self) -> None:
        #: Guards what the threads of one worker share.
        self.changed = threading.Condition()
        self.stopping = False
        #: Counts what came in: a thread that found nothing looks again when it has grown.
        self.news = 0
        self.observer: WorkObserver = _NobodyWatches()

    def beat(self) -> None:
        """Have every thread look again."""
        with self.changed:
            self.news += 1
            self.changed.notify_all()

    def stop(self) -> None:
        """Have every thread end."""
        with self.changed:
            self.stopping = True
            self.changed.notify_all()

    def wait(self, news: int, seconds: float | None) -> None:
        """Wait for other news than those, at most so many seconds; None waits for nothing else."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopping or self.news != news, seconds)

    @contextlib.contextmanager
    def surviving(self) -> Iterator[None]:
        """No thread ends because the database was away for a moment, or because of a mistake of ours."""
        try:
            yield
        except StorageClosed:
            self.stop()
        except StorageError as error:
            logger.warning("the journal cannot be worked on: %s", error.code)
            self.pause()
        except Exception:
            # The last frame of a background thread: whoever else would see it is not there.
            logger.exception("the worker made a mistake")
            self.pause()

    def pause(self, seconds: float = _PAUSE) -> None:
        """Let time pass, whatever news there are: by default until what went wrong may be over."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopping, seconds)


def start_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """A thread that does not keep the process alive: what it leaves is in the journal."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread

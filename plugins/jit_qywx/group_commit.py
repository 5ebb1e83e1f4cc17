"""Many callers, one writer: what arrives while a transaction is under way goes into the next one together.

A commit that waits for the disk costs milliseconds, whether it holds one row or two hundred. So callers hand over what
is to be stored and get a future, and one thread stores all that has come meanwhile. When the storage is stuck, callers
stop waiting and their entries are dropped unless they are being written already: whoever was not told "stored" sends
again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from jitcore.errors import StorageError
from jitcore.storage import DatabaseBusy, DatabaseUnavailable, StorageClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["GroupCommit"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Entries of one transaction, and entries that may wait for one.
_MOST_TOGETHER = 200
_MOST_WAITING = 5_000
#: Errors that the next entry would meet as well.
_NOBODY = (DatabaseBusy, DatabaseUnavailable, StorageClosed)


class GroupCommit(Generic[T]):
    """Stores entries in the order of their arrival, each with its neighbours.

    The thread starts with the first entry, so that it lives in the process that serves and not in its parent.

    :param write: stores entries in one transaction and tells of each whether it was there already.
    :param written: told of the entries after they are stored, before their callers are.
    """

    def __init__(
        self, write: Callable[[Sequence[T]], Sequence[bool]], written: Callable[[Sequence[T]], object]
    ) -> None:
        self._write = write
        self._written = written
        self._waiting: deque[tuple[T, Future[bool]]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, entry: T) -> Future[bool]:
        """Have an entry stored.

        :returns: whether it was there already; fails with :class:`jitcore.errors.StorageError` when it could not be
            stored. Cancelling it takes the entry back, unless it is being written.
        :raises StorageError: nothing is stored any more, or too much waits.
        """
        future: Future[bool] = Future()
        with self._changed:
            if self._closed:
                raise StorageClosed("The journal of callbacks is closed.", hint="Open the App again.")
            if len(self._waiting) >= _MOST_WAITING:
                raise DatabaseBusy("Too many callbacks wait to be stored.", hint="Find out what locks the database.")
            self._waiting.append((entry, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jit-qywx-journal", daemon=True)
                self._thread.start()
            self._changed.notify()
        return future

    def close(self, timeout: float) -> None:
        """Store what waits, and end.

        :param timeout: seconds to wait at most.
        """
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while batch := self._next():
            self._store(batch)

    def _next(self) -> list[tuple[T, Future[bool]]]:
        with self._changed:
            while True:
                batch: list[tuple[T, Future[bool]]] = []
                while self._waiting and len(batch) < _MOST_TOGETHER:
                    entry, future = self._waiting.popleft()
                    if future.set_running_or_notify_cancel():
                        batch.append((entry, future))
                if batch or self._closed:
                    return batch
                self._changed.wait()

    def _store(self, batch: Sequence[tuple[T, Future[bool]]]) -> None:
        entries = [entry for entry, _ in batch]
        try:
            told = self._write(entries)
        except Exception as error:  # noqa: BLE001 - the last frame of a thread; each caller gets it
            if len(batch) > 1 and not isinstance(error, _NOBODY):
                # One of them is bad; the others must not share its fate.
                for one in batch:
                    self._store([one])
                return
            if not isinstance(error, StorageError):
                logger.error("A callback could not be stored: %s", type(error).__name__)
            for _, future in batch:
                future.set_exception(error)
            return
        self._written(entries)
        for (_, future), repeated in zip(batch, told, strict=True):
            future.set_result(repeated)

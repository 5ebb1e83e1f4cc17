"""Reads many things from WeCom at once."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from concurrent.futures import Executor

    from jit_corps.progress import Progress

__all__ = ["read_as_answered", "read_each"]

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Items that are asked for and not handed out yet: more than there may be calls at once (32), so that nobody waits for
#: work, and few enough to be held in memory, however many items there are.
AHEAD = 64
#: Seconds after which progress is told although nothing was answered.
QUIET = 0.2


def read_each(
    pool: Executor, phase: str, items: Collection[Item], read: Callable[[Item], Result], progress: Progress
) -> list[tuple[Item, Result]]:
    """Read every item as :func:`read_as_answered` does, and give all results in the order of the items."""
    results = dict(read_as_answered(pool, phase, items, read, progress))
    return [(item, results[item]) for item in items]


def read_as_answered(
    pool: Executor, phase: str, items: Collection[Item], read: Callable[[Item], Result], progress: Progress
) -> Iterator[tuple[Item, Result]]:
    """Read every item, several at a time, and hand out each result as soon as it is there, in no order.

    The first failure ends it and is raised. So does whoever stops asking for results.

    :param pool: as many threads as there may be calls at once.
    :param phase: what progress calls it.
    :param items: different from each other.
    :param progress: called with (phase, done, total) now and then.
    """
    if not items:
        return
    asking = _Asking(pool, items, read)
    total, done = len(items), 0
    progress(phase, done, total)
    asking.begin()
    try:
        while done < total:
            try:
                item, result, error = asking.answered.get(timeout=QUIET)
            except Empty:
                progress(phase, done, total)
                continue
            if error is not None:
                raise error
            done += 1
            asking.taken()
            progress(phase, done, total)
            yield item, cast("Result", result)
    finally:
        asking.stop()


class _Asking(Generic[Item, Result]):
    """Threads that ask for one item after the other until nobody wants more.

    A task of the pool for every item would cost as much as the call itself does.
    """

    def __init__(self, pool: Executor, items: Iterable[Item], read: Callable[[Item], Result]) -> None:
        self.answered: SimpleQueue[tuple[Item, Result | None, BaseException | None]] = SimpleQueue()
        self._pool = pool
        self._left = iter(items)
        self._read = read
        self._lock = Lock()
        #: Asked for and not taken yet.
        self._ahead = 0
        self._threads = 0
        self._is_over = False

    def begin(self) -> None:
        """Ask with as many threads as the pool has."""
        for _ in range(AHEAD):
            self._add_thread()

    def taken(self) -> None:
        """One result was taken, so one more may be asked for."""
        with self._lock:
            self._ahead -= 1
            wanted = self._threads < AHEAD and not self._is_over
        if wanted:
            self._add_thread()

    def stop(self) -> None:
        """Ask for nothing more."""
        self._is_over = True

    def _add_thread(self) -> None:
        with self._lock:
            self._threads += 1
        self._pool.submit(self._ask)

    def _ask(self) -> None:
        while True:
            with self._lock:
                # Never waits for its results to be taken: the thread may be needed for other things.
                if self._is_over or self._ahead >= AHEAD:
                    break
                try:
                    item = next(self._left)
                except StopIteration:
                    self._is_over = True
                    break
                self._ahead += 1
            try:
                self.answered.put((item, self._read(item), None))
            except BaseException as error:  # noqa: BLE001 - raised where the results are taken
                self.answered.put((item, None, error))
        with self._lock:
            self._threads -= 1

"""Reads many things from WeCom at once."""

from __future__ import annotations

from threading import Event, Lock
from time import perf_counter
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from jit_qywx.thread_count import ThreadCount

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from concurrent.futures import Executor

    from jit_corps.progress import Progress

__all__ = ["read_as_answered", "read_each"]

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Items that are asked for and not handed out yet: more than there may be calls at once (32), so that nobody waits for
#: work, and few enough to be held in memory, however many items there are. As many more may wait where they were taken.
AHEAD = 512
#: So many results wait until whoever takes them is woken: waking somebody for each costs as much as a fast call does.
BATCH = 64
#: Seconds after which results are handed out, and progress is told, although there are fewer.
QUIET = 0.2


def read_each(
    pool: Executor, phase: str, items: Collection[Item], read: Callable[[Item], Result], progress: Progress
) -> list[tuple[Item, Result]]:
    """Read every item as :func:`read_as_answered` does, and give all results in the order of the items."""
    results = dict(read_as_answered(pool, phase, items, read, progress))
    return [(item, results[item]) for item in items]


def read_as_answered(
    pool: Executor,
    phase: str,
    items: Collection[Item],
    read: Callable[[Item], Result],
    progress: Progress,
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Read every item, several at a time, and hand out the results as they come: soon, some at a time, in no order.

    The first failure ends it, and is raised once everything is handed out that was answered by then. So does whoever
    stops asking for results.

    :param pool: as many threads as there may be calls at once.
    :param phase: what progress calls it.
    :param items: different from each other.
    :param progress: called with (phase, done, total) now and then.
    :param meanwhile: work to do while the first answers are waited for; done even if there is nothing to wait for.
    """
    if not items:
        if meanwhile is not None:
            meanwhile()
        return
    asking = _Asking(pool, items, read)
    total, done = len(items), 0
    progress(phase, done, total)
    try:
        asking.begin()
        if meanwhile is not None:
            meanwhile()
        failure: BaseException | None = None
        while done < total and failure is None:
            answered = asking.take(QUIET)
            for item, result, error in answered:
                if error is not None:
                    failure = failure or error
                    continue
                done += 1
                progress(phase, done, total)
                yield item, cast("Result", result)
            if not answered:
                progress(phase, done, total)
        if failure is not None:
            raise failure
    finally:
        asking.stop()


class _Asking(Generic[Item, Result]):
    """Threads that ask for one item after the other until nobody wants more.

    A task of the pool for every item would cost as much as the call itself does.
    """

    def __init__(self, pool: Executor, items: Collection[Item], read: Callable[[Item], Result]) -> None:
        self._pool = pool
        self._left = iter(items)
        self._read = read
        self._lock = Lock()
        self._answered: list[tuple[Item, Result | None, BaseException | None]] = []
        #: Set when there is enough to take.
        self._enough = Event()
        #: Not answered yet.
        self._open = len(items)
        #: Asked for and not taken yet.
        self._ahead = 0
        self._threads = 0
        self._count = ThreadCount()
        self._is_over = False

    def begin(self) -> None:
        """Ask with a few threads, and with as many as the pool has while the answers take their time."""
        self._add_threads()

    def take(self, seconds: float) -> list[tuple[Item, Result | None, BaseException | None]]:
        """Take what was answered: many at once, or all the last ones, or after some time whatever there is."""
        is_late = not self._enough.wait(seconds)
        with self._lock:
            if is_late:
                self._count.think_over()
            self._enough.clear()
            answered, self._answered = self._answered, []
            self._ahead -= len(answered)
            is_wanted = self._open > 0 and not self._is_over
        if (answered or is_late) and is_wanted:
            self._add_threads()
        return answered

    def stop(self) -> None:
        """Ask for nothing more."""
        self._is_over = True

    def _add_threads(self) -> None:
        with self._lock:
            more = max(0, min(self._count.wanted - self._threads, self._open))
            self._threads += more
        for _ in range(more):
            self._pool.submit(self._ask)

    def _ask(self) -> None:
        while True:
            with self._lock:
                # Never waits for its results to be taken: the thread may be needed for other things.
                if self._is_over or self._ahead >= AHEAD or self._threads > self._count.wanted:
                    self._threads -= 1
                    return
                try:
                    item = next(self._left)
                except StopIteration:
                    self._is_over = True
                    self._threads -= 1
                    return
                self._ahead += 1
            result: Result | None = None
            error: BaseException | None = None
            began = perf_counter()
            try:
                result = self._read(item)
            except BaseException as raised:  # noqa: BLE001 - raised where the results are taken
                error = raised
            with self._lock:
                self._answered.append((item, result, error))
                self._open -= 1
                are_more_wanted = self._count.answered(perf_counter() - began)
                self._is_over |= error is not None
                if error is not None or not self._open or len(self._answered) >= BATCH:
                    self._enough.set()
            if are_more_wanted:
                self._add_threads()

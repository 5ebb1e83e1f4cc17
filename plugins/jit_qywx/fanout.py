"""Reads many things from WeCom at once."""

from __future__ import annotations

from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from concurrent.futures import Executor, Future

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
    answered: SimpleQueue[tuple[Item, Future[Result]]] = SimpleQueue()
    under_way: dict[Item, Future[Result]] = {}

    def ask(item: Item) -> None:
        under_way[item] = future = pool.submit(read, item)
        future.add_done_callback(lambda done: answered.put((item, done)))

    total, left = len(items), iter(items)
    done = 0
    progress(phase, done, total)
    try:
        for item in islice(left, AHEAD):
            ask(item)
        while under_way:
            try:
                item, future = answered.get(timeout=QUIET)
            except Empty:
                progress(phase, done, total)
                continue
            del under_way[item]
            result = future.result()
            done += 1
            for following in islice(left, 1):
                ask(following)
            progress(phase, done, total)
            yield item, result
    finally:
        for future in under_way.values():
            future.cancel()

"""Reads many things from WeCom at once, and gives the results in the order of what was asked."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import Executor

    from jit_corps.progress import Progress

__all__ = ["read_each"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_each(
    pool: Executor, phase: str, items: Sequence[Item], read: Callable[[Item], Result], progress: Progress
) -> Iterable[tuple[Item, Result]]:
    """Read every item, several at a time; the first failure ends it and is raised.

    :param pool: as many threads as there may be calls at once.
    :param phase: what progress calls it.
    :param progress: called with (phase, done, total) now and then.
    """
    if not items:
        return []
    progress(phase, 0, len(items))
    futures = [pool.submit(read, item) for item in items]
    pending = set(futures)
    try:
        while pending:
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            progress(phase, len(items) - len(pending), len(items))
    finally:
        for future in pending:
            future.cancel()
    return [(item, future.result()) for item, future in zip(items, futures, strict=True)]

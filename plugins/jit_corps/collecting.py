"""Keeps Python's collector of cyclic garbage from looking through rows, of which no cycle can be made.

Planning makes some ten rows for every member and keeps them until it is done. Every few hundred of them the collector
goes through the newest, and now and then through all, and finds nothing: that took a quarter of the time of a sync.
What is not needed any more is freed without it, as ever.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collecting_seldom", "without_collecting"]

#: So many objects more than before, and the collector looks through the newest; Python's own number is 700.
SELDOM = 50_000


@contextmanager
def without_collecting() -> Iterator[None]:
    """Pause the collector for work of a few seconds that uses much memory and makes no cycles.

    It is one for all threads: cycles that others make meanwhile wait. Of several who pause it at once the one who did
    so first ends it, and who keeps it off altogether finds it off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Have the collector look less often, for work that keeps much of what it makes, and may take minutes.

    Cycles that others make meanwhile wait a little longer. It is one for all threads, as :func:`without_collecting`.
    """
    newest, *older = gc.get_threshold()
    if not 0 < newest < SELDOM:
        yield
        return
    gc.set_threshold(SELDOM, *older)
    try:
        yield
    finally:
        gc.set_threshold(newest, *older)

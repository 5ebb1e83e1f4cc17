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

__all__ = ["without_collecting"]


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

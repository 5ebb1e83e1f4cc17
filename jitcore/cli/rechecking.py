"""Checking again as soon as a file changes: the loop of ``jit check --watch``."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from jitcore.watching.filewatch import FileWatch, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitcore.cli.check import Checked

__all__ = ["recheck"]


def recheck(root: str, check: Callable[[Callable[[Scope], bool]], Checked]) -> Iterator[tuple[Checked, bool]]:
    """Check, wait for a change, and so on.

    :param root: the app's folder.
    :param check: does one check; it is given what to call with the folders that it looks at, which answers whether
        there are some that were not watched until now.
    :returns: yields each check, and whether its text differs from that of the one before.
    """
    changes: queue.SimpleQueue[set[str]] = queue.SimpleQueue()
    watch = FileWatch("jit-check", Scope((root,)), changes.put)
    watch.start()
    before = None
    try:
        while True:
            checked = check(watch.follow)
            yield checked, checked.text != before
            before = checked.text
            changes.get()
            # What changed meanwhile is seen by the same check.
            while not changes.empty():
                changes.get()
    finally:
        watch.stop()

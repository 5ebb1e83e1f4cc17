"""Processes that are killed and stopped."""

from __future__ import annotations

import os
import traceback
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def forked(work: Callable[[], int | None]) -> int:
    """Do something in a process of its own, and never come back from there; returns its pid.

    :param work: what it returns is the process's exit status; an error is printed and ends it with 1.
    """
    with warnings.catch_warnings():
        # Newer Pythons warn of threads, of which the child uses none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    ended = 1
    try:
        ended = work() or 0
    except BaseException:  # noqa: BLE001 - nothing may run on into the parent's tests
        traceback.print_exc()
    finally:
        os._exit(ended)


def ended(child: int) -> int:
    """Wait for a process's end: its exit status, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

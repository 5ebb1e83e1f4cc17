"""Time and chance as arguments, so that a test can let an hour pass in no time."""

from __future__ import annotations

import random as random_module
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """What waiting means.

    :param now: seconds since the epoch; other processes compare with it.
    :param monotonic: seconds that only grow.
    :param sleep: waits so many seconds.
    :param random: a number in [0, 1).
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random_module.random

"""Says how many threads should ask at once: few while they have work to do, all while they wait.

Threads of one process take turns at what they do. Where an answer comes faster than it is read, as from a machine
nearby, more threads wait for each other and take longer than two; where it takes its time, as WeCom's do, each thread
more is an answer more.
"""

from __future__ import annotations

from time import perf_counter, process_time

__all__ = ["FEW", "MOST", "WINDOW", "ThreadCount"]

FEW = 2
#: Tasks that are given to a pool, which has fewer threads.
MOST = 64
#: Answers after which it is thought over.
WINDOW = 64
#: An answer that takes fewer seconds than the first comes at once. One that takes more than the second was waited for,
#: however much this process had to do meanwhile.
AT_ONCE, LONG = 0.002, 0.015
#: A process that worked for a smaller share of the time than the first was waiting, for a larger one than the second it
#: was not. Half the threads of such a one work for more than the first, or there would be no end of changing.
WAITING, WORKING = 0.4, 0.9


class ThreadCount:
    """Of one reading. Whoever uses it from several threads holds a lock."""

    def __init__(self) -> None:
        #: So many threads should ask.
        self.wanted = FEW
        self._is_new = True
        self._begin()

    def answered(self, seconds: float) -> bool:
        """Note that an answer took so long, and say whether more threads should ask from now on."""
        self._answers += 1
        self._seconds += seconds
        # The first answers tell enough. Later a single one may have waited for the thread that takes the others.
        is_long = self._is_new and self._seconds > LONG * self._answers
        return (is_long or self._answers >= WINDOW) and self.think_over()

    def think_over(self) -> bool:
        """Judge by what came since the last time; says whether more threads should ask from now on."""
        before = self.wanted
        mean = self._seconds / self._answers if self._answers else LONG
        working = (process_time() - self._worked) / max(perf_counter() - self._since, 1e-9)
        if mean >= LONG or (mean > AT_ONCE and working < WAITING):
            self.wanted = MOST
        elif working > WORKING:
            self.wanted = max(FEW, before // 2)
        self._is_new = False
        self._begin()
        return self.wanted > before

    def _begin(self) -> None:
        self._answers = 0
        self._seconds = 0.0
        self._since = perf_counter()
        self._worked = process_time()

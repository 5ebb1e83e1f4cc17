"""How fast one enterprise may be called.

WeCom limits calls of one API by the minute and the hour (45009) and at once (45033, document 90454), for each
enterprise and for each address that calls. Staying below is cheaper than being refused: a refusal blocks for the whole
window.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jit_qywx.errors import QuotaSpent, TooManyConcurrent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jit_qywx.client.budget import Budget
    from jit_qywx.client.timing import Timing

__all__ = ["Gate", "Pace"]

#: Calls that must succeed before concurrency, once lowered, is raised by one.
_RECOVERY = 100
#: Seconds that a call waits for its quota at most: a minute's quota is there again by then, an hour's is not.
_LONGEST_WAIT = 90.0
#: Seconds between two looks whether somebody gave calls back.
_LOOK = 5.0


class Gate:
    """So many calls at once, whoever makes them.

    :param concurrency: how many.
    """

    def __init__(self, concurrency: int) -> None:
        self._ceiling = self._limit = concurrency
        self._free = threading.Condition()
        self._active = 0
        self._succeeded = 0
        #: Counts how often it was lowered, so that the refusals of one burst lower it once.
        self._lowered = 0

    @property
    def concurrency(self) -> int:
        """Most calls at once at present."""
        return self._limit

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places for a call, waiting for it if need be; WeCom finding it one too many halves them."""
        with self._free:
            self._free.wait_for(lambda: self._active < self._limit)
            self._active += 1
            lowered = self._lowered
        try:
            yield
        except BaseException as error:
            with self._free:
                # Whoever began before the last lowering was refused for what that has put right.
                if isinstance(error, TooManyConcurrent) and lowered == self._lowered:
                    self._limit = max(1, self._limit // 2)
                    self._lowered += 1
                    self._succeeded = 0
                self._leave()
            raise
        with self._free:
            self._leave()

    def succeeded(self) -> None:
        """Note a call that ended well: many of them raise again what was lowered."""
        with self._free:
            if self._limit < self._ceiling:
                self._succeeded += 1
                if self._succeeded >= _RECOVERY:
                    self._limit += 1
                    self._succeeded = 0

    def _leave(self) -> None:
        self._active -= 1
        self._free.notify_all()


class Pace:
    """Admits calls for one enterprise: so many at once, and of each API what its budgets allow.

    :param gate: how many at once; other paces of the enterprise may share it.
    :param budgets: what each call is paid from.
    :param timing: what waiting means.
    :param pause: waits so many seconds; False when waiting is no use any more.
    :param corpId: the enterprise, for messages.
    """

    def __init__(
        self,
        gate: Gate,
        budgets: Sequence[Budget],
        timing: Timing,
        pause: Callable[[float], bool],
        corpId: str | None = None,
    ) -> None:
        self._gate = gate
        self._budgets = budgets
        self._timing = timing
        self._pause = pause
        self._corpId = corpId
        self._lock = threading.Lock()
        self.calls = 0

    @property
    def concurrency(self) -> int:
        """Most calls at once at present."""
        return self._gate.concurrency

    @contextmanager
    def slot(self, path: str) -> Iterator[None]:
        """Hold one of the places for a call of ``path``, waiting for it and for the quota if need be.

        :raises QuotaSpent: the quota of an hour is used up.
        """
        while True:
            with self._gate.place():
                wait = self._pay(path)
                if not wait:
                    with self._lock:
                        self.calls += 1
                    yield
                    self._gate.succeeded()
                    return
            if wait > _LONGEST_WAIT:
                raise self._spent(path, wait)
            # Not in its place: calls of other APIs need not wait.
            if not self._pause(min(wait, _LOOK)):
                yield
                return

    def _pay(self, path: str) -> float:
        """Take a call from every budget, or from none: seconds until that may work."""
        for number, budget in enumerate(self._budgets):
            if wait := budget.take(path):
                for paid in self._budgets[:number]:
                    paid.put_back(path)
                return wait
        return 0.0

    def _spent(self, path: str, wait: float) -> QuotaSpent:
        return QuotaSpent(
            f"What may be used of WeCom's quota for {path} is used up for this hour.",
            call=path,
            corpId=self._corpId,
            until=self._timing.now() + wait,
            hint='Nothing was asked. Fewer full readings, or "quotas" in the auth element\'s business file, help.',
        )

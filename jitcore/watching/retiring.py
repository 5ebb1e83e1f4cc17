"""Retiring elements that were replaced: drained first, disposed after.

Whoever got the old element before the swap may still be in the middle of a call. It is disposed when nobody holds it
any more, or after a grace period, by the disposers it recorded (:meth:`jitcore.Element.on_dispose`): last recorded
first, each isolated from the others.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.elements import dispose

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GRACE", "Retirement"]

#: Seconds after which a replaced element is disposed although somebody still holds it.
GRACE = 5.0


@dataclass(slots=True)
class _Retired:
    fullName: str
    element: Any
    disposers: list[Callable[[], object]]
    until: float


class Retirement:
    """Elements that wait to be disposed.

    :param clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: list[_Retired] = []

    def add(self, fullName: str, element: Any) -> None:
        """Retire an element; one without disposers is simply let go."""
        disposers = getattr(element, "_disposers", None)
        if isinstance(disposers, list) and disposers:
            self._waiting.append(_Retired(fullName, element, disposers, self._clock() + GRACE))

    def dispose(self, *, everything: bool = False) -> None:
        """Dispose what is drained or past its grace period.

        :param everything: do not wait any longer: the App closes.
        """
        keep = []
        while self._waiting:
            retired = self._waiting.pop(0)
            if everything or retired.until <= self._clock() or _is_drained(retired):
                dispose(retired.fullName, retired.element)
            else:
                keep.append(retired)
        self._waiting = keep

    def __len__(self) -> int:
        return len(self._waiting)


def _is_drained(retired: _Retired) -> bool:
    """Whether nobody but us refers to the element; where references are not counted, the grace period decides."""
    if not hasattr(sys, "getrefcount"):
        return False
    own = sum(getattr(disposer, "__self__", None) is retired.element for disposer in retired.disposers)
    # The record, the argument of getrefcount, and the disposers bound to the element.
    return sys.getrefcount(retired.element) <= 2 + own

"""The record of every call: what was asked, when, about which corp, and what came of it.

Secrets and tokens are not kept, so that a record can be printed.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_PARAMETERS = frozenset(
    {"access_token", "suite_access_token", "provider_access_token", "corpsecret", "code", "sign"}
)
KEPT = 200_000


@dataclass(slots=True)
class Call:
    """One call of the API.

    Attributes:
        number: 1 for the first call since the record was last cleared.
        path: below `/cgi-bin/`.
        method: HTTP method.
        query: the query without secrets and tokens.
        corpid: the corp it was about, "" when it could not be told.
        at: seconds since the epoch by the emulator's clock.
        errcode: of the answer; None when the answer was none of WeCom's (a fault), or none was given.
        status: HTTP status; 0 when the connection was cut before an answer.
        size: bytes of the body.
        fault: the name of the fault that shaped the answer, "" without one.
    """

    number: int
    path: str
    method: str
    query: dict[str, str]
    corpid: str
    at: float
    errcode: int | None = None
    status: int = 0
    size: int = 0
    fault: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class CallRecord:
    """The calls since the last `clear`, oldest first (the latest 200,000), and counters that lose nothing.

    Attributes:
        by_path: calls by path.
        by_errcode: answers by errcode; None counts those that were no answer of WeCom's.
    """

    def __init__(self) -> None:
        self.by_path: Counter[str] = Counter()
        self.by_errcode: Counter[int | None] = Counter()
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._count = 0
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Call]:
        with self._lock:
            return iter(tuple(self._calls))

    def __len__(self) -> int:
        """How many calls were begun since the last `clear`."""
        return self._count

    def __getitem__(self, index: int) -> Call:
        return self._calls[index]

    @property
    def paths(self) -> list[str]:
        """The paths in the order of the calls."""
        return [call.path for call in self]

    def of(self, path: str) -> list[Call]:
        """The calls whose path matches a pattern such as "user/*"."""
        return [call for call in self if fnmatchcase(call.path, path)]

    def begin(self, path: str, method: str, query: dict[str, str], corpid: str, at: float) -> Call:
        """Record that a call has begun."""
        shown = {name: value for name, value in query.items() if name not in SECRET_PARAMETERS}
        with self._lock:
            self._count += 1
            call = Call(self._count, path, method, shown, corpid, at)
            self._calls.append(call)
            self.by_path[path] += 1
        return call

    def end(self, call: Call, errcode: int | None, status: int, size: int) -> None:
        """Record what came of a call."""
        call.errcode, call.status, call.size = errcode, status, size
        with self._lock:
            self.by_errcode[errcode] += 1

    def clear(self) -> None:
        """Forget all; the next call is number 1."""
        with self._lock:
            self._calls.clear()
            self.by_path.clear()
            self.by_errcode.clear()
            self._count = 0

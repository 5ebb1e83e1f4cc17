"""The same answer in another order: WeCom promises none, so a client must not need one."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

from jit_qywx.emulator.answers import encode


class Shuffle:
    """Reorders the lists of an answer and the keys of its objects.

    The arrays inside a member are parallel (`department`, `order`, `is_leader_in_dept`) and stay as they are.

    Args:
        seed: decides the orders.
    """

    def __init__(self, seed: object) -> None:
        self._random = random.Random(f"shuffle {seed}")  # noqa: S311  # a reproducible order, not a secret
        self._lock = threading.Lock()

    def __call__(self, body: bytes) -> bytes:
        answer = json.loads(body)
        with self._lock:
            for value in answer.values():
                if isinstance(value, list):
                    self._random.shuffle(value)
            return encode(self._keys(answer))

    def _keys(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._keys(item) for item in value]
        if isinstance(value, dict):
            names = list(value)
            self._random.shuffle(names)
            return {name: self._keys(value[name]) for name in names}
        return value

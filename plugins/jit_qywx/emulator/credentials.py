"""Where the emulator's ids, secrets, codes and tokens come from: a seed, so that two runs are the same run."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import Counter

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Mint:
    """Makes strings that look random and depend only on the seed, the purpose, and how often it was asked.

    Args:
        seed: anything with a stable `str`.
    """

    def __init__(self, seed: object) -> None:
        self._seed = seed
        self._made: Counter[str] = Counter()
        self._lock = threading.Lock()

    def bytes(self, purpose: str, length: int) -> bytes:
        """`length` bytes."""
        with self._lock:
            self._made[purpose] += 1
            count = self._made[purpose]
        return hashlib.shake_256(f"{self._seed}\0{purpose}\0{count}".encode()).digest(length)

    def text(self, purpose: str, length: int) -> str:
        """`length` letters and digits."""
        return "".join(LETTERS[byte % len(LETTERS)] for byte in self.bytes(purpose, length))

    def token(self, purpose: str) -> str:
        """An access token: 214 characters of URL-safe base64, the length seen in practice."""
        return base64.urlsafe_b64encode(self.bytes(purpose, 160)).decode().rstrip("=")


def open_id(prefix: str, *parts: object) -> str:
    """A provider-scoped ciphertext id ("wo…" of a member, "wp…" of a corp); always the same for the same parts."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:24]
    return prefix + base64.urlsafe_b64encode(digest).decode().replace("-", "A").replace("_", "B")[:30]

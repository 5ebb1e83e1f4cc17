"""Short-lived strings that stand for something: tickets, auth codes, login codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.credentials import Mint

T = TypeVar("T")


@dataclass(slots=True)
class Code(Generic[T]):
    """One code.

    Attributes:
        text: the code.
        means: what it stands for.
        expires: seconds since the epoch.
        used: whether it was spent.
    """

    text: str
    means: T
    expires: float
    used: bool = False


class CodeBook(Generic[T]):
    """All codes of one sort.

    Args:
        mint: makes the strings.
        clock: seconds since the epoch.
        purpose: names the sort.
        life: seconds a code is valid.
        length: characters of a code.
    """

    def __init__(self, mint: Mint, clock: Callable[[], float], purpose: str, life: float, length: int = 64) -> None:
        self.life = life
        self._mint = mint
        self._clock = clock
        self._purpose = purpose
        self._length = length
        self._codes: dict[str, Code[T]] = {}

    def make(self, means: T) -> str:
        """A new code that stands for `means`."""
        text = self._mint.text(self._purpose, self._length)
        self._codes[text] = Code(text, means, self._clock() + self.life)
        return text

    def find(self, text: str) -> Code[T] | None:
        """The code, whatever its state; None when it was never made."""
        return self._codes.get(text)

    def is_live(self, text: str) -> bool:
        """Whether the code exists, is unspent and has not expired."""
        code = self._codes.get(text)
        return code is not None and not code.used and code.expires > self._clock()

    def expire(self) -> None:
        """End all codes."""
        for code in self._codes.values():
            code.expires = self._clock()

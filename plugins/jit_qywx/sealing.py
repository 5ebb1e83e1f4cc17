"""Enciphers what a process puts aside for itself only, so that nobody can read it where it lies."""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Seal"]

#: Bytes of a number that is used once, as AES-GCM wants it.
_NONCE = 12


class Seal:
    """A key that never leaves the process and ends with this object."""

    def __init__(self) -> None:
        self._numbers = count()

    def sealed(self, content: bytes) -> bytes:
        """The content, enciphered."""
        nonce = next(self._numbers).to_bytes(_NONCE, "big")
        return nonce + self._cipher.encrypt(nonce, content, None)

    def opened(self, sealed: bytes) -> bytes:
        """The content of what :meth:`sealed` gave.

        :raises cryptography.exceptions.InvalidTag: it was altered.
        """
        return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)

    @cached_property
    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(AESGCM.generate_key(bit_length=256))

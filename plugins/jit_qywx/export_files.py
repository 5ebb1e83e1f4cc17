"""Reads one file of an export: decrypts it and hands out its records, a few kilobytes at a time.

WeCom decides how large a file gets, so neither a file nor its text is ever held as a whole. AES-256-CBC, the first 16
bytes of the key as IV, PKCS#7 padding to multiples of 32 bytes, the plaintext is JSON (documents 94849 and 94954).
"""

from __future__ import annotations

import base64
import codecs
import json
import secrets
import string
from typing import IO, TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from jit_qywx.errors import ExportFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["make_key", "read_records"]

_ALPHABET = string.ascii_letters + string.digits
#: Those of the alphabet whose two spare bits are zero: the last character of 43 stands for four bits.
_LAST = "AEIMQUYcgkosw048"
_AES_BLOCK = 16
_PADDED_TO = 32
_CHUNK = 2**16
#: Characters of one record. The largest members have a few thousand.
_LONGEST = 2**22
_SPACE = " \t\r\n"
#: What the first part of a number may end in before more digits come.
_IN_NUMBER = ".eE+-"


def make_key() -> str:
    """A new ``encoding_aeskey``: 43 letters and digits, for one job."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(42)) + secrets.choice(_LAST)


def read_records(file: IO[bytes], key: str, name: str, *, call: str, corpId: str) -> Iterator[dict[str, Any]]:
    """The records of a file, which is proven to be what WeCom made.

    :param file: the ciphertext.
    :param key: the ``encoding_aeskey`` of the job.
    :param name: of the list that holds the records, for example ``userlist``.
    :param call: what the file is, for messages.
    :param corpId: whose it is, for messages.
    :raises ExportFailed: the file is not encrypted with this key, or holds no such list; some of its records may have
        been handed out by then.
    """
    try:
        yield from _List(_texts(file, base64.b64decode(key + "=")), name).records()
    except _UnusableError as error:
        raise ExportFailed(f"{call} of enterprise {corpId} {error}.", call=call) from None


class _UnusableError(Exception):
    """What is wrong with a file, in words that go on "the file …"."""


def _texts(file: IO[bytes], key: bytes) -> Iterator[str]:
    """The plaintext, piece by piece."""
    left = _unpadded(file, key)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:_AES_BLOCK])).decryptor()
    # Names typed by people bring broken UTF-8 into real answers; what is meant to be JSON must still be JSON.
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    while left:
        plain = decryptor.update(file.read(_CHUNK))[:left]
        left -= len(plain)
        yield decode(plain, not left)


def _unpadded(file: IO[bytes], key: bytes) -> int:
    """How long the plaintext is, by its padding, which the last block but one is enough to decrypt."""
    size = file.seek(0, 2)
    if not size or size % _PADDED_TO:
        raise _UnusableError("is not made of whole blocks")
    file.seek(size - _PADDED_TO - _AES_BLOCK if size > _PADDED_TO else 0)
    tail = file.read()
    iv, sealed = (tail[:_AES_BLOCK], tail[_AES_BLOCK:]) if size > _PADDED_TO else (key[:_AES_BLOCK], tail)
    plain = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor().update(sealed)
    pad = plain[-1]
    if not 1 <= pad <= _PADDED_TO or plain[-pad:] != bytes([pad]) * pad:
        raise _UnusableError("is not encrypted with the key of its job")
    file.seek(0)
    return size - pad


class _List:
    """Finds one list in a JSON object and decodes its items, while the text comes in pieces.

    :param texts: the pieces.
    :param name: of the list.
    """

    def __init__(self, texts: Iterator[str], name: str) -> None:
        self._texts = texts
        self._name = name
        self._text = ""
        self._at = 0
        # Control characters come from people, too.
        self._decode = json.JSONDecoder(strict=False).raw_decode

    def records(self) -> Iterator[dict[str, Any]]:
        """The items, which are objects; the rest of the text has to be in order as well."""
        found = False
        self._take("{")
        more = self._next() != "}"
        while more:
            key = self._value()
            self._take(":")
            if key == self._name and not found:
                found = True
                yield from self._items()
            else:
                self._value()
            more = self._next() == ","
            if more:
                self._take(",")
        self._take("}")
        if self._next():
            raise _UnusableError("goes on after the end of its object")
        if not found:
            raise _UnusableError(f"has no list {self._name!r}")

    def _items(self) -> Iterator[dict[str, Any]]:
        self._take("[")
        more = self._next() != "]"
        while more:
            item = self._value()
            if not isinstance(item, dict):
                raise _UnusableError(f"has an item in {self._name!r} that is no object")
            yield item
            more = self._next() == ","
            if more:
                self._take(",")
        self._take("]")

    def _value(self) -> Any:
        self._next()
        while True:
            decoded = self._decoded()
            # A number may go on in the next piece, also behind its point, and what is no JSON yet may become some.
            if (decoded is not None and self._goes_on_otherwise(decoded[1])) or not self._more():
                break
        if decoded is None:
            raise _UnusableError("is not JSON")
        value, self._at = decoded
        return value

    def _goes_on_otherwise(self, end: int) -> bool:
        """Whether what follows a value is there and cannot belong to it: "0." and "1e-" are beginnings of numbers."""
        return bool(self._text[end : end + 2].strip(_IN_NUMBER))

    def _decoded(self) -> tuple[Any, int] | None:
        try:
            return self._decode(self._text, self._at)
        except (ValueError, RecursionError):
            return None

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise _UnusableError("is not JSON" if self._at < len(self._text) else "ends too early")
        self._at += 1

    def _next(self) -> str:
        """The next character that counts; "" at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def _more(self) -> bool:
        if len(self._text) - self._at > _LONGEST:
            return False
        for text in self._texts:
            self._text = self._text[self._at :] + text
            self._at = 0
            return True
        return False

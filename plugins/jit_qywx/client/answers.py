"""Reads HTTP/1.1 answers from a socket: status, the few headers that say where the body ends, and the body.

A reading of an organisation is thousands of small calls. ``http.client`` spends five times as long on one as the socket
does, most of it on making a mail message of the headers, and urllib3 and requests as much again on top. WeCom's answers
need none of that (RFC 9112 is short when one only reads). What is not understood is an error, never a shorter answer.
"""

from __future__ import annotations

import zlib
from http.client import HTTPException, IncompleteRead, LineTooLong, RemoteDisconnected
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from socket import socket

__all__ = ["Answer", "read_answer"]

_PIECE = 65_536
#: As much as ``http.client`` lets a line and all the headers have.
_LONGEST_LINE = 65_536
_LONGEST_HEAD = 100 * _LONGEST_LINE
#: zlib's way to say gzip.
_GZIP = 16 + zlib.MAX_WBITS


class Answer(NamedTuple):
    """One answer.

    :param content: the body, decompressed.
    :param reusable: whether another request may follow on the same connection.
    """

    status: int
    content: bytes
    reusable: bool


def read_answer(sock: socket) -> Answer:
    """Read one answer to a GET or POST.

    :raises HTTPException: it is not HTTP, or the connection ended before the answer did.
    :raises OSError: the connection failed; TimeoutError when a piece took too long.
    """
    incoming = _Incoming(sock)
    while True:
        version, status, headers = _head(incoming)
        # Interim answers (100-199) come before the one that was asked for.
        if status >= 200:
            break
    persistent = version == b"HTTP/1.1" and b"close" not in headers.get(b"connection", b"").lower()
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        content = _chunks(incoming)
    elif b"transfer-encoding" in headers:
        raise HTTPException("an unknown transfer encoding")
    elif status in (204, 304):
        content = b""
    elif b"content-length" in headers:
        content = incoming.exactly(_number(headers[b"content-length"], 10))
    else:
        content, persistent = incoming.rest(), False
    # What is there beyond the end must not be taken for the next answer.
    return Answer(status, _decoded(content, headers), persistent and not incoming.buffer)


def _head(incoming: _Incoming) -> tuple[bytes, int, Mapping[bytes, bytes]]:
    first, *lines = incoming.until(b"\r\n\r\n", _LONGEST_HEAD).split(b"\r\n")
    version, _, rest = first.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise HTTPException("no HTTP answer")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.strip().lower(), value.strip()
        if name == b"content-length" and headers.get(name, value) != value:
            raise HTTPException("two lengths")
        headers[name] = value
    return version, _number(rest[:3], 10), headers


def _chunks(incoming: _Incoming) -> bytes:
    parts = []
    while size := _number(incoming.until(b"\r\n", _LONGEST_LINE).partition(b";")[0], 16):
        parts.append(incoming.exactly(size))
        if incoming.exactly(2) != b"\r\n":
            raise HTTPException("a chunk without an end")
    # Trailers, up to an empty line.
    while incoming.until(b"\r\n", _LONGEST_LINE):
        pass
    return b"".join(parts)


def _decoded(content: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    encoding = headers.get(b"content-encoding", b"identity").lower()
    if encoding == b"identity":
        return content
    if encoding != b"gzip":
        raise HTTPException("an encoding that was not asked for")
    unpacking = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacking.decompress(content) + unpacking.flush()
    except zlib.error:
        raise HTTPException("broken compression") from None
    if not unpacking.eof:
        raise IncompleteRead(unpacked)
    return unpacked


def _number(text: bytes, base: int) -> int:
    text = text.strip()
    if not text.isalnum():
        # int() would take a sign and underscores.
        raise HTTPException("no number where one has to be")
    try:
        return int(text, base)
    except ValueError:
        raise HTTPException("no number where one has to be") from None


class _Incoming:
    """What a socket gives, by mark, by length or all of it."""

    def __init__(self, sock: socket) -> None:
        self._receive = sock.recv
        self.buffer = b""

    def until(self, mark: bytes, most: int) -> bytes:
        """Up to a mark, which is taken off."""
        while (end := self.buffer.find(mark)) < 0:
            if len(self.buffer) > most:
                raise LineTooLong("header")
            self.buffer += self._piece()
        found, self.buffer = self.buffer[:end], self.buffer[end + len(mark) :]
        return found

    def exactly(self, length: int) -> bytes:
        """So many bytes."""
        parts, missing = [self.buffer], length - len(self.buffer)
        while missing > 0:
            part = self._piece()
            parts.append(part)
            missing -= len(part)
        whole = b"".join(parts)
        self.buffer = whole[length:]
        return whole[:length] if self.buffer else whole

    def rest(self) -> bytes:
        """All there is until the other side ends the connection."""
        parts = [self.buffer]
        while part := self._receive(_PIECE):
            parts.append(part)
        self.buffer = b""
        return b"".join(parts)

    def _piece(self) -> bytes:
        piece = self._receive(_PIECE)
        if not piece:
            # A connection that was kept open may have ended before this request came.
            raise RemoteDisconnected("the connection ended before the answer did")
        return piece

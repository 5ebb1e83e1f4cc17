"""Reads HTTP answers from a socket, whole or not at all.

httptools parses them: it is the parser of Node.js. A reading of an organisation is thousands of small answers, and the
one of ``http.client``, which takes their heads for those of mails, spends a third of a call's processor time. What is
not understood is an error, never a shorter answer.
"""

from __future__ import annotations

import zlib
from http import HTTPStatus
from http.client import HTTPException, IncompleteRead
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    from socket import socket

__all__ = ["Answer", "read_answer"]

#: zlib's way to say gzip.
_GZIP = 16 + zlib.MAX_WBITS
#: Bytes that are taken from the socket at a time.
_PIECE = 65_536
#: Headers, and bytes of them, that an answer has at most: as http.client has it.
_MOST_HEADERS, _LONGEST_HEAD = 100, 65_536
#: Bytes of a body, as they come and decompressed: many times as many as the list of the largest department has.
_LONGEST_BODY = 2**28
_ENDLESS = "an endless body"


class Answer(NamedTuple):
    """One answer.

    :param content: the body, decompressed.
    :param reusable: whether another request may follow on the same connection.
    """

    status: int
    content: bytes
    reusable: bool


def read_answer(sock: socket, longest: float = inf) -> Answer:
    """Read one answer to a GET or POST.

    :param longest: seconds after which nothing more is waited for, however steadily it comes. The socket's own timeout
        is for each piece, and who sends a byte now and then would hold the caller for ever.
    :raises HTTPException: it is not HTTP, has no end in sight, or the connection ended before the answer did.
    :raises OSError: the connection failed; TimeoutError when a piece, or all of it, took too long.
    """
    reading, ends = _Reading(), monotonic() + longest
    try:
        while not reading.is_over:
            if monotonic() > ends:
                raise TimeoutError
            reading.take(sock.recv(_PIECE))
    finally:
        reading.close()
    content = b"".join(reading.body)
    return Answer(reading.status, _decoded(content, reading.encoding), reading.is_reusable)


class _Reading:
    """What was read of an answer so far. httptools calls the methods that begin with ``on_``."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._headers = self._head = self._length = 0
        self._ends_with_connection = True
        self.status = 0
        self.encoding = b""
        self.body: list[bytes] = []
        self.is_over = self.is_reusable = False

    def take(self, piece: bytes) -> None:
        """Read a piece; an empty one says that the connection ended."""
        if not piece:
            if not self.status or not self._ends_with_connection:
                raise IncompleteRead(b"")
            self.is_over = True
            return
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade):
            self.is_reusable = False
            if not self.is_over:
                # Not with the parser's own words, which may hold some of the answer.
                raise HTTPException("no HTTP answer that is understood") from None
        if self._length > _LONGEST_BODY:
            raise HTTPException(_ENDLESS)

    def close(self) -> None:
        """Let go of the parser, which knows this object: together they would wait for the collector of garbage."""
        del self._parser

    def on_message_begin(self) -> None:
        if self.is_over:
            # Nobody asked for a second answer, so the next request would get the wrong one.
            self.is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.is_over:
            return
        self._headers += 1
        self._head += len(name) + len(value)
        if self._headers > _MOST_HEADERS or self._head > _LONGEST_HEAD:
            raise HTTPException("an endless head")
        lowered = name.lower()
        if lowered == b"content-encoding":
            self.encoding = value.strip().lower()
        elif lowered in (b"content-length", b"transfer-encoding"):
            self._ends_with_connection = False

    def on_headers_complete(self) -> None:
        if not self.is_over:
            self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if not self.is_over:
            self._length += len(body)
            self.body.append(body)

    def on_message_complete(self) -> None:
        if self.is_over:
            return
        if self.status < HTTPStatus.OK:
            # An interim answer, after which the real one follows.
            self.status = 0
            self.encoding, self._ends_with_connection = b"", True
            return
        self.is_over = True
        self.is_reusable = bool(self._parser.should_keep_alive())


def _decoded(content: bytes, encoding: bytes) -> bytes:
    if encoding in (b"", b"identity") or not content:
        return content
    if encoding not in (b"gzip", b"x-gzip"):
        raise HTTPException("an encoding that was not asked for")
    unpacked, left = [], _LONGEST_BODY
    # It may come in several parts, each of them compressed by itself (RFC 1952, 2.2).
    while content:
        unpacking = zlib.decompressobj(_GZIP)
        try:
            # A limit of zero would be none.
            part = unpacking.decompress(content, left + 1)
        except zlib.error:
            raise HTTPException("broken compression") from None
        left -= len(part)
        if left < 0:
            raise HTTPException(_ENDLESS)
        if not unpacking.eof:
            raise IncompleteRead(b"")
        unpacked.append(part)
        content = unpacking.unused_data
    return b"".join(unpacked)

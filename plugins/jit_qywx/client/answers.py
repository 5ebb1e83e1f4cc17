"""Reads HTTP answers from a socket, whole or not at all.

``http.client`` reads them; what urllib3 and requests do on top of that (retries, cookies, redirects, a response object
with its own streams) takes several times as long, and a reading of an organisation is thousands of small calls that
need none of it. What is not understood is an error, never a shorter answer.
"""

from __future__ import annotations

import zlib
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from socket import socket

__all__ = ["Answer", "read_answer"]

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
    with HTTPResponse(sock) as response:
        response.begin()
        content = response.read()
        # After an interim answer that http.client does not know (it knows 100) the real one would follow.
        reusable = response.status >= HTTPStatus.OK and not response.will_close
        return Answer(response.status, _decoded(content, response), reusable)


def _decoded(content: bytes, response: HTTPResponse) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity" or not content:
        return content
    if encoding != "gzip":
        raise HTTPException("an encoding that was not asked for")
    unpacking = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacking.decompress(content) + unpacking.flush()
    except zlib.error:
        raise HTTPException("broken compression") from None
    if not unpacking.eof:
        raise IncompleteRead(unpacked)
    return unpacked

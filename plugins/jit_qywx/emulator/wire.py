"""HTTP/1.1 on a socket: requests read, answers written, connections kept alive.

`http.server` parses headers through `email` and writes them unbuffered line by line, which costs more than everything
else the emulator does; a benchmark of a client against it would measure the server. This reads what such a server
needs to know (request line, Content-Length, Connection) and writes an answer in one send.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.answers import Answer

MAX_HEAD = 65_536
MAX_BODY = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: "GET", "POST", …
        path: the decoded path, starting with "/".
        query: the decoded query; of a repeated name the last value.
        headers: header names in lower case.
        body: the bytes of the body.
        ip: the caller's address.
        gone: a function that tells whether the caller has hung up.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    ip: str
    gone: Callable[[], bool]


class BadRequestError(Exception):
    """What arrived is not a request this server can read.

    Args:
        status: the HTTP status that says why.
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class HttpServer:
    """A threaded keep-alive HTTP/1.1 server: one thread for each connection.

    Args:
        respond: makes the answer for a request; called from many threads.
        host: address to bind.
        port: port to bind; 0 takes a free one.
    """

    def __init__(self, respond: Callable[[Request], Answer], host: str, port: int) -> None:
        self._respond = respond
        self._closing = False
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._listener = socket.create_server((host, port), backlog=256)
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, name="wecom-emulator", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop accepting, cut every connection, and wait for the threads to end."""
        if self._closing:
            return
        self._closing = True
        # A connection of our own is what wakes a blocked accept() on every platform.
        with contextlib.suppress(OSError), socket.create_connection(self.address, timeout=1):
            self._thread.join(timeout=5)
        self._thread.join(timeout=5)
        self._listener.close()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            if thread is not threading.current_thread():
                thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            if self._closing:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection, str(peer[0])), daemon=True)
            with self._lock:
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket, ip: str) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with cast("IO[bytes]", connection.makefile("rb", MAX_HEAD)) as reader:
                while not self._closing and self._exchange(connection, reader, ip):
                    pass
        except OSError:
            pass  # The caller hung up; there is nobody left to tell.
        finally:
            with self._lock:
                self._open.pop(connection, None)
            connection.close()

    def _exchange(self, connection: socket.socket, reader: IO[bytes], ip: str) -> bool:
        """Answer one request; True while the connection stays open."""
        try:
            request = read_request(reader, ip, lambda: has_hung_up(connection))
        except BadRequestError as problem:
            connection.sendall(head(problem.status, "text/plain", 0, {"Connection": "close"}))
            return False
        if request is None:
            return False
        answer = self._respond(request)
        if answer.cut == "reset":
            # Closing with nothing to linger for sends RST: the caller sees "connection reset by peer".
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer.cut in ("headers", "reset"):
            return False
        headers = answer.headers
        keep = request.headers.get("connection", "").lower() != "close"
        if not keep:
            headers = {**headers, "Connection": "close"}
        message = head(answer.status, answer.content_type, len(answer.body), headers)
        if answer.cut == "body":
            connection.sendall(message + answer.body[: len(answer.body) // 2])
            return False
        connection.sendall(message if request.method == "HEAD" else message + answer.body)
        return keep


def read_request(reader: IO[bytes], ip: str, gone: Callable[[], bool]) -> Request | None:
    """Read one request; None when the caller closed the connection between two requests.

    Raises:
        BadRequestError: the bytes are no HTTP request, or one this server does not take (chunked, too large).
    """
    line = reader.readline(MAX_HEAD)
    if not line:
        return None
    parts = line.split()
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/1."):
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    headers = {}
    size = len(line)
    while (line := reader.readline(MAX_HEAD)) not in (b"\r\n", b"\n"):
        size += len(line)
        name, colon, value = line.partition(b":")
        if not colon or size > MAX_HEAD:
            raise BadRequestError(HTTPStatus.BAD_REQUEST)
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    if "transfer-encoding" in headers:
        raise BadRequestError(HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    if int(length) > MAX_BODY:
        raise BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    body = reader.read(int(length)) if length != "0" else b""
    path, _, query = parts[1].decode("latin-1").partition("?")
    return Request(
        method=parts[0].decode("latin-1"),
        path=unquote(path) if "%" in path else path,
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers=headers,
        body=body,
        ip=ip,
        gone=gone,
    )


def head(status: int, content_type: str, length: int, headers: dict[str, str]) -> bytes:
    """The status line and headers of an answer, ending with the empty line."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Server: nginx",
        f"Content-Type: {content_type}",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
        "\r\n",
    ]
    return "\r\n".join(lines).encode("latin-1")


def has_hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)

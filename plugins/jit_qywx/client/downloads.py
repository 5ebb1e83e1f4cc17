"""Fetches the files that WeCom names by link: whole and proven, or not at all.

The host of a link is not the API's, so nothing of ours is sent there, no token and no cookie. Whoever has a link has
the file: its query, which is what signs it, stays out of every message and log (see ``jit_qywx.client.wire``).
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from jit_qywx.client.wire import PIECES, QUERY_HEADER, open_session
from jit_qywx.errors import AnswerTimeout, BadAnswer, ConnectionFailed, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Downloads", "Link"]

#: Repeats of one file, each going on where the one before was cut.
_TRIES = 3
_FIRST_WAIT = 0.5
_CHUNK = 2**16
#: Bytes that come in a second, at the least, when a file is given the time for all of it.
_SLOWEST = 2**16
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Link:
    """A file as ``export/get_result`` names it (document 94954).

    :param url: where it is, for two hours.
    :param size: bytes of the file as it is fetched.
    :param md5: of these bytes, as 32 hexadecimal digits.
    :param call: what it is, for messages, path first.
    :param corpId: the enterprise it is of, for messages.
    """

    url: str = field(repr=False)
    size: int
    md5: str
    call: str
    corpId: str


class Downloads:
    """Fetches files for any number of threads.

    :param timeout: seconds to wait for a connection, and for each piece of a file; all of it, with what is repeated,
        may take ten times as long, and a second more for each 64 KiB.
    :param trust_env: whether proxy settings of the environment apply; never for a loopback address.
    :param plain: whether a link may be of plain HTTP.
    :param pause: waits so many seconds.
    """

    def __init__(
        self, *, timeout: tuple[float, float], trust_env: bool, plain: bool, pause: Callable[[float], object]
    ) -> None:
        self._timeout = timeout
        self._trust_env = trust_env
        self._plain = plain
        self._pause = pause
        self._lock = threading.Lock()
        self._open: set[requests.Session] = set()
        self._closed = False

    def close(self) -> None:
        """End what is under way: whoever waits for it fails at once."""
        with self._lock:
            self._closed = True
            sessions = list(self._open)
        for session in sessions:
            session.close()

    def fetch(self, link: Link, wanted: Callable[[], bool] = lambda: True) -> IO[bytes]:
        """Fetch a file into a nameless temporary one.

        A connection that broke is taken up where it was cut. Nothing is returned whose size and MD5 are not the link's.

        :param wanted: asked now and then whether it still is.
        :returns: the file, at its beginning; closing it deletes it.
        :raises TransportError: it did not come, or is not what the link says.
        :raises OSError: there is no room for it in the temporary folder.
        """
        origin, target, query = self._split(link)
        limit = PIECES * self._timeout[1] + link.size / _SLOWEST
        ends = monotonic() + limit
        asked = _Asked(link, origin + target, query, ends, lambda: wanted() and not self._closed)
        store = tempfile.TemporaryFile()  # noqa: SIM115  # whoever asked closes it
        try:
            with self._session(origin, link, limit) as session:
                self._fill(store, asked, session)
            _check(store, link)
        except BaseException:
            store.close()
            raise
        store.seek(0)
        return store

    def _split(self, link: Link) -> tuple[str, str, str]:
        """The origin, the path and the query of a link."""
        try:
            parts = urlsplit(link.url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        allowed = ("https", "http") if self._plain else ("https",)
        if not host or parts.scheme not in allowed or parts.username is not None:
            raise _bad(link, f"is at a link that is none of {' or '.join(allowed)}")
        return f"{parts.scheme}://{parts.netloc}", parts.path or "/", parts.query

    @contextmanager
    def _session(self, origin: str, link: Link, limit: float) -> Iterator[requests.Session]:
        """A session for one file, which ends what is under way after so many seconds."""
        host = urlsplit(origin).hostname
        session = open_session(origin, connections=1, trust_env=self._trust_env and host not in _LOOPBACK)
        with self._lock:
            if self._closed:
                raise ConnectionFailed(f"{link.call} was not fetched: the App is closed.", call=link.call)
            self._open.add(session)
        # The timeout is for each piece, and who sends a byte now and then would hold the caller for ever.
        ending = threading.Timer(limit, session.close)
        ending.daemon = True
        ending.start()
        try:
            yield session
        finally:
            ending.cancel()
            with self._lock:
                self._open.discard(session)
            session.close()

    def _fill(self, store: IO[bytes], asked: _Asked, session: requests.Session) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                self._append(store, asked, session)
                return
            except TransportError as error:
                passing = not isinstance(error, BadAnswer) or error.status >= requests.codes.server_error
                if not passing or attempt == _TRIES or not asked.wanted() or asked.is_over:
                    raise
            self._pause(_FIRST_WAIT * 2.0**attempt)

    def _append(self, store: IO[bytes], asked: _Asked, session: requests.Session) -> None:
        """Fetch what is missing."""
        link, start = asked.link, store.seek(0, 2)
        # Compressed on the way, neither size nor MD5 would be those of the file.
        headers = {"Accept-Encoding": "identity", QUERY_HEADER: asked.query}
        if start:
            headers["Range"] = f"bytes={start}-"
        failure: TransportError
        try:
            with session.get(
                asked.url, headers=headers, timeout=self._timeout, allow_redirects=False, stream=True
            ) as response:
                if response.status_code not in (requests.codes.ok, requests.codes.partial):
                    raise _bad(link, f"was answered with HTTP status {response.status_code}", response.status_code)
                if response.status_code == requests.codes.ok or not _goes_on(response, start):
                    store.seek(0)
                    store.truncate()
                _write(store, asked, response)
                return
        except requests.RequestException as error:
            if isinstance(error, requests.Timeout) or asked.is_over:
                failure = _late(asked)
            else:
                failure = ConnectionFailed(
                    f"The connection for {link.call} broke: {type(error).__name__}.",
                    call=link.call,
                    corpId=link.corpId,
                    hint=_hint(asked.url),
                )
        # Outside the except block: the HTTP library's exception must not become the context of ours.
        raise failure


@dataclass(frozen=True, slots=True)
class _Asked:
    """A file that somebody waits for.

    :param url: where it is, without ``query``.
    :param ends: when it is waited for no longer, by the clock of :func:`time.monotonic`.
    :param wanted: whether it still is.
    """

    link: Link
    url: str
    query: str = field(repr=False)
    ends: float
    wanted: Callable[[], bool]

    @property
    def is_over(self) -> bool:
        """Whether its time is."""
        return monotonic() >= self.ends


def _goes_on(response: requests.Response, start: int) -> bool:
    return bool(start) and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _write(store: IO[bytes], asked: _Asked, response: requests.Response) -> None:
    link = asked.link
    left = link.size - store.tell()
    for chunk in response.iter_content(_CHUNK):
        if not asked.wanted():
            raise ConnectionFailed(f"{link.call} is not wanted any longer.", call=link.call, corpId=link.corpId)
        left -= len(chunk)
        if left < 0:
            raise _bad(link, f"is larger than the {link.size} bytes that WeCom told")
        store.write(chunk)
    if left and asked.is_over:
        # A connection that we end looks like one whose other end had no more to say.
        raise _late(asked)


def _check(store: IO[bytes], link: Link) -> None:
    size = store.seek(0, 2)
    if size != link.size:
        raise _bad(link, f"has {size} bytes, not the {link.size} that WeCom told")
    store.seek(0)
    digest = hashlib.md5(usedforsecurity=False)  # what WeCom offers, against accidents and not against forgers
    while chunk := store.read(_CHUNK):
        digest.update(chunk)
    if digest.hexdigest() != link.md5.lower():
        raise _bad(link, "does not have the MD5 that WeCom told")


def _bad(link: Link, what: str, status: int = 200) -> BadAnswer:
    return BadAnswer(
        f"{link.call} {what}.",
        call=link.call,
        corpId=link.corpId,
        status=status,
        hint="Nothing of the file was used. A link works for two hours; a new export makes new ones.",
    )


def _late(asked: _Asked) -> AnswerTimeout:
    link = asked.link
    return AnswerTimeout(
        f"{link.call} did not come in time.", call=link.call, corpId=link.corpId, hint=_hint(asked.url)
    )


def _hint(url: str) -> str:
    return f"Check the network, and the proxy, between this machine and {urlsplit(url).hostname}."

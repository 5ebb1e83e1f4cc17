"""An HTTP session whose URLs hold no query, because the query of a WeCom call holds tokens and secrets.

requests puts the URL into its exceptions and urllib3 into its debug log, both out of our hands. So the query travels
beside the URL, in a private header that never leaves the process: the connection takes it off and appends it to the
request line as the very last step. Calls, of which there are thousands, take only the session's connections:
``jit_qywx.client.exchange``.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter

from jit_qywx.client.answers import read_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.client.answers import Answer

__all__ = ["PIECES", "QUERY_HEADER", "open_session", "way_to"]

#: An answer may take so many times as long as a piece of it.
PIECES = 10
#: Carries the encoded query from the caller to the connection; it is never sent.
QUERY_HEADER = "X-Jit-Query"


def open_session(base_url: str, *, connections: int, trust_env: bool) -> requests.Session:
    """A session for many threads that keeps queries out of URLs, takes no cookies and repeats nothing by itself.

    :param base_url: what all its calls begin with.
    :param connections: how many connections per host are kept open.
    :param trust_env: whether proxies and certificate bundles of the environment apply.
    """
    session = requests.Session()
    if trust_env:
        # Read once: requests would search the environment, and a .netrc, for every single call.
        settings = session.merge_environment_settings(base_url, {}, None, None, None)
        session.proxies, session.verify = settings["proxies"], settings["verify"]
    session.trust_env = False
    # Threads share the session; without cookies nothing in it changes after this function.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _QuietAdapter(pool_connections=4, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def way_to(session: requests.Session, base_url: str) -> tuple[Any, str, dict[str, str]]:
    """How requests gets to an address: a urllib3 pool that can ``exchange``, what targets begin with, and headers.

    :param session: of :func:`open_session`.
    :raises requests.RequestException: the address, or a setting of the environment, leads nowhere.
    """
    request = requests.Request("GET", base_url).prepare()
    adapter = session.get_adapter(base_url)
    assert isinstance(adapter, _QuietAdapter)
    pool: Any = adapter.get_connection_with_tls_context(request, session.verify, proxies=session.proxies)
    adapter.cert_verify(  # type: ignore[no-untyped-call]  # requests' stubs leave it untyped
        pool, base_url, session.verify, None
    )
    # Who we are at that address is told in a header of its own.
    host = urlsplit(request.url or base_url).netloc.rpartition("@")[2]
    headers = {"Host": host, **request.headers}
    if pool.scheme == "http":
        # A proxy that passes requests on is told with each who we are; one that makes a tunnel is told by urllib3.
        headers |= pool.proxy_headers
    return pool, adapter.request_url(request, session.proxies), headers


class _Connections:
    """Every connection there is, those that wait for an answer included."""

    def __init__(self) -> None:
        self._known: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()
        self._is_over = False

    def add(self, connection: Any) -> None:
        with self._lock:
            self._known.add(connection)
            if self._is_over:
                _cut(connection)

    def cut(self) -> None:
        """Have whoever waits for an answer see the end of it."""
        with self._lock:
            self._is_over = True
            for connection in self._known:
                _cut(connection)


def _cut(connection: Any) -> None:
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            # Not the method of a TLS socket, which takes the encryption away under whoever reads.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


class _QuietAdapter(HTTPAdapter):
    def __init__(self, **settings: Any) -> None:
        self._connections = _Connections()
        super().__init__(**settings)

    def close(self) -> None:
        """Close what is idle and end what waits for an answer: nobody will want it."""
        super().close()
        self._connections.cut()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _append_queries(self.poolmanager, self._connections)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _append_queries(manager, self._connections)
        return manager


class _Exchanging:
    """Mixed into urllib3's connection pools, in whose words it gets and opens a connection."""

    connections: _Connections

    def exchange(self, request: bytes, connect: float, read: float) -> Answer:
        """Send a request over an idle connection or a new one, and read the answer.

        :param connect: seconds to wait for a connection.
        :param read: seconds to wait for each piece of the answer; all of it may take ten times as long.
        """
        pool: Any = self
        connection = pool._get_conn()  # noqa: SLF001 - of ourselves
        try:
            sock = connection.sock or self._opened(connection, connect, read)
            # A server may answer, for example that this is too long, and hang up before it has read all.
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(request)
            answer = read_answer(sock, PIECES * read)
            is_good = answer.reusable
        except BaseException:
            is_good = False
            raise
        finally:
            if not is_good:
                connection.close()
            pool._put_conn(connection if is_good else None)  # noqa: SLF001 - of ourselves
        return answer

    def _opened(self, connection: Any, connect: float, read: float) -> socket.socket:
        pool: Any = self
        connection.timeout = connect
        if pool.proxy is not None:
            # Makes a tunnel to an address of https; there is none to an address of http.
            pool._prepare_proxy(connection)  # noqa: SLF001 - of ourselves
        if connection.sock is None:
            connection.connect()
        sock: socket.socket = connection.sock
        sock.settimeout(read)
        return sock


class _QueryAppending:
    """Mixed into urllib3's connection classes."""

    connections: _Connections

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # the connection class it is mixed into has the method
        self.connections.add(self)

    def request(
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        kept = dict(headers or {})
        query = kept.pop(QUERY_HEADER, "")
        super().request(  # type: ignore[misc]  # the connection class it is mixed into has the method
            method, f"{url}?{query}" if query else url, body, kept, **kwargs
        )


def _append_queries(manager: Any, connections: _Connections) -> None:
    # A connection pool names its connection class; a pool manager (plain, proxy or SOCKS) names its pool classes.
    shared = {"connections": connections}
    manager.pool_classes_by_scheme = {
        scheme: type(
            pool.__name__,
            (_Exchanging, pool),
            {"ConnectionCls": type(pool.ConnectionCls.__name__, (_QueryAppending, pool.ConnectionCls), shared)}
            | shared,
        )
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }

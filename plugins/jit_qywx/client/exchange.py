"""Requests and their answers, with as little as possible between them and the socket.

A reading of an organisation is thousands of small calls, and going through requests and urllib3 takes several times as
long as they need. So these do what is done once: requests decides how to get there (proxies, certificate bundles),
urllib3's pools keep the connections and open them, TLS and tunnels included. The request itself is a line and a few
headers that never change, and its answer is parsed by httptools. The query of a WeCom call, which holds
tokens and secrets, so reaches neither library, which would put it into exceptions and debug logs.
"""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from jit_qywx.client.wire import open_session, way_to

if TYPE_CHECKING:
    from jit_qywx.client.answers import Answer

__all__ = ["Exchange"]

#: Whatever may stand in a path as it is (RFC 3986), "%" included: it is the caller's.
_IN_PATH = "/%:@!$&'()*+,;=~"


class Exchange:
    """Kept-alive connections to one address, for any number of threads. No cookies, no redirects, no repeats.

    :param base_url: what all its calls begin with; it ends with a slash.
    :param timeout: seconds to wait for a connection, and for each piece of the answer; all of it may take ten times as
        long.
    :param connections: how many connections are kept open.
    :param trust_env: whether proxies and certificate bundles of the environment apply.
    """

    def __init__(self, base_url: str, *, timeout: tuple[float, float], connections: int, trust_env: bool) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._session = open_session(base_url, connections=connections, trust_env=trust_env)
        # Of thousands of calls nearly all have one of a few paths.
        self._quoted = lru_cache(partial(quote, safe=_IN_PATH))

    def ask(self, path: str, query: str = "", body: bytes | None = None) -> Answer:
        """Send a request, a POST of JSON when there is a body, and read the answer.

        :param path: what comes after the base URL.
        :param query: encoded.
        :raises OSError: the connection could not be made, or failed.
        :raises TimeoutError: the connection, a piece of the answer or all of it took too long.
        :raises http.client.HTTPException: what came is no whole HTTP answer.
        :raises urllib3.exceptions.HTTPError: urllib3's way to say that the connection could not be made.
        """
        pool, base, headers = self._way
        target = base + self._quoted(path)
        if query:
            target = f"{target}?{query}"
        if body is None:
            request = f"GET {target} HTTP/1.1\r\n{headers}\r\n".encode("ascii")
        else:
            told = f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            request = f"POST {target} HTTP/1.1\r\n{headers}{told}\r\n".encode("ascii") + body
        answer: Answer = pool.exchange(request, *self._timeout)
        return answer

    def close(self) -> None:
        """Close what is idle and end what waits for an answer: nobody will want it."""
        self._session.close()

    @cached_property
    def _way(self) -> tuple[Any, str, str]:
        # Not before it is needed: a setting of the environment that leads nowhere is the failure of a call.
        pool, base, headers = way_to(self._session, self._base_url)
        headers |= {
            "User-Agent": requests.utils.default_user_agent(),
            "Accept": "*/*",
            "Accept-Encoding": "gzip",
        }
        return pool, base, "".join(f"{name}: {value}\r\n" for name, value in headers.items())

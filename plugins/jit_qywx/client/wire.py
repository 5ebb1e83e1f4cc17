"""An HTTP session whose URLs hold no query, because the query of a WeCom call holds tokens and secrets.

requests puts the URL into its exceptions and urllib3 into its debug log, both out of our hands. So the query travels
beside the URL, in a private header that never leaves the process: the connection takes it off and appends it to the
request line as the very last step.
"""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["QUERY_HEADER", "open_session"]

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


class _QuietAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _append_queries(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not known:
            _append_queries(manager)
        return manager


class _QueryAppending:
    """Mixed into urllib3's connection classes."""

    def request(
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        kept = dict(headers or {})
        query = kept.pop(QUERY_HEADER, "")
        super().request(  # type: ignore[misc]  # the connection class it is mixed into has the method
            method, f"{url}?{query}" if query else url, body, kept, **kwargs
        )


def _append_queries(manager: Any) -> None:
    # A connection pool names its connection class; a pool manager (plain, proxy or SOCKS) names its pool classes.
    manager.pool_classes_by_scheme = {
        scheme: type(
            pool.__name__,
            (pool,),
            {"ConnectionCls": type(pool.ConnectionCls.__name__, (_QueryAppending, pool.ConnectionCls), {})},
        )
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }

"""The floor of reading: the very same answers over bare connections, as concurrently as a sync asks, only parsed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

from benchmarks.upstream import CORP_ID

#: As many connections as a sync uses by default.
WORKERS = 8
Target = tuple[str, dict[str, str]]


def targets_of(calls: Sequence[tuple[str, str, dict[str, str]]]) -> list[Target]:
    """What of a sync's calls the floor asks for: all it reads with GET, but not the token."""
    return [(path, query) for method, path, query in calls if method == "GET" and path != "gettoken"]


def get_all(base_url: str, permanent_code: str, targets: Sequence[Target], workers: int = WORKERS) -> int:
    """Get and parse these paths with bare keep-alive connections; nothing is kept.

    :param targets: paths with their queries, without the token.
    :param workers: how many connections at a time.
    :returns: bytes of all answers.
    """
    address = urlsplit(base_url)

    def get(share: Sequence[Target]) -> int:
        connection = http.client.HTTPConnection(str(address.hostname), int(address.port or 80))
        size = 0
        try:
            for path, query in share:
                connection.request("GET", f"{address.path}{path}?{urlencode({**query, 'access_token': token})}")
                body = connection.getresponse().read()
                if json.loads(body).get("errcode"):
                    raise RuntimeError(f"{path} was refused: {body[:200]!r}")
                size += len(body)
        finally:
            connection.close()
        return size

    token = _token(base_url, permanent_code)
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(get, [targets[start::workers] for start in range(workers)]))


def _token(base_url: str, permanent_code: str) -> str:
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(str(address.hostname), int(address.port or 80))
    try:
        query = urlencode({"corpid": CORP_ID, "corpsecret": permanent_code})
        connection.request("GET", f"{address.path}gettoken?{query}")
        return str(json.loads(connection.getresponse().read())["access_token"])
    finally:
        connection.close()

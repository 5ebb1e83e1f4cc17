"""The WeCom that a sync is measured against: the emulator in a process of its own, so that it has a core of its own.

What the floor needs is here too: asking for the very same answers over bare connections, as concurrently as we do.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

CORP_ID = "wwbench0000000001"
MEMBERS_OF_A_DEPARTMENT = 100
TAGS = 20


@dataclass(frozen=True, slots=True)
class Suite:
    """The template that the emulated enterprise authorises."""

    id: str
    secret: str
    token: str
    aes_key: str


class Upstream:
    """An enterprise of that many members, behind a WeCom that answers as fast as it can.

    :param small: how many enterprises of 50 members there are besides.
    :param latency: seconds that each answer takes.
    """

    def __init__(self, members: int, *, small: int = 0, latency: float = 0.0) -> None:
        self.small = [f"wwsmall{number:02}" for number in range(small)]
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, members, self.small, latency), daemon=True)
        self._process.start()
        theirs.close()
        self.base_url: str
        self.suite: Suite
        self.base_url, self.suite = self._connection.recv()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.send(None)
        self._process.join()
        self._process.close()
        self._connection.close()

    def ticket(self) -> dict[str, Any]:
        """The arguments of ``notify`` with which WeCom hands over a suite_ticket."""
        return dict(self._ask("ticket"))

    def auth_code(self, corpid: str = CORP_ID) -> str:
        """An enterprise's administrator authorises the suite, once more."""
        return str(self._ask(f"authorize {corpid}"))

    def permanent_code(self) -> str:
        """The secret of the app that the authorisation made."""
        return str(self._ask("permanent_code"))

    def calls(self) -> list[tuple[str, str, dict[str, str]]]:
        """Method, path and query of each call since the last time this was asked."""
        return list(self._ask("calls"))

    def _ask(self, what: str) -> Any:
        self._connection.send(what)
        return self._connection.recv()


def _serve(connection: Connection, members: int, small: Sequence[str], latency: float) -> None:
    from jit_qywx.emulator import Emulator, Org

    with Emulator(seed=members) as wecom:
        departments = max(3, members // MEMBERS_OF_A_DEPARTMENT)
        org = Org.generate(seed=members, members=members, departments=departments, tags=TAGS)
        wecom.add_corp(CORP_ID, "示例企业", org)
        for number, corpid in enumerate(small):
            org = Org.generate(seed=number, members=50, departments=5, tags=2)
            wecom.add_corp(corpid, f"示例企业{number}", org)
        if latency:
            wecom.latency.set(latency)
        suite = Suite(wecom.suite.id, wecom.suite.secret, wecom.suite.token, wecom.suite.aes_key)
        connection.send((wecom.base_url, suite))
        for asked in iter(connection.recv, None):
            answer: Any
            if asked == "ticket":
                answer = {}
                wecom.push_ticket(_Kept(answer))
            elif asked.startswith("authorize "):
                answer = wecom.authorize(asked.partition(" ")[2], departments=(1,))
            elif asked == "permanent_code":
                answer = wecom.app(CORP_ID).permanent_code
            else:
                answer = [(call.method, call.path, call.query) for call in wecom.calls]
                wecom.calls.clear()
            connection.send(answer)


class _Kept:
    """A receiver of callbacks that keeps what it is told for another process to hear."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept

    def __call__(
        self, nonce: str, msg_signature: str, timestamp: str, echostr: str | None = None, body: bytes = b""
    ) -> str:
        self._kept |= {
            "nonce": nonce,
            "msg_signature": msg_signature,
            "timestamp": timestamp,
            "echostr": echostr,
            "body": body,
        }
        return "success"


def get_all(base_url: str, permanent_code: str, targets: Sequence[tuple[str, dict[str, str]]], workers: int) -> int:
    """Get and parse these paths with bare keep-alive connections; nothing is kept.

    :param targets: paths with their queries, without the token.
    :param workers: how many connections at a time.
    :returns: bytes of all answers.
    """
    address = urlsplit(base_url)

    def get(share: Sequence[tuple[str, dict[str, str]]]) -> int:
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

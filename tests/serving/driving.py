"""An application asked without a network, an app with three suites, and what WeCom would send to it."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import unquote, urlencode

from jit_qywx.crypto import CallbackCipher

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

    from starlette.types import ASGIApp


PROVIDER, CORP, OTHER = "wwprovider00000", "wwcorpa0000000", "wwcorpb0000000"


@dataclass(frozen=True)
class Sent:
    """A request as WeCom makes it."""

    path: str
    query: dict[str, str]
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/xml"})

    @property
    def url(self) -> str:
        return f"{self.path}?{urlencode(self.query)}"


class Answer(NamedTuple):
    """What an application answered."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks an ASGI application without a network; a context manager that runs its lifespan.

    :param app: the application.
    :param lifespan: False starts it by its first request.
    """

    def __init__(self, app: ASGIApp, *, lifespan: bool = True) -> None:
        self.app = app
        self._lifespan = lifespan
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._ending: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        if self._lifespan:
            self.run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ending is not None:
            self.run(self._end())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the application's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def request(self, method: str, url: str, content: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Make a request and wait for the answer."""
        return self.run(self.ask(method, url, content, headers))

    def get(self, url: str) -> Answer:
        """Make a GET."""
        return self.request("GET", url)

    async def ask(
        self, method: str, url: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Make a request; what the application raises is raised."""
        path, _, query = url.partition("?")
        told = {"content-length": str(len(content)), **{key.lower(): value for key, value in (headers or {}).items()}}
        return await self.call(method, unquote(path), query.encode("utf-8", "surrogateescape"), [content], told)

    async def call(
        self, method: str, path: str, query: bytes, parts: list[bytes], headers: Mapping[str, str]
    ) -> Answer:
        """Make a request whose body comes in parts."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogateescape"),
            "query_string": query,
            "root_path": "",
            "headers": [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        waiting = [*parts]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start = sent[0] if sent else {"status": 0, "headers": []}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(start["status"], body, {key.decode(): value.decode() for key, value in start["headers"]})

    async def _start(self) -> None:
        self._ending, started = asyncio.Event(), asyncio.Event()
        failures: list[str] = []

        async def receive() -> dict[str, str]:
            if not started.is_set():
                return {"type": "lifespan.startup"}
            assert self._ending is not None
            await self._ending.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Any) -> None:
            if message["type"].endswith("failed"):
                failures.append(message["message"])
            started.set()

        self._living = asyncio.ensure_future(self.app({"type": "lifespan", "asgi": {"version": "3.0"}}, receive, send))
        await started.wait()
        assert not failures, failures

    async def _end(self) -> None:
        assert self._ending is not None
        self._ending.set()
        await self._living


class Sender:
    """Knows a suite's secrets, as WeCom does.

    :param name: full name of the auth element.
    """

    def __init__(self, name: str, suiteId: str, token: str, key: str) -> None:
        self.name = name
        self.suiteId = suiteId
        self.config = {"suiteId": suiteId, "suiteSecret": "unused", "token": token, "encodingAESKey": key}
        self.cipher = CallbackCipher(token, key)

    def seal(self, message: bytes, receiver: str, path: str, *, stamp: str | None = None, nonce: str = "n") -> Sent:
        """A signed and encrypted POST."""
        sealed = self.cipher.seal(message, receiver, timestamp=stamp or str(int(time.time())), nonce=nonce)
        query = {"msg_signature": sealed.msg_signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce}
        body = f"<xml><ToUserName>{receiver}</ToUserName><Encrypt><![CDATA[{sealed.encrypt}]]></Encrypt></xml>"
        return Sent(path, query, body.encode())

    def ticket(self, ticket: str, stamp: int | None = None) -> Sent:
        """A suite_ticket."""
        message = (
            f"<xml><SuiteId>{self.suiteId}</SuiteId><InfoType> <![CDATA[suite_ticket]]></InfoType>"
            f"<TimeStamp>{stamp or int(time.time())}</TimeStamp><SuiteTicket>{ticket}</SuiteTicket></xml>"
        )
        return self.seal(message.encode(), self.suiteId, f"/callbacks/{self.name}")

    def event(self, user: str, corpId: str = CORP, *, stamp: int | None = None) -> Sent:
        """A contact event of an enterprise's app."""
        message = (
            "<xml><ToUserName></ToUserName><FromUserName>sys</FromUserName><MsgType>event</MsgType>"
            f"<Event>change_contact</Event><CreateTime>{stamp or int(time.time())}</CreateTime>"
            f"<ChangeType>update_user</ChangeType><UserID>{user}</UserID></xml>"
        )
        return self.seal(message.encode(), corpId, f"/callbacks/{self.name}/{corpId}")

    def echo(self, corpId: str | None = None, text: str = "1616140317555161061") -> Sent:
        """The provider console checks a URL."""
        path = f"/callbacks/{self.name}" + ("" if corpId is None else f"/{corpId}")
        sealed = self.seal(text.encode(), PROVIDER, path)
        encrypt = sealed.body.partition(b"CDATA[")[2].partition(b"]]")[0].decode()
        return Sent(path, {**sealed.query, "echostr": encrypt}, method="GET", headers={})


WECOM = Sender("auths.Wecom", "dksuiteone", "theToken", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
SECOND = Sender("auths.Second", "dksuitetwo", "theToken", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
ASLEEP = Sender("auths.Asleep", "dksuitetre", "otherToken", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR")


def files_of_app() -> dict[str, Any]:
    """Three suites and an enterprise; nothing answers at WeCom's address."""
    files: dict[str, Any] = {
        "app.json": {"name": "receiving"},
        "corps/A/e.json": {"type": "corps.QywxProxyType", "title": "A"},
        "corps/A/A.json": {"corpId": CORP, "authFullName": "auths.Wecom"},
    }
    for sender in (WECOM, SECOND, ASLEEP):
        short = sender.name.partition(".")[2]
        files[f"auths/{short}/e.json"] = {"type": "auths.loginTypes.QywxProxyType", "title": short}
        files[f"auths/{short}/{short}.json"] = {
            "authConfig": sender.config,
            "corpId": PROVIDER,
            "apiBaseUrl": "http://127.0.0.1:9/cgi-bin/",
            "isActive": sender is not ASLEEP,
        }
    return files

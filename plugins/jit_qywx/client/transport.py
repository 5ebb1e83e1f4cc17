"""The one way to WeCom: makes a call, judges the answer by its errcode, and repeats what is worth repeating.

When to repeat is decided in ``jit_qywx.client.retries``. Nothing that is raised here holds a URL with its query, which
is where WeCom puts tokens and secrets: see ``jit_qywx.client.exchange``.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import nullcontext
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as TimeoutOfUrllib3

from jit_qywx.client.downloads import Downloads
from jit_qywx.client.exchange import Exchange
from jit_qywx.client.retries import Retries, RetryPolicy
from jit_qywx.errcodes import make_error
from jit_qywx.errors import AnswerTimeout, ApiError, BadAnswer, ConnectionFailed, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.client.answers import Answer
    from jit_qywx.client.call import Call, Token, TokenSource
    from jit_qywx.client.pace import Pace

__all__ = ["OFFICIAL_BASE_URL", "Transport", "parsed"]

logger = logging.getLogger(__name__)

#: Where WeCom's API lives (document 90664).
OFFICIAL_BASE_URL = "https://qyapi.weixin.qq.com/cgi-bin/"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Transport:
    """Makes calls for any number of threads.

    :param base_url: URL that paths are appended to.
    :param timeout: seconds to wait for a connection, and for each piece of the answer; all of it may take ten times as
        long.
    :param trust_env: whether proxy settings of the environment apply; never for a loopback address.
    :param policy: how failed calls are repeated, and what waiting means.
    :param connections: connections kept open.
    """

    def __init__(
        self,
        base_url: str = OFFICIAL_BASE_URL,
        *,
        timeout: tuple[float, float] = (5.0, 30.0),
        trust_env: bool = True,
        policy: RetryPolicy | None = None,
        connections: int = 32,
    ) -> None:
        self.base_url = base_url.rstrip("/") + "/"
        self._policy = policy or RetryPolicy()
        self.timing = self._policy.timing
        where = urlsplit(self.base_url)
        #: The address for people, without a password that may stand in it.
        self._place = where._replace(netloc=where.netloc.rpartition("@")[2]).geturl()
        trusted = trust_env and where.hostname not in _LOOPBACK
        self._exchange = Exchange(self.base_url, timeout=timeout, connections=connections, trust_env=trusted)
        self._closed = threading.Event()
        #: Files come with no less protection than the calls that name them.
        self.downloads = Downloads(timeout=timeout, trust_env=trust_env, plain=where.scheme == "http", pause=self.pause)

    def close(self) -> None:
        """Close every connection. Calls that wait for an answer, or for their next try, fail at once."""
        self._closed.set()
        self._exchange.close()
        self.downloads.close()

    def call(self, call: Call, *, tokens: TokenSource | None = None, pace: Pace | None = None) -> dict[str, Any]:
        """Make a call and return WeCom's answer, ``errcode`` and ``errmsg`` taken off.

        :param tokens: where its token comes from; None for a call without one.
        :param pace: the enterprise's pace; None for a call of the suite.
        :raises ApiError: WeCom refused; the subclass says what that means.
        :raises TransportError: no usable answer came.
        """
        token = tokens.current() if tokens else None
        retries = Retries(self._policy, call)
        while True:
            try:
                with pace.slot(call.path) if pace else nullcontext():
                    return self._once(call, token)
            except (ApiError, TransportError) as error:
                renew = token is not None and retries.token_refused(error)
                wait = 0.0 if renew else retries.wait_after(error)
                if wait is None or self._closed.is_set():
                    raise
            # Outside the except block: a failure from here on did not happen while handling the first one.
            if renew:
                assert tokens is not None
                assert token is not None
                token = tokens.renew(token)
            else:
                self.pause(wait)

    def pause(self, seconds: float) -> bool:
        """Wait so many seconds, or until the transport is closed: False then."""
        if self.timing.sleep is time.sleep:
            # A minute's wait for a quota must not outlive the App.
            self._closed.wait(seconds)
        else:
            self.timing.sleep(seconds)
        return not self._closed.is_set()

    def _once(self, call: Call, token: Token | None) -> dict[str, Any]:
        self._policy.budget.earn()
        started = self.timing.monotonic()
        query = _encoded(call.query)
        if token is not None:
            query += f"{'&' if query else ''}{call.credential}={quote(token.value, safe='')}"
        status, content, _ = self._send(call, query)
        if call.news is not None and status == HTTPStatus.OK:
            content = call.news(content)
            if not content:
                return {}
        answer = _parse(status, content, call)
        errcode = _errcode(answer, call, status)
        errmsg = answer.pop("errmsg", "")
        if logger.isEnabledFor(logging.DEBUG):
            seconds = round(self.timing.monotonic() - started, 3)
            told = {"corpId": call.corpId, "errcode": errcode, "seconds": seconds}
            logger.debug("WeCom answered %s with errcode %s", call.path, errcode, extra=told)
        if errcode:
            secrets = (*call.secrets, token.value) if token else call.secrets
            raise make_error(errcode, errmsg, call=str(call), corpId=call.corpId, secrets=secrets)
        return answer

    def _send(self, call: Call, query: str) -> Answer:
        failure: TransportError
        if self._closed.is_set():
            raise ConnectionFailed(f"{call} was not made: the App is closed.", call=str(call), corpId=call.corpId)
        body = None
        if call.body is not None:
            # WeCom refuses \uXXXX escapes (40033, document 90313).
            body = json.dumps(call.body, ensure_ascii=False).encode()
        try:
            return self._exchange.ask(call.path, query, body)
        except (OSError, HTTPException, HTTPError) as error:
            if _is_timeout(error):
                failure = AnswerTimeout(
                    f"WeCom did not answer {call} in time.",
                    call=str(call),
                    corpId=call.corpId,
                    hint=f"Check the network between this machine and {self._place}.",
                )
            else:
                failure = ConnectionFailed(
                    f"The connection for {call} failed: {_reason(error)}.",
                    call=str(call),
                    corpId=call.corpId,
                    hint="Check the network, the proxy and the name resolution between this machine and "
                    f"{self._place}.",
                )
        # Outside the except block: the HTTP library's exception must not become the context of ours.
        raise failure


def _encoded(query: Mapping[str, Any]) -> str:
    return "&".join([f"{_quoted(name)}={_quoted(str(value))}" for name, value in query.items() if value is not None])


def _quoted(text: str) -> str:
    # Most are ids, and quote() takes its time for them.
    is_plain = text.isascii() and (text.isidentifier() or text.isdigit())
    return text if is_plain else quote(text, safe="")


def _parse(status: int, content: bytes, call: Call) -> dict[str, Any]:
    if status != HTTPStatus.OK:
        raise _bad(call, f"has HTTP status {status}", status)
    answer = parsed(content)
    if not isinstance(answer, dict):
        raise _bad(call, "is no JSON object")
    return answer


def parsed(content: bytes) -> Any:
    """What an answer says; None when it is no JSON."""
    try:
        return json.loads(content)
    except RecursionError:
        return None
    except ValueError:
        return _parse_leniently(content)


def _parse_leniently(content: bytes) -> Any:
    # Names typed by people bring control characters and broken UTF-8 into real answers.
    try:
        return json.loads(content.decode("utf-8", errors="replace"), strict=False)
    except (ValueError, RecursionError):
        return None


def _errcode(answer: dict[str, Any], call: Call, status: int) -> int:
    told = answer.pop("errcode", None)
    if told is None:
        if call.errcode_optional:
            return 0
        raise _bad(call, "has no errcode", status)
    try:
        return int(told)
    except (TypeError, ValueError):
        raise _bad(call, "has an errcode that is no number", status) from None


def _bad(call: Call, what: str, status: int = 200) -> BadAnswer:
    return BadAnswer(
        f"WeCom's answer to {call} {what}.",
        call=str(call),
        corpId=call.corpId,
        status=status,
        hint='Check that "apiBaseUrl" leads to WeCom and that no proxy answers in its place.',
    )


def _is_timeout(error: Exception) -> bool:
    # A connection that could not be made is a ConnectTimeoutError to older versions of urllib3.
    return isinstance(error, (TimeoutError, TimeoutOfUrllib3)) and not isinstance(error, NewConnectionError)


def _reason(error: Exception) -> str:
    """What the operating system said, else the kind of exception; both without a URL."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            break
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        seen = seen.__cause__ or seen.__context__
    return type(error).__name__

"""How a callback reaches its receiver: a Python callable, or a URL as WeCom itself would do it."""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    Target = str | Callable[..., Any]

TIMEOUT = 5.0
"""Seconds WeCom waits for an answer (document 90930)."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One signed and encrypted message, ready to be sent: late, twice, or not at all.

    Attributes:
        nonce, timestamp, signature: the query parameters nonce, timestamp, msg_signature.
        body: the XML of a POST, b"" for a URL verification.
        echostr: of a URL verification (GET), None for a message.
        plaintext: what is inside.
    """

    nonce: str
    timestamp: str
    signature: str
    body: bytes
    echostr: str | None
    plaintext: str

    @property
    def query(self) -> dict[str, str]:
        """The query parameters of the request."""
        query = {"msg_signature": self.signature, "timestamp": self.timestamp, "nonce": self.nonce}
        return query if self.echostr is None else {**query, "echostr": self.echostr}

    def deliver(self, target: Target, *, tries: int = 1) -> Delivery:
        """Send it.

        Args:
            target: `notify(nonce, msg_signature, timestamp, echostr=None, body=b"")`, or a URL.
            tries: how often a URL is tried until it answers 200; WeCom does 3. What a callable raises is raised.
        """
        if callable(target):
            reply = target(self.nonce, self.signature, self.timestamp, echostr=self.echostr, body=self.body)
            return Delivery(self, reply, None, 1)
        delivery = Delivery(self, "", 0, 0)
        for attempt in range(1, tries + 1):
            status, text = self._request(target)
            delivery = Delivery(self, text, status, attempt)
            if status == http.client.OK:
                break
        return delivery

    def _request(self, url: str) -> tuple[int, str]:
        """One request; the HTTP status (0 when there was no answer) and the body's text."""
        parts = urlsplit(url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        query = "&".join(part for part in (parts.query, urlencode(self.query)) if part)
        connection = make(parts.netloc, timeout=TIMEOUT)
        try:
            method = "POST" if self.echostr is None else "GET"
            headers = {"Content-Type": "text/xml"} if self.body else {}
            connection.request(method, f"{parts.path or '/'}?{query}", self.body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of sending a callback.

    Attributes:
        callback: what was sent.
        reply: what the callable returned, or the text of the HTTP answer.
        status: HTTP status, 0 without an answer, None for a callable.
        tries: how often it was sent.
    """

    callback: Callback
    reply: Any
    status: int | None
    tries: int

    @property
    def accepted(self) -> bool:
        """Whether WeCom would be content: "success" for a template event, the plaintext for a URL verification."""
        text = self.reply.decode() if isinstance(self.reply, bytes) else self.reply
        expected = "success" if self.callback.echostr is None else self.callback.plaintext
        return self.status in (None, http.client.OK) and text == expected

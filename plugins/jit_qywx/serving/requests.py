"""What a request must be before anybody looks at what is in it; needs neither a framework nor a database.

The checks are ordered by what they cost us, and none costs more than its input is long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from jit_qywx.callback import MAX_BYTES
from jit_qywx.intake import PLACEHOLDER, CallbackQuery

__all__ = ["Head", "Refused", "check_corp", "check_head", "is_full_name"]

_LONGEST_QUERY = 8_192
_PARAMETERS = ("msg_signature", "timestamp", "nonce", "echostr")
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63}){1,15}")
_CORP_ID = re.compile(r"[A-Za-z0-9_@.-]{1,64}")
#: What may hold XML; WeCom says text/xml, and some proxies say what they think.
_XML_TYPES = frozenset({"", "text/xml", "application/xml", "text/plain", "application/octet-stream"})


class Refused(Exception):  # it never leaves this package
    """A request that is answered with a status and nothing else.

    :param status: the HTTP status.
    :param outcome: why, as one word of the log and of the metrics.
    """

    def __init__(self, status: int, outcome: str) -> None:
        super().__init__(outcome)
        self.status = status
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body.

    :param query: the query string as it was sent.
    :param content_length: as the header says; None when it does not.
    """

    method: str
    query: bytes
    content_type: str = ""
    content_encoding: str = ""
    content_length: int | None = None


def check_head(head: Head, max_body: int = MAX_BYTES) -> CallbackQuery:
    """The query of a request that may be a callback.

    :raises Refused: it cannot be one.
    """
    if head.method not in {"GET", "POST"}:
        raise Refused(405, "method")
    query = _query(head)
    if head.method == "POST":
        content_type = head.content_type.partition(";")[0].strip().lower()
        if content_type not in _XML_TYPES and not content_type.endswith("+xml"):
            raise Refused(415, "type")
        if head.content_encoding.strip().lower() not in {"", "identity"}:
            raise Refused(415, "type")
        if head.content_length is not None and head.content_length > max_body:
            raise Refused(413, "size")
    return query


def check_corp(corpId: str, method: str) -> None:
    """See that the last part of an app's callback URL may be an enterprise.

    :raises Refused: it cannot be one.
    """
    # The provider console checks the URL before there is an enterprise to put into it.
    if not _CORP_ID.fullmatch(corpId) and not (corpId == PLACEHOLDER and method == "GET"):
        raise Refused(404, "unknown")


def is_full_name(text: str) -> bool:
    """Whether an element could have that name."""
    return _FULL_NAME.fullmatch(text) is not None


def _query(head: Head) -> CallbackQuery:
    if len(head.query) > _LONGEST_QUERY:
        raise Refused(400, "query")
    found: dict[str, str] = {}
    for part in head.query.split(b"&"):
        name, _, value = part.partition(b"=")
        key = _decoded(name)
        if key not in _PARAMETERS:
            continue
        if key in found:
            raise Refused(400, "query")
        found[key] = _decoded(value)
    wanted = _PARAMETERS if head.method == "GET" else _PARAMETERS[:3]
    # An echostr in a POST would be answered with its plaintext: whoever overheard a URL check could have one read out.
    if any(not found.get(key) for key in wanted) or (head.method == "POST" and "echostr" in found):
        raise Refused(400, "query")
    return CallbackQuery(found["msg_signature"], found["timestamp"], found["nonce"], found.get("echostr"))


def _decoded(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(400, "query") from None

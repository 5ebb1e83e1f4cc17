"""What WeCom's answers look like: JSON with `errcode` and `errmsg`, HTTP 200 also for errors.

Source of codes and meanings: the global error code page (WeCom document 90313). The wording of `errmsg` is WeCom's
English short form where public samples show it; a client must never read it (document 90475).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
JSON_TYPE = "application/json; charset=UTF-8"
FILE_TYPE = "application/octet-stream"

MESSAGES: dict[int, str] = {
    -1: "system error",
    0: "ok",
    6000: "data version conflict",
    40001: "invalid credential",
    40003: "invalid userid",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40029: "invalid code",
    40031: "invalid userid list",
    40032: "invalid userid list length",
    40033: "invalid charset. please use utf8 without \\uxxxx",
    40035: "invalid parameter",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40063: "some parameters are empty",
    40066: "invalid party list",
    40068: "invalid tagid",
    40070: "all list invalid",
    40071: "invalid tag name, already exists",
    40072: "invalid tag name length",
    40077: "invalid pre_auth_code",
    40078: "invalid auth_code",
    40080: "invalid suite_secret",
    40082: "invalid suite_access_token",
    40083: "invalid suite_id",
    40084: "invalid permanent_code",
    40085: "invalid suite_ticket",
    40086: "invalid appid",
    40088: "jobid not exist",
    40089: "batch result cleaned",
    40091: "secret does not match corpid",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41008: "code missing",
    41009: "userid missing",
    41011: "agentid missing",
    41017: "tagid missing",
    41018: "tagname missing",
    41019: "department missing",
    41021: "suite_id missing",
    41022: "suite_access_token missing",
    41023: "suite_ticket missing",
    41024: "suite_secret missing",
    41025: "permanent_code missing",
    42001: "access_token expired",
    42007: "pre_auth_code expired",
    42009: "suite_access_token expired",
    42022: "code has been used",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    48001: "api unauthorized",
    48002: "api forbidden",
    48003: "suite_id does not match suite_access_token",
    48004: "invalid authorization",
    48005: "api retired",
    48006: "app is inactive for long, api rights withdrawn",
    48009: "not allowed to read details from a new ip",
    50001: "redirect_uri is not a trusted domain",
    50002: "user not in the visible range",
    50003: "app is disabled",
    60003: "department not found",
    60004: "parent department not found",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60021: "userid not in the visible range",
    60111: "userid not found",
    60123: "invalid party id",
    60221: "open_userid belongs to another provider",
    81011: "no privilege to edit the tag",
    81013: "user & party & tag all invalid",
    84014: "user_ticket expired",
    84015: "invalid user_ticket",
    84090: "user_ticket missing",
    92002: "not allow to cross corp",
    301002: "not allow operate another agent with this accesstoken",
    301007: "corp is unavailable",
    2000002: "corp not exist",
}


class ApiError(Exception):
    """An answer with an errcode other than 0.

    Args:
        errcode: WeCom's error code.
        note: put in front of the errmsg, as WeCom does with its "Warning: wrong json format. ".
    """

    def __init__(self, errcode: int, note: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.note = note


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer before it is written.

    Attributes:
        body: the bytes of the body.
        errcode: the errcode the body carries; None when the body is no WeCom answer.
        status: the HTTP status.
        content_type: the Content-Type.
        headers: further headers.
        cut: None, "headers" (close without answering), "reset" (the same with RST) or "body" (close half-way).
    """

    body: bytes
    errcode: int | None = 0
    status: int = 200
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    cut: str | None = None


def encode(value: Any) -> bytes:
    """JSON as WeCom sends it: UTF-8, Chinese text unescaped."""
    return ENCODER.encode(value).encode()


def ok(**fields: Any) -> bytes:
    """The body of a success: errcode 0, errmsg ok, then `fields`."""
    return encode({"errcode": 0, "errmsg": "ok", **fields})


def failure(errcode: int, *, hint: str, ip: str, note: str = "", fields: dict[str, Any] | None = None) -> Answer:
    """The answer for an error, worded as WeCom does: hint, caller's address, and the page that explains the code."""
    text = MESSAGES.get(errcode, "request failed")
    message = (
        f"{note}{text}, hint: [{hint}], from ip: {ip}, "
        f"more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    )
    return Answer(encode({"errcode": errcode, "errmsg": message, **(fields or {})}), errcode)

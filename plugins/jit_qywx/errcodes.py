"""What each WeCom errcode means for us: which class of trouble it is, and what a person should do about it.

Control flow judges by errcode and nothing else (document 90313: errmsg may change at any time). The table holds the
codes that the calls of this plugin can meet; :func:`classify` gives any other code a cautious default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from jit_qywx.errors import (
    ApiError,
    AuthorizationLost,
    CallerMistake,
    NetworkRefused,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerBusy,
    TokenExpired,
    TooManyConcurrent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ERRCODES", "Errcode", "classify", "describe", "make_error"]


class Errcode(NamedTuple):
    """One row of the table.

    ``error`` is the class to raise, ``meaning`` the code's meaning in our words, ``remedy`` what to do.
    """

    error: type[ApiError]
    meaning: str
    remedy: str


_REAUTHORISE = (
    "Ask the enterprise's administrator to scan the authorisation QR code again, or press 重新获取secret in the "
    "provider console; the callback that follows brings the new permanent code."
)
_CONFIG = "Compare authConfig with the template's page in the provider console (应用代开发 → 模板 → 基础信息)."
_RELOGIN = "Send the person through the login again: the code is single use and short-lived."
_RANGE = "Ask the enterprise's administrator to add it to the app's visible range (应用管理 → 应用 → 可见范围)."
_BUG = "This is a mistake in the calling code or its arguments, so repeating it cannot help."
_GONE = "It was removed or lies outside the app's visible range."
_LICENCE = "Check the interface licences (接口调用许可) of this enterprise in the provider console."

#: errcode → class, meaning and remedy. Source: WeCom document 90313 unless a line says otherwise.
ERRCODES: Mapping[int, Errcode] = {
    -1: Errcode(ServerBusy, "WeCom is busy", "It was tried again already; run it again in a few minutes."),
    6000: Errcode(ServerBusy, "the data changed while it was read", "Run it again."),
    40001: Errcode(
        AuthorizationLost,
        "the secret is wrong, was reset, or the app is disabled",
        "Check that the app is enabled at the enterprise. " + _REAUTHORISE,
    ),
    40003: Errcode(NotFound, "the userid is unknown", _GONE),
    40013: Errcode(AuthorizationLost, "the corpid is wrong", "Check corpId; a ciphertext corpid is case-sensitive."),
    40014: Errcode(TokenExpired, "the access token is not valid", "Check that no other program invalidates the token."),
    40029: Errcode(CallerMistake, "the login code is wrong or expired", _RELOGIN),
    40031: Errcode(CallerMistake, "the list of userids holds no usable one", _BUG),
    40032: Errcode(CallerMistake, "the list of userids is too long", _BUG),
    40033: Errcode(CallerMistake, "the request holds characters WeCom refuses", _BUG),
    40035: Errcode(CallerMistake, "an argument is not valid", _BUG),
    40056: Errcode(CallerMistake, "the agentid is wrong", "Compare agentId with the app's page at the enterprise."),
    40058: Errcode(CallerMistake, "an argument is not valid", _BUG),
    40066: Errcode(NotFound, "the list of departments is not valid", _GONE),
    40068: Errcode(NotFound, "the tag is unknown", _GONE),
    40070: Errcode(NotFound, "none of the tag's members is valid", _GONE),
    40077: Errcode(CallerMistake, "the pre_auth_code is unknown", "Fetch a new one; it lives 20 minutes."),
    40078: Errcode(
        AuthorizationLost,
        "the auth_code is not valid or was used before",
        "An auth_code works once and for ten minutes. " + _REAUTHORISE,
    ),
    40080: Errcode(AuthorizationLost, "the suite secret is wrong", _CONFIG),
    40082: Errcode(TokenExpired, "the suite access token is not valid", "Check suiteId and suiteSecret."),
    40083: Errcode(AuthorizationLost, "the suite id is wrong", _CONFIG),
    40084: Errcode(AuthorizationLost, "the permanent code is not valid, or the grant was cancelled", _REAUTHORISE),
    40085: Errcode(
        ServerBusy,
        "the suite_ticket is wrong or older than 30 minutes",
        "WeCom pushes a new one every ten minutes: check that its callbacks reach notify(), or press 推送suite_ticket "
        "in the provider console.",
    ),
    40086: Errcode(CallerMistake, "the appid is wrong", _BUG),
    40088: Errcode(NotFound, "the job is unknown", "Submit the job again."),
    40089: Errcode(NotFound, "the job's result was cleaned away", "Submit the job again; the last five are kept."),
    40091: Errcode(AuthorizationLost, "the secret belongs to another enterprise", _REAUTHORISE),
    **{
        errcode: Errcode(CallerMistake, f"{what} is missing", _BUG)
        for errcode, what in {
            41001: "access_token",
            41002: "corpid",
            41004: "secret",
            41008: "code",
            41009: "userid",
            41011: "agentid",
            41017: "tagid",
            41019: "department id",
            41021: "suite token",
            41022: "suite id",
            41023: "suite secret",
            41024: "suite ticket",
            41025: "permanent code",
        }.items()
    },
    42001: Errcode(TokenExpired, "the access token expired", "Check the clock of this machine, then run it again."),
    42007: Errcode(CallerMistake, "the pre_auth_code expired", "Fetch a new one; it lives 20 minutes."),
    42009: Errcode(TokenExpired, "the suite access token expired", "Check the clock of this machine."),
    42022: Errcode(CallerMistake, "the login code was used before", _RELOGIN),
    45009: Errcode(
        RateLimited,
        "a quota of calls is used up",
        "A minute's quota frees itself after 60 seconds, an hour's after an hour. Repeated wrong secrets bar this "
        "address from gettoken for an hour as well.",
    ),
    45033: Errcode(
        TooManyConcurrent,
        "too many calls at once",
        'Lower "concurrency" of the corp element, or run fewer syncs of this enterprise at the same time.',
    ),
    46004: Errcode(NotFound, "the userid is unknown", _GONE),
    48001: Errcode(PermissionDenied, "the API is not granted", "Apply for the right in the provider console."),
    48002: Errcode(
        PermissionDenied,
        "the API is not allowed for this app",
        "Apply for the right on the app's page in the provider console (权限管理); the enterprise's administrator "
        "then has to confirm it.",
    ),
    48003: Errcode(AuthorizationLost, "the suite id does not match the token", _CONFIG),
    48004: Errcode(AuthorizationLost, "the grant is not valid or was cancelled", _REAUTHORISE),
    48005: Errcode(CallerMistake, "the API was retired", _BUG),
    48006: Errcode(
        AuthorizationLost,
        "the app's rights were withdrawn because it was not used for long",
        "Ask the enterprise's administrator to enable the app again.",
    ),
    48009: Errcode(PermissionDenied, "this machine's address may not read details", "Use the app's own right instead."),
    50001: Errcode(CallerMistake, "the redirect domain is not trusted", "Enter it as 可信域名 of the app."),
    50002: Errcode(PermissionDenied, "the member is outside the app's range", _RANGE),
    50003: Errcode(AuthorizationLost, "the app is disabled", "Ask the enterprise's administrator to enable the app."),
    60003: Errcode(NotFound, "the department does not exist", _GONE),
    60004: Errcode(NotFound, "the parent department does not exist", _GONE),
    60011: Errcode(PermissionDenied, "no right on that member, department or tag", _RANGE),
    60020: Errcode(
        NetworkRefused,
        "calls from this machine's address are not allowed",
        "Add the address to 服务商信息 → 基本信息 → IP白名单 in the provider console; it takes about a minute. "
        "The address is the error's caller_address.",
    ),
    60021: Errcode(PermissionDenied, "the member is outside the app's range", _RANGE),
    60111: Errcode(NotFound, "the userid is unknown", _GONE),
    60123: Errcode(NotFound, "the department does not exist", _GONE),
    60221: Errcode(CallerMistake, "the open_userid belongs to another provider", _BUG),
    81011: Errcode(PermissionDenied, "the tag may not be edited", "Only the app that created a tag may edit it."),
    81013: Errcode(NotFound, "none of the members, departments and tags is valid", _GONE),
    84014: Errcode(CallerMistake, "the user_ticket expired", _RELOGIN),
    84015: Errcode(CallerMistake, "the user_ticket is not valid", _RELOGIN),
    84090: Errcode(CallerMistake, "the user_ticket is missing", _RELOGIN),
    85111: Errcode(CallerMistake, "the trusted domain belongs to a provider", "Use another domain."),
    92002: Errcode(CallerMistake, "the call crosses enterprises", _BUG),
    301002: Errcode(CallerMistake, "the token has no right on that app", "Compare agentId with the app's page."),
    301007: Errcode(AuthorizationLost, "the enterprise was dissolved or banned", "Remove its corp element."),
    301021: Errcode(NotFound, "the list holds unknown userids", _GONE),
    302004: Errcode(CallerMistake, "the department tree is not valid", _BUG),
    302005: Errcode(ServerBusy, "the import failed", "Run it again."),
    701008: Errcode(PermissionDenied, "the interface licence is missing", _LICENCE),
    701016: Errcode(PermissionDenied, "the interface licence expired", _LICENCE),
    701088: Errcode(PermissionDenied, "the interface licence does not cover this", _LICENCE),
    701099: Errcode(PermissionDenied, "the interface licence does not cover this", _LICENCE),
    2000002: Errcode(
        AuthorizationLost, "the enterprise does not exist", "If it was dissolved, remove its corp element."
    ),
}

_UNLISTED = Errcode(ApiError, "an error this version has no advice for", "Look it up in WeCom's document 90313.")
_ADDRESS = re.compile(r",?\s*from ip:\s*([0-9A-Fa-f:.]+)")
_HINT_ID = re.compile(r"hint:\s*\[([^\]]{1,100})\]")
_ERRMSG_LIMIT = 300


def classify(errcode: int) -> Errcode:
    """The row of an errcode, or a cautious default for a code that is not in the table."""
    return ERRCODES.get(errcode, _UNLISTED)


@dataclass(frozen=True, slots=True)
class _Errmsg:
    text: str
    hint_id: str | None
    caller_address: str | None


def describe(errmsg: object, secrets: Iterable[str] = ()) -> _Errmsg:
    """Take WeCom's errmsg apart: the text without the caller's address and without secrets, and the two ids in it.

    :param secrets: values that must not survive in the text, whatever the server chose to echo.
    """
    text = str(errmsg or "")
    address = _ADDRESS.search(text)
    hint_id = _HINT_ID.search(text)
    text = _ADDRESS.sub("", text)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = " ".join(text.split())
    return _Errmsg(
        text=text[:_ERRMSG_LIMIT],
        hint_id=hint_id.group(1) if hint_id else None,
        caller_address=address.group(1) if address else None,
    )


def make_error(
    errcode: int,
    errmsg: object = "",
    *,
    call: str,
    corpId: str | None = None,
    secrets: Iterable[str] = (),
) -> ApiError:
    """The exception for an errcode, ready to raise.

    :param errmsg: WeCom's errmsg as it came.
    :param call: the call that failed, path first.
    :param corpId: the enterprise it was made for.
    :param secrets: as for :func:`describe`.
    """
    row = classify(errcode)
    told = describe(errmsg, secrets)
    whose = f" for enterprise {corpId}" if corpId else ""
    said = f' WeCom said: "{told.text}".' if told.text else ""
    return row.error(
        f"WeCom refused {call}{whose} with errcode {errcode}: {row.meaning}.{said}",
        errcode=errcode,
        errmsg=told.text,
        call=call,
        corpId=corpId,
        hint_id=told.hint_id,
        caller_address=told.caller_address,
        hint=row.remedy,
    )

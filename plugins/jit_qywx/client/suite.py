"""The calls of a suite and its provider about authorisations, and those that fetch tokens (WeCom documents 97159)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import requests

from jit_qywx.client.call import Call
from jit_qywx.client.endpoints import field
from jit_qywx.client.tokens import Fresh
from jit_qywx.errors import BadAnswer, CallerMistake, PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jit_qywx.client.call import TokenSource
    from jit_qywx.client.transport import Transport

__all__ = [
    "InstallLink",
    "ProviderClient",
    "SuiteClient",
    "fetch_app_token",
    "fetch_provider_token",
    "fetch_suite_token",
]


class SuiteClient:
    """Exchanges and reads authorisations with the suite's token.

    :param transport: makes the calls.
    :param tokens: hands out the suite access token.
    """

    def __init__(self, transport: Transport, tokens: TokenSource) -> None:
        self._transport = transport
        self._tokens = tokens

    def get_permanent_code(self, auth_code: str) -> dict[str, Any]:
        """Exchange an auth code: the fast form (document 100776), else the old one (document 90603).

        :param auth_code: good once, for ten minutes; so the call is never repeated by itself.
        :returns: ``{"permanent_code", "auth_corp_info": {"corpid", "corp_name"?, …}, "auth_info"?, …}``.
        :raises AuthorizationLost: the code is not valid or was used (40078).
        """
        body = {"auth_code": auth_code}
        answer = self._post_newest("get_permanent_code", body, reads=False, secrets=(auth_code,))
        field(answer, "permanent_code", str, call="service/get_permanent_code")
        corp = field(answer, "auth_corp_info", dict, call="service/get_permanent_code")
        field(corp, "corpid", str, call="service/get_permanent_code")
        return answer

    def get_auth_info(self, auth_corpid: str, permanent_code: str) -> dict[str, Any]:
        """An authorisation as it is now: the newer form (document 100795), else the old one (document 90604).

        :returns: ``{"auth_corp_info": {…}, "auth_info": {"agent": [{"agentid", "privilege"?, …}]}}``.
        """
        body = {"auth_corpid": auth_corpid, "permanent_code": permanent_code}
        return self._post_newest("get_auth_info", body, corpId=auth_corpid, secrets=(permanent_code,))

    def _post_newest(self, name: str, body: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        try:
            return self._post(f"service/v2/{name}", body, **options)
        except (PermissionDenied, CallerMistake):
            pass
        except BadAnswer as error:
            if error.status != requests.codes.not_found:
                raise
        # Where the newer form is not offered nothing was spent by asking for it.
        return self._post(f"service/{name}", body, **options)

    def _post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        reads: bool = True,
        corpId: str | None = None,
        secrets: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        call = Call(
            path,
            body=body,
            credential="suite_access_token",
            corpId=corpId,
            reads=reads,
            errcode_optional=True,
            secrets=secrets,
        )
        return self._transport.call(call, tokens=self._tokens)


class InstallLink(NamedTuple):
    """A link that an enterprise's administrator opens, or scans as a QR code, to authorise templates.

    :param url: the link.
    :param expires_in: seconds it works for (ten days).
    """

    url: str
    expires_in: int


class ProviderClient:
    """The calls of a provider, with the provider's own token (document 96237).

    :param transport: makes the calls.
    :param tokens: hands out the provider access token.
    """

    def __init__(self, transport: Transport, tokens: TokenSource) -> None:
        self._transport = transport
        self._tokens = tokens

    def get_customized_auth_url(self, templateid_list: Sequence[str], state: str = "") -> InstallLink:
        """An install link for templates of proxied apps (document 98744).

        :param templateid_list: at most nine suite ids.
        :param state: at most 32 letters and digits; comes back with the authorisation.
        """
        call = Call(
            "service/get_customized_auth_url",
            body={"state": state, "templateid_list": list(templateid_list)},
            credential="provider_access_token",
            errcode_optional=True,
        )
        answer = self._transport.call(call, tokens=self._tokens)
        return InstallLink(
            field(answer, "qrcode_url", str, call=call.path), field(answer, "expires_in", int, call=call.path)
        )


def fetch_provider_token(transport: Transport, corpid: str, provider_secret: str) -> Fresh:
    """Ask for a provider access token (document 96237)."""
    call = Call(
        "service/get_provider_token",
        body={"corpid": corpid, "provider_secret": provider_secret},
        errcode_optional=True,
        waits_for_rate=False,
        secrets=(provider_secret,),
    )
    return _fresh(call, transport.call(call), "provider_access_token")


def fetch_suite_token(transport: Transport, suite_id: str, suite_secret: str, suite_ticket: str) -> Fresh:
    """Ask for a suite access token (document 97162)."""
    call = Call(
        "service/get_suite_token",
        body={"suite_id": suite_id, "suite_secret": suite_secret, "suite_ticket": suite_ticket},
        errcode_optional=True,
        waits_for_rate=False,
        secrets=(suite_secret, suite_ticket),
    )
    return _fresh(call, transport.call(call), "suite_access_token")


def fetch_app_token(transport: Transport, corpid: str, permanent_code: str) -> Fresh:
    """Ask for the access token of an enterprise's proxied app (document 97164): its secret is the permanent code."""
    call = Call(
        "gettoken",
        {"corpid": corpid, "corpsecret": permanent_code},
        corpId=corpid,
        # A block of gettoken lasts an hour, so waiting a minute cannot help.
        waits_for_rate=False,
        secrets=(permanent_code,),
    )
    return _fresh(call, transport.call(call), "access_token")


def _fresh(call: Call, answer: Mapping[str, Any], name: str) -> Fresh:
    value = field(answer, name, str, call=call.path, corpId=call.corpId)
    return Fresh(value, field(answer, "expires_in", int, call=call.path, corpId=call.corpId))

"""``client.auth``: who is behind a login code (WeCom documents 96442 and 96443)."""

from __future__ import annotations

from jit_qywx.client.endpoints import Endpoints, Record

__all__ = ["Auth"]


class Auth(Endpoints):
    """Resolves login codes. A member outside the visible range can log in too: check membership locally."""

    def getuserinfo(self, code: str) -> Record:
        """Who logged in with a code (document 96442): good once, for five minutes.

        :returns: ``{"userid", "user_ticket"?}`` for a member, ``{"openid", "external_userid"?}`` for anybody else.
        :raises CallerMistake: the code is wrong, expired or used (40029, 42022).
        """
        return self._client.get("auth/getuserinfo", {"code": code}, secrets=[code], reads=False)

    def getuserdetail(self, user_ticket: str) -> Record:
        """What the member agreed to show (document 96443).

        :param user_ticket: from :meth:`getuserinfo` after a login with scope snsapi_privateinfo; lives 30 minutes.
        :returns: ``{"userid", "gender"?, "avatar"?, "qr_code"?, "mobile"?, "email"?, "biz_mail"?, "address"?}``.
        """
        return self._post("auth/getuserdetail", {"user_ticket": user_ticket}, secrets=[user_ticket])

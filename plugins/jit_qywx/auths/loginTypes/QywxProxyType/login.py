"""The part of the auth element that logs people in; :class:`QywxProxyAuth` inherits it.

It stands apart so that it can be read alone: it needs only the suite, and what the business file says of login pages.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from jit_qywx.errors import AgentUnknown
from jitcore import Element
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from jit_qywx.consents import PrivateDetails
    from jit_qywx.suite import Suite

__all__ = ["PeopleLogin", "check_text"]


class PeopleLogin(Element):
    """What logs the members of enterprises in."""

    @property
    def suiteId(self) -> str:
        """The template's id."""
        return str(self.config["authConfig"]["suiteId"])

    def getLoginConfig(self, corpId: str | None = None) -> dict[str, Any]:
        """What a login page needs to know: ``{"suiteId": …}``.

        :param corpId: with an enterprise also its ``corpId`` and the ``agentId`` of its app, as WeCom's own login
            component in a page wants them.
        :raises AgentUnknown: the AgentId is not known yet.
        """
        told: dict[str, Any] = {"suiteId": self.suiteId}
        return told if corpId is None else told | {"corpId": corpId, "agentId": self._agent_id(corpId)}

    def getLoginUrl(
        self, corpId: str, redirectUri: str, loginType: str = "qr", state: str = "", *, private: bool = False
    ) -> str:
        """The address of WeCom's login page for an enterprise.

        :param corpId: the enterprise, as the app knows it.
        :param redirectUri: where the browser comes back to, with ``code`` and ``state``; its host and port have to be
            the app's trusted domain (可信域名).
        :param loginType: ``"qr"`` for any browser (document 98171), ``"workbench"`` inside WeCom (document 96441).
        :param state: comes back as it is; make a new one for each login and compare it. Up to 128 bytes.
        :param private: ask the member for private details (``snsapi_privateinfo``); only inside WeCom.
        :raises ArgumentError: an argument is wrong, or ``state`` is missing.
        :raises AgentUnknown: the AgentId of the enterprise's app is not known yet.
        :raises CorpUnknown: as :meth:`getClient`, and so for ``AuthorizationLost`` and ``AuthInactive``.
        """
        from jit_qywx.login import login_url

        for name, value in (("redirectUri", redirectUri), ("loginType", loginType)):
            check_text(name, value)
        agentId = self._agent_id(corpId)
        base = self.config.get("loginBaseUrl")
        return login_url(corpId, agentId, redirectUri, loginType=loginType, state=state, private=private, base=base)

    def getLoginCode(self, corpId: str, code: str, loginType: str = "qr") -> dict[str, Any]:
        """Exchange the code that WeCom's login page gave for a login code of ours.

        Somebody who is not known here, or not active, is read from WeCom once more before that is told.

        :param corpId: the enterprise of the login page.
        :param code: of the query that the browser came back with; good once, for five minutes.
        :param loginType: as of :meth:`getLoginUrl`.
        :returns: ``loginCode`` (good once, for five minutes); ``corpList``, the organisations that the person may
            enter, each ``{"corpFullName", "title"}`` (when there is none, :meth:`loginByCode` says why); and
            ``userId``, their account in the first of these, or None.
        :raises LoginCodeRefused: WeCom does not take the code.
        :raises LoginDomainUntrusted: the login page led back to a domain that the app does not trust.
        :raises NotAMember: whoever logged in is no member.
        :raises ApiError: WeCom refused for another reason.
        """
        from jit_qywx.errors import CallerMistake
        from jit_qywx.login import check_login_type, corps_of, person_of, read_again, refusal_of

        check_text("code", code)
        check_login_type(loginType)
        suite = self._suite_for(corpId)
        client = suite.client(corpId)
        try:
            answer = client.auth.getuserinfo(code)
        except CallerMistake as error:
            raise refusal_of(error, corpId) or error from None
        person = person_of(corpId, answer)
        if loginType == "workbench" and answer.get("user_ticket"):
            suite.consents.fetch(client, person, str(answer["user_ticket"]))
        corps = corps_of(self.app, self.suiteId, person.corpId)
        open_to = suite.logins.enterable(corps, person.memberId)
        if not open_to:
            read_again(suite.logins.doubtful(corps, person.memberId), person.memberId)
            open_to = suite.logins.enterable(corps, person.memberId)
        return {
            "loginCode": suite.logins.issue(person),
            "corpList": [{"corpFullName": corp.fullName, "title": corp.title} for corp, _ in open_to],
            "userId": open_to[0][1].userId if open_to else None,
        }

    def loginByCode(self, loginCode: str, corpFullName: str) -> dict[str, Any]:
        """Exchange a login code for the account and the member, once. The session is the caller's to make.

        Whoever is refused has not spent the code: it still works for another organisation of the enterprise.

        :param loginCode: of :meth:`getLoginCode`.
        :param corpFullName: one of its ``corpList``.
        :returns: ``{"user": User, "member": CorpMember}``.
        :raises LoginCodeUnknown: no such code.
        :raises LoginCodeUsed: it was used before.
        :raises LoginCodeExpired: it is older than five minutes.
        :raises LoginCorpRefused: the organisation is not one of the person's enterprise.
        :raises MemberInvisible: the organisation does not know the person, or may not see them any more.
        :raises MemberOffline: the person is offline there.
        :raises AuthorizationLost: the enterprise has cancelled in the meantime.
        """
        from jit_qywx.login import corp_named

        for name, value in (("loginCode", loginCode), ("corpFullName", corpFullName)):
            check_text(name, value)
        person = self._suite().logins.who(loginCode)
        corp = corp_named(self.app, self.suiteId, person.corpId, corpFullName)
        suite = self._suite_for(person.corpId)
        # Between the two steps the enterprise may have cancelled.
        suite.authorizations.get(person.corpId)
        return suite.logins.enter(loginCode, corp)

    def private_details(self, corpId: str, memberId: str) -> PrivateDetails | None:
        """What a member agreed to show at a login with ``private=True``: theirs, kept sealed, and in no export.

        :param corpId: the enterprise.
        :param memberId: the member there.
        :returns: the fields, and when the member agreed; None when they did not, or withdrew it.
        """
        for name, value in (("corpId", corpId), ("memberId", memberId)):
            check_text(name, value)
        return self._suite().consents.read(corpId, memberId)

    def withdraw_consent(self, corpId: str, memberId: str) -> bool:
        """Delete what a member agreed to show; False when there was nothing."""
        for name, value in (("corpId", corpId), ("memberId", memberId)):
            check_text(name, value)
        return self._suite().consents.withdraw(corpId, memberId)

    def _agent_id(self, corpId: str) -> str:
        agentId = self._suite_for(corpId).authorizations.get(corpId).agentId
        if agentId is None:
            raise AgentUnknown(
                f"The AgentId of enterprise {corpId} is not known yet.",
                corpId=corpId,
                hint="It comes with create_auth; jit qywx authorizations shows what is known.",
            )
        return agentId

    @abstractmethod
    def _suite(self) -> Suite:
        """The suite at work."""

    @abstractmethod
    def _suite_for(self, corpId: str) -> Suite:
        """The suite, when the element is active and what came for an enterprise is worked off."""


def check_text(name: str, value: object) -> None:
    """Refuse what is no text, or an empty one.

    :raises ArgumentError: it is not.
    """
    if not isinstance(value, str) or not value:
        raise ArgumentError(f"{name} is a str that is not empty, not {type(value).__name__}.")

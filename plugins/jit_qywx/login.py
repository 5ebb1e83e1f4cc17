"""Logging people in: where a browser is sent, who came back, and which organisation they may enter.

Two steps, as JitAi has them. WeCom's code is exchanged for a login code of ours and a list of organisations; the login
code is then exchanged, once and within five minutes, for the account and the member in one of them. Who may enter is
decided in the second step, by what is kept here: WeCom tells who somebody is, also of people whom the app may not see
(document 96442). Sources: documents 96441 and 96442 (inside WeCom), 98171 and 98177 (QR code).
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from jit_corps.models import CorpMember, User
from jit_qywx.errors import (
    LoginCodeExpired,
    LoginCodeRefused,
    LoginCodeUnknown,
    LoginCodeUsed,
    LoginCorpRefused,
    LoginDomainUntrusted,
    MemberInvisible,
    MemberOffline,
    NotAMember,
)
from jit_qywx.models import QywxLoginCode
from jitcore.errors import ArgumentError, JitError
from jitcore.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jit_corps.corp import Corp
    from jit_qywx.errors import ApiError, LoginError
    from jitcore import App
    from jitcore.storage import Storage

__all__ = [
    "LOGIN_TYPES",
    "Logins",
    "Person",
    "check_login_type",
    "corp_named",
    "corps_of",
    "login_url",
    "person_of",
    "read_again",
    "refusal_of",
]

logger = logging.getLogger(__name__)

#: What ``loginType`` may be: a QR code in a browser, or the app opened inside WeCom.
LOGIN_TYPES = ("qr", "workbench")
QR_HOST = "https://login.work.weixin.qq.com/"
WEB_HOST = "https://open.weixin.qq.com/"
#: Seconds that a login code is good for.
LIFE = 300.0
#: Seconds after that, during which a late or second use is told from a code that never was.
_REMEMBERED = 3600.0
_CODE_BYTES = 32
_MAX_STATE = 128
#: Errcodes of auth/getuserinfo that say that WeCom's code is no good, and that the domain is not.
_BAD_CODE = (40029, 42022)
_BAD_DOMAIN = 50001
#: ``CorpMember.status`` and ``CorpMember.presence``.
_ACTIVE = 1
_INVISIBLE = "invisible"


@dataclass(frozen=True, slots=True)
class Person:
    """Who logged in: a member of an enterprise."""

    corpId: str
    memberId: str


def login_url(
    corpId: str,
    agentId: str,
    redirectUri: str,
    *,
    loginType: str,
    state: str,
    private: bool = False,
    base: str | None = None,
) -> str:
    """The address of WeCom's login page.

    :param base: stands in for WeCom's own hosts.
    :raises ArgumentError: the address to come back to is none, there is no state, or the details of a person are asked
        for with a QR code.
    """
    place = urlsplit(redirectUri)
    if place.scheme not in ("http", "https") or not place.netloc:
        raise ArgumentError("redirectUri is a whole address, such as https://crm.example.com/login.")
    if not state or len(state.encode()) > _MAX_STATE:
        raise ArgumentError(
            f"state is a text of 1 to {_MAX_STATE} bytes.",
            hint="Make a new one for each login, secrets.token_hex(16), keep it in a cookie, and compare it when the "
            "person comes back: it is what keeps others from logging somebody in as themselves.",
        )
    if check_login_type(loginType) == "qr":
        if private:
            raise ArgumentError(
                "A login with a QR code brings no private details (document 98177).",
                hint='Ask for them with loginType="workbench", when the app is opened inside WeCom.',
            )
        asked = {"login_type": "CorpApp", "appid": corpId, "agentid": agentId}
        asked |= {"redirect_uri": redirectUri, "state": state}
        return f"{_host(base, QR_HOST)}wwlogin/sso/login?{_query(asked)}"
    asked = {"appid": corpId, "redirect_uri": redirectUri, "response_type": "code"}
    asked |= {"scope": "snsapi_privateinfo" if private else "snsapi_base", "state": state, "agentid": agentId}
    return f"{_host(base, WEB_HOST)}connect/oauth2/authorize?{_query(asked)}#wechat_redirect"


def check_login_type(loginType: str) -> str:
    """``loginType``, if it is one.

    :raises ArgumentError: it is not.
    """
    if loginType not in LOGIN_TYPES:
        raise ArgumentError(f"loginType is {' or '.join(map(repr, LOGIN_TYPES))}, not {loginType!r}.")
    return loginType


def person_of(corpId: str, answer: Mapping[str, Any]) -> Person:
    """Who stands behind an answer of auth/getuserinfo; older answers write ``UserId``.

    A user of a linked enterprise (上下游) is told as ``CorpId/userid``, and is a member of that one.

    :raises NotAMember: it is somebody outside the enterprise, who has only an openid.
    """
    told = str(answer.get("userid") or answer.get("UserId") or "")
    if not told:
        raise NotAMember(
            f"Whoever logged in is no member of enterprise {corpId}.",
            corpId=corpId,
            hint="Show that only members can log in; an external contact has no account here.",
        )
    linked, _, memberId = told.rpartition("/")
    return Person(linked or corpId, memberId)


def refusal_of(error: ApiError, corpId: str) -> LoginError | None:
    """The error of a login that an answer of auth/getuserinfo stands for; None for any other."""
    if error.errcode in _BAD_CODE:
        return LoginCodeRefused(
            f"WeCom does not take the code: it is unknown, was used before, or is older than five minutes "
            f"({error.errcode}).",
            corpId=corpId,
            hint="Send the person to the login page again. A code is good once: a page that is loaded twice spends it.",
        )
    if error.errcode == _BAD_DOMAIN:
        return LoginDomainUntrusted(
            f"The address that the login leads back to is not on the trusted domain of the app ({_BAD_DOMAIN}).",
            corpId=corpId,
            hint="Enter its host, and its port if it has one, as 可信域名 of the app.",
        )
    return None


def corps_of(app: App, suiteId: str, corpId: str) -> list[Corp]:
    """The organisations of an enterprise that authorised a suite, by their full names."""
    found = []
    for name in _names(app, suiteId, corpId):
        try:
            found.append(app.getElement(name))
        except JitError as error:
            # One that cannot be loaded lets nobody in, and must not keep anybody out of the others.
            logger.warning("%s lets nobody in: %s", name, error.code)
    return found


def corp_named(app: App, suiteId: str, corpId: str, corpFullName: str) -> Corp:
    """The organisation with this name, if it is one of the enterprise.

    :raises LoginCorpRefused: it is not.
    """
    possible = _names(app, suiteId, corpId)
    if corpFullName in possible:
        corp: Corp = app.getElement(corpFullName)
        return corp
    told = f"It may enter {', '.join(possible)}." if possible else "No corp element has that corpId."
    raise LoginCorpRefused(
        f"The login is for enterprise {corpId}, and {corpFullName} is no organisation of it.",
        corpId=corpId,
        corpFullName=corpFullName,
        possibilities=closest(corpFullName, possible) or possible,
        hint=told,
    )


def read_again(corps: Sequence[Corp], memberId: str) -> None:
    """Read one member from upstream, now: somebody who was only just created may log in before the event arrives.

    Only with a code of WeCom's does anybody come here, so nobody can make us ask for names they thought of.
    """
    from jit_corps.snapshot import Targets

    for corp in corps:
        try:
            corp.sync_targets(Targets(members=frozenset({memberId})))
        except JitError as error:
            # Who cannot be read is not known here; what is kept decides.
            logger.warning("%s could not read a member who logs in: %s", corp.fullName, error.code)


class Logins:
    """The login codes of one suite, and whom they let in.

    :param storage: the App's storage.
    :param suiteId: the template's id.
    :param now: seconds since the epoch.
    """

    def __init__(self, storage: Storage, suiteId: str, now: Callable[[], float]) -> None:
        self._storage = storage
        self._suiteId = suiteId
        self._now = now

    def issue(self, person: Person) -> str:
        """A new login code for somebody; only its hash is kept, so that a stolen database logs nobody in."""
        code = secrets.token_urlsafe(_CODE_BYTES)
        now = self._now()
        model = self._codes
        with self._storage.transaction():
            model.delete().where(model.expiresAt < now - _REMEMBERED).execute()
            model.insert(
                digest=_digest(code),
                suiteId=self._suiteId,
                corpId=person.corpId,
                memberId=person.memberId,
                expiresAt=now + LIFE,
                usedAt=None,
            ).execute()
        return code

    def who(self, code: str) -> Person:
        """Whom an unused code stands for.

        :raises LoginError: as :meth:`enter`.
        """
        model = self._codes
        with self._storage.boundary():
            row = model.get_or_none(*self._is_row(code))
        if row is None or row.usedAt is not None or row.expiresAt <= self._now():
            raise self._no_good(row)
        return Person(row.corpId, row.memberId)

    def enter(self, code: str, corp: Corp) -> dict[str, Any]:
        """Spend a code on entering an organisation. Whoever is refused has not spent it.

        :returns: ``{"user": User, "member": CorpMember}``.
        :raises LoginCodeUnknown: no such code.
        :raises LoginCodeUsed: it was used.
        :raises LoginCodeExpired: it is older than five minutes.
        :raises MemberInvisible: the organisation does not know the person, or no longer sees them.
        :raises MemberOffline: they are offline there.
        """
        model = self._codes
        with self._storage.transaction():
            now = self._now()
            # One statement finds the code unused and makes it used: of two at once, one finds it so.
            spent = model.update(usedAt=now).where(*self._is_row(code), model.usedAt.is_null(), model.expiresAt > now)
            is_spent = bool(spent.execute())
            row = model.get_or_none(*self._is_row(code))
            if row is None or not is_spent:
                raise self._no_good(row)
            # What is raised here undoes the statement above.
            member = self.member(corp.fullName, row.memberId)
            if member is None or member.presence == _INVISIBLE:
                raise _invisible(corp)
            if member.status != _ACTIVE:
                raise _offline(corp)
            user = self._storage.models[User].get_by_id(member.userId)
        return {"user": user, "member": member}

    def enterable(self, corps: Sequence[Corp], memberId: str) -> list[tuple[Corp, CorpMember]]:
        """The organisations that a member may enter now, and who they are there."""
        members = [(corp, self.member(corp.fullName, memberId)) for corp in corps]
        return [
            (corp, member)
            for corp, member in members
            if member is not None and member.status == _ACTIVE and member.presence != _INVISIBLE
        ]

    def doubtful(self, corps: Sequence[Corp], memberId: str) -> list[Corp]:
        """The organisations that may let a member in once read again: not those where people here set them offline."""
        members = [(corp, self.member(corp.fullName, memberId)) for corp in corps]
        return [corp for corp, member in members if member is None or not member.manualOffline]

    def member(self, corpFullName: str, memberId: str) -> CorpMember | None:
        """A member as kept here."""
        model = self._storage.models[CorpMember]
        with self._storage.boundary():
            row: CorpMember | None = model.get_or_none(model.corpFullName == corpFullName, model.memberId == memberId)
            return row

    def forget(self, corpId: str) -> int:
        """Delete the login codes of an enterprise's members; how many there were."""
        model = self._codes
        with self._storage.transaction():
            return int(model.delete().where(model.suiteId == self._suiteId, model.corpId == corpId).execute())

    @property
    def _codes(self) -> type[QywxLoginCode]:
        return self._storage.models[QywxLoginCode]

    def _is_row(self, code: str) -> list[Any]:
        return [self._codes.digest == _digest(code), self._codes.suiteId == self._suiteId]

    @staticmethod
    def _no_good(row: Any) -> LoginError:
        hint = "Send the person to the login page again."
        if row is None:
            return LoginCodeUnknown("There is no such login code, or it is long past.", hint=hint)
        if row.usedAt is not None:
            return LoginCodeUsed(
                "The login code was used before.",
                corpId=row.corpId,
                hint=f"A code is good once; make the session where it is first used. {hint}",
            )
        return LoginCodeExpired("The login code is older than five minutes.", corpId=row.corpId, hint=hint)


def _names(app: App, suiteId: str, corpId: str) -> list[str]:
    from jit_qywx.enterprises import enterprises_of

    return [one.fullName for one in enterprises_of(app, suiteId, corpId)]


def _invisible(corp: Corp) -> MemberInvisible:
    return MemberInvisible(
        f"{corp.fullName} does not know whoever logs in, or may not see them any more.",
        corpId=corp.corpId,
        corpFullName=corp.fullName,
        hint="The enterprise's administrator has to put them into the visible range (可见范围) of the app.",
    )


def _offline(corp: Corp) -> MemberOffline:
    return MemberOffline(
        f"Whoever logs in is offline in {corp.fullName}.",
        corpId=corp.corpId,
        corpFullName=corp.fullName,
        hint="Their reason stands in the member's row; offlineMember() is undone by onlineMember().",
    )


def _host(base: str | None, official: str) -> str:
    return official if base is None else base.rstrip("/") + "/"


def _query(asked: Mapping[str, str]) -> str:
    return urlencode(asked, quote_via=quote, safe="")


def _digest(code: str) -> str:
    # A plain hash is enough: there is nothing to guess in 256 random bits.
    return hashlib.sha256(code.encode()).hexdigest()

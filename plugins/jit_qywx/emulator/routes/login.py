"""Who is at the door: OAuth codes turned into members (document group 96441)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import ApiError, ok
from jit_qywx.emulator.rendering import WITHDRAWN_2022
from jit_qywx.emulator.routes.route import Route

if TYPE_CHECKING:
    from jit_qywx.emulator.asking import Asked
    from jit_qywx.emulator.wecom import Login


def getuserinfo(asked: Asked) -> bytes:
    """GET auth/getuserinfo (96442): the member behind a code, good once, for five minutes.

    A member outside the visible range is told too; a user_ticket comes only with the private scope and inside it.
    """
    login = _spend(asked)
    if not login.userid:
        return ok(openid=login.openid)
    with asked.view.org.lock:
        answer: dict[str, Any] = {"userid": asked.view.show(login.userid)}
        if login.private and asked.view.sees_user(login.userid):
            answer["user_ticket"] = asked.platform.user_tickets.make(login)
            answer["expires_in"] = int(asked.platform.user_tickets.life)
    return ok(**answer)


def getuserinfo_old(asked: Asked) -> bytes:
    """GET user/getuserinfo: the older twin with capitalised names."""
    login = _spend(asked)
    if not login.userid:
        return ok(OpenId=login.openid, DeviceId="")
    with asked.view.org.lock:
        return ok(UserId=asked.view.show(login.userid), DeviceId="")


def getuserdetail(asked: Asked) -> bytes:
    """POST auth/getuserdetail (96443): the private fields the corp granted and the member agreed to."""
    text = asked.field("user_ticket", 84090)
    ticket = asked.platform.user_tickets.find(text)
    if ticket is None or (ticket.means.corpid, ticket.means.agentid) != (asked.app.corpid, asked.app.agentid):
        raise ApiError(84015)
    if not asked.platform.user_tickets.is_live(text):
        raise ApiError(84014)
    with asked.view.org.lock:
        member = asked.view.org.find(ticket.means.userid)
        if member is None or member.gone:
            raise ApiError(60111)
        agreed = ticket.means.agreed
        details = {
            name: getattr(member, name)
            for name, grant in WITHDRAWN_2022.items()
            if asked.app.may(grant) and (agreed is None or name in agreed)
        }
        return ok(userid=asked.view.show(member.userid), **details)


def getuserinfo3rd(_asked: Asked) -> bytes:
    """GET service/auth/getuserinfo3rd: third-party apps only (98179), which log in by no code of the emulator."""
    raise ApiError(48002)


def _spend(asked: Asked) -> Login:
    text = asked.text("code", 41008)
    code = asked.platform.login_codes.find(text)
    if code is None or (code.means.corpid, code.means.agentid) != (asked.app.corpid, asked.app.agentid):
        raise ApiError(40029)
    if code.used:
        raise ApiError(42022)
    if not asked.platform.login_codes.is_live(text):
        raise ApiError(40029)
    code.used = True
    return code.means


ROUTES = (
    Route("GET", "auth/getuserinfo", "app", getuserinfo),
    Route("GET", "user/getuserinfo", "app", getuserinfo_old),
    Route("POST", "auth/getuserdetail", "app", getuserdetail),
    Route("GET", "service/auth/getuserinfo3rd", "suite", getuserinfo3rd),
)

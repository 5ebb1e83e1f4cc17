"""Credentials and authorisation: provider, suite, permanent code, app token (document groups 90597 and 97159)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import ApiError, encode, ok
from jit_qywx.emulator.routes.route import Route
from jit_qywx.emulator.wecom import Link

if TYPE_CHECKING:
    from jit_qywx.emulator.asking import Asked
    from jit_qywx.emulator.corps import Corp, CorpApp

READ_WRITE = 3
MAX_TEMPLATES = 9
MAX_STATE = 32


def get_provider_token(asked: Asked) -> bytes:
    """POST service/get_provider_token (96237). A success carries no errcode."""
    platform = asked.platform
    if asked.field("corpid", 41002) != platform.provider_corpid:
        raise ApiError(40013)
    if asked.field("provider_secret", 41004) != platform.provider_secret:
        raise ApiError(40001)
    token, left = platform.tokens.issue("provider")
    return encode({"provider_access_token": token, "expires_in": left})


def get_suite_token(asked: Asked) -> bytes:
    """POST service/get_suite_token (97162). A success carries no errcode."""
    platform = asked.platform
    suite = platform.suites.get(asked.field("suite_id", 41021))
    if suite is None:
        raise ApiError(40083)
    if asked.field("suite_secret", 41024) != suite.secret:
        raise ApiError(40080)
    ticket = asked.field("suite_ticket", 41023)
    known = platform.tickets.find(ticket)
    if known is None or known.means != suite.id or not platform.tickets.is_live(ticket):
        raise ApiError(40085)
    token, left = platform.tokens.issue("suite", owner=suite.id)
    return encode({"suite_access_token": token, "expires_in": left})


def get_permanent_code(asked: Asked) -> bytes:
    """POST service/get_permanent_code (90603): the long form. No access token comes for a proxied app."""
    app, corp = _exchange(asked)
    answer: dict[str, Any] = {}
    if app.kind == "third-party":
        token, left = asked.platform.tokens.issue("app", app.corpid, app.agentid)
        answer |= {"access_token": token, "expires_in": left}
    answer |= {
        "permanent_code": app.secret,
        "auth_corp_info": _corp_info(asked, corp),
        "auth_info": {"agent": [_agent_info(asked, app)]},
        "auth_user_info": _admin_info(corp),
    }
    return encode(answer | _with_state(app))


def get_permanent_code_v2(asked: Asked) -> bytes:
    """POST service/v2/get_permanent_code (100776): the fast short form."""
    app, corp = _exchange(asked)
    info = _corp_info(asked, corp)
    return ok(
        permanent_code=app.secret,
        auth_corp_info={name: info[name] for name in ("corpid", "corp_name")},
        auth_user_info=_admin_info(corp),
        **_with_state(app),
    )


def get_auth_info(asked: Asked) -> bytes:
    """POST service/get_auth_info (90604)."""
    app, corp = _authorised(asked)
    return ok(auth_corp_info=_corp_info(asked, corp), auth_info={"agent": [_agent_info(asked, app)]})


def get_auth_info_v2(asked: Asked) -> bytes:
    """POST service/v2/get_auth_info (100795): without the corp's QR code."""
    app, corp = _authorised(asked)
    info = _corp_info(asked, corp)
    del info["corp_wxqrcode"]
    return ok(auth_corp_info=info, auth_info={"agent": [_agent_info(asked, app)]})


def get_corp_token(asked: Asked) -> bytes:
    """POST service/get_corp_token (90605): for third-party apps; a proxied permanent code is 40084 here."""
    app, _corp = _authorised(asked)
    if app.kind != "third-party":
        raise ApiError(40084)
    token, left = asked.platform.tokens.issue("app", app.corpid, app.agentid)
    return encode({"access_token": token, "expires_in": left})


def get_token(asked: Asked) -> bytes:
    """GET gettoken (97164): an app's token; the secret of a proxied app is its permanent code."""
    platform = asked.platform
    corpid = asked.text("corpid", 41002)
    secret = asked.text("corpsecret", 41004)
    corp = platform.find_corp(corpid)
    if corp is None:
        raise ApiError(40013)
    if corp.gone:
        raise ApiError(corp.gone)
    app = next((app for app in corp.apps.values() if app.secret == secret), None)
    if app is None or app.kind == "third-party":
        raise ApiError(40001)
    if app.cancelled:
        raise ApiError(40084)
    token, left = platform.tokens.issue("app", corp.corpid, app.agentid)
    return ok(access_token=token, expires_in=left)


def get_pre_auth_code(asked: Asked) -> bytes:
    """GET service/get_pre_auth_code (90601)."""
    book = asked.platform.pre_auth_codes
    return ok(pre_auth_code=book.make(asked.suite_id), expires_in=int(book.life))


def set_session_info(asked: Asked) -> bytes:
    """POST service/set_session_info (90602)."""
    text = asked.field("pre_auth_code", 40077)
    code = asked.platform.pre_auth_codes.find(text)
    if code is None or code.means != asked.suite_id:
        raise ApiError(40077)
    if not asked.platform.pre_auth_codes.is_live(text):
        raise ApiError(42007)
    session = asked.data.get("session_info")
    if not isinstance(session, dict) or session.get("auth_type", 0) not in (0, 1):
        raise ApiError(40035)
    return ok()


def get_customized_auth_url(asked: Asked) -> bytes:
    """POST service/get_customized_auth_url (98744): the install link of proxied apps.

    The link leads to the emulator itself; `Emulator.scan` plays the administrator who opens it.
    """
    state = asked.data.get("state", "")
    templates = asked.items("templateid_list", MAX_TEMPLATES)
    if not isinstance(state, str) or len(state) > MAX_STATE or (state and not (state.isascii() and state.isalnum())):
        raise ApiError(40035)
    if not templates:
        raise ApiError(41021)
    if any(template not in asked.platform.suites for template in templates):
        raise ApiError(40083)
    book = asked.platform.links
    link = book.make(Link(tuple(templates), state))
    return ok(qrcode_url=f"{asked.base_url}/_emulator/install?link={link}", expires_in=int(book.life))


def get_admin_list(asked: Asked) -> bytes:
    """POST service/get_admin_list (90606): the suite-token version, no longer maintained."""
    corp = asked.platform.find_corp(asked.field("auth_corpid", 41002))
    app = None if corp is None else corp.apps.get(asked.integer("agentid", 41011))
    if corp is None or app is None or app.suite_id != asked.suite_id:
        raise ApiError(40056 if corp is not None else 40013)
    view = asked.platform.view(app)
    with corp.org.lock:
        members = [(corp.org.find(userid), kind) for userid, kind in corp.admins.items()]
        admins = [
            {"userid": view.show(member.userid), "open_userid": view.open_userid(member), "auth_type": kind}
            for member, kind in members
            if member is not None
        ]
    return ok(admin=admins)


def corpid_to_opencorpid(asked: Asked) -> bytes:
    """POST service/corpid_to_opencorpid (97105); 48001 without any authorisation to this provider."""
    corp = asked.platform.find_corp(asked.field("corpid", 41002))
    if corp is None or not any(app.suite_id and not app.cancelled for app in corp.apps.values()):
        raise ApiError(48001)
    return ok(open_corpid=asked.platform.open_corpid(corp))


def get_callback_ip(_asked: Asked) -> bytes:
    """GET getcallbackip (90930): where callbacks come from."""
    return ok(ip_list=["127.0.0.1"])


def _exchange(asked: Asked) -> tuple[CorpApp, Corp]:
    """Spend an auth code; it is good once, for ten minutes, and for the suite it was made for (40078)."""
    text = asked.field("auth_code", 41008)
    code = asked.platform.auth_codes.find(text)
    if code is None or code.means.suite_id != asked.suite_id or not asked.platform.auth_codes.is_live(text):
        raise ApiError(40078)
    if code.means.cancelled:
        raise ApiError(48004)
    code.used = True
    return code.means, asked.platform.corps[code.means.corpid]


def _authorised(asked: Asked) -> tuple[CorpApp, Corp]:
    corp = asked.platform.find_corp(asked.field("auth_corpid", 41002))
    secret = asked.field("permanent_code", 41025)
    if corp is None:
        raise ApiError(40013)
    if corp.gone:
        raise ApiError(corp.gone)
    app = corp.app_of(asked.suite_id)
    if app is None or app.secret != secret or app.cancelled:
        raise ApiError(40084)
    return app, corp


def _with_state(app: CorpApp) -> dict[str, str]:
    return {"state": app.state} if app.state else {}


def _corp_info(asked: Asked, corp: Corp) -> dict[str, Any]:
    return {
        "corpid": corp.corpid,
        "corp_name": corp.name,
        "corp_type": "verified",
        "corp_square_logo_url": f"{asked.base_url}/logo/{corp.corpid}.png",
        "corp_user_max": 200 + len(corp.org.members),
        "corp_full_name": f"{corp.name}有限公司",
        "verified_end_time": int(asked.platform.clock()) + 365 * 86_400,
        "subject_type": 1,
        "corp_wxqrcode": f"{asked.base_url}/qr/{corp.corpid}.png",
        "corp_scale": "1000-5000人",
        "corp_industry": "IT服务",
        "corp_sub_industry": "计算机软件/硬件/信息服务",
    }


def _agent_info(asked: Asked, app: CorpApp) -> dict[str, Any]:
    view = asked.platform.view(app)
    return {
        "agentid": app.agentid,
        "name": app.name,
        "square_logo_url": f"{asked.base_url}/logo/{app.agentid}.png",
        "round_logo_url": f"{asked.base_url}/logo/{app.agentid}.png",
        "auth_mode": 0,
        "is_customized_app": app.kind == "proxied",
        "privilege": {
            "level": READ_WRITE,
            "allow_party": list(app.range.departments),
            "allow_user": [view.show(user) for user in app.range.users],
            "allow_tag": list(app.range.tags),
            "extra_party": [],
            "extra_user": [],
            "extra_tag": [],
        },
    }


def _admin_info(corp: Corp) -> dict[str, str]:
    """The administrator who authorised; an empty object when the corp has none."""
    userid = next((userid for userid, kind in corp.admins.items() if kind == 1), None)
    member = None if userid is None else corp.org.find(userid)
    if member is None:
        return {}
    return {"userid": member.userid, "name": member.name, "avatar": member.avatar}


ROUTES = (
    Route("POST", "service/get_provider_token", None, get_provider_token),
    Route("POST", "service/get_suite_token", None, get_suite_token),
    Route("POST", "service/get_permanent_code", "suite", get_permanent_code),
    Route("POST", "service/v2/get_permanent_code", "suite", get_permanent_code_v2),
    Route("POST", "service/get_auth_info", "suite", get_auth_info),
    Route("POST", "service/v2/get_auth_info", "suite", get_auth_info_v2),
    Route("POST", "service/get_corp_token", "suite", get_corp_token),
    Route("GET", "service/get_pre_auth_code", "suite", get_pre_auth_code),
    Route("POST", "service/set_session_info", "suite", set_session_info),
    Route("POST", "service/get_customized_auth_url", "provider", get_customized_auth_url),
    Route("POST", "service/get_admin_list", "suite", get_admin_list),
    Route("POST", "service/corpid_to_opencorpid", "provider", corpid_to_opencorpid),
    Route("GET", "gettoken", None, get_token),
    Route("GET", "getcallbackip", "app", get_callback_ip),
)

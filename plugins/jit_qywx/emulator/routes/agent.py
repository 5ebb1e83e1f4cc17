"""The app about itself: its visible range, its administrators, what it was granted (document group 90226)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.emulator.answers import ApiError, ok
from jit_qywx.emulator.routes.route import Route

if TYPE_CHECKING:
    from jit_qywx.emulator.asking import Asked


def get(asked: Asked) -> bytes:
    """GET agent/get (96448): the visible range as the administrator wrote it, and the app's state."""
    agentid = asked.number("agentid", missing=41011, invalid=40056)
    app = asked.app
    if agentid != app.agentid:
        raise ApiError(301002 if agentid in asked.corp.apps else 40056)
    view = asked.view
    with view.org.lock:
        users = [{"userid": view.show(user)} for user in app.range.users if view.sees_user(user)]
        departments = [number for number in app.range.departments if number in view.org.departments]
        tags = [number for number in app.range.tags if number in view.org.tags]
    return ok(
        agentid=app.agentid,
        name=app.name,
        square_logo_url=f"{asked.base_url}/logo/{app.agentid}.png",
        description="",
        allow_userinfos={"user": users},
        allow_partys={"partyid": departments},
        allow_tags={"tagid": tags},
        close=int(app.closed),
        redirect_domain=app.redirect_domain,
        report_location_flag=0,
        isreportenter=0,
        home_url=app.home_url,
        customized_publish_status=app.publish_status,
    )


def get_list(asked: Asked) -> bytes:
    """GET agent/list: the apps this token may handle, which is its own."""
    app = asked.app
    logo = f"{asked.base_url}/logo/{app.agentid}.png"
    return ok(agentlist=[{"agentid": app.agentid, "name": app.name, "square_logo_url": logo}])


def get_admin_list(asked: Asked) -> bytes:
    """POST agent/get_admin_list (100072)."""
    view = asked.view
    with view.org.lock:
        admins = [
            {"userid": view.show(userid), "auth_type": kind}
            for userid, kind in asked.corp.admins.items()
            if view.org.find(userid) is not None
        ]
    return ok(admin=admins)


def get_permissions(asked: Asked) -> bytes:
    """POST agent/get_permissions (99052)."""
    return ok(app_permissions=list(asked.app.permissions))


def forbidden(asked: Asked) -> bytes:
    """POST agent/set: not for proxied apps (97165)."""
    if asked.app.kind != "self-built":
        raise ApiError(48002)
    return ok()


ROUTES = (
    Route("GET", "agent/get", "app", get, when_closed=True),
    Route("GET", "agent/list", "app", get_list, when_closed=True),
    Route("POST", "agent/get_admin_list", "app", get_admin_list),
    Route("POST", "agent/get_permissions", "app", get_permissions),
    Route("POST", "agent/set", "app", forbidden),
)

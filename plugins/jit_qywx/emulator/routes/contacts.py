"""Departments and members (document groups 90204 and 90194, in their proxied edition 95400)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.emulator.answers import ApiError, ok
from jit_qywx.emulator.rendering import department_ids, department_objects, member_objects, simple_members
from jit_qywx.emulator.routes.route import Route

if TYPE_CHECKING:
    from jit_qywx.emulator.asking import Asked
    from jit_qywx.emulator.records import Member
    from jit_qywx.emulator.visibility import View

NO_DEPARTMENT = 60003
INVALID_PARTY = 60123
MAX_USERID = 64
MAX_PAGE = 10_000
MAX_CONVERT = 1_000


def department_list(asked: Asked) -> bytes:
    """GET department/list (90344): the visible departments, or those from `id` downwards."""
    view = asked.view
    start = asked.number("id")
    with view.org.lock:
        if start is not None:
            view.department(start, INVALID_PARTY)
        return _departments(view, start)


def department_simplelist(asked: Asked) -> bytes:
    """GET department/simplelist (95406): ids only; of the whole corp when the app was granted the structure."""
    view = asked.view
    start = asked.number("id")
    with view.org.lock:
        whole = view.app.whole_structure
        if start is not None and not (whole and start in view.org.departments):
            view.department(start, INVALID_PARTY)

        def build() -> bytes:
            everything = view.org.departments if whole else view.departments()
            found = everything if start is None else view.org.below([start])
            return ok(department_id=[department_ids(view.org.departments[number]) for number in found])

        return view.body(("department/simplelist", start), (), build)


def department_get(asked: Asked) -> bytes:
    """GET department/get (95407)."""
    view = asked.view
    number = asked.number("id", missing=NO_DEPARTMENT) or 0
    with view.org.lock:
        [department] = department_objects(view, [view.department(number, INVALID_PARTY)])
    return ok(department=department)


def user_simplelist(asked: Asked) -> bytes:
    """GET user/simplelist (96258): userid, name, departments of a department's members."""
    return _user_list(asked, "user/simplelist")


def user_list(asked: Asked) -> bytes:
    """GET user/list (96260): a department's members in full."""
    return _user_list(asked, "user/list")


def user_get(asked: Asked) -> bytes:
    """GET user/get (96255): one member, beside errcode."""
    view = asked.view
    userid = asked.text("userid", 41009)
    if len(userid.encode()) > MAX_USERID:
        raise ApiError(40058)
    with view.org.lock:
        [member] = member_objects(view, [view.member(userid)])
    return ok(**member)


def user_list_id(asked: Asked) -> bytes:
    """POST user/list_id (96269): only with the contact-sync secret, so 48002 for a proxied app."""
    if asked.app.kind != "contact-sync":
        raise ApiError(48002)
    limit = asked.data.get("limit", MAX_PAGE)
    cursor = asked.data.get("cursor") or "0"
    if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE or not str(cursor).isdigit():
        raise ApiError(40035)
    org = asked.view.org
    with org.lock:
        rows = [
            {"userid": member.userid, "department": department}
            for member in org.members.values()
            if not member.gone
            for department in member.departments
        ]
    start = int(cursor)
    end = start + limit
    return ok(next_cursor=str(end) if end < len(rows) else "", dept_user=rows[start:end])


def userid_to_openuserid(asked: Asked) -> bytes:
    """POST batch/userid_to_openuserid (97104)."""
    view = asked.view
    userids = asked.items("userid_list", MAX_CONVERT, 40058)
    if not userids:
        raise ApiError(40031)
    found = []
    invalid = []
    with view.org.lock:
        for userid in userids:
            member = view.org.find(str(userid))
            if member is None or not view.sees_member(member):
                invalid.append(userid)
            else:
                found.append({"userid": userid, "open_userid": view.open_userid(member)})
    return ok(open_userid_list=found, invalid_userid_list=invalid)


def openuserid_to_userid(asked: Asked) -> bytes:
    """POST batch/openuserid_to_userid (95884): only the corp's own app may undo the cipher."""
    if asked.app.kind != "self-built":
        raise ApiError(48002)
    source = asked.corp.apps.get(asked.integer("source_agentid", 41011))
    if source is None or source.suite_id is None:
        raise ApiError(40056)
    view = asked.platform.view(source)
    found = []
    invalid = []
    with view.org.lock:
        by_open = {view.open_userid(member): member.userid for member in view.org.members.values()}
        for open_userid in asked.items("open_userid_list", MAX_CONVERT, 40058):
            if open_userid in by_open:
                found.append({"open_userid": open_userid, "userid": by_open[open_userid]})
            else:
                invalid.append(open_userid)
    return ok(userid_list=found, invalid_open_userid_list=invalid)


def warm(view: View) -> None:
    """Render department/list and every user/list the app may ask for, so that a benchmark measures its client."""
    with view.org.lock:
        _departments(view, None)
        for number in view.departments():
            _users(view, "user/list", number, (number,))


def _departments(view: View, start: int | None) -> bytes:
    def build() -> bytes:
        found = view.departments() if start is None else view.org.below([start])
        return ok(department=department_objects(view, [view.org.departments[number] for number in found]))

    return view.body(("department/list", start), (), build)


def _user_list(asked: Asked, path: str) -> bytes:
    view = asked.view
    number = asked.number("department_id", missing=NO_DEPARTMENT, invalid=NO_DEPARTMENT) or 0
    # The proxied edition of the page no longer lists fetch_child: callers walk the departments themselves.
    nested = asked.query.get("fetch_child") == "1" and asked.app.kind != "proxied"
    with view.org.lock:
        view.department(number, NO_DEPARTMENT)
        departments = tuple(view.org.below([number])) if nested else (number,)
        return _users(view, path, number, departments)


def _users(view: View, path: str, number: int, departments: tuple[int, ...]) -> bytes:
    def build() -> bytes:
        members: dict[str, Member] = {}
        for department in departments:
            for member in view.org.inside(department):
                members[member.userid] = member
        show = member_objects if path == "user/list" else simple_members
        return ok(userlist=show(view, members.values()))

    return view.body((path, number, len(departments) > 1), departments, build)


ROUTES = (
    Route("GET", "department/list", "app", department_list, details=True),
    Route("GET", "department/simplelist", "app", department_simplelist),
    Route("GET", "department/get", "app", department_get, details=True),
    Route("GET", "user/simplelist", "app", user_simplelist),
    Route("GET", "user/list", "app", user_list, details=True),
    Route("GET", "user/get", "app", user_get, details=True),
    Route("POST", "user/list_id", "app", user_list_id),
    Route("POST", "batch/userid_to_openuserid", "app", userid_to_openuserid),
    Route("POST", "batch/openuserid_to_userid", "app", openuserid_to_userid),
)

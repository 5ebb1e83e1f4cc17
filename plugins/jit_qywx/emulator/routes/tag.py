"""Tags: the nearest thing WeCom has to roles (document group 90209)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import ApiError, ok
from jit_qywx.emulator.product import MAX_NAME, MAX_TAGS
from jit_qywx.emulator.routes.route import Route

if TYPE_CHECKING:
    from jit_qywx.emulator.asking import Asked
    from jit_qywx.emulator.records import Tag
    from jit_qywx.emulator.visibility import View

NO_TAG = 40068
ALL_INVALID_ADD = 40070
ALL_INVALID_DELETE = 40031
MAX_USERS = 1_000
MAX_PARTIES = 100


def get_list(asked: Asked) -> bytes:
    """GET tag/list (90352): all tags; a third-party app sees those it made."""
    view = asked.view
    with view.org.lock:
        return ok(taglist=_tags(view))


def get(asked: Asked) -> bytes:
    """GET tag/get (90349): the visible members and departments under a tag; departments are not expanded."""
    view = asked.view
    with view.org.lock:
        tag = _find(view, asked.number("tagid", missing=NO_TAG, invalid=NO_TAG))
        return ok(tagname=tag.name, userlist=tag_users(view, tag), partylist=tag_departments(view, tag))


def create(asked: Asked) -> bytes:
    """POST tag/create (90346)."""
    name = _name(asked)
    org = asked.view.org
    with org.lock:
        number = asked.integer("tagid", NO_TAG) if asked.data.get("tagid") is not None else None
        if any(tag.name == name for tag in org.tags.values()):
            raise ApiError(40071)
        if (number is not None and (number in org.tags or number < 0)) or len(org.tags) >= MAX_TAGS:
            raise ApiError(NO_TAG)
        with org.silent():
            change = org.add_tag(name, tag_id=number, creator=asked.app.agentid)
    return ok(tagid=change.number)


def update(asked: Asked) -> bytes:
    """POST tag/update (90347)."""
    name = _name(asked)
    with asked.view.org.lock, asked.view.org.silent():
        tag = _own(asked, asked.integer("tagid", NO_TAG))
        if any(other.name == name and other is not tag for other in asked.view.org.tags.values()):
            raise ApiError(40071)
        asked.view.org.rename_tag(tag.id, name)
    return ok()


def delete(asked: Asked) -> bytes:
    """GET tag/delete (90348)."""
    with asked.view.org.lock, asked.view.org.silent():
        tag = _own(asked, asked.number("tagid", missing=NO_TAG, invalid=NO_TAG))
        asked.view.org.remove_tag(tag.id)
    return ok()


def add_users(asked: Asked) -> bytes:
    """POST tag/addtagusers (90350): a partial failure is a success that names the invalid ones."""
    with asked.view.org.lock, asked.view.org.silent():
        tag, users, departments, invalid = _split(asked, ALL_INVALID_ADD)
        asked.view.org.tag(tag.id, add_users=users, add_departments=departments)
    return ok(**invalid)


def delete_users(asked: Asked) -> bytes:
    """POST tag/deltagusers (90351)."""
    with asked.view.org.lock, asked.view.org.silent():
        tag, users, departments, invalid = _split(asked, ALL_INVALID_DELETE)
        asked.view.org.tag(tag.id, remove_users=users, remove_departments=departments)
    return ok(**invalid)


def tag_users(view: View, tag: Tag) -> list[dict[str, Any]]:
    """`userlist` of tag/get."""
    users = []
    for userid in tag.users:
        member = view.org.find(userid)
        if member is not None and view.sees_member(member):
            name = {"name": member.name} if view.app.may("user_name") else {}
            users.append({"userid": view.show(userid), **name})
    return users


def tag_departments(view: View, tag: Tag) -> list[int]:
    """`partylist` of tag/get."""
    return [number for number in tag.departments if number in view.org.departments and view.sees_department(number)]


def _tags(view: View) -> list[dict[str, Any]]:
    own = view.app.kind == "third-party"
    return [
        {"tagid": tag.id, "tagname": tag.name}
        for tag in view.org.tags.values()
        if not own or tag.creator == view.app.agentid
    ]


def _name(asked: Asked) -> str:
    name = asked.field("tagname", 41018)
    if len(name) > MAX_NAME:
        raise ApiError(40072)
    return name


def _find(view: View, number: int | None) -> Tag:
    tag = view.org.tags.get(number or 0)
    if tag is None:
        raise ApiError(NO_TAG)
    return tag


def _own(asked: Asked, number: int | None) -> Tag:
    tag = _find(asked.view, number)
    if tag.creator != asked.app.agentid:
        raise ApiError(81011)
    return tag


def _split(asked: Asked, all_invalid: int) -> tuple[Tag, list[str], list[int], dict[str, Any]]:
    """The tag, the valid users and departments of the body, and the fields that name the invalid ones."""
    view = asked.view
    tag = _own(asked, asked.integer("tagid", NO_TAG))
    users = asked.items("userlist", MAX_USERS)
    departments = asked.items("partylist", MAX_PARTIES)
    if not users and not departments:
        raise ApiError(40035)
    found = {user: view.by_shown(str(user)) for user in users}
    good_users = [member.userid for member in found.values() if member is not None and view.sees_member(member)]
    bad_users = [str(user) for user, member in found.items() if member is None or not view.sees_member(member)]
    good = [number for number in departments if number in view.org.departments and view.sees_department(number)]
    bad = [number for number in departments if number not in good]
    if not good_users and not good:
        raise ApiError(all_invalid)
    invalid: dict[str, Any] = {}
    if bad_users:
        invalid["invalidlist"] = "|".join(bad_users)
    if bad:
        invalid["invalidparty"] = bad
    return tag, good_users, good, invalid


ROUTES = (
    Route("GET", "tag/list", "app", get_list),
    Route("GET", "tag/get", "app", get),
    Route("POST", "tag/create", "app", create),
    Route("POST", "tag/update", "app", update),
    Route("GET", "tag/delete", "app", delete),
    Route("POST", "tag/addtagusers", "app", add_users),
    Route("POST", "tag/deltagusers", "app", delete_users),
)

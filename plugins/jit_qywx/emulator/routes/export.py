"""Asynchronous export of members, departments and tags (document group 94849)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import ApiError, ok
from jit_qywx.emulator.export_jobs import is_key
from jit_qywx.emulator.rendering import department_objects, member_objects, simple_members
from jit_qywx.emulator.routes.route import Route
from jit_qywx.emulator.routes.tag import NO_TAG, tag_departments, tag_users

if TYPE_CHECKING:
    from jit_qywx.emulator.asking import Asked

LEAST_BLOCK, MOST_BLOCK = 10_000, 1_000_000


def simple_user(asked: Asked) -> bytes:
    """POST export/simple_user (94851)."""
    view = asked.view
    with view.org.lock:
        items = simple_members(view, filter(view.sees_member, view.org.members.values()))
    return _submit(asked, "simple_user", "userlist", items)


def user(asked: Asked) -> bytes:
    """POST export/user (94852): items as of user/list."""
    view = asked.view
    with view.org.lock:
        items = member_objects(view, filter(view.sees_member, view.org.members.values()))
    return _submit(asked, "user", "userlist", items)


def department(asked: Asked) -> bytes:
    """POST export/department (94853): items as of department/list."""
    view = asked.view
    with view.org.lock:
        items = department_objects(view, [view.org.departments[number] for number in view.departments()])
    return _submit(asked, "department", "department", items)


def taguser(asked: Asked) -> bytes:
    """POST export/taguser (94952): as of tag/get."""
    view = asked.view
    number = asked.integer("tagid", NO_TAG)
    with view.org.lock:
        tag = view.org.tags.get(number)
        if tag is None:
            raise ApiError(NO_TAG)
        users, departments = tag_users(view, tag), tag_departments(view, tag)
    return _submit(asked, "taguser", "userlist", users, partylist=departments)


def get_result(asked: Asked) -> bytes:
    """GET export/get_result (94954)."""
    return ok(**asked.platform.exports.result(asked.app, asked.text("jobid", 40088), asked.base_url))


def _submit(asked: Asked, kind: str, name: str, items: list[dict[str, Any]], **more: object) -> bytes:
    """Cut the items into blocks and start the job."""
    key = asked.field("encoding_aeskey", 40063)
    size = asked.data.get("block_size", MOST_BLOCK)
    if not is_key(key) or not isinstance(size, int) or not LEAST_BLOCK <= size <= MOST_BLOCK:
        raise ApiError(40035)
    blocks = [{name: items[start : start + size], **more} for start in range(0, max(1, len(items)), size)]
    return ok(jobid=asked.platform.exports.submit(asked.app, kind, key, blocks))


ROUTES = (
    Route("POST", "export/simple_user", "app", simple_user),
    Route("POST", "export/user", "app", user),
    Route("POST", "export/department", "app", department),
    Route("POST", "export/taguser", "app", taguser),
    Route("GET", "export/get_result", "app", get_result),
)

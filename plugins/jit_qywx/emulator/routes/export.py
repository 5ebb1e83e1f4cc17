"""Asynchronous export of members, departments and tags (document group 94849)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import ApiError, ok
from jit_qywx.emulator.export_jobs import AT_ONCE, is_key
from jit_qywx.emulator.rendering import department_objects, member_objects, simple_members
from jit_qywx.emulator.routes.route import Route
from jit_qywx.emulator.routes.tag import NO_TAG, tag_departments, tag_users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jit_qywx.emulator.asking import Asked
    from jit_qywx.emulator.records import Member

LEAST_BLOCK, MOST_BLOCK = 10_000, 1_000_000


def simple_user(asked: Asked) -> bytes:
    """POST export/simple_user (94851)."""
    return _submit(asked, "simple_user", "userlist", _members(asked), partial(simple_members, asked.view))


def user(asked: Asked) -> bytes:
    """POST export/user (94852): items as of user/list."""
    return _submit(asked, "user", "userlist", _members(asked), partial(member_objects, asked.view))


def department(asked: Asked) -> bytes:
    """POST export/department (94853): items as of department/list."""
    view = asked.view
    with view.org.lock:
        visible = [view.org.departments[number] for number in view.departments()]
    return _submit(asked, "department", "department", visible, partial(department_objects, view))


def taguser(asked: Asked) -> bytes:
    """POST export/taguser (94952): as of tag/get."""
    view = asked.view
    number = asked.integer("tagid", NO_TAG)
    with view.org.lock:
        tag = view.org.tags.get(number)
        if tag is None:
            raise ApiError(NO_TAG)
        users, departments = tag_users(view, tag), tag_departments(view, tag)
    return _submit(asked, "taguser", "userlist", users, list, partylist=departments)


def get_result(asked: Asked) -> bytes:
    """GET export/get_result (94954)."""
    return ok(**asked.platform.exports.result(asked.app, asked.text("jobid", 40088), asked.base_url))


def _members(asked: Asked) -> list[Member]:
    view = asked.view
    with view.org.lock:
        return list(filter(view.sees_member, view.org.members.values()))


def _submit(
    asked: Asked, kind: str, name: str, found: list[Any], render: Callable[[list[Any]], list[Any]], **more: object
) -> bytes:
    """Start the job that cuts what was found into blocks, and renders each in turn."""
    key = asked.field("encoding_aeskey", 40063)
    size = asked.data.get("block_size", MOST_BLOCK)
    if not is_key(key) or not isinstance(size, int) or not LEAST_BLOCK <= size <= MOST_BLOCK:
        raise ApiError(40035)
    exports, lock = asked.platform.exports, asked.view.org.lock
    size = exports.records_of_file(kind, size)

    def blocks() -> Iterator[dict[str, Any]]:
        for start in range(0, max(1, len(found)), size):
            with lock:
                items = render(found[start : start + size])
            yield {name: items, **more}

    return ok(jobid=exports.submit(asked.app, kind, key, blocks(), large=len(found) > AT_ONCE))


ROUTES = (
    Route("POST", "export/simple_user", "app", simple_user),
    Route("POST", "export/user", "app", user),
    Route("POST", "export/department", "app", department),
    Route("POST", "export/taguser", "app", taguser),
    Route("GET", "export/get_result", "app", get_result),
)

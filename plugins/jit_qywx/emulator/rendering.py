"""Departments and members as the contacts API writes them, with the fields one app was granted.

Which fields come: documents 90344, 95407 (departments), 96255, 96260 (members). An app created after 2022-06-20 never
gets mobile, email, avatar, gender, address, biz_mail or the QR code from these calls, whatever was granted; names
depend on the grant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.records import DISABLED, Department, Member

if TYPE_CHECKING:
    from jit_qywx.emulator.visibility import View

WITHDRAWN_2022 = ("mobile", "email", "biz_mail", "gender", "avatar", "address")
GRANTS = {"biz_mail": "email", "address": "address"}


def department_object(view: View, department: Department) -> dict[str, Any]:
    """One item of department/list; also the object of department/get."""
    app = view.app
    item: dict[str, Any] = {"id": department.id}
    if app.may("department_name"):
        item["name"] = department.name
        if department.name_en:
            item["name_en"] = department.name_en
    elif app.hidden_names == "id":
        item["name"] = str(department.id)
    item["department_leader"] = view.show_all(view.org.leaders(department.id))
    item["parentid"] = department.parent
    item["order"] = department.order
    return _without_hidden(view, item)


def department_ids(department: Department) -> dict[str, Any]:
    """One item of department/simplelist."""
    return {"id": department.id, "parentid": department.parent, "order": department.order}


def simple_member(view: View, member: Member) -> dict[str, Any]:
    """One item of user/simplelist."""
    item: dict[str, Any] = {"userid": view.show(member.userid)}
    _put_name(view, member, item)
    item["department"] = [department for department in member.departments if view.sees_department(department)]
    if view.app.kind == "third-party":
        item["open_userid"] = view.open_userid(member)
    return _without_hidden(view, item)


def member_object(view: View, member: Member) -> dict[str, Any]:
    """One item of user/list; also what user/get returns beside errcode."""
    app = view.app
    places = [place for place in member.places if view.sees_department(place.department)]
    item: dict[str, Any] = {"userid": view.show(member.userid)}
    _put_name(view, member, item)
    item["department"] = [place.department for place in places]
    item["order"] = [place.order for place in places]
    if app.may("position"):
        item["position"] = member.position
    item["is_leader_in_dept"] = [int(place.is_leader) for place in places]
    item["direct_leader"] = view.show_all(member.direct_leader)
    if app.may("telephone"):
        item["telephone"] = member.telephone
    item["alias"] = member.alias
    item["status"] = member.status
    item["enable"] = int(member.status != DISABLED)
    item["isleader"] = int(any(place.is_leader for place in places))
    item["hide_mobile"] = 0
    if member.english_name:
        item["english_name"] = member.english_name
    main = member.main_department or next(iter(member.departments), None)
    if main is not None and view.sees_department(main):
        item["main_department"] = main
    item["extattr"] = {"attrs": list(member.extattr)}
    if app.created_before_2022 or app.kind == "self-built":
        for name in WITHDRAWN_2022:
            if app.may(GRANTS.get(name, name)):
                item[name] = getattr(member, name)
    if app.kind == "third-party":
        item["open_userid"] = view.open_userid(member)
    return _without_hidden(view, item)


def _put_name(view: View, member: Member, item: dict[str, Any]) -> None:
    if view.app.may("user_name"):
        item["name"] = member.name
    elif view.app.hidden_names == "id":
        item["name"] = item["userid"]


def _without_hidden(view: View, item: dict[str, Any]) -> dict[str, Any]:
    hidden = view.app.hidden_fields
    return {name: value for name, value in item.items() if name not in hidden} if hidden else item

"""Departments and members as the contacts API writes them, with the fields one app was granted.

Which fields come: documents 90344, 95407 (departments), 96255, 96260 (members). An app created after 2022-06-20 never
gets mobile, email, avatar, gender, address, biz_mail or the QR code from these calls, whatever was granted; names
depend on the grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.records import DISABLED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jit_qywx.emulator.corps import CorpApp
    from jit_qywx.emulator.records import Department, Member
    from jit_qywx.emulator.visibility import View

WITHDRAWN_2022 = {
    "mobile": "mobile", "email": "email", "biz_mail": "email", "gender": "gender", "avatar": "avatar",
    "address": "address",
}  # fmt: skip
"""Fields of a member that only apps from before 2022-06-20 get, and the grant each needs."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields an app gets, worked out once for a whole list.

    Attributes:
        user_name, department_name, position, telephone: whether these come.
        echo_id: whether the id stands in for a hidden name.
        sensitive: names of the fields withdrawn in 2022 that come all the same.
        open_userid: whether members carry their ciphertext id beside the plain one.
        hidden: names of fields that never come.
    """

    user_name: bool
    department_name: bool
    position: bool
    telephone: bool
    echo_id: bool
    sensitive: tuple[str, ...]
    open_userid: bool
    hidden: frozenset[str]

    @classmethod
    def of(cls, app: CorpApp) -> Fields:
        """What this app gets."""
        old = app.created_before_2022 or app.kind == "self-built"
        return cls(
            user_name=app.may("user_name"),
            department_name=app.may("department_name"),
            position=app.may("position"),
            telephone=app.may("telephone"),
            echo_id=app.hidden_names == "id",
            sensitive=tuple(name for name, grant in WITHDRAWN_2022.items() if old and app.may(grant)),
            open_userid=app.kind == "third-party",
            hidden=app.hidden_fields,
        )


def department_objects(view: View, departments: Iterable[Department]) -> list[dict[str, Any]]:
    """Items of department/list; one is also the object of department/get."""
    fields = Fields.of(view.app)
    return [_cut(_department(view, fields, department), fields) for department in departments]


def department_ids(department: Department) -> dict[str, Any]:
    """One item of department/simplelist."""
    return {"id": department.id, "parentid": department.parent, "order": department.order}


def simple_members(view: View, members: Iterable[Member]) -> list[dict[str, Any]]:
    """Items of user/simplelist."""
    fields = Fields.of(view.app)
    return [_cut(_simple_member(view, fields, member), fields) for member in members]


def member_objects(view: View, members: Iterable[Member]) -> list[dict[str, Any]]:
    """Items of user/list; one is also what user/get returns beside errcode."""
    fields = Fields.of(view.app)
    return [_cut(_member(view, fields, member), fields) for member in members]


def _department(view: View, fields: Fields, department: Department) -> dict[str, Any]:
    item: dict[str, Any] = {"id": department.id}
    if fields.department_name:
        item["name"] = department.name
        if department.name_en:
            item["name_en"] = department.name_en
    elif fields.echo_id:
        item["name"] = str(department.id)
    item["department_leader"] = view.show_all(view.org.leaders(department.id))
    item["parentid"] = department.parent
    item["order"] = department.order
    return item


def _simple_member(view: View, fields: Fields, member: Member) -> dict[str, Any]:
    item = _identity(view, fields, member)
    item["department"] = [number for number in member.departments if view.sees_department(number)]
    if fields.open_userid:
        item["open_userid"] = view.open_userid(member)
    return item


def _member(view: View, fields: Fields, member: Member) -> dict[str, Any]:
    places = [place for place in member.places if view.sees_department(place.department)]
    item = _identity(view, fields, member)
    item["department"] = [place.department for place in places]
    item["order"] = [place.order for place in places]
    if fields.position:
        item["position"] = member.position
    item["is_leader_in_dept"] = leads = [int(place.is_leader) for place in places]
    item["direct_leader"] = view.show_all(member.direct_leader) if member.direct_leader else []
    if fields.telephone:
        item["telephone"] = member.telephone
    item["alias"] = member.alias
    item["status"] = member.status
    item["enable"] = int(member.status != DISABLED)
    item["isleader"] = int(1 in leads)
    item["hide_mobile"] = 0
    if member.english_name:
        item["english_name"] = member.english_name
    main = member.main_department or (member.places[0].department if member.places else None)
    if main is not None and view.sees_department(main):
        item["main_department"] = main
    item["extattr"] = {"attrs": list(member.extattr)}
    for name in fields.sensitive:
        item[name] = getattr(member, name)
    if fields.open_userid:
        item["open_userid"] = view.open_userid(member)
    return item


def _identity(view: View, fields: Fields, member: Member) -> dict[str, Any]:
    userid = view.open_userid(member) if view.app.open_ids else member.userid
    if fields.user_name:
        return {"userid": userid, "name": member.name}
    return {"userid": userid, "name": userid} if fields.echo_id else {"userid": userid}


def _cut(item: dict[str, Any], fields: Fields) -> dict[str, Any]:
    if not fields.hidden:
        return item
    return {name: value for name, value in item.items() if name not in fields.hidden}

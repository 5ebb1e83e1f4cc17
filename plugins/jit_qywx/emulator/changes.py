"""What an edit did, in the words of WeCom's contact events (documents 96302–96304)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.emulator.records import Member

ChangeType = Literal[
    "create_user", "update_user", "delete_user", "create_party", "update_party", "delete_party", "update_tag"
]

EVENT_NAMES: dict[str, tuple[str, ...]] = {
    "name": ("Name",),
    "places": ("Department", "MainDepartment", "IsLeaderInDept"),
    "main_department": ("MainDepartment",),
    "status": ("Status",),
    "position": ("Position",),
    "alias": ("Alias",),
    "mobile": ("Mobile",),
    "telephone": ("Telephone",),
    "email": ("Email",),
    "biz_mail": ("BizMail",),
    "gender": ("Gender",),
    "avatar": ("Avatar",),
    "address": ("Address",),
    "direct_leader": ("DirectLeader",),
}
"""Fields of `Member` and the elements of a contact event that carry them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit did.

    Attributes:
        type: WeCom's ChangeType; tags that come, go or are renamed are "update_tag" too.
        id: the department's or tag's number, or the userid before the edit.
        fields: the event's own elements by name; only what the edit changed.
        serial: of the member, 0 for anything else.
        announced: False for what WeCom announces with no event: tags that come, go or are renamed.
    """

    type: ChangeType
    id: int | str
    fields: Mapping[str, str] = field(default_factory=dict)
    serial: int = 0
    announced: bool = True

    @property
    def number(self) -> int:
        """The department's or tag's number."""
        return int(self.id)


def whole(member: Member) -> dict[str, str]:
    """Everything a create_user event may say of a member, empty values left out."""
    values = {
        "UserID": member.userid,
        "Name": member.name,
        "Department": ",".join(map(str, member.departments)),
        "MainDepartment": str(member.main_department or next(iter(member.departments), "")),
        "IsLeaderInDept": ",".join(str(int(place.is_leader)) for place in member.places),
        "DirectLeader": ",".join(member.direct_leader),
        "Position": member.position,
        "Mobile": member.mobile,
        "Gender": member.gender,
        "Email": member.email,
        "BizMail": member.biz_mail,
        "Status": str(member.status),
        "Avatar": member.avatar,
        "Alias": member.alias,
        "Telephone": member.telephone,
        "Address": member.address,
    }
    return {name: value for name, value in values.items() if value}


def changed(member: Member, fields: Mapping[str, object]) -> dict[str, str]:
    """What an update_user event says of the fields of `Member` that were set; a cleared one comes empty."""
    full = whole(member)
    names = [name for field_name in fields for name in EVENT_NAMES.get(field_name, ())]
    return {"UserID": member.userid} | {name: full.get(name, "") for name in names}

"""The things an organisation is made of, as WeCom knows them: departments, members, tags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = 1
MAX_ORDER = 2**32 - 1

ACTIVE, DISABLED, UNACTIVATED, QUIT = 1, 2, 4, 5
"""Values of a member's `status` (document 90195); 3 is none."""


@dataclass(slots=True)
class Department:
    """One department.

    Attributes:
        id: 1 for the root, else any positive 32-bit number.
        name: its name, 1–32 characters in the real product.
        parent: id of the department above; 0 above the root.
        order: unsigned 32-bit; among siblings the bigger comes first (document 95406).
        name_en: English name, or "".
    """

    id: int
    name: str
    parent: int = ROOT
    order: int = 0
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A member's place in one department: WeCom's parallel arrays `department`, `order`, `is_leader_in_dept`."""

    department: int
    order: int = 0
    is_leader: bool = False


@dataclass(slots=True)
class Member:
    """One member; the fields are those of document 96255, the parallel arrays folded into `places`.

    Attributes:
        userid: 1–64 characters; unique whatever the case.
        places: the departments the member belongs to; the first is the main one unless `main_department` says else.
        status: 1 activated, 2 disabled, 4 not activated, 5 quit.
        gone: True once the member has quit or was dismissed: no list shows the member and user/get answers 60111.
        serial: number given by the organisation; stays when the userid changes.
    """

    userid: str
    name: str
    places: tuple[Place, ...] = (Place(ROOT),)
    main_department: int | None = None
    status: int = ACTIVE
    position: str = ""
    alias: str = ""
    english_name: str = ""
    mobile: str = ""
    telephone: str = ""
    email: str = ""
    biz_mail: str = ""
    gender: str = "0"
    avatar: str = ""
    address: str = ""
    direct_leader: tuple[str, ...] = ()
    extattr: tuple[Mapping[str, Any], ...] = ()
    gone: bool = False
    serial: int = 0

    @property
    def departments(self) -> tuple[int, ...]:
        """Ids of the departments the member belongs to."""
        return tuple(place.department for place in self.places)


@dataclass(slots=True)
class Tag:
    """One tag: a named set of members and departments.

    Attributes:
        id: the tag's number.
        name: 1–32 characters.
        users: userids, in the order they were added (a dict used as an ordered set).
        departments: department ids, likewise.
        creator: agentid of the app that made it, None for a tag made in the admin console; only the creator may edit.
    """

    id: int
    name: str
    users: dict[str, None] = field(default_factory=dict)
    departments: dict[int, None] = field(default_factory=dict)
    creator: int | None = None


def place_of(value: int | Place | Iterable[Any]) -> Place:
    """A Place from a department id, a Place, or (department, order, is_leader)."""
    if isinstance(value, Place):
        return value
    if isinstance(value, int):
        return Place(value)
    department, order, leader = (*value, 0, False)[:3]
    return Place(int(department), int(order), bool(leader))


def member_of(value: Member | Mapping[str, Any]) -> Member:
    """A Member from a Member or from a mapping.

    The mapping may use WeCom's names (`department`, `order`, `is_leader_in_dept`: parallel arrays) or this module's.
    """
    if isinstance(value, Member):
        return value
    data = dict(value)
    departments = data.pop("department", None)
    orders = data.pop("order", ())
    leaders = data.pop("is_leader_in_dept", ())
    places = data.pop("departments", data.pop("places", None))
    if departments is not None:
        places = [
            (department, orders[i] if i < len(orders) else 0, leaders[i] if i < len(leaders) else False)
            for i, department in enumerate(departments)
        ]
    if places is not None:
        data["places"] = tuple(place_of(place) for place in places)
    data.setdefault("name", data["userid"])
    for name in ("direct_leader", "extattr"):
        if name in data:
            data[name] = tuple(data[name])
    return Member(**data)


def department_of(value: Department | Mapping[str, Any]) -> Department:
    """A Department from a Department or from a mapping (`parentid` is accepted for `parent`)."""
    if isinstance(value, Department):
        return value
    data = dict(value)
    if "parentid" in data:
        data["parent"] = data.pop("parentid")
    if data["id"] == ROOT:
        data.setdefault("parent", 0)
    return Department(**data)


def tag_of(value: Tag | Mapping[str, Any]) -> Tag:
    """A Tag from a Tag or from a mapping (`tagid`, `tagname`, `userlist`, `partylist` are accepted too)."""
    if isinstance(value, Tag):
        return value
    data = dict(value)
    users = data.pop("users", data.pop("userlist", ()))
    departments = data.pop("departments", data.pop("partylist", ()))
    return Tag(
        id=int(data.pop("id", data.pop("tagid", 0))),
        name=data.pop("name", data.pop("tagname", "")),
        users=dict.fromkeys(users),
        departments=dict.fromkeys(departments),
        **data,
    )

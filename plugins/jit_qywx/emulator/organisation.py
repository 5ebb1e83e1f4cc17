"""One corp's organisation: departments, members and tags, and every edit an administrator could make.

Edits return a `Change` (what WeCom would announce), keep the indexes right, and raise the revisions by which rendered
answers know that they are out of date. What the real product refuses is refused only when the organisation is
`strict`: tests of a sync need organisations that should not exist (a cycle, a parent that is nowhere).
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.records import (
    DISABLED,
    MAX_ORDER,
    QUIT,
    ROOT,
    Change,
    Department,
    Member,
    Place,
    Tag,
    department_of,
    member_of,
    place_of,
    tag_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_DEPARTMENTS = 30_000
MAX_DEPTH = 15
MAX_NAME = 32
MAX_TAGS = 3_000


class EditError(ValueError):
    """An edit names something that is not there, exists already, or breaks a limit of a strict organisation."""


class Org:
    """An organisation that can be read and edited from many threads.

    Args:
        departments: Departments or mappings; a root (id 1) is added when missing and `root` is a name.
        members: Members or mappings (see `records.member_of`).
        tags: Tags or mappings.
        root: name of the root department made when none is given; None makes none.
        strict: refuse what WeCom refuses: more than 15 levels or 30,000 departments, names outside 1–32 characters,
            an order outside uint32, unknown parents, removal of departments that hold something.

    Attributes:
        revision: grows with every edit that may touch more than one department's list of members.
        listeners: called with each Change, after the edit and outside the lock.
    """

    def __init__(
        self,
        departments: Iterable[Department | Mapping[str, Any]] = (),
        members: Iterable[Member | Mapping[str, Any]] = (),
        tags: Iterable[Tag | Mapping[str, Any]] = (),
        *,
        root: str | None = "总部",
        strict: bool = False,
    ) -> None:
        self.lock = threading.RLock()
        self.strict = strict
        self.revision = 0
        self.listeners: list[Callable[[Change], object]] = []
        self.departments: dict[int, Department] = {}
        self.members: dict[str, Member] = {}
        self.tags: dict[int, Tag] = {}
        self.by_serial: dict[int, Member] = {}
        self._folded: dict[str, str] = {}
        self._inside: dict[int, dict[str, Member]] = {}
        self._leaders: dict[int, dict[str, None]] = {}
        self._children: dict[int, dict[int, None]] = {}
        self._touched: dict[int, int] = {}
        self._serial = 0
        self._edits = 0
        for department in map(department_of, departments):
            self._put_department(department)
        if ROOT not in self.departments and root is not None:
            self._put_department(Department(ROOT, root, 0))
        for member in map(member_of, members):
            self._put_member(member)
        for tag in map(tag_of, tags):
            self.tags[tag.id] = tag

    @classmethod
    def generate(
        cls,
        seed: int = 0,
        members: int = 100,
        departments: int = 10,
        tags: int = 5,
        *,
        root: str | None = None,
        spread: float = 0.2,
    ) -> Org:
        """An organisation of any size, the same for the same arguments.

        Args:
            seed: chooses names, shape, orders, statuses.
            members: how many members.
            departments: how many departments, the root included.
            tags: how many tags; every fourth holds departments besides members.
            root: name of the root department; None draws one.
            spread: share of the members that belong to a second department.
        """
        from jit_qywx.emulator.generator import generate

        return generate(seed, members, departments, tags, root=root, spread=spread)

    # Reading

    def children(self, department: int) -> tuple[int, ...]:
        """Ids of the departments directly below, in the order WeCom shows them (greatest `order` first)."""
        below = [self.departments[child] for child in self._children.get(department, ())]
        return tuple(item.id for item in sorted(below, key=lambda item: (-item.order, item.id)))

    def below(self, departments: Iterable[int]) -> dict[int, None]:
        """`departments` and everything under them, each above its children; cycles end where they close."""
        found: dict[int, None] = {}
        waiting = [department for department in departments if department in self.departments][::-1]
        while waiting:
            department = waiting.pop()
            if department not in found:
                found[department] = None
                waiting.extend(self.children(department)[::-1])
        return found

    def inside(self, department: int) -> list[Member]:
        """The members directly in a department, those who have quit left out, greatest `order` first."""
        members = [member for member in self._inside.get(department, {}).values() if not member.gone]

        def rank(member: Member) -> int:
            return -next(place.order for place in member.places if place.department == department)

        members.sort(key=rank)
        return members

    def leaders(self, department: int) -> tuple[str, ...]:
        """Userids of the department's leaders."""
        return tuple(self._leaders.get(department, ()))

    def find(self, userid: str) -> Member | None:
        """The member with this userid, whatever the case of its letters (uniqueness ignores it, document 90195)."""
        member = self.members.get(userid)
        if member is None:
            member = self.members.get(self._folded.get(userid.lower(), ""))
        return member

    def revision_of(self, department: int) -> tuple[int, int]:
        """Changes whenever the list of the department's members may have changed."""
        return self.revision, self._touched.get(department, 0)

    # Departments

    def add_department(
        self,
        name: str,
        parent: int = ROOT,
        *,
        department_id: int | None = None,
        order: int | None = None,
        name_en: str = "",
    ) -> Change:
        """Add a department; without a number it gets the next one (the Change's `id` tells which)."""
        with self.lock:
            number = max(self.departments, default=0) + 1 if department_id is None else department_id
            if number in self.departments:
                raise EditError(f"department {number} exists already")
            department = Department(number, name, parent, number * 100 if order is None else order, name_en)
            self._require_sound(department)
            self._put_department(department)
            self.revision += 1
            fields = {"Name": name, "ParentId": str(parent), "Order": str(department.order)}
            change = Change("create_party", number, {"Id": str(number), **fields})
        return self._announce(change)

    def update_department(
        self, department_id: int, *, name: str | None = None, parent: int | None = None, order: int | None = None
    ) -> Change:
        """Rename, move or reorder a department."""
        with self.lock:
            old = self._department(department_id)
            new = replace(
                old,
                name=old.name if name is None else name,
                parent=old.parent if parent is None else parent,
                order=old.order if order is None else order,
            )
            self._require_sound(new)
            self._children.get(old.parent, {}).pop(department_id, None)
            self._put_department(new)
            self.revision += 1
            fields = {"Id": str(department_id)}
            if name is not None:
                fields["Name"] = name
            if parent is not None:
                fields["ParentId"] = str(parent)
            change = Change("update_party", department_id, fields)
        return self._announce(change)

    def move_department(self, department_id: int, parent: int) -> Change:
        """Put a department, with all below it, under another parent."""
        return self.update_department(department_id, parent=parent)

    def remove_department(self, department_id: int) -> Change:
        """Remove a department, and (unless the organisation is strict) what is under it.

        Members lose their place in it; one whose last place it was stays in the organisation without a department, as
        nobody here would decide where such a member belongs.
        """
        with self.lock:
            self._department(department_id)
            gone = self.below([department_id])
            if self.strict and (len(gone) > 1 or self._inside.get(department_id)):
                raise EditError(f"department {department_id} still holds departments or members")
            for department in gone:
                for member in list(self._inside.get(department, {}).values()):
                    kept = tuple(place for place in member.places if place.department != department)
                    self._replace_member(member, {"places": kept})
                parent = self.departments.pop(department).parent
                self._children.get(parent, {}).pop(department, None)
                for tag in self.tags.values():
                    tag.departments.pop(department, None)
            self.revision += 1
            change = Change("delete_party", department_id, {"Id": str(department_id)})
        return self._announce(change)

    # Members

    def add_member(
        self,
        userid: str,
        name: str | None = None,
        departments: Iterable[int | Place | Iterable[Any]] = (ROOT,),
        **fields: Any,
    ) -> Change:
        """Add a member.

        Args:
            userid: 1–64 characters.
            name: shown name; the userid when None.
            departments: department ids, Places, or (department, order, is_leader).
            fields: any other field of `Member`.
        """
        with self.lock:
            if self.find(userid) is not None:
                raise EditError(f"member {userid!r} exists already")
            member = member_of({"userid": userid, "name": name or userid, "departments": tuple(departments), **fields})
            self._require_places(member)
            self._put_member(member)
            self._touch(member)
            change = Change("create_user", userid, event_fields(member))
        return self._announce(change)

    def update_member(self, userid: str, **fields: Any) -> Change:
        """Change fields of a member (those of `Member`; `departments` as in `add_member`)."""
        with self.lock:
            member = self._member(userid)
            if "departments" in fields:
                fields["places"] = tuple(place_of(place) for place in fields.pop("departments"))
            new = self._replace_member(member, fields)
            self._require_places(new)
            full = event_fields(new)
            changed = {name: full[name] for field in fields for name in EVENT_NAMES.get(field, ()) if name in full}
            change = Change("update_user", userid, {"UserID": userid, **changed})
        return self._announce(change)

    def move_member(self, userid: str, departments: Iterable[int | Place | Iterable[Any]]) -> Change:
        """Give a member other departments."""
        return self.update_member(userid, departments=tuple(departments))

    def disable_member(self, userid: str) -> Change:
        """Disable a member: status 2, still listed."""
        return self.update_member(userid, status=DISABLED)

    def rename_member(self, userid: str, new_userid: str) -> Change:
        """Give a member another userid; WeCom announces it as update_user with NewUserID."""
        with self.lock:
            member = self._member(userid)
            other = self.find(new_userid)
            if other is not None and other is not member:
                raise EditError(f"member {new_userid!r} exists already")
            self._drop_member(member)
            renamed = replace(member, userid=new_userid)
            self._put_member(renamed)
            for tag in self.tags.values():
                if member.userid in tag.users:
                    tag.users = {new_userid if user == member.userid else user: None for user in tag.users}
            for other in list(self.members.values()):
                if member.userid in other.direct_leader:
                    chain = tuple(new_userid if user == member.userid else user for user in other.direct_leader)
                    self._replace_member(other, {"direct_leader": chain})
            self.revision += 1
            change = Change("update_user", userid, {"UserID": userid, "NewUserID": new_userid})
        return self._announce(change)

    def quit_member(self, userid: str) -> Change:
        """The member leaves the corp: status 5, in no list, user/get answers 60111; the record stays for `rejoin`."""
        with self.lock:
            self._replace_member(self._member(userid), {"status": QUIT, "gone": True})
            change = Change("delete_user", userid, {"UserID": userid})
        return self._announce(change)

    def rejoin_member(self, userid: str) -> Change:
        """A member who had quit is back, under the same userid."""
        with self.lock:
            member = self._replace_member(self._member(userid), {"status": 1, "gone": False})
            change = Change("create_user", userid, event_fields(member))
        return self._announce(change)

    def remove_member(self, userid: str) -> Change:
        """Remove a member for good."""
        with self.lock:
            member = self._member(userid)
            self._touch(member)
            self._drop_member(member)
            for tag in self.tags.values():
                if tag.users.pop(member.userid, 0) is None:
                    self.revision += 1
            change = Change("delete_user", userid, {"UserID": userid})
        return self._announce(change)

    # Tags

    def add_tag(
        self,
        name: str,
        *,
        tag_id: int | None = None,
        users: Iterable[str] = (),
        departments: Iterable[int] = (),
        creator: int | None = None,
    ) -> Change:
        """Add a tag; without a number it gets the next one (the Change's `id` tells which)."""
        with self.lock:
            number = max(self.tags, default=0) + 1 if tag_id is None else tag_id
            if number in self.tags:
                raise EditError(f"tag {number} exists already")
            if self.strict and (len(self.tags) >= MAX_TAGS or not 0 < len(name) <= MAX_NAME):
                raise EditError(f"tag {name!r}: at most {MAX_TAGS} tags, names of 1–{MAX_NAME} characters")
            self.tags[number] = Tag(number, name, dict.fromkeys(users), dict.fromkeys(departments), creator)
            self.revision += 1
            change = Change("update_tag", number, {"TagId": str(number)}, announced=False)
        return self._announce(change)

    def rename_tag(self, tag_id: int, name: str) -> Change:
        """Give a tag another name."""
        with self.lock:
            self._tag(tag_id).name = name
            self.revision += 1
            change = Change("update_tag", tag_id, {"TagId": str(tag_id)}, announced=False)
        return self._announce(change)

    def remove_tag(self, tag_id: int) -> Change:
        """Remove a tag."""
        with self.lock:
            self._tag(tag_id)
            del self.tags[tag_id]
            self.revision += 1
            change = Change("update_tag", tag_id, {"TagId": str(tag_id)}, announced=False)
        return self._announce(change)

    def tag(
        self,
        tag_id: int,
        *,
        add_users: Iterable[str] = (),
        remove_users: Iterable[str] = (),
        add_departments: Iterable[int] = (),
        remove_departments: Iterable[int] = (),
    ) -> Change:
        """Put members and departments under a tag, or take them from it."""
        with self.lock:
            tag = self._tag(tag_id)
            users_in, users_out = tuple(add_users), tuple(remove_users)
            departments_in, departments_out = tuple(add_departments), tuple(remove_departments)
            tag.users |= dict.fromkeys(users_in)
            tag.departments |= dict.fromkeys(departments_in)
            for user in users_out:
                tag.users.pop(user, None)
            for department in departments_out:
                tag.departments.pop(department, None)
            self.revision += 1
            lists: dict[str, tuple[object, ...]] = {
                "AddUserItems": users_in,
                "DelUserItems": users_out,
                "AddPartyItems": departments_in,
                "DelPartyItems": departments_out,
            }
            fields = {name: ",".join(map(str, items)) for name, items in lists.items() if items}
            change = Change("update_tag", tag_id, {"TagId": str(tag_id), **fields})
        return self._announce(change)

    # Inside

    def _announce(self, change: Change) -> Change:
        for listener in tuple(self.listeners):
            listener(change)
        return change

    def _department(self, department_id: int) -> Department:
        if department_id not in self.departments:
            raise EditError(f"there is no department {department_id}")
        return self.departments[department_id]

    def _member(self, userid: str) -> Member:
        member = self.find(userid)
        if member is None:
            raise EditError(f"there is no member {userid!r}")
        return member

    def _tag(self, tag_id: int) -> Tag:
        if tag_id not in self.tags:
            raise EditError(f"there is no tag {tag_id}")
        return self.tags[tag_id]

    def _put_department(self, department: Department) -> None:
        self.departments[department.id] = department
        self._children.setdefault(department.parent, {})[department.id] = None

    def _put_member(self, member: Member) -> None:
        if not member.serial:
            self._serial += 1
            member.serial = self._serial
        self.members[member.userid] = member
        self.by_serial[member.serial] = member
        self._folded[member.userid.lower()] = member.userid
        for place in member.places:
            self._inside.setdefault(place.department, {})[member.userid] = member
            if place.is_leader and not member.gone:
                self._leaders.setdefault(place.department, {})[member.userid] = None

    def _drop_member(self, member: Member) -> None:
        del self.members[member.userid]
        self.by_serial.pop(member.serial, None)
        self._folded.pop(member.userid.lower(), None)
        for place in member.places:
            self._inside[place.department].pop(member.userid, None)
            if self._leaders.get(place.department, {}).pop(member.userid, 0) is None:
                self.revision += 1

    def _replace_member(self, member: Member, fields: Mapping[str, Any]) -> Member:
        """Put a changed copy in the member's place, keeping its position among the others."""
        new = replace(member, **fields)
        leading = [place for place in (*member.places, *new.places) if place.is_leader]
        moved = {place.department for place in member.places} - {place.department for place in new.places}
        for department in moved:
            self._inside[department].pop(member.userid, None)
        for place in member.places:
            self._leaders.get(place.department, {}).pop(member.userid, None)
        self._touch(member)
        self._put_member(new)
        self._touch(new)
        if leading:
            self.revision += 1
        return new

    def _touch(self, member: Member) -> None:
        self._edits += 1
        for place in member.places:
            self._touched[place.department] = self._edits
        if any(place.is_leader for place in member.places):
            self.revision += 1

    def _require_sound(self, department: Department) -> None:
        if not self.strict:
            return
        if not 0 < len(department.name) <= MAX_NAME:
            raise EditError(f"department {department.id}: a name has 1–{MAX_NAME} characters")
        if not 0 <= department.order <= MAX_ORDER:
            raise EditError(f"department {department.id}: order is an unsigned 32-bit number")
        if department.id not in self.departments and len(self.departments) >= MAX_DEPARTMENTS:
            raise EditError(f"a corp has at most {MAX_DEPARTMENTS} departments")
        depth = 1
        above = department.parent
        while above and depth <= MAX_DEPTH:
            if above == department.id:
                raise EditError(f"department {department.id} cannot be below itself")
            if above not in self.departments:
                raise EditError(f"department {department.id}: there is no department {above}")
            above = self.departments[above].parent
            depth += 1
        if depth > MAX_DEPTH:
            raise EditError(f"department {department.id}: at most {MAX_DEPTH} levels")

    def _require_places(self, member: Member) -> None:
        if self.strict:
            for department in member.departments:
                self._department(department)


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
"""Fields of `Member` and the elements of a contact event that carry them (document 96302)."""


def event_fields(member: Member) -> dict[str, str]:
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

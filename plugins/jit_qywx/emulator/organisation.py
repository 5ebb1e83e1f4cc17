"""One corp's organisation and every edit an administrator could make to it.

Edits return a `Change` (what WeCom would announce). What the real product refuses is refused only when the
organisation is `strict`: tests of a sync need organisations that should not exist (a cycle, a parent that is nowhere).
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator import product
from jit_qywx.emulator.changes import Change, changed, whole
from jit_qywx.emulator.product import EditError
from jit_qywx.emulator.records import (
    ACTIVE,
    DISABLED,
    QUIT,
    ROOT,
    Department,
    Member,
    Place,
    Tag,
    member_of,
    place_of,
)
from jit_qywx.emulator.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

DEFAULT_ORDER_STEP = 100


class Org(Roster):
    """An organisation that can be read and edited from many threads.

    Args:
        departments: Departments or mappings; a root (id 1) is added when missing and `root` is a name.
        members: Members or mappings (see `records.member_of`).
        tags: Tags or mappings.
        root: name of the root department made when none is given; None makes none.
        strict: refuse edits WeCom refuses: more than 15 levels or 30,000 departments, names outside 1–32 characters,
            an order outside uint32, unknown parents, members without a department, removal of departments in use.

    Attributes:
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
        super().__init__(departments, members, tags, root=root)
        self.strict = strict
        self.listeners: list[Callable[[Change], object]] = []
        self._silence = threading.local()

    @classmethod
    def generate(
        cls,
        seed: object = 0,
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
            tags: how many tags; every fourth holds a department besides members.
            root: name of the root department; None draws one.
            spread: share of the members that belong to a second department.
        """
        from jit_qywx.emulator.generator import generate

        tree, people, labels = generate(seed, members, departments, tags, root=root, spread=spread)
        return cls(tree, people, labels)

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Edits by this thread tell the listeners nothing: WeCom does not echo an app's own writes to it."""
        self._silence.on = True
        try:
            yield
        finally:
            self._silence.on = False

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
        """Add a department; without a number it gets the next one (the Change's `number` tells which)."""
        with self.lock:
            number = max(self.departments, default=0) + 1 if department_id is None else department_id
            if number in self.departments:
                raise EditError(f"department {number} exists already")
            order = number * DEFAULT_ORDER_STEP if order is None else order
            department = Department(number, name, parent, order, name_en)
            if self.strict:
                product.check_department(department, self.departments)
            self._put_department(department)
            fields = {"Id": str(number), "Name": name, "ParentId": str(parent), "Order": str(order)}
        return self._announce(Change("create_party", number, fields))

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
            if self.strict:
                product.check_department(new, self.departments)
            self._put_department(new)
        fields = {"Id": str(department_id)}
        if name is not None:
            fields["Name"] = name
        if parent is not None:
            fields["ParentId"] = str(parent)
        return self._announce(Change("update_party", department_id, fields))

    def move_department(self, department_id: int, parent: int) -> Change:
        """Put a department, with all below it, under another parent."""
        return self.update_department(department_id, parent=parent)

    def remove_department(self, department_id: int) -> Change:
        """Remove a department and what is under it; a strict organisation refuses while there is anything.

        Members lose their place in it; one whose last place it was stays in the organisation without a department.
        """
        with self.lock:
            self._department(department_id)
            gone = self.below([department_id])
            if self.strict and (len(gone) > 1 or self._inside.get(department_id)):
                raise EditError(f"department {department_id} still holds departments or members")
            for number in gone:
                for member in list(self._inside.get(number, {}).values()):
                    kept = tuple(place for place in member.places if place.department != number)
                    self._replace_member(member, {"places": kept})
                for tag in self.tags.values():
                    tag.departments.pop(number, None)
                self._drop_department(number)
            self.tag_revision += 1
        return self._announce(Change("delete_party", department_id, {"Id": str(department_id)}))

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
            if self.strict:
                product.check_member(member, self.departments)
            self._put_member(member)
            self.revision += 1
        return self._announce(Change("create_user", userid, whole(member), member.serial))

    def update_member(self, userid: str, **fields: Any) -> Change:
        """Change fields of a member (those of `Member`; `departments` as in `add_member`)."""
        if "departments" in fields:
            fields["places"] = tuple(place_of(place) for place in fields.pop("departments"))
        with self.lock:
            member = self._member(userid)
            if self.strict:
                product.check_member(replace(member, **fields), self.departments)
            new = self._replace_member(member, fields)
        return self._announce(Change("update_user", new.userid, changed(new, fields), new.serial))

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
            if self.find(new_userid) not in (None, member):
                raise EditError(f"member {new_userid!r} exists already")
            self._drop_member(member)
            self._put_member(replace(member, userid=new_userid))
            for tag in self.tags.values():
                if member.userid in tag.users:
                    tag.users = dict.fromkeys(new_userid if user == member.userid else user for user in tag.users)
            for other in list(self.members.values()):
                if member.userid in other.direct_leader:
                    chain = tuple(new_userid if user == member.userid else user for user in other.direct_leader)
                    self._replace_member(other, {"direct_leader": chain})
            self.tag_revision += 1
        fields = {"UserID": member.userid, "NewUserID": new_userid}
        return self._announce(Change("update_user", member.userid, fields, member.serial))

    def quit_member(self, userid: str) -> Change:
        """The member leaves the corp: status 5, in no list, user/get answers 60111; the record stays for `rejoin`."""
        with self.lock:
            member = self._replace_member(self._member(userid), {"status": QUIT, "gone": True})
        return self._announce(Change("delete_user", member.userid, {"UserID": member.userid}, member.serial))

    def rejoin_member(self, userid: str) -> Change:
        """A member who had quit is back, under the same userid."""
        with self.lock:
            member = self._replace_member(self._member(userid), {"status": ACTIVE, "gone": False})
        return self._announce(Change("create_user", member.userid, whole(member), member.serial))

    def remove_member(self, userid: str) -> Change:
        """Remove a member for good."""
        with self.lock:
            member = self._member(userid)
            self._drop_member(member)
            for tag in self.tags.values():
                tag.users.pop(member.userid, None)
            self.tag_revision += 1
        return self._announce(Change("delete_user", member.userid, {"UserID": member.userid}, member.serial))

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
        """Add a tag; without a number it gets the next one (the Change's `number` tells which)."""
        with self.lock:
            number = max(self.tags, default=0) + 1 if tag_id is None else tag_id
            if number in self.tags:
                raise EditError(f"tag {number} exists already")
            if self.strict:
                product.check_tag(name, self.tags)
            self.tags[number] = Tag(number, name, dict.fromkeys(users), dict.fromkeys(departments), creator)
            self.tag_revision += 1
        return self._announce(Change("update_tag", number, {"TagId": str(number)}, announced=False))

    def rename_tag(self, tag_id: int, name: str) -> Change:
        """Give a tag another name."""
        with self.lock:
            self._tag(tag_id).name = name
            self.tag_revision += 1
        return self._announce(Change("update_tag", tag_id, {"TagId": str(tag_id)}, announced=False))

    def remove_tag(self, tag_id: int) -> Change:
        """Remove a tag."""
        with self.lock:
            self._tag(tag_id)
            del self.tags[tag_id]
            self.tag_revision += 1
        return self._announce(Change("update_tag", tag_id, {"TagId": str(tag_id)}, announced=False))

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
        users_in, users_out = tuple(add_users), tuple(remove_users)
        departments_in, departments_out = tuple(add_departments), tuple(remove_departments)
        with self.lock:
            tag = self._tag(tag_id)
            tag.users |= dict.fromkeys(users_in)
            tag.departments |= dict.fromkeys(departments_in)
            for user in users_out:
                tag.users.pop(user, None)
            for department in departments_out:
                tag.departments.pop(department, None)
            self.tag_revision += 1
        lists: dict[str, tuple[object, ...]] = {
            "AddUserItems": users_in,
            "DelUserItems": users_out,
            "AddPartyItems": departments_in,
            "DelPartyItems": departments_out,
        }
        fields = {name: ",".join(map(str, items)) for name, items in lists.items() if items}
        return self._announce(Change("update_tag", tag_id, {"TagId": str(tag_id), **fields}))

    # Inside

    def _announce(self, change: Change) -> Change:
        if not getattr(self._silence, "on", False):
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

"""The departments, members and tags of one corp, with the indexes that make a page of 100,000 members cheap.

The revisions tell a rendered answer that it is out of date: `revision` moves with anything that may show in many
answers, `revision_of` with the members of one department.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.records import ROOT, Department, Member, Tag, department_of, member_of, tag_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Roster:
    """What an organisation holds; read it with `lock` held.

    Args:
        departments: Departments or mappings; a root (id 1) is added when missing and `root` is a name.
        members: Members or mappings (see `records.member_of`).
        tags: Tags or mappings.
        root: name of the root department made when none is given; None makes none.

    Attributes:
        departments, members, tags: by id.
        by_serial: members by their serial.
        revision: grows with every edit that may show in more answers than the lists of the member's departments.
        tag_revision: grows with every edit of a tag.
        place_revision: grows whenever a member changes departments.
    """

    def __init__(
        self,
        departments: Iterable[Department | Mapping[str, Any]] = (),
        members: Iterable[Member | Mapping[str, Any]] = (),
        tags: Iterable[Tag | Mapping[str, Any]] = (),
        *,
        root: str | None = "总部",
    ) -> None:
        self.lock = threading.RLock()
        self.revision = 0
        self.tag_revision = 0
        self.place_revision = 0
        self.departments: dict[int, Department] = {}
        self.members: dict[str, Member] = {}
        self.tags: dict[int, Tag] = {}
        self.by_serial: dict[int, Member] = {}
        self._folded: dict[str, str] = {}
        self._inside: dict[int, dict[str, Member]] = {}
        self._leaders: dict[int, dict[str, None]] = {}
        self._children: dict[int, dict[int, None]] = {}
        self._touched: dict[int, int] = {}
        self._edits = 0
        self._serial = 0
        for department in map(department_of, departments):
            self._put_department(department)
        if ROOT not in self.departments and root is not None:
            self._put_department(Department(ROOT, root, 0))
        for member in map(member_of, members):
            self._put_member(member)
        for tag in map(tag_of, tags):
            self.tags[tag.id] = tag

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

    def revision_of(self, department: int) -> int:
        """Changes whenever the list of the department's members may have changed by an edit of a member."""
        return self._touched.get(department, 0)

    # For the edits

    def _put_department(self, department: Department) -> None:
        old = self.departments.get(department.id)
        if old is not None:
            self._children[old.parent].pop(department.id, None)
        self.departments[department.id] = department
        self._children.setdefault(department.parent, {})[department.id] = None
        self.revision += 1

    def _drop_department(self, number: int) -> None:
        parent = self.departments.pop(number).parent
        self._children[parent].pop(number, None)
        self.revision += 1

    def _put_member(self, member: Member) -> None:
        if not member.serial:
            self._serial += 1
            member.serial = self._serial
        self.members[member.userid] = member
        self.by_serial[member.serial] = member
        self._folded[member.userid.lower()] = member.userid
        self._edits += 1
        for place in member.places:
            self._inside.setdefault(place.department, {})[member.userid] = member
            self._touched[place.department] = self._edits
            if place.is_leader and not member.gone:
                self._leaders.setdefault(place.department, {})[member.userid] = None
                self.revision += 1

    def _drop_member(self, member: Member) -> None:
        del self.members[member.userid]
        del self.by_serial[member.serial]
        del self._folded[member.userid.lower()]
        self._edits += 1
        self.revision += 1
        for place in member.places:
            self._inside[place.department].pop(member.userid, None)
            self._touched[place.department] = self._edits
            self._unlead(place.department, member.userid)

    def _replace_member(self, member: Member, fields: Mapping[str, Any]) -> Member:
        """Put a changed copy in the member's place, keeping its position among the others."""
        new = replace(member, **fields)
        kept = set(new.departments)
        self._edits += 1
        for place in member.places:
            if place.department not in kept:
                self._inside[place.department].pop(member.userid, None)
            self._touched[place.department] = self._edits
            self._unlead(place.department, member.userid)
        if member.gone != new.gone:
            self.revision += 1  # Leaders and chains of leaders show a member only while he is there.
        if member.departments != new.departments:
            self.place_revision += 1
        self._put_member(new)
        return new

    def _unlead(self, department: int, userid: str) -> None:
        leaders = self._leaders.get(department, {})
        if userid in leaders:
            del leaders[userid]
            self.revision += 1

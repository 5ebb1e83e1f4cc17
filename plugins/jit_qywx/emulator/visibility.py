"""What one app may see of one organisation: the visible range applied, and ids as the app knows them.

A range without the root is a forest: its trees' roots name parents that are in no list. Rendered answers are kept
until an edit of the organisation or of the app makes them stale, because a benchmark reads the same pages many times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.emulator.answers import ApiError
from jit_qywx.emulator.credentials import open_id
from jit_qywx.emulator.records import ROOT, Department, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jit_qywx.emulator.corps import CorpApp
    from jit_qywx.emulator.organisation import Org

Key = tuple[object, ...]


class View:
    """One app's view of one organisation. Use it with `org.lock` held.

    Args:
        org: the organisation.
        app: the app; its range, permissions and other settings may change at any time.
        provider: the provider's corpid, by which ciphertext ids are scoped.
    """

    def __init__(self, org: Org, app: CorpApp, provider: str) -> None:
        self.org = org
        self.app = app
        self._provider = provider
        self._bodies: dict[Key, tuple[Key, bytes]] = {}
        self._known: Key | None = None
        self._departments: dict[int, None] | None = {}
        self._users: frozenset[str] = frozenset()
        self._shown: dict[int, str] = {}
        self._inner: dict[str, int] = {}

    def body(self, key: Key, departments: Iterable[int], build: Callable[[], bytes]) -> bytes:
        """`build()`, or what it returned last time if nothing that may change it has happened.

        Args:
            key: names the answer.
            departments: ids of the departments whose lists of members it shows.
            build: makes the body.
        """
        self._refresh()
        places = 0 if self._departments is None else self.org.place_revision
        stamp: Key = (self._known, places, *map(self.org.revision_of, departments))
        kept = self._bodies.get(key)
        if kept is None or kept[0] != stamp:
            kept = self._bodies[key] = (stamp, build())
        return kept[1]

    def departments(self) -> dict[int, None]:
        """Ids of the visible departments, parents above children, siblings in WeCom's order."""
        self._refresh()
        if self._departments is not None:
            return self._departments
        rest = self.org.below([ROOT])
        return rest | dict.fromkeys(self.org.departments)

    def sees_department(self, number: int) -> bool:
        """Whether an existing department is in the range."""
        self._refresh()
        return self._departments is None or number in self._departments

    def department(self, number: int, unknown: int) -> Department:
        """A visible department.

        Raises:
            ApiError: it does not exist (`unknown`), or is outside the range (60011).
        """
        department = self.org.departments.get(number)
        if department is None:
            raise ApiError(unknown)
        if not self.sees_department(number):
            raise ApiError(60011)
        return department

    def sees_member(self, member: Member) -> bool:
        """Whether a member is in the range, through a department, by name, or through a tag."""
        self._refresh()
        return (
            not member.gone
            and (
                self._departments is None
                or member.userid in self._users
                or any(department in self._departments for department in member.departments)
            )
        )  # fmt: skip

    def sees_user(self, userid: str) -> bool:
        """The same by userid, as the organisation writes it."""
        member = self.org.find(userid)
        return member is not None and self.sees_member(member)

    def member(self, shown: str) -> Member:
        """The member an app asks for.

        Args:
            shown: the userid as the app knows it.

        Raises:
            ApiError: 60111 unknown, gone, or a plain userid after the upgrade to ciphertext ids; 60011 outside.
        """
        member = self.by_shown(shown)
        if member is None or member.gone:
            raise ApiError(60111)
        if not self.sees_member(member):
            raise ApiError(60011)
        return member

    def by_shown(self, shown: str) -> Member | None:
        """The member behind a userid as the app knows it, in the range or not."""
        if not self.app.open_ids:
            return self.org.find(shown)
        if shown not in self._inner:
            for member in self.org.members.values():
                self.open_userid(member)
        return self.org.by_serial.get(self._inner.get(shown, 0))

    def open_userid(self, member: Member) -> str:
        """The member's provider-scoped ciphertext id; it survives a change of the userid."""
        return self.open_serial(member.serial)

    def open_serial(self, serial: int) -> str:
        """The ciphertext id of the member with this serial, who may be gone."""
        shown = self._shown.get(serial)
        if shown is None:
            shown = self._shown[serial] = open_id("wo", self._provider, self.app.corpid, serial)
            self._inner[shown] = serial
        return shown

    def show(self, userid: str) -> str:
        """A userid of the organisation as the app knows it."""
        if not self.app.open_ids:
            return userid
        member = self.org.find(userid)
        return userid if member is None else self.open_userid(member)

    def show_all(self, userids: Iterable[str]) -> list[str]:
        """Those of the userids that are in the range, as the app knows them."""
        return [self.show(userid) for userid in userids if self.sees_user(userid)]

    def _refresh(self) -> None:
        tags = self.org.tag_revision if self.app.range.tags else 0
        stamp = (self.app.revision, self.org.revision, tags)
        if stamp == self._known:
            return
        allowed = self.app.range
        departments = list(allowed.departments)
        users = set(allowed.users)
        for tag in (self.org.tags[number] for number in allowed.tags if number in self.org.tags):
            departments += tag.departments
            users.update(tag.users)
        self._departments = None if ROOT in departments else self.org.below(departments)
        self._users = frozenset(users)
        self._known = stamp

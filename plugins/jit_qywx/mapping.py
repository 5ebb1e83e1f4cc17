"""Turns WeCom's records into those of a snapshot. Pure: dictionaries in, frozen records out.

A field that is missing was not told, and so is an empty one that the app was not granted: both become ``None``, which
never clears what is known. Characters that a database refuses are left out of texts. A name that merely repeats the id
is how WeCom hides a name (documents 90344 and 96255).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jit_corps.snapshot import DeptRecord, MemberRecord, Membership, RoleRecord
from jit_corps.texts import cleaned, is_storable
from jit_qywx.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jit_qywx.scope import VisibleScope

__all__ = ["ROOT", "Mapper", "Tag", "record_id", "role_record", "tag_users"]

#: Id of every enterprise's root department (document 90204).
ROOT = "1"
_DISABLED = 2
_QUIT = 5
#: Activated, and not activated yet: both work here (document 96255).
_ACTIVE = (1, 4)


class Mapper:
    """Maps the records of one enterprise, knowing which of its fields the app was granted.

    :param scope: the scope under which the records were read.
    """

    def __init__(self, scope: VisibleScope) -> None:
        # Asked for every member of a sync, so asked once.
        self._dept_name = scope.grants("department_name")
        self._name = scope.grants("user_name")
        self._position = scope.grants("position")
        self._mobile = scope.grants("mobile")
        self._telephone = scope.grants("telephone")
        self._ids: dict[int, str] = {}

    def department(self, told: Mapping[str, Any]) -> DeptRecord:
        """A department of ``department/list``.

        :raises BadAnswer: it has no id.
        """
        deptId = record_id(told, "id", call="department/list")
        parent = told.get("parentid")
        leaders = told.get("department_leader")
        return DeptRecord(
            deptId=deptId,
            name=_name(told.get("name"), deptId, granted=self._dept_name),
            # The root's own parent is written as 0.
            parentId=str(parent) if parent else None,
            order=_int(told.get("order")),
            leaderIds=tuple(cleaned(str(leader)) for leader in leaders) if isinstance(leaders, list) else None,
        )

    def member(self, told: Mapping[str, Any], *, listed_in: str | None, call: str) -> MemberRecord:
        """A member of ``user/list`` or ``user/get``.

        :param listed_in: the department whose list it comes from, for a record that names no departments.
        :param call: where it comes from, for messages.
        :raises BadAnswer: it has no id.
        """
        # This runs for every member of every sync: values by position, and no call for a field that did not come.
        get = told.get
        memberId = record_id(told, "userid", call=call)
        name, status, main = get("name"), get("status"), get("main_department")
        active, reason = (True, None) if status in _ACTIVE else _status(status)
        position, alias, mobile, telephone = get("position"), get("alias"), get("mobile"), get("telephone")
        email, biz_mail, avatar, thumb_avatar = get("email"), get("biz_mail"), get("avatar"), get("thumb_avatar")
        gender, openUserId = get("gender"), get("open_userid")
        return MemberRecord(
            memberId,
            None if name is None else _name(name, memberId, granted=self._name),
            active,
            reason,
            self._memberships(told, listed_in),
            self._id(main) if main else None,
            None if position is None else _text(position, granted=self._position),
            None if alias is None else _text(alias, granted=True),
            None if email is biz_mail is None else _text(email) or _text(biz_mail),
            None if mobile is None else _text(mobile, granted=self._mobile),
            None if telephone is None else _text(telephone, granted=self._telephone),
            None if gender is None else _gender(gender),
            None if avatar is thumb_avatar is None else _text(avatar) or _text(thumb_avatar),
            None if openUserId is None else _text(openUserId),
        )

    def members(self, told: Iterable[Mapping[str, Any]], *, listed_in: str | None = None) -> list[MemberRecord]:
        """What one call told of members. WeCom's own records are let go at once: they are most of what a reading holds.

        :param listed_in: the department of ``user/list``; None for records of ``user/get``.
        :raises BadAnswer: one has no id.
        """
        call = "user/get" if listed_in is None else f"user/list department_id={listed_in}"
        return [self.member(record, listed_in=listed_in, call=call) for record in told]

    def _memberships(self, told: Mapping[str, Any], listed_in: str | None) -> tuple[Membership, ...]:
        departments = told.get("department")
        if not isinstance(departments, list):
            return (Membership(listed_in),) if listed_in is not None else ()
        # Three lists side by side, each filtered by visibility (document 96255).
        orders = _beside(told.get("order"), departments)
        leads = _beside(told.get("is_leader_in_dept"), departments)
        if len(departments) == 1:
            # Nearly everybody's.
            return (Membership(self._id(departments[0]), _int(orders[0]), leads[0] == 1),)
        return tuple(
            [
                Membership(self._id(department), _int(order), lead == 1)
                for department, order, lead in zip(departments, orders, leads, strict=True)
            ]
        )

    def _id(self, told: Any) -> str:
        """An id as text, the same object each time: every member names some, and there are few."""
        if type(told) is not int:
            return str(told)
        text = self._ids.get(told)
        if text is None:
            # Interned it is the same object even after it lay in a file.
            text = self._ids[told] = sys.intern(str(told))
        return text

    def narrowed(self, member: MemberRecord) -> MemberRecord:
        """The record of :meth:`member` as this scope has it, after one that granted the same fields or more."""
        return member._replace(
            name=_name(member.name, member.memberId, granted=self._name),
            position=_text(member.position, granted=self._position),
            email=_text(member.email),
            mobile=_text(member.mobile, granted=self._mobile),
            telephone=_text(member.telephone, granted=self._telephone),
        )


def record_id(told: Mapping[str, Any], name: str, *, call: str) -> str:
    """The id of a record.

    :raises BadAnswer: there is none: the answer must not be taken for a shorter one.
    """
    value = told.get(name)
    usable = value and is_storable(value) if isinstance(value, str) else isinstance(value, int)
    if isinstance(value, bool) or not usable:
        raise BadAnswer(
            f"WeCom's answer to {call} holds a record without a usable {name!r}.",
            call=call,
            hint="Nothing of the answer was used. If this keeps happening, compare it with WeCom's documentation.",
        )
    return str(value)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as a role, and the members whom it names, each once."""

    role: RoleRecord
    memberIds: tuple[str, ...]

    @classmethod
    def of(cls, tagId: str, told: Mapping[str, Any]) -> Tag:
        """The tag of ``tag/get``.

        :raises BadAnswer: a member or a department has no id.
        """
        return cls(role_record(tagId, told), tuple(dict.fromkeys(tag_users(told))))


def role_record(tagId: str, told: Mapping[str, Any]) -> RoleRecord:
    """The role of a tag of ``tag/get``. Departments under it stand for everybody in and below them.

    :raises BadAnswer: a department has no id.
    """
    name, parties = told.get("tagname"), told["partylist"]
    if any(isinstance(party, bool) or not isinstance(party, int | str) for party in parties):
        raise BadAnswer("WeCom's answer to tag/get holds a department without a usable id.", call="tag/get")
    return RoleRecord(
        # The same object for each who has it, even after it lay in a file.
        roleId=sys.intern(f"tag:{tagId}"),
        name=cleaned(name) or None if isinstance(name, str) else None,
        deptIds=tuple(sorted({str(party) for party in parties})),
    )


def tag_users(told: Mapping[str, Any]) -> list[str]:
    """The members whom a tag of ``tag/get`` names.

    :raises BadAnswer: one has no id.
    """
    users = told["userlist"]
    ids = [user.get("userid") for user in users]
    # Of nearly every tag all are texts that can be stored, which is cheaper to see of all at once.
    if all(map(_is_text, ids)) and is_storable("".join(ids)):
        return ids
    return [record_id(user, "userid", call="tag/get") for user in users]


def _is_text(value: object) -> bool:
    return type(value) is str and value != ""


def _beside(items: object, departments: list[Any]) -> list[Any]:
    # A list of another length cannot be matched with the departments, so it tells nothing.
    return items if isinstance(items, list) and len(items) == len(departments) else [None] * len(departments)


def _status(status: object) -> tuple[bool | None, str | None]:
    if status in _ACTIVE:
        return True, None
    if status == _DISABLED:
        return False, "disabled"
    if status == _QUIT:
        return False, "quit"
    return None, None


def _name(name: object, echo: str, *, granted: bool) -> str | None:
    if not isinstance(name, str) or not name or (name == echo and not granted):
        return None
    return cleaned(name) or None


def _text(value: object, *, granted: bool = False) -> str | None:
    return cleaned(value) if isinstance(value, str) and (value or granted) else None


def _gender(value: object) -> str | None:
    # "0" is undefined, and also what comes when the app may not know.
    return str(value) if value in ("1", "2", 1, 2) else None


def _int(value: object) -> int:
    # WeCom counts up to 2**32 (document 95406); what no column holds tells nothing.
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0

"""The documented dictionary of an organisation: what ``getThirdCorpData`` returns and ``bulkRegister`` takes.

JitAi's pages show two spellings, keys (``corpData["deptList"]``) and attributes (``corpData.deptDict``);
:class:`CorpData` has both. Whatever comes back from a caller is not trusted: :func:`to_snapshot` checks it and names
each wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeGuard

from jit_corps.errors import CorpDataInvalid
from jit_corps.role_departments import holders
from jit_corps.rows import DEPT
from jit_corps.snapshot import DeptRecord, GrantRecord, MemberRecord, Membership, RoleRecord, Scope, Snapshot
from jit_corps.texts import is_storable
from jitcore.problems import Problem

__all__ = ["CorpData", "to_snapshot"]

#: Texts of a member that are passed through as they are.
MEMBER_TEXTS = (
    "mainDeptId",
    "position",
    "alias",
    "email",
    "mobile",
    "telephone",
    "gender",
    "avatar",
    "openUserId",
)
STATUSES: Mapping[object, bool | None] = {"active": True, 1: True, "offline": False, 2: False, None: None}


class CorpData(dict[str, Any]):
    """An organisation as a dictionary whose keys are also attributes.

    ``corpId corpName``; ``deptList`` of ``deptId name parentId order leaderIds``; ``memberList`` of ``memberId name
    status reason departments`` (each ``deptId order isLeader``) and the member's other fields; ``roleList`` of ``roleId
    name deptIds members`` (each ``memberId origin``, also for those in and below ``deptIds``); ``complete scope
    incomplete unconfirmed``; and the same entries by id in ``deptDict`` and ``userDict``. ``None`` means that upstream
    did not tell.
    """

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot) -> CorpData:
        """The dictionary of what upstream said."""
        depts = [_dept_dict(dept) for dept in snapshot.departments]
        members = [_member_dict(member) for member in snapshot.members]
        return cls(
            corpId=snapshot.corpId,
            corpName=snapshot.corpName,
            deptList=depts,
            memberList=members,
            roleList=_role_dicts(snapshot),
            complete=snapshot.complete,
            scope={
                "digest": snapshot.scope.digest,
                "summary": snapshot.scope.summary,
                "hasRoot": snapshot.scope.hasRoot,
            },
            incomplete=list(snapshot.incomplete),
            unconfirmed=sorted(snapshot.unconfirmed),
            deptDict={dept["deptId"]: dept for dept in depts},
            userDict={member["memberId"]: member for member in members},
        )

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the organisation's data has no {name!r}; it has {', '.join(self)}") from None

    def __repr__(self) -> str:
        """Counts only: members' data must not reach a log by way of a stray ``%r``."""
        depts, members = len(self.get("deptList", ())), len(self.get("memberList", ()))
        return f"<CorpData {self.get('corpId')!r}: {depts} departments, {members} members>"


def _dept_dict(dept: DeptRecord) -> dict[str, Any]:
    return {
        "deptId": dept.deptId,
        "name": dept.name,
        "parentId": dept.parentId,
        "order": dept.order,
        "leaderIds": None if dept.leaderIds is None else list(dept.leaderIds),
    }


def _member_dict(member: MemberRecord) -> dict[str, Any]:
    return {
        "memberId": member.memberId,
        "name": member.name,
        "status": None if member.active is None else "active" if member.active else "offline",
        "reason": member.reason,
        "departments": [
            {"deptId": place.deptId, "order": place.order, "isLeader": place.isLeader} for place in member.departments
        ],
    } | {field: getattr(member, field) for field in MEMBER_TEXTS}


def _role_dicts(snapshot: Snapshot) -> list[dict[str, Any]]:
    given: dict[str, list[dict[str, str]]] = {role.roleId: [] for role in snapshot.roles}
    for grant in snapshot.grants:
        given.setdefault(grant.roleId, []).append({"memberId": grant.memberId, "origin": grant.origin})
    told = {role.roleId: role for role in snapshot.roles}
    for roleId, memberId in sorted(_by_department(snapshot)):
        given.setdefault(roleId, []).append({"memberId": memberId, "origin": DEPT})
    return [
        {
            "roleId": roleId,
            "name": told[roleId].name if roleId in told else None,
            "deptIds": _listed(told.get(roleId)),
            "members": held,
        }
        for roleId, held in given.items()
    ]


def _listed(role: RoleRecord | None) -> list[str] | None:
    return None if role is None or role.deptIds is None else list(role.deptIds)


def _by_department(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Ids of role and member of those who have a role because of their department, and are not told one by one."""
    stands_for = {role.roleId: role.deptIds or () for role in snapshot.roles}
    parents = {dept.deptId: dept.parentId for dept in snapshot.departments}
    places = ((place.deptId, member.memberId) for member in snapshot.members for place in member.departments)
    told = {(grant.roleId, grant.memberId) for grant in snapshot.grants if grant.origin == DEPT}
    return set(holders(stands_for, parents, places)) - told


def to_snapshot(data: Mapping[str, Any], corpId: str, *, corpFullName: str = "this corp") -> Snapshot:
    """Read the documented dictionary, from us or from a caller, as a snapshot.

    Ids may be integers (WeCom's department ids are) and become strings; a department's parent ``0`` or ``""`` means
    none; a member's ``departments`` may be plain ids; ``status`` is ``"active"``, ``"offline"``, ``1``, ``2`` or
    ``None``. Unknown keys are ignored. Without ``complete: true`` the snapshot removes nobody, and a department keeps
    its place unless it names another parent.

    :param corpId: the corp the data must be of.
    :raises CorpDataInvalid: naming every wrong place.
    """
    return _Reading(corpFullName).snapshot(data, corpId)


class _Reading:
    """One pass over one dictionary; gathers the problems it meets."""

    def __init__(self, corpFullName: str) -> None:
        self.corpFullName = corpFullName
        self.problems: list[Problem] = []

    def snapshot(self, data: object, corpId: str) -> Snapshot:
        if not isinstance(data, Mapping):
            self.wrong("", f"a dictionary is needed, not {_kind(data)}")
            raise CorpDataInvalid(self.corpFullName, self.problems)
        given = self.identifier(data.get("corpId"), "corpId")
        if given and given != corpId:
            self.wrong("corpId", f"the data is of {given!r}, the element of {corpId!r}", "value-choice")
        depts = tuple(self.dept(*entry) for entry in self.entries(data, "deptList", "deptDict", "deptId"))
        members = tuple(self.member(*entry) for entry in self.entries(data, "memberList", "userDict", "memberId"))
        roles: list[RoleRecord] = []
        grants: list[GrantRecord] = []
        for entry, place in self.entries(data, "roleList", None, "roleId", required=False):
            roles.append(self.role(entry, place, grants))
        snapshot = Snapshot(
            corpId=corpId,
            corpName=self.text(data.get("corpName"), "corpName"),
            departments=depts,
            members=members,
            roles=tuple(roles),
            grants=tuple(grants),
            scope=self.scope(data.get("scope"), depts),
            complete=self.flag(data.get("complete", False), "complete"),
            incomplete=self.ids(data.get("incomplete", ()), "incomplete"),
            unconfirmed=frozenset(self.ids(data.get("unconfirmed", ()), "unconfirmed")),
        )
        if self.problems:
            raise CorpDataInvalid(self.corpFullName, self.problems)
        return snapshot

    def wrong(self, place: str, what: str, code: str = "value-type") -> None:
        """Note a problem at a place such as ``memberList[3].departments[0].deptId``."""
        parts = re.findall(r"[^.\[\]']+", place)
        self.problems.append(
            Problem(code, f"{place}: {what}" if place else what, element=self.corpFullName, pointer=_pointer(parts))
        )

    def entries(
        self, data: Mapping[str, Any], name: str, by_id: str | None, key: str, *, required: bool = True
    ) -> list[tuple[Mapping[str, Any], str]]:
        """The dictionaries under ``name`` (or under its sibling by id), each with its place."""
        if name in data or by_id is None or by_id not in data:
            return self.dicts(data.get(name), name, required=required)
        found = data[by_id]
        if not isinstance(found, Mapping):
            self.wrong(by_id, f"a dictionary by id is needed, not {_kind(found)}")
            return []
        entries: list[tuple[Mapping[str, Any], str]] = []
        for one, entry in found.items():
            place = f"{by_id}[{one!r}]"
            if isinstance(entry, Mapping):
                entries.append(({key: one, **entry}, place))
            else:
                self.wrong(place, f"a dictionary is needed, not {_kind(entry)}")
        return entries

    def dicts(self, found: object, place: str, *, required: bool = True) -> list[tuple[Mapping[str, Any], str]]:
        if found is None and not required:
            return []
        if not _is_list(found):
            self.wrong(place, f"a list is needed, not {_kind(found)}")
            return []
        entries = []
        for index, entry in enumerate(found):
            if isinstance(entry, Mapping):
                entries.append((entry, f"{place}[{index}]"))
            else:
                self.wrong(f"{place}[{index}]", f"a dictionary is needed, not {_kind(entry)}")
        return entries

    def dept(self, entry: Mapping[str, Any], place: str) -> DeptRecord:
        parent = entry.get("parentId")
        leaders, order = entry.get("leaderIds"), entry.get("order")
        return DeptRecord(
            deptId=self.identifier(entry.get("deptId"), f"{place}.deptId"),
            name=self.text(entry.get("name"), f"{place}.name"),
            # WeCom prints the root's parent as 0 (D95406).
            parentId=None if parent in (None, "", 0, "0") else self.identifier(parent, f"{place}.parentId"),
            order=None if order is None else self.number(order, f"{place}.order"),
            leaderIds=None if leaders is None else self.ids(leaders, f"{place}.leaderIds"),
        )

    def member(self, entry: Mapping[str, Any], place: str) -> MemberRecord:
        texts = {field: self.text(entry.get(field), f"{place}.{field}") for field in MEMBER_TEXTS}
        return MemberRecord(
            memberId=self.identifier(entry.get("memberId"), f"{place}.memberId"),
            name=self.text(entry.get("name", entry.get("nick")), f"{place}.name"),
            active=self.status(entry.get("status"), f"{place}.status"),
            reason=self.text(entry.get("reason"), f"{place}.reason"),
            departments=self.places(entry.get("departments", ()), f"{place}.departments"),
            **texts,
        )

    def places(self, found: object, place: str) -> tuple[Membership, ...]:
        if not _is_list(found):
            self.wrong(place, f"a list is needed, not {_kind(found)}")
            return ()
        places = []
        for index, entry in enumerate(found):
            here = f"{place}[{index}]"
            if not isinstance(entry, Mapping):
                places.append(Membership(self.identifier(entry, here)))
                continue
            places.append(
                Membership(
                    self.identifier(entry.get("deptId"), f"{here}.deptId"),
                    self.number(entry.get("order", 0), f"{here}.order"),
                    self.flag(entry.get("isLeader", False), f"{here}.isLeader"),
                )
            )
        return tuple(places)

    def role(self, entry: Mapping[str, Any], place: str, grants: list[GrantRecord]) -> RoleRecord:
        roleId = self.identifier(entry.get("roleId"), f"{place}.roleId")
        for holder, here in self.dicts(entry.get("members"), f"{place}.members", required=False):
            origin = holder.get("origin", "tag")
            if origin not in ("tag", "dept"):
                self.wrong(f"{here}.origin", f"'tag' or 'dept' is needed, not {origin!r}")
                continue
            grants.append(GrantRecord(self.identifier(holder.get("memberId"), f"{here}.memberId"), roleId, origin))
        deptIds = entry.get("deptIds")
        return RoleRecord(
            roleId,
            self.text(entry.get("name"), f"{place}.name"),
            None if deptIds is None else self.ids(deptIds, f"{place}.deptIds"),
        )

    def scope(self, found: object, depts: Sequence[DeptRecord]) -> Scope:
        if found is None:
            # Nobody told the scope: a single department without a parent is then taken for the root.
            return Scope(hasRoot=sum(dept.parentId is None for dept in depts) == 1)
        if not isinstance(found, Mapping):
            self.wrong("scope", f"a dictionary is needed, not {_kind(found)}")
            return Scope()
        return Scope(
            digest=self.text(found.get("digest"), "scope.digest") or "",
            summary=self.text(found.get("summary"), "scope.summary") or "",
            hasRoot=self.flag(found.get("hasRoot", False), "scope.hasRoot"),
        )

    def identifier(self, found: object, place: str) -> str:
        if isinstance(found, str) and found:
            return self.storable(found, place)
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        self.wrong(place, f"an id is needed, not {'an empty text' if found == '' else _kind(found)}")
        return ""

    def ids(self, found: object, place: str) -> tuple[str, ...]:
        if not _is_list(found):
            self.wrong(place, f"a list is needed, not {_kind(found)}")
            return ()
        return tuple(self.identifier(one, f"{place}[{index}]") for index, one in enumerate(found))

    def text(self, found: object, place: str) -> str | None:
        if isinstance(found, str):
            return self.storable(found, place)
        if found is None:
            return None
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        self.wrong(place, f"a text is needed, not {_kind(found)}")
        return None

    def storable(self, found: str, place: str) -> str:
        if not is_storable(found):
            self.wrong(place, "a text without NUL and without halves of surrogate pairs is needed")
        return found

    def number(self, found: object, place: str) -> int:
        # uint32, WeCom D95406; the column is a 64-bit integer.
        if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**32:
            return found
        self.wrong(place, f"a whole number from 0 to 4294967295 is needed, not {_kind(found)}")
        return 0

    def flag(self, found: object, place: str) -> bool:
        if isinstance(found, bool):
            return found
        self.wrong(place, f"true or false is needed, not {_kind(found)}")
        return False

    def status(self, found: object, place: str) -> bool | None:
        if not isinstance(found, bool) and (found is None or isinstance(found, (str, int))) and found in STATUSES:
            return STATUSES[found]
        shown = repr(found) if isinstance(found, (str, int)) else _kind(found)
        self.wrong(place, f"'active', 'offline', 1, 2 or None is needed, not {shown}")
        return None


def _pointer(parts: Sequence[str]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _is_list(found: object) -> TypeGuard[Collection[object]]:
    """Texts and dictionaries can be walked too, but are never meant."""
    return isinstance(found, (list, tuple, set, frozenset))


def _kind(found: object) -> str:
    """What a value is, for a message; never the value itself, which may be a telephone number."""
    names = {"NoneType": "nothing", "str": "a text", "bool": "true or false", "int": "a number", "dict": "a dictionary"}
    return names.get(type(found).__name__, f"a {type(found).__name__}")

"""What the organisation must be after a sequence of syncs and edits, told a second time and in another way.

Each record has its own little life here, a dictionary that one rule after another is applied to; the engine compares
whole tables instead. Both must come to the same organisation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

#: A kind is sure only when none of these was read in part.
DOUBTED_WITH = {
    DEPARTMENTS: {DEPARTMENTS},
    MEMBERS: {DEPARTMENTS, MEMBERS},
    MEMBERSHIPS: {DEPARTMENTS, MEMBERS, MEMBERSHIPS},
    ROLES: {DEPARTMENTS, MEMBERS, MEMBERSHIPS, ROLES, GRANTS},
    GRANTS: {DEPARTMENTS, MEMBERS, MEMBERSHIPS, ROLES, GRANTS},
}


@dataclass
class Model:
    """An organisation, and how syncs and people change it."""

    scope: str = ""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    depts: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    grants: set[tuple[str, str, str]] = field(default_factory=set)

    # What people do here

    def offline(self, memberId: str, *, offline: bool) -> None:
        self.people[memberId]["manual"] = offline

    def set_roles(self, memberId: str, roleIds: list[str]) -> None:
        self.grants = {one for one in self.grants if one[1] != memberId or one[2] != "manual"}
        for roleId in roleIds:
            self.roles.setdefault(roleId, {"name": roleId, "custom": True, "for": None})
            self.grants.add((roleId, memberId, "manual"))

    # What upstream does

    def sync(self, told: Snapshot) -> None:
        doubted = {entry.partition(":")[0] for entry in told.incomplete}
        sure = {kind: told.complete and not DOUBTED_WITH[kind] & doubted for kind in KINDS}
        moved = bool(self.scope) and told.scope.digest != self.scope
        gone_people = self._sync_people(told, sure=sure[MEMBERS], moved=moved)
        gone_depts = self._sync_depts(told, sure=sure[DEPARTMENTS], moved=moved)
        left = self._sync_places(told, gone_people, gone_depts, sure=sure[MEMBERSHIPS], moved=moved)
        for role in self.roles.values():
            role["for"] = role["for"] and role["for"] - gone_depts
        gone_roles = self._sync_roles(told, sure=sure[ROLES], moved=moved)
        self._sync_grants(told, left, gone_people, gone_roles, sure=sure[GRANTS], moved=moved)
        if told.complete or not self.scope:
            self.scope = told.scope.digest

    def _sync_people(self, told: Snapshot, *, sure: bool, moved: bool) -> set[str]:
        listed = {record.memberId: record for record in told.members}
        for memberId, record in listed.items():
            new = memberId not in self.people
            person = self.people.setdefault(memberId, {"manual": False, "why": None, "name": None})
            person["name"] = record.name or person["name"]
            if person["why"] == "absent" and record.active is not False:
                person["why"] = None
            if record.active:
                person["why"] = None
            elif record.active is False and (new or sure or person["why"]):
                person["why"] = record.reason or "disabled"
            person |= {"presence": "listed", "seen": None}
        if not sure:
            return {memberId for memberId, person in self.people.items() if person["presence"] == "absent"}
        for memberId, person in self.people.items():
            if memberId in listed or person["presence"] == "absent":
                continue
            if moved:
                if person["presence"] != "invisible":
                    person |= {"presence": "invisible", "seen": self.scope}
            elif person["presence"] == "invisible" and not self._would_be_listed(memberId, told):
                pass
            elif memberId in told.unconfirmed:
                person |= {"presence": "unconfirmed", "seen": None}
            else:
                person |= {"presence": "absent", "seen": None, "why": person["why"] or "absent"}
        return {memberId for memberId, person in self.people.items() if person["presence"] == "absent"}

    def _would_be_listed(self, memberId: str, told: Snapshot) -> bool:
        if self.people[memberId]["seen"] == told.scope.digest or _sees_all(told):
            return True
        listed = {record.deptId for record in told.departments} if told.scope.digest else set()
        mine = {place[0] for place in self.places if place[1] == memberId}
        return bool(mine) and mine <= listed

    def _sync_depts(self, told: Snapshot, *, sure: bool, moved: bool) -> set[str]:
        listed = {record.deptId: record for record in told.departments}
        gone = set()
        for deptId, dept in list(self.depts.items()):
            if deptId in listed or not sure:
                continue
            if moved:
                if dept["presence"] != "invisible":
                    dept |= {"presence": "invisible", "seen": self.scope}
            elif dept["presence"] != "invisible" or dept["seen"] == told.scope.digest or _sees_all(told):
                gone.add(deptId)
                del self.depts[deptId]
        for deptId, record in listed.items():
            dept = self.depts.setdefault(deptId, {"name": None, "parent": None})
            if record.parentId is not None or told.complete:
                dept["parent"] = record.parentId
            dept |= {"presence": "listed", "seen": None, "name": record.name or dept["name"]}
        return gone

    def _sync_places(
        self, told: Snapshot, gone_people: set[str], gone_depts: set[str], *, sure: bool, moved: bool
    ) -> set[str]:
        left = set()
        people = {record.memberId: record for record in told.members}
        listed_depts = {record.deptId for record in told.departments}
        now = {(p.deptId, m.memberId): (p.order, p.isLeader) for m in people.values() for p in m.departments}
        for deptId, memberId in list(self.places):
            if (deptId, memberId) in now or not sure:
                continue
            unseen = memberId not in people or (deptId in self.depts and deptId not in listed_depts)
            if deptId in gone_depts or memberId in gone_people or not (moved or unseen):
                del self.places[deptId, memberId]
                left.add(memberId)
        self.places |= now
        return left

    def _sync_roles(self, told: Snapshot, *, sure: bool, moved: bool) -> set[str]:
        listed = {grant.roleId: None for grant in told.grants} | {role.roleId: role.name for role in told.roles}
        gone = set()
        for roleId, role in list(self.roles.items()):
            if roleId in listed or role["custom"] or moved or not sure:
                continue
            gone.add(roleId)
            if any(one[0] == roleId and one[2] == "manual" for one in self.grants):
                role |= {"custom": True, "for": None}
            else:
                del self.roles[roleId]
        visible = {record.deptId for record in told.departments}
        stands_for = {role.roleId: role.deptIds for role in told.roles}
        for roleId, name in listed.items():
            known = self.roles.get(roleId, {"name": None, "for": None})
            mine = stands_for.get(roleId)
            if mine is None:
                now = known["for"]
            else:
                now = set(mine) | {one for one in known["for"] or () if one in self.depts and one not in visible}
            self.roles[roleId] = {"name": name or known["name"], "custom": False, "for": now}
        return gone

    def _and_above(self, deptId: str) -> set[str]:
        found: set[str] = set()
        current: str | None = deptId
        while current is not None and current not in found:
            found.add(current)
            current = self.depts[current]["parent"] if current in self.depts else None
        return found

    def _sync_grants(
        self, told: Snapshot, left: set[str], gone_people: set[str], gone_roles: set[str], *, sure: bool, moved: bool
    ) -> None:
        people = {record.memberId for record in told.members}
        listed_roles = {grant.roleId for grant in told.grants} | {role.roleId for role in told.roles}
        now = {
            (grant.roleId, grant.memberId, grant.origin)
            for grant in told.grants
            if grant.memberId in self.people and grant.memberId not in gone_people
        }
        now |= {
            (roleId, memberId, "dept")
            for deptId, memberId in self.places
            for roleId, role in self.roles.items()
            if role["for"] and memberId in self.people and memberId not in gone_people
            if self._and_above(deptId) & role["for"]
        }
        for one in list(self.grants):
            roleId, memberId, origin = one
            if origin == "manual" or one in now or not sure:
                continue
            if origin == "dept" and memberId not in gone_people and self.roles.get(roleId, {}).get("for") is not None:
                # It follows from the departments, so it goes when it does not; who lost a place loses what hung on it.
                if memberId in people and (not moved or memberId in left):
                    self.grants.remove(one)
                continue
            unseen = memberId not in people or roleId not in listed_roles
            if roleId in gone_roles or memberId in gone_people or not (moved or unseen):
                self.grants.remove(one)
        self.grants |= now


def _sees_all(told: Snapshot) -> bool:
    return bool(told.scope.digest) and told.scope.hasRoot


def seen_by(state: LocalState) -> Model:
    """The organisation of the engine in the model's words, without what the model does not speak of."""
    return Model(
        scope=state.header.scopeDigest,
        people={
            row.memberId: {
                "manual": bool(row.manualOffline),
                "why": row.upstreamReason,
                "name": row.name,
                "presence": row.presence,
                "seen": row.scopeDigest,
            }
            for row in state.members.values()
        },
        depts={
            row.deptId: {
                "name": row.name,
                "parent": row.upstreamParentId,
                "presence": row.presence,
                "seen": row.scopeDigest,
            }
            for row in state.departments.values()
            if row.origin == "upstream"
        },
        places={key: (row.order, bool(row.isLeader)) for key, row in state.memberships.items()},
        roles={
            row.roleId: {
                "name": row.name,
                "custom": row.origin == "custom",
                "for": None if row.deptIds is None else set(row.deptIds),
            }
            for row in state.roles.values()
        },
        grants={tuple(row) for row in state.grants},
    )

"""Organisations to test with: a provider that says what the test tells it to, and short ways to write snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_corps.corp import Corp
from jit_corps.snapshot import (
    DeptRecord,
    GrantRecord,
    MemberRecord,
    Membership,
    RoleRecord,
    Scope,
    Snapshot,
    Targets,
)
from jitcore import Loader as BaseLoader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jit_corps.progress import Progress

CORP = "corps.Shop"
CORP_ID = "wwshop"


class ScriptedCorp(Corp):
    """A corp whose upstream is a value: set ``upstream`` to a snapshot, an error, or a function of ``fetch``'s call."""

    upstream: Snapshot | BaseException | Callable[..., Snapshot] | None = None
    asked: tuple[frozenset[str], int] | None = None
    #: What single records are read from.
    records: Snapshot | None = None

    def fetch(self, known: frozenset[str], *, confirm: int, progress: Progress) -> Snapshot:
        self.asked = (known, confirm)
        progress("departments", 1, 1)
        if isinstance(self.upstream, BaseException):
            raise self.upstream
        if callable(self.upstream):
            return self.upstream(known, confirm=confirm, progress=progress)
        assert self.upstream is not None
        return self.upstream

    def fetch_targets(self, targets: Targets, *, progress: Progress) -> Snapshot:
        if self.records is None:
            return super().fetch_targets(targets, progress=progress)
        return only(self.records, targets)

    def getClient(self) -> Any:
        return "client"


class Loader(BaseLoader):
    elementClass = ScriptedCorp


def member(memberId: str, *depts: str, **told: Any) -> MemberRecord:
    """An active member in departments."""
    places = tuple(Membership(dept) for dept in depts)
    return MemberRecord(memberId, **{"name": memberId.title(), "active": True, "departments": places, **told})


def members(*memberIds: str, dept: str = "1") -> tuple[MemberRecord, ...]:
    return tuple(member(memberId, dept) for memberId in memberIds)


def crowd(count: int, dept: str = "1") -> tuple[MemberRecord, ...]:
    """So many members, ``m000`` and on."""
    return members(*(f"m{number:03}" for number in range(count)), dept=dept)


def depts(**parents: str | None) -> tuple[DeptRecord, ...]:
    """Departments by ``d<id>=<parent>``: ``depts(d1=None, d2="1")``."""
    return tuple(DeptRecord(key[1:], f"Dept {key[1:]}", parent) for key, parent in parents.items())


def snapshot(
    people: Iterable[MemberRecord] = (),
    *,
    departments: Iterable[DeptRecord] = (DeptRecord("1", "Shop"),),
    tags: dict[str, Iterable[str]] | None = None,
    scope: str = "all",
    hasRoot: bool = True,
    **told: Any,
) -> Snapshot:
    """A complete snapshot.

    :param tags: members by role id.
    """
    tags = tags or {}
    given = {
        "corpName": "Shop Ltd",
        "roles": tuple(RoleRecord(roleId, f"Role {roleId}") for roleId in tags),
        "grants": tuple(GrantRecord(one, roleId) for roleId, holders in tags.items() for one in holders),
        "complete": True,
        **told,
    }
    return Snapshot(
        CORP_ID,
        departments=tuple(departments),
        members=tuple(people),
        scope=Scope(scope, f"scope {scope}", hasRoot),
        **given,
    )


def named(*members: str, depts: Iterable[str] = (), roles: Iterable[str] = (), **renames: str) -> Targets:
    """What to read again; ``old="new"`` for a member with another id."""
    return Targets(frozenset(depts), frozenset(members), frozenset(roles), frozenset(renames.items()))


def only(told: Snapshot, targets: Targets, **changed: Any) -> Snapshot:
    """What a snapshot says of single records: how a provider reads them."""
    return replace(
        told,
        corpName=None,
        departments=tuple(one for one in told.departments if one.deptId in targets.departments),
        members=tuple(one for one in told.members if one.memberId in targets.members),
        roles=tuple(one for one in told.roles if one.roleId in targets.roles),
        grants=tuple(one for one in told.grants if one.roleId in targets.roles),
        targets=targets,
        **changed,
    )

"""What a person decides here about members: their roles, whether they are offline, and fields that stay as they are.

Each edit is one transaction that publishes a generation of its own, so that a sync that was planned before it plans
again, and its changes stand in the history beside those of syncs. An edit that changes nothing writes nothing.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps import pins, rows
from jit_corps.changes import KindChanges, Plan, Removal
from jit_corps.errors import MemberNotFound, RoleNotFound
from jit_corps.history import record_changes
from jit_corps.models import CorpDept, CorpMember, CorpRole, CorpRoleMember
from jit_corps.plan_departments import local_root_row
from jit_corps.publish import lock_generation, write_accounts, write_changes, write_header
from jit_corps.rows import LOCAL_ROOT, GrantRow, MemberRow, RoleRow
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, ROLES
from jitcore.suggestions import closest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from jit_corps.rows import Header
    from jitcore.storage import Storage

__all__ = ["ensure_local_root", "release_pins", "set_offline", "set_pins", "set_roles"]

#: Ids in one query; SQLite takes 32,766 parameters in a statement, older ones 999.
CHUNK = 900
#: Looking for a similar id among more than so many takes too long for an error message.
SUGGESTED_AMONG = 20_000


def set_roles(
    storage: Storage, corpFullName: str, memberId: str, roleIds: Sequence[str], *, strict: bool
) -> list[CorpRoleMember]:
    """Replace the roles that people here gave a member.

    Roles that upstream gives (by tag) are upstream's and stay. A role id not seen before becomes a custom role.

    :param strict: make an unseen role id an error.
    :returns: one row for each of ``roleIds``, in their order.
    :raises MemberNotFound: nothing is changed.
    :raises RoleNotFound: with ``strict``; nothing is changed.
    """
    grant = storage.models[CorpRoleMember]
    wanted = list(dict.fromkeys(roleIds))
    with storage.transaction():
        generation, header = lock_generation(storage, corpFullName)
        _read_members(storage, corpFullName, [memberId])
        known = _known_roles(storage, corpFullName, wanted)
        unseen = [roleId for roleId in wanted if roleId not in known]
        if unseen and strict:
            role = storage.models[CorpRole]
            every = storage.select_tuples(role.select(role.roleId).where(role.corpFullName == corpFullName))
            raise RoleNotFound(corpFullName, unseen, closest(unseen[0], (roleId for (roleId,) in every)))
        mine = (grant.corpFullName == corpFullName) & (grant.memberId == memberId) & (grant.origin == rows.MANUAL)
        had = {roleId for (roleId,) in storage.select_tuples(grant.select(grant.roleId).where(mine))}
        given = (GrantRow(roleId, memberId, rows.MANUAL) for roleId in wanted if roleId not in had)
        taken = (GrantRow(roleId, memberId, rows.MANUAL) for roleId in sorted(had - set(wanted)))
        _publish(
            storage,
            corpFullName,
            generation,
            header,
            {
                ROLES: KindChanges(added=tuple(RoleRow(roleId, roleId, rows.CUSTOM) for roleId in unseen)),
                GRANTS: KindChanges(
                    added=tuple(given), removed=tuple(Removal(row, None, follows=False) for row in taken)
                ),
            },
        )
    return [grant(corpFullName=corpFullName, roleId=roleId, memberId=memberId, origin=rows.MANUAL) for roleId in wanted]


def set_offline(storage: Storage, corpFullName: str, memberIds: Sequence[str], *, offline: bool) -> None:
    """Set members offline by hand, or take that back: all of them or none.

    Taking it back does not make a member active whom upstream says is offline.

    :raises MemberNotFound: naming every unknown id; nothing is changed.
    """
    if not memberIds:
        return
    with storage.transaction():
        generation, header = lock_generation(storage, corpFullName)
        members = _read_members(storage, corpFullName, list(dict.fromkeys(memberIds)))
        updated = tuple(
            (row, pins.settled(row._replace(manualOffline=offline)))
            for row in members
            if bool(row.manualOffline) != offline
        )
        _publish(storage, corpFullName, generation, header, {MEMBERS: KindChanges(updated=updated)})


def set_pins(storage: Storage, corpFullName: str, memberId: str, values: Mapping[str, str]) -> None:
    """Keep fields of a member as they are given here, whatever upstream says.

    :param values: by the names of :data:`jit_corps.pins.FIELDS`, and ``status`` for ``"active"``.
    :raises MemberNotFound: nothing is changed.
    """
    _rewrite(storage, corpFullName, memberId, lambda row: pins.pinned(row, values))


def release_pins(storage: Storage, corpFullName: str, memberId: str, fields: Collection[str] | None) -> None:
    """Have fields follow upstream again.

    :param fields: ``None`` for all.
    :raises MemberNotFound: nothing is changed.
    """
    _rewrite(storage, corpFullName, memberId, lambda row: pins.unpinned(row, fields))


def ensure_local_root(storage: Storage, corpFullName: str, name: str) -> None:
    """Put a department above the forest, unless there is a root by now."""
    dept = storage.models[CorpDept]
    with storage.transaction():
        generation, header = lock_generation(storage, corpFullName)
        if header.rootDeptId is not None:
            return
        there = dept.select(dept.deptId).where((dept.corpFullName == corpFullName) & (dept.deptId == LOCAL_ROOT))
        added = () if storage.select_tuples(there) else (local_root_row(name),)
        rooted = header._replace(rootDeptId=LOCAL_ROOT)
        _publish(storage, corpFullName, generation, rooted, {DEPARTMENTS: KindChanges(added=added)})


def _rewrite(storage: Storage, corpFullName: str, memberId: str, decided: Callable[[MemberRow], MemberRow]) -> None:
    with storage.transaction():
        generation, header = lock_generation(storage, corpFullName)
        [row] = _read_members(storage, corpFullName, [memberId])
        new = decided(row)
        changes = KindChanges(updated=((row, new),) if new != row else ())
        _publish(storage, corpFullName, generation, header, {MEMBERS: changes})
        write_accounts(storage, changes)


def _publish(
    storage: Storage,
    corpFullName: str,
    generation: int,
    header: Header,
    changes: Mapping[str, KindChanges[Any]],
) -> None:
    plan = Plan(corpFullName, generation, {kind: changes.get(kind, KindChanges()) for kind in KINDS}, header, header)
    if plan.empty:
        return
    for kind, kind_changes in changes.items():
        write_changes(storage, corpFullName, kind, kind_changes)
    write_header(storage, corpFullName, generation + 1, header)
    record_changes(storage, corpFullName, generation + 1, plan.kinds)


def _read_members(storage: Storage, corpFullName: str, memberIds: Sequence[str]) -> list[MemberRow]:
    member = storage.models[CorpMember]
    fields = [getattr(member, name) for name in MemberRow._fields]
    found: dict[str, MemberRow] = {}
    for chunk in _chunks(memberIds):
        query = member.select(*fields).where((member.corpFullName == corpFullName) & member.memberId.in_(chunk))
        found.update((row[0], MemberRow(*row)) for row in storage.select_tuples(query))
    unknown = [memberId for memberId in memberIds if memberId not in found]
    if unknown:
        raise MemberNotFound(corpFullName, unknown, similar_members(storage, corpFullName, unknown[0]))
    return [found[memberId] for memberId in memberIds]


def similar_members(storage: Storage, corpFullName: str, memberId: str) -> list[str]:
    """Known ids that somebody may have meant."""
    member = storage.models[CorpMember]
    query = member.select(member.memberId).where(member.corpFullName == corpFullName).limit(SUGGESTED_AMONG)
    return closest(memberId, (known for (known,) in storage.select_tuples(query)))


def _known_roles(storage: Storage, corpFullName: str, roleIds: Sequence[str]) -> set[str]:
    role = storage.models[CorpRole]
    known: set[str] = set()
    for chunk in _chunks(roleIds):
        query = role.select(role.roleId).where((role.corpFullName == corpFullName) & role.roleId.in_(chunk))
        known.update(roleId for (roleId,) in storage.select_tuples(query))
    return known


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))

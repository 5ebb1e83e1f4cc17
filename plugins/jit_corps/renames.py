"""Finds members who have another id now, and says in a plan what that changes. Pure.

Upstream calls a member by an id that an administrator may change once. The member stays who they are: the account, the
roles given by hand and a decision to set them offline go with them.

A plan with renames is made as though these members had always had their new ids, and is then told in terms of the rows
that are really there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jit_corps.changes import KindChanges, Removal
from jit_corps.comparing import compared
from jit_corps.rows import MANUAL, LocalState, row_key
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping

    from jit_corps.rows import MemberRow, Row
    from jit_corps.snapshot import Snapshot

__all__ = ["decided", "find_renames", "renamed", "same_people", "told_of_old_ids", "unlisted_people"]


def find_renames(told: Snapshot, state: LocalState) -> tuple[dict[str, str], tuple[str, ...]]:
    """New ids by old ones, and what could not be decided, in words.

    A member has another id now when upstream said so, or when the provider's own id of the person is the same, or has
    become the id; and when the old id is not listed any more and the new one is. Somebody who is known under the new id
    already takes over the account of the old one, unless people here have decided something about them.

    :param told: merged.
    """
    listed = {member.memberId: member for member in told.members}
    if told.targets is None:
        unlisted = unlisted_people(state.members.values(), listed)
        pairs = same_people(unlisted, ((one.memberId, one.openUserId) for one in told.members))
        pairs |= {
            (old, new) for old, new in told.renames if old in state.members and old not in listed and new in listed
        }
    else:
        told_pairs = _as_told(told.targets.renames, listed)
        pairs = {(old, new) for old, new in told_pairs if old in state.members and old not in listed}
    return decided(pairs, lambda memberId: _is_decided(memberId, state), state.fresh)


def decided(
    pairs: Iterable[tuple[str, str]], is_decided: Callable[[str], bool], fresh: Collection[tuple[str, str]]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Of members who may have another id now, those who have; see :func:`find_renames`.

    :param pairs: of an old id that is known here and not listed, and a new one that is listed.
    :param is_decided: whether people here have decided something about a member.
    :param fresh: kind and id of what was read singly since.
    """
    newer = {memberId for kind, memberId in fresh if kind == MEMBERS}
    found: dict[str, str] = {}
    taken: set[str] = set()
    conflicts = []
    for old, new in sorted(pairs):
        if old in found or new in taken or newer & {old, new}:
            continue
        if is_decided(new):
            conflicts.append(f"{old!r} is {new!r} now, but people here have decided about both")
        else:
            found[old] = new
            taken.add(new)
    return found, tuple(conflicts)


def unlisted_people(rows: Iterable[MemberRow], listed: Container[str]) -> dict[str, str | None]:
    """Ids of members who are not listed, by the provider's own id of the person; one that two have tells nothing."""
    unlisted: dict[str, str | None] = {}
    for row in rows:
        if row.openUserId and row.memberId not in listed:
            unlisted[row.openUserId] = None if row.openUserId in unlisted else row.memberId
    return unlisted


def same_people(unlisted: Mapping[str, str | None], told: Iterable[tuple[str, str | None]]) -> set[tuple[str, str]]:
    """Old and new id of those who are listed under another id, which may be the provider's own id of the person.

    :param told: id of every listed member, and the provider's own id of the person.
    """
    if not unlisted:
        return set()
    found: dict[str, str | None] = {}
    for memberId, openUserId in told:
        for one in {openUserId, memberId}:
            if one is not None and one in unlisted:
                found[one] = memberId if found.get(one, memberId) == memberId else None
    return {(old, new) for one, new in found.items() if new is not None and (old := unlisted[one]) is not None}


def renamed(state: LocalState, renames: Mapping[str, str]) -> LocalState:
    """The organisation as though these members had always had their new ids."""
    members = {key: row for key, row in state.members.items() if key not in renames}
    for old, new in renames.items():
        member = state.members[old]
        # Who was taken for gone under the old id is not back if they have been here under the new one.
        members[new] = member._replace(memberId=new, presence=state.members.get(new, member).presence)
    memberships = {key: row for key, row in state.memberships.items() if key[1] not in renames}
    for (deptId, old), row in state.memberships.items():
        if old in renames:
            memberships.setdefault((deptId, renames[old]), row._replace(memberId=renames[old]))
    grants = (row._replace(memberId=renames.get(row.memberId, row.memberId)) for row in state.grants)
    return replace(state, members=members, memberships=memberships, grants=frozenset(grants))


def told_of_old_ids(
    changes: Mapping[str, KindChanges[Any]], state: LocalState, before: LocalState, renames: Mapping[str, str]
) -> dict[str, KindChanges[Any]]:
    """The changes of members, memberships and grants in terms of the rows that are there.

    :param changes: made for ``state``, in which the members have their new ids.
    :param before: what is really there.
    """
    concerned = {*renames, *renames.values()}
    rows: Mapping[str, tuple[Iterable[Any], Iterable[Any]]] = {
        MEMBERS: (state.members.values(), before.members.values()),
        MEMBERSHIPS: (state.memberships.values(), before.memberships.values()),
        GRANTS: (state.grants, before.grants),
    }
    return {kind: _told(kind, changes[kind], *rows[kind], concerned) for kind in rows}


def _as_told(pairs: Iterable[tuple[str, str]], listed: Collection[str]) -> set[tuple[str, str]]:
    """Old and newest id, where somebody was renamed more than once."""
    following = dict(sorted(pairs))
    found = set()
    for old in following:
        current, seen = old, {old}
        while current not in listed and (after := following.get(current)) is not None and after not in seen:
            current = after
            seen.add(after)
        if current != old and current in listed:
            found.add((old, current))
    return found


def _is_decided(memberId: str, state: LocalState) -> bool:
    row = state.members.get(memberId)
    if row is None:
        return False
    return bool(row.manualOffline or row.pinned) or any(
        one.memberId == memberId and one.origin == MANUAL for one in state.grants
    )


def _told(
    kind: str, changes: KindChanges[Any], rows: Iterable[Any], before: Iterable[Any], concerned: set[str]
) -> KindChanges[Any]:
    def key(row: Row) -> tuple[str, ...]:
        return row_key(kind, row)

    def mine(row: Any) -> bool:
        return row.memberId in concerned

    others = KindChanges(
        tuple(row for row in changes.added if not mine(row)),
        tuple(pair for pair in changes.updated if not mine(pair[0])),
        tuple(removal for removal in changes.removed if not mine(removal.before)),
    )
    theirs = KindChanges(
        tuple(row for row in changes.added if mine(row)),
        tuple(pair for pair in changes.updated if mine(pair[0])),
        tuple(removal for removal in changes.removed if mine(removal.before)),
    )
    was = {key(row): row for row in before if mine(row)}
    after = theirs.applied({key(row): row for row in rows if mine(row)}, key)
    added, updated = compared(after, was)
    gone = tuple(Removal(row, None, follows=True) for one, row in was.items() if one not in after)
    return replace(
        changes,
        added=tuple(sorted((*others.added, *added), key=key)),
        updated=tuple(sorted((*others.updated, *updated), key=lambda pair: key(pair[0]))),
        removed=tuple(sorted((*others.removed, *gone), key=lambda removal: key(removal.before))),
    )

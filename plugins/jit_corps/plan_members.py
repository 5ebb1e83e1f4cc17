"""The members' part of a plan. A member is never deleted: leaving is going offline, with the reason kept.

``status`` follows from facts that different hands own: ``upstreamReason`` (why upstream says offline, or that it no
longer lists the member), ``manualOffline`` and ``pinned`` (what a person decided here). None overwrites another.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from jit_corps import pins
from jit_corps.changes import KindChanges, Removal
from jit_corps.comparing import counts
from jit_corps.rows import ABSENT, ACTIVE, BY_HAND, LISTED, OFFLINE, UNCONFIRMED, MemberRow, user_id
from jit_corps.snapshot import MEMBERS

if TYPE_CHECKING:
    from jit_corps.comparing import Comparison
    from jit_corps.snapshot import MemberRecord

__all__ = ["is_as_told", "new_values", "plan_members"]

_member_id = itemgetter(MemberRow._fields.index("memberId"))


def plan_members(comparison: Comparison) -> KindChanges[MemberRow]:
    """The members' changes. Going offline is the removal of this kind."""
    before = comparison.state.members
    added: list[MemberRow] = []
    updated: list[tuple[MemberRow, MemberRow]] = []
    removed: list[Removal[MemberRow]] = []
    active = sum(map(counts, before.values()))
    active_after = active
    doubtful = 0

    for memberId, record in comparison.members.items():
        old = before.get(memberId)
        if old is None:
            new = MemberRow._make(new_values(record, comparison.state.corpFullName))
            added.append(new)
            active_after += counts(new)
            continue
        if is_as_told(old, record):
            continue
        row = _known(record, old, comparison)
        if row != old:
            _changed(old, row, updated, removed)
            active_after += counts(row) - counts(old)

    for memberId, old in before.items():
        if memberId in comparison.members:
            continue
        row = _absent(old, comparison) if comparison.speaks_of(MEMBERS, memberId) else old
        if row.presence == ABSENT:
            # Whom a person keeps active keeps places and roles, too.
            if row.status == OFFLINE or not pins.keeps_active(row):
                comparison.gone_members.add(memberId)
        elif row.presence == UNCONFIRMED:
            doubtful += counts(old)
            if comparison.speaks_of(MEMBERS, memberId):
                comparison.doubted_members.add(memberId)
        if row != old:
            _changed(old, row, updated, removed)
            active_after += counts(row) - counts(old)

    # What changed is little, and sorting it cheaper than going through everybody in order.
    added.sort(key=_member_id)
    updated.sort(key=lambda pair: pair[1].memberId)
    removed.sort(key=lambda removal: removal.before.memberId)
    return KindChanges(tuple(added), tuple(updated), tuple(removed), active, active_after, doubtful)


def _changed(
    old: MemberRow, row: MemberRow, updated: list[tuple[MemberRow, MemberRow]], removed: list[Removal[MemberRow]]
) -> None:
    if old.status == ACTIVE and row.status == OFFLINE:
        removed.append(Removal(old, row, follows=False))
    else:
        updated.append((old, row))


def new_values(record: tuple[Any, ...], corpFullName: str) -> tuple[Any, ...]:
    """The row of a member who was not known here, as plain values.

    :param record: a :class:`~jit_corps.snapshot.MemberRecord`, or its plain values.
    """
    # By position: this runs for every member of a first sync.
    memberId, name, active, reason, _, main, position, alias, _, _, _, gender, avatar, openUserId = record
    why = (reason or "disabled") if active is False else None
    status = ACTIVE if why is None else OFFLINE
    told = (name or None, alias, position, gender, avatar, openUserId, main)
    return (memberId, user_id(corpFullName, memberId), *told, status, why, why, False, LISTED, None, None)


def is_as_told(old: MemberRow, record: MemberRecord) -> bool:
    """Whether :func:`_known` would give the row itself: for nearly everybody, and this looks at no more than it has to.

    False says nothing.
    """
    _, _, name, alias, position, gender, avatar, openUserId, mainDeptId, status, *rest = old
    reason, upstream, manualOffline, presence, scope, pinned = rest
    is_plain = reason is upstream is scope is pinned is None and not manualOffline
    if not (record.active and status == ACTIVE and presence == LISTED and is_plain):
        return False
    _, told, _, _, _, main, place, other, _, _, _, sex, picture, person = record
    return (
        (told == name or not told)
        and (main == mainDeptId or main is None)
        and (place == position or place is None)
        and (other == alias or other is None)
        and (sex == gender or sex is None)
        and (picture == avatar or picture is None)
        and (person == openUserId or person is None)
    )


def _known(record: MemberRecord, old: MemberRow, comparison: Comparison) -> MemberRow:
    upstream = old.upstreamReason
    if record.active:
        upstream = None
    elif record.active is None:
        # Seen again: whatever else is wrong, the member is not absent.
        upstream = None if upstream == ABSENT else upstream
    elif upstream is not None or comparison.may_go(MEMBERS):
        upstream = record.reason or "disabled"
    reason = BY_HAND if old.manualOffline else upstream
    # By position: this runs for every member of every sync.
    row = MemberRow(
        old.memberId,
        old.userId,
        record.name or old.name,
        old.aliasName if record.alias is None else record.alias,
        old.position if record.position is None else record.position,
        old.gender if record.gender is None else record.gender,
        old.avatar if record.avatar is None else record.avatar,
        old.openUserId if record.openUserId is None else record.openUserId,
        old.mainDeptId if record.mainDeptId is None else record.mainDeptId,
        ACTIVE if reason is None else OFFLINE,
        reason,
        upstream,
        old.manualOffline,
        LISTED,
        None,
        old.pinned,
    )
    return row if old.pinned is None else pins.told(row, old, record)


def _absent(old: MemberRow, comparison: Comparison) -> MemberRow:
    """What becomes of a member who is not listed."""
    if MEMBERS in comparison.protected or old.presence == ABSENT:
        return old
    if comparison.rescoped:
        return comparison.out_of_sight(old)
    if comparison.still_out_of_sight(old):
        return old
    if old.memberId in comparison.snapshot.unconfirmed:
        return old._replace(presence=UNCONFIRMED, scopeDigest=None)
    if MEMBERS in comparison.withhold:
        return old
    return pins.settled(old._replace(upstreamReason=old.upstreamReason or ABSENT, presence=ABSENT, scopeDigest=None))

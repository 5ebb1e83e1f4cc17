"""The two sides of a plan, and the rules about absence that hold for every kind of record.

Absent is not gone. A record goes merely because it is absent only when the snapshot is complete and was read under the
scope that the published organisation was read under; out of scope makes it *invisible*: kept, and still active.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, TypeVar

from jit_corps.rows import ABSENT, ACTIVE, INVISIBLE, LISTED, UPSTREAM, DeptRow, MemberRow, RoleRow
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot, Targets

__all__ = ["Comparison", "compared", "counts", "in_sight_again"]

K = TypeVar("K")
V = TypeVar("V")
Located = TypeVar("Located", DeptRow, MemberRow)

#: So many of those who are left as they are a report names; the others have the mark on their rows.
NAMED = 10

#: Reading only a part of a kind says nothing about the absence of what hangs on it either: members are found by
#: walking departments, grants by walking roles. A role whose grants stay has to stay, too.
DEPENDENTS: Mapping[str, frozenset[str]] = {
    DEPARTMENTS: frozenset(KINDS),
    MEMBERS: frozenset({MEMBERS, MEMBERSHIPS, ROLES, GRANTS}),
    MEMBERSHIPS: frozenset({MEMBERSHIPS, ROLES, GRANTS}),
    ROLES: frozenset({ROLES, GRANTS}),
    GRANTS: frozenset({ROLES, GRANTS}),
}


class Comparison:
    """What upstream says (``snapshot``) beside what is kept here (``state``).

    :param withhold: kinds whose removals the guard holds back.
    """

    def __init__(self, snapshot: Snapshot, state: LocalState, withhold: frozenset[str]) -> None:
        self.withhold = withhold
        self.targets = snapshot.targets
        self.protected = _protected(snapshot)
        scope, kept = snapshot.scope, state.header.scopeDigest
        #: Under another scope absence says nothing. A scope that nobody told counts as the same one.
        self.rescoped = bool(scope.digest and kept and scope.digest != kept)
        depts = {dept.deptId: dept for dept in snapshot.departments}
        roles = {role.roleId: role for role in snapshot.roles}
        self._told: Mapping[str, Mapping[str, object]] = {DEPARTMENTS: depts, ROLES: roles}
        self._in_sight: Container[str] = depts
        #: The whole enterprise is in sight. A scope that nobody told is not taken for that.
        self.whole = scope.hasRoot and bool(scope.digest)
        if self.targets is not None:
            self._in_sight = {deptId for deptId, row in state.departments.items() if _is_listed(row)}
            self.whole = bool(scope.digest) and state.header.rootDeptId in self._in_sight
        #: Filled by the steps that decide over departments, members and roles, for what hangs on these.
        self.gone_depts: set[str] = set()
        self.gone_roles: set[str] = set()
        #: Members who stay because a second look could not say that they are gone.
        self.doubted_members: set[str] = set()
        self._look_at_members(snapshot, state)
        self.depts = self._only(DEPARTMENTS, depts)
        self.roles = self._only(ROLES, roles)

    def _look_at_members(self, snapshot: Snapshot, state: LocalState) -> None:
        """Set all that depends on whose members these are."""
        self.snapshot = snapshot
        self.state = state
        members = {member.memberId: member for member in snapshot.members}
        self._asked = self._spoken_of({**self._told, MEMBERS: members})
        #: Members who were read singly since and are of no earlier reading at all, as after a rename: that none of its
        #: lists names them says nothing.
        self._newcomers: Container[str] = (
            {one for kind, one in state.fresh if kind == MEMBERS and one not in members} if self.targets is None else ()
        )
        self.members = self._only(MEMBERS, members)
        #: Members whom the guard counts.
        self.counted = frozenset([memberId for memberId, row in state.members.items() if counts(row)])
        self.back_in_sight = in_sight_again(
            [memberId for memberId, row in state.members.items() if row.presence == INVISIBLE],
            state.memberships,
            self._in_sight if snapshot.scope.digest else (),
            whole=self.whole,
        )
        #: As :attr:`gone_depts`.
        self.gone_members: set[str] = set()

    def of_part(self, snapshot: Snapshot, state: LocalState) -> Comparison:
        """The two sides of one part of the members; departments and roles, and what is open, are those of the whole.

        :param snapshot: of these members; with all that is told of departments and roles.
        :param state: as ``snapshot``.
        """
        if snapshot is self.snapshot and state is self.state:
            return self
        part = copy(self)
        part._look_at_members(snapshot, state)  # noqa: SLF001 - of our own copy
        return part

    def speaks_of(self, kind: str, identifier: str) -> bool:
        """Whether the snapshot says anything about a record, be it by leaving it out.

        It says nothing of what was not asked, or was read singly after the snapshot began to be read.
        """
        if (kind, identifier) in self.state.fresh:
            return False
        return self._asked is None or identifier in self._asked[kind]

    def observed(self) -> tuple[tuple[str, str, bool], ...]:
        """Kind and id of what was asked for singly and is told, and whether it is gone."""
        if self._asked is None:
            return ()
        told: Mapping[str, Container[str]] = {DEPARTMENTS: self.depts, MEMBERS: self.members, ROLES: self.roles}
        return tuple(
            (kind, one, one not in told[kind])
            for kind, asked in self._asked.items()
            for one in sorted(asked)
            if (kind, one) not in self.state.fresh
        )

    def left_open(self) -> tuple[str, ...]:
        """What was asked for singly, in a second look for example, and is not told; in words."""
        if self.targets is None:
            return (_doubted(self.doubted_members),) if self.doubted_members else ()
        assert self._asked is not None
        why = "upstream could not tell"
        if self.rescoped:
            why = "what the app may see has changed"
        open_ = (
            (kind, [one for one in asked - self._asked[kind] if self._matters(kind, one)])
            for kind, asked in _ids(self.targets).items()
        )
        return tuple(f"{kind}: {len(ids)} left as they are, because {why}" for kind, ids in open_ if ids)

    def came_back(self) -> bool:
        """Whether a member is told again who was taken for gone, and has lost roles with that."""
        return any(row.presence == ABSENT and memberId in self.members for memberId, row in self.state.members.items())

    def knows_places(self, memberId: str) -> bool:
        """Whether all memberships of a member are here."""
        return self.state.placed is None or memberId in self.state.placed

    def may_remove(self, kind: str) -> bool:
        """Whether a record of the kind may go merely because it is absent."""
        return self.may_go(kind) and not self.rescoped

    def may_go(self, kind: str) -> bool:
        """Whether a record of the kind may go when upstream says so."""
        return kind not in self.protected and kind not in self.withhold

    def is_kept(self, memberId: str) -> bool:
        """Whether the member stays although upstream does not list them (out of sight, doubted, withheld, newer)."""
        if memberId in self.members:
            return False
        if memberId in self._newcomers:
            return True
        row = self.state.members.get(memberId)
        return self.speaks_of(MEMBERS, memberId) or row is None or row.presence != LISTED

    def kept_depts(self) -> set[str]:
        """Departments that stay although upstream does not list them; to be asked when their step has decided."""
        unlisted = self.state.departments.keys() - self.depts.keys() - self.gone_depts
        if self._asked is None and not self.state.fresh:
            return unlisted
        # Of what the snapshot does not speak, it stays in sight or out of sight as it was.
        return {
            deptId
            for deptId in unlisted
            if self.speaks_of(DEPARTMENTS, deptId) or self.state.departments[deptId].presence == INVISIBLE
        }

    def out_of_sight(self, row: Located) -> Located:
        """The row of something that the new scope does not hold; it remembers the scope that last held it."""
        if row.presence == INVISIBLE:
            return row
        return row._replace(presence=INVISIBLE, scopeDigest=self.state.header.scopeDigest)

    def still_out_of_sight(self, row: Located) -> bool:
        """Whether the row went out of sight earlier, and still stands where this scope does not reach."""
        if row.presence != INVISIBLE or self.whole or row.scopeDigest == self.snapshot.scope.digest:
            return False
        return not (isinstance(row, MemberRow) and row.memberId in self.back_in_sight)

    def _spoken_of(self, told: Mapping[str, Mapping[str, object]]) -> Mapping[str, frozenset[str]] | None:
        """Of each kind the ids that were asked for and are told; ``None`` for all there are."""
        if self.targets is None:
            return None
        sure = self.snapshot.complete and not self.rescoped
        unconfirmed = self.snapshot.unconfirmed
        return {
            kind: frozenset(one for one in asked if one in told[kind] or (sure and one not in unconfirmed))
            for kind, asked in _ids(self.targets).items()
        }

    def _only(self, kind: str, told: dict[str, V]) -> dict[str, V]:
        if self._asked is None and not self.state.fresh:
            return told
        return {one: record for one, record in told.items() if self.speaks_of(kind, one)}

    def _matters(self, kind: str, identifier: str) -> bool:
        """Whether a record that is not told may differ from what is kept here."""
        if (kind, identifier) in self.state.fresh:
            return False
        if identifier in self.snapshot.unconfirmed:
            return True
        row = _rows(self.state, kind).get(identifier)
        return row is not None and getattr(row, "presence", LISTED) not in (INVISIBLE, ABSENT)


def _ids(targets: Targets) -> Mapping[str, frozenset[str]]:
    return {DEPARTMENTS: targets.departments, MEMBERS: targets.members, ROLES: targets.roles}


def _rows(state: LocalState, kind: str) -> Mapping[str, DeptRow | MemberRow | RoleRow]:
    tables: Mapping[str, Mapping[str, DeptRow | MemberRow | RoleRow]] = {
        DEPARTMENTS: state.departments,
        MEMBERS: state.members,
        ROLES: state.roles,
    }
    return tables[kind]


def _is_listed(row: DeptRow) -> bool:
    return row.origin == UPSTREAM and row.presence == LISTED


def _doubted(memberIds: Collection[str]) -> str:
    named = ", ".join(sorted(memberIds)[:NAMED])
    more = f" and {len(memberIds) - NAMED} more" if len(memberIds) > NAMED else ""
    return f"{MEMBERS}: {len(memberIds)} left as they are, not listed and not confirmed to be gone: {named}{more}"


def counts(row: MemberRow) -> bool:
    """Whether the guard counts the member: active, and there for upstream."""
    return row.status == ACTIVE and row.presence not in (INVISIBLE, ABSENT)


def in_sight_again(
    memberIds: Collection[str], memberships: Iterable[tuple[str, str]], listed: Container[str], *, whole: bool
) -> set[str]:
    """Of members who went out of sight, those who would be listed if they were still where they were last seen.

    Somebody who leaves while the scope changes looks out of sight at first. Without this they would stay active for
    ever, because the scope that last held them does not come back.

    :param memberships: ids of departments and members.
    :param listed: departments in sight now.
    :param whole: the whole enterprise is in sight.
    """
    if whole or not memberIds:
        return set(memberIds)
    asked = set(memberIds)
    seen: dict[str, bool] = {}
    for deptId, memberId in memberships:
        if memberId in asked:
            seen[memberId] = seen.get(memberId, True) and deptId in listed
    return {memberId for memberId, everywhere in seen.items() if everywhere}


def _protected(snapshot: Snapshot) -> frozenset[str]:
    """Kinds of which nothing goes because upstream told only a part."""
    if not snapshot.complete:
        return frozenset(KINDS)
    partial = (entry.partition(":")[0].strip() for entry in snapshot.incomplete)
    # A kind that we do not know may be anything, so it protects everything.
    return frozenset().union(*(DEPENDENTS.get(kind, frozenset(KINDS)) for kind in partial))


def compared(after: Mapping[K, V], before: Mapping[K, V]) -> tuple[tuple[V, ...], tuple[tuple[V, V], ...]]:
    """Rows that are new, and pairs of rows that differ, both in the order of their keys."""
    added, changed = [], []
    for key, row in after.items():
        old = before.get(key)
        if old is None:
            added.append((key, row))
        elif old is not row and old != row:
            changed.append((key, old, row))
    added.sort(key=lambda one: one[0])  # type: ignore[arg-type,return-value]  # keys are texts or tuples of texts
    changed.sort(key=lambda one: one[0])  # type: ignore[arg-type,return-value]  # as above
    return tuple(row for _, row in added), tuple((old, row) for _, old, row in changed)

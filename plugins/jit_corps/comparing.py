"""The two sides of a plan, and the rules about absence that hold for every kind of record.

Absent is not gone. A record goes merely because it is absent only when the snapshot is complete and was read under the
scope that the published organisation was read under; out of scope makes it *invisible*: kept, and still active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from jit_corps.rows import INVISIBLE, DeptRow, MemberRow
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Mapping

    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot

__all__ = ["Comparison", "compared", "in_sight_again"]

K = TypeVar("K")
V = TypeVar("V")
Located = TypeVar("Located", DeptRow, MemberRow)

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
        self.snapshot = snapshot
        self.state = state
        self.withhold = withhold
        self.protected = _protected(snapshot)
        told, kept = snapshot.scope.digest, state.header.scopeDigest
        #: Under another scope absence says nothing. A scope that nobody told counts as the same one.
        self.rescoped = bool(told and kept and told != kept)
        self.depts = {dept.deptId: dept for dept in snapshot.departments}
        self.members = {member.memberId: member for member in snapshot.members}
        self.roles = {role.roleId: role for role in snapshot.roles}
        scope = snapshot.scope
        #: The whole enterprise is in sight. A scope that nobody told is not taken for that.
        self.whole = scope.hasRoot and bool(scope.digest)
        self.back_in_sight = in_sight_again(
            [memberId for memberId, row in state.members.items() if row.presence == INVISIBLE],
            state.memberships,
            self.depts if scope.digest else (),
            whole=self.whole,
        )
        #: Filled by the steps that decide over departments, members and roles, for what hangs on these.
        self.gone_depts: set[str] = set()
        self.gone_members: set[str] = set()
        self.gone_roles: set[str] = set()

    def may_remove(self, kind: str) -> bool:
        """Whether a record of the kind may go merely because it is absent."""
        return self.may_go(kind) and not self.rescoped

    def may_go(self, kind: str) -> bool:
        """Whether a record of the kind may go when upstream says so."""
        return kind not in self.protected and kind not in self.withhold

    def kept_depts(self) -> set[str]:
        """Departments that stay although upstream does not list them; to be asked when their step has decided."""
        return self.state.departments.keys() - self.depts.keys() - self.gone_depts

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
    added = [(key, row) for key, row in after.items() if key not in before]
    changed = [(key, before[key], row) for key, row in after.items() if key in before and before[key] != row]
    added.sort(key=lambda one: one[0])  # type: ignore[arg-type,return-value]  # keys are texts or tuples of texts
    changed.sort(key=lambda one: one[0])  # type: ignore[arg-type,return-value]  # as above
    return tuple(row for _, row in added), tuple((old, row) for _, old, row in changed)

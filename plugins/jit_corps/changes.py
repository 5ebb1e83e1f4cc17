"""The plan of a run as data: which records would be added, changed and removed, each with its before and after.

A plan is what a person reviews (``jit sync --plan``), what the guard judges and what is published: one value, so that
what was shown is what happens. It holds no telephone number and no address, because no row does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from jit_corps.rows import LOCAL_ROOT, NO_HEADER, Header, Row, row_dict, row_key
from jit_corps.snapshot import DEPARTMENTS, KINDS, MEMBERSHIPS, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jit_corps.fingerprints import Fingerprints
    from jit_corps.snapshot import Records

__all__ = ["Change", "KindChanges", "Plan", "Removal", "Withheld"]

R = TypeVar("R", bound="Row")
K = TypeVar("K")

ADD = "add"
UPDATE = "update"
REMOVE = "remove"


class Removal(NamedTuple, Generic[R]):
    """A record that goes: a member goes offline (``after`` is the row that stays), anything else is deleted.

    :param follows: it goes because what it belongs to goes (the memberships of a member who left); it is then not
        counted on its own.
    """

    before: R
    after: R | None
    follows: bool


class Change(NamedTuple):
    """One record's change: ``before`` is ``None`` for an addition, ``after`` for a deletion."""

    kind: str
    key: tuple[str, ...]
    action: str
    before: Row | None
    after: Row | None


@dataclass(frozen=True, slots=True)
class KindChanges(Generic[R]):
    """What would happen to the records of one kind, each list in the order of the keys.

    :param active: how many of them count now (active, managed by upstream, in sight).
    :param active_after: how many would count afterwards.
    :param doubtful: how many more would go if upstream's silence about them were believed.
    """

    added: Records[R] = ()
    updated: Records[tuple[R, R]] = ()
    removed: Records[Removal[R]] = ()
    active: int = 0
    active_after: int = 0
    doubtful: int = 0

    def __len__(self) -> int:
        return len(self.added) + len(self.updated) + len(self.removed)

    def applied(self, before: Mapping[K, R], key: Callable[[R], K]) -> dict[K, R]:
        """The records afterwards.

        :param before: the records the changes were made for.
        """
        after = dict(before)
        for removal in self.removed:
            if removal.after is None:
                del after[key(removal.before)]
            else:
                after[key(removal.after)] = removal.after
        after.update((key(row), row) for _, row in self.updated)
        after.update((key(row), row) for row in self.added)
        return after

    @property
    def own_removals(self) -> int:
        """Removals that are not mere consequences of another record's."""
        return sum(not removal.follows for removal in self.removed)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Removals of one kind that the guard held back.

    :param count: how many: those of ``keys`` and those that nobody could confirm.
    :param limit: how many would have passed.
    :param active: of how many.
    :param reason: one sentence for people.
    :param recent: how many went within a day before, which the limit counts as well.
    """

    kind: str
    count: int
    limit: int
    active: int
    keys: tuple[tuple[str, ...], ...]
    reason: str
    recent: int = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """The finding for a program: plain JSON values."""
        return {
            "kind": self.kind,
            "count": self.count,
            "limit": self.limit,
            "active": self.active,
            "recent": self.recent,
            "keys": [list(key) for key in self.keys],
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Plan:
    """Everything one run would change in one corp.

    :param base: the generation it was made for; it applies to no other.
    :param kinds: the changes of each kind of :data:`jit_corps.snapshot.KINDS`.
    :param header: what would be kept of the corp itself; ``header_before`` is what is kept now.
    :param withheld: what the guard held back.
    :param approved: kinds whose removals the guard would hold back if a person had not let them through.
    :param incomplete: what upstream told only in part (``("everything",)`` for an incomplete snapshot), and who is kept
        because nobody could confirm that they left.
    :param strangers: how many members upstream tells, if none of them is known here; else 0.
    :param conflicts: what could not be decided, in words.
    :param reconcile: why everything should be read again soon; ``None`` when there is no need.
    :param calls: calls upstream that it took.
    :param way: how upstream was read, for people.
    :param scope: what the app was allowed to see when the snapshot was read.
    :param since: when the snapshot began to be read, in seconds since the epoch; ``None`` when nobody knows.
    :param fresh: kind and id of the records that had been read singly after that when the plan was made.
    :param observed: kind and id of the records of which the snapshot tells singly, and whether they are gone.
    :param fingerprints: what upstream's lists said, if with this plan all that they said is published.
    """

    corpFullName: str
    base: int
    kinds: Mapping[str, KindChanges[Any]]
    header: Header = NO_HEADER
    header_before: Header = NO_HEADER
    withheld: tuple[Withheld, ...] = ()
    approved: frozenset[str] = frozenset()
    strangers: int = 0
    incomplete: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    reconcile: str | None = None
    calls: int = field(default=0, compare=False)
    way: str = field(default="", compare=False)
    scope: Scope = field(default=Scope(), compare=False)
    since: float | None = field(default=None, compare=False)
    fresh: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)
    observed: tuple[tuple[str, str, bool], ...] = field(default=(), compare=False)
    fingerprints: Fingerprints | None = field(default=None, compare=False)

    def __len__(self) -> int:
        """How many records would change."""
        return sum(len(changes) for changes in self.kinds.values())

    @property
    def empty(self) -> bool:
        """Whether publishing it would write nothing."""
        return not len(self) and self.header == self.header_before

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """``added updated removed`` of each kind, without the department that we put above a forest."""
        counts = {
            kind: {"added": len(changes.added), "updated": len(changes.updated), "removed": len(changes.removed)}
            for kind, changes in ((kind, self.kinds[kind]) for kind in KINDS)
        }
        departments = self.kinds[DEPARTMENTS]
        counts[DEPARTMENTS]["added"] -= sum(row.deptId == LOCAL_ROOT for row in departments.added)
        counts[DEPARTMENTS]["updated"] -= sum(after.deptId == LOCAL_ROOT for _, after in departments.updated)
        counts[DEPARTMENTS]["removed"] -= sum(one.before.deptId == LOCAL_ROOT for one in departments.removed)
        return counts

    @property
    def unapproved(self) -> dict[str, int]:
        """How many records of each kind go by themselves and without approval: what the guard counts of a day.

        A move is none of these: upstream says where the member is now. Of one run it counts, lest everybody end up in
        one place; over a day, a small enterprise could not move four people.
        """
        counts = {kind: self.kinds[kind].own_removals for kind in KINDS if kind not in self.approved}
        if counts.get(MEMBERSHIPS):
            changes = self.kinds[MEMBERSHIPS]
            moved = {row.memberId for row in changes.added}
            counts[MEMBERSHIPS] -= sum(not one.follows and one.before.memberId in moved for one in changes.removed)
        return {kind: count for kind, count in counts.items() if count}

    @cached_property
    def digest(self) -> str:
        """Equal plans, and only they, have equal digests."""
        told = (self.corpFullName, self.base, tuple(self.header), [tuple(change) for change in self.changes()])
        return sha256(repr(told).encode()).hexdigest()

    def changes(self) -> Iterator[Change]:
        """Every change, kind by kind, in the order of the keys."""
        for kind in KINDS:
            changes = self.kinds[kind]
            for row in changes.added:
                yield Change(kind, row_key(kind, row), ADD, None, row)
            for before, after in changes.updated:
                yield Change(kind, row_key(kind, after), UPDATE, before, after)
            for removal in changes.removed:
                yield Change(kind, row_key(kind, removal.before), REMOVE, removal.before, removal.after)

    def as_dict(self) -> dict[str, Any]:
        """The plan for a program: plain JSON values."""
        exported: dict[str, Any] = {
            "corpFullName": self.corpFullName,
            "base": self.base,
            "digest": self.digest,
            "header": {"before": self.header_before._asdict(), "after": self.header._asdict()},
            "counts": self.counts,
            "incomplete": list(self.incomplete),
            "conflicts": list(self.conflicts),
            "withheld": [one.as_dict() for one in self.withheld],
            "changes": [
                {
                    "kind": change.kind,
                    "key": list(change.key),
                    "action": change.action,
                    "before": None if change.before is None else row_dict(change.before),
                    "after": None if change.after is None else row_dict(change.after),
                }
                for change in self.changes()
            ],
        }
        return exported

    def to_json(self) -> str:
        """The plan as JSON text."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2)

    def __str__(self) -> str:
        parts = [
            f"{kind} +{count['added']} ~{count['updated']} -{count['removed']}"
            for kind, count in self.counts.items()
            if any(count.values())
        ]
        lines = [f"{self.corpFullName}: " + (", ".join(parts) or "nothing would change")]
        lines += [f"  withheld {one}" for one in self.withheld]
        lines += [f"  incomplete: {one}" for one in self.incomplete]
        lines += [f"  conflict: {one}" for one in self.conflicts]
        return "\n".join(lines)

"""One member's changes out of the history of a corp, under every id that the member had.

Looking them up reads through the corp's history: an index for it would make every sync slower, and this question is
asked once in a while by a person who waits.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, NamedTuple

from peewee import fn

from jit_corps.explanation import Origin, Step
from jit_corps.history import quoted
from jit_corps.models import ChangeRecord, SyncRun
from jit_corps.rows import user_id
from jit_corps.run_list import iso
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitcore.storage import Storage

__all__ = ["MemberHistory", "read_history"]

#: Where in the key of a record the member stands.
PLACES = {MEMBERS: 0, MEMBERSHIPS: 1, GRANTS: 1}
#: A member's id changes once at WeCom; a history that says more than that often is not followed for ever.
MOST_IDS = 20


class Raw(NamedTuple):
    """A row of the history."""

    changeId: int
    generation: int
    runId: int | None
    kind: str
    key: tuple[str, ...]
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class MemberHistory:
    """The changes of one member, oldest first.

    :param renames: by generation and new id, the id before.
    """

    def __init__(self, changes: Sequence[Raw], renames: dict[tuple[int, str], str], origins: _Origins) -> None:
        self._changes = changes
        self._renames = renames
        self._origins = origins

    @property
    def formerIds(self) -> tuple[str, ...]:
        """Ids that the member had before, newest first."""
        return tuple(old for _, old in sorted(self._renames.items(), reverse=True))

    def steps(self) -> tuple[Step, ...]:
        """All of them."""
        return tuple(
            Step(self._origins.of(one), one.kind, one.key, one.action, one.before, one.after) for one in self._changes
        )

    def origin(self, kind: str, key: tuple[str, ...], fields: frozenset[str] | None = None) -> Origin | None:
        """What made a record, or set one of these fields of it last; a new id is neither.

        :returns: ``None`` when the history does not tell.
        """
        found = self._find(kind, key, fields, None)
        return None if found is None else self._origins.of(found)

    def _find(self, kind: str, key: tuple[str, ...], fields: frozenset[str] | None, until: int | None) -> Raw | None:
        one: Raw
        mine = [one for one in self._changes if (one.kind, one.key) == (kind, key)]
        for one in reversed(mine):
            if one.after is None or (until is not None and one.generation >= until):
                continue
            if one.before is None:
                earlier = self._under_old_id(one, fields)
                return one if earlier is None else earlier
            if fields is not None and not fields.isdisjoint(one.after):
                return one
        return None

    def _under_old_id(self, added: Raw, fields: frozenset[str] | None) -> Raw | None:
        """What made the same record under the id before, if all that this change did was to give it another id."""
        place = PLACES[added.kind]
        old = self._renames.get((added.generation, added.key[place]))
        if old is None:
            return None
        key = (*added.key[:place], old, *added.key[place + 1 :])
        gone = [
            one
            for one in self._changes
            if (one.kind, one.key, one.generation, one.after) == (added.kind, key, added.generation, None)
        ]
        if not gone:
            return None
        was, is_ = gone[0].before or {}, added.after or {}
        if fields is not None and any(was.get(name) != is_.get(name) for name in fields):
            return None
        return self._find(added.kind, key, fields, added.generation)


def read_history(storage: Storage, corpFullName: str, memberId: str) -> MemberHistory:
    """Read what happened to a member, to be called inside :meth:`~jitcore.storage.Storage.reading`."""
    changes: dict[int, Raw] = {}
    renames: dict[tuple[int, str], str] = {}
    current, until = memberId, None
    for _ in range(MOST_IDS):
        mine = [one for one in _of(storage, corpFullName, current) if until is None or one.generation <= until]
        changes.update((one.changeId, one) for one in mine)
        renamed = _renamed(storage, corpFullName, current, mine)
        if renamed is None:
            break
        until, old = renamed
        renames[until, current] = old
        current = old
    ordered = [changes[changeId] for changeId in sorted(changes)]
    return MemberHistory(ordered, renames, _Origins(storage, corpFullName, ordered))


def _of(storage: Storage, corpFullName: str, memberId: str) -> list[Raw]:
    change = storage.models[ChangeRecord]
    text = quoted(memberId)
    # Every database has REPLACE, and compares with it letter by letter; LIKE is neither here nor there.
    named = fn.REPLACE(change.key, text, "") != change.key
    mine = (change.corpFullName == corpFullName) & change.kind.in_(list(PLACES)) & named
    columns = [getattr(change, name) for name in Raw._fields]
    query = change.select(*columns).where(mine).order_by(change.changeId)
    found = (Raw(*row) for row in storage.select_tuples(query))
    return [one._replace(key=tuple(one.key)) for one in found if one.key[PLACES[one.kind]] == memberId]


def _renamed(storage: Storage, corpFullName: str, memberId: str, changes: Sequence[Raw]) -> tuple[int, str] | None:
    """In which generation the member got this id, and from which one; an account that is not the id's own tells."""
    own = user_id(corpFullName, memberId)
    change = storage.models[ChangeRecord]
    for one in reversed(changes):
        userId = (one.after or {}).get("userId", own)
        if one.kind != MEMBERS or userId == own:
            continue
        same = (change.corpFullName == corpFullName) & (change.generation == one.generation)
        gone = same & (change.kind == MEMBERS) & change.after.is_null()
        for key, before in storage.select_tuples(change.select(change.key, change.before).where(gone)):
            if before.get("userId") == userId:
                return one.generation, key[0]
    return None


class _Origins:
    """Which run or person published each of these changes."""

    def __init__(self, storage: Storage, corpFullName: str, changes: Sequence[Raw]) -> None:
        run = storage.models[SyncRun]
        wanted = sorted({one.runId for one in changes if one.runId is not None})
        mine = run.corpFullName == corpFullName
        self._runs: dict[int, tuple[str, Any]] = {}
        for start in range(0, len(wanted), 900):
            query = run.select(run.runId, run.action, run.finishedAt)
            some = query.where(mine & run.runId.in_(wanted[start : start + 900]))
            self._runs.update((runId, (action, ended)) for runId, action, ended in storage.select_tuples(some))
        self._ends: list[tuple[int, Any, int]] = []
        if any(one.runId is None for one in changes):
            ended = mine & run.generation.is_null(False) & run.finishedAt.is_null(False)
            query = run.select(run.generation, run.finishedAt, run.runId).where(ended)
            self._ends = sorted(storage.select_tuples(query))

    def of(self, change: Raw) -> Origin:
        if change.runId is not None:
            action, ended = self._runs.get(change.runId, ("run", None))
            return Origin(change.generation, action, change.runId, iso(ended))
        at = bisect_left(self._ends, (change.generation,))
        after = self._ends[at - 1] if at else None
        before = self._ends[at] if at < len(self._ends) else None
        return Origin(change.generation, "person", after=_end(after), before=_end(before))


def _end(run: tuple[int, Any, int] | None) -> str | None:
    return None if run is None else f"run {run[2]}, {iso(run[1])}"

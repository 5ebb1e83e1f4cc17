"""What upstream's lists said when the organisation was last published, as digests.

Nearly every list of nearly every sync says what it said before. A list whose text is the same, of a department whose
members nobody here has touched since, tells nothing new of anybody in it: there is no need to read it, to compare it,
or to read the rows that it would be compared with. Of a list that changed this holds for those of its members whose
part of the text is the same.

That is believed only of lists that were published whole (a run that ended ``ok``), under the same visible range, by the
same version of this software, for a day at most: once a day everything is compared. What events and people here changed
since is in the history, and their departments are compared.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from jit_corps.models import ChangeRecord, CorpDeptMember, CorpRole, FingerprintRecord
from jit_corps.row_selection import Rows
from jit_corps.rows import MANUAL
from jit_corps.snapshot import DEPARTMENTS, GRANTS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitcore.storage import Storage

__all__ = [
    "KEPT_SECONDS",
    "Digests",
    "Fingerprint",
    "Fingerprints",
    "Prints",
    "Touched",
    "load",
    "read_touched",
    "store",
]

#: How long it is believed that what says the same is the same.
KEPT_SECONDS = 24 * 3600.0
#: Of more changes since, comparing everything is the shorter way.
CHANGES = 20_000
#: Characters of a member's mark.
MARK = 8
#: For more members none has a mark: MariaDB takes 16 MB in one statement if nobody told it otherwise.
MOST_MARKS = 1_300_000

COLUMNS = ("corpFullName", "generation", "version", "comparedAt", "digests")


class Fingerprint(NamedTuple):
    """What one list said: of the members of a department, or of those whom a role names.

    :param members: how many members it told of, each of them once, and each as one of its own.
    :param marks: what it said of each of them, one :meth:`Digests.mark` after another; ``""`` when that is not known.
    """

    digest: str
    members: int
    marks: str = ""

    @property
    def each(self) -> frozenset[str]:
        """The marks of its members."""
        return frozenset(self.marks[start : start + MARK] for start in range(0, len(self.marks), MARK))


Prints: TypeAlias = "Mapping[str, Fingerprint]"


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """What the lists of one reading said.

    :param version: equal ones mean that equal text means equal records.
    :param comparedAt: when all of it was compared last, in seconds since the epoch.
    :param departments: by id, what their members' lists said, as ``roles``.
    :param isStored: whether just this is stored already, of the generation that was published when the reading began.
    """

    version: str
    comparedAt: float
    departments: Prints = field(default_factory=dict)
    roles: Prints = field(default_factory=dict)
    isStored: bool = False


@dataclass(frozen=True, slots=True)
class Touched:
    """What was changed here since a generation, be it by events or by people."""

    members: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


class Digests:
    """Makes digests of what lists say.

    A list may say what is kept nowhere, a telephone number for example. Whoever has the database and everything else
    that is said of somebody could try all numbers; without the key they cannot.

    :param key: at most 64 bytes, to be kept from whoever may read the database. With another key all digests differ, as
        though all lists said something new.
    """

    def __init__(self, key: bytes) -> None:
        self._list = blake2b(key=key, digest_size=16)
        self._member = blake2b(key=key, digest_size=MARK * 6 // 8)

    def digest(self, text: bytes) -> str:
        """A digest that no two texts share."""
        digest = self._list.copy()
        digest.update(text)
        return digest.hexdigest()

    def mark(self, text: bytes) -> str:
        """A short digest of what a list said of one member. It need not differ but from those of the same list."""
        mark = self._member.copy()
        mark.update(text)
        return base64.b64encode(mark.digest()).decode("ascii")


def read_touched(storage: Storage, corpFullName: str, since: int, generation: int) -> Touched | None:
    """What was changed after generation ``since``, with every department that a changed member was or is in.

    :param generation: the published one.
    :returns: ``None`` when it is too much, or when others may have to get or lose roles of their departments.
    """
    if since == generation:
        return Touched()
    if since < generation and _stand_otherwise(storage, corpFullName, since):
        return None
    change = storage.models[ChangeRecord]
    query = change.select(change.kind, change.key).where(
        change.corpFullName == corpFullName,
        change.generation > since,
        change.kind.in_([MEMBERS, MEMBERSHIPS, GRANTS]),
    )
    found = storage.select_tuples(query.limit(CHANGES + 1))
    if len(found) > CHANGES or since > generation:
        return None
    # A grant's key ends with where it comes from.
    grants = [key for kind, key in found if kind == GRANTS and key[2] != MANUAL]
    places = [key for kind, key in found if kind == MEMBERSHIPS]
    members = {key[0] for kind, key in found if kind == MEMBERS}
    members.update(memberId for _, memberId in places)
    members.update(memberId for _, memberId, _ in grants)
    rows = Rows(storage, corpFullName)
    now_in = {deptId for (deptId,) in rows.some(CorpDeptMember, ("deptId",), "memberId", members)}
    return Touched(
        frozenset(members),
        frozenset(now_in.union(deptId for deptId, _ in places)),
        frozenset(roleId for roleId, _, _ in grants),
    )


def _stand_otherwise(storage: Storage, corpFullName: str, since: int) -> bool:
    """Whether departments moved, or roles came to stand for other departments.

    Whose roles follow from that is not all of what was changed: the guard may have held some of it back, which no list
    of upstream's tells, and no row.
    """
    change, role = storage.models[ChangeRecord], storage.models[CorpRole]
    query = change.select(change.kind, change.before, change.after).where(
        change.corpFullName == corpFullName, change.generation > since, change.kind.in_([DEPARTMENTS, ROLES])
    )
    found = [(kind, said) for kind, *both in storage.select_tuples(query.limit(CHANGES)) for said in both if said]
    if len(found) >= CHANGES or any(said.get("deptIds") for kind, said in found if kind == ROLES):
        return True
    if not any("upstreamParentId" in said for kind, said in found if kind == DEPARTMENTS):
        return False
    stands = role.select(role.deptIds).where(role.corpFullName == corpFullName)
    return any(deptIds for (deptIds,) in storage.select_tuples(stands))


def load(storage: Storage, corpFullName: str) -> tuple[int, Fingerprints] | None:
    """What the lists said when a generation was published, and which that was."""
    model = storage.models[FingerprintRecord]
    columns = [getattr(model, name) for name in COLUMNS[1:]]
    query = model.select(*columns).where(model.corpFullName == corpFullName)
    for generation, version, comparedAt, digests in storage.select_tuples(query):
        departments, roles = (
            {one: Fingerprint(*told) for one, told in prints.items()} for prints in json.loads(digests)
        )
        return int(generation), Fingerprints(version, comparedAt, departments, roles, isStored=True)
    return None


def store(storage: Storage, corpFullName: str, generation: int, prints: Fingerprints) -> None:
    """Keep what the lists said when this generation was published; called in the transaction that publishes it."""
    digests = json.dumps([prints.departments, prints.roles], separators=(",", ":"))
    model = storage.models[FingerprintRecord]
    # Not an upsert of rows: those go to PostgreSQL in arrays, in which each quote of a text this long is escaped.
    model.delete().where(model.corpFullName == corpFullName).execute()
    row = (corpFullName, generation, prints.version, prints.comparedAt, digests)
    model.insert(dict(zip(COLUMNS, row, strict=True))).execute()

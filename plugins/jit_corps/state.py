"""Reads what is published of one corp, in one consistent view, as the rows that plans are made of.

All of it at once, or, of the largest, page by page into the parts in which it is planned.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from peewee import Tuple, fn

from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, CorpState
from jit_corps.newcomers import Newcomers
from jit_corps.observations import read_fresh
from jit_corps.packing import ROWS
from jit_corps.parts import Cut, People, Whole
from jit_corps.rows import KEY_LENGTHS, DeptRow, GrantRow, Header, LocalState, MemberRow, MembershipRow, RoleRow
from jit_corps.snapshot import GRANTS, MEMBERS, MEMBERSHIPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import peewee

    from jit_corps.parts import Parts
    from jit_corps.snapshot import Snapshot
    from jitcore.storage import Storage

__all__ = ["made", "read_header", "read_parts", "read_state", "select_rows"]

#: Fields of rows that hold several ids.
LISTS = frozenset({"leaderIds", "deptIds"})
#: Rows that are read from a table of a large organisation at a time.
PAGE = 20_000


def read_state(storage: Storage, corpFullName: str, title: str = "", since: float | None = None) -> LocalState:
    """The published organisation of one corp. Seven statements, whatever its size.

    :param title: the element's title.
    :param since: when the snapshot that it is to be compared with began to be read; in seconds since the epoch.
    """
    with storage.reading():
        generation, header = read_header(storage, corpFullName)
        fresh = frozenset() if since is None else read_fresh(storage, corpFullName, since)
        depts = made(DeptRow, select_rows(storage, CorpDept, DeptRow._fields, corpFullName))
        members = map(ROWS[MEMBERS].unpack, select_rows(storage, CorpMember, MemberRow._fields, corpFullName))
        memberships = map(
            ROWS[MEMBERSHIPS].unpack, select_rows(storage, CorpDeptMember, MembershipRow._fields, corpFullName)
        )
        roles = made(RoleRow, select_rows(storage, CorpRole, RoleRow._fields, corpFullName))
        grants = map(ROWS[GRANTS].unpack, select_rows(storage, CorpRoleMember, GrantRow._fields, corpFullName))
        return LocalState(
            corpFullName=corpFullName,
            title=title,
            generation=generation,
            header=header,
            departments={row.deptId: row for row in depts},
            members={row.memberId: row for row in members},
            memberships={(row.deptId, row.memberId): row for row in memberships},
            roles={row.roleId: row for row in roles},
            grants=frozenset(grants),
            since=since,
            fresh=fresh,
        )


def read_parts(
    storage: Storage, corpFullName: str, snapshot: Snapshot, title: str, since: float, members_at_once: int
) -> Parts | Newcomers:
    """The published organisation beside a snapshot, in as many parts as it takes.

    :param title: the element's title.
    :param since: when the snapshot began to be read; in seconds since the epoch.
    :param members_at_once: an organisation of more is cut into parts of about so many.
    """
    with storage.reading():
        member = storage.models[CorpMember]
        counted = member.select(fn.COUNT(member.memberId)).where(member.corpFullName == corpFullName)
        [(known,)] = storage.select_tuples(counted)
        count = ceil(max(known, len(snapshot.members)) / members_at_once)
        if count <= 1:
            return Whole(snapshot, read_state(storage, corpFullName, title, since))
        generation, header = read_header(storage, corpFullName)
        depts = made(DeptRow, select_rows(storage, CorpDept, DeptRow._fields, corpFullName))
        roles = made(RoleRow, select_rows(storage, CorpRole, RoleRow._fields, corpFullName))
        state = LocalState(
            corpFullName=corpFullName,
            title=title,
            generation=generation,
            header=header,
            departments={row.deptId: row for row in depts},
            roles={row.roleId: row for row in roles},
            since=since,
            fresh=read_fresh(storage, corpFullName, since),
        )
        if not (generation or state.fresh):
            # Nothing was published before, and nothing read singly.
            return Newcomers(snapshot, state, count)
        people = People(
            _pages(storage, CorpMember, MemberRow._fields, MEMBERS, corpFullName),
            _pages(storage, CorpDeptMember, MembershipRow._fields, MEMBERSHIPS, corpFullName),
            _pages(storage, CorpRoleMember, GrantRow._fields, GRANTS, corpFullName),
        )
        return Cut(snapshot, state, people, count)


def _pages(
    storage: Storage, model: type[peewee.Model], fields: Sequence[str], kind: str, corpFullName: str
) -> Iterator[tuple[Any, ...]]:
    """One corp's rows of a table as tuples, a page at a time; the database decides the order of the keys."""
    bound: Any = storage.models[model]
    key = [getattr(bound, name) for name in fields[: KEY_LENGTHS[kind]]]
    query = bound.select(*(getattr(bound, name) for name in fields)).where(bound.corpFullName == corpFullName)
    query = query.order_by(*key).limit(PAGE)
    page = storage.select_tuples(query)
    yield from page
    while len(page) == PAGE:
        last = page[-1][: len(key)]
        # The first condition says nothing new: MariaDB finds the place in its index by that one only.
        after = (key[0] >= last[0]) & (Tuple(*key) > Tuple(*last)) if len(key) > 1 else key[0] > last[0]
        page = storage.select_tuples(query.where(after))
        yield from page


def read_header(storage: Storage, corpFullName: str, *, lock: bool = False) -> tuple[int, Header]:
    """The published generation (0 for none) and what is kept of the corp itself.

    :param lock: keep others from publishing until the transaction ends. SQLite's write transactions do that anyway.
    """
    fields = ("generation", *Header._fields)
    if lock and storage.database.for_update:
        state = storage.models[CorpState]
        query = state.select(*(getattr(state, name) for name in fields)).where(state.corpFullName == corpFullName)
        found = storage.select_tuples(query.for_update())
    else:
        found = storage.select_where(CorpState, fields, corpFullName=corpFullName)
    for generation, *header in found:
        return int(generation), Header(*header)
    return 0, Header()


def select_rows(
    storage: Storage, model: type[peewee.Model], fields: Sequence[str], corpFullName: str
) -> list[tuple[Any, ...]]:
    """One corp's rows of a table as tuples of the named fields."""
    return storage.select_where(model, fields, corpFullName=corpFullName)


def made(row_type: Any, found: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Rows of tuples in which a list may stand, which JSON makes of a tuple."""
    [place] = (place for place, name in enumerate(row_type._fields) if name in LISTS)
    for values in found:
        told = values[place]
        if type(told) is list:
            values = (*values[:place], tuple(told), *values[place + 1 :])
        yield row_type(*values)

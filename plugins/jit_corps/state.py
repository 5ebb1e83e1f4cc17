"""Reads what is published of one corp, in one consistent view, as the rows that plans are made of."""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeVar

from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, CorpState
from jit_corps.observations import read_fresh
from jit_corps.rows import DeptRow, GrantRow, Header, LocalState, MemberRow, MembershipRow, RoleRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import peewee

    from jitcore.storage import Storage

__all__ = ["made", "read_header", "read_state", "select_rows"]

R = TypeVar("R")


def read_state(storage: Storage, corpFullName: str, title: str = "", since: float | None = None) -> LocalState:
    """The published organisation of one corp. Seven statements, whatever its size.

    :param title: the element's title.
    :param since: when the snapshot that it is to be compared with began to be read; in seconds since the epoch.
    """
    with storage.reading():
        generation, header = read_header(storage, corpFullName)
        fresh = frozenset() if since is None else read_fresh(storage, corpFullName, since)
        depts = made(DeptRow, select_rows(storage, CorpDept, DeptRow._fields, corpFullName))
        members = starmap(MemberRow, select_rows(storage, CorpMember, MemberRow._fields, corpFullName))
        memberships = starmap(MembershipRow, select_rows(storage, CorpDeptMember, MembershipRow._fields, corpFullName))
        roles = made(RoleRow, select_rows(storage, CorpRole, RoleRow._fields, corpFullName))
        grants = starmap(GrantRow, select_rows(storage, CorpRoleMember, GrantRow._fields, corpFullName))
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


def read_header(storage: Storage, corpFullName: str, *, lock: bool = False) -> tuple[int, Header]:
    """The published generation (0 for none) and what is kept of the corp itself.

    :param lock: keep others from publishing until the transaction ends. SQLite's write transactions do that anyway.
    """
    state = storage.models[CorpState]
    fields = [state.generation, *(getattr(state, name) for name in Header._fields)]
    query = state.select(*fields).where(state.corpFullName == corpFullName)
    if lock and storage.database.for_update:
        query = query.for_update()
    for generation, *header in storage.select_tuples(query):
        return int(generation), Header(*header)
    return 0, Header()


def select_rows(
    storage: Storage, model: type[peewee.Model], fields: Sequence[str], corpFullName: str
) -> list[tuple[Any, ...]]:
    """One corp's rows of a table as tuples of the named fields."""
    bound: Any = storage.models[model]
    query = bound.select(*(getattr(bound, name) for name in fields)).where(bound.corpFullName == corpFullName)
    return storage.select_tuples(query)


def made(row_type: Callable[..., R], found: Iterable[tuple[Any, ...]]) -> Iterator[R]:
    """Rows of tuples that may hold a list, which JSON makes of a tuple."""
    for values in found:
        if any(isinstance(value, list) for value in values):
            values = tuple(tuple(value) if isinstance(value, list) else value for value in values)
        yield row_type(*values)

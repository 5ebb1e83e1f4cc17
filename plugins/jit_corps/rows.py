"""What is kept here of an organisation, as ready tuples: the shape in which it is read, compared and written.

The fields of each row are those of its model (:mod:`jit_corps.models`), in the same order, without ``corpFullName``.
Named tuples, because comparing and writing a hundred thousand of them is what a sync consists of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from jit_corps.snapshot import DEPARTMENTS, GRANTS, MEMBERS, MEMBERSHIPS, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ABSENT",
    "ACTIVE",
    "BY_HAND",
    "CUSTOM",
    "DEPT",
    "FLAGS",
    "INVISIBLE",
    "KEY_LENGTHS",
    "LISTED",
    "LOCAL",
    "LOCAL_ROOT",
    "MANUAL",
    "NO_HEADER",
    "OFFLINE",
    "STATUS_NAMES",
    "TAG",
    "UNCONFIRMED",
    "UPSTREAM",
    "DeptRow",
    "GrantRow",
    "Header",
    "LocalState",
    "MemberRow",
    "MembershipRow",
    "RoleRow",
    "Row",
    "in_order",
    "row_dict",
    "row_key",
    "user_id",
]

T = TypeVar("T", bound=tuple[Any, ...])

#: A member's ``status``, as JitAi counts it.
ACTIVE = 1
OFFLINE = 2
STATUS_NAMES: Mapping[int, str] = {ACTIVE: "active", OFFLINE: "offline"}

#: The reason of a member whom a person here set offline; upstream's own reason stays known beside it.
BY_HAND = "manual"

#: ``presence``: upstream lists it; it fell out of the scope; it is not listed and nobody could say why; it is gone.
LISTED = "listed"
INVISIBLE = "invisible"
UNCONFIRMED = "unconfirmed"
ABSENT = "absent"

#: ``origin``: who owns a row.
UPSTREAM = "upstream"
LOCAL = "local"
CUSTOM = "custom"
MANUAL = "manual"
DEPT = "dept"
TAG = "tag"

#: Id of the department that stands above a forest. Upstream ids have no colon.
LOCAL_ROOT = "local:root"


class DeptRow(NamedTuple):
    """A department: ``parentId`` is where it stands here, ``upstreamParentId`` what upstream told."""

    deptId: str
    name: str | None
    parentId: str | None
    upstreamParentId: str | None
    order: int
    leaderIds: tuple[str, ...] | None
    origin: str
    placement: str
    presence: str
    scopeDigest: str | None


class MemberRow(NamedTuple):
    """A member: ``status`` and ``reason`` are what follows from ``upstreamReason``, ``manualOffline`` and ``pinned``.

    ``scopeDigest`` is the scope under which an invisible member was last listed. ``pinned`` is what a person here keeps
    as it is: JSON text, each field with what upstream says of it.
    """

    memberId: str
    userId: str
    name: str | None
    aliasName: str | None
    position: str | None
    gender: str | None
    avatar: str | None
    openUserId: str | None
    mainDeptId: str | None
    status: int
    reason: str | None
    upstreamReason: str | None
    manualOffline: bool
    presence: str
    scopeDigest: str | None
    pinned: str | None = None


class MembershipRow(NamedTuple):
    """A member's place in a department."""

    deptId: str
    memberId: str
    order: int
    isLeader: bool


class RoleRow(NamedTuple):
    """A role; ``deptIds`` are the departments it stands for, ``None`` when upstream never told."""

    roleId: str
    name: str | None
    origin: str
    deptIds: tuple[str, ...] | None = None


class GrantRow(NamedTuple):
    """A role of a member; the origin is part of the key, so a manual grant and a tag's stand side by side."""

    roleId: str
    memberId: str
    origin: str


Row: TypeAlias = DeptRow | MemberRow | MembershipRow | RoleRow | GrantRow

#: How many of a row's first fields are its key.
KEY_LENGTHS: Mapping[str, int] = {DEPARTMENTS: 1, MEMBERS: 1, MEMBERSHIPS: 2, ROLES: 1, GRANTS: 3}
FLAGS = frozenset({"manualOffline", "isLeader"})


class Header(NamedTuple):
    """What is kept of the corp itself."""

    corpId: str | None = None
    corpName: str | None = None
    scopeDigest: str = ""
    scopeSummary: str = ""
    rootDeptId: str | None = None


NO_HEADER = Header()


@dataclass(frozen=True, slots=True)
class LocalState:
    """The published organisation of one corp, read in one go.

    :param title: the element's title, for a local root when upstream does not tell the enterprise's name.
    :param generation: 0 when nothing was published yet.
    :param since: when the snapshot that it is compared with began to be read, in seconds since the epoch.
    :param fresh: kind and id of the records that somebody began to read singly after that.
    :param placed: members whose memberships and grants are all here; ``None`` when all of everything is here.
    :param is_tree: whether all departments are here; if not, no department moves.
    :param parents: where all departments stand upstream, when they are not all here and some role stands for some.
    """

    corpFullName: str
    title: str = ""
    generation: int = 0
    header: Header = NO_HEADER
    departments: Mapping[str, DeptRow] = field(default_factory=dict)
    members: Mapping[str, MemberRow] = field(default_factory=dict)
    memberships: Mapping[tuple[str, str], MembershipRow] = field(default_factory=dict)
    roles: Mapping[str, RoleRow] = field(default_factory=dict)
    grants: frozenset[GrantRow] = frozenset()
    since: float | None = None
    fresh: frozenset[tuple[str, str]] = frozenset()
    placed: frozenset[str] | None = None
    is_tree: bool = True
    parents: Mapping[str, str | None] = field(default_factory=dict)


def row_key(kind: str, row: Row) -> tuple[str, ...]:
    """The part of a row that says which one it is."""
    return row[: KEY_LENGTHS[kind]]  # type: ignore[return-value]  # the key fields of every row are texts


def in_order(rows: Iterable[T]) -> list[T]:
    """Rows of memberships or grants in the order of their keys.

    Many hang on one department or role. To put these in order and then what hangs on each takes a third of the time of
    sorting everything.
    """
    hanging: dict[str, list[T]] = {}
    for row in rows:
        hanging.setdefault(row[0], []).append(row)
    for some in hanging.values():
        some.sort()
    return list(chain.from_iterable(hanging[key] for key in sorted(hanging)))


def row_dict(row: Row) -> dict[str, Any]:
    """A row for people and programs; SQLite's 0 and 1 become false and true."""
    return {name: bool(value) if name in FLAGS else value for name, value in zip(row._fields, row, strict=True)}


def user_id(corpFullName: str, memberId: str) -> str:
    """The account of a new member: always the same for this member, never shared with another.

    People are never matched by mail or telephone number: a recycled number would hand over the account.
    """
    return sha256(f"{corpFullName}\0{memberId}".encode()).hexdigest()[:32]

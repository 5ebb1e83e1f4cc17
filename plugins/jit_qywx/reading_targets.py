"""Reads single members, departments and tags again, after an event said that they changed. Network only.

The walk: scope → what was asked for → what hangs on that and is not known here, until nothing more does → scope once
more. What hangs on a record is what must come along for the organisation to be right afterwards:

* the parent of a department, the departments of a member, the members and departments under a tag, when not known here:
  events overtake one another, and a record that stands nowhere would wait for the next full reading;
* what stood in a department that is gone;
* departments whose leaders changed, because that is told with the department and announced with the member;
* the tags of an id that was deleted or became another, and is there all the same: somebody else has it now;
* all tags, when somebody comes back into sight: no event says that they have had a tag all along;
* in a range without the root, what is inside a department that is new here: it may have been moved into the range.

Gone is what WeCom says does not exist (60111, 60003, 60123, 40068). Refused is not gone: it stays, unconfirmed. Any
other failure fails the reading, which is tried again. Source: WeCom documents 96255, 95407, 90349, 96448 and 99052.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from jit_corps.snapshot import DEPARTMENTS, MEMBERS, ROLES, GrantRecord, Snapshot, Targets
from jit_qywx.errors import CallerMistake, NotFound, PermissionDenied, TokenReplaced
from jit_qywx.fanout import read_each
from jit_qywx.mapping import ROOT, Mapper, record_id, role_record, tag_users
from jit_qywx.one_enterprise import WITNESSES, is_known
from jit_qywx.scope import VisibleScope, common, read_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from jit_corps.progress import Progress
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.kept import Kept

__all__ = ["read_targets"]

logger = logging.getLogger(__name__)

Record: TypeAlias = dict[str, Any]
#: A kind of records and an id.
Ident: TypeAlias = tuple[str, str]

#: Most records to read because they hang on others. More are a case for a full reading.
_MOST_FOLLOWED = 500
#: So many members are asked for when those who are usually asked for, fewer, are not found either.
_MANY_WITNESSES = 3 * WITNESSES
#: "That does not exist", by what was asked for; any other refusal says less.
_GONE: Mapping[str, frozenset[int]] = {
    DEPARTMENTS: frozenset({60003, 60123}),
    MEMBERS: frozenset({60111}),
    ROLES: frozenset({40068}),
}
#: What a reading of one record came to, when it is no record.
GONE: Final = "gone"
UNCLEAR: Final = "unclear"


def read_targets(
    client: QywxProxyClient,
    targets: Targets,
    kept: Kept,
    *,
    concurrency: int,
    progress: Progress,
    corpName: str | None = None,
) -> Snapshot:
    """Read single records, and what hangs on them.

    :param client: the enterprise's client.
    :param targets: what to read.
    :param kept: what is known here.
    :param concurrency: most calls at once.
    :param progress: called with (phase, done, total or None).
    :param corpName: the enterprise's name, when known.
    :returns: a snapshot with ``targets``. It says ``incomplete`` where only a full reading can tell the rest.
    :raises ApiError: WeCom could not answer now, or answers this app no more; it says which.
    :raises TransportError: a call got no usable answer.
    """

    def replaced(_: QywxProxyClient) -> None:
        raise TokenReplaced(client.corpId)

    with ThreadPoolExecutor(concurrency, thread_name_prefix="jit-qywx-read") as pool:
        try:
            return _Reading(client.proving(replaced), pool, kept, progress).read(targets, corpName)
        except TokenReplaced:
            # It is a matter of a few calls: all of them are made with one token.
            return _Reading(client.proving(replaced), pool, kept, progress).read(targets, corpName)


class _Reading:
    """One reading of single records."""

    def __init__(self, client: QywxProxyClient, pool: ThreadPoolExecutor, kept: Kept, progress: Progress) -> None:
        self._client = client
        self._pool = pool
        self._kept = kept
        self._progress = progress
        self._ask: Mapping[str, Callable[[str], Record]] = {
            DEPARTMENTS: client.department.get,
            MEMBERS: client.user.get,
            ROLES: lambda roleId: client.tag.get(roleId.removeprefix("tag:")),
        }
        #: What was read: the record, or why there is none.
        self._found: dict[str, dict[str, Record | str]] = {DEPARTMENTS: {}, MEMBERS: {}, ROLES: {}}
        self._respelt: set[tuple[str, str]] = set()
        self._incomplete: list[str] = []

    def read(self, targets: Targets, corpName: str | None) -> Snapshot:
        calls = self._client.calls
        self._progress("scope", 0, None)
        before = read_scope(self._client, self._pool)
        self._whole = ROOT in before.departments or bool(self._kept.listed(DEPARTMENTS, [ROOT]))
        asked = _idents(targets)
        self._renames = targets.renames
        self._reused = targets.deleted | {old for old, _ in targets.renames}
        self._read(asked)
        self._read_what_hangs_on(asked)
        self._name_tags()
        self._doubt_absence_of_all()
        for tagId in sorted({f"tag:{tag}" for tag in before.tags} & targets.roles):
            self._doubt(MEMBERS, f"who is visible depends on {tagId}, which changed")
        self._progress("scope", 1, None)
        after = read_scope(self._client, self._pool)
        if after != before:
            # No kind of record, so it stands for all: some were read under one scope, some under the other.
            self._doubt("everything", "the visible range or the rights changed while it was read")
        return self._snapshot(targets, before, after, corpName, calls)

    # Reading

    def _read(self, idents: Collection[Ident]) -> None:
        """Fill ``_found``."""
        for (kind, ident), answer in read_each(self._pool, "records", sorted(idents), self._read_one, self._progress):
            if isinstance(answer, str):
                self._found[kind][ident] = answer
                continue
            told = _told_id(kind, ident, answer)
            if told == ident:
                self._found[kind][ident] = answer
            elif kind == MEMBERS and told.lower() == ident.lower():
                # Userids are found whatever their case (document 90195), and written as the answer has them.
                self._found[kind].setdefault(ident, GONE)
                self._found[kind][told] = answer
                self._respelt.add((ident, told))
            else:
                self._found[kind][ident] = UNCLEAR

    def _read_one(self, ident: Ident) -> Record | str:
        kind, one = ident
        try:
            return self._ask[kind](one)
        except NotFound as error:
            return GONE if error.errcode in _GONE[kind] else UNCLEAR
        except PermissionDenied:
            return UNCLEAR
        except CallerMistake as error:
            # One odd id must not keep the others waiting.
            self._doubt(kind, f"{error.path} was refused with errcode {error.errcode}")
            return UNCLEAR

    def _read_what_hangs_on(self, read: Collection[Ident]) -> None:
        """Read what the records name and what is not known here, then what hangs on that, to an end."""
        left = _MOST_FOLLOWED
        while read:
            read = {(kind, one) for kind, one in self._hanging_on(read) if one not in self._found[kind]}
            left -= len(read)
            if left < 0:
                self._doubt("everything", f"more than {_MOST_FOLLOWED} records hang on those that changed")
                return
            self._read(read)

    def _hanging_on(self, read: Collection[Ident]) -> set[Ident]:
        """What hangs on records just read; some of it may have been read before."""
        ids: dict[str, set[str]] = {DEPARTMENTS: set(), MEMBERS: set(), ROLES: set()}
        for kind, one in read:
            ids[kind].add(one)
        departments, members, roles = (self._records(kind, ids[kind]) for kind in (DEPARTMENTS, MEMBERS, ROLES))
        holders = {userId for record in roles.values() for userId in tag_users(record)}
        wanted: set[Ident] = set()
        _add(wanted, DEPARTMENTS, self._unknown_departments(departments, members, roles))
        _add(wanted, DEPARTMENTS, self._leaders_changed(ids[MEMBERS], members))
        _add(wanted, MEMBERS, holders - self._kept.listed(MEMBERS, holders))
        gone = {deptId for deptId in ids[DEPARTMENTS] if self._found[DEPARTMENTS].get(deptId) == GONE}
        if gone:
            below, inside = self._kept.inside(gone)
            _add(wanted, DEPARTMENTS, below)
            _add(wanted, MEMBERS, inside)
            _add(wanted, ROLES, self._kept.roles(gone))
        _add(wanted, ROLES, self._kept.held(members.keys() & self._reused))
        _add(wanted, ROLES, self._kept.roles(departments.keys() & self._reused))
        if self._has_come_into_sight(members):
            _add(wanted, ROLES, self._all_tags())
        if not self._whole:
            self._look_inside(departments.keys() - self._kept.listed(DEPARTMENTS, departments), wanted)
        return wanted

    def _unknown_departments(
        self, departments: Mapping[str, Record], members: Mapping[str, Record], roles: Mapping[str, Record]
    ) -> set[str]:
        named = {str(record["parentid"]) for record in departments.values() if record.get("parentid")}
        named |= {deptId for record in members.values() for deptId in _places(record)}
        named |= {str(deptId) for record in roles.values() for deptId in record["partylist"]}
        return named - self._kept.listed(DEPARTMENTS, named)

    def _records(self, kind: str, ids: Iterable[str]) -> dict[str, Record]:
        found = self._found[kind]
        told = {one: found.get(one) for one in ids}
        # One who is spelt otherwise now was read under the other name.
        told.update({new: found.get(new) for old, new in self._respelt if kind == MEMBERS and old in told})
        return {one: record for one, record in told.items() if isinstance(record, dict)}

    def _leaders_changed(self, asked: Iterable[str], members: Mapping[str, Record]) -> set[str]:
        """Departments that tell their leaders otherwise than the members do who were just read."""
        now = {
            (deptId, memberId)
            for memberId, record in members.items()
            for deptId, leads in _places(record).items()
            if leads
        }
        clear = {memberId for memberId in asked if self._found[MEMBERS].get(memberId) != UNCLEAR}
        changed = {deptId for deptId, _ in now ^ self._kept.leading(clear | members.keys())}
        # Where the app may not see who leads, reading the department again tells nothing.
        return self._kept.telling_leaders(changed)

    def _has_come_into_sight(self, members: Collection[str]) -> bool:
        """Whether somebody was here before, or may have been in the enterprise before being visible."""
        new = set(members) - self._kept.listed(MEMBERS, members)
        if not new or not self._whole:
            return bool(new)
        # An old id that is not here was taken for gone before the rename was told, or was never told itself.
        old = {old for old, renamed in self._renames if renamed in new}
        return bool(new - self._kept.strangers(new)) or bool(old - self._kept.listed(MEMBERS, old))

    def _all_tags(self) -> set[str]:
        try:
            return {f"tag:{record_id(tag, 'tagid', call='tag/list')}" for tag in self._client.tag.list()}
        except PermissionDenied as error:
            self._doubt(ROLES, f"{error.path} was refused with errcode {error.errcode}")
            return set()

    def _look_inside(self, deptIds: Iterable[str], wanted: set[Ident]) -> None:
        for deptId in sorted(deptIds):
            try:
                below = self._client.department.list(deptId)
                inside = self._client.user.list(deptId)
            except (NotFound, PermissionDenied) as error:
                self._doubt(MEMBERS, f"{error.path} was refused with errcode {error.errcode}")
                continue
            _add(wanted, DEPARTMENTS, {record_id(record, "id", call="department/list") for record in below})
            _add(wanted, MEMBERS, {record_id(record, "userid", call="user/list") for record in inside})

    def _doubt_absence_of_all(self) -> None:
        """Take nothing for gone when the others are gone as well: then it is another enterprise that answers."""
        gone = {kind: {one for one in found if found[one] == GONE} for kind, found in self._found.items()}
        if not any(self._kept.known(kind, ids) for kind, ids in gone.items()):
            return
        if self._kept.known(MEMBERS, self._records(MEMBERS, self._found[MEMBERS])):
            return
        renamed = {new for _, new in self._renames if isinstance(self._found[MEMBERS].get(new), dict)}
        witnesses = self._kept.witnesses(gone[MEMBERS], _MANY_WITNESSES)
        few = witnesses[:WITNESSES]
        if renamed or not few or is_known(self._client, few):
            return
        # Some of these may have left as well, without anybody having been told yet.
        if len(witnesses) > len(few) and is_known(self._client, witnesses):
            return
        logger.warning(
            "Nothing is taken for gone: the others are not found either", extra={"corpId": self._client.corpId}
        )
        for kind, ids in gone.items():
            self._found[kind].update(dict.fromkeys(ids, UNCLEAR))

    def _name_tags(self) -> None:
        """Add the names of tags that were read without one."""
        nameless = {
            roleId: record
            for roleId, record in self._records(ROLES, self._found[ROLES]).items()
            if "tagname" not in record
        }
        if nameless:
            names = {f"tag:{tag.get('tagid')}": tag.get("tagname") for tag in self._client.tag.list()}
            for roleId, record in nameless.items():
                record["tagname"] = names.get(roleId)

    def _doubt(self, kind: str, why: str) -> None:
        entry = f"{kind}: {why}"
        if entry not in self._incomplete:
            self._incomplete.append(entry)

    # Telling

    def _snapshot(
        self,
        targets: Targets,
        before: VisibleScope,
        after: VisibleScope,
        corpName: str | None,
        calls: int,
    ) -> Snapshot:
        mapper = Mapper(common(before, after))
        departments, members, roles = (self._records(kind, self._found[kind]) for kind in (DEPARTMENTS, MEMBERS, ROLES))
        unclear = {kind: {one for one in found if found[one] == UNCLEAR} for kind, found in self._found.items()}
        return Snapshot(
            corpId=self._client.corpId,
            corpName=corpName,
            departments=tuple(mapper.department(record) for record in departments.values()),
            members=tuple(mapper.member(record, listed_in=None, call="user/get") for record in members.values()),
            roles=tuple(role_record(roleId.removeprefix("tag:"), record) for roleId, record in roles.items()),
            grants=tuple(
                GrantRecord(userId, roleId, "tag")
                for roleId, record in roles.items()
                for userId in dict.fromkeys(tag_users(record))
            ),
            scope=after.describe(has_root=self._whole),
            complete=True,
            incomplete=tuple(self._incomplete),
            # What WeCom refuses to tell and nobody knows here is not here: that leaves nothing open.
            unconfirmed=frozenset().union(*(self._kept.known(kind, ids) for kind, ids in unclear.items())),
            calls=self._client.calls - calls,
            targets=Targets(
                departments=frozenset(self._found[DEPARTMENTS]),
                members=frozenset(self._found[MEMBERS]),
                roles=frozenset(self._found[ROLES]),
                renames=targets.renames | self._respelt,
                deleted=targets.deleted,
            ),
        )


def _idents(targets: Targets) -> set[Ident]:
    wanted: set[Ident] = set()
    _add(wanted, DEPARTMENTS, targets.departments)
    _add(wanted, MEMBERS, targets.members)
    _add(wanted, ROLES, targets.roles)
    return wanted


def _add(wanted: set[Ident], kind: str, ids: Iterable[str]) -> None:
    wanted.update((kind, one) for one in ids)


def _told_id(kind: str, asked: str, answer: Record) -> str:
    if kind == DEPARTMENTS:
        return record_id(answer, "id", call="department/get")
    # The answer about a tag does not repeat its id.
    return asked if kind == ROLES else record_id(answer, "userid", call="user/get")


def _places(record: Record) -> dict[str, bool]:
    """The departments a member's record names, each with whether he leads it."""
    member = Mapper(_NO_RIGHTS).member(record, listed_in=None, call="user/get")
    return {place.deptId: place.isLeader for place in member.departments}


_NO_RIGHTS = VisibleScope((), (), (), ())

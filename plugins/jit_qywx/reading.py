"""Reads an enterprise's whole organisation from WeCom into one snapshot. Network only; decides nothing.

The way: scope → departments → all members → tags → members visible by themselves → a second look at members who are
known here and were not listed → scope once more. Members come by a *walk*, a call for each department, or from an
*export*, a handful of calls for a large enterprise; trouble with an export that is none of the enterprise leads back to
the walk.

Should more members be missing than may go by themselves, or everybody, they may have been given other ids: an
enterprise moves from plain ids to encrypted ones at once (document 97104), and WeCom is asked which is whose.

A failed call fails the reading, with two exceptions that cannot hide anybody: tags the app may not read leave roles
incomplete, and a second look that fails leaves that member unconfirmed. Source: WeCom documents 90344, 96255, 96260,
90349, 96448 and 99052.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.packing import GRANT_RECORDS
from jit_corps.snapshot import GrantRecord, Snapshot
from jit_corps.spool import SpoolFile, gathered
from jit_corps.sync import KEPT
from jit_qywx.errors import CallerMistake, NotFound, PermissionDenied, QywxError
from jit_qywx.export_choice import AUTO, EXPORT, ExportMemory, choose_way, is_lasting, is_of_export, trouble_of
from jit_qywx.export_listing import ExportListing, witnesses
from jit_qywx.fanout import read_as_answered, read_each
from jit_qywx.listing import CONFIRMED, NAMED, Listing
from jit_qywx.mapping import ROOT, Mapper, Tag, record_id
from jit_qywx.pages import TAG
from jit_qywx.scope import VisibleScope, common, read_scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from jit_corps.checkpoints import Checkpoint
    from jit_corps.progress import Progress
    from jit_corps.snapshot import MemberRecord, Records, RoleRecord
    from jit_qywx.client import QywxProxyClient

__all__ = ["read_corp"]

logger = logging.getLogger(__name__)

Record: TypeAlias = dict[str, Any]

#: So many records of members, and as many grants, are held in memory; there are more in large organisations only.
HELD = 150_000
#: The department does not exist (any more): 60003 of user/list, 60123 of department calls.
_NO_DEPARTMENT = frozenset({60003, 60123})
#: The member is gone, or outside the visible range (document 90313).
_NO_MEMBER = 60111
#: So many ids batch/userid_to_openuserid takes (document 97104).
_CONVERTED = 1000


def read_corp(
    client: QywxProxyClient,
    known: frozenset[str],
    *,
    confirm: int,
    concurrency: int,
    progress: Progress,
    corpName: str | None = None,
    fetch: str = AUTO,
    memory: ExportMemory | None = None,
    everybody: Callable[[], Collection[str]] | None = None,
    checkpoint: Checkpoint | None = None,
    contacts: bool = True,
) -> Snapshot:
    """Read an organisation.

    :param client: the enterprise's client.
    :param known: ids of members active here: those of them that are not listed get a second look.
    :param confirm: most second looks.
    :param concurrency: most calls at once.
    :param progress: called with (phase, done, total or None).
    :param corpName: the enterprise's name, when known.
    :param fetch: :data:`AUTO`, :data:`WALK` or :data:`EXPORT`.
    :param memory: remembers that the enterprise cannot be exported; None remembers nothing.
    :param everybody: ids of all who were ever here, asked for when these may have changed; None for ``known``.
    :param checkpoint: keeps what a walk that is interrupted has read, and hands out what an earlier one had.
    :param contacts: whether mail and telephone numbers are wanted; with them all members are held in memory.
    :raises ExportFailed: only with :data:`EXPORT`: the export came to nothing.
    :raises ApiError: a call was refused; it says which.
    :raises TransportError: a call got no usable answer.
    """
    calls = client.calls
    with ThreadPoolExecutor(concurrency, thread_name_prefix="jit-qywx-read") as pool:
        reading = _Reading(client, pool, progress, everybody or (lambda: known), checkpoint, contacts=contacts)
        return reading.read(known, confirm, corpName, calls, fetch, memory or ExportMemory())


def _mapped(records: list[Record], mapper: Mapper, deptId: str | None = None) -> list[MemberRecord]:
    """What one call told of members. WeCom's own records are let go at once: they are most of what a reading holds."""
    call = "user/get" if deptId is None else f"user/list department_id={deptId}"
    return [mapper.member(record, listed_in=deptId, call=call) for record in records]


@dataclass(frozen=True, slots=True)
class _People:
    """Whom a reading found, and where.

    :param departments: of ``department/list``, as it was in the end.
    :param incomplete: what could not be read.
    :param renames: old ids and new ones.
    :param way: how they were found, for people; ``""`` when it was the usual way.
    """

    departments: list[Record]
    listing: Listing
    tags: dict[str, Tag]
    incomplete: list[str]
    unconfirmed: frozenset[str]
    renames: frozenset[tuple[str, str]]
    way: str


class _Reading:
    """One reading of one organisation."""

    def __init__(
        self,
        client: QywxProxyClient,
        pool: ThreadPoolExecutor,
        progress: Progress,
        everybody: Callable[[], Collection[str]],
        checkpoint: Checkpoint | None,
        *,
        contacts: bool,
    ) -> None:
        self._client = client
        self._pool = pool
        self._progress = progress
        self._everybody = everybody
        self._checkpoint = checkpoint
        #: What of the departments was read so far, of how many, and how much of that by an earlier reading.
        self._listed = self._departments = self._resumed = 0
        #: Tags that an earlier reading had read.
        self._kept_tags: dict[str, Tag] = {}
        self._contacts = contacts

    def read(
        self, known: frozenset[str], confirm: int, corpName: str | None, calls: int, fetch: str, memory: ExportMemory
    ) -> Snapshot:
        try:
            snapshot = self._read(known, confirm, corpName, calls, fetch, memory)
        except BaseException as error:
            self._interrupted(error)
            raise
        if self._checkpoint is not None and self._checkpoint.stored:
            self._checkpoint.done()
        return snapshot

    def _interrupted(self, error: BaseException) -> None:
        """Keep what was read, and have the error say so."""
        until = self._checkpoint.interrupted() if self._checkpoint is not None else None
        if until is not None:
            clock = time.strftime("%H:%M:%S UTC", time.gmtime(until))
            error.add_note(f"{KEPT}: {self._listed} of {self._departments} departments, for a run before {clock}")

    def _read(
        self, known: frozenset[str], confirm: int, corpName: str | None, calls: int, fetch: str, memory: ExportMemory
    ) -> Snapshot:
        self._progress("scope", 0, None)
        scope = read_scope(self._client, self._pool)
        mapper = Mapper(scope)
        people = self._find(scope, mapper, known, confirm, fetch, memory)

        # A range that changed on the way makes the reading one of the new range, and people out of sight not gone.
        self._progress("scope", 1, None)
        scope_after = read_scope(self._client, self._pool)
        narrowed = None
        if scope_after != scope:
            mapper = Mapper(common(scope, scope_after))
            narrowed = mapper.narrowed
        dept_records = tuple(mapper.department(record) for record in people.departments)
        roles, grants = _roles(people.tags)
        return Snapshot(
            corpId=self._client.corpId,
            corpName=corpName,
            departments=dept_records,
            members=people.listing.members(narrowed),
            roles=roles,
            grants=grants,
            scope=scope_after.describe(has_root=any(department.deptId == ROOT for department in dept_records)),
            complete=True,
            incomplete=tuple(people.incomplete),
            unconfirmed=people.unconfirmed,
            renames=people.renames,
            calls=self._client.calls - calls,
            way=people.way,
            began=self._checkpoint.oldest if self._checkpoint is not None else None,
        )

    def _find(
        self, scope: VisibleScope, mapper: Mapper, known: frozenset[str], confirm: int, fetch: str, memory: ExportMemory
    ) -> _People:
        """Find everybody, by the way that is right for this enterprise."""
        departments = self._list_departments()
        exports, why = choose_way(fetch, len(departments), memory.trouble())
        if exports:
            try:
                return self._find_by_export(scope, mapper, known, confirm, departments)
            except QywxError as error:
                if fetch == EXPORT or not is_of_export(error):
                    raise
                trouble = trouble_of(error)
                why = f"walk; {trouble}"
                if is_lasting(error):
                    memory.note(trouble)
                logger.warning("Walking instead of exporting: %s", trouble, extra={"corpId": self._client.corpId})
            departments = self._list_departments()
        return self._find_by_walk(scope, mapper, known, confirm, departments, why)

    def _find_by_walk(
        self,
        scope: VisibleScope,
        mapper: Mapper,
        known: frozenset[str],
        confirm: int,
        departments: list[Record],
        why: str,
    ) -> _People:
        listing = self._listing()
        self._departments = len(_ids(departments))
        self._resume(scope, listing)
        departments = self._list_members(departments, mapper, listing)
        tags, incomplete = self._find_beside(scope, mapper, listing)
        renames = self._find_renames(known, listing.memberIds, confirm)
        missing = known - listing.memberIds - {old for old, _ in renames}
        confirmed, unconfirmed = self._look_again(missing, confirm)
        listing.add(CONFIRMED, _mapped(confirmed, mapper))
        resumed = f"resumed: {self._resumed} of {self._departments} departments were read before" * bool(self._resumed)
        way = "; ".join(filter(None, (why, resumed)))
        return _People(departments, listing, tags, incomplete, unconfirmed, renames, way)

    def _resume(self, scope: VisibleScope, listing: Listing) -> None:
        """Take over what an earlier reading under the same range had read and could not use."""
        if self._checkpoint is None:
            return
        for name, told in self._checkpoint.resume(scope.describe(has_root=False).digest):
            if name.startswith(TAG):
                self._kept_tags[name.removeprefix(TAG)] = told
            else:
                self._resumed += 1
                listing.add(name, told)
        self._listed = self._resumed

    def _keep(self, name: str, told: Any) -> None:
        """Keep one page, in case this reading is interrupted."""
        if self._checkpoint is not None:
            self._checkpoint.keep(name, told)

    def _find_by_export(
        self, scope: VisibleScope, mapper: Mapper, known: frozenset[str], confirm: int, departments: list[Record]
    ) -> _People:
        listing = self._listing()
        export = ExportListing(self._client, self._pool, self._progress, self._list_departments)
        departments = export.list_members(departments, mapper, listing)
        export.compare(self._client.user.list, listing.memberIds, known)
        tags, incomplete = self._find_beside(scope, mapper, listing)
        renames = self._find_renames(known, listing.memberIds, confirm)
        found, unconfirmed = self._look_again(known - listing.memberIds - {old for old, _ in renames}, confirm)
        doubted = witnesses(departments, tags, listing.memberIds, known)
        export.check([*found, *self._look_again(doubted, len(doubted))[0]])
        return _People(departments, listing, tags, incomplete, unconfirmed, renames, export.told)

    def _listing(self) -> Listing:
        return Listing(None if self._contacts else HELD)

    def _find_beside(self, scope: VisibleScope, mapper: Mapper, listing: Listing) -> tuple[dict[str, Tag], list[str]]:
        """All tags, what of them could not be read, and into the listing those who are visible by themselves."""
        tags, incomplete = self._read_tags()
        listing.add(NAMED, _mapped(self._read_visible_by_themselves(scope, listing, tags), mapper))
        if incomplete and scope.tags:
            incomplete.append("members: those visible through a tag could not be found")
        return tags, incomplete

    def _list_departments(self) -> list[Record]:
        self._progress("departments", 0, None)
        # Not simplelist: where the app was granted the whole structure, that lists departments whose members are out
        # of the range.
        told = self._client.department.list()
        self._progress("departments", len(told), len(told))
        return told

    def _list_members(self, departments: list[Record], mapper: Mapper, listing: Listing) -> list[Record]:
        """List the members of every department, and say which departments there are in the end.

        Departments that vanished on the way cost one more listing.
        """
        vanished = self._walk(_ids(departments), mapper, listing)
        if vanished:
            logger.info("Listing departments again: one vanished", extra={"corpId": self._client.corpId})
            departments = self._list_departments()
            again = self._walk(_ids(departments), mapper, listing)
            if again:
                raise again[0]
        listing.only(_ids(departments))
        return departments

    def _walk(self, deptIds: Iterable[str], mapper: Mapper, listing: Listing) -> list[NotFound]:
        """List the departments that are not listed yet; returns what WeCom said of those that do not exist."""

        def read(deptId: str) -> list[MemberRecord] | NotFound:
            try:
                # Mapped here, while other threads wait for their answers.
                return _mapped(self._client.user.list(deptId), mapper, deptId)
            except NotFound as error:
                if error.errcode in _NO_DEPARTMENT:
                    return error
                raise

        vanished: list[NotFound] = []
        missing = [deptId for deptId in deptIds if deptId not in listing]
        for deptId, result in read_as_answered(self._pool, "members", missing, read, self._progress):
            if isinstance(result, NotFound):
                vanished.append(result)
            else:
                listing.add(deptId, result)
                self._listed += 1
                self._keep(deptId, result)
        return vanished

    def _read_visible_by_themselves(
        self, scope: VisibleScope, listing: Listing, tags: Mapping[str, Tag]
    ) -> list[Record]:
        """Members whom the range names, or a tag in the range holds, and no visible department lists."""
        named = {*scope.users}
        for tagId in scope.tags:
            named.update(tags[tagId].memberIds if tagId in tags else ())

        def read(userId: str) -> Record | None:
            try:
                return self._client.user.get(userId)
            except NotFound:
                return None

        unlisted = sorted(named - listing.memberIds)
        return [
            record
            for _, record in read_each(self._pool, "members", unlisted, read, self._progress)
            if record is not None
        ]

    def _read_tags(self) -> tuple[dict[str, Tag], list[str]]:
        """Every tag with who has it, and why some could not be read."""
        try:
            names = {record_id(tag, "tagid", call="tag/list"): tag.get("tagname") for tag in self._client.tag.list()}
        except PermissionDenied as error:
            return {}, [_refused(error)]

        def read(tagId: str) -> Tag | NotFound | PermissionDenied:
            try:
                return Tag.of(tagId, {"tagname": names[tagId], **self._client.tag.get(tagId)})
            except (NotFound, PermissionDenied) as error:
                return error

        tags: dict[str, Tag] = {tagId: tag for tagId, tag in self._kept_tags.items() if tagId in names}
        incomplete: list[str] = []
        missing = [tagId for tagId in names if tagId not in tags]
        for tagId, result in read_as_answered(self._pool, "roles", missing, read, self._progress):
            if isinstance(result, PermissionDenied):
                incomplete = incomplete or [_refused(result)]
            elif not isinstance(result, NotFound):
                # A tag that is unknown a moment after it was listed was deleted meanwhile.
                tags[tagId] = result
                self._keep(f"{TAG}{tagId}", result)
        return {tagId: tags[tagId] for tagId in names if tagId in tags}, incomplete

    def _find_renames(
        self, known: frozenset[str], listed: AbstractSet[str], confirm: int
    ) -> frozenset[tuple[str, str]]:
        """Old and new ids, if it looks as though the enterprise's ids became encrypted ones."""
        if not known or not listed or (len(known - listed) <= confirm and known & listed):
            return frozenset()
        # Who is offline here has to stay so under the new id.
        old = sorted(set(self._everybody()) - listed)
        chunks = [tuple(old[start : start + _CONVERTED]) for start in range(0, len(old), _CONVERTED)]

        def convert(asked: tuple[str, ...]) -> list[Record]:
            told: list[Record] = self._client.batch.userid_to_openuserid(asked)["open_userid_list"]
            return told

        pairs: set[tuple[str, str]] = set()
        try:
            for _, told in read_each(self._pool, "renames", chunks, convert, self._progress):
                pairs.update((str(one.get("userid")), str(one.get("open_userid"))) for one in told)
        except (PermissionDenied, NotFound, CallerMistake) as error:
            # Then nobody is taken for anybody else; that so many are missing is for the guard.
            logger.warning("%s was refused with errcode %d", error.call, error.errcode)
            return frozenset()
        return frozenset((old, new) for old, new in pairs if old != new and old not in listed and new in listed)

    def _look_again(self, missing: Collection[str], confirm: int) -> tuple[list[Record], frozenset[str]]:
        """Ask for members who are known here and were not listed: there after all, gone, or unconfirmed."""
        asked = sorted(missing)[: max(0, confirm)]

        def read(userId: str) -> Record | bool:
            """The record, or whether the member is gone for sure."""
            try:
                record = self._client.user.get(userId)
            except QywxError as error:
                return isinstance(error, NotFound) and error.errcode == _NO_MEMBER
            return record if str(record.get("userid")) == userId else False

        found: list[Record] = []
        unconfirmed = set(missing) - set(asked)
        for userId, result in read_each(self._pool, "absences", asked, read, self._progress):
            if isinstance(result, dict):
                found.append(result)
            elif not result:
                unconfirmed.add(userId)
        return found, frozenset(unconfirmed)


def _roles(tags: Mapping[str, Tag]) -> tuple[tuple[RoleRecord, ...], Records[GrantRecord]]:
    """Tags as roles, and whom they name. Whom a department under a tag stands for follows from the organisation."""
    roles = tuple(tag.role for tag in tags.values())
    grants = (GrantRecord(userId, tag.role.roleId, "tag") for tag in tags.values() for userId in tag.memberIds)
    return roles, gathered(SpoolFile(), GRANT_RECORDS, grants, HELD)


def _ids(departments: Iterable[Record]) -> list[str]:
    # A dictionary keeps the order and drops repeats.
    return list(dict.fromkeys(record_id(record, "id", call="department/list") for record in departments))


def _refused(error: PermissionDenied) -> str:
    return f"roles: {error.call} was refused with errcode {error.errcode}"

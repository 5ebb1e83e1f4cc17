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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.snapshot import Repeats, Snapshot
from jit_qywx.errors import NotFound, QywxError, TokenReplaced
from jit_qywx.export_choice import AUTO, EXPORT, ExportMemory, choose_way, is_lasting, is_of_export, trouble_of
from jit_qywx.export_listing import ExportListing, witnesses
from jit_qywx.fanout import read_as_answered
from jit_qywx.listing import CONFIRMED, NAMED, Listing
from jit_qywx.mapping import ROOT, Mapper
from jit_qywx.missing import find_renames, look_again
from jit_qywx.one_enterprise import OneEnterprise
from jit_qywx.scope import VisibleScope, common, read_scope
from jit_qywx.tag_reading import fingerprints_of, grants_of, read_tags
from jit_qywx.walk import Walk
from jitcore import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from collections.abc import Set as AbstractSet

    from jit_corps.checkpoints import Checkpoint
    from jit_corps.fingerprints import Fingerprint
    from jit_corps.progress import Progress
    from jit_corps.recall import Recall
    from jit_corps.snapshot import MemberRecord
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.mapping import Tag

__all__ = ["read_corp"]

logger = logging.getLogger(__name__)

Record: TypeAlias = dict[str, Any]

#: So many records of members are held in memory; there are more in large organisations only.
HELD = 150_000


def read_corp(
    client: QywxProxyClient,
    known: AbstractSet[str],
    *,
    confirm: int,
    concurrency: int,
    progress: Progress,
    corpName: str | None = None,
    fetch: str = AUTO,
    memory: ExportMemory | None = None,
    everybody: Callable[[], Collection[str]] | None = None,
    checkpoint: Checkpoint | None = None,
    recall: Recall | None = None,
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
    :param recall: knows the lists that say what they said when the organisation was last published; they are not read.
    :param contacts: whether mail and telephone numbers are wanted; with them all members are held in memory.
    :raises ExportFailed: only with :data:`EXPORT`: the export came to nothing.
    :raises ApiError: a call was refused; it says which.
    :raises TransportError: a call got no usable answer.
    """
    asked = _Asked(known, confirm, everybody or (lambda: known), fetch, memory or ExportMemory(), contacts=contacts)
    with ThreadPoolExecutor(concurrency, thread_name_prefix="jit-qywx-read") as pool:
        try:
            return _Reading(client, pool, progress, asked, checkpoint, recall).read(corpName)
        except TokenReplaced:
            # Nobody was listed yet, so hardly anything is read twice.
            return _Reading(client, pool, progress, asked, checkpoint, recall).read(corpName)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a reading is to do, in the words of :func:`read_corp`."""

    known: AbstractSet[str]
    confirm: int
    everybody: Callable[[], Collection[str]]
    fetch: str
    memory: ExportMemory
    contacts: bool


@dataclass(frozen=True, slots=True)
class _People:
    """Whom a reading found, and where.

    :param departments: of ``department/list``, as it was in the end.
    :param incomplete: what could not be read.
    :param renames: old ids and new ones.
    :param way: how they were found, for people; ``""`` when it was the usual way.
    :param fingerprints: what the departments' lists said.
    """

    departments: list[Record]
    listing: Listing
    tags: dict[str, Tag]
    incomplete: list[str]
    unconfirmed: frozenset[str]
    renames: frozenset[tuple[str, str]]
    way: str
    fingerprints: dict[str, Fingerprint] = field(default_factory=dict)


class _Reading:
    """One reading of one organisation."""

    def __init__(
        self,
        client: QywxProxyClient,
        pool: ThreadPoolExecutor,
        progress: Progress,
        asked: _Asked,
        checkpoint: Checkpoint | None,
        recall: Recall | None,
    ) -> None:
        self._enterprise = OneEnterprise(client)
        self._client = client = self._enterprise.client
        self._pool = pool
        self._progress = progress
        self._asked = asked
        self._checkpoint = checkpoint
        self._recall = recall
        self._walk = Walk(client, pool, progress, self._list_departments, checkpoint, recall)

    def read(self, corpName: str | None) -> Snapshot:
        try:
            snapshot = self._read(corpName)
        except BaseException as error:
            self._walk.interrupted(error)
            raise
        if self._checkpoint is not None and self._checkpoint.stored:
            self._checkpoint.done()
        return snapshot

    def _read(self, corpName: str | None) -> Snapshot:
        calls = self._client.calls
        self._progress("scope", 0, None)
        scope = read_scope(self._client, self._pool)
        mapper = Mapper(scope)
        if self._recall is not None:
            # What the app may see decides what a text says.
            self._recall.begin(f"{__version__} {scope.describe(has_root=False).digest}")
        people = self._find(scope, mapper)

        # A range that changed on the way makes the reading one of the new range, and people out of sight not gone.
        self._progress("scope", 1, None)
        scope_after = read_scope(self._client, self._pool)
        narrowed = None
        if scope_after != scope:
            mapper = Mapper(common(scope, scope_after))
            narrowed = mapper.narrowed
        dept_records = tuple(mapper.department(record) for record in people.departments)
        snapshot = Snapshot(
            corpId=self._client.corpId,
            corpName=corpName,
            departments=dept_records,
            members=people.listing.members(narrowed),
            roles=tuple(tag.role for tag in people.tags.values()),
            grants=grants_of(people.tags),
            scope=scope_after.describe(has_root=any(department.deptId == ROOT for department in dept_records)),
            complete=True,
            incomplete=tuple(people.incomplete),
            unconfirmed=people.unconfirmed,
            renames=people.renames,
            calls=self._client.calls - calls,
            way=people.way,
            began=self._checkpoint.oldest if self._checkpoint is not None else None,
        )
        return snapshot if self._recall is None or narrowed else self._with_repeats(snapshot, people, self._recall)

    def _with_repeats(self, snapshot: Snapshot, people: _People, recall: Recall) -> Snapshot:
        """The snapshot that says as well what of it was told before."""
        roles = fingerprints_of(people.tags.values(), recall.digests)
        repeats = Repeats(
            corpFullName=recall.corpFullName,
            generation=recall.generation,
            departments=people.listing.repeated,
            differing=recall.differing,
            populated=recall.populated,
            unplaced=frozenset(recall.unplaced),
            roles=frozenset(roleId for roleId, one in roles.items() if recall.knows_role(roleId, one.digest)),
            holders={tag.role.roleId: tag.memberIds for tag in people.tags.values()},
            inside=recall.inside,
            others=people.listing.news(),
            members=people.listing.repeated_by,
        )
        return replace(snapshot, repeats=repeats, fingerprints=recall.fingerprints(people.fingerprints, roles))

    def _find(self, scope: VisibleScope, mapper: Mapper) -> _People:
        """Find everybody, by the way that is right for this enterprise."""
        fetch, memory = self._asked.fetch, self._asked.memory
        listing = Listing(self._most)
        self._walk.resume(scope.describe(has_root=False).digest, mapper, listing)
        departments = self._list_departments()
        exports, why = choose_way(fetch, len(departments), memory)
        if exports:
            try:
                return self._find_by_export(scope, mapper, departments)
            except QywxError as error:
                if fetch == EXPORT or not is_of_export(error):
                    raise
                trouble = trouble_of(error)
                why = f"walk; {trouble}"
                if is_lasting(error):
                    memory.note(trouble)
                logger.warning("Walking instead of exporting: %s", trouble, extra={"corpId": self._client.corpId})
            departments = self._list_departments()
        return self._find_by_walk(scope, mapper, departments, listing, why)

    def _find_by_walk(
        self, scope: VisibleScope, mapper: Mapper, departments: list[Record], listing: Listing, why: str
    ) -> _People:
        self._enterprise.is_listed_in(listing, mapper)
        departments = self._walk.list_members(departments, mapper, listing)
        tags, incomplete = self._find_beside(scope, mapper, listing)
        missing = self._missing(listing)
        renames = self._find_renames(listing, missing)
        confirmed, unconfirmed = self._look_again(_without(missing, renames), self._asked.confirm)
        listing.add(CONFIRMED, mapper.members(confirmed))
        way = "; ".join(filter(None, (why, self._walk.told)))
        return _People(departments, listing, tags, incomplete, unconfirmed, renames, way, self._walk.fingerprints)

    def _find_by_export(self, scope: VisibleScope, mapper: Mapper, departments: list[Record]) -> _People:
        listing, known = Listing(self._most), self._asked.known
        self._enterprise.is_listed_in(listing, mapper)
        export = ExportListing(self._client, self._pool, self._progress, self._list_departments)
        departments = export.list_members(departments, mapper, listing)
        left_out = export.left_out(listing.memberIds)
        joined, unclear = self._look_again(left_out, len(left_out))
        export.confirm(unclear)
        listing.add(CONFIRMED, mapper.members(joined))
        export.compare(self._client.user.list, listing.memberIds, known)
        tags, incomplete = self._find_beside(scope, mapper, listing)
        missing = self._missing(listing)
        renames = self._find_renames(listing, missing)
        found, unconfirmed = self._look_again(_without(missing, renames), self._asked.confirm)
        doubted = witnesses(departments, tags, listing.memberIds, known)
        export.check([*found, *self._look_again(doubted, len(doubted))[0]])
        way = "; ".join(filter(None, (export.told, self._walk.told)))
        return _People(departments, listing, tags, incomplete, unconfirmed, renames, way)

    @property
    def _most(self) -> int | None:
        """How many members are held in memory."""
        return None if self._asked.contacts else HELD

    def _list_departments(self) -> list[Record]:
        self._progress("departments", 0, None)
        # Not simplelist: where the app was granted the whole structure, that lists departments whose members are out
        # of the range.
        told = self._client.department.list()
        self._progress("departments", len(told), len(told))
        return told

    def _find_beside(self, scope: VisibleScope, mapper: Mapper, listing: Listing) -> tuple[dict[str, Tag], list[str]]:
        """All tags, what of them could not be read, and into the listing those who are visible by themselves."""
        tags, incomplete = read_tags(
            self._client,
            self._pool,
            self._progress,
            self._walk.tags,
            self._walk.keep_tag,
            lambda: self._look_up_missing(listing),
        )
        listing.add(NAMED, self._read_visible_by_themselves(scope, mapper, listing, tags))
        if incomplete and scope.tags:
            incomplete.append("members: those visible through a tag could not be found")
        return tags, incomplete

    def _read_visible_by_themselves(
        self, scope: VisibleScope, mapper: Mapper, listing: Listing, tags: Mapping[str, Tag]
    ) -> list[MemberRecord]:
        """Members whom the range names, or a tag in the range holds, and no visible department lists."""
        named = {*scope.users}
        for tagId in scope.tags:
            named.update(tags[tagId].memberIds if tagId in tags else ())

        def read(userId: str) -> list[MemberRecord]:
            try:
                return mapper.members([self._client.user.get(userId)])
            except NotFound:
                return []

        if named and listing.repeated:
            # Whom a repeated list tells of need not be asked for. Those known here are found without reading it.
            named -= self._asked.known - self._missing(listing)
        unlisted = sorted(named - listing.newsIds)
        unread = [userId for userId in unlisted if userId not in self._walk.named]
        for userId, told in read_as_answered(self._pool, "members", unread, read, self._progress):
            self._walk.keep_named(userId, told)
        return [record for userId in unlisted for record in self._walk.named[userId]]

    def _look_up_missing(self, listing: Listing) -> None:
        if self._recall is not None and listing.repeated:
            self._recall.look_up_missing(self._asked.known, listing.repeated, listing.newsIds)

    def _missing(self, listing: Listing) -> AbstractSet[str]:
        """Who is known here and is not listed; looked up before."""
        known = self._asked.known
        if self._recall is not None and listing.repeated:
            missing = self._recall.missing(known, listing.newsIds)
            if missing is not None:
                return missing
        return known - listing.memberIds

    def _find_renames(self, listing: Listing, missing: AbstractSet[str]) -> frozenset[tuple[str, str]]:
        known, confirm = self._asked.known, self._asked.confirm
        # Only then: it may have to read what is repeated.
        if not missing or (len(missing) <= confirm and len(missing) < len(known)):
            return frozenset()
        return find_renames(self._client, self._pool, self._progress, listing.memberIds, self._asked.everybody)

    def _look_again(self, missing: Collection[str], confirm: int) -> tuple[list[Record], frozenset[str]]:
        return look_again(self._client, self._pool, self._progress, missing, confirm)


def _without(missing: AbstractSet[str], renames: frozenset[tuple[str, str]]) -> AbstractSet[str]:
    """Those who are not somebody else by now."""
    return missing - {old for old, _ in renames}

"""Lists an enterprise's members by export, as far as that fits what WeCom tells otherwise.

The files of an export are proven to be what WeCom made, not to be all that there is. So an export is not believed

* when it has other departments than ``department/list``, before or after;
* when a member is in a department that neither of them has;
* when many are missing who are in a second export, of the same members in short and in one file; the few who may have
  joined in between are asked for by ``user/get``;
* when somebody is missing who is there: a member known here, a leader of a department, or whoever a tag names, asked
  for by ``user/get``;
* when most of its members are new here, and the lists of its largest departments have others.

Whatever speaks against it fails it as a whole; nobody is ever missing because an export left them out.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_qywx.errors import ExportFailed, NotFound
from jit_qywx.export_reading import DEPARTMENT, SIMPLE_USER, USER, Exporting
from jit_qywx.mapping import record_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from concurrent.futures import Executor

    from jit_corps.progress import Progress
    from jit_corps.snapshot import MemberRecord
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.listing import Listing
    from jit_qywx.mapping import Mapper, Tag

__all__ = ["MOST_WITNESSES", "ExportListing", "witnesses"]

Record: TypeAlias = dict[str, Any]

#: Members of a file that are kept at once, so that a large file is not in memory as a whole.
_AT_ONCE = 1_000
#: People who ought to be in an export, are not, and are asked for by ``user/get``.
MOST_WITNESSES = 20
#: Departments whose members are listed as well: a file that is missing holds somebody of a large one.
_SAMPLED = 3
#: So many may have joined these since the files were made.
_MOST_NEW = 2


class ExportListing:
    """One listing by export.

    :param client: the enterprise's client.
    :param pool: fetches files.
    :param progress: called with (phase, done, total or None).
    :param list_departments: ``department/list``.
    """

    def __init__(
        self,
        client: QywxProxyClient,
        pool: Executor,
        progress: Progress,
        list_departments: Callable[[], list[Record]],
    ) -> None:
        self._corpId = client.corpId
        self._exporting = Exporting(client, pool, progress)
        self._list_departments = list_departments
        self._blocks = 0
        self._bytes = 0
        self._sizes: Counter[str] = Counter()

    def list_members(self, departments: list[Record], mapper: Mapper, listing: Listing) -> list[Record]:
        """List all members, and say which departments there are in the end.

        :param departments: of ``department/list``, asked for before.
        :raises ExportFailed: the export cannot be had, or does not fit.
        :raises ApiError: a call was refused.
        :raises TransportError: a call got no usable answer, or a file did not come as WeCom told it.
        """
        self._exporting.submit()
        exported = self._department_ids()
        places = self._members(mapper, listing)
        before = _ids(departments)
        if exported == before and places <= before:
            return departments
        # Something changed meanwhile, or the export is of something else.
        departments = self._list_departments()
        after = _ids(departments)
        if not before & after <= exported <= before | after:
            raise self._unfit(
                DEPARTMENT, f"has {len(exported)}, and not those of department/list, which has {len(after)}"
            )
        strange = places - before - after - exported
        if strange:
            raise self._unfit(USER, f"has members in {len(strange)} departments that department/list does not have")
        return departments

    def left_out(self, listed: AbstractSet[str]) -> list[str]:
        """Who is in the second export and not in the first one: they have joined or left meanwhile.

        :param listed: who is in the first one.
        :raises ExportFailed: there are too many of them, or the second export cannot be had.
        :raises TransportError: a file did not come as WeCom told it.
        """
        missing: set[str] = set()
        for block in self._exporting.blocks(SIMPLE_USER):
            told = (record_id(record, "userid", call=block.call) for record in block.records)
            missing.update(userId for userId in told if userId not in listed)
            self._count(block.size)
        if len(missing) > MOST_WITNESSES:
            raise self._unfit(USER, f"leaves out {len(missing)} members whom export/{SIMPLE_USER} has")
        return sorted(missing)

    def confirm(self, unclear: Collection[str]) -> None:
        """Judge by what became of those whom it left out.

        :param unclear: of whom nobody could say whether they are there.
        :raises ExportFailed: there is somebody.
        """
        if unclear:
            raise self._unfit(USER, f"leaves out members of whom nothing could be learnt: {len(unclear)}")

    def compare(
        self, list_users: Callable[[str], list[Record]], listed: AbstractSet[str], known: AbstractSet[str]
    ) -> None:
        """Compare with the lists of the largest departments, unless members who are known here are proof enough.

        :param list_users: ``user/list``.
        :param listed: who is in the export.
        :param known: who is known here.
        :raises ExportFailed: somebody is missing.
        """
        if 2 * sum(userId in known for userId in listed) > len(listed):
            return
        missing: set[str] = set()
        for deptId, _ in self._sizes.most_common(_SAMPLED):
            try:
                told = list_users(deptId)
            except NotFound:
                continue  # It is gone by now.
            missing.update({record_id(record, "userid", call=f"user/list department_id={deptId}") for record in told})
        missing -= listed
        if len(missing) > _MOST_NEW:
            raise self._unfit(USER, f"leaves out {len(missing)} members whom user/list has")

    def check(self, found: Collection[Record]) -> None:
        """Judge by the second looks.

        :param found: who is not in the export, ought to be, and is there.
        :raises ExportFailed: there is somebody.
        """
        if found:
            raise self._unfit(USER, f"leaves out members who are there: {len(found)} of those asked for")

    @property
    def told(self) -> str:
        """What was proven, for people."""
        files = "file" if self._blocks == 1 else "files"
        return f"export, {self._blocks} {files} verified by size and MD5 ({self._bytes:,} bytes)"

    def _department_ids(self) -> set[str]:
        told: set[str] = set()
        for block in self._exporting.blocks(DEPARTMENT):
            told.update(record_id(record, "id", call=block.call) for record in block.records)
            self._count(block.size)
        return told

    def _members(self, mapper: Mapper, listing: Listing) -> set[str]:
        """Add all members; returns the departments they are in."""
        for block in self._exporting.blocks(USER):
            records = (self._member(record, mapper, block.call) for record in block.records)
            portion = 0
            while some := list(islice(records, _AT_ONCE)):
                portion += 1
                listing.add(f"{block.call} portion {portion}", some)
                self._sizes.update([place.deptId for member in some for place in member.departments])
            self._count(block.size)
        return set(self._sizes)

    def _member(self, record: Record, mapper: Mapper, call: str) -> MemberRecord:
        if not isinstance(record.get("department"), list):
            # A list of a department's members tells at least of this one; a file tells of none.
            raise self._unfit(USER, "does not tell which departments members are in")
        return mapper.member(record, listed_in=None, call=call)

    def _count(self, size: int) -> None:
        self._blocks += 1
        self._bytes += size

    def _unfit(self, kind: str, what: str) -> ExportFailed:
        return ExportFailed(f"export/{kind} of enterprise {self._corpId} {what}.", call=f"export/{kind}")


def witnesses(departments: Iterable[Record], tags: Mapping[str, Tag], *listed: AbstractSet[str]) -> list[str]:
    """Some of those who lead a department or have a tag and are not listed: WeCom names only whom the app may see.

    :param listed: who is, or was asked for already.
    """
    named = {leader for department in departments for leader in _leaders(department)}
    for tag in tags.values():
        named.update(tag.memberIds)
    return sorted(userId for userId in named if not any(userId in known for known in listed))[:MOST_WITNESSES]


def _leaders(department: Record) -> list[str]:
    leaders = department.get("department_leader")
    return [leader for leader in leaders if isinstance(leader, str)] if isinstance(leaders, list) else []


def _ids(departments: Iterable[Record]) -> set[str]:
    return {record_id(record, "id", call="department/list") for record in departments}

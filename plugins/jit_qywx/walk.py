"""Lists an enterprise's members by asking for one department after another, many at once.

It takes a call for each department and works for every app. What a list repeats of what it said when the organisation
was last published is kept as it came, and nobody need read it: see :mod:`jit_corps.fingerprints`.

What was read is kept as it comes, so that a walk that is interrupted (a quota that ends, a deployment) need not begin
anew: see :class:`jit_corps.checkpoints.Checkpoint`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.sync import KEPT
from jit_qywx.errors import NotFound, RateLimited, TooManyConcurrent
from jit_qywx.fanout import read_as_answered
from jit_qywx.mapping import record_id
from jit_qywx.one_enterprise import WITNESSES, is_known, is_vouched_for
from jit_qywx.pages import NAMED, TAG
from jit_qywx.quotas import spent_until
from jit_qywx.recognition import Page, read_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from jit_corps.checkpoints import Checkpoint
    from jit_corps.fingerprints import Fingerprint
    from jit_corps.progress import Progress
    from jit_corps.recall import Recall
    from jit_corps.snapshot import MemberRecord
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.listing import Listing
    from jit_qywx.mapping import Mapper, Tag

__all__ = ["Walk"]

logger = logging.getLogger(__name__)

Record: TypeAlias = dict[str, Any]

#: The department does not exist (any more): 60003 of user/list, 60123 of department calls.
_NO_DEPARTMENT = frozenset({60003, 60123})


class Walk:
    """One walk, and what an earlier one that was interrupted had read.

    :param client: the enterprise's client.
    :param pool: as many threads as there may be calls at once.
    :param progress: called with (phase, done, total).
    :param list_departments: ``department/list``.
    :param checkpoint: keeps what was read; None keeps nothing.
    :param recall: knows the lists that say what they said; None knows none.
    """

    def __init__(
        self,
        client: QywxProxyClient,
        pool: Executor,
        progress: Progress,
        list_departments: Callable[[], list[Record]],
        checkpoint: Checkpoint | None,
        recall: Recall | None = None,
    ) -> None:
        self._client = client
        self._pool = pool
        self._progress = progress
        self._list_departments = list_departments
        self._checkpoint = checkpoint
        self._recall = recall
        #: What the departments' lists said.
        self.fingerprints: dict[str, Fingerprint] = {}
        #: What of the departments was read so far, of how many, and how much of that by an earlier walk.
        self._listed = self._departments = self._resumed = 0
        #: Tags, and members visible by themselves, that an earlier reading had read. Nobody, where there was nobody.
        self.tags: dict[str, Tag] = {}
        self.named: dict[str, list[MemberRecord]] = {}

    def resume(self, scope: str, mapper: Mapper, listing: Listing) -> None:
        """Take over what an earlier reading had read, of departments into the listing.

        :param scope: digest of the visible range; only what was read under the same one is taken over.
        """
        if self._checkpoint is None:
            return
        for name, told in self._checkpoint.resume(scope):
            if name.startswith(TAG):
                self.tags[name.removeprefix(TAG)] = told
            elif name.startswith(NAMED):
                self.named[name.removeprefix(NAMED)] = told
            else:
                self._resumed += 1
                listing.add(name, told)
        if self._checkpoint.used and not self._is_vouched_for(mapper, listing):
            # It was another enterprise's token that they were read with, or this one is.
            logger.warning("A checkpoint is not used: it tells of others", extra={"corpId": self._client.corpId})
            self._checkpoint.done()
            listing.clear()
            self.tags.clear()
            self.named.clear()
            self._resumed = 0
        self._listed = self._resumed

    def list_members(self, departments: list[Record], mapper: Mapper, listing: Listing) -> list[Record]:
        """List the members of every department, and say which departments there are in the end.

        Departments that vanished on the way cost one more listing.

        :param departments: of ``department/list``, asked for before.
        :raises ApiError: a call was refused.
        :raises TransportError: a call got no usable answer.
        """
        deptIds = _ids(departments)
        self._departments = len(deptIds)
        if self._walk(deptIds, mapper, listing):
            logger.info("Listing departments again: one vanished", extra={"corpId": self._client.corpId})
            departments = self._list_departments()
            deptIds = _ids(departments)
            again = self._walk(deptIds, mapper, listing)
            if again:
                raise again[0]
        listing.only(deptIds)
        self.fingerprints = {one: self.fingerprints[one] for one in deptIds if one in self.fingerprints}
        return departments

    def keep_tag(self, tagId: str, tag: Tag) -> None:
        """Keep a tag as well."""
        self._keep(f"{TAG}{tagId}", tag)

    def keep_named(self, userId: str, told: list[MemberRecord]) -> None:
        """Keep somebody who is visible by themselves, or that there is nobody, as well."""
        self.named[userId] = told
        self._keep(f"{NAMED}{userId}", told)

    @property
    def told(self) -> str:
        """What was taken over, for people; ``""`` when nothing was."""
        used = self._checkpoint.used if self._checkpoint is not None else 0
        if self._departments and self._resumed:
            return f"resumed: {self._resumed} of {self._departments} departments were read before"
        return f"resumed: {used} tags and members were read before" if used and not self._resumed else ""

    def interrupted(self, error: BaseException) -> None:
        """Keep what was read, and have the error say so."""
        if self._checkpoint is None:
            return
        waits_until = None
        if isinstance(error, RateLimited) and not isinstance(error, TooManyConcurrent):
            waits_until = spent_until(error, self._checkpoint.clock())
        until = self._checkpoint.interrupted(waits_until)
        if until is not None:
            clock = time.strftime("%H:%M:%S UTC", time.gmtime(until))
            what = f"{self._listed} of {self._departments} departments" if self._departments else "tags and members"
            error.add_note(f"{KEPT}: {what}, for a run before {clock}")

    def _is_vouched_for(self, mapper: Mapper, listing: Listing) -> bool:
        """Whether what was taken over is of the enterprise that answers now."""
        members = [*listing.first, *(one for told in self.named.values() for one in told)][:WITNESSES]
        if members:
            return is_vouched_for(self._client, members, mapper)
        return is_known(self._client, [one for tag in self.tags.values() for one in tag.memberIds][:WITNESSES])

    def _keep(self, name: str, told: Any) -> None:
        if self._checkpoint is not None:
            self._checkpoint.keep(name, told)

    def _walk(self, deptIds: Iterable[str], mapper: Mapper, listing: Listing) -> list[NotFound]:
        """List the departments that are not listed yet; returns what WeCom said of those that do not exist."""
        recall = self._recall

        def read(deptId: str) -> Page | NotFound:
            try:
                if recall is None:
                    return Page(mapper.members(self._client.user.list(deptId), listed_in=deptId))
                return read_page(self._client, recall, mapper, deptId)
            except NotFound as error:
                if error.errcode in _NO_DEPARTMENT:
                    return error
                raise

        vanished: list[NotFound] = []
        missing = [deptId for deptId in deptIds if deptId not in listing]
        for deptId, result in read_as_answered(self._pool, "members", missing, read, self._progress):
            if isinstance(result, NotFound):
                vanished.append(result)
                continue
            listing.add(deptId, result.told, result.repeated)
            if result.fingerprint is not None:
                self.fingerprints[deptId] = result.fingerprint
            self._listed += 1
            self._keep(deptId, listing.told_by(deptId))
            if recall is not None and not result.is_repeated:
                recall.note_news(deptId, result.partly)
        if recall is not None:
            recall.look_up_news()
        return vanished


def _ids(departments: Iterable[Record]) -> list[str]:
    # A dictionary keeps the order and drops repeats.
    return list(dict.fromkeys(record_id(record, "id", call="department/list") for record in departments))

"""Lists an enterprise's members by asking for one department after another, many at once.

It takes a call for each department and works for every app. What was read is kept as it comes, so that a walk that is
interrupted (a quota that ends, a deployment) need not begin anew: see :class:`jit_corps.checkpoints.Checkpoint`.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_corps.sync import KEPT
from jit_qywx.errors import NotFound
from jit_qywx.fanout import read_as_answered
from jit_qywx.mapping import record_id
from jit_qywx.pages import TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    from jit_corps.checkpoints import Checkpoint
    from jit_corps.progress import Progress
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
    """

    def __init__(
        self,
        client: QywxProxyClient,
        pool: Executor,
        progress: Progress,
        list_departments: Callable[[], list[Record]],
        checkpoint: Checkpoint | None,
    ) -> None:
        self._client = client
        self._pool = pool
        self._progress = progress
        self._list_departments = list_departments
        self._checkpoint = checkpoint
        #: What of the departments was read so far, of how many, and how much of that by an earlier walk.
        self._listed = self._departments = self._resumed = 0
        #: Tags that an earlier reading had read.
        self.tags: dict[str, Tag] = {}

    def list_members(self, departments: list[Record], scope: str, mapper: Mapper, listing: Listing) -> list[Record]:
        """List the members of every department, and say which departments there are in the end.

        Departments that vanished on the way cost one more listing.

        :param departments: of ``department/list``, asked for before.
        :param scope: digest of the visible range; only what was read under the same one is taken over.
        :raises ApiError: a call was refused.
        :raises TransportError: a call got no usable answer.
        """
        self._departments = len(_ids(departments))
        self._resume(scope, listing)
        if self._walk(_ids(departments), mapper, listing):
            logger.info("Listing departments again: one vanished", extra={"corpId": self._client.corpId})
            departments = self._list_departments()
            again = self._walk(_ids(departments), mapper, listing)
            if again:
                raise again[0]
        listing.only(_ids(departments))
        return departments

    def keep_tag(self, tagId: str, tag: Tag) -> None:
        """Keep a tag as well."""
        self._keep(f"{TAG}{tagId}", tag)

    @property
    def told(self) -> str:
        """What was taken over, for people; ``""`` when nothing was."""
        if not self._resumed:
            return ""
        return f"resumed: {self._resumed} of {self._departments} departments were read before"

    def interrupted(self, error: BaseException) -> None:
        """Keep what was read, and have the error say so."""
        until = self._checkpoint.interrupted() if self._checkpoint is not None else None
        if until is not None:
            clock = time.strftime("%H:%M:%S UTC", time.gmtime(until))
            error.add_note(f"{KEPT}: {self._listed} of {self._departments} departments, for a run before {clock}")

    def _resume(self, scope: str, listing: Listing) -> None:
        for name, told in self._checkpoint.resume(scope) if self._checkpoint is not None else ():
            if name.startswith(TAG):
                self.tags[name.removeprefix(TAG)] = told
            else:
                self._resumed += 1
                listing.add(name, told)
        self._listed = self._resumed

    def _keep(self, name: str, told: Any) -> None:
        if self._checkpoint is not None:
            self._checkpoint.keep(name, told)

    def _walk(self, deptIds: Iterable[str], mapper: Mapper, listing: Listing) -> list[NotFound]:
        """List the departments that are not listed yet; returns what WeCom said of those that do not exist."""

        def read(deptId: str) -> list[MemberRecord] | NotFound:
            try:
                # Mapped here, while other threads wait for their answers.
                return mapper.members(self._client.user.list(deptId), listed_in=deptId)
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


def _ids(departments: Iterable[Record]) -> list[str]:
    # A dictionary keeps the order and drops repeats.
    return list(dict.fromkeys(record_id(record, "id", call="department/list") for record in departments))

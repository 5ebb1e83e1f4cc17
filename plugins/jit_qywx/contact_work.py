"""What the events of one enterprise ask for: read again what they name, or everything.

An event only says where to look, so all that wait are one reading. Nothing of them is lost when there is nobody to read
for now: an enterprise that is suspended is read in full when it is back.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jit_qywx.contact_events import Work, work_of
from jit_qywx.errors import AuthorizationLost, CorpUnknown
from jit_qywx.states import CANCELLED, SUSPENDED
from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jit_corps.corp import Corp
    from jit_corps.snapshot import Targets
    from jit_qywx.callback import Event
    from jit_qywx.reconciles import Reconciles
    from jit_qywx.suite import Suite

__all__ = ["ContactWork", "Stopping", "cause_of"]

logger = logging.getLogger(__name__)

#: Seconds to wait with a full reading that events asked for: more of them come.
_BURST = 2.0
#: Seconds to wait with one because events could not be fitted in: it would not help to read everything each time.
_PARTIAL = 300.0
#: Seconds to wait before a suspended enterprise is asked again: WeCom tells nobody when it works again.
_SUSPENDED = 3_600.0


class Stopping(JitError):
    """The process ends; what is read now is left to the next one."""

    code = "qywx-stopping"


class ContactWork:
    """Works on the organisations of one suite's enterprises.

    :param suite: their authorizations.
    :param reconciles: where full readings are wished for.
    :param corps: the corp elements of an enterprise.
    :param stopping: whether the process ends.
    """

    def __init__(
        self,
        suite: Suite,
        reconciles: Reconciles,
        corps: Callable[[str], Sequence[Corp]],
        stopping: Callable[[], bool],
    ) -> None:
        self._suite = suite
        self._reconciles = reconciles
        self._corps = corps
        self._stopping = stopping

    def events(self, corpId: str, events: Sequence[Event]) -> str | None:
        """Do what events ask for.

        :returns: why nothing had to be done, when it had not.
        :raises JitError: it could not be done.
        """
        for event in events:
            self._note_agent(corpId, event)
        work = work_of(events)
        if not work:
            return "nothing to do"
        if (why := self._why_not(corpId)) is not None:
            return why
        return self._read(corpId, work)

    def reconcile(self, corpId: str) -> str | None:
        """Read everything.

        :returns: why nothing was read, when nothing was.
        :raises JitError: it could not be read.
        """
        if (why := self._suite.stopped(corpId)) is not None:
            return why
        corps = self._corps(corpId)
        for corp in corps:
            corp.syncCorp(progress=self._progress)
        return None if corps else "no element is this enterprise"

    def _read(self, corpId: str, work: Work) -> str | None:
        corps = self._corps(corpId)
        if not corps:
            return "no element is this enterprise"
        if work.reconcile is not None:
            self._reconciles.want(corpId, work.reconcile, after=_BURST)
        if work.targets:
            for corp in corps:
                self._read_targets(corp, work.targets)
        return None

    def _read_targets(self, corp: Corp, targets: Targets) -> None:
        report = corp.sync_targets(targets)
        if report.reconcile is not None:
            self._reconciles.want(corp.corpId, report.reconcile, after=_PARTIAL)

    def _why_not(self, corpId: str) -> str | None:
        """Why an enterprise is not asked for now; what it sent is made up for by a full reading."""
        known = self._suite.authorizations.find(corpId)
        if known is None:
            return "the enterprise has not authorised the suite; it is read in full when it does"
        if known.state == CANCELLED:
            return "the enterprise cancelled"
        stopped = self._suite.stopped(corpId)
        if stopped is None and known.state != SUSPENDED:
            return None
        self._reconciles.want(corpId, "events came while it was suspended", after=_SUSPENDED)
        return f"suspended: {stopped or known.reason}"

    def _note_agent(self, corpId: str, event: Event) -> None:
        """The life of the app itself is told on its own channel (document 96448)."""
        if event.info_type == "close_inactive_agent":
            self._suite.suspend(corpId, "WeCom withdrew the rights of an app long unused")
        elif event.info_type == "reopen_inactive_agent":
            try:
                self._suite.resume(corpId)
            except (AuthorizationLost, CorpUnknown) as error:
                logger.info("not reopened corpId=%s: %s", corpId, error.code)

    def _progress(self, phase: str, done: int, total: int | None) -> None:
        del phase, done, total
        if self._stopping():
            raise Stopping("The process ends.")


def cause_of(error: BaseException) -> BaseException:
    """What made a sync fail: its own error only says that it did."""
    from jit_corps.errors import SyncFailed

    return error.__cause__ if isinstance(error, SyncFailed) and error.__cause__ is not None else error

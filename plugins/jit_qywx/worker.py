"""Works off the journal of one suite: its own events one after another, each enterprise's events together.

What fails for a while is tried again, later each time; what fails too often, or cannot succeed, is parked with its
reason, and the enterprise is read in full instead. Threads start when there is something to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.contact_work import cause_of
from jit_qywx.enterprise_lane import EnterpriseLane
from jit_qywx.giving_up import told
from jit_qywx.models import TEMPLATE
from jit_qywx.pulse import Pulse
from jit_qywx.template_lane import TemplateLane
from jit_qywx.template_work import TemplateWork
from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jit_corps.corp import Corp
    from jit_qywx.client.timing import Timing
    from jit_qywx.journal import CallbackRecord, Entry
    from jit_qywx.pulse import WorkObserver
    from jit_qywx.reconciles import Reconciles
    from jit_qywx.suite import Suite

__all__ = ["Worker"]

#: Seconds between two looks for records to drop.
_TIDY = 3_600.0
#: Seconds to go on with received events while the App closes: an auth code lives ten minutes and comes once.
_CLOSING = 10.0


class Worker:
    """Works off the journal of one suite.

    :param suite: what the events change.
    :param reconciles: full readings that are wished for.
    :param corps: the corp elements of one enterprise of the suite, or of all, by ``corpId``.
    :param timing: what waiting means.
    """

    def __init__(
        self,
        suite: Suite,
        reconciles: Reconciles,
        corps: Callable[[str | None], Mapping[str, Sequence[Corp]]],
        timing: Timing,
    ) -> None:
        self.suite = suite
        self.reconciles = reconciles
        self._claims = suite.journal.claims
        self._timing = timing
        self._tidied = float("-inf")
        self._work = TemplateWork(suite, reconciles)
        self._pulse = Pulse()
        self._template = TemplateLane(suite, self._work, reconciles, self._pulse, timing, self._tidy)
        self._enterprises = EnterpriseLane(suite, reconciles, corps, self._pulse, timing, self._tidy)

    def watch(self, observer: WorkObserver) -> None:
        """Tell somebody of all work that ends."""
        self._pulse.observer = observer

    def received(self, entries: Sequence[Entry]) -> None:
        """Entries were stored."""
        template = {entry.event.digest: entry.event.corpId for entry in entries if entry.channel == TEMPLATE}
        self._template.add(template)
        if len(template) < len(entries):
            self._enterprises.start()
            self._pulse.beat()

    def wake(self) -> None:
        """Look at the journal again: something may have changed, the time for one."""
        self._pulse.beat()

    def resume(self) -> None:
        """Take up what an earlier process acknowledged and did not finish, and what waits for a ticket."""
        self._claims.free_abandoned()
        self._template.add(self._claims.waiting())

    def serve(self, period: float | None) -> None:
        """Do all there is to do until :meth:`close`, not only what comes to this process.

        :param period: seconds between two full readings of each enterprise at most; None reads in full only when
            something asks for it.
        """
        self._claims.free_abandoned()
        self._template.looks, self._enterprises.period = True, period
        self._template.start()
        self._enterprises.start()

    def settle(self, *about: str | None, timeout: float = 30.0) -> None:
        """Wait until the template's events that came to this process were tried.

        :param about: only events about these enterprises; None among them means events that do not name theirs.
        :param timeout: seconds to wait at most.
        """
        self._template.settle(about, timeout)

    def drain(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is left whose turn it is, contact events and full readings included; False if it was not.

        :param timeout: seconds to wait at most.
        """
        self._template.start()
        self._enterprises.start()
        with self._pulse.changed:
            return self._pulse.changed.wait_for(
                lambda: not self._template.untried and self._enterprises.is_idle(), timeout
            )

    def retry(self, recordId: int) -> CallbackRecord:
        """Work on a record again, now, and return how that went.

        :raises CallbackUnknown: no record has that id.
        :raises JitError: what the work raised.
        """
        journal = self.suite.journal
        claim = self._claims.one(recordId)
        if claim is not None:
            reason = None
            try:
                if claim.channel == TEMPLATE:
                    self._work(claim)
                else:
                    reason = self._enterprises.work.events(claim.corpId or "", [journal.event(claim)])
            except JitError as error:
                self._claims.park([claim], told(cause_of(error)))
                raise
            self._claims.done([claim], reason)
        return journal.get(recordId)

    def close(self) -> None:
        """Finish what can be finished soon and stop the threads; the rest stays in the journal."""
        self.settle(timeout=_CLOSING)
        self._pulse.stop()
        for thread in (self._template.thread, self._enterprises.thread):
            if thread is not None:
                thread.join(_CLOSING)
        self._enterprises.end(_CLOSING)

    def _tidy(self) -> None:
        """Drop what has been settled for long, now and then."""
        if self._timing.now() - self._tidied > _TIDY:
            self._tidied = self._timing.now()
            self.suite.journal.prune()

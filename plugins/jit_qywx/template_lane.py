"""Works on the suite's own events, one after another: the next one may need what the last one stored.

Events that came to this process are remembered until they were tried, so that whoever needs what they bring can wait.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from jit_qywx.errors import RateLimited, ServerBusy, SuiteTicketMissing, TransportError
from jit_qywx.giving_up import TRIES, backoff, park, told
from jit_qywx.models import TEMPLATE
from jit_qywx.pulse import start_thread
from jitcore.errors import StorageError
from jitcore.storage import StorageClosed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from jit_qywx.claims import Claim
    from jit_qywx.client.timing import Timing
    from jit_qywx.pulse import Pulse
    from jit_qywx.reconciles import Reconciles
    from jit_qywx.suite import Suite
    from jit_qywx.template_work import TemplateWork

__all__ = ["TemplateLane"]

logger = logging.getLogger(__name__)

#: Without a ticket nothing can be done; the next ticket has everything tried at once.
_NO_TICKET = 600.0
#: Seconds between looks at the journal for what other processes left, while serving.
_LOOK = 5.0
_WAITS = (ServerBusy, TransportError, StorageError)


class TemplateLane:
    """The thread for one suite's template events.

    :param suite: whose journal it is.
    :param work: what the events ask for.
    :param tidy: called after tickets: they are what comes for ever.
    """

    def __init__(
        self,
        suite: Suite,
        work: TemplateWork,
        reconciles: Reconciles,
        pulse: Pulse,
        timing: Timing,
        tidy: Callable[[], None],
    ) -> None:
        self.thread: threading.Thread | None = None
        #: Whether to look for what other processes left.
        self.looks = False
        #: Events that came to this process and were not tried yet: digest → enterprise.
        self.untried: dict[str, str | None] = {}
        self._claims = suite.journal.claims
        self._config = suite.config
        self._work = work
        self._reconciles = reconciles
        self._pulse = pulse
        self._timing = timing
        self._tidy = tidy

    def add(self, events: Mapping[str, str | None]) -> None:
        """Take events that are to be tried now."""
        if events:
            with self._pulse.changed:
                self.untried.update(events)
                self.start()
            self._pulse.beat()

    def start(self) -> None:
        """Start the thread, once."""
        with self._pulse.changed:
            if self.thread is None and not self._pulse.stopping:
                self.thread = start_thread("jit-qywx-template", self._run)

    def settle(self, about: Sequence[str | None], timeout: float) -> None:
        """Wait until events were tried; see :meth:`jit_qywx.worker.Worker.settle`."""
        pulse = self._pulse
        with pulse.changed:
            pulse.changed.wait_for(
                lambda: pulse.stopping or not any(not about or corpId in about for corpId in self.untried.values()),
                timeout,
            )

    def _run(self) -> None:
        while not self._pulse.stopping:
            with self._pulse.changed:
                news, untried = self._pulse.news, set(self.untried)
            claims: list[Claim] = []
            with self._pulse.surviving():
                claims = self._claims.template()
                if claims:
                    self._work_on(claims)
            with self._pulse.changed:
                for digest in {claim.digest for claim in claims} or untried:
                    self.untried.pop(digest, None)
                # It may have wished for a full reading.
                self._pulse.news += bool(claims)
                self._pulse.changed.notify_all()
            if not claims:
                self._sleep(news)

    def _work_on(self, claims: Sequence[Claim]) -> None:
        """Tickets come together, everything else alone."""
        tickets = claims[0].info_type == "suite_ticket"
        for claim in claims:
            begun = time.monotonic()
            outcome = "done"
            try:
                self._work(claim)
            except Exception as error:  # noqa: BLE001 - the last frame of a thread
                outcome = self._failed(claim, error)
            else:
                self._claims.done([claim])
            self._pulse.observer.worked("template", outcome, time.monotonic() - begun)
        if tickets:
            self._claims.hurry()
            waiting = self._claims.waiting()
            with self._pulse.changed:
                self.untried.update(waiting)
            self._tidy()

    def _failed(self, claim: Claim, error: Exception) -> str:
        if isinstance(error, StorageClosed):
            raise error
        if isinstance(error, SuiteTicketMissing):
            self._claims.put_off([claim], told(error), _NO_TICKET, counted=False)
        elif isinstance(error, RateLimited):
            self._claims.put_off([claim], told(error), self._config.rateLimitWaitSeconds, counted=False)
        elif isinstance(error, _WAITS) and claim.attempt < TRIES:
            self._claims.put_off([claim], told(error), backoff(claim.attempt, self._timing))
        else:
            park(claim, error, self._claims, self._reconciles)
            return "parked"
        logger.warning("a callback waits recordId=%d: %s", claim.id, told(error))
        return "waits"

    def _sleep(self, news: int) -> None:
        """Wait for news, for the next one's turn, or for the time to look what others left."""
        due = None
        with self._pulse.surviving():
            due = self._claims.next_due(TEMPLATE)
        # What is due and was not taken is in other hands.
        times = [] if due is None else [max(1.0, due - self._timing.now())]
        if self.looks:
            times.append(_LOOK)
        self._pulse.wait(news, min(times) if times else None)

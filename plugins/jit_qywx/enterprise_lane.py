"""Hands each enterprise whose turn it is to a free thread: its contact events together, or a full reading.

Contact events have a few threads and full readings as many others, at most one of a kind for each enterprise, so that
one with a hundred thousand members keeps nobody else's news waiting. After its events an enterprise rests a moment, so
that more of them become one reading.
"""

from __future__ import annotations

import contextlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from jit_corps.errors import SyncLocked
from jit_qywx.contact_work import ContactWork, Stopping, cause_of
from jit_qywx.errors import AuthInactive, AuthorizationLost, CorpUnknown, RateLimited, SuiteTicketMissing
from jit_qywx.giving_up import TRIES, backoff, park, told
from jit_qywx.models import APP
from jit_qywx.pulse import start_thread
from jitcore.errors import JitError, StorageError
from jitcore.storage import StorageClosed

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from jit_corps.corp import Corp
    from jit_qywx.claims import Claim
    from jit_qywx.client.timing import Timing
    from jit_qywx.pulse import Pulse
    from jit_qywx.reconciles import Reconciles, Wish
    from jit_qywx.suite import Suite

__all__ = ["EnterpriseLane"]

logger = logging.getLogger(__name__)

#: Threads for contact events, and as many for full readings, of one suite.
_THREADS = 4
#: How many times as long as its last events took an enterprise rests before its next ones: when much comes, more of it
#: is one reading, and whoever receives gets most of the processor.
_REST, _LONGEST_REST = 20.0, 15.0
#: Seconds before a full reading that failed is tried again; doubled each time. It is never given up.
_BACKOFF, _LONGEST_BACKOFF = 60.0, 6 * 3_600.0
#: Another process reads the same organisation.
_LOCKED = 60.0
#: Seconds before an enterprise whose grant does not work is read in full.
_LOST = 3_600.0
#: Seconds between two looks for work however much news there is: five hundred events a second are not as many looks.
_BREATH = 0.05
#: Seconds between looks at the journal for what other processes left, and at the schedule.
_LOOK, _LOOK_SCHEDULE = 5.0, 60.0


class EnterpriseLane:
    """The threads for one suite's enterprises.

    :param suite: their authorizations and the journal.
    :param reconciles: full readings that are wished for.
    :param corps: the corp elements of one enterprise of the suite, or of all, by ``corpId``.
    :param tidy: called now and then.
    """

    #: Seconds that an enterprise rests at least after its events were worked on: a burst is one reading and one more.
    rest = 0.5

    def __init__(
        self,
        suite: Suite,
        reconciles: Reconciles,
        corps: Callable[[str | None], Mapping[str, Sequence[Corp]]],
        pulse: Pulse,
        timing: Timing,
        tidy: Callable[[], None],
    ) -> None:
        self.thread: threading.Thread | None = None
        #: Seconds between two full readings of each enterprise at most; None without a schedule.
        self.period: float | None = None
        self.work = ContactWork(suite, reconciles, lambda corpId: corps(corpId).get(corpId, ()), lambda: pulse.stopping)
        self._suite = suite
        self._claims = suite.journal.claims
        self._reconciles = reconciles
        self._corps = corps
        self._pulse = pulse
        self._timing = timing
        self._tidy = tidy
        self._pool: ThreadPoolExecutor | None = None
        self._busy: set[tuple[str, str]] = set()
        #: Until when each enterprise rests; monotonic.
        self._rests: dict[str, float] = {}
        self._scheduled = self._looked = float("-inf")

    def start(self) -> None:
        """Start the thread that hands out, once."""
        with self._pulse.changed:
            if self.thread is None and not self._pulse.stopping:
                self._pool = ThreadPoolExecutor(2 * _THREADS, thread_name_prefix="jit-qywx-contacts")
                self.thread = start_thread("jit-qywx-dispatcher", self._run)

    def is_idle(self) -> bool:
        """Whether nothing is left whose turn it is."""
        if self._busy:
            return False
        with self._pulse.surviving():
            waiting, wishes = self._turns()
            return not waiting and not wishes
        return False

    def end(self, seconds: float) -> None:
        """Wait for what is under way, and take nothing more."""
        if self._pool is not None:
            with self._pulse.changed:
                self._pulse.changed.wait_for(lambda: not self._busy, seconds)
            self._pool.shutdown(wait=not self._busy, cancel_futures=True)

    def _run(self) -> None:
        while not self._pulse.stopping:
            with self._pulse.changed:
                news = self._pulse.news
            with self._pulse.surviving():
                self._keep_house()
                self._dispatch()
            with self._pulse.changed:
                self._pulse.changed.notify_all()
            self._pulse.pause(_BREATH)
            self._sleep(news)

    def _keep_house(self) -> None:
        """What has to be done now and then."""
        if time.monotonic() - self._looked > _LOOK:
            self._looked = time.monotonic()
            self._claims.free_abandoned()
            self._tidy()
        now = self._timing.now()
        if self.period is not None and now - self._scheduled > min(_LOOK_SCHEDULE, self.period / 2):
            self._scheduled = now
            names = {
                corpId: [corp.fullName for corp in corps]
                for corpId, corps in self._corps(None).items()
                if self._suite.stopped(corpId) is None
            }
            self._reconciles.schedule(names, self.period)

    def _dispatch(self) -> None:
        """Hand every enterprise whose turn it is to a free thread."""
        waiting, wishes = self._turns()
        for corpId in waiting:
            if self._rests.get(corpId, 0.0) <= time.monotonic():
                self._hand("contacts", corpId, partial(self._work_contacts, corpId))
        for wish in wishes:
            self._hand("reconcile", wish.corpId, partial(self._work_wish, wish))

    def _turns(self) -> tuple[list[str], list[Wish]]:
        """Enterprises with events, and wishes, whose turn it is; whoever is parked waits, and takes no thread."""
        waiting, wishes = self._claims.enterprises(), self._reconciles.due()
        parked = self._suite.quotas.parked() if waiting or wishes else {}
        return [one for one in waiting if one not in parked], [wish for wish in wishes if wish.corpId not in parked]

    def _hand(self, kind: str, corpId: str, work: Callable[[], str]) -> None:
        key = (kind, corpId)
        with self._pulse.changed:
            full = sum(one == kind for one, _ in self._busy) >= _THREADS
            if full or key in self._busy or self._pulse.stopping or self._pool is None:
                return
            self._busy.add(key)
            self._pool.submit(self._run_work, key, work)

    def _run_work(self, key: tuple[str, str], work: Callable[[], str]) -> None:
        begun = time.monotonic()
        outcome = "waits"
        try:
            with self._pulse.surviving():
                outcome = work()
        finally:
            self._pulse.observer.worked(key[0], outcome, time.monotonic() - begun)
            with self._pulse.changed:
                self._busy.discard(key)
                self._pulse.news += 1
                self._pulse.changed.notify_all()

    def _work_contacts(self, corpId: str) -> str:
        begun = time.monotonic()
        try:
            return self._work_claims(corpId)
        finally:
            ended = time.monotonic()
            self._rests[corpId] = ended + max(self.rest, min(_LONGEST_REST, _REST * (ended - begun)))

    def _work_claims(self, corpId: str) -> str:
        claims = self._claims.contacts(corpId)
        events = []
        for claim in list(claims):
            try:
                events.append(self._suite.journal.event(claim))
            except JitError as error:
                # Unreadable now means unreadable for ever, and it must not take its neighbours along.
                claims.remove(claim)
                park(claim, error, self._claims, self._reconciles)
        if not claims:
            return "done"
        try:
            reason = self.work.events(corpId, events)
        except Exception as error:  # noqa: BLE001 - the last frame of a thread
            return self._failed_contacts(corpId, claims, cause_of(error))
        self._claims.done(claims, reason)
        logger.info("worked on events corpId=%s count=%d %s", corpId, len(claims), reason or "")
        return "done"

    def _failed_contacts(self, corpId: str, claims: Sequence[Claim], error: BaseException) -> str:
        reason = told(error)
        if isinstance(error, (Stopping, StorageClosed)):
            with contextlib.suppress(StorageError):
                self._claims.put_off(claims, reason, 0.0, counted=False)
            return "waits"
        if isinstance(error, (AuthorizationLost, AuthInactive, CorpUnknown)):
            # Asking again is no use until the grant works again, and then everything has to be read anyway.
            self._reconciles.want(corpId, reason, after=_LOST)
            self._claims.done(claims, reason)
            return "done"
        if isinstance(error, (RateLimited, SuiteTicketMissing, SyncLocked)):
            self._claims.put_off(claims, reason, self._pause_after(corpId, error), counted=False)
            return "waits"
        logger.warning("events wait corpId=%s count=%d: %s", corpId, len(claims), reason)
        given_up = [claim for claim in claims if claim.attempt >= TRIES]
        for claim in given_up:
            park(claim, error, self._claims, self._reconciles)
        waiting = [claim for claim in claims if claim.attempt < TRIES]
        for claim in waiting:
            self._claims.put_off([claim], reason, backoff(claim.attempt, self._timing))
        return "waits" if waiting else "parked"

    def _work_wish(self, wish: Wish) -> str:
        try:
            reason = self.work.reconcile(wish.corpId)
        except Exception as error:  # noqa: BLE001 - the last frame of a thread
            return self._failed_wish(wish, cause_of(error))
        self._reconciles.fulfil(wish)
        logger.info("reconciled corpId=%s wanted because: %s %s", wish.corpId, wish.reason, reason or "")
        return "done"

    def _failed_wish(self, wish: Wish, error: BaseException) -> str:
        reason = told(error)
        counted = True
        seconds = min(_LONGEST_BACKOFF, _BACKOFF * 2.0**wish.attempts)
        if isinstance(error, StorageClosed):
            return "waits"
        if isinstance(error, Stopping):
            seconds, counted = 0.0, False
        elif isinstance(error, (RateLimited, SyncLocked)):
            seconds, counted = self._pause_after(wish.corpId, error), False
        self._reconciles.put_off(wish, f"{wish.reason.partition(' (')[0]} ({reason})", seconds, counted=counted)
        logger.warning("not reconciled corpId=%s again in %.0f s: %s", wish.corpId, seconds, reason)
        return "waits"

    def _pause_after(self, corpId: str, error: BaseException) -> float:
        """Seconds until it is worth trying again, after what is nobody's mistake."""
        if isinstance(error, RateLimited):
            parked = self._suite.quotas.parked(corpId).get(corpId)
            # Too many at once parks nobody; and who was parked may have been released since.
            return max(1.0, parked.until - self._timing.now()) if parked else self._suite.config.rateLimitWaitSeconds
        return _LOCKED

    def _sleep(self, news: int) -> None:
        """Wait for news, for the next one's turn, or for the time to look what others left."""
        times = [_LOOK]
        with self._pulse.surviving():
            dues = (self._claims.next_due(APP), self._reconciles.next_due())
            # What is due and was not handed out is in other hands, or held.
            times += [max(1.0, due - self._timing.now()) for due in dues if due is not None]
        now = time.monotonic()
        times += [until - now + 0.01 for until in self._rests.values() if until > now]
        self._pulse.wait(news, min(times))

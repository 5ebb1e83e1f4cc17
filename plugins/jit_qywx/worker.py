"""Works off the journal: the suite's own events one after another, each enterprise's contact events together.

One thread works on the template's events, in the order they came, because the next one may need what the last one
stored. Contact events are done by a few threads and full readings by as many others, at most one of a kind for each
enterprise, so that one with a hundred thousand members keeps nobody else's news waiting. After its events an enterprise
rests a moment, so that more of them become one reading. Threads start when there is something to do.

What fails for a while is tried again, later each time; what fails too often, or cannot succeed, is parked with its
reason, and the enterprise is read in full instead.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Protocol

from jit_corps.errors import SyncLocked
from jit_qywx.contact_work import ContactWork, Stopping, cause_of
from jit_qywx.errors import (
    AuthInactive,
    AuthorizationLost,
    CorpUnknown,
    RateLimited,
    SecretUnreadable,
    ServerBusy,
    SuiteTicketMissing,
    TransportError,
)
from jit_qywx.models import APP, TEMPLATE
from jit_qywx.template_work import TemplateWork
from jitcore.errors import JitError, StorageError
from jitcore.storage import StorageClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jit_corps.corp import Corp
    from jit_qywx.claims import Claim
    from jit_qywx.client.timing import Timing
    from jit_qywx.journal import CallbackRecord, Entry
    from jit_qywx.reconciles import Reconciles, Wish
    from jit_qywx.suite import Suite

__all__ = ["TRIES", "WorkObserver", "Worker"]

logger = logging.getLogger(__name__)

#: Given up after so many tries; retryCallBack can still be asked to.
TRIES = 5
#: Seconds before the second try; doubled for each further one.
_BACKOFF, _LONGEST_BACKOFF = 10.0, 600.0
#: The same for full readings, which are never given up.
_RECONCILE_BACKOFF, _LONGEST_RECONCILE_BACKOFF = 60.0, 6 * 3_600.0
#: Without a ticket nothing can be done; the next ticket has everything tried at once.
_NO_TICKET = 600.0
#: Another process reads the same organisation.
_LOCKED = 60.0
#: The block lasts as long as the quota's window, which is a minute or an hour (document 90454).
_LONGEST_WINDOW = 3_600.0
#: Seconds between looks at the journal for what other processes left, and at the schedule.
_LOOK, _LOOK_SCHEDULE = 5.0, 60.0
_PRUNE = 3_600.0
#: Threads for contact events, and as many for full readings, of one suite.
_THREADS = 4
#: How many times as long as its last events took an enterprise rests before its next ones: when much comes, more of it
#: is one reading, and whoever receives gets most of the processor.
_REST, _LONGEST_REST = 10.0, 60.0
#: Seconds to go on with received events while the App closes: an auth code lives ten minutes and comes once.
_CLOSING = 10.0

_WAITS = (ServerBusy, TransportError, StorageError)


class WorkObserver(Protocol):
    """Told of work that ended; must not raise."""

    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        """``kind`` is ``template``, ``contacts`` or ``reconcile``; ``outcome`` ``done``, ``waits``, ``parked``."""


class _NobodyWatches:
    def worked(self, kind: str, outcome: str, seconds: float) -> None:
        pass


class Worker:
    """Works off the journal of one suite.

    :param suite: what the events change.
    :param reconciles: full readings that are wished for.
    :param corps: the corp elements of one enterprise of the suite, or of all, by ``corpId``.
    :param timing: what waiting means.
    """

    #: Seconds that an enterprise rests at least after its events were worked on: a burst is one reading and one more.
    rest = 0.5

    def __init__(
        self,
        suite: Suite,
        reconciles: Reconciles,
        corps: Callable[[str | None], Mapping[str, Sequence[Corp]]],
        timing: Timing,
    ) -> None:
        self.observer: WorkObserver = _NobodyWatches()
        self.reconciles = reconciles
        self.suite = suite
        self._claims = suite.journal.claims
        self._corps = corps
        self._timing = timing
        self._template = TemplateWork(suite, reconciles)
        self._contacts = ContactWork(
            suite, reconciles, lambda corpId: corps(corpId).get(corpId, ()), lambda: self._stopping
        )
        self._changed = threading.Condition()
        self._stopping = False
        #: Counts what came in: a thread that found nothing looks again when it has grown.
        self._news = 0
        #: Template events that came to this process and were not tried yet: digest → enterprise.
        self._untried: dict[str, str | None] = {}
        self._busy: set[tuple[str, str]] = set()
        #: Enterprises that WeCom wants left alone: corpId → until when, and how long that was.
        self._held: dict[str, tuple[float, float]] = {}
        #: Until when each enterprise rests; monotonic.
        self._rests: dict[str, float] = {}
        self._template_thread: threading.Thread | None = None
        self._dispatcher: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._serving = False
        self._period: float | None = None
        self._scheduled = self._pruned = self._looked = float("-inf")

    # What others tell

    def received(self, entries: Sequence[Entry]) -> None:
        """Entries were stored."""
        template = {entry.event.digest: entry.event.corpId for entry in entries if entry.channel == TEMPLATE}
        with self._changed:
            self._untried.update(template)
            self._news += 1
            self._changed.notify_all()
            if template:
                self._start_template()
            if len(template) < len(entries):
                self._start_dispatcher()

    def wake(self) -> None:
        """Look at the journal again: something may have changed, the time for one."""
        with self._changed:
            self._news += 1
            self._changed.notify_all()

    def resume(self) -> None:
        """Take up what an earlier process acknowledged and did not finish, and what waits for a ticket."""
        self._claims.free_abandoned()
        waiting = self._claims.waiting()
        if waiting:
            with self._changed:
                self._untried.update(waiting)
                self._news += 1
                self._changed.notify_all()
                self._start_template()

    def serve(self, period: float | None) -> None:
        """Do all there is to do until :meth:`close`, not only what comes to this process.

        :param period: seconds between two full readings of each enterprise at most; None reads in full only when
            something asks for it.
        """
        self._claims.free_abandoned()
        with self._changed:
            self._serving, self._period = True, period
            self._start_template()
            self._start_dispatcher()

    def settle(self, *about: str | None, timeout: float = 30.0) -> None:
        """Wait until the template's events that came to this process were tried.

        :param about: only events about these enterprises; None among them means events that do not name theirs.
        :param timeout: seconds to wait at most.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping or not any(not about or corpId in about for corpId in self._untried.values()),
                timeout,
            )

    def drain(self, timeout: float = 30.0) -> bool:
        """Wait until nothing is left whose turn it is, contact events and full readings included; False if it was not.

        :param timeout: seconds to wait at most.
        """
        with self._changed:
            self._start_template()
            self._start_dispatcher()
            return self._changed.wait_for(self._is_idle, timeout)

    def retry(self, recordId: int) -> CallbackRecord:
        """Work on a record again, now, and return how that went.

        :raises CallbackUnknown: no record has that id.
        :raises JitError: what the work raised.
        """
        journal = self.suite.journal
        claim = self._claims.one(recordId)
        if claim is not None:
            try:
                if claim.channel == TEMPLATE:
                    self._template(claim)
                    reason = None
                else:
                    reason = self._contacts.events(claim.corpId or "", [journal.event(claim)])
            except JitError as error:
                self._claims.park([claim], _told(cause_of(error)))
                raise
            self._claims.done([claim], reason)
        return journal.get(recordId)

    def close(self) -> None:
        """Finish what can be finished soon and stop the threads; the rest stays in the journal."""
        self.settle(timeout=_CLOSING)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            threads = [thread for thread in (self._template_thread, self._dispatcher) if thread is not None]
            pool = self._pool
        for thread in threads:
            thread.join(_CLOSING)
        if pool is not None:
            with self._changed:
                self._changed.wait_for(lambda: not self._busy, _CLOSING)
            pool.shutdown(wait=not self._busy, cancel_futures=True)

    # The suite's own events

    def _start_template(self) -> None:
        if self._template_thread is None and not self._stopping:
            self._template_thread = _thread("jit-qywx-template", self._run_template)

    def _run_template(self) -> None:
        while not self._stopping:
            with self._changed:
                news, untried = self._news, set(self._untried)
            claims: list[Claim] = []
            with self._surviving():
                claims = self._claims.template()
                if claims:
                    self._work_template(claims)
            with self._changed:
                for digest in {claim.digest for claim in claims} or untried:
                    self._untried.pop(digest, None)
                # It may have wished for a full reading.
                self._news += bool(claims)
                self._changed.notify_all()
            if not claims:
                self._sleep(news, TEMPLATE)

    def _work_template(self, claims: Sequence[Claim]) -> None:
        """Tickets come together, everything else alone."""
        tickets = claims[0].info_type == "suite_ticket"
        for claim in claims:
            begun = time.monotonic()
            outcome = "done"
            try:
                self._template(claim)
            except Exception as error:  # noqa: BLE001 - the last frame of a thread
                outcome = self._failed_template(claim, error)
            else:
                self._claims.done([claim])
            self.observer.worked("template", outcome, time.monotonic() - begun)
        if tickets:
            self._claims.hurry()
            waiting = self._claims.waiting()
            with self._changed:
                self._untried.update(waiting)
            self._prune()

    def _failed_template(self, claim: Claim, error: Exception) -> str:
        if isinstance(error, StorageClosed):
            raise error
        if isinstance(error, SuiteTicketMissing):
            self._claims.put_off([claim], _told(error), _NO_TICKET, counted=False)
        elif isinstance(error, RateLimited):
            self._claims.put_off([claim], _told(error), self._window(), counted=False)
        elif isinstance(error, _WAITS) and claim.attempt < TRIES:
            self._claims.put_off([claim], _told(error), self._backoff(claim.attempt))
        else:
            self._park(claim, error)
            return "parked"
        logger.warning("a callback waits recordId=%d: %s", claim.id, _told(error))
        return "waits"

    # Enterprises

    def _start_dispatcher(self) -> None:
        if self._dispatcher is None and not self._stopping:
            self._pool = ThreadPoolExecutor(2 * _THREADS, thread_name_prefix="jit-qywx-contacts")
            self._dispatcher = _thread("jit-qywx-dispatcher", self._run_dispatcher)

    def _run_dispatcher(self) -> None:
        while not self._stopping:
            with self._changed:
                news = self._news
            with self._surviving():
                self._keep_house()
                self._dispatch()
            with self._changed:
                self._changed.notify_all()
            self._sleep(news, APP)

    def _keep_house(self) -> None:
        """What has to be done now and then."""
        if time.monotonic() - self._looked > _LOOK:
            self._looked = time.monotonic()
            self._claims.free_abandoned()
            self._prune()
        now = self._timing.now()
        if self._period is not None and now - self._scheduled > min(_LOOK_SCHEDULE, self._period / 2):
            self._scheduled = now
            names = {
                corpId: [corp.fullName for corp in corps]
                for corpId, corps in self._corps(None).items()
                if self.suite.stopped(corpId) is None
            }
            self.reconciles.schedule(names, self._period)

    def _prune(self) -> None:
        if self._timing.now() - self._pruned > _PRUNE:
            self._pruned = self._timing.now()
            self.suite.journal.prune()

    def _dispatch(self) -> None:
        """Hand every enterprise whose turn it is to a free thread."""
        now = self._timing.now()
        for corpId in self._claims.enterprises():
            rested = self._rests.get(corpId, 0.0) <= time.monotonic()
            if rested and self._held.get(corpId, (0.0, 0.0))[0] <= now:
                self._hand("contacts", corpId, partial(self._work_contacts, corpId))
        for wish in self.reconciles.due():
            if self._held.get(wish.corpId, (0.0, 0.0))[0] <= now:
                self._hand("reconcile", wish.corpId, partial(self._work_wish, wish))

    def _hand(self, kind: str, corpId: str, work: Callable[[], str]) -> None:
        key = (kind, corpId)
        with self._changed:
            full = sum(one == kind for one, _ in self._busy) >= _THREADS
            if full or key in self._busy or self._stopping or self._pool is None:
                return
            self._busy.add(key)
            self._pool.submit(self._run_work, key, work)

    def _run_work(self, key: tuple[str, str], work: Callable[[], str]) -> None:
        begun = time.monotonic()
        outcome = "waits"
        try:
            with self._surviving():
                outcome = work()
        finally:
            self.observer.worked(key[0], outcome, time.monotonic() - begun)
            with self._changed:
                self._busy.discard(key)
                self._news += 1
                self._changed.notify_all()

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
                events.append(self.suite.journal.event(claim))
            except JitError as error:
                # Unreadable now means unreadable for ever, and it must not take its neighbours along.
                claims.remove(claim)
                self._park(claim, error)
        if not claims:
            return "parked"
        try:
            reason = self._contacts.events(corpId, events)
        except Exception as error:  # noqa: BLE001 - the last frame of a thread
            return self._failed_contacts(corpId, claims, cause_of(error))
        self._claims.done(claims, reason)
        self._held.pop(corpId, None)
        logger.info("worked on events corpId=%s count=%d %s", corpId, len(claims), reason or "")
        return "done"

    def _failed_contacts(self, corpId: str, claims: Sequence[Claim], error: BaseException) -> str:
        told = _told(error)
        if isinstance(error, (Stopping, StorageClosed)):
            with contextlib.suppress(StorageError):
                self._claims.put_off(claims, told, 0.0, counted=False)
            return "waits"
        if isinstance(error, (AuthorizationLost, AuthInactive, CorpUnknown)):
            # Asking again is no use until the grant works again, and then everything has to be read anyway.
            self.reconciles.want(corpId, told, after=_LONGEST_WINDOW)
            self._claims.done(claims, told)
            return "done"
        if isinstance(error, (RateLimited, SuiteTicketMissing, SyncLocked)):
            self._claims.put_off(claims, told, self._hold(corpId, error), counted=False)
            return "waits"
        logger.warning("events wait corpId=%s count=%d: %s", corpId, len(claims), told)
        given_up = [claim for claim in claims if claim.attempt >= TRIES]
        for claim in given_up:
            self._park(claim, error)
        waiting = [claim for claim in claims if claim.attempt < TRIES]
        for claim in waiting:
            self._claims.put_off([claim], told, self._backoff(claim.attempt))
        return "waits" if waiting else "parked"

    def _work_wish(self, wish: Wish) -> str:
        try:
            reason = self._contacts.reconcile(wish.corpId)
        except Exception as error:  # noqa: BLE001 - the last frame of a thread
            return self._failed_wish(wish, cause_of(error))
        self.reconciles.fulfil(wish)
        self._held.pop(wish.corpId, None)
        logger.info("reconciled corpId=%s wanted because: %s %s", wish.corpId, wish.reason, reason or "")
        return "done"

    def _failed_wish(self, wish: Wish, error: BaseException) -> str:
        told = _told(error)
        counted = True
        seconds = min(_LONGEST_RECONCILE_BACKOFF, _RECONCILE_BACKOFF * 2.0**wish.attempts)
        if isinstance(error, StorageClosed):
            return "waits"
        if isinstance(error, Stopping):
            seconds, counted = 0.0, False
        elif isinstance(error, SyncLocked):
            seconds, counted = _LOCKED, False
        elif isinstance(error, RateLimited):
            seconds, counted = self._hold(wish.corpId, error), False
        self.reconciles.put_off(wish, f"{wish.reason.partition(' (')[0]} ({told})", seconds, counted=counted)
        logger.warning("not reconciled corpId=%s again in %.0f s: %s", wish.corpId, seconds, told)
        return "waits"

    # Either

    def _park(self, claim: Claim, error: BaseException) -> None:
        expected = isinstance(error, JitError)
        logger.error(
            "a callback is parked recordId=%d: %s", claim.id, _told(error), exc_info=None if expected else error
        )
        if claim.corpId is not None and not isinstance(error, (AuthorizationLost, CorpUnknown, SecretUnreadable)):
            self.reconciles.want(claim.corpId, f"callback {claim.id} was given up")
        self._claims.park([claim], _told(error))

    def _hold(self, corpId: str, error: BaseException) -> float:
        """Leave an enterprise alone for a while; longer when that was not enough."""
        if not isinstance(error, RateLimited):
            return _LOCKED
        before = self._held.get(corpId, (0.0, 0.0))[1]
        seconds = min(_LONGEST_WINDOW, before * 2 or self._window())
        self._held[corpId] = (self._timing.now() + seconds, seconds)
        logger.warning("WeCom's quota is used up corpId=%s seconds=%.0f", corpId, seconds)
        return seconds

    def _window(self) -> float:
        return max(1.0, self.suite.config.rateLimitWaitSeconds)

    def _backoff(self, attempt: int) -> float:
        # Jitter: what failed together must not come back together.
        return min(_LONGEST_BACKOFF, _BACKOFF * 2.0 ** (attempt - 1)) * (0.5 + self._timing.random())

    def _sleep(self, news: int, channel: str) -> None:
        """Wait for news, for the next one's turn, or for the time to look what others left."""
        dues = []
        with self._surviving():
            dues.append(self._claims.next_due(channel))
            if channel == APP:
                dues.append(self.reconciles.next_due())
        times = [max(0.05, due - self._timing.now()) for due in dues if due is not None]
        # What is due and was not taken is in other hands, or held.
        times = [seconds if seconds > 0.05 else 1.0 for seconds in times]
        if self._serving or channel == APP:
            times.append(_LOOK)
        if channel == APP:
            now = time.monotonic()
            times += [until - now + 0.01 for until in self._rests.values() if until > now]
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._news != news, min(times) if times else None)

    def _is_idle(self) -> bool:
        if self._busy or self._untried:
            return False
        with self._surviving():
            return not self._claims.enterprises() and not self.reconciles.due()
        return False

    @contextlib.contextmanager
    def _surviving(self) -> Iterator[None]:
        """No thread of ours ends because the database was away for a moment, or because of a mistake of ours."""
        try:
            yield
        except StorageClosed:
            self._stopping = True
        except StorageError as error:
            logger.warning("the journal cannot be worked on: %s", error.code)
            self._pause()
        except Exception:
            # The last frame of a background thread: whoever else would see it is not there.
            logger.exception("the worker made a mistake")
            self._pause()

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, 1.0)


def _thread(name: str, run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def _told(error: BaseException) -> str:
    """An error for a record: our own in full, because their texts hold no secret; others by name only."""
    return f"{error.code}: {error.message}" if isinstance(error, JitError) else f"{type(error).__name__}, see the log"

"""Syncs all organisations of an app, many at a time, such that none of them keeps the others waiting.

Who begins when is decided in :mod:`jit_corps.turns`, whose docstring says what is promised; here are the threads. The
caller's thread hands out turns; each run has a thread of its own, which a run that hangs keeps to itself. A run is told
to stop through the progress it reports, up to the moment it publishes: what is published is never half of something.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

import inspect
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import peewee

from jit_corps.errors import SyncStopped
from jit_corps.models import SyncRun
from jit_corps.report import SyncReport
from jit_corps.turns import Limits, Turns
from jitcore.errors import ArgumentError, ElementFailed, JitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jit_corps.corp import Corp
    from jit_corps.resting import Rest
    from jit_corps.turns import Decision, Turn
    from jitcore.app import App
    from jitcore.storage import Storage

__all__ = ["CorpResult", "FleetWatcher", "corp_names", "sync_all"]

log = logging.getLogger(__name__)

META = "corps.Meta"


@dataclass(frozen=True, slots=True)
class CorpResult:
    """How one organisation fared; at most one of ``report``, ``error`` and ``rest`` is there.

    :param report: of a run that ended well; one of a Type that makes no reports has none.
    :param error: why it failed, or why the element cannot be loaded.
    :param rest: why it was passed over.
    :param seconds: how long its run took.
    """

    corpFullName: str
    report: SyncReport | None = None
    error: JitError | None = None
    rest: Rest | None = None
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """The status of its report; ``failed``; or the word for its rest."""
        if self.report is not None:
            return self.report.status
        if self.error is not None:
            return "failed"
        return "ok" if self.rest is None else self.rest.word

    @property
    def is_ok(self) -> bool:
        """Whether nobody has to look after it: it is up to date, or it has left for good."""
        return self.status == "ok" if self.rest is None else self.rest.isSettled

    def as_dict(self) -> dict[str, Any]:
        """The result for a program: plain JSON values."""
        if self.report is not None:
            return self.report.as_dict()
        told: dict[str, Any] = {"corpFullName": self.corpFullName, "status": self.status}
        if self.error is not None:
            return {**told, "code": self.error.code, "error": str(self.error), "duration": self.seconds}
        if self.rest is None:
            return {**told, "duration": self.seconds}
        until = {} if self.rest.until is None else {"until": self.rest.until}
        return {**told, "reason": self.rest.reason, **until}


class FleetWatcher(Protocol):
    """Is told how the whole gets on."""

    def planned(self, count: int) -> None:
        """So many organisations there are, with those that are passed over; comes first."""

    def began(self, corpFullName: str, title: str) -> None:
        """One has begun."""

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        """One gets on; called from the threads that do the work."""

    def ended(self, result: CorpResult) -> None:
        """One has ended, or is passed over."""


class _NobodyWatches:
    def planned(self, count: int) -> None:
        pass

    def began(self, corpFullName: str, title: str) -> None:
        pass

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: CorpResult) -> None:
        pass


def sync_all(
    app: App,
    *,
    concurrency: int = 8,
    timeout: float | None = 3_600.0,
    limits: Limits | None = None,
    watcher: FleetWatcher | None = None,
) -> list[CorpResult]:
    """Sync every organisation of an app: instances of the Types of ``corps.Meta``, generated ones included.

    What is promised to each of them, whatever the others do (fail, hang, have a million members): no run holds one of
    the ``concurrency`` places for more than ten seconds while another waits; it then goes on beside them, as many again
    at most at once, and the place goes to the next. So the ``k``-th shortest begins within ``ceil(k / half)`` times ten
    seconds, where ``half`` is ``concurrency - concurrency // 2``. Should more than ``concurrency`` runs take that long
    at once, the others wait until one of those ends, which the time limit sees to. Short and long are what the last
    runs took. The longest have the other half of the places, from the start, because the whole cannot end before them;
    there are never more of them at once, however many there are.

    An organisation that rests (:attr:`jit_corps.corp.Corp.resting`) is passed over and takes no place. When this
    raises, ``KeyboardInterrupt`` for example, every run was told to stop, and none begins any more.

    :param concurrency: places; at most twice as many threads run.
    :param timeout: seconds after which a run is told to stop, which it does at the next progress it reports; five
        seconds later nobody waits for it any more. None for no limit.
    :param limits: instead of both, everything that can be set.
    :param watcher: is told how the whole gets on, from this thread except where it says otherwise.
    :returns: one result for each, in the order in which they ended.
    :raises ArgumentError: a limit is none.
    :raises StorageError: the app's database cannot be used.
    """
    return _Fleet(app, limits or _limits(concurrency, timeout), watcher or _NobodyWatches()).run()


def corp_names(app: App) -> list[str]:
    """Full names of the app's organisations, broken ones included: a sync must not pass them over in silence."""
    names = []
    for name in app.elements:
        try:
            node = app.registry.nodes(name)[0]
            is_corp = app.dispatch.kind(node) == "instance" and META in app.dispatch.chain(node.elementType)
        except JitError:
            is_corp = name.startswith("corps.")
        if is_corp:
            names.append(name)
    return names


class _Fleet:
    """One call of :func:`sync_all`."""

    def __init__(self, app: App, limits: Limits, watcher: FleetWatcher) -> None:
        self.app = app
        self.limits = limits
        self.watcher = watcher
        self.changed = threading.Condition()
        #: Ended runs that nobody was told of yet.
        self.ended: list[CorpResult] = []
        self.results: list[CorpResult] = []
        self.runs: dict[str, _Run] = {}

    def run(self) -> list[CorpResult]:
        corps = self._corps()
        turns = Turns(last_durations(self.app.storage, corps), self.limits)
        try:
            while not turns.is_over:
                self._step(turns, corps)
        except BaseException:
            self._stop(turns)
            raise
        finally:
            self._tell()
        return self.results

    def _corps(self) -> dict[str, Corp]:
        """Those to be synced; the others have their results at once."""
        names = corp_names(self.app)
        self.watcher.planned(len(names))
        corps: dict[str, Corp] = {}
        for name in names:
            try:
                corp: Any = self.app.getElement(name)
                if not hasattr(corp, "syncCorp"):
                    raise ElementFailed(f"{name} is no organisation: it has no method syncCorp.", fullName=name)
                rest = getattr(corp, "resting", None)
            except Exception as error:  # noqa: BLE001 - one broken organisation is no reason to leave the others
                self.ended.append(CorpResult(name, error=_told(name, error)))
                continue
            if rest is None:
                corps[name] = corp
            else:
                self.ended.append(CorpResult(name, rest=rest))
        return corps

    def _step(self, turns: Turns, corps: Mapping[str, Corp]) -> None:
        """Do what is to be done now, and wait until there is more."""
        self._tell()
        with self.changed:
            decision = turns.decide(time.monotonic())
            self._do(decision, turns)
        for name in decision.begin:
            self.watcher.began(name, str(getattr(corps[name], "title", "")))
            run = self.runs[name] = _Run(self, corps[name], turns)
            threading.Thread(target=run, name=f"jit-sync {name}", daemon=True).start()
        with self.changed:
            if not self.ended and not turns.is_over:
                self.changed.wait(decision.wait)

    def _do(self, decision: Decision, turns: Turns) -> None:
        limits = self.limits
        for name in decision.stop:
            self.runs[name].why = f"it took longer than {limits.timeout:g} s"
        for name in decision.give_up:
            error = SyncStopped(name, f"it took longer than {limits.timeout:g} s, and is still about to end")
            self.has_ended(CorpResult(name, error=error, seconds=time.monotonic() - turns.running[name].began))
            log.warning("corp=%s was told to stop and has not yet", name)

    def _stop(self, turns: Turns) -> None:
        """Have every run stop, and wait a moment for that."""
        with self.changed:
            for name in turns.stop_all(time.monotonic()):
                self.runs[name].why = "all were told to stop"
            until = time.monotonic() + self.limits.grace
            while not turns.is_over and (left := until - time.monotonic()) > 0:
                self.changed.wait(left)

    def _tell(self) -> None:
        with self.changed:
            ended, self.ended = self.ended, []
        for result in ended:
            self.results.append(result)
            self.watcher.ended(result)

    def has_ended(self, result: CorpResult) -> None:
        """Note a result; whoever calls this holds ``changed``."""
        self.ended.append(result)
        self.changed.notify_all()


class _Run:
    """One organisation's run, and the progress it reports.

    :param turns: where its turn is kept.
    """

    def __init__(self, fleet: _Fleet, corp: Corp, turns: Turns) -> None:
        self.fleet = fleet
        self.corp = corp
        self.name = corp.fullName
        self.turns = turns
        self.turn: Turn = turns.running[self.name]
        #: Why it is to stop.
        self.why: str | None = None

    def __call__(self) -> None:
        result = self._synced()
        with self.fleet.changed:
            self.turns.ended(self.name)
            if not self.turn.isGivenUp:
                self.fleet.has_ended(result)
            self.fleet.changed.notify_all()

    def _synced(self) -> CorpResult:
        told: Any = None
        failure = None
        try:
            told = self.corp.syncCorp(progress=self.progress) if _takes_progress(self.corp) else self.corp.syncCorp()
        except BaseException as error:  # noqa: BLE001 - the last frame of a thread
            failure = _told(self.name, error)
        report = told if isinstance(told, SyncReport) else None
        return CorpResult(self.name, report, failure, seconds=time.monotonic() - self.turn.began)

    def progress(self, phase: str, done: int, total: int | None) -> None:
        """Pass progress on, and end the run that is to stop.

        Publishing is one transaction: a run that has begun it ends it, and is waited for.
        """
        with self.fleet.changed:
            was_publishing = self.turn.mustEnd
            is_over = was_publishing and phase == "publish" and done > 0
            if self.why is not None and not is_over:
                self.turn.mustEnd = False
                raise SyncStopped(self.name, self.why)
            self.turn.mustEnd = phase == "publish"
        self.fleet.watcher.progressed(self.name, phase, done, total)


def _takes_progress(corp: Any) -> bool:
    """The family asks for a ``syncCorp`` without parameters; one that reports no progress cannot be stopped."""
    parameters = inspect.signature(corp.syncCorp).parameters
    return "progress" in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def _told(name: str, error: BaseException) -> JitError:
    if isinstance(error, JitError):
        return error
    log.error("%s raised what it should not", name, exc_info=error)
    return ElementFailed(
        f"{name} was not synced: {type(error).__name__}.", fullName=name, hint="The log has the traceback."
    )


def last_durations(storage: Storage, names: Iterable[str]) -> dict[str, float | None]:
    """Seconds that the last ended sync of each took; None for one that never had one."""
    run = storage.models[SyncRun]
    counts = (run.action == "sync") & run.duration.is_null(False) & (run.status != "skipped_locked")
    last = run.select(peewee.fn.MAX(run.runId)).where(counts).group_by(run.corpFullName)
    told = dict(storage.select_tuples(run.select(run.corpFullName, run.duration).where(run.runId.in_(last))))
    return {name: told.get(name) for name in names}


def _limits(concurrency: int, timeout: float | None) -> Limits:
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise ArgumentError(f"concurrency is how many at once, a whole number above 0, not {concurrency!r}.")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0):
        raise ArgumentError(f"timeout is a number of seconds above 0, or None, not {timeout!r}.")
    return Limits(concurrency, timeout=timeout)

"""One story, every mechanism: however the news of an enterprise arrive, the same organisation is kept."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.edits import set_offline, set_roles
from jit_corps.rows import user_id
from jit_corps.snapshot import Targets
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import only
from tests.jit_corps.stories import Enterprise, held

if TYPE_CHECKING:
    from collections.abc import Sequence

edits = st.tuples(st.just("edit"), st.integers(0, 12), st.integers(0, 50), st.integers(0, 50))
#: How many events at once, from where in the queue, and whether they are kept for another time.
deliveries = st.tuples(st.just("deliver"), st.integers(1, 4), st.integers(0, 20), st.booleans())
#: A reading that is killed at one of its statements; the events come again.
crashes = st.tuples(st.just("crash"), st.integers(1, 4), st.integers(0, 25))
calm = st.lists(edits | deliveries | crashes, max_size=4)
#: A reading during which other things happen: what it says is old when it is published.
slow = st.tuples(st.just("full"), calm) | st.tuples(st.just("slow"), st.integers(1, 4), st.integers(0, 20), calm)
stories = st.lists(edits | edits | deliveries | crashes | slow, min_size=1, max_size=14)
together = settings(
    max_examples=settings.default.max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
numbers = itertools.count()


class Crash(Exception):
    """The process dies here."""


class Telling:
    """One telling of a story to one corp."""

    def __init__(self, bench: Bench) -> None:
        self.bench = Bench(bench.storage, bench.clock, f"corps.Story{next(numbers)}")
        self.name = self.bench.engine.corpFullName
        self.upstream = Enterprise.founded()
        self.events: list[Targets] = []
        self.reconcile = False
        self.bench.sync(self.upstream.told())
        self.accounts = {user_id(self.name, who): who for who in self.upstream.people}
        # Decisions of people, which must outlast everything.
        set_offline(self.bench.storage, self.name, ["p1"], offline=True)
        set_roles(self.bench.storage, self.name, "p2", ["admin"], strict=False)

    def happen(self, steps: Sequence[tuple]) -> None:
        for what, *details in steps:
            self.bench.clock.pass_(1)
            getattr(self, what)(*details)

    def edit(self, what: int, one: int, other: int) -> None:
        if targets := self.upstream.edit(what, one, other):
            self.events.append(targets)

    def deliver(self, count: int, start: int, keep: bool) -> None:
        self.read(self._taken(count, start, keep=keep))

    def slow(self, count: int, start: int, meanwhile: Sequence[tuple]) -> None:
        self.read(self._taken(count, start), meanwhile)

    def crash(self, count: int, moment: int) -> None:
        targets = self._taken(count, 0, keep=True)
        left = moment

        def listen(phase: str, _statement: object) -> None:
            nonlocal left
            left -= phase == "before"
            if not left:
                raise Crash

        try:
            with self.bench.storage.on_statement(listen):
                self.read(targets)
        except Exception:  # noqa: BLE001 - whatever a dying process says
            pass

    def full(self, meanwhile: Sequence[tuple] = ()) -> None:
        def fetch(known, *, confirm, progress):
            told = self.upstream.told()
            self.happen(meanwhile)
            return told

        self.bench.sync(fetch)

    def read(self, targets: Targets, meanwhile: Sequence[tuple] = ()) -> None:
        waiting = list(meanwhile)

        def fetch(asked, *, progress):
            told = only(self.upstream.told(), asked)
            steps, waiting[:] = waiting[:], []
            self.happen(steps)
            return told

        report = self.bench.events(fetch, targets)
        self.reconcile |= report.reconcile is not None
        assert not report.incomplete

    def drain(self) -> None:
        """All that is left arrives; then everything is read once if somebody asked for that."""
        while self.events:
            self.bench.clock.pass_(1)
            self.read(self._taken(3, 1))
        if self.reconcile:
            self.bench.clock.pass_(1)
            self.full()

    def _taken(self, count: int, start: int, *, keep: bool = False) -> Targets:
        """Some events, in another order than they came; kept ones come again."""
        targets = Targets()
        chosen = [self.events[(start + at) % len(self.events)] for at in range(min(count, len(self.events)))]
        for one in chosen:
            targets |= one
        if not keep:
            self.events = [one for at, one in enumerate(self.events) if not any(one is other for other in chosen)]
        return targets

    def check(self) -> None:
        """What is kept is what the model says, and what people decided stands."""
        state = self.bench.state
        assert held(state, self.accounts) == self.upstream.kept()
        assert {self.accounts.get(row.userId) for row in state.members.values() if row.manualOffline} == {"p1"}
        assert {
            self.accounts.get(state.members[one.memberId].userId) for one in state.grants if one.origin == "manual"
        } == {"p2"}
        for row in state.members.values():
            assert (row.status == 2) == (row.reason is not None)


@pytest.fixture
def unguarded(monkeypatch):
    """In so small an enterprise every second edit would be held back."""
    monkeypatch.setattr("jit_corps.guard.FLOOR", 1000)
    monkeypatch.setattr("jit_corps.guard.CEILING", 1000)
    monkeypatch.setattr("jit_corps.guard.NEVER_EMPTY", frozenset())


@together
@given(stories)
def test_events_in_any_order_beside_old_full_readings(unguarded, bench, story):
    """Batched, late, repeated, crossed, killed halfway, with full readings that are old when they are published."""
    telling = Telling(bench)
    telling.happen(story)
    telling.drain()
    telling.check()


@together
@given(st.lists(edits, min_size=1, max_size=14))
def test_events_one_after_another_need_no_full_reading(unguarded, bench, story):
    """Each is worked off when it comes."""
    telling = Telling(bench)
    for step in story:
        telling.happen([step])
        telling.happen([("deliver", 1, 0, False)] * len(telling.events))
        telling.check()
    assert not telling.reconcile


@together
@given(st.lists(edits, min_size=1, max_size=14))
def test_a_full_reading_comes_to_the_same(unguarded, bench, story):
    """But for who was renamed, which only events and the provider's own ids tell."""
    telling = Telling(bench)
    told = [step for step in story if step[1] != 8]
    telling.happen([*told, ("full", ())])
    telling.check()


@together
@given(stories)
def test_dropped_events_are_healed_by_one_full_reading(unguarded, bench, story):
    """Whatever was lost, but for renames."""
    telling = Telling(bench)
    telling.happen(_without_renames(story))
    telling.events.clear()
    telling.happen([("full", ())])
    telling.check()


def _without_renames(steps: Sequence[tuple]) -> list[tuple]:
    kept = [step for step in steps if step[:2] != ("edit", 8)]
    return [(*step[:-1], _without_renames(step[-1])) if isinstance(step[-1], list) else step for step in kept]

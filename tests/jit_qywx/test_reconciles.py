"""Full readings that are wished for: durable, one for many wishes, spread over the day."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import jit_corps
import jit_qywx
from jit_corps.models import MODELS as CORP_MODELS
from jit_corps.models import SyncRun
from jit_qywx.models import MODELS
from jit_qywx.reconciles import Reconciles, due_at
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import FakeTime

    from tests.fixtures.databases import OpenDatabase

CORP, DAY = "wwcorpa0000000", 86_400.0


@pytest.fixture
def storage(open_database: OpenDatabase) -> Iterator[Storage]:
    """A database with the organisations' tables as well, on SQLite and on PostgreSQL."""
    folders = [Path(module.__file__).parent / "migrations" for module in (jit_corps, jit_qywx)]
    sets = [ModelSet("corps", CORP_MODELS, folders[0]), ModelSet("qywx", MODELS, folders[1])]
    storage = Storage(open_database(*sets), sets)
    yield storage
    storage.close()


@pytest.fixture
def reconciles(storage: Storage, fake_time: FakeTime) -> Reconciles:
    """No wishes yet."""
    return Reconciles(storage, "dksuite", fake_time.now)


def ran(storage: Storage, name: str, at: float, status: str = "ok", action: str = "sync") -> None:
    started = dt.datetime.fromtimestamp(at, dt.UTC).replace(tzinfo=None)
    run = storage.models[SyncRun]
    run.create(corpFullName=name, action=action, status=status, startedAt=started)


def test_many_wishes_are_one(reconciles: Reconciles) -> None:
    """A burst of events has an enterprise read once."""
    for _ in range(50):
        reconciles.want(CORP, "the visible range changed")
    [wish] = reconciles.due()
    reconciles.fulfil(wish)
    assert reconciles.due() == []


@pytest.mark.every_database
def test_a_wish_during_the_reading_stays(reconciles: Reconciles) -> None:
    """What was wished for after the reading began is not fulfilled by it."""
    reconciles.want(CORP, "first")
    [wish] = reconciles.due()
    reconciles.want(CORP, "second")
    reconciles.fulfil(wish)
    assert [again.corpId for again in reconciles.due()] == [CORP]


def test_a_wish_can_wait_for_more_of_its_kind(reconciles: Reconciles, fake_time: FakeTime) -> None:
    """Its time is the soonest that anybody asked for."""
    reconciles.want(CORP, "a burst", after=60)
    assert reconciles.due() == []
    reconciles.want(CORP, "a burst", after=2)
    fake_time.passed += 2
    assert len(reconciles.due()) == 1


def test_a_failed_reading_is_tried_later(reconciles: Reconciles, fake_time: FakeTime) -> None:
    """It keeps its place and counts its tries; it is never given up."""
    reconciles.want(CORP, "poison")
    [wish] = reconciles.due()
    reconciles.put_off(wish, "poison (WeCom is away)", 60)
    assert reconciles.due() == []
    assert reconciles.next_due() == pytest.approx(fake_time.now() + 60)
    fake_time.passed += 61
    [wish] = reconciles.due()
    assert (wish.attempts, wish.reason) == (1, "poison (WeCom is away)")
    reconciles.drop(CORP)
    assert reconciles.next_due() is None


def test_suites_do_not_mix(reconciles: Reconciles, storage: Storage, fake_time: FakeTime) -> None:
    """Another suite knows nothing of it."""
    reconciles.want(CORP, "mine")
    other = Reconciles(storage, "dkother", fake_time.now)
    other.drop(CORP)
    assert other.wanted() == frozenset()
    assert reconciles.wanted() == {CORP}


def test_the_schedule_follows_from_the_last_full_run(
    reconciles: Reconciles, storage: Storage, fake_time: FakeTime
) -> None:
    """Events and failures are no full runs; a corp that never had one is due."""
    # An hour after the time of one of them.
    fake_time.begun = due_at("corps.Fresh", fake_time.now(), DAY) + 3_700
    now = fake_time.now()
    ran(storage, "corps.Fresh", now - 3_600)
    ran(storage, "corps.Old", now - DAY)
    ran(storage, "corps.Failing", now - 2 * DAY)
    ran(storage, "corps.Failing", now - 60, status="failed")
    ran(storage, "corps.Busy", now - 2 * DAY)
    ran(storage, "corps.Busy", now - 60, action="events")
    for _ in range(3):
        reconciles.schedule({name: [f"corps.{name}"] for name in ("Fresh", "Old", "Failing", "Busy", "New")}, DAY)
        fake_time.passed += 61
    assert reconciles.wanted() == {"Old", "Failing", "Busy", "New"}


def test_one_that_was_never_read_does_not_wait(reconciles: Reconciles) -> None:
    """However many there are: nobody sees anything of them before."""
    reconciles.schedule({f"New{number}": [f"corps.New{number}"] for number in range(50)}, DAY)
    assert len(reconciles.wanted()) == 50


def test_every_turn_comes_once_in_a_period(fake_time: FakeTime) -> None:
    """Each at its own time, the same every day, whenever it was read last."""
    now = fake_time.now()
    for number in range(1_000):
        name = f"corps.C{number}"
        turn = due_at(name, now, DAY)
        assert now < turn <= now + DAY
        assert due_at(name, turn - 1, DAY) == turn
        assert due_at(name, turn, DAY) == pytest.approx(turn + DAY)
        assert due_at(name, turn + DAY / 2, DAY) == pytest.approx(turn + DAY)


def test_turns_are_spread(fake_time: FakeTime) -> None:
    """Fifty thousand enterprises that were read together are not read together again: no minute has twice its share."""
    now = fake_time.now()
    minutes = Counter(int((due_at(f"corps.C{number}", now, DAY) - now) // 60) for number in range(50_000))
    assert max(minutes.values()) <= 2 * 50_000 / 1_440


def test_after_a_stop_they_do_not_begin_together(reconciles: Reconciles, storage: Storage, fake_time: FakeTime) -> None:
    """All are due at once, or a hash has put many into one minute: no minute has more than twice the average."""
    count, period = 60, 1_800.0
    corps = {f"C{number}": [f"corps.C{number}"] for number in range(count)}
    for name in corps:
        ran(storage, f"corps.{name}", fake_time.now() - 10 * period)
    begun: list[int] = []
    for _ in range(75):
        reconciles.schedule(corps, period)
        wishes = reconciles.due()
        for wish in wishes:
            ran(storage, f"corps.{wish.corpId}", fake_time.now())
            reconciles.fulfil(wish)
        begun.append(len(wishes))
        fake_time.passed += 60
    assert max(begun) <= 2 * count * 60 / period
    # A quarter of an hour to catch up, and then everybody once in a period.
    assert sum(begun[:16]) >= count
    assert sum(begun) >= 2 * count

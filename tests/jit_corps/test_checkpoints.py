"""What an interrupted reading leaves for the next one: as much as is worth it, as long as it may be used."""

from __future__ import annotations

import weakref
from typing import Any

import pytest

from jit_corps.checkpoints import KEPT_SECONDS, Checkpoint, drop_checkpoints
from jit_corps.erasing import erase
from jit_corps.models import SyncCheckpoint
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, snapshot


def as_it_is(name: str, told: Any) -> Any:
    return told


@pytest.fixture
def open_checkpoint(bench, clock):
    """One more reading's checkpoint."""
    return lambda: Checkpoint(bench.storage, CORP, CORP_ID, clock, pack=as_it_is, unpack=as_it_is)


def interrupted(checkpoint: Checkpoint, clock, pages: int, *, every: float = 1.0, scope: str = "range") -> None:
    """A reading of so many pages, which fails after the last."""
    resumed = dict(checkpoint.resume(scope))
    for number in range(len(resumed), len(resumed) + pages):
        clock.pass_(every)
        checkpoint.keep(str(number), [f"told by {number}"])
    checkpoint.interrupted()


def test_a_short_reading_writes_nothing(bench, clock, open_checkpoint):
    """One that ends, or fails, within ten seconds and a few pages costs a single look at what there was."""
    checkpoint = open_checkpoint()
    assert bench.storage.models
    with bench.storage.counting() as count:
        interrupted(checkpoint, clock, 9)
    assert (count.total, count.writes) == (1, 0)
    assert dict(open_checkpoint().resume("range")) == {}


def test_many_pages_are_kept_however_soon(clock, open_checkpoint):
    """A fast reading that fails has read as much as a slow one."""
    interrupted(open_checkpoint(), clock, 30, every=0.01)
    assert len(dict(open_checkpoint().resume("range"))) == 30


def test_a_process_that_is_killed_loses_few_seconds(clock, open_checkpoint):
    """Pages are written while the reading goes on, as rows that only grow in number."""
    checkpoint = open_checkpoint()
    list(checkpoint.resume("range"))
    for number in range(35):
        clock.pass_(1)
        checkpoint.keep(str(number), [number])
    left = dict(open_checkpoint().resume("range"))
    assert left == {str(number): [number] for number in range(30)}


@pytest.mark.parametrize(("every_second", "after"), [(3_000, 20), (5_000, 120)])
def test_a_reading_is_not_held_up_by_writing(clock, open_checkpoint, every_second, after):
    """What is read faster than it could be written on the way is written every two minutes."""
    checkpoint = open_checkpoint()
    list(checkpoint.resume("range"))
    for _ in range(after):
        assert checkpoint.stored == 0
        clock.pass_(1)
        checkpoint.keep("department", [0] * every_second)
    assert checkpoint.stored == after


def test_no_row_takes_much_memory(bench, clock, open_checkpoint):
    """However much waits when a reading fails, it is written and read some at a time."""
    checkpoint = open_checkpoint()
    list(checkpoint.resume("range"))
    for number in range(151):
        checkpoint.keep(str(number), [0] * 1_000)
    checkpoint.interrupted()
    assert bench.storage.models[SyncCheckpoint].select().count() == 8
    assert dict(open_checkpoint().resume("range")) == {str(number): [0] * 1_000 for number in range(151)}


def test_a_reading_that_is_over_lets_go_of_what_waits(clock, open_checkpoint):
    """Nothing of it is held any more, and nothing is written late."""
    checkpoint = open_checkpoint()
    list(checkpoint.resume("range"))
    told = {"a page"}
    page = weakref.ref(told)
    checkpoint.keep("1", told)
    del told
    assert page() is not None
    checkpoint.close()
    assert page() is None
    clock.pass_(60)
    assert checkpoint.interrupted() is None


@pytest.mark.every_database
def test_what_is_resumed_is_kept_on(clock, open_checkpoint):
    """A reading that is interrupted three times reads no page twice."""
    for _ in range(3):
        interrupted(open_checkpoint(), clock, 12)
    last = open_checkpoint()
    assert dict(last.resume("range")) == {str(number): [f"told by {number}"] for number in range(36)}
    assert (last.used, last.stored) == (36, 36)


def test_a_reading_is_as_old_as_its_oldest_page(clock, open_checkpoint):
    """That is what events have to be compared with."""
    began = clock.now
    interrupted(open_checkpoint(), clock, 12)
    clock.pass_(600)
    resumed = open_checkpoint()
    assert resumed.oldest is None
    list(resumed.resume("range"))
    assert resumed.oldest == began + 1


def test_a_page_is_used_for_half_an_hour(bench, clock, open_checkpoint):
    """The older ones are read again, each at its time; what nobody may use is deleted by whoever writes next."""
    interrupted(open_checkpoint(), clock, 12, every=60)
    clock.pass_(KEPT_SECONDS - 6 * 60)
    assert sorted(dict(open_checkpoint().resume("range")), key=int) == [str(number) for number in range(6, 12)]
    clock.pass_(KEPT_SECONDS)
    assert dict(open_checkpoint().resume("range")) == {}
    model = bench.storage.models[SyncCheckpoint]
    assert model.select().count() == 0


def test_another_range_starts_over(bench, clock, open_checkpoint):
    """Under another visible range the same call tells something else; nothing of it is kept."""
    interrupted(open_checkpoint(), clock, 12)
    assert dict(open_checkpoint().resume("another range")) == {}
    assert bench.storage.models[SyncCheckpoint].select().count() == 0


@pytest.mark.every_database
def test_a_run_that_read_everything_wins(bench, clock, open_checkpoint):
    """Whatever was published after the pages were read is newer than they are."""
    interrupted(open_checkpoint(), clock, 12)
    clock.pass_(60)
    bench.sync(snapshot(crowd(1)))
    assert dict(open_checkpoint().resume("range")) == {}


def test_a_run_of_before_says_nothing(bench, clock, open_checkpoint):
    """The last published run is older than what the interrupted one has read."""
    bench.sync(snapshot(crowd(1)))
    clock.pass_(60)
    interrupted(open_checkpoint(), clock, 12)
    assert len(dict(open_checkpoint().resume("range"))) == 12


@pytest.mark.every_database
def test_what_ended_is_forgotten(bench, clock, open_checkpoint):
    """A reading that ends leaves nothing; neither does an enterprise that cancels, or is erased."""
    model = bench.storage.models[SyncCheckpoint]
    for forget in (
        lambda: open_checkpoint().done(),
        lambda: drop_checkpoints(bench.storage, CORP_ID),
        lambda: erase(bench.storage, CORP),
    ):
        interrupted(open_checkpoint(), clock, 22)
        assert model.select().count() == 2
        forget()
        assert model.select().count() == 0


def test_a_database_that_is_away_ends_no_reading(bench, clock, open_checkpoint, caplog):
    """The reading goes on without a checkpoint, and what could not be written is tried again with the next pages."""
    checkpoint = open_checkpoint()
    list(checkpoint.resume("range"))
    with bench.storage.transaction():
        bench.storage.database.execute_sql("ALTER TABLE corp_sync_checkpoint RENAME TO away")
    for number in range(22):
        clock.pass_(1)
        checkpoint.keep(str(number), [number])
    assert "no checkpoint of" in caplog.text
    with bench.storage.transaction():
        bench.storage.database.execute_sql("ALTER TABLE away RENAME TO corp_sync_checkpoint")
    checkpoint.interrupted()
    assert len(dict(open_checkpoint().resume("range"))) == 22


def test_the_last_words_of_a_reading(clock, open_checkpoint):
    """Until when its pages may be used; nothing when there are none."""
    began = clock.now
    checkpoint = open_checkpoint()
    list(checkpoint.resume("range"))
    assert checkpoint.interrupted() is None
    interrupted(checkpoint, clock, 12)
    assert checkpoint.interrupted() == began + 1 + KEPT_SECONDS


@pytest.mark.every_database
def test_a_reading_that_has_to_wait_finds_its_pages(clock, open_checkpoint):
    """Upstream answers in an hour: until half an hour after that they are kept, and no longer."""
    waiting_from(open_checkpoint(), clock, 12, wait=3_600)
    clock.pass_(3_600 + KEPT_SECONDS - 1)
    assert len(dict(open_checkpoint().resume("range"))) == 12
    clock.pass_(1)
    assert dict(open_checkpoint().resume("range")) == {}


def test_what_was_waited_for_once_is_not_kept_for_another_wait(clock, open_checkpoint):
    """Pages are two hours old at most: those that the reading adds when it goes on have their own time."""
    waiting_from(open_checkpoint(), clock, 12, wait=3_600)
    clock.pass_(3_600)
    waiting_from(open_checkpoint(), clock, 12, wait=3_600)
    clock.pass_(KEPT_SECONDS)
    assert sorted(dict(open_checkpoint().resume("range")), key=int) == [str(number) for number in range(12, 24)]


def test_pages_that_are_old_when_the_wait_begins_are_not_kept_for_it(clock, open_checkpoint):
    """They would be too old now."""
    checkpoint = open_checkpoint()
    began = clock.now
    interrupted(checkpoint, clock, 12)
    clock.pass_(KEPT_SECONDS)
    assert checkpoint.interrupted(clock.now + 3_600) == began + 1 + KEPT_SECONDS
    clock.pass_(3_600)
    assert dict(open_checkpoint().resume("range")) == {}


@pytest.mark.parametrize("wait", [-1.0, 86_400.0])
def test_a_day_is_not_waited_for(clock, open_checkpoint, wait):
    """A wait that is over, or longer than WeCom's windows of an hour, leaves each page its half hour."""
    waiting_from(open_checkpoint(), clock, 12, wait=wait)
    clock.pass_(KEPT_SECONDS)
    assert dict(open_checkpoint().resume("range")) == {}


def test_others_leave_what_is_waited_for(bench, clock, open_checkpoint):
    """Whoever writes next deletes the pages of corps that nobody has read since, but not these."""
    waiting_from(open_checkpoint(), clock, 12, wait=3_600)
    clock.pass_(3_600)
    other = Checkpoint(bench.storage, "corps.Other", "wwother", clock, pack=as_it_is, unpack=as_it_is)
    interrupted(other, clock, 12)
    assert len(dict(open_checkpoint().resume("range"))) == 12


def waiting_from(checkpoint: Checkpoint, clock, pages: int, *, wait: float) -> None:
    """A reading of so many pages, which has to wait then."""
    resumed = dict(checkpoint.resume("range"))
    for number in range(len(resumed), len(resumed) + pages):
        clock.pass_(1)
        checkpoint.keep(str(number), [f"told by {number}"])
    checkpoint.interrupted(clock.now + wait)

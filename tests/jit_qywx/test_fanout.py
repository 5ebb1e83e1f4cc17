"""Reading many things at once: in the order asked for or as they come, and never far ahead of who takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from time import perf_counter

import pytest

from jit_qywx.fanout import AHEAD, read_as_answered, read_each
from jit_qywx.thread_count import FEW, WINDOW


def quietly(phase: str, done: int, total: int | None) -> None:
    """Nobody watches."""


def test_results_in_the_order_of_the_items() -> None:
    """Results come in the order that was asked for, whoever is answered first."""
    second = Event()

    def read(item: int) -> int:
        if item == 0:
            second.wait(60)
        else:
            second.set()
        return item * 10

    with ThreadPoolExecutor(2) as pool:
        assert read_each(pool, "items", [0, 1], read, quietly) == [(0, 0), (1, 10)]


def test_a_result_is_handed_out_as_soon_as_it_is_there() -> None:
    """Who is answered at once is handed out although another is still waited for."""
    taken = Event()

    def read(item: int) -> int:
        if item == 0:
            taken.wait(60)
        return item

    with ThreadPoolExecutor(2) as pool:
        results = read_as_answered(pool, "items", [0, 1], read, quietly)
        assert next(results) == (1, 1)
        taken.set()
        assert list(results) == [(0, 0)]


def test_nothing_is_read_far_ahead() -> None:
    """Of many items no more are asked for than are taken and a few, so that their results need not be kept."""
    asked: list[int] = []

    def read(item: int) -> int:
        asked.append(item)
        return item

    with ThreadPoolExecutor(4) as pool:
        for taken, _ in enumerate(read_as_answered(pool, "items", range(10 * AHEAD), read, quietly), 1):
            assert len(asked) <= taken + 2 * AHEAD
    assert sorted(asked) == list(range(10 * AHEAD))


def test_the_first_failure_ends_it() -> None:
    """The first failure is raised, and what was not begun is not read."""
    asked: list[int] = []

    def read(item: int) -> int:
        asked.append(item)
        raise LookupError(item)

    with ThreadPoolExecutor(1) as pool, pytest.raises(LookupError):
        read_each(pool, "items", range(1_000), read, quietly)
    assert len(asked) <= AHEAD + 1


def test_who_cannot_begin_asks_for_nothing_more() -> None:
    """A machine gives one thread and no other: what the one has begun is not gone on with when the reading failed."""
    asked: list[int] = []
    begun, failed = Event(), Event()

    class Scarce(ThreadPoolExecutor):
        def submit(self, *args, **kwargs):
            if begun.is_set():
                raise RuntimeError("can't start new thread")
            task = super().submit(*args, **kwargs)
            assert begun.wait(60)
            return task

    def read(item: int) -> int:
        asked.append(item)
        begun.set()
        assert failed.wait(60)
        return item

    with Scarce(2) as pool:
        with pytest.raises(RuntimeError, match="thread"):
            read_each(pool, "items", range(1_000), read, quietly)
        failed.set()
    assert asked == [0]


def test_what_was_answered_before_a_failure_is_handed_out() -> None:
    """Whoever keeps results need not ask for them again, however late they are taken; nothing more is asked for."""
    asked: list[int] = []
    over = Event()

    def read(item: int) -> int:
        asked.append(item)
        if item == 40:
            over.set()
            raise LookupError(item)
        return item

    def meanwhile() -> None:
        assert over.wait(60)

    taken: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        answers = read_as_answered(pool, "items", range(1_000), read, quietly, meanwhile)
        with pytest.raises(LookupError):
            taken.extend(item for item, _ in answers)
    assert taken == list(range(40))
    assert asked == list(range(41))


def test_answers_that_take_their_time_are_waited_for_together() -> None:
    """As many calls are under way as the pool has threads, also when not one of the first is answered."""
    together = Barrier(8)

    def read(item: int) -> int:
        together.wait(60)
        return item

    with ThreadPoolExecutor(8) as pool:
        assert len(read_each(pool, "items", range(16), read, quietly)) == 16


def test_no_more_threads_ask_than_should(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that wait for answers come together, and go again once answers come at once."""
    together, lock, asking, most = Barrier(8), Lock(), 0, 0

    def read(item: int) -> int:
        nonlocal asking, most
        if item < 8:
            together.wait(60)
        elif item >= 8 * WINDOW:
            with lock:
                asking += 1
                most = max(most, asking)
            with lock:
                asking -= 1
        return item

    with ThreadPoolExecutor(8) as pool:
        answers = read_as_answered(pool, "items", range(10 * AHEAD), read, quietly)
        # Nobody is answered before eight ask.
        assert next(answers)[0] < 8
        # This process works all the time now, whoever else is busy on the machine.
        monkeypatch.setattr("jit_qywx.thread_count.process_time", perf_counter)
        monkeypatch.setattr("jit_qywx.thread_count.LONG", 60.0)
        assert len(list(answers)) == 10 * AHEAD - 1
    assert most <= FEW

"""Readers and writers at the same time."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from jit_corps.edits import ensure_local_root, set_roles
from jit_corps.errors import SyncLocked
from jit_corps.models import SyncRun
from jit_corps.state import read_state
from tests.jit_corps.scripted import CORP, crowd, depts, member, named, snapshot

OLD = snapshot([*crowd(9), member("ann", "1", "2")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann"]})
NEW = snapshot([*crowd(8), member("ann", "3")], departments=depts(d1=None, d3="1"), tags={"tag:2": ["ann"]})


def content(state) -> tuple:
    """An organisation without the number of its generation."""
    return (state.header, state.departments, state.members, state.memberships, state.roles, state.grants)


@pytest.mark.every_database
def test_readers_see_the_old_organisation_or_the_new(open_bench):
    """Tree, members, memberships and grants in one look, while two organisations replace each other again and again."""
    writer, reader = open_bench(), open_bench()
    for told in (OLD, NEW, OLD):
        writer.sync_another_day(told)
    old = content(writer.state)
    writer.sync_another_day(NEW)
    new = content(writer.state)
    done = threading.Event()
    seen = []

    def read() -> None:
        while not done.is_set():
            seen.append(content(read_state(reader.storage, CORP, "Shop")))

    thread = threading.Thread(target=read)
    thread.start()
    turn = 0
    while turn < 20 or len(seen) < 200:
        writer.sync_another_day((OLD, NEW)[turn % 2])
        turn += 1
    done.set()
    thread.join()
    assert old != new
    assert all(one in (old, new) for one in seen)
    assert old in seen
    assert new in seen


@pytest.mark.every_database
def test_of_eight_runs_at_once_one_publishes(open_bench):
    """The others are skipped and recorded; nobody waits, nothing is written twice."""
    benches = [open_bench() for _ in range(8)]
    assert benches[0].storage.database
    barrier = threading.Barrier(8)
    all_tried = threading.Barrier(8)

    def run(bench):
        def fetch(known, *, confirm, progress):
            all_tried.wait(30)
            return snapshot(crowd(20))

        barrier.wait(30)
        try:
            return bench.sync(fetch)
        except SyncLocked as error:
            all_tried.wait(30)
            return error

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(run, benches))
    assert sum(isinstance(result, SyncLocked) for result in results) == 7
    assert benches[0].state.generation == 1
    run_row = benches[0].storage.models[SyncRun]
    assert sorted(row.status for row in run_row.select()) == ["ok"] + ["skipped_locked"] * 7


def test_runs_of_different_corps_go_side_by_side(open_bench):
    """All are reading at the same moment."""
    names = [f"corps.C{number}" for number in range(4)]
    benches = [open_bench(name) for name in names]
    assert benches[0].storage.database
    together = threading.Barrier(4)

    def run(bench):
        def fetch(known, *, confirm, progress):
            together.wait(30)
            return snapshot(crowd(5))

        return bench.sync(fetch)

    with ThreadPoolExecutor(4) as pool:
        assert [report.status for report in pool.map(run, benches)] == ["ok"] * 4


def test_a_reader_never_sees_a_member_between_two_sets_of_roles(open_bench):
    """Clearing and setting is one step."""
    writer, reader = open_bench(), open_bench()
    writer.sync(snapshot(crowd(3)))
    set_roles(writer.storage, CORP, "m000", ["a", "b"], strict=False)
    done = threading.Event()
    seen = set()

    def read() -> None:
        while not done.is_set():
            grants = read_state(reader.storage, CORP).grants
            seen.add(frozenset(row.roleId for row in grants))

    thread = threading.Thread(target=read)
    thread.start()
    for turn in range(60):
        set_roles(writer.storage, CORP, "m000", ["c"] if turn % 2 else ["a", "b"], strict=False)
    done.set()
    thread.join()
    assert seen <= {frozenset({"a", "b"}), frozenset({"c"})}


def test_edits_from_many_threads_all_count(open_bench):
    """Each is a generation of its own; none is lost."""
    benches = [open_bench() for _ in range(6)]
    benches[0].sync(snapshot(crowd(6)))

    def edit(number: int) -> None:
        set_roles(benches[number].storage, CORP, f"m00{number}", [f"r{number}"], strict=False)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(edit, range(6)))
    assert {tuple(row) for row in benches[0].state.grants} == {(f"r{n}", f"m00{n}", "manual") for n in range(6)}
    assert benches[0].state.generation == 7


def test_of_many_who_miss_the_root_one_makes_it(open_bench):
    """At the same moment as a first sync, too: there is one root at the end, and it is upstream's."""
    benches = [open_bench() for _ in range(6)]
    assert benches[0].storage.database
    barrier = threading.Barrier(6)

    def work(number: int) -> None:
        barrier.wait(30)
        if number:
            ensure_local_root(benches[number].storage, CORP, "The Shop")
        else:
            benches[0].sync(snapshot(crowd(3), departments=depts(d1=None, d2="1")))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    state = benches[0].state
    assert set(state.departments) == {"1", "2"}
    assert state.header.rootDeptId == "1"


def test_events_go_on_while_everything_is_read(open_bench):
    """Nobody waits for a claim, nobody gives up, and nobody is lost."""
    first = open_bench()
    first.sync(snapshot(crowd(20)))
    # A time of its own for each, so that the order is plain.
    clock = itertools.count(first.clock.now + 1)
    barrier = threading.Barrier(4)

    def worker(number):
        bench = open_bench()
        bench.engine = replace(bench.engine, clock=lambda: next(clock))
        mine = [f"m{at:03}" for at in range(number, 18, 3)]
        barrier.wait(30)
        for memberId in mine:
            report = bench.events(snapshot([member(memberId, "1", name=f"By {number}")]), named(memberId))
            assert report.status == "ok"

    def reader():
        bench = open_bench()
        bench.engine = replace(bench.engine, clock=lambda: next(clock))
        barrier.wait(30)
        return [bench.sync(snapshot([*crowd(19), member("m019", "1", name=f"Turn {turn}")])) for turn in range(4)]

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(worker, number) for number in range(3)]
        reading = pool.submit(reader)
        for one in workers:
            one.result()
        assert {report.status for report in reading.result()} == {"ok"}
    state = first.state
    assert len(state.members) == 20
    assert {row.status for row in state.members.values()} == {1}
    assert state.members["m019"].name == "Turn 3"

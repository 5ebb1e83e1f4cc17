"""One run of an enterprise publishes at a time, and whoever was overtaken while asleep publishes nothing."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import peewee
import pytest

from jit_corps.errors import SyncFailed, SyncLocked, SyncSuperseded
from jit_corps.models import SyncRun
from jit_corps.plugin import jit_models
from jit_corps.runs import LEASE_SECONDS, begin_run, renew
from jit_corps.sync import Engine
from jitcore.storage import Storage
from jitcore.storage.server_clock import ServerClock
from tests.invariants.harness.processes import ended, forked
from tests.invariants.harness.world import content, last_run
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, named, snapshot

pytestmark = pytest.mark.every_database

INJECTED = (
    "8 workers at once; SIGSTOP at every statement of a run until a successor has published, then SIGCONT; a"
    " claim aged by every amount around the lease, clocks an hour off in both directions, of one machine and between"
    " machines; a run killed in every phase; the database server restarted while everything is read"
)
ALSO = (
    "tests/jit_corps/test_concurrency.py::test_of_eight_runs_at_once_one_publishes",
    "tests/jit_corps/test_concurrency.py::test_runs_of_different_corps_go_side_by_side",
    "tests/jit_corps/test_concurrency.py::test_events_go_on_while_everything_is_read",
)
OPEN = ()

OLD, FIRST, SECOND = (snapshot(crowd(number)) for number in (20, 21, 22))


def storage_of(open_database) -> Storage:
    return Storage(open_database(*jit_models()), jit_models())


def statuses(bench: Bench) -> list[str]:
    run = bench.storage.models[SyncRun]
    return [row.status for row in run.select().where(run.corpFullName == CORP).order_by(run.runId)]


def test_eight_workers_publish_once_each_round(open_bench, share):
    """Seven are refused and recorded, one publishes; round after round."""
    benches = [open_bench() for _ in range(8)]
    assert benches[0].storage.database
    for number in range(share.number(of_all=20, otherwise=2)):
        start, tried = threading.Barrier(8), threading.Barrier(8)

        def run(bench: Bench, number: int = number, start=start, tried=tried) -> str:
            def fetch(known, *, confirm, progress):
                tried.wait(30)
                return snapshot(crowd(10 + number))

            start.wait(30)
            try:
                return bench.sync(fetch).status
            except SyncLocked:
                tried.wait(30)
                return "locked"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(run, benches)) == ["locked"] * 7 + ["ok"]
        assert benches[0].state.generation == number + 1
        share.count()
    assert statuses(benches[0]).count("skipped_locked") == 7 * share.ran


def test_stopped_at_any_statement_and_overtaken(open_database, share):
    """SIGSTOP, a lease later another run publishes, SIGCONT: the late one changes no row and says so."""
    storage = storage_of(open_database)
    assert storage.database
    clock = itertools.count(1_700_000_000, 1)
    here = {"now": float(next(clock))}
    bench = Bench(storage, lambda: here["now"])  # type: ignore[arg-type]  # a clock is called, no more
    bench.sync(OLD)
    # A run like those that are going to be stopped; the very first one makes rows that stay.
    with storage.counting() as count:
        bench.sync(FIRST)
    # Whoever stops inside a transaction keeps the others out and is the winner, so only the moments between count.
    open_, moments = False, []
    for at, one in enumerate(count.statements, start=1):
        open_ = one.sql.startswith("BEGIN") or (open_ and not one.sql.startswith(("COMMIT", "ROLLBACK")))
        writes_follow = any(later.kind == "write" for later in count.statements[at:])
        if at > 1 and writes_follow and (not open_ or one.sql.startswith("BEGIN")):
            moments.append(at + (not one.sql.startswith("BEGIN")))
    claimed = next(at for at, one in enumerate(count.statements, start=1) if one.sql.startswith("COMMIT"))
    moments = sorted({at for at in moments if at > claimed})
    assert len(moments) > 1
    for turn, moment in enumerate(share.of(moments, most=2)):
        here["now"] += 10 * LEASE_SECONDS
        bench.sync(OLD, approve=1000)
        late, new = (snapshot(crowd(20 + 2 * turn + more)) for more in (1, 2))
        child = stopped_run(open_database, late, moment, here["now"])
        try:
            here["now"] += LEASE_SECONDS + 1
            assert bench.sync(new).status == "ok"
            done = content(bench)
            generation = bench.state.generation
        finally:
            os.kill(child, signal.SIGCONT)
        assert ended(child) == 7, moment
        assert content(bench) == done, moment
        assert bench.state.generation == generation, moment
        assert set(statuses(bench)) <= {"ok", "superseded", "abandoned"}, moment
        assert statuses(bench)[-2] in {"superseded", "abandoned"}, moment
    storage.close()


def stopped_run(open_database, told, moment: int, now: float) -> int:
    """A run in a process of its own that has stopped before its nth statement; it ends with 7 when superseded."""

    def work() -> int:
        storage = storage_of(open_database)
        assert storage.database
        left = moment

        def listen(phase: str, _statement: object) -> None:
            nonlocal left
            left -= phase == "before"
            if left == 0 and phase == "before":
                os.kill(os.getpid(), signal.SIGSTOP)

        engine = Engine(storage, CORP, CORP_ID, "Shop", lambda: now)
        try:
            with storage.on_statement(listen):
                engine.run(lambda *_, **__: told, action="sync", approve=None, progress=lambda *_: None)
        except SyncSuperseded:
            return 7
        return 0

    child = forked(work)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    return child


@pytest.mark.parametrize("jump", [-3600.0, 0.0, 3600.0])
def test_a_claim_lasts_as_long_as_its_lease(open_bench, share, jump):
    """A claim of somebody who cannot be seen from here ends after the lease and not before, whatever the clock."""
    bench = open_bench()
    ages = [0.0, 1.0, LEASE_SECONDS / 2, LEASE_SECONDS - 1, LEASE_SECONDS + 1, 2 * LEASE_SECONDS]
    for age, renewed in share.of(itertools.product(ages, (False, True)), most=6):
        begun = bench.clock.now + jump
        claim = begin_run(bench.storage, CORP, "sync", begun)
        elsewhere(bench)
        if renewed:
            renew(bench.storage, claim, begun + 60)
        until = begun + LEASE_SECONDS + (60 if renewed else 0)
        bench.clock.pass_(age)
        taken = bench.clock.now >= until
        if not taken:
            with pytest.raises(SyncLocked) as caught:
                bench.sync(FIRST)
            assert caught.value.until == until
            bench.clock.now = until + 1
        bench.sync(FIRST)
        assert statuses(bench)[-1] == "ok"
        bench.clock.pass_(7200)


def elsewhere(bench: Bench) -> None:
    """The claim is that of another machine."""
    from jit_corps.models import SyncLease

    bench.storage.models[SyncLease].update(holder="process 1 on elsewhere").execute()


def test_killed_runs_are_taken_over_at_once(open_database, share):
    """A run row left running by kill -9 keeps nobody out: no lease is waited for where the process is gone."""
    storage = storage_of(open_database)
    bench = Bench(storage, lambda: 1_700_000_000.0)  # type: ignore[arg-type]  # a clock is called, no more
    bench.sync(OLD)
    for number in share.of(range(1, 40), most=4):

        def work(number: int = number) -> None:
            other = storage_of(open_database)
            assert other.database
            left = number

            def listen(phase: str, _statement: object) -> None:
                nonlocal left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

            engine = Engine(other, CORP, CORP_ID, "Shop", lambda: 1_700_000_000.0)
            with other.on_statement(listen):
                engine.run(lambda *_, **__: FIRST, action="sync", approve=None, progress=lambda *_: None)

        assert ended(forked(work)) in (0, -signal.SIGKILL)
        assert bench.sync(SECOND).status == "ok", number
        assert len(bench.state.members) == 22
        assert "running" not in statuses(bench)
        bench.sync(OLD, approve=50)
    storage.close()


@pytest.mark.only_databases("postgresql", "mariadb")
def test_the_server_restarts_while_everything_is_read(open_bench, request, share):
    """The server goes away in the middle of a run's lease: it publishes or fails whole, and the next one goes on."""
    bench = open_bench()
    mariadb = isinstance(bench.storage.database, peewee.MySQLDatabase)
    server = request.getfixturevalue("mariadb_server" if mariadb else "postgres_server")
    bench.sync(OLD)
    before = content(bench)

    def fetch(known, *, confirm, progress):
        server.stop()
        server.start()
        return FIRST

    try:
        bench.sync(fetch)
    except SyncFailed:
        assert content(bench) == before
    bench.sync(SECOND)
    assert len(bench.state.members) == 22
    assert last_run(bench).status == "ok"
    share.count()


def test_one_enterprises_lock_is_not_anothers(open_bench, share):
    """While one is held, the others go on."""
    begin_run(open_bench().storage, CORP, "sync", 1_700_000_000.0)
    for number in share.of(range(10), most=3):
        assert open_bench(f"corps.Other{number}").sync(FIRST).status == "ok"


@pytest.mark.parametrize("apart", [-3600.0, 3600.0])
def test_machines_whose_clocks_differ(postgres_database, share, apart):
    """One machine's clock is an hour off: a claim of either holds against the other, and the newer news win."""
    models = list(jit_models())
    storages = [Storage(peewee.PostgresqlDatabase(**postgres_database, prefer_psycopg3=True), models) for _ in range(2)]
    own, other = (
        Bench(storage, ServerClock(storage, storage.clock._query, lambda by=by: time.time() + by))  # type: ignore[arg-type]  # a clock is called
        for storage, by in zip(storages, (0.0, apart), strict=True)
    )
    assert abs(own.clock() - other.clock()) < 1
    for one, two in ((own, other), (other, own)):
        one.sync(snapshot(crowd(9)))

        def fetch(known, *, confirm, progress, two=two):
            with pytest.raises(SyncLocked):
                two.sync(snapshot(crowd(12)))
            # Somebody leaves while everything is read by a machine that knows nothing of it.
            two.events(snapshot(crowd(8)), named("m008"))
            return snapshot(crowd(9))

        one.sync(fetch)
        assert one.state.members["m008"].status == 2
        two.sync(snapshot(crowd(9)))
        share.count(2)
    for storage in storages:
        storage.close()

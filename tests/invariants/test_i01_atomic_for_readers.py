"""Whoever reads the organisation, at whatever moment, sees the old one or the new one and never a mixture.

Nor does a crash or a failing database leave one: the next run needs no repair.
"""

from __future__ import annotations

import contextlib
import threading

import peewee
import pytest

from jit_corps.errors import SyncFailed
from jit_corps.state import read_state
from jitcore.errors import StorageError
from tests.invariants.harness.world import content, last_run
from tests.jit_corps.crashing import NEW, OLD
from tests.jit_corps.scripted import CORP, crowd, member, snapshot

pytestmark = pytest.mark.every_database

INJECTED = (
    "kill -9 before and after every statement; disk full, lock timeout, deadlock and a lost connection at every"
    " statement; a disk that is really full; 1,000 looks at the tree, members and grants while two organisations"
    " replace each other"
)
ALSO = (
    "tests/jit_corps/test_crashes.py::test_kill_9_at_every_statement_leaves_the_old_organisation_or_the_new",
    "tests/acceptance/test_safety.py::test_a_sync_killed_at_any_statement_leaves_old_or_new",
    "tests/acceptance/test_safety.py::test_a_sync_killed_at_any_call_leaves_the_old",
    "tests/jit_corps/test_concurrency.py::test_readers_see_the_old_organisation_or_the_new",
    "tests/jit_corps/test_concurrency.py::test_a_reader_never_sees_a_member_between_two_sets_of_roles",
)
OPEN = ()

#: What a driver raises, and the code by which it is known.
TROUBLES = {
    "disk full": "database or disk is full",
    "lock timeout": "database is locked",
    "deadlock": "deadlock detected",
    "connection lost": "server closed the connection unexpectedly",
}


@pytest.fixture
def both(bench):
    """The organisation as it is, the old one, and what the new one will be; the old one is published."""
    # Twice, because who left once is kept as offline.
    for told in (OLD, NEW, OLD, NEW):
        bench.sync_another_day(told)
    new = content(bench)
    bench.sync_another_day(OLD)
    return content(bench), new


def test_a_reader_looks_a_thousand_times(open_bench, both, bench, share):
    """Departments, members, memberships, roles and grants in one look belong together every time."""
    old, new = both
    reader = open_bench()
    looks = share.number(of_all=1000, otherwise=60)
    turn = 0
    seen: list[tuple] = []

    def read() -> None:
        while len(seen) < looks or turn < 4:
            state = read_state(reader.storage, CORP, "Shop")
            seen.append((state.header, state.departments, state.members, state.memberships, state.roles, state.grants))

    thread = threading.Thread(target=read)
    thread.start()
    while thread.is_alive():
        turn += 1
        bench.sync_another_day((OLD, NEW)[turn % 2])
    thread.join()
    share.count(len(seen))
    assert all(one in (old, new) for one in seen)
    assert len({one == old for one in seen}) == 2 or not share.everything


def test_a_failing_database_leaves_one_of_both(bench, both, share):
    """Whatever the database says at whichever statement; and the next run brings the new one."""
    old, new = both
    with bench.storage.counting() as count:
        bench.sync_another_day(NEW)
    bench.sync_another_day(OLD)
    cases = [(name, moment) for name in TROUBLES for moment in range(1, count.total + 1)]
    for name, moment in share.of(cases, most=12):
        left = moment

        def listen(phase: str, _statement: object, name: str = name) -> None:
            nonlocal left
            left -= phase == "before"
            if not left:
                raise peewee.OperationalError(TROUBLES[name])

        failed = False
        with bench.storage.on_statement(listen):
            try:
                bench.sync_another_day(NEW)
            except (SyncFailed, StorageError):
                failed = True
        held = content(bench)
        assert held == (old if failed else new) or (not failed and held == new), (name, moment)
        # A run that could not even say that it failed is over all the same.
        bench.clock.pass_(1000)
        bench.sync_another_day(NEW)
        assert content(bench) == new, (name, moment)
        bench.sync_another_day(OLD)
        assert content(bench) == old, (name, moment)


@pytest.mark.only_databases("sqlite")  # the others cannot be given a small disk
def test_a_full_disk_changes_nothing(bench, both, share):
    """A real one: SQLite may not have one page more."""
    database = bench.storage.database
    old, _ = both
    big = snapshot([*crowd(4000), member("ann", "1")])
    pages = database.execute_sql("PRAGMA page_count").fetchone()[0]
    for more in share.of((0, 1, 3, 10, 30, 60), most=3):
        database.execute_sql(f"PRAGMA max_page_count = {pages + more}")
        with pytest.raises(SyncFailed, match="full"):
            bench.sync_another_day(big)
        database.execute_sql("PRAGMA max_page_count = 1000000")
        assert content(bench) == old
        bench.clock.pass_(1000)
    assert bench.sync_another_day(big).counts["members"]["added"] > 3900


def test_a_lock_that_is_not_given_back_changes_nothing(open_bench, bench, both, share):
    """A real one: somebody else holds what is to be written, for longer than we wait."""
    old, new = both
    other = open_bench()
    database, blocker = bench.storage.database, other.storage.database
    if isinstance(database, peewee.SqliteDatabase):
        database.execute_sql("PRAGMA busy_timeout = 50")
        blocker.execute_sql("BEGIN IMMEDIATE")
    else:
        mariadb = isinstance(database, peewee.MySQLDatabase)
        database.execute_sql("SET innodb_lock_wait_timeout = 0" if mariadb else "SET lock_timeout = '50ms'")
        blocker.execute_sql("BEGIN")
        blocker.execute_sql("SELECT 1 FROM corp_state FOR UPDATE")
    with contextlib.suppress(SyncFailed):
        report = bench.sync_another_day(NEW)
        pytest.fail(f"it published all the same: {report}")
    blocker.execute_sql("ROLLBACK")
    assert content(bench) == old
    bench.clock.pass_(1000)
    bench.sync_another_day(NEW)
    assert content(bench) == new
    assert last_run(bench).status == "ok"
    share.count()

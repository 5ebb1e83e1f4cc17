"""What a plan shows is what a run does, a dry run writes nothing, and a report says what happened.

"ok" is said when, and only when, the organisation here is the one that the model makes of what WeCom told.
"""

from __future__ import annotations

import itertools

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.edits import set_roles
from jit_corps.errors import EverybodyUnknown, PlanStale, SyncFailed
from jit_corps.history import replay
from jit_corps.models import ChangeRecord
from jit_corps.plan import plan_guarded
from jit_corps.publish import publish
from jit_corps.rows import KEY_LENGTHS, row_dict, row_key
from jit_corps.runs import Outcome, begin_run, end_run
from jit_corps.snapshot import KINDS
from tests.invariants.harness.world import content, last_run, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.oracle import Model, seen_by
from tests.jit_corps.scripted import CORP, crowd, member, snapshot
from tests.jit_corps.strategies import snapshots

INJECTED = (
    "dry runs on a connection that cannot write; planned and recorded changes compared one by one; plans"
    " published after the organisation moved, and twice; random sequences of snapshots against the model; the"
    " history replayed at every generation; runs that end in every status; progress of runs that fail at every"
    " call"
)
ALSO = (
    "tests/jit_corps/test_corp.py::test_a_plan_changes_nothing",
    "tests/jit_corps/test_cli.py::test_sync_plans_without_changing_anything",
    "tests/jit_corps/test_cli.py::test_runs_says_why_one_failed_and_what_was_withheld",
    "tests/jit_corps/test_plan_file.py::test_exactly_the_saved_changes_are_applied",
    "tests/jit_corps/test_plan_file.py::test_a_plan_is_applied_once",
    "tests/jit_corps/test_plan_file.py::test_a_plan_for_an_organisation_that_moved_is_refused",
    "tests/jit_corps/test_plan_file.py::test_a_plan_that_upstream_moved_away_from_is_refused",
    "tests/jit_corps/test_plan_file.py::test_applying_does_what_was_saved_or_nothing",
    "tests/jit_corps/test_org_at.py::test_every_generation_is_as_it_was",
    "tests/jit_corps/test_crashes.py::test_kill_9_at_every_statement_leaves_the_old_organisation_or_the_new",
)
OPEN = ()

numbers = itertools.count()


#: How a connection refuses all writes, and takes them again.
READ_ONLY = {
    peewee.SqliteDatabase: ("PRAGMA query_only = 1", "PRAGMA query_only = 0"),
    peewee.PostgresqlDatabase: (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    ),
    peewee.MySQLDatabase: ("SET SESSION TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ WRITE"),
}


@pytest.mark.every_database
def test_a_dry_run_on_a_connection_that_cannot_write(world, share):
    """The database refuses every write, and the plan is the one that is published afterwards, action by action."""
    world.org.remove_member("user03")
    world.org.add_member("new", departments=(2,))
    world.org.tag(1, remove_users=("user01",))
    world.org.update_department(3, name="改名")
    storage = world.bench.storage
    [(refuse, allow)] = (modes for kind, modes in READ_ONLY.items() if isinstance(storage.database, kind))
    storage.database.execute_sql(refuse)
    with storage.counting() as count:
        plan = world.bench.engine.plan(world.fetch, approve=None, progress=lambda *_: None)
    assert count.writes == 0
    storage.database.execute_sql(allow)
    planned = [(one.kind, one.key, one.action) for one in plan.changes()]
    assert len(planned) > 5
    report = world.sync()
    assert recorded(world.bench, report.generation) == planned
    assert report.counts == plan.counts
    share.count()


def recorded(bench: Bench, generation: int) -> list[tuple]:
    """What the history says of a generation."""
    change = bench.storage.models[ChangeRecord]
    mine = (change.corpFullName == bench.engine.corpFullName) & (change.generation == generation)
    query = change.select(change.kind, change.key, change.action).where(mine).order_by(change.changeId)
    return [(kind, tuple(key), action) for kind, key, action in bench.storage.select_tuples(query)]


def test_a_plan_that_was_overtaken_is_refused(bench, share):
    """By a run, by a person's decision, or by itself: it applies to one generation."""
    from jit_corps.edits import set_offline, set_roles

    bench.sync(snapshot(crowd(9)))
    told = snapshot([*crowd(8), member("new", "1")])
    movers = {
        "a run": lambda: bench.sync(snapshot(crowd(10))),
        "a role": lambda: set_roles(bench.storage, CORP, "m001", ["x"], strict=False),
        "offline": lambda: set_offline(bench.storage, CORP, ["m001"], offline=True),
        "itself": None,
    }
    for name in share.of(movers, most=4):
        plan = plan_guarded(told, bench.state)
        mover = movers[name]
        if mover is None:
            claim = begin_run(bench.storage, CORP, "sync", bench.clock())
            publish(bench.storage, plan, claim, bench.clock)
        else:
            mover()
        before = content(bench)
        claim = begin_run(bench.storage, CORP, "sync", bench.clock())
        with pytest.raises(PlanStale):
            publish(bench.storage, plan, claim, bench.clock)
        end_run(bench.storage, claim, Outcome("failed"), bench.clock())
        assert content(bench) == before, name


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(snapshots, min_size=1, max_size=5))
def test_ok_is_said_when_the_model_says_so(bench, share, told):
    """Random readings, whole and in part: the planned changes are the recorded ones, "ok" means equal to the model, and
    the history says what the tables say at every generation."""
    mine = Bench(bench.storage, bench.clock, f"corps.Truth{next(numbers)}")
    held = {0: tables(mine)}
    for one in told:
        model = seen_by(mine.state)
        try:
            planned = [(change.kind, change.key, change.action) for change in mine.plan(one).changes()]
        except EverybodyUnknown:
            with pytest.raises(EverybodyUnknown):
                mine.sync(one)
            assert (seen_by(mine.state), last_run(mine).status) == (model, "failed")
            continue
        report = mine.sync(one)
        if report.changes:
            assert recorded(mine, report.generation) == planned
        held[report.generation] = tables(mine)
        model.sync(one)
        whole = one.complete and not one.incomplete
        if report.status == "ok":
            assert whole
            assert seen_by(mine.state) == model
        else:
            assert report.status == ("guarded" if report.withheld else "partial")
            assert report.withheld or not whole or report.incomplete
        assert last_run(mine).status == report.status
        share.count()
    for generation, rows in held.items():
        assert replay(bench.storage, mine.engine.corpFullName, generation) == rows


def tables(bench: Bench) -> dict:
    """The rows as the history tells them."""
    state = bench.state
    rows = (
        state.departments.values(),
        state.members.values(),
        state.memberships.values(),
        state.roles.values(),
        state.grants,
    )
    return {
        kind: {
            row_key(kind, row): {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in list(row_dict(row).items())[KEY_LENGTHS[kind] :]
                if value is not None
            }
            for row in mine
        }
        for kind, mine in zip(KINDS, rows, strict=True)
    }


def test_every_status_is_said_of_what_it_is(make_world, share):
    """ok, guarded, partial, failed and skipped_locked, in the report or the error, and in the run's row."""
    world = make_world(organisation(departments=4, people=20))
    assert world.sync().status == world.last_run().status == "ok"
    world.wecom.faults.add("tag/get", errcode=48002)
    assert world.sync().status == world.last_run().status == "partial"
    world.wecom.faults.clear()
    world.wecom.faults.add("user/list", errcode=60020, at_call=2)
    assert isinstance(world.tried(), SyncFailed)
    assert world.last_run().status == "failed"
    world.wecom.faults.clear()
    for number in range(5, 20):
        world.org.remove_member(f"user{number:02}")
    assert world.sync().status == world.last_run().status == "guarded"
    claim = begin_run(world.bench.storage, CORP, "sync", world.bench.clock())
    assert isinstance(world.tried(), SyncFailed)
    assert world.last_run().status == "skipped_locked"
    end_run(world.bench.storage, claim, Outcome("failed"), world.bench.clock())
    share.count(5)


@pytest.mark.parametrize("answer", [{"errcode": 48002}, {"garbage": "truncated"}, {"cut": "reset"}])
def test_a_second_look_that_fails_is_not_ok(make_world, share, answer):
    """Who is not listed and cannot be asked for is kept; the run is partial and names them, in its row as well."""
    world = make_world(organisation(departments=4, people=20))
    world.sync()
    world.wecom.faults.add("user/list", rewrite=lambda told: without("user03", told))
    world.wecom.faults.add("user/get", **answer)
    report = world.sync()
    assert (report.status, report.changes) == ("partial", 1)
    assert "user03" in report.incomplete[0]
    assert world.last_run().incomplete == list(report.incomplete)
    world.wecom.faults.clear()
    assert world.sync().status == "ok"
    share.count()


def without(userid: str, told: dict) -> dict:
    """An answer of user/list in which somebody is missing."""
    return {**told, "userlist": [one for one in told.get("userlist", ()) if one["userid"] != userid]}


def test_what_could_not_be_decided_is_said(bench, share):
    """Two people behind one id are left alone, everybody else is brought up to date, and the status tells."""
    bench.sync(snapshot([*crowd(9), member("ann", "1", openUserId="o1"), member("bob", "1")]))
    for who in ("ann", "bob"):
        set_roles(bench.storage, CORP, who, ["admin"], strict=False)
    told = snapshot([*(member(f"m{at:03}", "1", name="New") for at in range(9)), member("bob", "1", openUserId="o1")])
    report = bench.sync(told)
    assert report.status == last_run(bench).status == "ok_with_conflicts"
    assert last_run(bench).conflicts == list(report.conflicts) != []
    assert report.counts["members"]["updated"] == 10
    assert all(row.name == "New" for key, row in bench.state.members.items() if key.startswith("m"))
    share.count()


def test_a_corp_that_tells_nobody_is_not_ok(bench):
    """Zero rows from an organisation that has some are withheld, and said."""
    bench.sync(snapshot(crowd(20)))
    report = bench.sync(snapshot([]))
    assert (report.status, report.changes) == ("guarded", 0)


def test_progress_goes_forward_and_ends(make_world, share):
    """Each phase counts up to its total, or the run fails with a cause."""
    world = make_world(organisation(departments=6, people=12))
    world.concurrency = 4
    world.sync()
    calls = world.count_calls()
    for call in share.of([None, *range(1, calls + 1)], most=3):
        world.wecom.reset()
        if call is not None:
            world.wecom.faults.add("[adtu]*/*", errcode=60020, at_call=call)
        steps: list[tuple] = []
        try:
            world.bench.engine.run(
                world.fetch, action="sync", approve=None, progress=lambda *step, steps=steps: steps.append(step)
            )
            failed = False
        except SyncFailed:
            failed = True
            assert world.last_run().cause
        for phase, together in itertools.groupby(steps, key=lambda step: step[0]):
            counts = [done for _, done, _ in together]
            assert counts == sorted(counts), (call, phase)
        assert failed or steps[-1] == ("publish", 1, 1), call


@pytest.mark.every_database
def test_the_model_is_the_yardstick_after_a_crash(bench, share):
    """Published and killed before the report: the next run has nothing to do, and the model says the same."""
    told = snapshot([*crowd(6), member("ann", "1")])
    model = Model()
    model.sync(told)
    # The tables are made here.
    assert bench.state.generation == 0

    class Crash(BaseException):
        pass

    written = []

    def listen(phase: str, statement) -> None:
        written.append("corp_change" in statement.sql and statement.kind == "write")
        if phase == "after" and statement.sql.startswith("COMMIT") and any(written):
            raise Crash

    with pytest.raises(Crash), bench.storage.on_statement(listen):
        bench.sync(told)
    assert seen_by(bench.state) == model
    bench.clock.pass_(1000)
    assert bench.sync(told).changes == 0
    share.count()

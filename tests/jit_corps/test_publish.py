"""Publishing: what was planned, all of it or nothing, with few statements."""

from __future__ import annotations

import pytest

from jit_corps.errors import PlanStale, SyncSuperseded
from jit_corps.history import replay
from jit_corps.models import ChangeRecord, CorpMember, User
from jit_corps.publish import publish
from jit_corps.rows import KEY_LENGTHS, row_dict, user_id
from jit_corps.runs import begin_run
from jit_corps.snapshot import DEPARTMENTS, GRANTS, KINDS, MEMBERS, MEMBERSHIPS, ROLES, DeptRecord
from jitcore.storage import StatementFailed
from tests.jit_corps.applying import applied
from tests.jit_corps.scripted import CORP, crowd, depts, member, members, snapshot

STORY = [
    snapshot(
        [*crowd(20), member("ann", "1", "2")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann", "m001"]}
    ),
    snapshot(
        [*crowd(19), member("ann", "2", name="Anna", position="chef"), member("new", "2")],
        departments=(*depts(d1=None, d3="1"), DeptRecord("2", "Dept two", "3", 4294967295, ("ann",))),
        tags={"tag:1": ["m002"], "tag:2": ["new"]},
    ),
    snapshot([*crowd(18), member("new", "2", active=False, reason="quit")], departments=depts(d1=None, d2="1")),
    snapshot(crowd(5), departments=depts(d2="1"), scope="narrow", hasRoot=False),
    snapshot([*crowd(20), member("ann", "1")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann"]}),
]


def table_rows(state) -> dict:
    """A state's rows by kind and key."""
    return {
        DEPARTMENTS: {(key,): row for key, row in state.departments.items()},
        MEMBERS: {(key,): row for key, row in state.members.items()},
        MEMBERSHIPS: dict(state.memberships),
        ROLES: {(key,): row for key, row in state.roles.items()},
        GRANTS: {tuple(row): row for row in state.grants},
    }


def test_the_database_holds_what_the_plan_says(bench):
    """After each run the tables are the planned state, field by field."""
    for told in STORY:
        expected = applied(bench.plan(told), bench.state)
        report = bench.sync(told)
        assert bench.state == expected
        assert report.generation == expected.generation


def test_an_unchanged_run_writes_only_its_run(bench):
    """No domain row, no history, no state: four bookkeeping statements, whatever the size of the organisation."""
    for told in STORY[:2]:
        bench.sync(told)
    tables = [
        "corp_dept",
        "corp_member",
        "corp_dept_member",
        "corp_role",
        "corp_role_member",
        "corp_state",
        "corp_change",
    ]
    with bench.storage.counting() as count:
        report = bench.sync(STORY[1])
    written = [statement.sql for statement in count.statements if statement.kind == "write"]
    assert report.changes == 0
    assert len(written) == 4
    assert not [sql for sql in written for table in [*tables, "users"] if f'"{table}"' in sql]


@pytest.mark.every_database
def test_many_new_rows_are_looked_at_by_the_database(bench, request, monkeypatch):
    """Once, when they were published; that it fails is no failure of the run."""
    monkeypatch.setattr("jit_corps.publish.MANY", 20)
    with bench.storage.counting() as count:
        assert bench.sync(STORY[0]).status == "ok"
    looked = [one.sql for one in count.statements if one.verb == "ANALYZE"]
    is_asked = "postgresql" in request.node.callspec.id
    assert looked == (['ANALYZE "corp_member"', 'ANALYZE "corp_dept_member"'] if is_asked else [])
    with bench.storage.counting() as count:
        bench.sync(STORY[1])
    assert "ANALYZE" not in [one.verb for one in count.statements]


def test_a_database_that_does_not_look_stops_nothing(bench, monkeypatch):
    """What was published stands."""
    monkeypatch.setattr("jit_corps.publish.MANY", 1)

    def refuse(_storage, _model):
        raise StatementFailed("no", hint="")

    monkeypatch.setattr("jitcore.storage.Storage.analyze", refuse)
    assert bench.sync(STORY[0]).status == "ok"


def counted(bench, told):
    # Making the tables is not part of a run.
    assert bench.storage.models
    with bench.storage.counting() as count:
        bench.sync(told)
    return count.total, count.writes


def test_statements_do_not_depend_on_how_many_records_change(bench):
    """A run over fifty times as many records takes the same statements; only the rows differ."""
    assert bench.storage.database  # migrates, so that only runs are counted
    small = counted(bench, snapshot(crowd(20), tags={"tag:1": ["m001"]}))
    grown = counted(bench, snapshot(crowd(500), tags={"tag:1": ["m001", *(f"m{n:03}" for n in range(100, 400))]}))
    renamed = tuple(one._replace(name="X") for one in crowd(500))
    few = counted(bench, snapshot([*renamed[:1], *crowd(500)[1:]], tags={"tag:1": []}, departments=depts(d1=None)))
    many = counted(bench, snapshot(renamed, tags={"tag:1": []}, departments=depts(d1=None)))
    assert grown[0] <= small[0] + 6
    assert many[0] <= few[0] + 2
    assert max(small[1], grown[1], few[1], many[1]) <= 16


def test_replaying_the_history_gives_every_generation(bench):
    """From nothing, the recorded changes rebuild the tables as they were after each run."""
    states = []
    for told in STORY:
        bench.sync(told)
        states.append(bench.state)
    for state in states:
        replayed = replay(bench.storage, CORP, state.generation)
        for kind in KINDS:
            expected = {}
            for key, row in table_rows(state)[kind].items():
                values = list(row_dict(row).items())[KEY_LENGTHS[kind] :]
                expected[key] = {
                    name: list(value) if isinstance(value, tuple) else value
                    for name, value in values
                    if value is not None
                }
            assert replayed[kind] == expected
    assert replay(bench.storage, CORP) == replayed


def test_the_history_says_who_changed_what(bench):
    """One append-only row per changed record, with its run; an update keeps only what differs."""
    bench.sync(snapshot(members("ann", "bo")))
    report = bench.sync(snapshot([member("ann", "1", name="Anna"), *members("bo")]))
    change = bench.storage.models[ChangeRecord]
    (row,) = change.select().where(change.generation == report.generation)
    assert (row.kind, row.key, row.action, row.runId) == ("members", ["ann"], "update", report.runId)
    assert (row.before, row.after) == ({"name": "Ann"}, {"name": "Anna"})


def test_new_members_get_their_accounts_in_the_same_run(bench):
    """One account for each member, named as they are."""
    bench.sync(snapshot(members("ann", "bo")))
    user = bench.storage.models[User]
    assert {(row.userId, row.name) for row in user.select()} == {
        (user_id(CORP, "ann"), "Ann"),
        (user_id(CORP, "bo"), "Bo"),
    }
    bench.sync(snapshot([member("ann", "1", name="Anna"), *members("bo")]))
    assert user.get_by_id(user_id(CORP, "ann")).name == "Anna"


def test_two_corps_share_tables_and_nothing_else(open_bench):
    """The same member id in two corps is two members with two accounts."""
    shop, other = open_bench(), open_bench("corps.Other")
    shop.sync(snapshot(crowd(5)))
    other.sync(snapshot(crowd(5)))
    other.sync(snapshot(crowd(4)))
    member_ = shop.storage.models[CorpMember]
    assert member_.select().where(member_.memberId == "m004").count() == 2
    assert len({row.userId for row in member_.select()}) == 10
    assert shop.state.members["m004"].status == 1
    assert other.state.members["m004"].status == 2


def test_a_plan_for_another_generation_is_refused(bench):
    """What a person approved must not be applied to something else."""
    bench.sync(snapshot(crowd(5)))
    plan = bench.plan(snapshot(crowd(4)))
    bench.sync(snapshot(crowd(6)))
    before = bench.state
    claim = begin_run(bench.storage, CORP, "sync", bench.clock())
    with pytest.raises(PlanStale) as caught:
        publish(bench.storage, plan, claim, bench.clock)
    assert (caught.value.planned, caught.value.found) == (1, 2)
    assert bench.state == before


def test_a_plan_is_applied_once(bench):
    """Publishing the same plan again is refused: its generation is over."""
    bench.sync(snapshot(crowd(5)))
    plan = bench.plan(snapshot(crowd(6)))
    publish(bench.storage, plan, begin_run(bench.storage, CORP, "sync", bench.clock()), bench.clock)
    with pytest.raises(PlanStale):
        publish(bench.storage, plan, begin_run(bench.storage, CORP, "sync", bench.clock()), bench.clock)


def test_a_writer_whose_claim_was_taken_over_is_refused(bench):
    """However late it wakes up: its token is old."""
    bench.sync(snapshot(crowd(5)))
    plan = bench.plan(snapshot(crowd(6)))
    late = begin_run(bench.storage, CORP, "sync", bench.clock())
    bench.clock.pass_(301)
    begin_run(bench.storage, CORP, "sync", bench.clock())
    before = bench.state
    with pytest.raises(SyncSuperseded):
        publish(bench.storage, plan, late, bench.clock)
    assert bench.state == before


def test_an_expired_claim_that_nobody_took_still_publishes(bench):
    """Being slow is no fault."""
    plan = bench.plan(snapshot(crowd(5)))
    claim = begin_run(bench.storage, CORP, "sync", bench.clock())
    bench.clock.pass_(3600)
    assert publish(bench.storage, plan, claim, bench.clock) == 1


def test_a_failure_in_the_middle_leaves_the_old_organisation(bench):
    """One transaction: an error at any statement undoes all of them."""
    bench.sync(STORY[0])
    before = bench.state
    plan = bench.plan(STORY[1])
    for stop_at in range(1, 40):
        claim = begin_run(bench.storage, CORP, "sync", bench.clock())
        seen = 0

        def listen(phase, statement, stop_at=stop_at):
            nonlocal seen
            seen += phase == "after" and statement.kind != "control"
            if seen == stop_at and statement.kind != "control":
                raise RuntimeError("stop")

        try:
            with bench.storage.on_statement(listen):
                publish(bench.storage, plan, claim, bench.clock)
        except RuntimeError:
            bench.clock.pass_(301)
            if bench.state == before:
                continue
        break
    assert bench.state == applied(plan, before)
    assert stop_at > 10


def test_order_holds_wecoms_whole_range(bench):
    """uint32 (D95406) does not fit into a signed 32-bit column."""
    bench.sync(snapshot(departments=[DeptRecord("1", "Shop", None, 4294967295)]))
    assert bench.state.departments["1"].order == 4294967295


def test_any_text_survives_the_database(bench):
    """Emoji, quotes, percent signs and 32 Chinese characters."""
    name = "寿司🍣'\"%s\\" + "字" * 26
    bench.sync(snapshot([member("ann", "1", name=name)], departments=[DeptRecord("1", name)]))
    assert bench.state.members["ann"].name == name
    assert replay(bench.storage, CORP)[DEPARTMENTS]["1",]["name"] == name

"""The organisation as of an earlier run: exactly what was there, or an error that says why that cannot be told."""

from __future__ import annotations

import itertools
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.cli import org
from jit_corps.earlier import EarlierOrganisation, as_of_generation, as_of_run
from jit_corps.edits import set_offline, set_roles
from jit_corps.erasing import erase
from jit_corps.errors import (
    EverybodyUnknown,
    GenerationNotFound,
    HistoryIncomplete,
    MemberNotFound,
    RunNotFound,
    RunUnpublished,
)
from jit_corps.history import replay
from jit_corps.models import ChangeRecord, SyncRun
from jit_corps.rows import KEY_LENGTHS, LocalState
from jit_corps.snapshot import KINDS
from jitcore.errors import ArgumentError
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, crowd, depts, member, members, named, snapshot
from tests.jit_corps.strategies import edits, member_ids, snapshots

numbers = itertools.count()

#: Somebody is called by another id from now on, or single records are read.
events = st.tuples(st.just("rename"), member_ids, snapshots) | st.tuples(st.just("read"), member_ids, snapshots)
erasures = st.tuples(st.just("erase"), st.none(), st.none())
#: Most of what happens are full readings and what people do.
stories = st.lists(snapshots | snapshots | edits | edits | events | erasures, min_size=1, max_size=8)


def told(state: LocalState | EarlierOrganisation) -> tuple[Any, ...]:
    """All records, to be compared."""
    return (state.departments, state.members, state.memberships, state.roles, state.grants)


def happen(bench: Bench, step: Any) -> None:
    bench.clock.pass_(1)
    name = bench.engine.corpFullName
    if not isinstance(step, tuple):
        # By chance it tells of nobody who is known.
        with suppress(EverybodyUnknown):
            bench.sync(step)
        return
    what, who, detail = step
    try:
        if what == "offline":
            set_offline(bench.storage, name, [who], offline=detail)
        elif what == "roles":
            set_roles(bench.storage, name, who, detail, strict=False)
        elif what == "read":
            bench.events(detail, named(who, depts=["1", "2"], roles=["tag:1"]))
        elif what == "rename":
            new = replace(detail, members=(*detail.members, member(f"{who}-new", "1")))
            bench.events(new, named(**{who: f"{who}-new"}))
        else:
            erase(bench.storage, name)
    except MemberNotFound:
        pass


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories)
def test_every_generation_is_as_it_was(bench, story):
    """After syncs, events, renames, edits and an erasure, every published version is told again."""
    own = Bench(bench.storage, bench.clock, f"corps.Story{next(numbers)}")
    name = own.engine.corpFullName
    seen: dict[int, LocalState] = {0: own.state}
    for step in story:
        happen(own, step)
        state = own.state
        if isinstance(step, tuple) and step[0] == "erase":
            seen.clear()
        seen[state.generation] = state
    for generation, state in seen.items():
        assert told(as_of_generation(own.storage, name, "", generation)) == told(state)
    assert sorted(seen) == list(range(own.state.generation + 1))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stories)
def test_going_back_comes_to_what_going_forward_comes_to(bench, story):
    """Undoing from now, and replaying from nothing, are two ways to the same organisation."""
    own = Bench(bench.storage, bench.clock, f"corps.Story{next(numbers)}")
    name = own.engine.corpFullName
    for step in story:
        happen(own, step)
    for generation in range(own.state.generation + 1):
        back = as_of_generation(own.storage, name, "", generation).as_dict()
        forward = replay(own.storage, name, generation)
        assert {kind: [without_empty(kind, row) for row in back[kind]] for kind in KINDS} == {
            kind: [rows[key] for key in sorted(rows)] for kind, rows in forward.items()
        }


def without_empty(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in list(row.items())[KEY_LENGTHS[kind] :]
        if value is not None
    }


def test_a_run_is_answered_with_what_was_there_at_its_end(bench):
    """Also one that changed nothing, one over single records, and one before an edit of a person."""
    states = {}
    for run in (
        lambda: bench.sync(snapshot(members("ann", "bo"), tags={"tag:1": ["ann"]})),
        lambda: bench.sync(snapshot(members("ann", "bo"), tags={"tag:1": ["ann"]})),
        lambda: bench.events(snapshot([member("ann", "1", name="Anna")]), named("ann")),
    ):
        report = run()
        states[report.runId] = bench.state
    set_roles(bench.storage, CORP, "ann", ["admin"], strict=False)
    bench.sync(snapshot(members("bo")))
    for runId, state in states.items():
        then = as_of_run(bench.storage, CORP, "Shop", runId)
        assert told(then) == told(state)
        assert (then.runId, then.generation, then.publishedAt[:4]) == (runId, state.generation, "2023")


def test_it_costs_what_has_changed_since(bench):
    """A handful of statements, whatever the organisation's age; none of them writes."""
    report = bench.sync(snapshot(crowd(30)))
    for name in "abcdefgh":
        bench.sync(snapshot([*crowd(30), member("zoe", "1", name=name)]))
    with bench.storage.counting() as count:
        as_of_run(bench.storage, CORP, "Shop", report.runId)
    assert count.writes == 0
    assert count.reads <= 12


def test_an_unknown_run_is_told_as_such(bench, open_bench):
    """Another organisation's run is none of this one."""
    bench.sync(snapshot(members("ann")))
    other = open_bench("corps.Other").sync(snapshot(members("ann")))
    for runId in (99, other.runId):
        with pytest.raises(RunNotFound) as caught:
            as_of_run(bench.storage, CORP, "Shop", runId)
        assert caught.value.runId == runId
        assert "jit runs corps.Shop" in caught.value.hint


def test_a_run_that_published_nothing_names_the_one_before(bench):
    """The organisation did not change with it, so that is the one to ask for."""

    def fail(known, *, confirm, progress):
        raise RuntimeError

    for _ in range(2):
        with pytest.raises(Exception, match="not synced"):
            bench.sync(fail)
    with pytest.raises(RunUnpublished, match=r"Run 2 of .* is failed") as caught:
        as_of_run(bench.storage, CORP, "Shop", 2)
    assert caught.value.hint == "Nothing was published before it either."
    report = bench.sync(snapshot(members("ann")))
    with pytest.raises(Exception, match="not synced") as failed:
        bench.sync(fail)
    with pytest.raises(RunUnpublished) as caught:
        as_of_run(bench.storage, CORP, "Shop", failed.value.runId)
    assert caught.value.newest == (report.runId, 1)


def test_what_is_not_published_yet_is_told_as_such(bench):
    """With the newest that is."""
    bench.sync(snapshot(members("ann")))
    with pytest.raises(GenerationNotFound) as caught:
        as_of_generation(bench.storage, CORP, "Shop", 2)
    assert (caught.value.generation, caught.value.newest) == (2, 1)


def test_a_history_that_was_cut_off_still_tells_what_it_can(bench):
    """What needs the deleted part is refused, and the error says how far back it goes."""
    states = [bench.state]
    for name in ("Ann", "Anna", "Anne", "Anneke"):
        bench.sync(snapshot([member("ann", "1", name=name)]))
        states.append(bench.state)
    change = bench.storage.models[ChangeRecord]
    change.delete().where(change.generation <= 2).execute()
    for generation in (2, 3, 4):
        assert told(as_of_generation(bench.storage, CORP, "Shop", generation)) == told(states[generation])
    for generation in (0, 1):
        with pytest.raises(HistoryIncomplete, match=f"back to generation {generation}") as caught:
            as_of_generation(bench.storage, CORP, "Shop", generation)
        assert caught.value.reaches == 2
    change.delete().execute()
    assert told(as_of_generation(bench.storage, CORP, "Shop", 4)) == told(states[4])
    with pytest.raises(HistoryIncomplete) as caught:
        as_of_generation(bench.storage, CORP, "Shop", 3)
    assert caught.value.reaches == 4


@pytest.mark.parametrize("edit", ["changed", "deleted", "put back"])
def test_rows_that_were_changed_past_jitcore_are_noticed(bench, edit):
    """An organisation that was never there is not told."""
    bench.sync(snapshot(members("ann", "bo"), tags={"tag:1": ["ann"]}))
    bench.sync(snapshot([member("ann", "1", name="Anna"), *members("bo")], tags={"tag:1": []}))
    member_, grant = bench.storage.models.CorpMember, bench.storage.models.CorpRoleMember
    if edit == "changed":
        member_.update(name="X").where(member_.memberId == "ann").execute()
    elif edit == "deleted":
        member_.delete().where(member_.memberId == "ann").execute()
    else:
        grant.create(corpFullName=CORP, roleId="tag:1", memberId="ann", origin="tag")
    with pytest.raises(HistoryIncomplete) as caught:
        as_of_generation(bench.storage, CORP, "Shop", 1)
    assert caught.value.reaches == 2


def test_the_element_answers_for_a_run_or_a_generation(shop):
    """One of the two, as a number."""
    shop.upstream = snapshot(members("ann"), departments=depts(d1=None))
    first = shop.syncCorp()
    shop.setUserRole("ann", ["admin"])
    assert shop.at(first.runId).grants == frozenset()
    assert shop.at(generation=2).grants
    assert shop.at(generation=0).members == {}
    assert json.loads(json.dumps(shop.at(first.runId).as_dict()))["members"][0]["memberId"] == "ann"
    for wrong in ({}, {"runId": 1, "generation": 1}, {"runId": "1"}, {"runId": True}, {"generation": -1}):
        with pytest.raises(ArgumentError):
            shop.at(**wrong)


@pytest.fixture
def jit_org(shop_app, shop):
    """Runs ``jit org corps.Shop`` on an organisation with two runs and an edit."""
    shop.upstream = snapshot(members("ann", "bo"), departments=depts(d1=None))
    shop.syncCorp()
    shop.upstream = snapshot([member("ann", "2")], departments=depts(d1=None, d2="1"))
    shop.syncCorp()
    shop.setUserRole("ann", ["admin"])

    def run(*words: str) -> Any:
        return CliRunner().invoke(org, [CORP, *words], obj=lambda: shop_app, standalone_mode=False)

    return run


def test_org_at_shows_the_tree_of_then(jit_org, shop_app):
    """Under a line that says which moment it is."""
    head, *tree = jit_org("--at", "1").stdout.splitlines()
    run = shop_app.storage.models[SyncRun].get_by_id(1)
    assert head == f"as of run 1, {run.finishedAt.isoformat(timespec='seconds')}Z, generation 1"
    assert tree == [
        "The Shop (corps.Shop): 1 departments, 2 active, 0 offline",
        "Dept 1 (1)/",
        "  Ann (ann)",
        "  Bo (bo)",
    ]
    assert jit_org("--generation", "3").stdout.splitlines() == ["as of generation 3", *jit_org().stdout.splitlines()]


def test_org_at_prints_json_for_a_program(jit_org):
    """With run, moment and generation."""
    then = json.loads(jit_org("--at", "2", "--json").stdout)
    assert (then["runId"], then["generation"], then["active"], then["offline"]) == (2, 2, 1, 1)
    assert then["publishedAt"].endswith("Z")
    now = json.loads(jit_org("--json").stdout)
    assert (now["runId"], now["generation"]) == (None, 3)


def test_org_at_raises_for_the_root_group(jit_org):
    """Which shows it without a traceback."""
    assert isinstance(jit_org("--at", "9").exception, RunNotFound)
    assert isinstance(jit_org("--at", "1", "--generation", "1").exception, ArgumentError)


def test_rows_of_then_are_plain_values(bench):
    """Flags are true and false, as in every export."""
    bench.sync(snapshot([member("ann", "1")]))
    (row,) = as_of_generation(bench.storage, CORP, "Shop", 1).as_dict()["members"]
    assert row["manualOffline"] is False

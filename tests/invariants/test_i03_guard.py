"""A well-formed answer that would take away too many is held back: additions pass, removals wait for a person.

The limit is told a second time here: ``min(500, max(3, a tenth, rounded up))`` of those who count, for all runs of a
day together, and never to zero.
"""

from __future__ import annotations

import itertools
from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.edits import set_offline
from jit_corps.errors import EverybodyUnknown, SyncFailed
from jit_corps.plan import plan_guarded
from jit_corps.run_list import lines, newest
from jit_corps.snapshot import MemberRecord
from tests.invariants.harness.world import content, last_run, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import crowd, depts, member, named, snapshot

INJECTED = (
    "an empty answer, the root only, half the departments, 59 % missing, 6 of 10, 501 of 120,000; every number of"
    " removals for every size up to 60; members offline by hand, gone or out of sight beside those who count; a"
    " second run, approvals of one too few, exact, and after recovery; two runs of one day just below the limit, by"
    " full readings, by events and by both; a closure on purpose"
)
ALSO = (
    "tests/jit_corps/test_guard.py::test_501_of_120000_are_withheld",
    "tests/jit_corps/test_guard.py::test_no_more_than_the_limit_or_the_approval_ever_passes",
    "tests/jit_corps/test_guard.py::test_members_nobody_could_ask_about_count_as_missing",
    "tests/jit_corps/test_plan.py::test_a_mass_disabling_is_withheld_too",
    "tests/jit_corps/test_plan.py::test_withheld_departments_keep_their_place_and_their_people",
    "tests/jit_corps/test_erasing.py::test_no_row_of_the_corp_is_left",
    "tests/jit_corps/test_plan_file.py::test_an_approval_ends_after_a_day",
    "tests/jit_corps/test_plan_file.py::test_the_approval_is_a_part_of_the_plan",
)
OPEN = ()


def limit(active: int) -> int:
    """How many may go."""
    return min(500, max(3, ceil(active / 10)))


def test_it_trips_exactly_by_the_formula(bench, share):
    """Every number of leavers, for every size: the plan holds them back, or it does not, as the formula says."""
    sizes = {active: list(range(1, active + 1)) for active in (*range(1, 61), 99, 100, 101)}
    states = {}
    for active, gone in share.of([(a, g) for a, many in sizes.items() for g in many], most=60):
        if active not in states:
            states = {active: _published(active)}
        plan = plan_guarded(snapshot(crowd(active)[gone:]), states[active])
        held = {one.kind for one in plan.withheld}
        assert ("members" in held) == (gone > limit(active) or gone == active), (active, gone)
        expected = 0 if "members" in held else gone
        assert plan.counts["members"]["removed"] == expected, (active, gone)


def _published(active):
    from jit_corps.rows import LocalState
    from tests.jit_corps.applying import applied

    state = LocalState("corps.Shop", "Shop")
    return applied(plan_guarded(snapshot(crowd(active)), state), state)


SHRINKS = {
    "an empty answer": lambda: snapshot([], departments=()),
    "the root only": lambda: snapshot([member("m000", "1"), member("new", "1")], departments=depts(d1=None)),
    "half the departments": lambda: snapshot(
        [one for at, one in enumerate(_people()) if at % 10 < 5], departments=_tree()[:6]
    ),
    "59 % missing": lambda: snapshot([*_people()[:41], member("new", "1")], departments=_tree()),
    "12 of 100": lambda: snapshot([*_people()[:88], member("new", "1")], departments=_tree()),
}


def _tree():
    return depts(d1=None, **{f"d{number}": "1" for number in range(2, 12)})


def _people():
    return [member(f"m{number:03}", str(2 + number % 10)) for number in range(100)]


@pytest.mark.parametrize("shrink", SHRINKS)
def test_a_shrink_is_withheld_and_the_rest_passes(bench, share, shrink):
    """Who is new comes, nobody goes, the run says so and so does its row; and the second run is no cleverer."""
    bench.sync(snapshot(_people(), departments=_tree()))
    told = SHRINKS[shrink]()
    for turn in range(2):
        bench.clock.pass_(60)
        report = bench.sync(told)
        assert report.status == "guarded"
        assert all(count["removed"] == 0 for kind, count in report.counts.items() if kind in ("members", "departments"))
        rows = bench.state.members
        assert sum(row.status == 1 for row in rows.values()) == 100 + ("new" in rows)
        assert ("new" in rows) == any(one.memberId == "new" for one in told.members)
        assert report.changes == 0 or turn == 0
        withheld = {one["kind"]: one for one in last_run(bench).withheld}
        assert last_run(bench).status == "guarded"
        assert withheld["members"]["active"] == 100 + (turn and "new" in rows)
        assert withheld["members"]["limit"] == limit(withheld["members"]["active"])
        assert len(report.withheld[0].keys) == report.withheld[0].count
    share.count(2)


def test_six_of_ten_in_a_small_corp(bench):
    """A tenth of ten is one, and three may go; six are too many."""
    bench.sync(snapshot(crowd(10)))
    assert bench.sync(snapshot(crowd(10)[6:])).status == "guarded"
    assert bench.sync(snapshot(crowd(10)[3:])).counts["members"]["removed"] == 3


def test_501_of_many_in_a_real_database(bench, share):
    """The ceiling, with everything stored: 500 go, one more stays whole."""
    active = share.number(of_all=20_000, otherwise=5_100)
    bench.sync(snapshot(crowd(active)))
    report = bench.sync(snapshot(crowd(active)[501:]))
    assert (report.status, report.counts["members"]["removed"]) == ("guarded", 0)
    report = bench.sync(snapshot(crowd(active)[500:]))
    assert (report.status, report.counts["members"]["removed"]) == ("ok", 500)
    share.count(2)


def test_who_does_not_count_makes_no_room(bench, share):
    """Members who are gone, offline by hand or out of sight do not raise the limit for the others."""
    bench.sync(snapshot(crowd(60), scope="wide"))
    bench.sync(snapshot(crowd(60)[6:], scope="wide"))
    set_offline(bench.storage, "corps.Shop", [f"m{at:03}" for at in range(6, 26)], offline=True)
    bench.sync(snapshot(crowd(60)[40:], scope="narrow", hasRoot=False))
    state = bench.state
    counting = [row for row in state.members.values() if row.status == 1 and row.presence == "listed"]
    assert len(counting) == 20
    bench.clock.pass_(86_400)
    report = bench.sync(snapshot(crowd(60)[44:], scope="narrow", hasRoot=False))
    assert report.status == "guarded"
    assert (report.withheld[0].limit, report.withheld[0].active) == (3, 20)
    share.count(3)


def test_an_approval_is_a_ceiling_and_no_blank_cheque(bench, share):
    """One too few refuses, the number shown lets them go, and nothing of it is left for another day."""
    bench.sync(snapshot(crowd(50)))
    for approve in (None, 3, 18, 19):
        assert bench.sync(snapshot(crowd(50)[20:]), approve=approve).status == "guarded"
        assert len(content(bench)[2]) == 50
    # Everybody is back before the approval is used: it takes nobody away.
    assert bench.sync(snapshot(crowd(50)), approve=20).changes == 0
    report = bench.sync(snapshot(crowd(50)[20:]), approve=20)
    assert (report.status, report.counts["members"]["removed"]) == ("ok", 20)
    assert bench.sync(snapshot(crowd(50)[45:])).status == "guarded"
    share.count(7)


@pytest.mark.parametrize("active", [1, 2, 3])
def test_the_last_one_stays(bench, active):
    """Three may always go, but never the last one."""
    bench.sync(snapshot(crowd(active)))
    report = bench.sync(snapshot([]))
    assert (report.status, report.counts["members"]["removed"]) == ("guarded", 0)


def test_a_closure_on_purpose(bench):
    """Who means it names the whole number, and then even the last one goes."""
    bench.sync(snapshot(crowd(30)))
    nobody = snapshot([], departments=depts(d1=None))
    assert bench.sync(nobody, approve=29).status == "guarded"
    assert bench.sync(nobody, approve=30).counts["members"]["removed"] == 30
    assert {row.status for row in bench.state.members.values()} == {2}


@pytest.mark.parametrize("garbage", [{"userlist": []}, {"department": []}])
def test_wecoms_empty_lists_take_nobody(make_world, share, garbage):
    """errcode 0 and an empty list, from the real server: well-formed, and believed by nobody."""
    world = make_world(organisation(departments=6, people=60))
    world.sync()
    before = {key for key, row in world.bench.state.members.items() if row.status == 1}
    world.wecom.faults.add(
        "user/list" if "userlist" in garbage else "department/list", rewrite=lambda told: {**told, **garbage}
    )
    # Second looks find them, or nobody asks for so many.
    report = world.tried()
    assert isinstance(report, SyncFailed) or report.counts["members"]["removed"] == 0
    assert {key for key, row in world.bench.state.members.items() if row.status == 1} == before
    share.count()


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    active=st.integers(1, 700), gone=st.integers(0, 700), new=st.integers(0, 5), approve=st.none() | st.integers(0, 700)
)
def test_any_size_any_number(share, active, gone, new, approve):
    """Random organisations: what goes is all or nothing, by the formula or the approval."""
    gone = min(gone, active)
    state = _published(active)
    told = snapshot([*crowd(active)[gone:], *(member(f"new{at}", "1") for at in range(new))])
    if gone == active > 3 and new and (approve or 0) < active:
        # Others, and none of those who are known here.
        with pytest.raises(EverybodyUnknown):
            plan_guarded(told, state, approve=approve)
        return
    plan = plan_guarded(told, state, approve=approve)
    may = gone <= max(limit(active), approve or 0) and (gone < active or new or (approve or 0) >= gone)
    assert plan.counts["members"]["removed"] == (gone if may else 0)
    assert plan.counts["members"]["added"] == new
    share.count()


def going(bench, active: int, first: int, last: int, how: str):
    """Members ``first`` to ``last`` leave, told by one full reading or by an event for each."""
    told = snapshot(crowd(active)[last:])
    if how == "full":
        return bench.sync(told)
    for at in range(first, last):
        report = bench.events(told, named(f"m{at:03}"))
    return report


@pytest.mark.parametrize("ways", list(itertools.product(("full", "events"), repeat=2)), ids="-".join)
def test_runs_of_a_day_share_one_limit(bench, share, ways):
    """Two runs just below the limit, by full readings and by events: the second waits, until the first is a day old."""
    for number, active in enumerate(share.of((100, 40, 31, 320), most=2)):
        mine = Bench(bench.storage, bench.clock, f"corps.Day{number}")
        mine.sync(snapshot(crowd(active)))
        most = limit(active)
        report = going(mine, active, 0, most - 1, ways[0])
        assert report.status == "ok"
        bench.clock.pass_(23 * 3600)
        # One more is a whole limit; a second one is more than that.
        report = going(mine, active, most - 1, most + 1, ways[1])
        assert report.status == "guarded"
        gone = {key for key, row in mine.state.members.items() if row.status == 2}
        assert len(gone) == most - (ways[1] == "full")
        assert report.withheld[0].recent == len(gone)
        assert f"{len(gone)} went in the last 24 hours" in str(report)
        told = "\n".join(lines(newest(bench.storage, mine.engine.corpFullName, 1)))
        assert f"withheld {report.withheld[0].count} members ({len(gone)} went in the 24 h before)" in told
        bench.clock.pass_(3601)
        # What the first run took is older than a day now.
        report = mine.sync(snapshot(crowd(active)[most + 1 :]))
        assert (report.status, sum(row.status == 2 for row in mine.state.members.values())) == ("ok", most + 1)


def test_what_was_approved_is_not_counted_again(bench, share):
    """An approval lets through what it names, and leaves the day's limit as it was for everybody else."""
    bench.sync(snapshot(crowd(100)))
    assert bench.sync(snapshot(crowd(100)[40:]), approve=40).status == "ok"
    bench.clock.pass_(60)
    assert bench.sync(snapshot(crowd(100)[46:])).status == "ok"
    bench.clock.pass_(60)
    report = bench.sync(snapshot(crowd(100)[48:]))
    assert (report.status, report.withheld[0].count, report.withheld[0].recent) == ("guarded", 2, 6)
    # The approval names what goes now, not what went.
    assert bench.sync(snapshot(crowd(100)[48:]), approve=1).status == "guarded"
    assert bench.sync(snapshot(crowd(100)[48:]), approve=2).counts["members"]["removed"] == 2
    share.count(4)


def test_each_kind_has_a_day_of_its_own(bench, share):
    """Memberships that went leave the members' limit whole, and what follows from a departure counts for nobody."""
    tree = depts(d1=None, d2="1", d3="1")

    def people(left: int) -> list[MemberRecord]:
        """All in two departments, of which so many have left one."""
        return [member(f"m{at:03}", *(("2",) if at < left else ("2", "3"))) for at in range(40)]

    bench.sync(snapshot(people(0), departments=tree))
    assert bench.sync(snapshot(people(8), departments=tree)).counts["memberships"]["removed"] == 8
    report = bench.sync(snapshot(people(8)[4:], departments=tree))
    assert (report.status, report.counts["members"]["removed"]) == ("ok", 4)
    report = bench.sync(snapshot(people(9)[4:], departments=tree))
    assert [(one.kind, one.count, one.recent) for one in report.withheld] == [("memberships", 1, 8)]
    share.count(3)


def test_moves_do_not_add_up(bench, share):
    """Who is moved to another department is told to be there: of one run too many moves wait, over a day they pass."""
    tree = depts(d1=None, d2="1", d3="1")

    def people(moved: int) -> list[MemberRecord]:
        return [member(f"m{at:03}", "3" if at < moved else "2") for at in range(12)]

    bench.sync(snapshot(people(0), departments=tree))
    for moved in (3, 6, 9):
        bench.clock.pass_(60)
        assert bench.sync(snapshot(people(moved), departments=tree)).status == "ok"
    bench.clock.pass_(60)
    assert bench.sync(snapshot(people(0), departments=tree)).status == "guarded"
    share.count(4)


def test_another_enterprises_day_is_another(bench):
    """What one loses says nothing about the other."""
    other = Bench(bench.storage, bench.clock, "corps.Other")
    for one in (bench, other):
        one.sync(snapshot(crowd(30)))
        assert one.sync(snapshot(crowd(30)[3:])).status == "ok"
        assert one.sync(snapshot(crowd(30)[4:])).status == "guarded"


def test_only_runs_that_remove_ask_what_went(bench):
    """One statement more, and only where something would go."""
    bench.sync(snapshot(crowd(30)))
    asked = []
    with bench.storage.on_statement(lambda phase, one: asked.append(one.sql) if phase == "before" else None):
        bench.sync(snapshot(crowd(31)))
        assert not [sql for sql in asked if sql.startswith("SELECT") and "removals" in sql]
        bench.sync(snapshot(crowd(30)))
    assert len([sql for sql in asked if sql.startswith("SELECT") and "removals" in sql]) == 1

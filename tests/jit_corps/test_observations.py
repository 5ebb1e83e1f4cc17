"""Who began to read later is right: older readings neither undo nor resurrect."""

from __future__ import annotations

import pytest

from jit_corps.models import Observation
from jit_corps.rows import GrantRow
from jit_corps.snapshot import DEPARTMENTS, MEMBERS, ROLES
from tests.jit_corps.scripted import crowd, depts, member, named, only, snapshot

TREE = depts(d1=None, d2="1")
DAY = 24 * 3600.0


def during(bench, told, events):
    """A full reading that tells ``told``, with events that arrive while it is under way."""

    def fetch(known, *, confirm, progress):
        bench.clock.pass_(60)
        events()
        bench.clock.pass_(60)
        return told

    return bench.sync(fetch)


def observed(bench) -> dict:
    seen = bench.storage.models[Observation]
    return {(row.kind, row.id): (row.observedAt, bool(row.gone)) for row in seen.select()}


def test_a_member_deleted_while_everything_is_read_stays_deleted(bench):
    """The listing is older than the event."""
    bench.sync(snapshot(crowd(20), tags={"tag:1": ["m004"]}))
    old = snapshot(crowd(20), tags={"tag:1": ["m004"]})
    during(bench, old, lambda: bench.events(snapshot(crowd(4), tags={"tag:1": []}), named("m004")))
    assert bench.state.members["m004"].presence == "absent"
    assert ("1", "m004") not in bench.state.memberships
    assert not bench.state.grants


def test_somebody_who_came_and_went_while_everything_is_read_is_never_there(bench):
    """Also when nothing was known of them here: that they were gone is kept."""
    bench.sync(snapshot(crowd(5)))
    report = during(
        bench, snapshot([*crowd(5), member("brief", "1")]), lambda: bench.events(snapshot(crowd(5)), named("brief"))
    )
    assert report.changes == 0
    assert "brief" not in bench.state.members


def test_a_change_that_an_event_brought_is_not_undone(bench):
    """Fields, places, the tree and tags."""
    old = snapshot([*crowd(4), member("ann", "1")], departments=TREE, tags={"tag:1": []})
    bench.sync(old)
    new = snapshot(
        [*crowd(4), member("ann", "3", name="Anna")],
        departments=depts(d1=None, d2="3", d3="1"),
        tags={"tag:1": ["ann"]},
    )
    targets = named("ann", depts=["2", "3"], roles=["tag:1"])
    during(bench, old, lambda: bench.events(new, targets))
    state = bench.state
    assert state.members["ann"].name == "Anna"
    assert {key for key in state.memberships if key[1] == "ann"} == {("3", "ann")}
    assert (state.departments["2"].parentId, state.departments["3"].parentId) == ("3", "1")
    assert state.grants == {GrantRow("tag:1", "ann", "tag")}


def test_who_got_another_id_while_everything_is_read_keeps_the_roles(bench):
    """The lists of the full reading name the old id, which says nothing against the new one."""
    old = snapshot(crowd(4), departments=TREE, tags={"tag:1": ["m000"]})
    bench.sync(old)
    new = snapshot([*crowd(4)[1:], member("anna", "1")], departments=TREE, tags={"tag:1": ["anna"]})
    during(bench, old, lambda: bench.events(new, named(m000="anna")))
    assert bench.state.grants == {GrantRow("tag:1", "anna", "tag")}
    assert {key for key in bench.state.memberships if key[1] == "anna"} == {("1", "anna")}


def test_what_an_event_deleted_does_not_come_back(bench):
    """A department and a tag."""
    old = snapshot(crowd(5), departments=TREE, tags={"tag:1": ["m001"]})
    bench.sync(old)
    during(bench, old, lambda: bench.events(snapshot(crowd(5)), named(depts=["2"], roles=["tag:1"])))
    assert set(bench.state.departments) == {"1"}
    assert not bench.state.roles
    assert not bench.state.grants


def test_what_an_event_found_unchanged_is_not_changed_by_an_older_reading(bench):
    """It had changed and changed back."""
    full = snapshot(crowd(5))
    bench.sync(full)
    stale = snapshot([member("m000", "1", name="For a moment"), *crowd(5)[1:]])
    assert during(bench, stale, lambda: bench.events(full, named("m000"))).changes == 0


def test_everything_else_of_the_full_reading_counts(bench):
    """Only what was read singly is left alone."""
    bench.sync(snapshot(crowd(5)))
    told = snapshot([*crowd(4), member("new", "1")])
    during(bench, told, lambda: bench.events(snapshot([member("m000", "1", name="X")]), named("m000")))
    state = bench.state
    assert (state.members["m000"].name, state.members["m004"].presence) == ("X", "absent")
    assert "new" in state.members


def test_the_next_full_reading_counts_again(bench):
    """It began after the event."""
    bench.sync(snapshot(crowd(20)))
    bench.events(snapshot(crowd(4)), named("m004"))
    bench.clock.pass_(1)
    bench.sync(snapshot(crowd(20)))
    assert bench.state.members["m004"].status == 1


def test_an_older_event_does_not_undo_a_newer_one(bench, open_bench):
    """Two workers read the same member; the one that began first ends last."""
    bench.sync(snapshot(crowd(5)))
    other = open_bench()
    newer = snapshot([member("m000", "1", name="Newer")])

    def slow(targets, *, progress):
        bench.clock.pass_(1)
        other.events(newer, targets)
        return only(snapshot([member("m000", "1", name="Older")]), targets)

    report = bench.events(slow, named("m000"))
    assert (report.status, report.changes) == ("ok", 0)
    assert bench.state.members["m000"].name == "Newer"
    assert observed(bench)[MEMBERS, "m000"][0] == bench.clock.now


def test_an_unchanged_reading_between_planning_and_publishing_counts(bench, open_bench):
    """It changes no generation, and the plan is made again all the same."""
    bench.sync(snapshot(crowd(5)))
    other = open_bench()
    turns = []

    def progress(phase, done, total):
        if phase == "publish" and not done and not turns:
            bench.clock.pass_(1)
            turns.append(other.events(snapshot(crowd(5)), named("m000")))

    stale = snapshot([member("m000", "1", name="Stale"), *crowd(5)[1:]])
    report = bench.engine.run(lambda *_, **__: stale, action="sync", approve=None, progress=progress)
    assert turns
    assert report.changes == 0


def test_a_reading_says_when_it_began_and_what_was_gone(bench):
    """Of each target of which something is known now."""
    bench.sync(snapshot(crowd(20), departments=TREE))
    began = bench.clock.now

    def fetch(targets, *, progress):
        bench.clock.pass_(5)
        return only(snapshot(crowd(1)), targets, unconfirmed=frozenset({"m002"}))

    bench.events(fetch, named("m000", "m001", "m002", depts=["2"], roles=["tag:1"]))
    assert observed(bench) == {
        (MEMBERS, "m000"): (began, False),
        (MEMBERS, "m001"): (began, True),
        (DEPARTMENTS, "2"): (began, True),
        (ROLES, "tag:1"): (began, True),
    }


@pytest.mark.parametrize(("days", "fulls", "kept"), [(8, 1, True), (8, 2, False), (6, 2, True)])
def test_observations_are_forgotten_after_seven_days_and_two_full_syncs(bench, days, fulls, kept):
    """Until then some reading may be under way that is older."""
    bench.sync(snapshot(crowd(5)))
    bench.events(snapshot(crowd(5)), named("m000"))
    for _ in range(fulls):
        bench.clock.pass_(days * DAY / fulls)
        bench.sync(snapshot(crowd(5)))
    assert bool(observed(bench)) == kept


def test_observations_of_one_corp_do_not_concern_another(bench, open_bench):
    """The same member id elsewhere is somebody else."""
    other = open_bench("corps.Other")
    for one in (bench, other):
        one.sync(snapshot(crowd(20)))
    during(bench, snapshot(crowd(19)), lambda: other.events(snapshot(crowd(20)), named("m019")))
    assert bench.state.members["m019"].presence == "absent"

"""Single records: read again, planned, guarded and published as everything is, with less to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jit_corps.edits import set_offline, set_roles
from jit_corps.errors import CorpError, SyncFailed, TargetsUnsupported
from jit_corps.models import ChangeRecord, SyncRun
from jit_corps.rows import GrantRow
from jit_corps.snapshot import DEPARTMENTS, GRANTS, MEMBERS, MEMBERSHIPS, DeptRecord, GrantRecord, RoleRecord, Targets
from jitcore.storage import DatabaseBusy
from tests.jit_corps.scripted import CORP, crowd, depts, member, members, named, only, snapshot

TREE = depts(d1=None, d2="1", d3="2")


def runs(bench) -> list:
    run = bench.storage.models[SyncRun]
    return list(run.select().order_by(run.runId))


def shape(state):
    """An organisation without its version and its corp's own fields."""
    return state.departments, state.members, state.memberships, state.roles, state.grants


# What an event brings


def test_a_changed_member_is_read_and_published(bench):
    """The record, its memberships, a generation, a run and the history."""
    bench.sync(snapshot(crowd(5), departments=TREE))
    told = snapshot([*crowd(4), member("m004", "2", name="Max")], departments=TREE)
    report = bench.events(told, named("m004"))
    assert (report.status, report.changes, report.generation, report.reconcile) == ("ok", 3, 2, None)
    assert bench.state.members["m004"].name == "Max"
    assert {key for key in bench.state.memberships if key[1] == "m004"} == {("2", "m004")}
    row = runs(bench)[-1]
    assert (row.runId, row.action, row.status, row.generation) == (report.runId, "events", "ok", 2)
    change = bench.storage.models[ChangeRecord]
    assert change.select().where(change.runId == report.runId).count() == 3


def test_only_what_was_asked_for_counts(bench):
    """A record that comes along tells nothing, and neither does one that does not."""
    bench.sync(snapshot(crowd(5)))
    told = snapshot([member("m001", "1", name="New"), member("m002", "1", name="Other")], departments=())
    bench.events(lambda asked, *, progress: replace(told, targets=asked), named("m001"))
    assert [row.name for _, row in sorted(bench.state.members.items())] == ["M000", "New", "M002", "M003", "M004"]
    assert set(bench.state.departments) == {"1"}


def test_a_member_who_joins_gets_an_account(bench):
    """As in any sync."""
    bench.sync(snapshot(crowd(5)))
    bench.events(snapshot([*crowd(5), member("new", "1")]), named("new"))
    user = bench.storage.models.User
    assert user.get_by_id(bench.state.members["new"].userId).name == "New"


def test_a_member_who_is_gone_goes_offline(bench):
    """With memberships and tag grants; everybody else is left alone."""
    full = snapshot(crowd(20), tags={"tag:1": ["m004", "m005"]})
    bench.sync(full)
    report = bench.events(snapshot(crowd(4)), named("m004"))
    row = bench.state.members["m004"]
    assert (row.status, row.reason, row.presence) == (2, "absent", "absent")
    assert report.counts[MEMBERS] == {"added": 0, "updated": 0, "removed": 1}
    assert bench.state.grants == {GrantRow("tag:1", "m005", "tag")}
    assert len(bench.state.memberships) == 19


def test_a_department_that_moves_is_moved(bench):
    """The tree is arranged again; its siblings stay."""
    bench.sync(snapshot(departments=TREE))
    report = bench.events(snapshot(departments=depts(d1=None, d2="1", d3="1")), named(depts=["3"]))
    assert bench.state.departments["3"].parentId == "1"
    assert report.changes == 1


def test_a_department_that_is_gone_takes_its_memberships(bench):
    """Nobody in it has to be read for that."""
    bench.sync(snapshot([member("ann", "1", "3"), *crowd(5)], departments=TREE))
    bench.events(snapshot(departments=depts(d1=None, d2="1")), named(depts=["3"]))
    assert "3" not in bench.state.departments
    assert ("3", "ann") not in bench.state.memberships
    assert ("1", "ann") in bench.state.memberships


def test_the_root_does_not_go_because_little_is_told(bench):
    """A part of the organisation says nothing about its root."""
    bench.sync(snapshot(departments=depts(d7="5"), hasRoot=False))
    bench.events(snapshot(departments=depts(d7="5", d8="7"), hasRoot=False), named(depts=["8"]))
    assert bench.state.header.rootDeptId == "local:root"
    assert bench.state.departments["8"].parentId == "7"


def test_a_tag_is_read_with_those_who_have_it(bench):
    """Who lost it loses it; other tags stay."""
    bench.sync(snapshot(crowd(5), tags={"tag:1": ["m000", "m001"], "tag:2": ["m002"]}))
    told = snapshot(crowd(5), tags={"tag:1": ["m001", "m003"]})
    bench.events(told, named(roles=["tag:1"]))
    assert {(row.roleId, row.memberId) for row in bench.state.grants} == {
        ("tag:1", "m001"),
        ("tag:1", "m003"),
        ("tag:2", "m002"),
    }


def test_a_tag_that_is_gone_is_gone_for_everybody(bench):
    """But for those to whom a person here gave it."""
    bench.sync(snapshot(crowd(5), tags={"tag:1": ["m000"], "tag:2": ["m000"]}))
    set_roles(bench.storage, CORP, "m001", ["tag:1"], strict=False)
    bench.events(snapshot(crowd(5)), named(roles=["tag:1"]))
    assert bench.state.roles["tag:1"].origin == "custom"
    assert {(row.roleId, row.memberId, row.origin) for row in bench.state.grants} == {
        ("tag:1", "m001", "manual"),
        ("tag:2", "m000", "tag"),
    }


def test_two_tags_at_once_are_each_read_whole(bench):
    """Somebody who has one of them already gets the other."""
    bench.sync(snapshot(crowd(5), tags={"tag:1": ["m000"], "tag:2": []}))
    bench.events(snapshot(crowd(5), tags={"tag:1": ["m000"], "tag:2": ["m000"]}), named(roles=["tag:1", "tag:2"]))
    assert {row.roleId for row in bench.state.grants} == {"tag:1", "tag:2"}


# Roles of departments


def told_for(*people, departments=TREE, deptIds=("2",), **told):
    return snapshot(people, departments=departments, roles=(RoleRecord("tag:1", "Cooks", deptIds),), **told)


@pytest.mark.parametrize(
    ("before", "after", "targets"),
    [
        (told_for(member("ann", "1")), told_for(member("ann", "3")), named("ann")),
        (told_for(member("ann", "3")), told_for(member("ann", "1")), named("ann")),
        (
            told_for(member("ann", "3"), member("bo", "2")),
            told_for(member("ann", "3"), member("bo", "2"), departments=depts(d1=None, d2="1", d3="1")),
            named(depts=["3"]),
        ),
        (
            told_for(member("ann", "3"), departments=depts(d1=None, d2="1", d3="1")),
            told_for(member("ann", "3")),
            named(depts=["3"]),
        ),
        (
            told_for(member("ann", "2"), member("bo", "3"), deptIds=("3",)),
            told_for(member("ann", "2"), member("bo", "3"), deptIds=("2",)),
            named(roles=["tag:1"]),
        ),
        (told_for(member("ann", "2")), told_for(member("ann", "2"), deptIds=()), named(roles=["tag:1"])),
        (
            told_for(member("ann", "2", "3"), deptIds=("3",)),
            told_for(member("ann", "2"), deptIds=("3",), departments=depts(d1=None, d2="1")),
            named("ann", depts=["3"]),
        ),
    ],
    ids=["moved in", "moved out", "department out", "department in", "other departments", "none", "department gone"],
)
def test_roles_of_departments_follow_as_in_a_full_sync(bench, open_bench, before, after, targets):
    """Whichever of the three changed: the member's place, the tree, or what the role stands for."""
    other = open_bench("corps.Other")
    for one in (bench, other):
        one.sync(before)
    bench.events(after, targets)
    other.sync(after)
    assert {row for row in bench.state.grants if row.origin == "dept"} == other.state.grants
    assert set(bench.state.memberships) == set(other.state.memberships)


def test_everything_is_read_when_very_many_are_concerned(bench, monkeypatch):
    """Moving half the enterprise costs what a full plan costs, and comes to the same."""
    monkeypatch.setattr("jit_corps.targeted_state.SINGLY", 3)
    bench.sync(told_for(*crowd(5, "3"), departments=depts(d1=None, d2="1", d3="1")))
    bench.events(told_for(*crowd(5, "3")), named(depts=["3"]))
    assert len(bench.state.grants) == 5
    assert len(bench.state.memberships) == 5


# What is named and not known here


def test_a_members_unknown_department_is_read_with_its_parents(bench):
    """Events arrive in any order; the tree is right at once."""
    bench.sync(snapshot(crowd(5), departments=TREE))
    told = snapshot([*crowd(5), member("new", "6")], departments=(*TREE, *depts(d5="3", d6="5")))
    report = bench.events(told, named("new"))
    assert (bench.state.departments["6"].parentId, bench.state.departments["5"].parentId) == ("5", "3")
    assert (report.status, report.reconcile) == ("ok", None)


def test_whom_a_tag_names_is_read_when_not_known_here(bench):
    """The tag's event may come before the member's."""
    bench.sync(snapshot(crowd(5), departments=TREE))
    told = snapshot([*crowd(5), member("new", "4")], departments=(*TREE, *depts(d4="1")), tags={"tag:1": ["new"]})
    bench.events(told, named(roles=["tag:1"]))
    assert bench.state.grants == {GrantRow("tag:1", "new", "tag")}
    assert ("4", "new") in bench.state.memberships
    assert "4" in bench.state.departments


def test_what_upstream_does_not_tell_either_is_no_reason_to_doubt(bench):
    """A main department outside the range, a tag on somebody out of sight."""
    bench.sync(snapshot(crowd(5)))
    asked = []

    def fetch(targets, *, progress):
        asked.append(targets)
        return only(snapshot([member("new", "1", "99")]), targets, unconfirmed=targets.departments)

    report = bench.events(fetch, named("new"))
    assert asked == [named("new"), named(depts=["99"])]
    assert (report.status, report.reconcile) == ("ok", None)
    assert "99" not in bench.state.departments


def test_too_many_unknown_ones_are_left_to_a_full_sync(bench, monkeypatch):
    """Nobody reads an enterprise one by one."""
    monkeypatch.setattr("jit_corps.targeted_sync.UNKNOWN", 3)
    bench.sync(snapshot(crowd(5)))
    told = snapshot(crowd(20), tags={"tag:1": [f"m{number:03}" for number in range(20)]})
    report = bench.events(told, named(roles=["tag:1"]))
    assert report.reconcile == "too much is named that is not known here"
    assert len(bench.state.members) == 5
    assert len(bench.state.grants) == 5


def test_an_endless_chain_of_unknown_departments_ends(bench):
    """Upstream is asked so many times and no more."""
    bench.sync(snapshot(crowd(5)))

    def fetch(targets, *, progress):
        chain = tuple(DeptRecord(one, one, str(int(one) + 1)) for one in targets.departments)
        return replace(snapshot([member("new", "100")], departments=chain), targets=targets)

    report = bench.events(fetch, named("new"))
    assert report.reconcile is not None
    assert len(bench.state.departments) == 21


# Nothing to do


def test_an_unchanged_record_leaves_no_run_and_no_generation(bench):
    """Only when it was read is kept."""
    full = snapshot(crowd(5), departments=TREE, tags={"tag:1": ["m001"]})
    bench.sync(full)
    before = bench.state
    with bench.storage.counting() as count:
        report = bench.events(full, named("m001", depts=["2"], roles=["tag:1"]))
    assert (report.status, report.changes, report.runId) == ("ok", 0, None)
    assert bench.state == before
    assert len(runs(bench)) == 1
    written = [statement.sql for statement in count.statements if statement.kind == "write"]
    assert all("corp_observation" in sql for sql in written)


def test_no_targets_are_no_work(bench):
    """Upstream is not asked."""
    bench.sync(snapshot(crowd(5)))
    report = bench.events(lambda *_, **__: pytest.fail("upstream was asked"), Targets())
    assert (report.status, report.reconcile) == ("ok", None)


def test_before_the_first_full_sync_nothing_is_done(bench):
    """There is nothing to bring up to date; the report asks for a full one."""
    report = bench.events(lambda *_, **__: pytest.fail("upstream was asked"), named("ann"))
    assert (report.status, report.reconcile) == ("partial", "it was never synced as a whole")
    assert "read again as a whole" in str(report)
    assert bench.state.generation == 0


# Absence


def test_nothing_is_removed_under_another_scope(bench):
    """It may be out of sight; what is told is brought up to date, and a full sync is wanted."""
    bench.sync(snapshot(crowd(5), departments=TREE, tags={"tag:1": ["m001"]}))
    told = snapshot([member("m000", "1", name="New")], departments=depts(d1=None), scope="narrow")
    report = bench.events(told, named("m000", "m001", depts=["2"], roles=["tag:1"]))
    assert (report.status, report.reconcile) == ("partial", "what the app may see has changed")
    assert set(report.incomplete) == {
        f"{kind}: 1 left as they are, because what the app may see has changed"
        for kind in (DEPARTMENTS, MEMBERS, "roles")
    }
    assert bench.state.members["m000"].name == "New"
    assert bench.state.members["m001"].status == 1
    assert bench.state.members["m001"].presence == "listed"
    assert {"2", "3"} <= set(bench.state.departments)
    assert len(bench.state.grants) == 1
    assert bench.state.header.scopeDigest == "all"


def test_an_unconfirmed_record_is_left_as_it_is(bench):
    """Of whatever kind; a refused call says nothing."""
    bench.sync(snapshot(crowd(5), departments=TREE, tags={"tag:1": ["m001"]}))
    before = bench.state
    targets = named("m001", depts=["2"], roles=["tag:1"])
    report = bench.events(
        lambda asked, *, progress: only(snapshot(departments=()), asked, unconfirmed=frozenset({"m001", "2", "tag:1"})),
        targets,
    )
    assert (report.status, report.reconcile) == ("partial", "not every record could be read")
    assert shape(bench.state) == shape(before)
    assert runs(bench)[-1].incomplete == [
        f"{kind}: 1 left as they are, because upstream could not tell" for kind in (DEPARTMENTS, MEMBERS, "roles")
    ]


def test_a_reading_that_was_not_completed_removes_nothing(bench):
    """As a full one would not."""
    bench.sync(snapshot(crowd(5)))
    told = snapshot([member("m000", "1", name="New")], complete=False)
    report = bench.events(told, named("m000", "m001"))
    assert (report.status, report.reconcile) == ("partial", "not every record could be read")
    assert "not every record could be read" in report.incomplete
    assert (bench.state.members["m000"].name, bench.state.members["m001"].status) == ("New", 1)


def test_a_scope_that_changes_between_two_readings_is_another_one(bench):
    """What was asked for later is no better known than what was asked for first."""
    bench.sync(snapshot(crowd(5)))
    scopes = iter(["all", "narrow"])

    def fetch(targets, *, progress):
        return only(snapshot([member("new", "7")], scope=next(scopes)), targets)

    assert bench.events(fetch, named("new", "m001")).reconcile == "what the app may see has changed"
    assert bench.state.members["m001"].status == 1


def test_the_guard_counts_the_whole_corp(bench):
    """Four of forty may go at once, five may not; additions pass."""
    bench.sync(snapshot(crowd(40), tags={"tag:1": ["m001"]}))
    told = snapshot([*crowd(35), member("new", "1")], tags={"tag:1": ["m001"]})
    report = bench.events(told, named("new", *(f"m{number:03}" for number in range(35, 40))))
    assert report.status == "guarded"
    (withheld,) = report.withheld
    assert (withheld.kind, withheld.count, withheld.limit, withheld.active) == (MEMBERS, 5, 4, 40)
    assert bench.state.members["m036"].status == 1
    assert bench.state.members["new"].status == 1
    assert runs(bench)[-1].status == "guarded"
    allowed = bench.events(told, named(*(f"m{number:03}" for number in range(36, 40))))
    assert (allowed.status, allowed.counts[MEMBERS]["removed"]) == ("ok", 4)


def test_the_guard_leaves_nobody_out_of_the_last_ones(bench):
    """The last member may not go on an ordinary day, nor may all memberships."""
    bench.sync(snapshot(crowd(2)))
    report = bench.events(snapshot(), named("m000", "m001"))
    assert report.withheld[0].kind == MEMBERS
    report = bench.events(snapshot([member("m000"), member("m001")]), named("m000", "m001"))
    assert report.withheld[0].kind == MEMBERSHIPS
    assert len(bench.state.memberships) == 2


def test_the_guard_counts_grants_and_memberships_of_the_whole_corp(bench):
    """A tag that loses ten of twenty is held back; of two hundred, not."""
    many = [f"m{number:03}" for number in range(200)]
    bench.sync(snapshot(crowd(200), tags={"tag:1": many[:20]}))
    told = snapshot(crowd(200), tags={"tag:1": many[:10]})
    assert bench.events(told, named(roles=["tag:1"])).withheld[0].kind == GRANTS
    bench.sync(snapshot(crowd(200), tags={"tag:1": many[:20], "tag:2": many}))
    assert bench.events(told, named(roles=["tag:1"])).status == "ok"


def test_more_than_the_guard_ever_lets_through_is_counted_exactly(bench, monkeypatch):
    """The report names the real number."""
    monkeypatch.setattr("jit_corps.plan.CEILING", 2)
    monkeypatch.setattr("jit_corps.guard.CEILING", 2)
    bench.sync(snapshot(crowd(60)))
    report = bench.events(snapshot(crowd(57)), named("m057", "m058", "m059"))
    assert (report.withheld[0].active, report.withheld[0].limit) == (60, 2)


def test_who_is_out_of_sight_is_not_taken_for_gone(bench):
    """Upstream's "no such member" also means outside the range."""
    bench.sync(snapshot([*crowd(2, "2"), member("far", "1")], departments=TREE, scope="wide"))
    narrow = snapshot(crowd(2, "2"), departments=depts(d2="1", d3="2"), scope="narrow", hasRoot=False)
    bench.sync(narrow)
    report = bench.events(narrow, named("far"))
    assert (report.status, report.changes) == ("ok", 0)
    assert (bench.state.members["far"].status, bench.state.members["far"].presence) == (1, "invisible")


# What people decided, and who else publishes


def test_what_a_person_decided_stays(bench):
    """An event undoes neither an offline nor a role."""
    bench.sync(snapshot(crowd(5)))
    set_offline(bench.storage, CORP, ["m001"], offline=True)
    set_roles(bench.storage, CORP, "m001", ["admin"], strict=False)
    bench.events(snapshot([member("m001", "1", name="New")]), named("m001"))
    row = bench.state.members["m001"]
    assert (row.name, row.status, row.reason) == ("New", 2, "manual")
    assert GrantRow("admin", "m001", "manual") in bench.state.grants


def test_an_edit_between_planning_and_publishing_stands(bench, open_bench, monkeypatch):
    """The run plans again."""
    bench.sync(snapshot(crowd(5)))
    other = open_bench()
    from jit_corps import targeted_sync

    publish, turns = targeted_sync.publish_records, []

    def late(*arguments):
        if not turns:
            turns.append(set_offline(other.storage, CORP, ["m001"], offline=True))
        return publish(*arguments)

    monkeypatch.setattr(targeted_sync, "publish_records", late)
    bench.events(snapshot([member("m001", "1", name="New")]), named("m001"))
    row = bench.state.members["m001"]
    assert (row.name, row.reason) == ("New", "manual")


# Failures


def test_a_failing_reading_changes_nothing_and_leaves_a_row(bench):
    """The caller tries again or gives up; the cause is there."""
    bench.sync(snapshot(crowd(5)))

    def fetch(targets, *, progress):
        raise ValueError("https://example.com/?access_token=SECRET")

    with pytest.raises(SyncFailed) as caught:
        bench.events(fetch, named("m001"))
    row = runs(bench)[-1]
    assert (row.runId, row.action, row.status, row.cause) == (caught.value.runId, "events", "failed", "ValueError")
    assert "SECRET" not in str(caught.value)


def test_an_interrupt_goes_its_way(bench):
    """And leaves a row."""
    bench.sync(snapshot(crowd(5)))

    def fetch(targets, *, progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.events(fetch, named("m001"))
    assert runs(bench)[-1].cause == "KeyboardInterrupt"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda targets: None,
        lambda targets: snapshot(crowd(5)),
        lambda targets: only(snapshot(crowd(5)), named("m002")),
        lambda targets: replace(only(snapshot(crowd(5)), targets), corpId="another"),
    ],
    ids=["nothing", "everything", "others", "another corp"],
)
def test_an_answer_to_another_question_is_refused(bench, wrong):
    """Else what was not told would count as gone."""
    bench.sync(snapshot(crowd(5)))
    with pytest.raises(SyncFailed) as caught:
        bench.events(lambda targets, *, progress: wrong(targets), named("m001"))
    assert isinstance(caught.value.__cause__, CorpError)
    assert bench.state.generation == 1


def test_a_full_reading_that_tells_single_records_is_refused(bench):
    """It would be taken for everything."""
    with pytest.raises(SyncFailed):
        bench.sync(only(snapshot(crowd(5)), named("m001")))


def test_a_provider_that_reads_all_or_nothing_says_so(bench):
    """The caller then reads everything."""
    bench.sync(snapshot(crowd(5)))

    def fetch(targets, *, progress):
        raise TargetsUnsupported(CORP)

    with pytest.raises(TargetsUnsupported):
        bench.events(fetch, named("m001"))
    assert len(runs(bench)) == 1


# The element's methods


def test_the_element_syncs_single_records(shop):
    """The same engine under the public method."""
    shop.upstream = snapshot(crowd(5))
    shop.syncCorp()
    shop.records = snapshot([member("m001", "1", name="New")])
    assert shop.sync_targets(named("m001")).changes == 1
    assert shop.getMember("m001").name == "New"


def test_the_element_reads_everything_when_its_provider_cannot_do_less(shop):
    """The result is the same."""
    shop.upstream = snapshot(crowd(5))
    shop.syncCorp()
    shop.upstream = snapshot([*crowd(4), member("m004", "1", name="New")])
    assert shop.sync_targets(named("m004")).changes == 1
    assert shop.getMember("m004").name == "New"


def test_targets_unite(bench):
    """What two events name is read at once."""
    one = named("ann", depts=["2"]) | named("bo", roles=["tag:1"], bo="cy")
    assert one == Targets(
        frozenset({"2"}), frozenset({"ann", "bo", "cy"}), frozenset({"tag:1"}), frozenset({("bo", "cy")})
    )
    assert one
    assert not Targets()


def test_explicit_grants_of_departments_follow_their_role(bench):
    """A provider that tells holders one by one may go on doing so."""
    told = snapshot(crowd(5), roles=(RoleRecord("tag:1"),), grants=(GrantRecord("m001", "tag:1", "dept"),))
    bench.sync(told)
    bench.events(replace(told, grants=(GrantRecord("m002", "tag:1", "dept"),)), named(roles=["tag:1"]))
    assert bench.state.grants == {GrantRow("tag:1", "m002", "dept")}
    bench.events(replace(told, members=members("m002", dept="9")), named("m002"))
    assert bench.state.grants == {GrantRow("tag:1", "m002", "dept")}


# What it costs


def test_one_member_of_ten_thousand_takes_a_handful_of_statements(bench):
    """The same whether the member changes, moves, leaves or joins; nothing depends on the size of the corp."""
    departments = (DeptRecord("1", "Shop"), *(DeptRecord(str(at), f"D{at}", "1") for at in range(2, 200)))
    people = tuple(member(f"m{at:05}", str(at % 199 + 1)) for at in range(10_000))
    roles = (RoleRecord("tag:1", "Cooks", ("2", "3")), RoleRecord("tag:2", "Waiters"))
    bench.sync(snapshot(people, departments=departments, roles=roles))
    told = {"m00000": member("m00000", "1", name="New"), "m00001": member("m00001", "5"), "joins": member("joins", "3")}
    for memberId in ("m00000", "m00001", "m00002", "joins"):
        one = [told[memberId]] if memberId in told else []
        with bench.storage.counting() as count:
            report = bench.events(snapshot(one, departments=departments, roles=roles), named(memberId))
        assert report.changes > 0
        assert count.total <= 26
        assert count.writes <= 8


def test_who_comes_back_by_an_event_may_have_roles_that_nobody_told(bench):
    """Roles from upstream went with the absence, and a member's record does not name them."""
    full = snapshot(crowd(20), tags={"tag:1": ["m004"]})
    bench.sync(full)
    bench.events(snapshot(crowd(4)), named("m004"))
    report = bench.events(full, named("m004"))
    assert bench.state.members["m004"].status == 1
    assert (report.status, report.reconcile) == (
        "partial",
        "somebody is back, and nobody said which roles they have upstream",
    )
    bench.events(snapshot(crowd(4)), named("m004"))
    assert bench.events(full, named("m004", roles=["tag:1"])).status == "ok"
    assert bench.state.grants == {GrantRow("tag:1", "m004", "tag")}


def test_a_database_that_fails_is_what_the_caller_hears_of(bench, monkeypatch):
    """The row that tells of it cannot be written either."""
    bench.sync(snapshot(crowd(5)))

    def busy(*_):
        raise DatabaseBusy("busy", hint="Try again.")

    monkeypatch.setattr("jit_corps.targeted_sync.add_run", busy)
    monkeypatch.setattr("jit_corps.targeted_sync.publish_records", busy)
    with pytest.raises(SyncFailed, match="busy") as caught:
        bench.events(snapshot([member("m001", "1", name="New")]), named("m001"))
    assert (caught.value.runId, caught.value.hint) == (None, "Try again.")

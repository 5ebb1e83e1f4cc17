"""A saved plan: what is applied is what was reviewed, or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.cli import runs, sync
from jit_corps.errors import (
    EverybodyUnknown,
    PlanApplied,
    PlanExpired,
    PlanFileInvalid,
    PlanMoved,
    PlanStale,
    SyncFailed,
    SyncLocked,
)
from jit_corps.models import ChangeRecord, SyncRun
from jit_corps.plan_document import APPROVAL_SECONDS, SavedPlan, parse, render
from jit_corps.runs import begin_run
from jitcore.errors import ArgumentError
from tests.jit_corps.conftest import APP_FILES, Clock
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, depts, member, members, named, snapshot
from tests.jit_corps.strategies import snapshots

OLD = snapshot(crowd(20), tags={"tag:1": ["m000"]})
NEW = snapshot(
    [*crowd(19)[1:], member("m000", "2", name="Zoe"), member("new", "2")], departments=depts(d1=None, d2="1")
)
SHRUNK = snapshot(crowd(10))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "plan.json"


@pytest.fixture
def shop(shop, clock):
    """The organisation with twenty members, and news upstream."""
    shop.clock = clock
    shop.upstream = OLD
    shop.syncCorp()
    shop.upstream = NEW
    return shop


def held(corp: Any) -> Any:
    """Everything that is kept of the organisation, its history included."""
    storage = corp.app.storage
    change = storage.models[ChangeRecord]
    return corp.at(generation=generation(corp)).as_dict(), list(change.select().order_by(change.changeId).tuples())


def generation(corp: Any) -> int:
    state = corp.app.storage.models.CorpState
    return state.get_by_id(CORP).generation


# What is saved


def test_planning_writes_nothing(shop, file):
    """Not one statement that could: nothing reaches the database but reads."""
    seen = []

    def trap(phase: str, statement: Any) -> None:
        seen.append(statement.verb)
        assert statement.kind != "write", statement.sql
        assert "IMMEDIATE" not in statement.sql

    before = held(shop)
    storage = shop.app.storage
    total = storage.database.connection().total_changes
    with storage.on_statement(trap):
        shop.plan()
        shop.save_plan(file, approve=5)
    assert seen.count("SELECT") > 5
    assert storage.database.connection().total_changes == total
    assert held(shop) == before


def test_the_file_says_what_it_is_for(shop, file):
    """Organisation, base, digest, scope, counts, and every change with what was there before."""
    plan = shop.save_plan(file, approve=7)
    told = json.loads(file.read_text("utf-8"))
    assert (told["corpFullName"], told["corpId"], told["base"], told["digest"]) == (CORP, CORP_ID, 1, plan.digest)
    assert told["scope"] == {"digest": "all", "summary": "scope all"}
    assert (told["made"], told["approve"], told["expires"]) == ("2023-11-14T22:13:20Z", 7, "2023-11-15T22:13:20Z")
    assert told["counts"]["members"] == {"added": 1, "updated": 1, "removed": 1}
    by_key = {(one["kind"], *one["key"]): one for one in told["changes"]}
    renamed, left = by_key["members", "m000"], by_key["members", "m019"]
    assert (renamed["before"], renamed["after"]) == ({"name": "M000"}, {"name": "Zoe"})
    assert (left["action"], left["after"]["reason"], left["before"]["reason"]) == ("remove", "absent", None)
    assert by_key["memberships", "2", "new"] == {
        "action": "add",
        "kind": "memberships",
        "key": ["2", "new"],
        "before": None,
        "after": {"order": 0, "isLeader": False},
    }


def test_each_change_is_a_line(shop, file):
    """Two plans can be compared with any tool for texts."""
    plan = shop.save_plan(file)
    lines = file.read_text("utf-8").splitlines()
    assert sum('"action"' in line for line in lines) == len(plan)
    before = lines
    shop.upstream = replace(NEW, members=NEW.members[:-1])
    shop.clock.pass_(60)
    shop.save_plan(file)
    gone = [line for line in before if line not in file.read_text("utf-8").splitlines()]
    assert sum('"action"' in line for line in gone) == 2


def test_it_holds_nothing_private(shop, file):
    """Neither numbers nor addresses, however the provider told them."""
    canary = {"mobile": "13800000000", "email": "canary@example.test", "telephone": "0755-canary"}
    shop.upstream = snapshot([*crowd(20), member("new", "1", **canary)])
    shop.save_plan(file)
    assert not [text for text in canary.values() if text in file.read_text("utf-8")]


def test_a_file_that_cannot_be_written_is_told_as_such(shop, tmp_path):
    """With the reason."""
    with pytest.raises(ArgumentError, match=r"nowhere/plan.json cannot be written: No such file"):
        shop.save_plan(tmp_path / "nowhere" / "plan.json")


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(snapshots, st.none() | st.integers(0, 9))
def test_what_is_saved_is_read_again(bench, told, approve):
    """Whatever the plan holds, and whatever characters are in it."""
    plan = bench.plan(replace(told, corpName='"\n\u2028\\ 店'))
    saved = SavedPlan.of(plan, CORP_ID, approve, 1_700_000_000.0)
    assert parse(render(saved), CORP) == saved
    saved.check_equal(plan, CORP_ID, None)


# What is applied


def test_exactly_the_saved_changes_are_applied(shop, file):
    """Change by change, in one run that says so."""
    shop.save_plan(file)
    saved = json.loads(file.read_text("utf-8"))
    report = shop.apply_plan(file)
    assert (report.status, report.generation) == ("ok", 2)
    change = shop.app.storage.models[ChangeRecord]
    done = change.select().where(change.runId == report.runId).order_by(change.changeId)
    assert [(row.kind, row.key, row.action) for row in done] == [
        (one["kind"], one["key"], one["action"]) for one in saved["changes"]
    ]
    assert shop.syncCorp().changes == 0
    row = shop.app.storage.models[SyncRun].get_by_id(report.runId)
    assert (row.action, row.digest) == ("sync", saved["seal"])


def test_what_is_withheld_is_a_part_of_the_plan(shop, file):
    """It is applied as it is: with its removals withheld."""
    shop.upstream = SHRUNK
    plan = shop.save_plan(file)
    assert json.loads(file.read_text("utf-8"))["withheld"][0]["count"] == 10
    report = shop.apply_plan(file)
    assert (report.status, report.withheld) == ("guarded", plan.withheld)
    assert len(shop.getMembers("active")) == 20


def test_the_approval_is_a_part_of_the_plan(shop, file):
    """Who applies it need not approve again, and not more goes than was looked at."""
    shop.upstream = SHRUNK
    shop.save_plan(file, approve=10)
    assert shop.apply_plan(file).counts["members"]["removed"] == 10
    assert len(shop.getMembers("active")) == 10


def refused(shop: Any, file: Any, error: type[Exception]) -> Any:
    """The refusal; nothing was changed by it."""
    before = held(shop)
    with pytest.raises(error) as caught:
        shop.apply_plan(file)
    assert held(shop) == before
    return caught.value


def test_a_plan_is_applied_once(shop, file):
    """The second time names the first, whether it changed anything or not."""
    shop.save_plan(file)
    runId = shop.apply_plan(file).runId
    assert refused(shop, file, PlanApplied).runId == runId
    shop.save_plan(file)
    shop.clock.pass_(1)
    runId = shop.apply_plan(file).runId
    assert refused(shop, file, PlanApplied).runId == runId
    shop.clock.pass_(1)
    assert shop.save_plan(file).empty
    assert shop.apply_plan(file).changes == 0


@pytest.mark.parametrize("move", ["sync", "edit"])
def test_a_plan_for_an_organisation_that_moved_is_refused(shop, file, move):
    """Without asking upstream, whoever moved it."""
    shop.save_plan(file)
    if move == "sync":
        shop.upstream = snapshot([*crowd(20), member("other", "1")])
        shop.syncCorp()
    else:
        shop.setUserRole("m005", ["admin"])
    shop.asked = None
    error = refused(shop, file, PlanStale)
    assert (error.planned, error.found, shop.asked) == (1, 2, None)


def test_an_organisation_that_moves_while_upstream_is_read_is_noticed(shop, file):
    """Somebody edits it in these minutes."""
    shop.save_plan(file)

    def upstream(known, *, confirm, progress):
        if generation(shop) == 1:
            shop.setUserRole("m005", ["admin"])
        return NEW

    shop.upstream = upstream
    with pytest.raises(PlanStale):
        shop.apply_plan(file)
    assert generation(shop) == 2
    assert "new" not in {one.memberId for one in shop.getMembers()}


MOVES = {
    "one more": (replace(NEW, members=(*NEW.members, member("late", "1"))), "new: add members late"),
    "one less": (replace(NEW, members=NEW.members[:-1]), "gone: add members new"),
    "another name": (
        replace(NEW, members=(*NEW.members[:-1], member("new", "2", name="Other"))),
        "changed: add members new",
    ),
    "another scope": (replace(NEW, scope=replace(NEW.scope, digest="narrow")), "what the app may see is another"),
    "less told": (replace(NEW, incomplete=("grants: no right",)), "what upstream tells only in part is another"),
    "recovered": (OLD, "gone: add members new"),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_plan_that_upstream_moved_away_from_is_refused(shop, file, move):
    """However little it moved; the error says what is another, and the list of runs that it was so."""
    shop.save_plan(file)
    shop.upstream, difference = MOVES[move]
    error = refused(shop, file, PlanMoved)
    assert difference in error.differences
    assert "m0" not in str(error)
    row = shop.app.storage.models[SyncRun].get_by_id(error.runId)
    assert (row.status, row.cause.partition(":")[0], row.digest) == ("failed", "plan-moved", None)


def test_more_that_would_be_withheld_is_a_move_too(shop, file):
    """No change differs, but what was reviewed is not what is there."""
    shop.upstream = SHRUNK
    shop.save_plan(file)
    shop.upstream = snapshot(crowd(9))
    assert "what the guard withholds is another" in refused(shop, file, PlanMoved).differences


def test_an_approval_ends_after_a_day(shop, file, clock):
    """Also when it ends while upstream is read; a plan without one holds as long as nothing moves."""
    shop.upstream = SHRUNK
    shop.save_plan(file, approve=10)
    clock.pass_(APPROVAL_SECONDS - 1)

    def slow(known, *, confirm, progress):
        clock.pass_(2)
        return SHRUNK

    shop.upstream = slow
    refused(shop, file, PlanExpired)
    shop.asked = None
    assert refused(shop, file, PlanExpired).expires == "2023-11-15T22:13:20Z"
    assert shop.asked is None
    shop.upstream = NEW
    shop.save_plan(file)
    clock.pass_(30 * 24 * 3600)
    assert shop.apply_plan(file).status == "ok"


EDITS = {
    "a name": lambda text: text.replace("Zoe", "Eve"),
    "a change": lambda text: "".join(line for line in text.splitlines(True) if '"m019"' not in line),
    "the ceiling": lambda text: text.replace('"approve": 5', '"approve": 500'),
    "the end": lambda text: text.replace("2023-11-15", "2099-11-15"),
    "a second key": lambda text: text.replace('  "base"', '  "base": 1,\n  "base"'),
    "a space": lambda text: text.replace('"base": 1', '"base":  1'),
    "the seal": lambda text: text.replace('"seal": "', '"seal": "0'),
    "no seal": lambda text: text.replace('"seal"', '"was"'),
    "cut off": lambda text: text[: len(text) // 2],
    "no object": lambda text: "[]",
    "nothing": lambda text: "",
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_is_refused(shop, file, edit):
    """Whatever was edited; upstream is not even asked."""
    shop.save_plan(file, approve=5)
    text = file.read_text("utf-8")
    assert EDITS[edit](text) != text
    file.write_text(EDITS[edit](text), "utf-8")
    shop.asked = None
    refused(shop, file, PlanFileInvalid)
    assert shop.asked is None


@pytest.mark.parametrize(
    "forged",
    [
        {"base": "1"},
        {"approve": True},
        {"approve": -1},
        {"expires": 7},
        {"expires": "soon"},
        {"expires": None},
        {"changes": None},
    ],
)
def test_a_file_with_a_seal_of_its_own_is_refused_for_its_shape(shop, file, forged):
    """Who can make a seal can make a wrong file."""
    shop.save_plan(file, approve=5)
    content = dict(parse(file.read_text("utf-8"), CORP).content) | forged
    file.write_text(sealed(content), "utf-8")
    refused(shop, file, PlanFileInvalid)


def test_a_file_with_a_seal_of_its_own_does_nothing_of_its_own(shop, file):
    """What is applied is planned anew, and the file has to say the same."""
    shop.save_plan(file, approve=5)
    content = json.loads(json.dumps(parse(file.read_text("utf-8"), CORP).content))
    content["changes"] = [one for one in content["changes"] if one["key"] != ["m019"]]
    file.write_text(sealed(content), "utf-8")
    assert refused(shop, file, PlanMoved).differences == ("new: remove members m019",)


def sealed(content: dict[str, Any]) -> str:
    from jit_corps.plan_document import _seal

    return render(SavedPlan(content, _seal(content)))


def test_a_plan_for_another_organisation_is_refused(shop, file, tmp_path):
    """As are one of another version, and what is no file."""
    shop.save_plan(file)
    text = file.read_text("utf-8")
    with pytest.raises(PlanFileInvalid, match=r"a plan for corps\.Shop"):
        parse(text, "corps.Other")
    with pytest.raises(PlanFileInvalid, match="another version"):
        parse(text.replace("jitcore plan 1", "jitcore plan 2"), CORP)
    assert "No such file" in refused(shop, tmp_path / "nothing", PlanFileInvalid).why
    file.write_bytes(b"\xff\xfe")
    assert "no text" in refused(shop, file, PlanFileInvalid).why


def test_upstream_that_cannot_be_read_changes_nothing(shop, file):
    """The plan can be applied afterwards."""
    shop.save_plan(file)
    shop.upstream = RuntimeError("no network")
    refused(shop, file, SyncFailed)
    shop.upstream = NEW
    assert shop.apply_plan(file).status == "ok"


def test_it_waits_for_nobody(shop, file, clock):
    """While another run is under way it is refused like any sync."""
    shop.save_plan(file)
    begin_run(shop.app.storage, CORP, "sync", clock())
    refused(shop, file, SyncLocked)


@settings(max_examples=settings.default.max_examples // 2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(snapshots, snapshots, snapshots, st.none() | st.integers(0, 9))
def test_applying_does_what_was_saved_or_nothing(open_app, tmp_path, first, then, now, approve):
    """For any organisation and whatever upstream says by then."""
    app = open_app(APP_FILES, name="random")
    corp = app.getElement(CORP)
    corp.clock = Clock()
    corp.erase()
    corp.upstream = first
    corp.syncCorp()
    try:
        corp.upstream = then
        plan = corp.save_plan(tmp_path / "plan.json", approve)
        corp.upstream = now
        again = corp.plan(approve)
    except EverybodyUnknown:
        # Then there is no plan to save or to compare.
        return
    before = held(corp)
    try:
        report = corp.apply_plan(tmp_path / "plan.json")
    except PlanMoved:
        assert held(corp) == before
    else:
        assert (again.digest, again.withheld) == (plan.digest, plan.withheld)
        assert report.counts == plan.counts


# The command line


@pytest.fixture
def jit(shop_app):
    def run(*words: str, command: Any = sync) -> Any:
        return CliRunner().invoke(command, [CORP, *words], obj=lambda: shop_app, standalone_mode=False)

    return run


def test_sync_plan_shows_a_diff(shop, jit):
    """Removals first; what changes with its values before and after."""
    lines = jit("--plan").stdout.splitlines()
    assert lines[0].startswith("corps.Shop: departments +1")
    assert lines[1:3] == [
        "  - members m019  status: active → offline, reason: - → absent, upstreamReason: - → absent,"
        " presence: listed → absent",
        "  - memberships 1 / m000",
    ]
    assert "  + members new  New" in lines
    assert "  ~ members m000  name: M000 → Zoe" in lines


def test_sync_plan_ends_after_fifty_lines(shop, jit):
    """The rest is in the file."""
    shop.upstream = snapshot(crowd(200))
    last = jit("--plan").stdout.splitlines()[-1]
    assert last.startswith("  … and 31")
    assert "--save FILE" in last


def test_sync_saves_and_applies(shop, jit, file):
    """The line at the end is the command to do it with."""
    done = jit("--save", str(file))
    assert done.return_value == 0
    assert done.stdout.splitlines()[-1] == f"saved; to do exactly this: jit sync corps.Shop --apply {file}"
    assert generation(shop) == 1
    assert "corps.Shop: ok" in jit("--apply", str(file)).stdout
    assert "applied a saved plan" in jit(command=runs).stdout
    again = jit("--apply", str(file))
    assert again.return_value == 1
    assert again.stderr.splitlines() == [
        "error[plan-applied]: The plan for corps.Shop was applied before, by run 2; nothing was changed."
        " Plan again, if there is more to do."
    ]


def test_sync_says_what_moved(shop, jit, file):
    """For people and for programs."""
    jit("--plan", "--save", str(file), "--json")
    shop.upstream = MOVES["one more"][0]
    done = jit("--apply", str(file))
    assert done.return_value == 1
    assert "  new: add members late" in done.stderr.splitlines()
    (result,) = json.loads(jit("--apply", str(file), "--json").stdout)
    assert (result["status"], result["code"]) == ("failed", "plan-moved")
    assert "new: add members late" in result["differences"]


@pytest.mark.parametrize(
    "words",
    [
        ["corps.Other", "--save", "f"],
        ["--apply", "f", "--plan"],
        ["--apply", "f", "--approve", "3"],
        ["--apply", "f", "--save", "g"],
    ],
)
def test_options_that_contradict_each_other_are_refused(shop, jit, words):
    """One organisation, and what the file says."""
    assert "--" in str(jit(*words).exception)
    assert jit(*words).exception.exit_code == 2


def test_single_records_between_saving_and_applying_are_a_move(bench):
    """What events changed was not reviewed."""
    bench.sync(snapshot(members("ann", "bo")))
    told = snapshot([member("ann", "1", name="Anna"), *members("bo")])
    saved = SavedPlan.of(bench.plan(told), CORP_ID, None, 0.0)
    bench.events(told, named("ann"))
    with pytest.raises(PlanStale):
        saved.check_equal(bench.plan(told), CORP_ID, None)

"""Why a member is as they are: which rule, which run or person, and what is withheld or doubted now."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

from jit_corps.cli import explain_member as command
from jit_corps.cli import runs
from jit_corps.corpdata import CorpData
from jit_corps.edits import set_offline, set_pins, set_roles
from jit_corps.errors import MemberNotFound
from jit_corps.explain_member import explain_member
from jit_corps.explanation import MemberExplanation, Origin, lines
from jit_corps.models import ChangeRecord, SyncRun
from jit_corps.runs import KEPT_KEYS
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, crowd, depts, member, members, named, snapshot
from tests.jit_corps.test_org_at import happen, numbers, stories

TREE = depts(d1=None, d2="1", d3="2")


def explained(bench: Bench, memberId: str = "ann") -> MemberExplanation:
    return explain_member(bench.storage, bench.engine.corpFullName, memberId)


def rules(told: MemberExplanation) -> dict[Any, tuple[str, Any]]:
    """Each fact's rule, and who made it so."""
    return {
        key(fact): (fact.rule, None if fact.origin is None else (fact.origin.by, fact.origin.runId))
        for fact in told.facts
    }


def key(fact: Any) -> Any:
    if fact.what == "membership":
        return fact.value["deptId"]
    return (fact.value["roleId"], fact.value["origin"]) if fact.what == "role" else fact.what


def test_a_listed_member_is_what_upstream_says(bench):
    """Since the first run, whatever other fields changed later."""
    bench.sync(snapshot([member("ann", "1")]))
    bench.sync(snapshot([member("ann", "1", name="Anna")]))
    told = explained(bench)
    assert (told.name, told.status, told.presence, told.generation) == ("Anna", "active", "listed", 2)
    assert rules(told) == {
        "status": ("upstream-says", ("sync", 1)),
        "presence": ("listed", ("sync", 1)),
        "1": ("upstream-says", ("sync", 1)),
    }
    assert told.facts[0].origin.at == "2023-11-14T22:13:20Z"
    assert told.notices == ()


def test_each_fact_has_the_run_that_made_it(bench):
    """Places and roles come one after another."""
    bo, tags = member("bo", "1"), {"tag:1": ["ann"]}
    bench.sync(snapshot([bo, member("ann", "1")], departments=TREE))
    bench.sync(snapshot([bo, member("ann", "1", "3")], departments=TREE))
    bench.events(snapshot([bo, member("ann", "1", "3")], tags=tags), named(roles=["tag:1"]))
    bench.sync(snapshot([bo, member("ann", "1", "3", active=False)], tags=tags, departments=TREE))
    assert rules(explained(bench)) == {
        "status": ("upstream-says", ("sync", 4)),
        "presence": ("listed", ("sync", 1)),
        "1": ("upstream-says", ("sync", 1)),
        "3": ("upstream-says", ("sync", 2)),
        ("tag:1", "tag"): ("upstream-says", ("events", 3)),
    }
    assert explained(bench).facts[0].why == "upstream lists them as disabled"


def test_what_people_decided_is_told_as_theirs(bench, clock):
    """Between which runs it was; that upstream agrees is told as well."""
    bench.sync(snapshot(members("ann", "bo")))
    clock.pass_(60)
    set_offline(bench.storage, CORP, ["ann"], offline=True)
    set_roles(bench.storage, CORP, "ann", ["admin"], strict=False)
    clock.pass_(60)
    told = explained(bench)
    assert told.facts[0].origin == Origin(2, "person", after="run 1, 2023-11-14T22:13:20Z")
    assert (told.reason, told.facts[0].rule) == ("manual", "manual-offline")
    assert rules(told)["admin", "manual"] == ("manual-role", ("person", None))
    bench.sync(snapshot([member("ann", "1", active=False), *members("bo")]))
    told = explained(bench)
    assert told.facts[0].origin.before == "run 2, 2023-11-14T22:15:20Z"
    assert "upstream says so as well (disabled)" in told.facts[0].why
    set_offline(bench.storage, CORP, ["ann"], offline=False)
    assert rules(explained(bench))["status"] == ("upstream-says", ("sync", 2))


def test_a_role_of_departments_says_through_which(bench):
    """Where the member is, and which department the role stands for."""
    role = replace(snapshot(tags={"tag:1": []}).roles[0], deptIds=("2",))
    bench.sync(snapshot([member("ann", "3", "1")], departments=TREE, roles=(role,)))
    (fact,) = [one for one in explained(bench).facts if one.what == "role"]
    assert fact.rule == "role-of-department"
    assert fact.why.endswith("the member is in department 3 in or below 2")


def test_who_left_is_told_by_who_found_it_out(bench, shop):
    """A full reading, an event, or a dictionary."""
    bench.sync(snapshot(members("ann", "bo", "cy")))
    bench.sync(snapshot(members("bo", "cy")))
    told = explained(bench)
    assert (told.status, told.reason, told.facts[0].rule) == ("offline", "absent", "not-listed")
    assert "second look" in told.facts[0].why
    assert [fact.what for fact in told.facts] == ["status", "presence"]
    bench.events(snapshot(members("cy")), named("bo"))
    told = explained(bench, "bo")
    assert rules(told)["status"] == ("gone", ("events", 3))
    (notice,) = told.notices
    assert notice.rule == "read-singly"
    assert notice.text.endswith("2023-11-14T22:13:20Z: gone, and no older reading brings them back")
    shop.upstream = snapshot(members("ann", "bo"))
    shop.syncCorp()
    shop.bulkRegister(CorpData.from_snapshot(snapshot(members("bo"))))
    assert "bulkRegister" in shop.explain_member("ann").facts[0].why


def test_somebody_out_of_sight_is_kept(bench):
    """With what they had; the notice says why."""
    bench.sync(snapshot(members("ann", "bo"), scope="wide"))
    bench.sync(snapshot(members("bo"), scope="narrow", hasRoot=False))
    told = explained(bench)
    assert (told.status, told.presence) == ("active", "invisible")
    assert rules(told) == {
        "status": ("out-of-scope", ("sync", 1)),
        "presence": ("out-of-scope", ("sync", 2)),
        "1": ("kept-with-member", ("sync", 1)),
    }
    assert [notice.rule for notice in told.notices] == ["invisible"]


def test_somebody_whose_absence_nobody_confirmed_is_kept(bench):
    """Until upstream can tell."""
    bench.sync(snapshot(members("ann", "bo")))
    bench.sync(snapshot(members("bo"), unconfirmed=frozenset({"ann"})))
    told = explained(bench)
    assert rules(told)["presence"] == ("kept-unconfirmed", ("sync", 2))
    assert [notice.rule for notice in told.notices] == ["incomplete", "unconfirmed"]
    bench.sync(snapshot(members("ann", "bo")))
    assert explained(bench).notices == ()


def notices(bench: Bench, memberId: str) -> list[tuple[str, str]]:
    return [(one.rule, one.text) for one in explained(bench, memberId).notices]


def test_what_is_withheld_now_is_told(bench):
    """With the run, how many go with it, and the command that lets them; not once it is over."""
    bench.sync(snapshot(crowd(20)))
    bench.sync(snapshot(crowd(10)))
    ((rule, text),) = notices(bench, "m015")
    assert rule == "withheld"
    assert text.startswith("run 2 (2023-11-14T22:13:20Z): 10 members of 20 would go")
    assert "members m015; jit sync corps.Shop --approve 10 lets them" in text
    assert notices(bench, "m005") == []
    assert explained(bench, "m015").status == "active"
    bench.sync(snapshot(crowd(20)))
    assert notices(bench, "m015") == []


def test_memberships_and_roles_are_withheld_too(bench):
    """Those of this member are named."""
    moved = tuple(one._replace(departments=()) for one in crowd(20)[:10])
    bench.sync(snapshot(crowd(20), tags={"tag:1": [one.memberId for one in crowd(20)]}))
    bench.sync(snapshot([*moved, *crowd(20)[10:]], tags={"tag:1": [one.memberId for one in crowd(20)[10:]]}))
    told = [text for _, text in notices(bench, "m003")]
    assert len(told) == 2
    assert "memberships 1 / m003" in told[0]
    assert "grants tag:1 / m003 / tag" in told[1]
    assert notices(bench, "m015") == []


def test_who_was_read_singly_since_is_not_withheld_any_more(bench, clock):
    """An event settles it for one of them; of the others it stands."""
    bench.sync(snapshot(crowd(20)))
    clock.pass_(10)
    bench.sync(snapshot(crowd(10)))
    clock.pass_(10)
    bench.events(snapshot(crowd(20)), named("m015"))
    assert [rule for rule, _ in notices(bench, "m015")] == ["read-singly"]
    assert [rule for rule, _ in notices(bench, "m016")] == ["withheld"]


def test_what_an_event_would_take_is_withheld_too(bench, clock):
    """Also after the full reading that knew nothing of it."""
    bench.sync(snapshot(crowd(40)))
    clock.pass_(10)
    bench.events(snapshot(crowd(35)), named(*(f"m{n:03}" for n in range(35, 40))))
    assert [rule for rule, _ in notices(bench, "m037")] == ["withheld", "read-singly"]


def test_of_very_many_withheld_ones_not_all_are_kept(bench):
    """Then it says that it cannot say; the list of runs does not print them."""
    count = KEPT_KEYS + 200
    bench.sync(snapshot([*members("ann"), *crowd(count)]))
    bench.sync(snapshot(members("ann")))
    assert "whether this one is among them is not kept" in notices(bench, "ann")[0][1]
    assert explained(bench, "ann").facts[0].rule == "upstream-says"
    assert "this one among them" in notices(bench, "m000")[0][1]
    row = bench.storage.models[SyncRun].get_by_id(2)
    assert len(row.withheld[0]["keys"]) == KEPT_KEYS


def test_a_run_that_failed_since_and_one_that_read_a_part_are_told(bench):
    """Who looks at a state that does not change should know that nothing is read."""

    def fail(known, *, confirm, progress):
        raise RuntimeError

    bench.sync(snapshot(members("ann"), incomplete=("grants: no right",)))
    with pytest.raises(Exception, match="not synced"):
        bench.sync(fail)
    failed, partial = explained(bench).notices
    assert failed.text == "run 2 (2023-11-14T22:13:20Z) failed and changed nothing: RuntimeError"
    assert partial.text == "run 1 (2023-11-14T22:13:20Z) was told only a part: grants: no right"
    bench.sync(snapshot(members("ann")))
    assert explained(bench).notices == ()


def test_a_new_id_is_not_what_made_things_so(bench):
    """The history goes on under the id before; a former id leads to the present one."""
    bench.sync(snapshot(members("ann", "bo"), tags={"tag:1": ["ann"]}))
    set_roles(bench.storage, CORP, "ann", ["admin"], strict=False)
    bench.events(snapshot(members("anna", "bo"), tags={"tag:1": ["anna"]}), named(ann="anna", roles=["tag:1"]))
    told = explained(bench, "anna")
    assert told.formerIds == ("ann",)
    assert rules(told) == {
        "status": ("upstream-says", ("sync", 1)),
        "presence": ("listed", ("sync", 1)),
        "1": ("upstream-says", ("sync", 1)),
        ("admin", "manual"): ("manual-role", ("person", None)),
        ("tag:1", "tag"): ("upstream-says", ("sync", 1)),
    }
    assert [step.key[0] for step in told.history if step.kind == "members"] == ["ann", "anna", "ann"]
    with pytest.raises(MemberNotFound) as caught:
        explained(bench, "ann")
    assert caught.value.possibilities == ("anna",)


def test_an_unknown_member_is_told_as_such(bench, open_bench):
    """With ids that may have been meant; another organisation's members are none of this one."""
    bench.sync(snapshot(members("annabel")))
    open_bench("corps.Other").sync(snapshot(members("ann")))
    with pytest.raises(MemberNotFound) as caught:
        explained(bench, "anabel")
    assert caught.value.possibilities == ("annabel",)
    with pytest.raises(MemberNotFound):
        explained(bench, "ann")


@pytest.mark.parametrize("odd", ["1", "%", '"', "A_N", "店", "a\\b"])
def test_ids_are_looked_up_letter_by_letter(bench, odd):
    """Whatever they look like: as a department, a pattern, or a quotation."""
    bench.sync(snapshot([member(odd, "1"), *members("ann", "a_n", "a%")]))
    told = explained(bench, odd)
    assert {step.key for step in told.history} == {(odd,), ("1", odd)}


def test_without_the_history_the_facts_still_stand(bench):
    """Only what made them is not known."""
    bench.sync(snapshot(members("ann", "bo")))
    bench.storage.models[ChangeRecord].delete().execute()
    told = explained(bench)
    assert [fact.origin for fact in told.facts] == [None] * 3
    assert "    since before the history that is kept" in list(lines(told))
    bench.sync(snapshot([member("ann", "1", active=False), *members("bo")]))
    bench.storage.models[SyncRun].delete().execute()
    assert "not in the list of runs any more" in str(explained(bench).facts[0].origin)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stories)
def test_every_member_can_be_explained(bench, story):
    """Each fact of every member has an origin that published it, and every record of theirs is a fact."""
    own = Bench(bench.storage, bench.clock, f"corps.Story{next(numbers)}")
    for step in story:
        happen(own, step)
    state = own.state
    for memberId, row in state.members.items():
        told = explained(own, memberId)
        assert (told.userId, told.reason, told.generation) == (row.userId, row.reason, state.generation)
        assert all(fact.origin is not None and fact.origin.generation <= state.generation for fact in told.facts)
        assert {one.value["deptId"] for one in told.facts if one.what == "membership"} == {
            deptId for deptId, who in state.memberships if who == memberId
        }
        assert sum(one.what == "role" for one in told.facts) == sum(one.memberId == memberId for one in state.grants)
        assert json.loads(json.dumps(told.as_dict()))
        assert str(told)


def test_it_only_reads(bench):
    """In a few statements, whatever happened."""
    bench.sync(snapshot(crowd(20), tags={"tag:1": ["m001"]}))
    bench.sync(snapshot(crowd(10)))
    with bench.storage.counting() as count:
        explained(bench, "m015")
    assert (count.writes, count.reads <= 12) == (0, True)


# The command line


@pytest.fixture
def jit(shop_app, shop, clock):
    shop.clock = clock
    shop.upstream = snapshot(crowd(20), tags={"tag:1": ["m015"]}, departments=TREE)
    shop.syncCorp()
    shop.setUserRole("m015", ["admin"])
    shop.upstream = snapshot(crowd(10), departments=TREE, tags={"tag:1": ["m015"]})
    shop.syncCorp()

    def run(*words: str, what: Any = command) -> Any:
        return CliRunner().invoke(what, ["corps.Shop", *words], obj=lambda: shop_app, standalone_mode=False)

    return run


def test_explain_member_tells_people(jit):
    """What is so, since when, why; what is pending; what happened."""
    assert jit("m015").stdout.splitlines() == [
        "M015 (m015) of corps.Shop: active, listed; generation 2",
        "  status active: as it was before what the guard withholds",
        "    since run 1 (sync, 2023-11-14T22:13:20Z)",
        "  presence listed: as it was before what the guard withholds",
        "    since run 1 (sync, 2023-11-14T22:13:20Z)",
        "  in department 1: upstream says so",
        "    since run 1 (sync, 2023-11-14T22:13:20Z)",
        "  role admin (manual): a person here gave it, which stays until a person takes it (setUserRole)",
        "    since a person here (after run 1, 2023-11-14T22:13:20Z, before run 2, 2023-11-14T22:13:20Z)",
        "  role tag:1 (tag): upstream gives it to them by name",
        "    since run 1 (sync, 2023-11-14T22:13:20Z)",
        "now:",
        "  withheld: run 2 (2023-11-14T22:13:20Z): 10 members of 20 would go, more than the guard lets; this one among"
        " them: members m015; jit sync corps.Shop --approve 10 lets them, after a look at --plan",
        "history, newest first:",
        "  generation 2, a person here (after run 1, 2023-11-14T22:13:20Z, before run 2, 2023-11-14T22:13:20Z): add"
        " grants admin / m015 / manual",
        "  generation 1, run 1 (sync, 2023-11-14T22:13:20Z): add grants tag:1 / m015 / tag",
        "  generation 1, run 1 (sync, 2023-11-14T22:13:20Z): add memberships 1 / m015",
        "  generation 1, run 1 (sync, 2023-11-14T22:13:20Z): add members m015",
    ]


def test_explain_member_shortens_a_long_history(jit, shop):
    """The newest come first; all of them are in the data."""
    for name in "abcdefghijklmnopqrst":
        shop.upstream = snapshot([*crowd(19), member("m019", "1", name=name)], departments=TREE)
        shop.syncCorp()
    shown = jit("m019").stdout.splitlines()
    assert shown[-1] == "  … and 7 older ones (--json prints them)"
    assert shown[-16].endswith("update members m019: name s → t")
    assert len(json.loads(jit("m019", "--json").stdout)["history"]) == 22


def test_explain_member_tells_programs(jit):
    """Stable words for the rules; the list of runs stays short."""
    told = json.loads(jit("m015", "--json").stdout)
    assert (told["memberId"], told["status"], told["presence"]) == ("m015", "active", "listed")
    assert [fact["rule"] for fact in told["facts"]] == [
        "withheld",
        "withheld",
        "upstream-says",
        "manual-role",
        "upstream-says",
    ]
    assert [notice["rule"] for notice in told["notices"]] == ["withheld"]
    run = json.loads(jit("--json", what=runs).stdout)[0]
    assert run["withheld"] == [{"kind": "members", "count": 10, "limit": 3, "active": 20, "recent": 0}]


def test_explain_member_raises_for_the_root_group(jit):
    """Which shows it without a traceback."""
    assert isinstance(jit("nobody").exception, MemberNotFound)


def test_what_is_pinned_is_told_with_what_is_behind_it(bench):
    """A local name and a protected member: the person's decision, and what upstream says instead."""
    bench.sync(snapshot([*crowd(3), member("ann", "1")]))
    set_pins(bench.storage, CORP, "ann", {"name": "Boss", "status": "active"})
    bench.sync(snapshot([*crowd(3), member("ann", "1", active=False, reason="quit")]))
    told = explained(bench)
    assert (told.status, told.reason) == ("active", None)
    assert rules(told)["status"] == ("pinned-active", ("person", None))
    assert rules(told)["field"] == ("pinned", ("person", None))
    text = str(told)
    assert "(unpinMember); upstream lists them as quit" in text
    assert "name Boss: a person here decided so" in text
    assert "upstream says Ann" in text

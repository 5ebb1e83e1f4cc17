"""What a person set here stays until a person undoes it, and what WeCom owns follows WeCom.

Neither overwrites the other: the tables below say what each combination comes to.
"""

from __future__ import annotations

import itertools
import json
import os
import signal

import pytest

from jit_corps.edits import release_pins, set_offline, set_pins, set_roles
from jit_corps.errors import MemberNotFound, RoleNotFound, SyncFailed
from jit_corps.explain_member import explain_member
from jit_corps.history import replay
from jit_corps.models import CorpDept, User
from jit_corps.pins import FIELDS as FIELD_NAMES
from jit_corps.plan_view import diff
from jit_corps.plugin import jit_models
from jitcore.storage import Storage
from tests.invariants.harness.processes import ended, forked
from tests.invariants.harness.world import content, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, crowd, depts, member, named, snapshot

INJECTED = (
    "every combination of what upstream said, what a person decided and what upstream says now (status: 5 × 2 ×"
    " 5, protected members: 4 × 4 × 5, pinned fields: 5 × 2 × 3 × 4, grants: 8 × 8), the decision taken before, at"
    " every statement of, and after a run; kill -9 at every"
    " statement of setUserRole; a tag on departments, deleted, and beyond the range; a department that"
    " somebody put into the table"
)
ALSO = (
    "tests/jit_corps/test_edits.py::test_manual_roles_survive_syncs",
    "tests/jit_corps/test_edits.py::test_offline_is_kept_through_syncs_until_taken_back",
    "tests/jit_corps/test_cli.py::test_pins_at_a_prompt",
    "tests/jit_corps/test_edits.py::test_with_strict_roles_an_unseen_one_is_an_error",
    "tests/jit_corps/test_concurrency.py::test_a_reader_never_sees_a_member_between_two_sets_of_roles",
    "tests/jit_corps/test_concurrency.py::test_edits_from_many_threads_all_count",
    "tests/jit_corps/test_plan.py::test_a_deleted_tag_that_somebody_has_by_hand_goes_on_as_a_custom_role",
    "tests/jit_qywx/test_reading.py::test_tag_on_a_department_names_the_department",
)
OPEN = (
    "Local-only departments: there are none. The documented contract has no way to make one, ids of departments are"
    " WeCom's, and a row that somebody puts into the table goes with the next sync. Groups of one's own are roles, or a"
    " table of one's own that names members: their rows stay until the enterprise is erased.",
    "Administrators are named by pins, one by one, with pinMember or jit pin-member, not by a business file: which role"
    " makes somebody an administrator only the app knows.",
)

#: What upstream says of somebody: active, disabled, quit, not told, not listed.
TOLD = {
    "active": {"active": True},
    "disabled": {"active": False, "reason": "disabled"},
    "quit": {"active": False, "reason": "quit"},
    "not told": {"active": None},
    "not listed": None,
}
WHENS = ("before", "during", "after")


def upstream(what: str):
    """Somebody, among others who stay as they are."""
    ann = () if TOLD[what] is None else (member("ann", "1", **TOLD[what]),)
    return snapshot([*crowd(12), *ann])


def expected(base: str, now: str, manual: bool) -> tuple[int, str | None]:
    """The table that decides: status and reason."""
    reason = None
    for said in (base, now):
        if said == "active":
            reason = None
        elif said in ("disabled", "quit"):
            reason = said
        elif said == "not listed":
            reason = reason or "absent"
        elif reason == "absent":
            reason = None
    if manual:
        reason = "manual"
    return (2 if reason else 1, reason)


@pytest.mark.parametrize("when", WHENS)
def test_three_ways_of_a_status(bench, share, when):
    """Base, decision and upstream: every combination, with the decision before, during and after the second run."""
    cases = list(itertools.product([one for one in TOLD if one != "not listed"], (True, False), TOLD))
    for number, (base, manual, now) in enumerate(share.of(cases, most=12)):
        mine = Bench(bench.storage, bench.clock, f"corps.{when}{number}")
        name = mine.engine.corpFullName
        mine.sync(upstream(base))

        def decide(name: str = name, manual: bool = manual) -> None:
            set_offline(bench.storage, name, ["ann"], offline=True)
            if not manual:
                set_offline(bench.storage, name, ["ann"], offline=False)

        def fetch(known, *, confirm, progress, now=now, decide=decide):
            told = upstream(now)
            if when == "during":
                decide()
            return told

        if when == "before":
            decide()
        mine.sync(fetch)
        if when == "after":
            decide()
        row = mine.state.members["ann"]
        assert (row.status, row.reason) == expected(base, now, manual), (base, manual, now)
        assert mine.sync(upstream(now)).changes == 0
        set_offline(bench.storage, name, ["ann"], offline=False)
        row = mine.state.members["ann"]
        assert (row.status, row.reason) == expected(base, now, manual=False), (base, manual, now)


#: What upstream says of a field: one thing, another, nothing, or nothing of the person at all.
SAID = {"one": "One", "another": "Another", "not told": None, "not listed": ...}
FIELDS = ("name", "aliasName", "position", "gender", "avatar")


def of_field(field: str, said: str):
    """Somebody with such a field, among others who stay as they are."""
    value = SAID[said]
    record = FIELD_NAMES[field]
    ann = () if value is ... else (member("ann", "1", **{record: value}),)
    return snapshot([*crowd(12), *ann])


@pytest.mark.parametrize("when", WHENS)
def test_three_ways_of_a_pinned_field(bench, share, when):
    """Base, pin and upstream: every combination for every field, pinned before, during and after the second run.

    The pin is what is so; what upstream said last is behind it, and is so again when it is unpinned.
    """
    cases = list(itertools.product(FIELDS, ("one", "not told"), ("pinned", "pinned twice", "unpinned"), SAID))
    for number, (field, base, pin, now) in enumerate(share.of(cases, most=6)):
        mine = Bench(bench.storage, bench.clock, f"corps.{when}{number}")
        name = mine.engine.corpFullName
        mine.sync(of_field(field, base))

        def decide(name: str = name, field: str = field, pin: str = pin) -> None:
            set_pins(bench.storage, name, "ann", {field: "Ours"})
            if pin == "pinned twice":
                set_pins(bench.storage, name, "ann", {field: "Ours again"})
            if pin == "unpinned":
                release_pins(bench.storage, name, "ann", [field])

        def fetch(known, *, confirm, progress, now=now, field=field, decide=decide):
            if when == "during":
                decide()
            return of_field(field, now)

        if when == "before":
            decide()
        mine.sync(fetch)
        if when == "after":
            decide()
        case = (field, base, pin, now)
        upstream_says = SAID[now] if now in ("one", "another") else SAID[base]
        ours = {"pinned": "Ours", "pinned twice": "Ours again", "unpinned": upstream_says}[pin]
        assert getattr(mine.state.members["ann"], field) == ours, case
        assert mine.sync(of_field(field, now)).changes == 0, case
        held = replay(bench.storage, name)["members"][("ann",)]
        assert held.get(field) == ours, case
        release_pins(bench.storage, name, "ann", None)
        row = mine.state.members["ann"]
        assert (getattr(row, field), row.pinned) == (upstream_says, None), case
        assert mine.sync(of_field(field, now)).changes == 0, case


@pytest.mark.parametrize("when", WHENS)
def test_three_ways_of_a_protected_member(bench, share, when):
    """Base, decisions and upstream: whom a person keeps active no sync takes offline, and only a person does."""
    cases = list(itertools.product([one for one in TOLD if one != "not listed"], (True, False), (True, False), TOLD))
    for number, (base, pin, manual, now) in enumerate(share.of(cases, most=6)):
        mine = Bench(bench.storage, bench.clock, f"corps.Pin{when}{number}")
        name = mine.engine.corpFullName
        mine.sync(upstream(base))

        def decide(name: str = name, pin: bool = pin, manual: bool = manual) -> None:
            set_offline(bench.storage, name, ["ann"], offline=manual)
            if pin:
                set_pins(bench.storage, name, "ann", {"status": "active"})

        def fetch(known, *, confirm, progress, now=now, decide=decide):
            if when == "during":
                decide()
            return upstream(now)

        if when == "before":
            decide()
        mine.sync(fetch)
        if when == "after":
            decide()
        case = (base, pin, manual, now)
        row = mine.state.members["ann"]
        status, reason = expected(base, now, manual)
        if pin and not manual:
            status, reason = 1, None
        assert (row.status, row.reason) == (status, reason), case
        assert mine.sync(upstream(now)).changes == 0, case
        release_pins(bench.storage, name, "ann", None)
        row = mine.state.members["ann"]
        assert (row.status, row.reason) == expected(base, now, manual), case
        mine.sync(upstream(now))
        assert (row.status == 2 and now == "not listed") == (("1", "ann") not in mine.state.memberships), case


def test_whoever_is_protected_keeps_everything(world, share):
    """Left, disabled, deleted by an event: active, with places and roles, and the plan and the explanation say why."""
    set_pins(world.bench.storage, CORP, "user01", {"status": "active"})
    set_roles(world.bench.storage, CORP, "user01", ["admin"], strict=False)
    before = world.content()
    removed = world.org.remove_member("user01")
    plan = world.bench.engine.plan(world.fetch, approve=None, progress=lambda *_: None)
    [line] = [one for one in diff(plan) if "user01" in one]
    assert line.endswith("(stays active: pinned here)")
    for happen in (lambda: world.events(removed), world.sync, world.sync):
        assert happen().status == "ok"
        row = world.bench.state.members["user01"]
        assert (row.status, row.presence, row.upstreamReason) == (1, "absent", "absent")
        assert world.content()[3:] == before[3:]
        share.count()
    told = explain_member(world.bench.storage, CORP, "user01")
    assert (told.facts[0].rule, told.facts[0].origin.by) == ("pinned-active", "person")
    # It is no departure: nobody has to let it through, and it takes nothing of the day's limit.
    assert not world.last_run().removals
    release_pins(world.bench.storage, CORP, "user01", ["status"])
    assert world.bench.state.members["user01"].status == 2
    world.sync()
    assert not [key for key in world.bench.state.memberships if key[1] == "user01"]


def test_pins_go_along_to_another_id(bench, share):
    """A person with another id is the same person: what is pinned stays pinned."""
    bench.sync(snapshot([*crowd(5), member("ann", "1")]))
    set_pins(bench.storage, CORP, "ann", {"name": "Ours", "status": "active"})
    bench.events(snapshot([*crowd(5), member("anna", "1", name="Theirs")]), named(ann="anna"))
    row = bench.state.members["anna"]
    assert (row.name, row.status) == ("Ours", 1)
    assert json.loads(row.pinned) == {"name": "Theirs", "status": None}
    user = bench.storage.models[User]
    assert user.get_by_id(row.userId).name == "Ours"
    share.count()


#: Who gives a role: a tag to the member, a tag to the department, a person.
GIVERS = [frozenset(one) for size in range(4) for one in itertools.combinations(("tag", "dept", "manual"), size)]


def roles(givers: frozenset[str]):
    from dataclasses import replace

    from jit_corps.snapshot import RoleRecord

    told = snapshot([*crowd(5), member("ann", "2")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann"]})
    if "tag" not in givers:
        told = replace(told, grants=())
    return replace(told, roles=(RoleRecord("tag:1", "one", ("2",) if "dept" in givers else ()),))


def test_three_ways_of_a_grant(bench, share):
    """The same role by tag, by department and by hand: each origin comes and goes by itself."""
    for number, (base, now) in enumerate(share.of(itertools.product(GIVERS, GIVERS), most=16)):
        mine = Bench(bench.storage, bench.clock, f"corps.Grants{number}")
        name = mine.engine.corpFullName
        for givers in (base, now):
            mine.sync(roles(givers))
            set_roles(bench.storage, name, "ann", ["tag:1"] if "manual" in givers else [], strict=False)
            assert {row.origin for row in mine.state.grants if row.memberId == "ann"} == givers, (base, now)
        assert mine.sync(roles(now)).changes == 0, (base, now)


def test_decisions_at_any_statement_of_a_run(bench, share):
    """Roles are set and somebody taken offline while a run is at work: both stand, and the run loses nothing."""
    bench.sync(snapshot(crowd(8)))
    with bench.storage.counting() as count:
        bench.sync(snapshot(crowd(9)))
    # Outside the transactions; inside, the database lets nobody else write.
    for moment in share.of(range(1, count.total), most=4):
        mine = Bench(bench.storage, bench.clock, f"corps.Moment{moment}")
        name = mine.engine.corpFullName
        mine.sync(snapshot(crowd(8)))
        left, done = moment, []

        def listen(phase: str, statement, name: str = name, done=done) -> None:
            nonlocal left
            left -= phase == "before"
            if left <= 0 and not done and phase == "before" and statement.sql.startswith("BEGIN"):
                done.append(True)
                set_roles(bench.storage, name, "m001", ["admin"], strict=False)
                set_offline(bench.storage, name, ["m002"], offline=True)

        with bench.storage.on_statement(listen):
            mine.sync(snapshot([*crowd(8)[:7], member("new", "1")]))
        if not done:
            continue
        state = mine.state
        assert {row.roleId for row in state.grants} == {"admin"}, moment
        assert (state.members["m002"].status, state.members["m002"].reason) == (2, "manual"), moment
        assert (state.members["m007"].status, state.members["new"].status) == (2, 1), moment


def test_killed_while_roles_are_set(open_database, clock, share):
    """Before and after every statement of setUserRole: the old roles or the new ones, never none."""
    storage = Storage(open_database(*jit_models()), jit_models())
    bench = Bench(storage, clock)
    bench.sync(snapshot(crowd(3)))
    set_roles(storage, CORP, "m000", ["a", "b"], strict=False)
    moment, end = 0, -1
    while end:
        moment += 1

        def work(moment: int = moment) -> None:
            mine = Storage(open_database(*jit_models()), jit_models())
            assert mine.database
            left = moment

            def listen(_phase: str, _statement: object) -> None:
                nonlocal left
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

            with mine.on_statement(listen):
                set_roles(mine, CORP, "m000", ["c", "d"], strict=False)

        end = ended(forked(work))
        assert end in (0, -signal.SIGKILL)
        held = {row.roleId for row in bench.state.grants}
        assert held in ({"a", "b"}, {"c", "d"}), moment
        set_roles(storage, CORP, "m000", ["a", "b"], strict=False)
        share.count()
    assert moment > 10
    storage.close()


def test_wrong_roles_change_nothing(bench, share):
    """An unknown role under strictRoles, an unknown member: an error, and everything as it was."""
    bench.sync(snapshot(crowd(3)))
    set_roles(bench.storage, CORP, "m000", ["a"], strict=False)
    before = content(bench)
    with pytest.raises(RoleNotFound):
        set_roles(bench.storage, CORP, "m000", ["a", "unknown"], strict=True)
    with pytest.raises(MemberNotFound):
        set_roles(bench.storage, CORP, "nobody", ["a"], strict=False)
    with pytest.raises(MemberNotFound):
        set_offline(bench.storage, CORP, ["m000", "nobody"], offline=True)
    assert content(bench) == before
    set_roles(bench.storage, CORP, "m000", ["a", "a"], strict=False)
    assert content(bench) == before
    share.count(4)


def test_tags_at_wecom(make_world, share):
    """A tag on departments follows who is below them; a deleted tag goes, one that cannot be read stays."""
    world = make_world(organisation(departments=7, people=14, tags=3))
    world.sync()

    def holders(role: str) -> set[str]:
        return {row.memberId for row in world.bench.state.grants if row.roleId == role}

    below = {key[1] for key in world.bench.state.memberships if key[0] in {"2", "4", "5"}}
    assert holders("tag:1") == below | {"user01"}
    world.org.move_member("user02", (5,))
    world.sync()
    assert "user02" in holders("tag:1")
    had = {role: holders(role) for role in ("tag:1", "tag:2", "tag:3")}
    for path in ("tag/list", "tag/get"):
        world.wecom.faults.add(path, errcode=48002)
        report = world.tried()
        assert isinstance(report, SyncFailed) or report.status == "partial"
        assert {role: holders(role) for role in had} == had
        world.wecom.faults.clear()
    world.org.remove_tag(2)
    world.sync()
    assert "tag:2" not in world.bench.state.roles
    assert holders("tag:3") == had["tag:3"]
    share.count(4)


@pytest.mark.parametrize("origin", ["local", "upstream"])
def test_a_department_that_somebody_put_into_the_table(make_world, share, origin):
    """Departments are WeCom's: whatever it passes for, it goes with the next sync, and nothing else does."""
    world = make_world(organisation())
    world.sync()
    before = world.content()
    model = world.bench.storage.models[CorpDept]
    with world.bench.storage.transaction():
        row = model.select().where(model.corpFullName == CORP, model.deptId == "2").get().__data__
        row.pop("id", None)
        model.insert(**{**row, "deptId": "mine", "name": "own", "origin": origin}).execute()
    report = world.sync()
    assert (report.status, report.counts["departments"]["removed"]) == ("ok", 1)
    assert world.content() == before
    share.count()

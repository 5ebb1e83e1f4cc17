"""What a person set here stays until a person undoes it, and what WeCom owns follows WeCom.

Neither overwrites the other: the tables below say what each combination comes to.
"""

from __future__ import annotations

import itertools
import os
import signal

import pytest

from jit_corps.edits import set_offline, set_roles
from jit_corps.errors import MemberNotFound, RoleNotFound, SyncFailed
from jit_corps.plugin import jit_models
from jitcore.storage import Storage
from tests.invariants.harness.processes import ended, forked
from tests.invariants.harness.world import content, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.scripted import CORP, crowd, depts, member, snapshot

INJECTED = (
    "every combination of what upstream said, what a person decided and what upstream says now (status: 5 × 2 ×"
    " 5, grants: 8 × 8), the decision taken before, at every statement of, and after a run; kill -9 at every"
    " statement of setUserRole; a tag on departments, deleted, and beyond the range"
)
ALSO = (
    "tests/jit_corps/test_edits.py::test_manual_roles_survive_syncs",
    "tests/jit_corps/test_edits.py::test_offline_is_kept_through_syncs_until_taken_back",
    "tests/jit_corps/test_edits.py::test_with_strict_roles_an_unseen_one_is_an_error",
    "tests/jit_corps/test_concurrency.py::test_a_reader_never_sees_a_member_between_two_sets_of_roles",
    "tests/jit_corps/test_concurrency.py::test_edits_from_many_threads_all_count",
    "tests/jit_corps/test_plan.py::test_a_deleted_tag_that_somebody_has_by_hand_goes_on_as_a_custom_role",
    "tests/jit_qywx/test_reading.py::test_tag_on_a_department_names_the_department",
)
OPEN = (
    "Protected (break-glass) members: none can be named. The last active member is never taken offline, an"
    " administrator may be.",
    "Fields pinned by hand (a local name): there are none, every field but the status is WeCom's.",
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
    storage = Storage(open_database(), list(jit_models()))
    bench = Bench(storage, clock)
    bench.sync(snapshot(crowd(3)))
    set_roles(storage, CORP, "m000", ["a", "b"], strict=False)
    moment, end = 0, -1
    while end:
        moment += 1

        def work(moment: int = moment) -> None:
            mine = Storage(open_database(), list(jit_models()))
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

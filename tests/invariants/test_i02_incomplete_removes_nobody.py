"""A fetch that could not be finished removes nobody, publishes nothing halfway, and says which call failed and why.

Every call of a run meets every fault of the list, once and for good. The yardstick is the pure model: what it makes of
an undisturbed reading is the only other organisation that may ever be found here.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
from dataclasses import replace
from typing import Any

import pytest
from urllib3.exceptions import ConnectTimeoutError

from jit_corps.errors import SyncFailed
from jit_corps.snapshot import KINDS, DeptRecord, GrantRecord, MemberRecord, Membership, RoleRecord, Snapshot
from jit_qywx.export_choice import AUTO, EXPORT
from tests.invariants.harness.world import READING, World, organisation
from tests.jit_corps.oracle import Model

INJECTED = (
    "every call of a run × {connect timeout, read timeout, no answer, reset, half an answer, 502, truncated,"
    " `{}`, list missing, -1, 45009, 45033, 40014 twice, 42001 for good, 60011, 60020, 48002, 48009, 2000002,"
    " `null`}, once and for good; every call and file of an export × the same and {wrong size, wrong MD5, wrong link,"
    " file missing, file twice, job failed}, once and for good, with a walk to fall back on and without; a file of"
    " newcomers only that one export leaves out; 45009 on page 37 of 60"
)
ALSO = (
    "tests/jit_qywx/test_reading.py::test_a_single_fault_at_any_call_hides_nobody",
    "tests/jit_qywx/test_reading.py::test_a_lasting_fault_at_any_call_fails_the_reading",
    "tests/jit_qywx/test_reading.py::test_a_passing_fault_at_any_call_changes_nothing",
    "tests/jit_qywx/test_reading_by_export.py::test_a_missing_file_is_noticed_by_who_ought_to_be_in_it",
    "tests/jit_qywx/test_reading_by_export.py::test_a_missing_file_of_newcomers_is_noticed",
    "tests/jit_qywx/test_export_reading.py::test_whatever_goes_wrong_is_an_error",
    "tests/jit_qywx/test_export_files.py::test_a_text_cut_anywhere_is_refused",
    "tests/jit_qywx/test_downloads.py::test_what_is_not_the_file_is_refused",
    "tests/jit_qywx/test_transport.py::test_silence_times_out",
    "tests/jit_qywx/test_transport.py::test_garbage_is_never_an_empty_list",
    "tests/acceptance/test_safety.py::test_45009_on_any_call_removes_nobody",
)
OPEN = (
    "Repeated cursors: no call with a cursor is used. Of people whom WeCom leaves out of both exports, the one in"
    " small files and the one in a single file, those are noticed who ought to be there: who is known here, leads or"
    " has a tag, and whom the largest departments list at first sight. Newcomers alone come with a later sync then,"
    " and nobody is removed. Of more than a million members, the second export has several files as well.",
)

DAY = 86_400.0
#: How a run says of whom it could not be said whether they are gone.
DOUBTED = "not confirmed to be gone"
FAULTS: dict[str, dict[str, Any]] = {
    "no answer": {"cut": "headers"},
    "reset": {"cut": "reset"},
    "half an answer": {"cut": "body"},
    "502": {"status": 502},
    "truncated": {"garbage": "truncated"},
    "empty object": {"garbage": "empty-object"},
    "list missing": {"garbage": "missing-list"},
    "null": {"garbage": "null"},
    "-1": {"errcode": -1},
    "45009": {"errcode": 45009},
    "45033": {"errcode": 45033},
    "40014 twice": {"errcode": 40014},
    "42001": {"errcode": 42001},
    "60011": {"errcode": 60011},
    "60020": {"errcode": 60020},
    "48002": {"errcode": 48002},
    "48009": {"errcode": 48009},
    "2000002": {"errcode": 2000002},
}
#: What an export can do besides: lies about its files, and files that are no longer there.
LIES: dict[str, dict[str, Any]] = {
    **{
        name: {"garbage": name}
        for name in ("wrong-size", "wrong-md5", "wrong-link", "missing-file", "repeated-file", "failed-job")
    },
    "link ended": {"status": 404},
    "40089": {"errcode": 40089},
    "truncated": {"garbage": "truncated"},
}
#: How often a fault meets calls from the chosen one on.
LASTING: dict[str, int | None] = {"once": 1, "for good": None}


@pytest.fixture
def world(make_world) -> World:
    """Read once, and changed since in every kind; two have left."""
    world = make_world(organisation(departments=40, people=60, tags=8))
    world.sync()
    org = world.org
    org.remove_member("user10")
    org.quit_member("user11")
    org.remove_member("user05")
    org.add_department("新部门", 1, department_id=99)
    org.add_member("newcomer", "新人", departments=(99, 3))
    org.update_department(3, name="改名")
    org.move_member("user20", (4,))
    org.remove_tag(5)
    org.tag(1, add_users=("user21",), remove_users=("user01",))
    return world


class Trial:
    """Runs that meet trouble, one after another, each beginning at the same organisation."""

    def __init__(self, world: World) -> None:
        self.world = world
        active = frozenset(key for key, row in world.bench.state.members.items() if row.status == 1)
        self.new_told = world.fetch(active)
        old_told = self._old_told()
        # Twice, because who left once is kept as offline, and is so in the old organisation, too.
        self.old_told = old_told
        for told in (self.new_told, old_told):
            self.publish(told)
        self.old = world.content()
        self._old_model = world.seen()
        self.new = self.model()

    def publish(self, told: Snapshot) -> None:
        """A run on a day of its own: those of one day share what they may remove."""
        self.world.bench.clock.pass_(DAY)
        self.world.publish(told)
        self.world.bench.clock.pass_(DAY)

    def model(self, unconfirmed: frozenset[str] = frozenset()) -> Model:
        """What the oracle makes of the old organisation and an undisturbed reading."""
        model = copy.deepcopy(self._old_model)
        model.sync(replace(self.new_told, unconfirmed=unconfirmed))
        return model

    def _old_told(self) -> Snapshot:
        """The published organisation as upstream would tell it: nobody can ask WeCom for yesterday."""
        state = self.world.bench.state
        places: dict[str, list[Membership]] = {}
        for row in state.memberships.values():
            places.setdefault(row.memberId, []).append(Membership(row.deptId, row.order, bool(row.isLeader)))
        return replace(
            self.new_told,
            departments=tuple(
                DeptRecord(row.deptId, row.name, row.upstreamParentId, row.order, row.leaderIds)
                for row in state.departments.values()
            ),
            members=tuple(
                MemberRecord(
                    row.memberId,
                    row.name,
                    row.upstreamReason is None,
                    departments=tuple(places.get(row.memberId, ())),
                    mainDeptId=row.mainDeptId,
                )
                for row in state.members.values()
            ),
            roles=tuple(RoleRecord(row.roleId, row.name, row.deptIds) for row in state.roles.values()),
            grants=tuple(
                GrantRecord(row.memberId, row.roleId, row.origin) for row in state.grants if row.origin == "tag"
            ),
        )

    def run(self, case: str) -> str:
        """One run; returns how it ended, after looking at everything it left."""
        world = self.world
        generation = world.bench.state.generation
        result = world.tried()
        run = world.last_run()
        if isinstance(result, SyncFailed):
            assert world.content() == self.old, case
            assert world.bench.state.generation == generation, case
            assert run.status == "failed", case
            assert run.cause, case
            assert "/" in run.cause or "gettoken" in run.cause, (case, run.cause)
            return "failed"
        assert run.status == result.status, case
        if all(DOUBTED in why for why in result.incomplete):
            # A second look that failed leaves the person here, doubted.
            doubted = {key for key, row in world.bench.state.members.items() if row.presence == "unconfirmed"}
            assert doubted <= {"user05", "user10", "user11"}, case
            assert bool(doubted) == (result.status == "partial"), case
            assert world.seen() == self.model(frozenset(doubted)), case
        else:
            # Roles that could not be read: nobody lost one, and what else changed is all there.
            assert result.incomplete, case
            assert not any(result.counts[kind]["removed"] for kind in KINDS[3:]), case
            kept = {(row.roleId, row.memberId) for row in world.bench.state.grants if row.memberId in self.new.people}
            gone = {key for key, one in self.new.people.items() if one["presence"] == "absent"}
            assert {(row.roleId, row.memberId) for row in self.old[5] if row.memberId not in gone} <= kept, case
        self.publish(self.old_told)
        assert world.content() == self.old, case
        return str(result.status)


@pytest.mark.parametrize("half", range(2))
@pytest.mark.parametrize("lasting", LASTING)
def test_every_fault_at_every_call(world: World, share, half: int, lasting: str) -> None:
    """The run fails and changes nothing, or says what is missing and removes nothing of it, or has read everything."""
    trial = Trial(world)
    calls = world.count_calls()
    assert calls > 55
    ends = set()
    for fault, call in share.of(itertools.product(list(FAULTS)[half::2], range(1, calls + 1)), most=4):
        world.wecom.reset()
        times = 2 if fault == "40014 twice" and lasting == "once" else LASTING[lasting]
        world.wecom.faults.add(READING, at_call=call, times=times, **FAULTS[fault])
        ends.add(trial.run(f"{fault} {lasting} at call {call}"))
    world.wecom.reset()
    assert trial.run("nothing") == "ok"
    assert not share.everything or "failed" in ends


@pytest.mark.parametrize("fetch_by", [EXPORT, AUTO])
@pytest.mark.parametrize("lasting", LASTING)
def test_every_fault_at_every_call_of_an_export(world: World, share, monkeypatch, lasting: str, fetch_by: str) -> None:
    """The same where files are exported; trouble with these alone fails the run, or has it walk."""
    monkeypatch.setattr("jit_qywx.export_choice.MOST_WALKED", 1)
    trial = Trial(world)
    world.wecom.set_exports(block_size={"user": 25, "department": 25})
    world.wecom.calls.clear()
    world.fetch_by = fetch_by
    world.fetch()
    calls = len(world.wecom.calls.of("export/*"))
    # Three jobs, asked for twice each; two files of departments, three of members, and one of these in short.
    assert calls == 15
    cases = itertools.product([*FAULTS.items(), *LIES.items()], range(1, calls + 1))
    ends = set()
    for (fault, told), call in share.of(cases, most=6):
        world.wecom.reset()
        times = 2 if fault == "40014 twice" and lasting == "once" else LASTING[lasting]
        world.wecom.faults.add("export/*", at_call=call, times=times, **told)
        ends.add(trial.run(f"{fault} {lasting} at call {call}"))
    world.wecom.reset()
    assert trial.run("nothing") == "ok"
    assert not share.everything or "failed" in ends


@pytest.mark.parametrize("lie", ["wrong-md5", "missing-file"])
def test_an_export_is_believed_only_as_far_as_it_is_proven(world: World, lie: str) -> None:
    """A file that is not as told, and one that both exports leave out, fail the run and leave everything as it was."""
    before = world.content()
    world.fetch_by = EXPORT
    world.wecom.set_exports(block_size=25, polls=0)
    # Of the departments there is more than one way to know.
    world.wecom.faults.add("export/get_result", garbage=lie, at_call=2)
    with pytest.raises(SyncFailed, match="export/user"):
        world.sync()
    assert world.content() == before
    assert world.last_run().status == "failed"


@pytest.mark.parametrize("newcomers", [5, 30])
def test_newcomers_in_a_file_that_is_missing(make_world, newcomers: int) -> None:
    """An export that leaves out a file of newcomers only fails, or they are asked for: none of them comes later."""
    world = make_world(organisation())
    world.sync()
    before = world.content()
    everybody = len(world.org.members)
    for number in range(newcomers):
        world.org.add_member(f"user{100 + number}", departments=(2,))
    world.fetch_by = EXPORT
    world.wecom.set_exports(block_size={"user": everybody}, polls=0)
    world.wecom.faults.add("export/get_result", garbage="missing-file", at_call=2, times=1)
    result = world.tried()
    if newcomers == 30:
        assert isinstance(result, SyncFailed)
        assert world.content() == before
        assert "leaves out 30 members whom export/simple_user has" in world.last_run().cause
    else:
        assert not isinstance(result, SyncFailed)
        assert (result.status, result.counts["members"]["added"]) == ("ok", newcomers)


def test_every_timeout_at_every_call(world: World, share, monkeypatch) -> None:
    """The same where the network says nothing at all: no connection in time, or no answer."""
    trial = Trial(world)
    calls = world.count_calls()
    exchange = world.suite.transport._exchange
    real = exchange.ask
    left, more, error = 0, False, TimeoutError

    def ask(*args: Any, **kwargs: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 or (left < 0 and more):
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(exchange, "ask", ask)
    # What urllib3 raises while it connects, and what the socket does after that.
    errors = (ConnectTimeoutError, TimeoutError)
    for error, more, call in share.of(itertools.product(errors, (False, True), range(1, calls + 1)), most=4):
        left = call
        trial.run(f"{error.__name__} {'for good' if more else 'once'} at call {call}")
    monkeypatch.undo()
    assert trial.run("nothing") == "ok"


def test_the_quota_is_used_up_on_page_37_of_60(make_world) -> None:
    """The headline case: 36 departments were read, and not one of their changes is published."""
    world = make_world(organisation(departments=60, people=180, tags=2))
    world.sync()
    before = world.content()
    for number in range(0, 180, 9):
        world.org.update_member(f"user{number:02}", name="改名")
    world.wecom.faults.add("user/list", errcode=45009, at_call=37)
    with pytest.raises(SyncFailed, match="45009"):
        world.sync()
    assert world.content() == before
    run = world.last_run()
    assert (run.status, run.counts) == ("failed", None)
    assert "user/list" in run.cause
    assert "45009" in run.cause
    world.wecom.faults.clear()
    assert world.sync().counts["members"]["updated"] == 20


def test_a_database_that_fails_at_any_statement_publishes_nothing(world: World, share) -> None:
    """Not only WeCom can fail: what was fetched whole and could not be written is not half there either."""
    trial = Trial(world)
    with world.bench.storage.counting() as count:
        world.publish(trial.new_told)
    trial.publish(trial.old_told)
    for moment in share.of(range(1, count.total + 1), most=4):
        left = moment

        def listen(phase: str, _statement: object) -> None:
            nonlocal left
            left -= phase == "before"
            if not left:
                raise OSError("the disk is gone")

        with contextlib.suppress(SyncFailed, OSError), world.bench.storage.on_statement(listen):
            world.publish(trial.new_told)
        assert world.content() == trial.old, moment
        world.bench.clock.pass_(1000)
    assert world.publish(trial.new_told).status == "ok"
    assert world.seen() == trial.new

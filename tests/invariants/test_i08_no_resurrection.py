"""Who was deleted while an older listing was under way stays deleted, and what WeCom was told we have is worked off."""

from __future__ import annotations

import itertools
import os
import signal
from functools import partial

import pytest

from jitcore import App
from tests.invariants.harness.processes import ended, forked
from tests.invariants.harness.world import READING, World, organisation

INJECTED = (
    "a person, a department and a tag's grant deleted by an event at every call of a full reading; every order of"
    " create, update and delete of one person, told late; kill -9 between the acknowledgement and the work; a"
    " poison event among others"
)
ALSO = (
    "tests/jit_corps/test_observations.py::test_a_member_deleted_while_everything_is_read_stays_deleted",
    "tests/jit_corps/test_observations.py::test_somebody_who_came_and_went_while_everything_is_read_is_never_there",
    "tests/jit_corps/test_observations.py::test_what_an_event_deleted_does_not_come_back",
    "tests/jit_corps/test_observations.py::test_observations_are_forgotten_after_seven_days_and_two_full_syncs",
    "tests/jit_qywx/test_journal.py::test_what_a_killed_process_held_is_free_at_once",
    "tests/jit_qywx/test_worker.py::test_poison_is_parked_and_healed",
    "tests/jit_qywx/test_worker.py::test_an_unreadable_event_is_parked_alone",
    "tests/serving/test_command.py::test_what_a_killed_process_acknowledged_is_there",
    "tests/serving/test_load.py::test_nothing_acknowledged_is_lost_by_a_kill",
    "tests/serving/test_routes.py::test_a_locked_database_loses_nothing",
    "tests/jit_qywx/test_intake.py::test_nobody_waits_longer_than_wecom",
)
OPEN = ("How soon WeCom is answered is measured (`make bench BENCH=receiving`: p50 and p99), no test asserts it.",)


def test_deleted_during_a_full_reading(make_world, share):
    """At every call: the event is worked off at once, the old listing is published later, and nobody comes back."""
    world: World = make_world(organisation(departments=7, people=21, tags=2))
    world.sync()
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=5):
        who = f"temp{call}"
        created = world.org.add_member(who, "临时", departments=(3,))
        dept = world.org.add_department(f"临时{call}", 1)
        # Of so many who go one after another, a day later none counts for the guard any more.
        world.bench.clock.pass_(86_400)
        tagged = world.org.tag(1, add_users=(who,))
        world.events(created, dept, tagged)
        assert world.bench.state.members[who].status == 1
        assert ("tag:1", who, "tag") in world.bench.state.grants

        def happen(dept=dept, who=who) -> None:
            # One reading at a time from one client: what the event asks for is read within the full one.
            world.bench.clock.pass_(1)
            gone = world.org.remove_member(who), world.org.remove_department(int(dept.id))
            world.events(*gone)
            assert world.bench.state.members[who].status == 2

        world.wecom.calls.clear()
        interrupt(world, call, happen)
        world.sync()
        state = world.bench.state
        assert state.members[who].status == 2, call
        assert state.members[who].presence == "absent", call
        assert str(dept.id) not in state.departments, call
        assert not [one for one in state.grants if one.memberId == who], call
        world.bench.clock.pass_(60)
        assert world.sync().changes == 0, call


def interrupt(world: World, call: int, happen) -> None:
    """Do something just before the client's nth call: in the same thread, so nothing waits for itself."""
    transport = world.suite.transport
    real, left = transport.call, call

    def counted(*args, **kwargs):
        nonlocal left
        left -= 1
        if left == 0:
            transport.call = real
            happen()
        return real(*args, **kwargs)

    transport.call = counted


ORDERS = list(itertools.permutations(["create", "update", "delete"]))


@pytest.mark.parametrize("there", [False, True])
def test_create_update_and_delete_in_any_order(make_world, share, there):
    """Late news of somebody never brings them back, nor takes them away: what counts is what WeCom says now."""
    world: World = make_world(organisation(departments=3, people=9))
    world.sync()
    for number, order in enumerate(share.of(ORDERS, most=6)):
        who = f"new{number}"
        news = {"create": world.org.add_member(who, "新人", departments=(2,))}
        news["update"] = world.org.update_member(who, name="改名")
        news["delete"] = world.org.remove_member(who)
        if there:
            world.org.add_member(who, "又来", departments=(3,))
        for what in order:
            world.events(news[what])
            row = world.bench.state.members.get(who)
            assert (row is not None and row.status == 1) == there, (order, what)
            assert row is None or row.name == "又来", (order, what)


def test_killed_between_the_acknowledgement_and_the_work(authorised_app, wecom_emulator, share):
    """Every event that was acknowledged before a kill -9 is worked off by whoever starts next, and none is lost."""
    with App(authorised_app) as app:
        app.getElement("corps.CorpA").syncCorp()
    org = wecom_emulator.org("corp123")
    sent = wecom_emulator.app("corp123", "suite456")
    for number in range(share.number(of_all=12, otherwise=2)):
        changes = [org.update_member("user1", name=f"名{number}"), org.add_member(f"new{number}", departments=(3,))]
        callbacks = [wecom_emulator.callbacks.change(sent, one) for one in changes]

        def receive(callbacks=callbacks) -> None:
            auth = App(authorised_app).getElement("auths.QywxProxyAuth")
            for callback in callbacks:
                assert callback.deliver(partial(auth.notify, corpId="corp123")).reply == "success"
            os.kill(os.getpid(), signal.SIGKILL)

        assert ended(forked(receive)) == -signal.SIGKILL
        with App(authorised_app) as app:
            auth, corp = app.getElement("auths.QywxProxyAuth"), app.getElement("corps.CorpA")
            auth.worker.serve(None)
            assert auth.worker.drain()
            assert corp.getMember("user1").name == f"名{number}"
            assert corp.getMember(f"new{number}").status == 1
        share.count(len(changes))


def test_a_reading_that_fails_removes_nobody_and_loses_nothing(make_world, share):
    """An event of which the reading failed changed nothing, and the same event brings it all when it is read again."""
    world: World = make_world(organisation(departments=4, people=12))
    world.sync()
    gone = [world.org.remove_member("user03"), world.org.update_member("user04", name="改名")]
    before = world.content()
    world.wecom.calls.clear()
    world.fetch_targets(world.told(*gone), progress=lambda *_: None)
    calls = sum(one.path != "gettoken" for one in world.wecom.calls)
    for call in share.of(range(1, calls + 1), most=3):
        world.wecom.reset()
        world.wecom.faults.add(READING, errcode=60020, at_call=call)
        with pytest.raises(Exception, match="60020"):
            world.events(*gone)
        assert world.content() == before, call
    world.wecom.reset()
    world.events(*gone)
    assert world.bench.state.members["user03"].status == 2
    assert world.bench.state.members["user04"].name == "改名"

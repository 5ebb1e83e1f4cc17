"""Nobody is taken for gone because a list left them out: each is asked for again, and only a clear answer counts.

Clear is 60111 under the scope that was published before; anything else keeps the person and says ``unconfirmed``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from jit_corps.errors import SyncFailed
from tests.invariants.harness.world import World

INJECTED = (
    "a person left out of every list while user/get answers {their record, 60111, 60011, 48002, -1, no answer,"
    " another's record} × {same scope, narrower scope} × {full reading, delete_user event}"
)
ALSO = (
    "tests/jit_qywx/test_reading.py::test_absence_that_is_not_confirmed",
    "tests/jit_qywx/test_reading.py::test_member_left_out_by_mistake_is_found_again",
    "tests/jit_qywx/test_reading.py::test_second_looks_are_limited",
    "tests/jit_qywx/test_convergence.py::test_a_delete_that_is_not_confirmed_removes_nobody",
    "tests/jit_qywx/test_convergence.py::test_a_delete_event_about_somebody_who_is_there_removes_nobody",
    "tests/jit_qywx/test_reading_targets.py::test_the_record_of_another_is_not_taken",
    "tests/jit_corps/test_plan.py::test_an_unconfirmed_absence_keeps_the_member_and_says_so",
)
OPEN = ()

#: What WeCom answers when the person is asked for.
ANSWERS = {
    "there": None,
    "60111": {"errcode": 60111},
    "60011": {"errcode": 60011},
    "48002": {"errcode": 48002},
    "-1": {"errcode": -1},
    "no answer": {"cut": "headers"},
    "502": {"status": 502},
    "another's record": {"rewrite": lambda told: {**told, "userid": "user03", "name": "somebody"}},
}
SCOPES = {"same": None, "narrower": (2, 3)}
WHO = "user09"


def left_out(told):
    """A list without the person."""
    return {**told, "userlist": [one for one in told.get("userlist", ()) if one["userid"] != WHO]}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("how", ["full", "event"])
def test_only_a_clear_answer_takes_somebody_away(world: World, share, scope, how):
    """Every answer, from a full reading and after a delete_user event; the others are as they were."""
    everybody = {key for key, row in world.bench.state.members.items() if row.status == 1}
    for answer in share.of(ANSWERS, most=8):
        faults = world.wecom.faults
        # Everybody is there again before each case.
        faults.clear()
        world.wecom.set_visible_range(world.corpId, (1,))
        for _ in range(2):
            world.sync()
        assert {key for key, row in world.bench.state.members.items() if row.status == 1} == everybody
        if SCOPES[scope]:
            world.wecom.set_visible_range(world.corpId, SCOPES[scope])
        faults.add("user/list", rewrite=left_out)
        if ANSWERS[answer] is not None:
            # After an event others are asked for as well, and they are there.
            times = 1 if (how, answer) == ("event", "60111") else None
            faults.add("user/get", times=times, **ANSWERS[answer])
        told = replace(world.org.update_member(WHO, position="x"), type="delete_user")
        try:
            report = world.sync() if how == "full" else world.events(told)
        except SyncFailed:
            # An answer that never came fails the reading of an event, which is worked on again.
            assert how == "event"
            report = None
        row = world.bench.state.members[WHO]
        case = (scope, how, answer)
        gone = answer == "60111" and scope == "same"
        assert (row.status == 2) == gone, case
        assert (row.presence == "absent") == gone, case
        if how == "full" and not gone:
            expected = "listed" if answer == "there" else "invisible" if scope != "same" else "unconfirmed"
            assert row.presence == expected, case
        assert {key for key, one in world.bench.state.members.items() if one.status == 1} | {WHO} == everybody, case
        assert report is None or report.counts["members"]["removed"] == gone, case


def test_a_delete_event_about_somebody_who_left_is_believed(world: World, share):
    """delete_user and 60111 together are clear; and it is one of the roles' and places' ends, too."""
    report = world.events(world.org.remove_member(WHO))
    row = world.bench.state.members[WHO]
    assert (row.status, row.reason, report.status) == (2, "absent", "ok")
    assert not [one for one in world.bench.state.grants if one.memberId == WHO]
    share.count()

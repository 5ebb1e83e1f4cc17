"""WeCom's published limits are kept at the default settings, and one enterprise's trouble delays no other.

An enterprise whose quota is used up is left alone until its window has passed, and takes no worker meanwhile.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from jit_corps.errors import SyncFailed
from jit_corps.models import SyncCheckpoint
from jit_corps.rows import ACTIVE, OFFLINE
from jit_corps.turns import Limits
from jit_qywx.emulator import Emulator, Org
from jit_qywx.emulator.clock import Clock
from jit_qywx.export_choice import EXPORT
from tests.invariants.harness import hurried
from tests.invariants.harness.hurried import Hurry
from tests.invariants.harness.world import World, organisation
from tests.jit_corps.conftest import Bench
from tests.jit_corps.test_turns import NEVER, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitcore import App

INJECTED = (
    "the published limits on a reading of hundreds of calls, eight at once; a quota that ends at every share of a"
    " reading; one enterprise that always gets 45009 and one whose sockets hang, beside others; 300 enterprises at"
    " once, some of them large, spent or hanging; 45033 at every limit of concurrency; three processes that want all"
    " the calls they can get; a reading interrupted at every tenth of its calls, and by kill -9, and resumed, at"
    " once and after the hour of its quota, with edits, events, another range and other runs in between; the same of"
    " the tags of an export and of members visible by themselves"
)
ALSO = (
    "tests/jit_qywx/test_pace.py::test_a_minutes_quota_is_not_overdrawn",
    "tests/jit_qywx/test_pace.py::test_lowered_concurrency_recovers_slowly",
    "tests/jit_qywx/test_pace.py::test_a_burst_of_refusals_halves_once",
    "tests/jit_qywx/test_ledger.py::test_no_window_holds_more_than_the_quota",
    "tests/jit_qywx/test_quotas.py::test_processes_share_what_there_is",
    "tests/jit_qywx/test_quotas.py::test_a_parked_enterprise_is_not_asked",
    "tests/jit_corps/test_checkpoints.py::test_a_page_is_used_for_half_an_hour",
    "tests/jit_corps/test_checkpoints.py::test_a_reading_that_has_to_wait_finds_its_pages",
    "tests/jit_corps/test_checkpoints.py::test_what_was_waited_for_once_is_not_kept_for_another_wait",
    "tests/jit_qywx/test_fleet.py::test_sixty_enterprises_of_which_some_are_bad",
    "tests/jit_qywx/test_worker.py::test_a_used_up_quota_parks_the_enterprise",
    "tests/jit_qywx/test_worker.py::test_a_quota_makes_a_reading_wait",
    "tests/jit_qywx/test_worker.py::test_a_reading_that_waited_goes_on_where_it_stopped",
    "tests/jit_qywx/test_worker.py::test_one_enterprises_trouble_is_not_anothers",
    "tests/jit_qywx/test_worker.py::test_a_failing_reading_comes_back_ever_later",
    "tests/jit_corps/test_fleet.py::test_as_many_hang_as_there_are_places_and_the_others_end",
    "tests/jit_corps/test_fleet.py::test_one_that_fails_is_its_own_business",
    "tests/jit_corps/test_fleet.py::test_a_resting_one_takes_no_place",
    "tests/jit_qywx/test_reconciles.py::test_turns_are_spread",
    "tests/jit_qywx/test_reconciles.py::test_after_a_stop_they_do_not_begin_together",
    "tests/jit_qywx/test_transport.py::test_too_many_at_once_lowers_concurrency",
)
OPEN = (
    "How long 299 small enterprises take beside one of 50,000 members is measured (`make bench BENCH=together`: p95),"
    " no test asserts it: those of the tests are simulated, or sixty.",
)


def test_no_call_is_rejected_at_default_settings(make_world, share):
    """Hundreds of calls at the concurrency that ships, under the published limits: every answer is errcode 0."""
    world = make_world(organisation(departments=share.number(of_all=800, otherwise=120), people=200, tags=10))
    world.concurrency = 8
    world.wecom.limits.set_published()
    world.wecom.calls.clear()
    assert world.sync().status == "ok"
    assert set(world.wecom.calls.by_errcode) == {0}
    share.count(len(world.wecom.calls))


def test_a_quota_that_ends_at_any_share_of_a_reading(make_world, share):
    """The run fails whole, names the quota, and is the old one until the window has passed."""
    world = make_world(organisation(departments=30, people=60, tags=2))
    world.sync()
    before = world.content()
    world.org.update_member("user01", name="改名")
    calls = world.count_calls()
    for quota in share.of(range(1, calls), most=3):
        world.wecom.reset()
        world.wecom.faults.add("[adtu]*/*", errcode=45009, at_call=quota)
        result = world.tried()
        assert isinstance(result, SyncFailed), quota
        assert "45009" in world.last_run().cause, quota
        assert world.content() == before, quota
    world.wecom.reset()
    assert world.sync().counts["members"]["updated"] == 1


def test_too_many_at_once_slows_down_and_misses_nothing(make_world, share):
    """45033 at any limit below ours: fewer calls at once, the same organisation."""
    world = make_world(organisation(departments=30, people=60, tags=2))
    world.sync()
    world.concurrency = 8
    world.wecom.latency.set(0.002)
    for most in share.of((6, 5, 4, 3), most=2):
        world.wecom.limits.set(concurrency=most)
        result = world.tried()
        assert isinstance(result, SyncFailed) or result.changes == 0, most
    world.wecom.limits.clear()
    world.wecom.latency.clear()
    assert world.sync().changes == 0


@dataclass
class Hurried:
    """An app on the disk with two enterprises, a WeCom, and processes for which time passes faster."""

    app: App
    wecom: Emulator
    hurry: Hurry

    def start(self, what: str, argument: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", hurried.__name__, str(self.app.path), str(self.hurry.base)]
        return subprocess.Popen([*command, str(self.hurry.speed), what, argument])


@pytest.fixture
def make_hurried(open_app) -> Iterator[Callable[..., Hurried]]:
    """Makes an app and its WeCom, whose quotas are both told."""
    with ExitStack() as opened:

        def make(speed: float, org: Org, **quotas: int) -> Hurried:
            hurry = Hurry(time.time(), speed)
            wecom = opened.enter_context(Emulator(clock=Clock(hurry.now)))
            suite = wecom.suite
            secrets = {"suiteId": suite.id, "suiteSecret": suite.secret, "token": suite.token}
            files: dict[str, Any] = {
                "auths/Wecom/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "WeCom"},
                "auths/Wecom/Wecom.json": {
                    "authConfig": {**secrets, "encodingAESKey": suite.aes_key},
                    "apiBaseUrl": wecom.base_url,
                    "quotas": quotas,
                    "autoCreateCorp": {"fullName": "corps.{corpId}"},
                },
            }
            app = open_app(files)
            auth = app.getElement(hurried.AUTH)
            auth.timing = hurry.timing
            auth.setSuiteTicket(wecom.new_ticket())
            for corpId in ("wwa", "wwb"):
                wecom.add_corp(corpId, corpId, org)
                auth.authorize(wecom.authorize(corpId))
            wecom.calls.clear()
            return Hurried(app, wecom, hurry)

        yield make


def test_processes_keep_to_the_limits_together(make_hurried, share):
    """Three processes that want all the calls they can get, for two enterprises: none is refused, few are left over."""
    house = make_hurried(20.0, Org(root="总部"), perMinute=90, addressPerMinute=120)
    house.wecom.limits.set(minute=90, ip_minute=120)
    minutes = share.number(of_all=5, otherwise=2)
    processes = [house.start("call", str(80 * minutes)) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    made = house.wecom.calls.by_path["user/get"]
    assert house.wecom.calls.by_errcode[45009] == 0
    # A window, a slice and the leeway take 75 seconds.
    assert made >= 120 * minutes * 0.8
    share.count(made)


def test_a_killed_reading_is_resumed(make_hurried):
    """kill -9 in the middle of a reading: another process goes on with what was written until then."""
    house = make_hurried(100.0, organisation(departments=80, people=80, tags=1))
    house.wecom.latency.set(0.02)
    name = "corps.wwa"
    killed = house.start("sync", name)
    model = house.app.models[SyncCheckpoint]
    deadline = time.monotonic() + 60
    while not model.select().count() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.kill()
    assert killed.wait(10) == -signal.SIGKILL
    house.wecom.latency.clear()
    house.wecom.calls.clear()
    corp = house.app.getElement(name)
    corp.clock = house.hurry.now
    report = corp.syncCorp()
    read = int(report.way.removeprefix("resumed: ").partition(" ")[0])
    assert read >= 1
    assert house.wecom.calls.by_path["user/list"] == 80 - read
    assert len(corp.getMembers()) == 80
    assert model.select().count() == 0


def interrupted(world: World, at_call: int, errcode: int = 45009) -> SyncFailed:
    """A run whose quota ends at one of its calls, or that ends there for another reason."""
    fault = world.wecom.faults.add("[adtu]*/*", errcode=errcode, at_call=at_call)
    failed = world.tried()
    world.wecom.faults.remove(fault)
    assert isinstance(failed, SyncFailed)
    return failed


def made(world: World) -> int:
    """Calls since the record was cleared, those for tokens not among them."""
    return sum(call.path != "gettoken" for call in world.wecom.calls)


def test_a_checkpoint_resumes_a_reading(make_world, share):
    """Interrupted at any share of a reading, at most a tenth of its calls is made again."""
    world = make_world(organisation(departments=60, people=120, tags=20))
    world.keeps = True
    calls = world.count_calls()
    for at_call in share.of(range(10, calls - 3, 10), most=4):
        world.org.update_member("user01", name=f"at {at_call}")
        world.wecom.calls.clear()
        failed = interrupted(world, at_call)
        assert ("checkpoint kept" in str(failed)) == ("checkpoint kept" in world.last_run().cause) == (at_call > 20)
        before = made(world)
        report = world.sync()
        assert (report.status, report.counts["members"]["updated"] + report.counts["members"]["added"] > 0) == (
            "ok",
            True,
        )
        # What follows the failing call was repeated by the transport, not by the resumed reading.
        repeated = made(world) - calls - 2
        assert repeated <= (calls // 10 if at_call > 20 else before), at_call
        assert ("resumed" in report.way) == (at_call > 20), at_call
        assert world.sync().changes == 0
        share.count()


def test_a_checkpoint_that_may_not_be_used(make_world):
    """Older than half an hour, under another range, or older than what is published: the reading starts over."""
    world = make_world(organisation(departments=60, people=120, tags=2))
    world.keeps = True
    calls = world.count_calls()

    def resumed() -> str:
        world.wecom.calls.clear()
        report = world.sync(approve=500)
        assert report.status == "ok"
        assert bool(report.way) == (made(world) < calls / 2)
        return report.way

    interrupted(world, 50)
    assert resumed().startswith("resumed: 4")
    # An address that is refused is no quota: nothing has to be waited for.
    interrupted(world, 50, errcode=60020)
    world.bench.clock.pass_(1_800)
    assert resumed() == ""
    # An hour for the quota, and half of one more.
    interrupted(world, 50)
    world.bench.clock.pass_(5_400)
    assert resumed() == ""
    interrupted(world, 50)
    world.keeps = False
    world.sync()
    world.keeps = True
    assert resumed() == ""
    interrupted(world, 50)
    world.wecom.set_visible_range(world.corpId, (2,))
    assert world.sync().way == ""


def test_a_reading_whose_quota_is_used_up_goes_on_after_the_hour(make_world, share):
    """Interrupted at any share of it, it reads only the rest; what events told in the hour between stands."""
    world = make_world(organisation(departments=60, people=120, tags=20))
    world.keeps = True
    world.sync()
    calls = world.count_calls()
    for number, at_call in enumerate(share.of(range(30, calls - 3, 10), most=3)):
        told, gone, new = f"user{number + 10}", f"user{number + 70}", f"new{number}"
        interrupted(world, at_call)
        world.bench.clock.pass_(1_800)
        world.events(
            world.org.update_member(told, name=f"told at {at_call}"),
            world.org.remove_member(gone),
            world.org.add_member(new, departments=[1 + number]),
        )
        world.bench.clock.pass_(1_860)
        world.wecom.calls.clear()
        report = world.sync(approve=20)
        assert report.way.startswith("resumed"), at_call
        # What is not kept, two of those who were listed, and whom an old page has and nobody listed now.
        assert made(world) <= calls - at_call + calls // 10, at_call
        members = world.bench.state.members
        assert (members[told].name, members[gone].status, members[new].status) == (
            f"told at {at_call}",
            OFFLINE,
            ACTIVE,
        )
        world.bench.clock.pass_(60)
        assert world.sync(approve=20).changes == 0, at_call


def test_tags_of_an_interrupted_export_are_not_read_again(make_world):
    """The files take few calls, the tags one each."""
    world = make_world(organisation(departments=20, people=60, tags=50))
    world.keeps, world.fetch_by = True, EXPORT
    world.wecom.set_exports(polls=0)
    expected = world.fetch()
    calls = world.count_calls()
    fault = world.wecom.faults.add("tag/get", errcode=45009, at_call=40)
    assert "checkpoint kept: tags and members" in str(world.tried())
    world.wecom.faults.remove(fault)
    world.bench.clock.pass_(3_600)
    world.wecom.calls.clear()
    report = world.sync()
    assert report.way.endswith("; resumed: 39 tags and members were read before")
    assert world.wecom.calls.by_path["tag/get"] == 11
    # And whether they are of this enterprise.
    assert made(world) == calls - 39 + 2
    assert set(world.bench.state.members) == {record.memberId for record in expected.members}
    assert world.sync().changes == 0


def test_members_visible_by_themselves_are_not_read_again(make_world):
    """Each of them takes a call, in an enterprise that shows an app some of its people instead of departments."""
    org = organisation(departments=20, people=60, tags=1)
    world = make_world(org, departments=(), users=tuple(f"user{number:02}" for number in range(50)))
    world.keeps = True
    fault = world.wecom.faults.add("user/get", errcode=45009, at_call=41)
    assert "checkpoint kept" in str(world.tried())
    world.wecom.faults.remove(fault)
    world.wecom.calls.clear()
    world.bench.clock.pass_(3_600)
    report = world.sync()
    assert report.way == "resumed: 41 tags and members were read before"
    assert world.wecom.calls.by_path["user/get"] == 10 + 2
    assert len(world.bench.state.members) == 50
    assert world.sync().changes == 0


def test_who_was_deleted_while_a_reading_was_interrupted(make_world):
    """A resumed reading is as old as its oldest page: what an event found since stands against it."""
    world = make_world(organisation(departments=60, people=120, tags=2))
    world.keeps = True
    world.sync()
    # The interrupted reading has seen both, in the first departments.
    interrupted(world, 50)
    world.bench.clock.pass_(60)
    world.events(world.org.remove_member("user01"), world.org.update_member("user02", name="told by an event"))
    world.bench.clock.pass_(60)
    report = world.sync()
    assert report.way.startswith("resumed")
    members = world.bench.state.members
    assert members["user01"].status == OFFLINE
    assert members["user02"].name == "told by an event"
    world.bench.clock.pass_(60)
    assert world.sync().changes == 0


def test_a_resumed_reading_takes_nobody_away_unasked(make_world):
    """I3 to I5 hold: who is missing from an old page is asked for now, and what is withheld is withheld."""
    world = make_world(organisation(departments=60, people=120, tags=2))
    world.keeps = True
    world.sync()
    for number in range(0, 60, 2):
        world.org.remove_member(f"user{number:02}")
    interrupted(world, 50)
    # Back since the page was read: only a second look can know.
    world.org.add_member("user00", "is back", departments=[1])
    report = world.sync()
    assert (report.status, report.way.startswith("resumed")) == ("guarded", True)
    assert {one.kind for one in report.withheld} == {"members"}
    assert all(member.status == ACTIVE for member in world.bench.state.members.values())
    assert world.sync(approve=29).counts["members"]["removed"] == 29


@pytest.mark.parametrize("isKnown", [True, False], ids=["known durations", "never synced"])
def test_three_hundred_enterprises_at_once(isKnown, share):
    """A large one, one whose quota is used up and one that hangs among them: 95 % of the small ones have ended in at
    most twice the time in which they do alone."""
    small = {f"corps.C{number:03}": 2.0 for number in range(297)}
    # The large one at the pace of its quota; a call that is refused waits a minute before it is made again.
    trouble = {"corps.Large": 900.0, "corps.Spent": 65.0, "corps.Hangs": NEVER}

    def ended(takes: dict[str, float]) -> float:
        expected = {name: min(seconds, 3_600.0) for name, seconds in takes.items()} if isKnown else None
        done = Simulation(takes, Limits(), expected)
        assert len(done.began) == len(takes)
        return sorted(done.ended[name] for name in small)[int(0.95 * len(small))]

    alone = ended(small)
    for several in share.of((1, 2, 3), most=2):
        # As many of each.
        beside = {f"{name}{number}": seconds for name, seconds in trouble.items() for number in range(several)}
        assert ended(small | beside) <= 2 * alone, several
        share.count(len(small))


def test_trouble_of_one_enterprise_delays_no_other(make_world, open_bench, share):
    """One gets 45009 for ever, one hangs: those beside them are read to the end while these are still stuck."""
    many = share.number(of_all=12, otherwise=3)
    stuck = make_world(organisation(departments=4, people=8), bench=open_bench("corps.Stuck"))
    others = []
    for number in range(many):
        # The emulator knows them by their ids; here each is a corp element of its own.
        bench = open_bench(f"corps.Free{number}")
        others.append((f"wwfree{number}", bench))
    worlds = []
    for corpId, bench in others:
        bench.engine = _of(bench, corpId)
        worlds.append(make_world(organisation(departments=4, people=8), bench=bench, corpId=corpId))
    parked = open_bench("corps.Parked")
    parked.engine = _of(parked, "wwparked")
    parked_world = make_world(organisation(departments=4, people=8), bench=parked, corpId="wwparked")
    stuck.wecom.faults.add("user/list", corpid="wwparked", errcode=45009)
    hanging = stuck.wecom.faults.add("user/list", corpid=stuck.corpId, hang=True, times=1)
    released = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        hung = pool.submit(stuck.tried)
        limited = pool.submit(parked_world.tried)
        began = time.monotonic()
        for world in worlds:
            assert world.sync().status == "ok"
            share.count()
        assert time.monotonic() - began < 30
        assert not hung.done()
        assert isinstance(limited.result(30), SyncFailed)
        hanging.release()
        released.set()
        assert not isinstance(hung.result(30), SyncFailed)


def _of(bench: Bench, corpId: str):
    from dataclasses import replace

    return replace(bench.engine, corpId=corpId)

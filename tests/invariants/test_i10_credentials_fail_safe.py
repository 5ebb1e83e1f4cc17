"""A token that dies costs one other token, a wrong secret is sent once, and no secret is found where it may be read."""

from __future__ import annotations

import logging
import re
import traceback

import pytest

from jit_corps.errors import EverybodyUnknown, SyncFailed
from jit_corps.history import replay
from jit_corps.rows import ACTIVE
from jit_qywx.emulator import Org
from jit_qywx.errors import AuthorizationLost
from tests.invariants.harness.world import READING, World, organisation
from tests.jit_corps.scripted import CORP, crowd, member, snapshot

INJECTED = (
    "the token dies at every call with 16 workers reading, 40014 and 42001; the new token is bad as well; the"
    " permanent code reset at every call; a wrong suite secret; canaries in every answer, scanned for in logs,"
    " errors, runs, plans, history and the database; the token of another enterprise from the beginning, from every"
    " call on, before an event and around a checkpoint; an answer about another app"
)
ALSO = (
    "tests/jit_qywx/test_tokens.py::test_eight_threads_fetch_one_token",
    "tests/jit_qywx/test_tokens.py::test_endless_42001_on_eight_threads_ends_with_two_tokens",
    "tests/jit_qywx/test_tokens.py::test_wrong_secret_is_tried_once",
    "tests/jit_qywx/test_tokens.py::test_eight_threads_try_a_wrong_secret_once",
    "tests/jit_qywx/test_tokens.py::test_two_processes_fetch_one_token",
    "tests/jit_qywx/test_proven_tokens.py::test_many_threads_prove_a_token_once",
    "tests/jit_qywx/test_proven_tokens.py::test_a_mistake_that_stays_is_raised",
    "tests/jit_qywx/test_one_enterprise.py::test_two_of_three_are_enough",
    "tests/jit_qywx/test_one_enterprise.py::test_the_same_ids_are_not_the_same_people",
    "tests/jit_qywx/test_tokens.py::test_token_is_sealed_in_the_database",
    "tests/jit_qywx/test_breaker.py::test_a_refused_secret_is_sent_once",
    "tests/jit_qywx/test_breaker.py::test_another_suite_secret_is_tried_at_once",
    "tests/jit_qywx/test_encryption.py::test_a_secret_cannot_be_moved",
    "tests/jit_qywx/test_canaries.py::test_logs_are_silent",
    "tests/jit_qywx/test_canaries.py::test_database_and_folder_are_silent",
    "tests/jit_qywx/test_canaries.py::test_errors_are_silent",
    "tests/acceptance/test_safety.py::test_no_secret_is_in_any_file_log_or_output",
    "tests/jit_qywx/test_erasing.py::test_nothing_remains_but_the_record",
)
OPEN = (
    "A token that WeCom answers for another enterprise from the first call of a reading on, while no more than three"
    " members are known here: WeCom says of no token whose it is, and three people are too few to tell by. From then on"
    " it is noticed. After an event, the record of somebody there who has the same userid, where ids are plain ones.",
)


@pytest.fixture
def world(make_world) -> World:
    """Read once, by sixteen threads; every field that names a person or a number is granted."""
    org = organisation(departments=30, people=60, tags=4)
    org.update_member("user03", mobile="13912345678", telephone="020-87654321", email="canary@mail.example")
    world = make_world(org)
    world.concurrency = 16
    world.sync()
    world.wecom.calls.clear()
    return world


@pytest.mark.parametrize("errcode", [40014, 42001])
def test_a_token_that_dies_at_any_call(world: World, share, errcode):
    """Sixteen workers notice together; one fetches, everything that failed is repeated once, nothing is missing."""
    before = world.content()
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=5):
        world.wecom.calls.clear()
        world.wecom.at_call(call, lambda: world.wecom.expire_tokens(world.corpId, errcode=errcode), path=READING)
        report = world.sync()
        assert (report.status, report.changes) == ("ok", 0), call
        assert world.wecom.calls.by_path["gettoken"] == 1, call
        assert world.content() == before


def test_a_new_token_that_is_bad_as_well(world: World, share):
    """Two tokens and no more, then the run fails and says so."""
    before = world.content()
    for errcode in share.of((40014, 42001, 42001), most=3):
        world.wecom.reset()
        world.wecom.faults.add(READING, errcode=errcode)
        with pytest.raises(SyncFailed, match=str(errcode)):
            world.sync()
        assert world.wecom.calls.by_path["gettoken"] <= 2
        assert world.content() == before
        assert world.last_run().status == "failed"


def test_a_permanent_code_that_is_reset_at_any_call(make_world, share):
    """The secret is wrong from that moment on: sent once, then the enterprise is left alone until a new one comes."""
    world: World = make_world(organisation(departments=8, people=16))
    world.concurrency = 16
    world.sync()
    before = world.content()
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=3):
        code = []

        def reset(code=code) -> None:
            code.append(world.wecom.reset_permanent_code(world.corpId))
            world.wecom.expire_tokens(world.corpId)

        world.wecom.calls.clear()
        world.wecom.at_call(call, reset, path=READING)
        with pytest.raises(SyncFailed):
            world.sync()
        for _ in range(3):
            with pytest.raises(SyncFailed):
                world.sync()
        assert world.wecom.calls.by_path["gettoken"] <= 1, call
        assert world.content() == before, call
        world.suite.refresh(world.suite.exchange(code[0]))
        assert world.sync().status == "ok", call


def test_a_wrong_suite_secret_is_sent_once(make_suite, world: World, share):
    """Whoever asks, and however often."""
    world.wecom.expire_tokens(kind="suite")
    world.wecom.calls.clear()
    for _ in range(3):
        with pytest.raises(AuthorizationLost):
            make_suite(suiteSecret="wrong").refresh(world.corpId)
        share.count()
    assert world.wecom.calls.by_path["service/get_suite_token"] == 1


def test_no_secret_and_no_number_is_left_behind(world: World, share, caplog):
    """Runs that go well and runs that fail at every kind of trouble: what they leave is scanned for what they knew."""
    caplog.set_level(logging.DEBUG)
    told = []
    faults = [{}, {"errcode": 40014}, {"errcode": 60020}, {"status": 502}, {"garbage": "truncated"}, {"cut": "body"}]
    for fault in share.of(faults, most=6):
        world.wecom.reset()
        if fault:
            world.wecom.faults.add(READING, at_call=7, **fault)
        try:
            told.append(str(world.sync()))
        except SyncFailed as error:
            told += [repr(error), *traceback.format_exception(error)]
    world.wecom.reset()
    world.org.add_member("canary", "金丝雀", departments=(2,), mobile="13987654321", email="canary@mail.example")
    plan = world.bench.engine.plan(world.fetch, approve=None, progress=lambda *_: None)
    told += [plan.to_json(), repr(plan), repr(world.suite), repr(world.client)]
    world.sync()
    told += [repr(replay(world.bench.storage, CORP)), repr(world.last_run().__data__), caplog.text]
    told += [repr(vars(record)) for record in caplog.records]
    told += [repr(rows) for rows in _every_row(world)]
    secrets = ["13912345678", "13987654321", "020-87654321", "canary@mail.example", world.wecom.suite.secret]
    secrets += [world.wecom.app(world.corpId).permanent_code, *world.wecom.platform.tokens._by_value]
    assert len(secrets) > 6
    for secret in secrets:
        assert not [text[:80] for text in told if secret in text]
        share.count()


def _every_row(world: World) -> list[list[tuple]]:
    return [world.bench.storage.select_tuples(model.select()) for model in world.bench.storage.models]


@pytest.fixture
def strangers(make_world) -> World:
    """Another enterprise that authorised the same app, with the same department ids and other people."""
    org = Org(root="别家")
    for number in range(2, 9):
        org.add_department(f"别家部门{number}", number // 2, department_id=number)
    for number in range(20):
        org.add_member(f"other{number:02}", f"外人{number}", departments=(1 + number % 8,))
    return make_world(org, corpId="wwother")


def give_foreign_tokens(world: World, strangers: World, **times: int) -> None:
    """WeCom answers for the one enterprise with a token of the other one, for the app with the same AgentId."""
    theirs = world.wecom.app(strangers.corpId).agentid
    assert theirs == world.wecom.app(world.corpId).agentid
    token, _ = world.wecom.platform.tokens.issue("app", strangers.corpId, theirs)
    world.wecom.faults.add("gettoken", rewrite=lambda told: {**told, "access_token": token}, **times)


@pytest.mark.parametrize("times", [1, 100])
def test_a_token_of_another_enterprise_in_the_middle(make_world, strangers, share, times):
    """The token dies at a call, and the next one is another enterprise's, once or for good: nothing of it is used."""
    world: World = make_world(organisation(departments=8, people=16))
    world.sync()
    before = world.content()
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=5):
        give_foreign_tokens(world, strangers, times=times)
        world.wecom.at_call(call, lambda: world.wecom.expire_tokens(world.corpId), path=READING)
        result = world.tried()
        if isinstance(result, SyncFailed):
            assert re.search("another enterprise|one token", world.last_run().cause), call
        else:
            # It was noticed, and the next token was the right one.
            assert (times, result.status, result.changes) == (1, "ok", 0), call
        assert world.content() == before, call
        world.wecom.reset()
        world.wecom.expire_tokens(strangers.corpId)
        assert world.sync().changes == 0, call


def test_a_first_reading_is_of_one_enterprise(make_world, open_bench, strangers, share):
    """While nobody is known here, whoever is listed before the token is replaced tells the enterprises apart."""
    world: World = make_world(organisation(departments=8, people=16))
    own, others = ({record.memberId for record in one.fetch().members} for one in (world, strangers))
    calls = world.count_calls()
    for call in share.of(range(1, calls + 1), most=4):
        world.bench = open_bench(f"corps.First{call}")
        give_foreign_tokens(world, strangers)
        world.wecom.at_call(call, lambda: world.wecom.expire_tokens(world.corpId), path=READING)
        world.tried()
        assert set(world.bench.state.members) in (set(), own, others), call
        world.wecom.reset()
        world.wecom.expire_tokens(strangers.corpId)
    assert not own & others


def test_an_event_and_a_token_of_another_enterprise(make_world, strangers, share):
    """Who is asked for after an event does not exist there, nor do the others: so nobody is taken for gone."""
    world: World = make_world(organisation(departments=8, people=16))
    world.sync()
    everybody = set(world.bench.state.members)
    told = [world.org.remove_member("user05"), world.org.update_member("user06", position="新职位")]
    give_foreign_tokens(world, strangers)
    for changes in (told[:1], told[1:], told):
        world.wecom.expire_tokens(world.corpId)
        report = world.events(*changes)
        assert report.reconcile == "not every record could be read"
        assert {key for key, row in world.bench.state.members.items() if row.status == ACTIVE} == everybody
        share.count()
    world.wecom.reset()
    world.wecom.expire_tokens(strangers.corpId)
    assert world.sync().counts["members"]["removed"] == 1


def test_departures_of_which_nobody_was_told_yet(make_world, share):
    """Those by whom the enterprise is told have left as well: others are asked for, and who is gone is gone."""
    world: World = make_world(organisation(departments=8, people=16))
    world.sync()
    for userid in ("user00", "user01", "user02"):
        world.org.remove_member(userid)
    told = world.org.remove_member("user05")
    assert (world.events(told).status, world.bench.state.members["user05"].upstreamReason) == ("ok", "absent")
    share.count()


@pytest.mark.parametrize("isForeignFirst", [True, False])
def test_a_checkpoint_and_a_token_of_another_enterprise(make_world, strangers, share, isForeignFirst):
    """What the one token read is not put together with what the other one reads."""
    world: World = make_world(organisation(departments=60, people=120))
    world.keeps = True
    world.sync()
    before = world.content()
    if isForeignFirst:
        give_foreign_tokens(world, strangers)
        world.wecom.expire_tokens(world.corpId)
    world.wecom.faults.add("user/list", errcode=45009, at_call=7 if isForeignFirst else 40)
    assert isinstance(world.tried(), SyncFailed)
    world.wecom.reset()
    world.wecom.expire_tokens(world.corpId)
    world.wecom.expire_tokens(strangers.corpId)
    if not isForeignFirst:
        give_foreign_tokens(world, strangers)
        assert isinstance(world.tried(), SyncFailed)
        assert world.content() == before
        world.wecom.reset()
        world.wecom.expire_tokens(strangers.corpId)
    report = world.sync()
    assert (report.status, report.changes, report.way) == ("ok", 0, "")
    share.count()


@pytest.mark.parametrize("range_", [(1,), (2, 3)])
def test_a_token_of_another_enterprise(make_world, strangers, share, range_):
    """Well-formed, and about other people, in the same range or another: nobody is added, nobody goes, and the run says
    what it looks like. When the own token is back, so is everything."""
    world: World = make_world(organisation(departments=8, people=16))
    world.sync()
    before = world.content()
    strangers.wecom.set_visible_range(strangers.corpId, range_)
    give_foreign_tokens(world, strangers)
    world.wecom.expire_tokens(world.corpId)
    for _ in range(2):
        with pytest.raises(SyncFailed, match="looks like another enterprise"):
            world.sync()
        assert "everybody-unknown" in world.last_run().cause
        assert world.content() == before
        share.count()
    world.wecom.faults.clear()
    world.wecom.expire_tokens(strangers.corpId)
    report = world.sync()
    assert (report.status, report.changes) == ("ok", 0)


def test_a_token_of_another_enterprise_without_anybody_in_the_root(make_world, share):
    """Both list nobody in the root, in the same words: that says nothing of whose words they are."""

    def headless(name: str, people: int) -> Org:
        org = Org(root="总部")
        org.add_department("部门", 1, department_id=2)
        for number in range(people):
            org.add_member(f"{name}{number:02}", f"{name}的{number}", departments=(2,))
        return org

    world: World = make_world(headless("user", 16))
    strangers: World = make_world(headless("other", 9), corpId="wwother")
    world.sync()
    before = world.content()
    give_foreign_tokens(world, strangers)
    world.wecom.expire_tokens(world.corpId)
    with pytest.raises(SyncFailed, match="looks like another enterprise"):
        world.sync()
    assert world.content() == before
    world.wecom.faults.clear()
    world.wecom.expire_tokens(strangers.corpId)
    assert world.sync().changes == 0
    share.count()


def test_who_means_it_approves_it(bench, share):
    """An organisation that was replaced on purpose: a person names how many are known, and not one fewer."""
    bench.sync(snapshot(crowd(12)))
    others = snapshot([member(f"new{at}", "1") for at in range(5)])
    for approve in (None, 0, 11):
        with pytest.raises(EverybodyUnknown) as failure:
            bench.sync(others, approve=approve)
        assert (failure.value.known, failure.value.told) == (12, 5)
    with pytest.raises(EverybodyUnknown):
        bench.engine.plan(lambda _known, *, confirm, progress: others, approve=None, progress=lambda *_: None)
    report = bench.sync(others, approve=12)
    assert (report.counts["members"]["added"], report.counts["members"]["removed"]) == (5, 12)
    share.count(5)


def test_few_are_no_evidence(bench, share):
    """Whoever tries an app out with three people may show it three others next, in another range."""
    bench.sync(snapshot(crowd(3), scope="three"))
    report = bench.sync(snapshot([member("new", "1")], scope="one"))
    assert report.counts["members"]["added"] == 1
    share.count()


def test_an_answer_about_another_app(world: World, share):
    """agent/get tells whose answer it is: nothing of it is believed, in a full reading and after an event."""
    before = world.content()
    world.wecom.faults.add("agent/get", rewrite=lambda told: {**told, "agentid": told["agentid"] + 1})
    told = world.org.remove_member("user05")
    for happen in (world.sync, lambda: world.events(told)):
        with pytest.raises(SyncFailed, match="looks like the answer for another enterprise"):
            happen()
        assert world.content() == before
        assert "qywx-foreign-answer" in world.last_run().cause
        share.count()

"""Quotas that processes share through the database, and enterprises that are left alone because one is used up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx.client.budget import Budget
from jit_qywx.client.ledger import Ledger, Quota
from jit_qywx.errors import AuthorizationLost, NotFound, QuotaSpent, RateLimited, TooManyConcurrent
from jit_qywx.models import QywxQuota
from jit_qywx.plugin import jit_models
from jit_qywx.quotas import Quotas, QuotaSettings, Shared
from jit_qywx.reading import read_corp
from jitcore.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import FakeTime

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite
    from tests.fixtures.databases import OpenDatabase

QUOTA = Quota(100, 1_000)
CORP = "wwcorpa0000000"


@pytest.fixture
def open_storage(open_database: OpenDatabase) -> Iterator[Callable[[], Storage]]:
    """Opens the same database as another process would, on SQLite and on PostgreSQL."""
    opened: list[Storage] = []

    def make() -> Storage:
        opened.append(Storage(open_database(*jit_models()), jit_models()))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def shared(storage: Storage, time: FakeTime, quota: Quota = QUOTA) -> Shared:
    return Shared(Quotas(storage, time.timing), quota, corpId=CORP)


def used(storage: Storage, time: FakeTime, api: str = "user/list") -> int:
    model = storage.models[QywxQuota]
    [(told,)] = storage.select_tuples(model.select(model.used))
    return Ledger(told).used(time.now(), api, 60)


@pytest.mark.every_database
def test_processes_share_what_there_is(open_storage: Callable[[], Storage], fake_time: FakeTime) -> None:
    """Four of them with four threads each take every call of the minute, and not one more."""
    budgets = [Budget(shared(open_storage(), fake_time), fake_time.timing) for _ in range(4)]
    taken = []
    lock = threading.Lock()

    def take(budget: Budget) -> None:
        while not budget.take("user/list"):
            with lock:
                taken.append(1)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(take, budgets * 4))
    assert len(taken) == QUOTA.per_minute
    fake_time.passed += 76
    assert budgets[0].take("user/list") == 0


@pytest.mark.every_database
def test_a_lease_is_one_statement(open_storage: Callable[[], Storage], fake_time: FakeTime) -> None:
    """As long as nobody else leases: the ledger is read once, then written; a thread keeps no connection for it."""
    storage = open_storage()
    assert storage.models
    budget = Budget(shared(storage, fake_time, Quota(10_000, 150_000)), fake_time.timing)
    with storage.counting() as count, ThreadPoolExecutor(1) as pool:
        assert pool.submit(budget.take, "user/list").result() == 0
        assert (count.total, count.writes) == (2, 1)
        for _ in range(2_000):
            assert pool.submit(budget.take, "user/list").result() == 0
        assert (count.total, count.writes) == (3, 2)
        assert pool.submit(storage.database.is_closed).result()


def test_a_small_reading_is_two_writes(client: QywxProxyClient, suite: Suite) -> None:
    """One lease of its enterprise and one of the address, whatever it calls; one that follows has both."""
    with suite.storage.counting() as count:
        for _ in range(2):
            with client.reading() as reading:
                read_corp(reading, frozenset(), confirm=0, concurrency=4, progress=lambda *_: None)
    assert client.calls == 0
    assert sum("jit_qywx_quota" in one.sql for one in count.statements if one.kind == "write") == 2


def test_what_is_given_back_is_there_for_others(open_storage: Callable[[], Storage], fake_time: FakeTime) -> None:
    """A process that leased and did not use keeps nobody waiting once it leases again."""
    first, second = (Budget(shared(open_storage(), fake_time, Quota(200, 1_000)), fake_time.timing) for _ in range(2))
    for _ in range(50):
        assert first.take("user/list") == 0
    fake_time.passed += 11
    assert first.take("user/list") == 0
    taken = 0
    while not second.take("user/list"):
        taken += 1
    # Fifty were made, and of the others the first has leased half again.
    assert taken == 75


def test_a_database_that_is_away(
    open_storage: Callable[[], Storage], fake_time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    """A small part of the quota goes on without it, said once; half a minute later it is asked again."""
    storage = open_storage()
    leases = shared(storage, fake_time)
    budget = Budget(leases, fake_time.timing)
    with storage.transaction():
        storage.database.execute_sql("ALTER TABLE jit_qywx_quota RENAME TO away")
    taken = 0
    while not budget.take("user/list"):
        taken += 1
    assert taken == 5
    assert caplog.text.count("quotas are not shared") == 1
    with storage.transaction():
        storage.database.execute_sql("ALTER TABLE away RENAME TO jit_qywx_quota")
    fake_time.passed += 31
    assert budget.take("user/list") == 0
    assert used(storage, fake_time) >= 1


def test_a_parked_enterprise_is_not_asked(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """45009, a minute's wait, 45009 again: no reading asks for an hour, in this process and in others."""
    wecom_emulator.faults.add("user/get", errcode=45009)
    with pytest.raises(RateLimited), client.reading() as reading:
        reading.user.get("zhangsan")
    assert wecom_emulator.calls.by_path["user/get"] == 2
    wecom_emulator.faults.clear()
    with pytest.raises(QuotaSpent, match=r"parked. WeCom's quota for user/get is used up") as caught, client.reading():
        pass
    assert caught.value.until == pytest.approx(fake_time.now() + 3_600)
    other = Quotas(suite.storage, fake_time.timing)
    assert set(other.parked()) == {CORP}
    # Its own calls are not held back: they may be of another API.
    assert client.user.get("zhangsan")["userid"] == "zhangsan"
    fake_time.passed += 3_600
    with client.reading() as reading:
        assert reading.user.get("zhangsan")["userid"] == "zhangsan"
    assert suite.parked() == {}


def test_only_a_used_up_quota_parks(client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator) -> None:
    """Neither too many at once nor any other error does."""
    wecom_emulator.faults.add("user/get", errcode=45033)
    with pytest.raises(TooManyConcurrent), client.reading() as reading:
        reading.user.get("zhangsan")
    wecom_emulator.faults.clear()
    with pytest.raises(NotFound), client.reading() as reading:
        reading.user.get("nobody")
    assert suite.parked() == {}
    assert suite.resting(CORP) is None


def test_one_answer_for_all_who_ask(client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator) -> None:
    """A sync of all, lists, metrics and elements are told the same, and resuming by hand ends it everywhere."""
    wecom_emulator.faults.add("user/get", errcode=45009)
    with pytest.raises(RateLimited), client.reading() as reading:
        reading.user.get("zhangsan")
    wecom_emulator.faults.clear()
    rest: Any = suite.resting(CORP)
    assert (rest.word, rest.isSettled) == ("parked", False)
    assert rest.until > suite.now()
    assert suite.parked() == {CORP: rest.reason}
    assert suite.states()["parked"] == 1
    suite.resume(CORP)
    assert suite.resting(CORP) is None
    assert suite.states()["parked"] == 0


def test_a_refused_secret_tells_more_than_a_quota(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator
) -> None:
    """Who is parked for both reasons is told the one that time does not heal."""
    suite.quotas.park(CORP, RateLimited("spent", errcode=45009, call="user/list"))
    wecom_emulator.reset_permanent_code(CORP)
    wecom_emulator.expire_tokens(CORP)
    with pytest.raises(AuthorizationLost):
        client.user.get("zhangsan")
    rest: Any = suite.resting(CORP)
    assert (rest.word, rest.until) == ("parked", None)
    assert "40001" in suite.parked()[CORP]


def test_the_hour_of_a_reading_ends_when_it_frees(make_suite: Callable[..., Suite], wecom_emulator: Emulator) -> None:
    """A quota that we know to be used up parks until we know it to be there again; the App's own calls still go."""
    suite = make_suite(quotas=QuotaSettings(corp=Quota(10, 10)))
    suite.tickets.store(wecom_emulator.new_ticket(), 1)
    wecom_emulator.add_corp(CORP, members=[{"userid": "zhangsan", "name": "张三", "department": [1]}])
    client = suite.client(suite.exchange(wecom_emulator.authorize(CORP)))
    with client.reading() as reading:
        for _ in range(8):
            reading.user.get("zhangsan")
    with pytest.raises(QuotaSpent), client.reading() as reading:
        reading.user.get("zhangsan")
    assert 3_600 < suite.resting(CORP).until - suite.now() <= 3_620
    assert [client.user.get("zhangsan")["userid"] for _ in range(2)] == ["zhangsan"] * 2
    with pytest.raises(QuotaSpent):
        client.user.get("zhangsan")
    assert set(wecom_emulator.calls.by_errcode) == {0}


def test_erasing_takes_it_along(client: QywxProxyClient, suite: Suite) -> None:
    """What was counted of an enterprise says something about it."""
    from jit_qywx.erasing import erase

    client.user.get("zhangsan")
    suite.quotas.park(CORP, RateLimited("spent", errcode=45009, call="user/list"))
    erase(suite, CORP, corps=[], authFullName="auths.Wecom", force=True)
    model = suite.storage.models[QywxQuota]
    assert [corpId for (corpId,) in suite.storage.select_tuples(model.select(model.corpId))] == [""]

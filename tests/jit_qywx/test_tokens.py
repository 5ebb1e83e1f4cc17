"""Tokens: fetched once for all threads and processes, replaced once, and never with a secret that was refused."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import jit_qywx
from jit_qywx import errors
from jit_qywx.client.tokens import LEASE, MARGIN, Fresh, TokenKey, TokenStore, fingerprint
from jit_qywx.encryption import open_box
from jit_qywx.models import MODELS, QywxToken
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import FakeTime

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.encryption import SecretBox
    from jit_qywx.suite import Suite
    from tests.fixtures.databases import OpenDatabase

MIGRATIONS = Path(jit_qywx.__file__).parent / "migrations"
CORP = "wwcorpa0000000"
KEY = TokenKey("app", "dksuite", "wwcorp")
PRINT = fingerprint("secret")


class Fetcher:
    """Counts fetches and numbers the tokens it gives."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)
        self.count = 0

    def __call__(self) -> Fresh:
        self.count += 1
        if self.outcomes and (outcome := self.outcomes.pop(0)) is not None:
            raise outcome
        return Fresh(f"token {self.count}", 7200)


def refused(errcode: int = 40001) -> errors.AuthorizationLost:
    return errors.AuthorizationLost("WeCom refused.", errcode=errcode, errmsg="invalid credential", call="gettoken")


@pytest.fixture
def store(storage: Storage, box: SecretBox, fake_time: FakeTime) -> TokenStore:
    """A store of one process."""
    return TokenStore(storage, box, fake_time.timing)


@pytest.fixture
def other(storage: Storage, box: SecretBox, fake_time: FakeTime) -> TokenStore:
    """The store of another process on the same database."""
    return TokenStore(storage, box, fake_time.timing)


def test_eight_threads_fetch_one_token(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """Eight threads that start without a token cause exactly one gettoken."""
    wecom_emulator.latency.set(0.05, path="gettoken")
    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(lambda _: client.department.list(), range(8)))
    assert wecom_emulator.calls.by_path["gettoken"] == 1
    assert len(lists) == 8


def test_endless_42001_ends_with_two_tokens(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A token that is refused is replaced once; its successor's refusal is an error, with two token calls in all."""
    wecom_emulator.faults.add("department/list", errcode=42001)
    with pytest.raises(errors.TokenExpired):
        client.department.list()
    assert wecom_emulator.calls.by_path["gettoken"] == 2
    assert wecom_emulator.calls.by_path["department/list"] == 2


def test_endless_42001_on_eight_threads_ends_with_two_tokens(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """Threads whose tokens are refused together share the one replacement."""
    gate = threading.Barrier(8)
    wecom_emulator.faults.add("user/list", errcode=42001)
    client.department.list()

    def call(_: int) -> type[BaseException] | None:
        gate.wait()
        try:
            client.user.list(1)
        except errors.ApiError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(call, range(8))) == {errors.TokenExpired}
    assert wecom_emulator.calls.by_path["gettoken"] == 2


@pytest.mark.parametrize("errcode", [42001, 40014])
def test_expired_token_is_replaced_unnoticed(client: QywxProxyClient, wecom_emulator: Emulator, errcode: int) -> None:
    """Tokens that WeCom ends early are replaced, whichever of the two codes it answers."""
    client.department.list()
    wecom_emulator.expire_tokens(CORP, errcode=errcode)
    assert client.department.list()
    assert wecom_emulator.calls.by_path["gettoken"] == 2


def test_expired_suite_token_is_replaced(suite: Suite, wecom_emulator: Emulator, client: QywxProxyClient) -> None:
    """42009 has the suite token replaced."""
    wecom_emulator.expire_tokens(kind="suite")
    suite.refresh(CORP)
    assert wecom_emulator.calls.by_path["service/get_suite_token"] == 1


def test_wrong_secret_is_tried_once(
    client: QywxProxyClient, wecom_emulator: Emulator, make_suite: Callable[..., Suite]
) -> None:
    """After a refused secret nobody asks again: not this client, not another process."""
    wecom_emulator.faults.add("gettoken", errcode=40001)
    for _ in range(3):
        with pytest.raises(errors.AuthorizationLost):
            client.department.list()
    with pytest.raises(errors.AuthorizationLost, match="not tried again"):
        make_suite().client(CORP).department.list()
    assert wecom_emulator.calls.by_path["gettoken"] == 1


def test_eight_threads_try_a_wrong_secret_once(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """Threads that wait for the same token share its refusal."""
    wecom_emulator.faults.add("gettoken", errcode=40001)
    wecom_emulator.latency.set(0.05, path="gettoken")

    def call(_: int) -> type[BaseException]:
        with pytest.raises(errors.AuthorizationLost) as caught:
            client.department.list()
        return caught.type

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert wecom_emulator.calls.by_path["gettoken"] == 1


def test_refused_secret_marks_the_authorization(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator
) -> None:
    """An enterprise whose code is refused shows as suspended, with the reason."""
    wecom_emulator.faults.add("gettoken", errcode=40001)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    authorization = suite.authorizations.get(CORP)
    assert authorization.state == "suspended"
    assert "40001" in str(authorization.reason)


def test_new_permanent_code_is_tried_at_once(client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator) -> None:
    """A reset code opens the way again, without a restart and for clients already handed out."""
    auth_code = wecom_emulator.reset_permanent_code(CORP)
    wecom_emulator.expire_tokens(CORP)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    suite.refresh(suite.exchange(auth_code))
    assert client.department.list()
    assert suite.authorizations.get(CORP).state == "active"


def test_resume_tries_a_refused_code_again(client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator) -> None:
    """When the enterprise has enabled the app again, a person says so and the same code is tried."""
    fault = wecom_emulator.faults.add("gettoken", errcode=40001)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    wecom_emulator.faults.remove(fault)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    assert suite.resume(CORP).state == "active"
    assert client.department.list()


def test_stale_secret_on_a_call_costs_one_fresh_token(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """40001 on an ordinary call is worth one new token, and no more."""
    wecom_emulator.faults.add("department/list", errcode=40001)
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    assert wecom_emulator.calls.by_path["gettoken"] == 2


def test_barred_gettoken_is_not_waited_for(
    client: QywxProxyClient, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """45009 on gettoken lasts an hour, so it is reported at once."""
    wecom_emulator.faults.add("gettoken", errcode=45009)
    with pytest.raises(errors.RateLimited, match="gettoken"):
        client.department.list()
    assert fake_time.waits == []


def test_token_is_sealed_in_the_database(client: QywxProxyClient, storage: Storage, tmp_path: Path) -> None:
    """The database file holds neither the token nor the permanent code."""
    client.department.list()
    token = client._tokens.current().value
    storage.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    content = b"".join(path.read_bytes() for path in tmp_path.glob("test.db*"))
    assert token.encode() not in content
    assert token not in repr(client._tokens.current())


def test_stored_token_is_reused_by_another_process(store: TokenStore, other: TokenStore) -> None:
    """A token in the database is good for every process."""
    fetch = Fetcher()
    assert store.get(KEY, PRINT, fetch) == other.get(KEY, PRINT, fetch)
    assert fetch.count == 1


def test_token_is_replaced_before_it_ends(store: TokenStore, fake_time: FakeTime) -> None:
    """A token with less than the margin left is not handed out."""
    fetch = Fetcher()
    assert store.get(KEY, PRINT, fetch).value == "token 1"
    fake_time.passed += 7200 - MARGIN - 1
    assert store.get(KEY, PRINT, fetch).value == "token 1"
    fake_time.passed += 1
    assert store.get(KEY, PRINT, fetch).value == "token 2"


def test_end_of_a_token_is_not_a_stampede(
    client: QywxProxyClient, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """WeCom answers with the same token until it ends; in its last minutes it is used, not asked for at every call."""
    client.department.list()
    for _ in range(72 * 6):
        fake_time.passed += 20
        wecom_emulator.clock.advance(20)
        client.department.list()
    assert wecom_emulator.calls.by_path["gettoken"] < 20
    assert wecom_emulator.calls.by_errcode[42001] <= 2


def test_late_loser_does_not_drop_the_winners_token(store: TokenStore, other: TokenStore) -> None:
    """Whoever reports a token that was replaced meanwhile gets the replacement; nothing is fetched."""
    fetch = Fetcher()
    first = store.get(KEY, PRINT, fetch)
    second = store.get(KEY, PRINT, fetch, refused=first)
    assert other.get(KEY, PRINT, fetch, refused=first) == second
    assert fetch.count == 2


def test_same_value_again_counts_as_another_token(store: TokenStore) -> None:
    """WeCom gives the same token while it is valid, so versions tell tokens apart."""
    first = store.get(KEY, PRINT, lambda: Fresh("one value", 7200))
    second = store.get(KEY, PRINT, lambda: Fresh("one value", 7200), refused=first)
    assert (first.value, second.value) == ("one value", "one value")
    assert second.version == first.version + 1


def test_another_secret_needs_another_token(store: TokenStore) -> None:
    """A token that was fetched with a former secret is not used."""
    fetch = Fetcher()
    store.get(KEY, PRINT, fetch)
    assert store.get(KEY, fingerprint("new secret"), fetch).value == "token 2"


def test_a_process_that_died_is_replaced_after_its_lease(
    store: TokenStore, storage: Storage, fake_time: FakeTime
) -> None:
    """A lease nobody gives back holds others up for its duration and not longer."""
    row = storage.models[QywxToken]
    with storage.transaction():
        row.insert(
            **KEY._asdict(),
            renewAt=0,
            version=0,
            fingerprint="",
            leaseOwner="the dead",
            leaseUntil=fake_time.now() + LEASE,
        ).execute()
    assert store.get(KEY, PRINT, Fetcher()).value == "token 1"
    assert LEASE - 1 < fake_time.passed < LEASE + 1


def test_a_waiting_process_takes_what_the_other_fetched(
    store: TokenStore, other: TokenStore, fake_time: FakeTime
) -> None:
    """While one process fetches, another waits and takes its token."""
    second = Fetcher()
    tick = threading.Event()
    results: list[Any] = []

    def fetch() -> Fresh:
        pool = ThreadPoolExecutor(1)
        results.append(pool.submit(other.get, KEY, PRINT, second))
        pool.shutdown(wait=False)
        while not fake_time.waits:
            tick.wait(0.001)
        return Fresh("the first's", 7200)

    assert store.get(KEY, PRINT, fetch).value == "the first's"
    assert results[0].result().value == "the first's"
    assert second.count == 0


def test_failed_fetch_gives_the_lease_back(store: TokenStore, other: TokenStore, fake_time: FakeTime) -> None:
    """A fetch that failed for a passing reason holds nobody up."""
    trouble = errors.ConnectionFailed("No connection.", call="gettoken")
    with pytest.raises(errors.ConnectionFailed):
        store.get(KEY, PRINT, Fetcher(trouble))
    assert other.get(KEY, PRINT, Fetcher()).value == "token 1"
    assert fake_time.waits == []


def test_refused_secret_stays_refused_until_it_changes(store: TokenStore, other: TokenStore) -> None:
    """The refusal is remembered for all processes, by the secret's fingerprint."""
    fetch = Fetcher(refused())
    for each in (store, other, other):
        with pytest.raises(errors.AuthorizationLost) as caught:
            each.get(KEY, PRINT, fetch)
        assert caught.value.errcode == 40001
    assert fetch.count == 1
    assert other.get(KEY, fingerprint("new secret"), fetch).value == "token 2"


def test_reopened_secret_is_tried_again(store: TokenStore) -> None:
    """Whoever knows better may have a refused secret tried once more."""
    fetch = Fetcher(refused())
    with pytest.raises(errors.AuthorizationLost):
        store.get(KEY, PRINT, fetch)
    store.reopen(KEY)
    assert store.get(KEY, PRINT, fetch).value == "token 2"


def test_forgotten_token_is_gone_everywhere(store: TokenStore, storage: Storage) -> None:
    """Forgetting drops the row and what this process holds."""
    store.get(KEY, PRINT, Fetcher())
    store.forget(KEY)
    assert store.held(KEY) is None
    assert storage.models[QywxToken].select().count() == 0


def test_token_of_a_lost_key_is_fetched_again(
    storage: Storage, store: TokenStore, fake_time: FakeTime, tmp_path: Path
) -> None:
    """A token can be had again, so a changed encryption key is no reason to stop."""
    store.get(KEY, PRINT, Fetcher())
    another = TokenStore(storage, open_box(tmp_path / "other", {}), fake_time.timing)
    assert another.get(KEY, PRINT, Fetcher()).value == "token 1"


def test_interrupted_leader_leaves_the_work_to_a_follower(store: TokenStore) -> None:
    """A leader that is interrupted does not interrupt those who wait for it."""
    followers: list[Any] = []
    fetch = Fetcher()

    def interrupted() -> Fresh:
        pool = ThreadPoolExecutor(1)
        followers.append(pool.submit(store.get, KEY, PRINT, fetch))
        pool.shutdown(wait=False)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.get(KEY, PRINT, interrupted)
    assert followers[0].result().value == "token 1"


WORKER = """
import sys, json, peewee
from pathlib import Path
from jit_qywx.client.timing import Timing
from jit_qywx.client.tokens import TokenKey, TokenStore, fingerprint
from jit_qywx.client.suite import fetch_app_token
from jit_qywx.client.transport import Transport
from jit_qywx.encryption import open_box
from jit_qywx.models import MODELS
from jitcore.storage import ModelSet, Storage

kind, parameters, migrations, appdata, base_url, corp, code = json.loads(sys.argv[1])
database = getattr(peewee, kind)(**parameters)
storage = Storage(database, [ModelSet("qywx", MODELS, Path(migrations))])
storage.database
transport = Transport(base_url)
print("ready", flush=True)
sys.stdin.readline()
store = TokenStore(storage, open_box(Path(appdata), {}), Timing())
token = store.get(TokenKey("app", "dksuite", corp), fingerprint(code), lambda: fetch_app_token(transport, corp, code))
print(token.version, flush=True)
transport.close()
storage.close()
"""


@pytest.mark.parametrize("kind", ["SqliteDatabase", "PostgresqlDatabase"])
def test_two_processes_fetch_one_token(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, wecom_emulator: Emulator
) -> None:
    """Processes that start together on one database cause exactly one gettoken, on SQLite and PostgreSQL."""
    if kind == "SqliteDatabase":
        parameters = {"database": str(tmp_path / "shared.db"), "timeout": 30}
    else:
        parameters = {**request.getfixturevalue("postgres_database"), "prefer_psycopg3": True}
    wecom_emulator.add_corp(CORP)
    code = wecom_emulator.install(CORP).permanent_code
    wecom_emulator.latency.set(0.2, path="gettoken")
    argument = json.dumps(
        [kind, parameters, str(MIGRATIONS), str(tmp_path / "appData"), wecom_emulator.base_url, CORP, code]
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    answers = [worker.communicate("go\n")[0] for worker in workers]
    assert answers == ["1\n", "1\n"]
    assert wecom_emulator.calls.by_path["gettoken"] == 1


@pytest.fixture
def open_stores(open_database: OpenDatabase, box: SecretBox, fake_time: FakeTime) -> Iterator[Callable[[], TokenStore]]:
    """Stores of several processes on one database, of each kind."""
    storages: list[Storage] = []

    def open_store() -> TokenStore:
        model_set = ModelSet("qywx", MODELS, MIGRATIONS)
        storages.append(Storage(open_database(model_set), [model_set]))
        return TokenStore(storages[-1], box, fake_time.timing)

    yield open_store
    for each in storages:
        each.close()


@pytest.mark.every_database
def test_many_stores_race_for_one_fetch(open_stores: Callable[[], TokenStore]) -> None:
    """Eight stores on eight connections that start together fetch once, on every kind of database."""
    stores = [open_stores() for _ in range(8)]
    for each in stores:
        assert each.held(KEY) is None
    fetch = Fetcher()
    gate = threading.Barrier(8)

    def get(each: TokenStore) -> str:
        gate.wait()
        return each.get(KEY, PRINT, fetch).value

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(get, stores)) == {"token 1"}
    assert fetch.count == 1

"""A suite at work against the emulator: real HTTP, real SQLite, time that passes only when told to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peewee
import pytest

import jit_qywx
from jit_qywx.client.timing import Timing
from jit_qywx.encryption import open_box
from jit_qywx.models import MODELS
from jit_qywx.suite import Suite, SuiteConfig
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.encryption import SecretBox
    from jitcore import App
    from jitcore.testing import MakeApp, WriteApp
    from tests.fixtures.migrated import Migrated

MIGRATIONS = Path(jit_qywx.__file__).parent / "migrations"
CORP = "wwcorpa0000000"


class FakeTime:
    """Time that passes when somebody waits, and at once."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.waits: list[float] = []
        self.begun = time.time()

    def now(self) -> float:
        return self.begun + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed += seconds

    @property
    def timing(self) -> Timing:
        return Timing(now=self.now, monotonic=self.monotonic, sleep=self.sleep, random=lambda: 0.5)


@pytest.fixture
def fake_time() -> FakeTime:
    """Time that passes when somebody waits."""
    return FakeTime()


@pytest.fixture
def open_app(open_app: MakeApp, write_app: WriteApp, migrated: Migrated) -> MakeApp:
    """As everywhere; the database is there and migrated."""

    def make(files: Mapping[str, Any], name: str = "app", **options: Any) -> App:
        migrated.put_into(write_app(files, name))
        return open_app({}, name, **options)

    return make


@pytest.fixture
def storage(tmp_path: Path, migrated: Migrated) -> Iterator[Storage]:
    """An empty SQLite database with this plugin's tables."""
    file, model_set = tmp_path / "test.db", ModelSet("qywx", MODELS, MIGRATIONS)
    migrated.put(file, model_set)
    storage = Storage(peewee.SqliteDatabase(str(file), timeout=30), [model_set])
    yield storage
    storage.close()


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    """A box with a key of its own."""
    return open_box(tmp_path, {})


@pytest.fixture
def make_suite(
    wecom_emulator: Emulator, storage: Storage, box: SecretBox, fake_time: FakeTime
) -> Iterator[Callable[..., Suite]]:
    """Make suites that speak to the emulator, with any of their settings changed."""
    made: list[Suite] = []

    def make(**changes: object) -> Suite:
        told = wecom_emulator.suite
        settings = {
            "suiteId": told.id,
            "suiteSecret": told.secret,
            "encodingAESKey": told.aes_key,
            "token": told.token,
            "corpId": wecom_emulator.provider_corpid,
            "apiBaseUrl": wecom_emulator.base_url,
            **changes,
        }
        made.append(Suite(SuiteConfig(**settings), storage, box, fake_time.timing))
        return made[-1]

    yield make
    for suite in made:
        suite.close()


@pytest.fixture
def suite(make_suite: Callable[..., Suite], wecom_emulator: Emulator) -> Suite:
    """A suite that has received its ticket."""
    suite = make_suite()
    suite.tickets.store(wecom_emulator.new_ticket(), 1)
    return suite


@pytest.fixture
def client(suite: Suite, wecom_emulator: Emulator) -> QywxProxyClient:
    """The client of a small enterprise that authorised the suite; the emulator's record of calls is empty."""
    wecom_emulator.add_corp(
        CORP,
        "示例企业",
        departments=[{"id": 2, "name": "研发部", "parentid": 1}, {"id": 3, "name": "前端组", "parentid": 2}],
        members=[
            {"userid": "zhangsan", "name": "张三", "department": [1]},
            {"userid": "lisi", "name": "李四", "department": [2, 3]},
        ],
        tags=[{"tagid": 7, "tagname": "骨干", "userlist": ["zhangsan"], "partylist": [3]}],
    )
    corpId = suite.exchange(wecom_emulator.authorize(CORP))
    suite.refresh(corpId)
    wecom_emulator.calls.clear()
    return suite.client(corpId)

"""What the tests of organisations share: real databases, an engine with a clock of its own, and an app with a corp."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jit_corps.plan import plan_guarded
from jit_corps.plugin import jit_models
from jit_corps.progress import shown
from jit_corps.state import read_state
from jit_corps.sync import Engine
from jit_corps.targeted_sync import sync_targets
from jitcore.storage import Storage
from tests.jit_corps.scripted import CORP, CORP_ID, ScriptedCorp, only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jit_corps.changes import Plan
    from jit_corps.report import SyncReport
    from jit_corps.rows import LocalState
    from jit_corps.snapshot import Snapshot, Targets
    from jitcore import App
    from jitcore.testing import MakeApp, WriteApp
    from tests.fixtures.migrated import Migrated


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


class Bench:
    """An engine on a real database, driven by snapshots."""

    def __init__(self, storage: Storage, clock: Clock, corpFullName: str = CORP) -> None:
        self.storage = storage
        self.clock = clock
        self.engine = Engine(storage, corpFullName, CORP_ID, "Shop", clock)

    def sync(self, told: Snapshot | Callable[..., Snapshot], approve: int | None = None) -> SyncReport:
        """Run once with this upstream."""
        with shown("Shop", None) as progress:
            return self.engine.run(_fetch(told), action="sync", approve=approve, progress=progress)

    def sync_another_day(self, told: Snapshot | Callable[..., Snapshot]) -> SyncReport:
        """Run once, when nothing that went before counts for the guard any more."""
        self.clock.pass_(100_000)
        return self.sync(told)

    def events(self, told: Snapshot | Callable[..., Snapshot], targets: Targets) -> SyncReport:
        """Read single records of this upstream."""
        fetch = told if callable(told) else lambda asked, *, progress: only(told, asked)
        return sync_targets(self.engine, fetch, targets)

    def plan(self, told: Snapshot) -> Plan:
        return plan_guarded(told, self.state, recent=self.engine.recent())

    @property
    def state(self) -> LocalState:
        return read_state(self.storage, self.engine.corpFullName, "Shop")


def _fetch(told: Snapshot | Callable[..., Snapshot]) -> Any:
    return told if callable(told) else lambda _known, *, confirm, progress: told


@pytest.fixture
def clock() -> Clock:
    """Time that stands still until told."""
    return Clock()


@pytest.fixture
def open_bench(open_database, clock) -> Iterator[Callable[..., Bench]]:
    """Makes engines on the same data, SQLite and PostgreSQL in turn: ``open_bench("corps.Other")``."""
    opened: list[Storage] = []

    def make(corpFullName: str = CORP) -> Bench:
        model_sets = jit_models()
        opened.append(Storage(open_database(*model_sets), model_sets))
        return Bench(opened[-1], clock, corpFullName)

    yield make
    for storage in opened:
        storage.close()


@pytest.fixture
def bench(open_bench) -> Bench:
    """An engine on an empty database."""
    return open_bench()


APP_FILES = {
    "corps/ScriptedType/e.json": {"type": "corps.Meta", "title": "Scripted"},
    "corps/ScriptedType/__init__.py": "from tests.jit_corps.scripted import Loader, ScriptedCorp\n",
    "corps/Shop/e.json": {"type": "corps.ScriptedType", "title": "The Shop"},
    "corps/Shop/Shop.json": {"corpId": CORP_ID, "authFullName": "auths.ShopAuth"},
}


@pytest.fixture
def open_app(open_app: MakeApp, write_app: WriteApp, migrated: Migrated) -> MakeApp:
    """As everywhere; the database is there and migrated."""

    def make(files: Mapping[str, Any], name: str = "app", **options: Any) -> App:
        migrated.put_into(write_app(files, name))
        return open_app({}, name, **options)

    return make


@pytest.fixture
def shop_app(open_app) -> App:
    """An app with the organisation ``corps.Shop``, on SQLite."""
    return open_app(APP_FILES)


@pytest.fixture
def shop(shop_app) -> ScriptedCorp:
    """The organisation of ``shop_app``; set its ``upstream``."""
    corp = shop_app.getElement(CORP)
    assert isinstance(corp, ScriptedCorp)
    return corp

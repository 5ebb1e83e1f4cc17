"""An enterprise at the emulator, and its organisation here: real HTTP, a real database, time that passes when told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps.checkpoints import Checkpoint
from jit_corps.errors import SyncFailed
from jit_corps.progress import shown
from jit_corps.recall import Recall
from jit_corps.targeted_sync import sync_targets
from jit_qywx.callback import parse_app_event
from jit_qywx.contact_events import work_of
from jit_qywx.emulator import Org
from jit_qywx.export_choice import AUTO
from jit_qywx.kept import Kept
from jit_qywx.pages import pack, unpack
from jit_qywx.reading import read_corp
from jit_qywx.reading_targets import read_targets
from tests.jit_corps.oracle import seen_by
from tests.jit_corps.scripted import CORP_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_corps.report import SyncReport
    from jit_corps.snapshot import Snapshot, Targets
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.emulator.changes import Change
    from jit_qywx.suite import Suite
    from tests.jit_corps.conftest import Bench

#: Every path but gettoken and the suite's: what a reading calls.
READING = "[adetu]*/*"
EVERYTHING = tuple(
    f"contact:sensitive:{name}"
    for name in ("user_name", "department_name", "position", "mobile", "email", "telephone", "gender", "avatar")
)


def organisation(departments: int = 12, people: int = 30, tags: int = 3) -> Org:
    """A tree two children wide; everybody in one department, the first in two; tags, one of them on a department."""
    org = Org(root="总部")
    for number in range(2, departments + 1):
        org.add_department(f"部门{number}", number // 2, department_id=number)
    for number in range(people):
        places = {1 + number % departments, *([1] if number == 0 else [])}
        org.add_member(f"user{number:02}", f"成员{number}", departments=sorted(places))
    for number in range(1, tags + 1):
        org.add_tag(f"标签{number}", tag_id=number, users=(f"user{number:02}",), departments=(2,) * (number == 1))
    return org


def quietly(*_: object) -> None:
    """Progress that nobody watches."""


class World:
    """One enterprise.

    :param bench: the engine and its database.
    :param concurrency: 1 makes the order of calls the same every time.
    """

    def __init__(
        self, wecom: Emulator, suite: Suite, bench: Bench, org: Org, *, corpId: str = CORP_ID, **rights: Any
    ) -> None:
        self.wecom = wecom
        self.suite = suite
        self.bench = bench
        self.corpId = corpId
        self.concurrency = 1
        wecom.add_corp(corpId, "示例企业", org)
        # Names come by permission, as in an app of before 2022.
        told: dict[str, Any] = {"permissions": EVERYTHING, "created_before_2022": True, **rights}
        suite.refresh(suite.exchange(wecom.authorize(corpId, **told)))
        self.org = wecom.org(corpId)
        #: ``fetch`` of the business file.
        self.fetch_by = AUTO
        #: Whether a run keeps what it has read when it is interrupted, as those of an element do.
        self.keeps = False
        self.before: Callable[[], object] = quietly

    @property
    def client(self) -> QywxProxyClient:
        return self.suite.client(self.corpId)

    def fetch(self, known: frozenset[str] = frozenset(), *, confirm: int = 10, progress: Any = quietly) -> Snapshot:
        return read_corp(
            self.client,
            known,
            confirm=confirm,
            concurrency=self.concurrency,
            progress=progress,
            corpName="示例企业",
            fetch=self.fetch_by,
            everybody=Kept(self.bench.storage, self.bench.engine.corpFullName).everybody,
            checkpoint=self.checkpoint() if self.keeps else None,
            contacts=False,
            recall=Recall(self.bench.storage, self.bench.engine.corpFullName, self.bench.clock, self.suite.digests),
        )

    def checkpoint(self) -> Checkpoint:
        """What an interrupted run has left."""
        engine = self.bench.engine
        return Checkpoint(
            self.bench.storage, engine.corpFullName, self.corpId, self.bench.clock, pack=pack, unpack=unpack
        )

    def fetch_targets(self, targets: Targets, *, progress: Any) -> Snapshot:
        kept = Kept(self.bench.storage, self.bench.engine.corpFullName)
        return read_targets(
            self.client, targets, kept, concurrency=self.concurrency, progress=progress, corpName="示例企业"
        )

    def sync(self, approve: int | None = None) -> SyncReport:
        """A full run."""
        self.bench.clock.pass_(1)
        with shown("Shop", None) as progress:
            return self.bench.engine.run(self.fetch, action="sync", approve=approve, progress=progress)

    def tried(self) -> SyncReport | SyncFailed:
        """A full run, or how it failed."""
        try:
            return self.sync()
        except SyncFailed as error:
            return error

    def told(self, *changes: Change) -> Targets:
        """What the callbacks of edits ask for."""
        app = self.wecom.app(self.corpId)
        callbacks = [self.wecom.callbacks.change(app, one) for one in changes]
        return work_of([parse_app_event(one.plaintext.encode(), self.corpId) for one in callbacks]).targets

    def events(self, *changes: Change) -> SyncReport:
        """The callbacks of edits arrive together and are worked off."""
        self.bench.clock.pass_(1)
        return sync_targets(self.bench.engine, self.fetch_targets, self.told(*changes))

    def publish(self, snapshot: Snapshot, approve: int | None = None) -> SyncReport:
        """A run whose upstream is this value."""
        self.bench.clock.pass_(1)
        return self.bench.sync(snapshot, approve)

    def seen(self) -> Any:
        """The organisation in the words of the oracle."""
        return seen_by(self.bench.state)

    def content(self) -> tuple[Any, ...]:
        """Everything that is published, but for the number of its generation."""
        return content(self.bench)

    def count_calls(self) -> int:
        """How many calls a run that meets no trouble takes, by running it without publishing."""
        self.wecom.calls.clear()
        self.fetch(self.bench.engine.known())
        made = sum(call.path != "gettoken" for call in self.wecom.calls)
        self.wecom.calls.clear()
        return made

    def last_run(self) -> Any:
        """The row of the newest run."""
        return last_run(self.bench)


def content(bench: Bench) -> tuple[Any, ...]:
    """Everything that is published of a corp, but for the number of its generation."""
    state = bench.state
    return (state.header, state.departments, state.members, state.memberships, state.roles, state.grants)


def last_run(bench: Bench) -> Any:
    """The row of a corp's newest run."""
    from jit_corps.models import SyncRun

    run = bench.storage.models[SyncRun]
    mine = run.select().where(run.corpFullName == bench.engine.corpFullName)
    return mine.order_by(run.runId.desc()).limit(1).get()

"""Every enterprise of an app at once, against the emulator: bad ones among them, and what each costs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from jit_corps.fleet import sync_all
from jit_corps.run_list import newest
from jit_corps.turns import Limits
from jit_qywx.client.timing import Timing
from jit_qywx.emulator import Org
from jit_qywx.models import QywxAuthorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator import Emulator
    from jitcore import App

AUTH, IMPATIENT = "auths.Suite", "auths.Impatient"
BAD = {"ww02": "RateLimited", "ww04": "AnswerTimeout", "ww06": "AuthorizationLost"}
#: Seconds to wait for an answer: more than any takes on a busy machine, and few for the enterprise that hangs.
PATIENCE = {AUTH: 60, IMPATIENT: 2}


class Fleet:
    """An app whose suites small enterprises have authorised, ``ww00`` and on; none of them has a folder."""

    def __init__(self, app: App, wecom: Emulator) -> None:
        self.app = app
        self.wecom = wecom
        self.auth = self._auth(AUTH)

    def add(self, number: int, members: int = 5) -> None:
        self._add(self.auth, number, members)

    def add_impatient(self, number: int) -> None:
        """One whose answers are not waited for as long as those of the others."""
        self._add(self._auth(IMPATIENT), number, 5)

    def _auth(self, name: str) -> Any:
        auth = self.app.getElement(name)
        auth.timing = Timing(sleep=lambda seconds: None, random=lambda: 0.0)
        auth.setSuiteTicket(self.wecom.new_ticket(auth.suiteId))
        return auth

    def _add(self, auth: Any, number: int, members: int) -> None:
        corpid = f"ww{number:02}"
        self.wecom.add_corp(corpid, f"企业{number}", Org.generate(number, members, max(2, members // 100), 1))
        auth.authorize(self.wecom.authorize(corpid, auth.suiteId))

    def spoil(self) -> None:
        """Make those of ``BAD`` bad, each in its own way."""
        self.wecom.faults.add("user/list", corpid="ww02", errcode=45009)
        self.wecom.faults.add("department/list", corpid="ww04", hang=True)
        self.wecom.reset_permanent_code("ww06")

    def members(self, number: int) -> int:
        return len(self.app.getElement(f"corps.ww{number:02}").getMembers())


@pytest.fixture
def make_fleet(open_app: Callable[..., App], wecom_emulator: Emulator) -> Callable[..., Fleet]:
    """Makes a fleet of so many enterprises.

    :param sizes: members of those that have more than five, by number.
    :param hanging: the number of one that will hang.
    :param database: business file of a PostgreSQL to use.
    """

    def make(
        count: int,
        sizes: dict[int, int] | None = None,
        hanging: int | None = None,
        database: dict[str, Any] | None = None,
    ) -> Fleet:
        files: dict[str, Any] = {}
        for name, suite in ((AUTH, wecom_emulator.suite), (IMPATIENT, wecom_emulator.add_suite("suiteimpatient"))):
            word = name.partition(".")[2]
            files[f"auths/{word}/e.json"] = {"type": "auths.loginTypes.QywxProxyType", "title": word}
            files[f"auths/{word}/{word}.json"] = {
                "authConfig": {
                    "suiteId": suite.id,
                    "suiteSecret": suite.secret,
                    "encodingAESKey": suite.aes_key,
                    "token": suite.token,
                },
                "apiBaseUrl": wecom_emulator.base_url,
                "timeoutSeconds": PATIENCE[name],
                "autoCreateCorp": {"fullName": "corps.{corpId}"},
            }
        if database is not None:
            files["databases/Default/e.json"] = {"type": "databases.PgSqlType", "title": "PostgreSQL"}
            files["databases/Default/Default.json"] = database
        fleet = Fleet(open_app(files, name="fleet"), wecom_emulator)
        for number in range(count):
            if number == hanging:
                fleet.add_impatient(number)
            else:
                fleet.add(number, (sizes or {}).get(number, 5))
        wecom_emulator.calls.clear()
        return fleet

    return make


class Watcher:
    """Remembers the most runs that were seen at once."""

    most = 0

    def planned(self, count: int) -> None:
        self.count = count

    def began(self, corpFullName: str, title: str) -> None:
        self.most = max(self.most, len(threads("jit-sync")))

    def progressed(self, corpFullName: str, phase: str, done: int, total: int | None) -> None:
        pass

    def ended(self, result: Any) -> None:
        pass


def threads(*names: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(names)]


def bad_ones(results: Any) -> dict[str, str]:
    """Why those that are not ok are not."""
    return {
        result.corpFullName.removeprefix("corps."): type(result.error.__cause__).__name__
        if result.error is not None
        else result.status
        for result in results
        if result.status != "ok"
    }


@pytest.mark.no_cover
def test_sixty_enterprises_of_which_some_are_bad(make_fleet: Callable[..., Fleet]) -> None:
    """One over its quota, one that hangs, one with a wrong secret, one of 5,000 members: all others are synced, each
    with as many calls as alone; threads are bounded and end; next time neither quota nor secret is tried."""
    fleet = make_fleet(60, sizes={3: 5_000}, hanging=4)
    fleet.spoil()
    watcher = Watcher()
    results = sync_all(fleet.app, watcher=watcher)
    assert watcher.count == len(results) == 60
    assert bad_ones(results) == BAD
    assert (fleet.members(3), fleet.members(59)) == (5_000, 5)

    calls = Counter(call.corpid for call in fleet.wecom.calls)
    ordinary = {calls[f"ww{number:02}"] for number in range(60) if number != 3 and f"ww{number:02}" not in BAD}
    # Its token, the range twice (agent/get and tag/get), departments, members of each, tags.
    assert ordinary == {10}
    # One wrong secret is one call, and a hanging call is tried three times.
    assert (calls["ww06"], fleet.wecom.calls.by_path["department/list"]) == (1, 58 + 3)
    assert watcher.most <= 16
    assert threads("jit-sync", "jit-qywx-read") == []

    fleet.wecom.calls.clear()
    fleet.wecom.faults.clear()
    assert bad_ones(sync_all(fleet.app)) == {"ww02": "parked", "ww06": "parked"}
    assert {call.corpid for call in fleet.wecom.calls} == {f"ww{number:02}" for number in range(60)} - {"ww02", "ww06"}


def test_a_fleet_on_postgresql(
    make_fleet: Callable[..., Fleet],
    postgres_server: Any,
    postgres_database: dict[str, Any],
) -> None:
    """The same there, with fewer: each thread has a connection of its own while it needs one."""
    server = postgres_server
    address = f"{server.user}:{server.password}@127.0.0.1:{server.port}/{postgres_database['database']}"
    fleet = make_fleet(10, database={"url": f"postgresql://{address}"})
    fleet.wecom.faults.add("user/list", corpid="ww02", errcode=45009)
    fleet.wecom.reset_permanent_code("ww06")
    assert bad_ones(sync_all(fleet.app)) == {"ww02": BAD["ww02"], "ww06": BAD["ww06"]}
    assert [fleet.members(number) for number in range(10)] == [5, 5, 0, 5, 5, 5, 0, 5, 5, 5]
    assert newest(fleet.app.storage, "corps.ww02", 1)[0]["status"] == "failed"


def test_one_that_hangs_is_given_up_and_ended_with_the_app(make_fleet: Callable[..., Fleet]) -> None:
    """Its time limit passes while a call waits; the call ends when the app is closed, and nothing is left."""
    fleet = make_fleet(3)
    fleet.wecom.faults.add("department/list", corpid="ww01", hang=True)
    began = time.monotonic()
    results = {result.corpFullName: result for result in sync_all(fleet.app, limits=Limits(timeout=0.5, grace=0.1))}
    assert results["corps.ww01"].error.code == "sync-stopped"
    left = threads("jit-sync", "jit-qywx-read")
    fleet.app.close()
    for thread in left:
        thread.join(60)
    assert threads("jit-sync", "jit-qywx-read") == []
    assert time.monotonic() - began < 30


def test_who_rests_is_not_asked(make_fleet: Callable[..., Fleet]) -> None:
    """Cancelled, closed and parked enterprises cost no call; a suspended one is tried again after a day."""
    fleet = make_fleet(4)
    auth, wecom = fleet.auth, fleet.wecom
    wecom.push_event(auth.notify, "cancel_auth", "ww00")
    wecom.set_app("ww01", closed=True)
    wecom.reset_permanent_code("ww02")
    auth.callbacks()
    assert sorted(bad_ones(sync_all(fleet.app))) == ["ww00", "ww01", "ww02"]
    wecom.calls.clear()
    results = {result.corpFullName: result for result in sync_all(fleet.app)}
    words = {name: (result.status, result.is_ok) for name, result in sorted(results.items())}
    assert words == {
        "corps.ww00": ("cancelled", True),
        "corps.ww01": ("suspended", False),
        "corps.ww02": ("parked", False),
        "corps.ww03": ("ok", True),
    }
    assert {call.corpid for call in wecom.calls} == {"ww03"}

    grant = fleet.app.models[QywxAuthorization]
    with fleet.app.storage.transaction():
        grant.update(updatedAt=time.time() - 90_000).where(grant.corpId == "ww01").execute()
    wecom.set_app("ww01", closed=False)
    assert bad_ones(sync_all(fleet.app)) == {"ww00": "cancelled", "ww02": "parked"}
    assert fleet.members(1) == 5


def test_ctrl_c_ends_the_command(make_fleet: Callable[..., Fleet]) -> None:
    """With 130, at once although a call hangs; what was published stays, nothing else is, and the next sync is well."""
    fleet = make_fleet(6)
    hanging = fleet.wecom.faults.add("user/list", corpid="ww01", hang=True)
    command = [sys.executable, "-m", "jitcore.cli", "--app", str(fleet.app.path), "sync", "--all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not hanging.hits and process.poll() is None:
            time.sleep(0.02)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 30
    assert "Traceback" not in out + err
    assert "Interrupted." in err
    assert "6 organisations: " in out
    run = newest(fleet.app.storage, "corps.ww01", 1)[0]
    assert run["status"] in {"failed", "running"}
    assert fleet.members(1) == 0
    fleet.wecom.faults.clear()
    assert bad_ones(sync_all(fleet.app)) == {}

"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jit_qywx.emulator import Org
from jitcore import App

if TYPE_CHECKING:
    from jit_qywx.emulator import Emulator
    from jitcore.testing import MakeApp
    from tests.fixtures.migrated import Migrated

pytest_plugins = [
    "jitcore.testing",
    "tests.fixtures.checking",
    "tests.fixtures.databases",
    "tests.fixtures.mariadb",
    "tests.fixtures.measuring",
    "tests.fixtures.migrated",
    "tests.fixtures.postgres",
    "tests.invariants.harness.share",
    "pytester",
]

SAMPLE_APP = Path(__file__).parents[1] / "sample_app"


def pytest_sessionstart() -> None:
    """Let Ctrl-C reach the programs that tests start, also where pytest itself was started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as there are processors: tests wait for programs, for servers and for clocks."""
    return ((os.cpu_count() or 1) * 3 + 1) // 2


@pytest.fixture
def open_app(make_app: MakeApp) -> MakeApp:
    """Write an app folder and open it; closed when the test ends."""
    return make_app


@pytest.fixture
def sample_app(tmp_path: Path) -> Path:
    """A copy of the sample app, as a newcomer makes one."""
    return Path(shutil.copytree(SAMPLE_APP, tmp_path / "sample_app", ignore=shutil.ignore_patterns("appData", ".env")))


@pytest.fixture
def authorised_app(
    sample_app: Path, wecom_emulator: Emulator, migrated: Migrated, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The copy of the sample app, its variables pointing at an emulator whose two enterprises authorised it.

    The enterprises have the members and roles that the pages name. Variables come from the process environment, as on
    a server.
    """
    wecom = wecom_emulator
    suite = wecom.add_suite("suite456")
    corps = {"corpAId": "corp123", "corpBId": "corp789", "qywxProxyCorpId": "corp123"}
    variables = {
        "wecomApiBaseUrl": wecom.base_url,
        "suiteId": suite.id,
        "suiteSecret": suite.secret,
        "suiteToken": suite.token,
        "suiteEncodingAESKey": suite.aes_key,
        **corps,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for corpid, title in (("corp123", "示例甲公司"), ("corp789", "示例乙公司")):
        wecom.add_corp(corpid, title, _organisation())
    migrated.put_into(sample_app)
    with App(sample_app) as app:
        auth = app.getElement("auths.QywxProxyAuth")
        assert wecom.push_ticket(auth.notify, suite.id).reply == "success"
        for corpid in ("corp123", "corp789"):
            assert wecom.push_event(auth.notify, "create_auth", corpid, suite_id=suite.id).reply == "success"
    return sample_app


def _organisation() -> Org:
    """Four departments, the members that the documentation names, two tags."""
    org = Org(root="总部")
    for number, (name, parent) in enumerate((("研发部", 1), ("平台组", 2), ("市场部", 1)), start=2):
        org.add_department(name, parent, department_id=number)
    people = ["member123", "member1", "member2", "manager001", "employee001", "user1", "user2"]
    for place, userid in enumerate(people):
        org.add_member(userid, f"成员{place}", departments=(2 + place % 3,))
    org.add_tag("管理员", users=("manager001",))
    org.add_tag("研发", departments=(2,))
    return org

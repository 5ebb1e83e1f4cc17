"""The corp element of a proxied app: how it reaches WeCom, and who knows its AgentId."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from jit_corps.errors import SyncFailed
from jit_corps.run_list import lines, newest
from jit_qywx import errors
from jitcore import App
from jitcore.errors import ArgumentError, ElementInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jit_qywx.emulator import Emulator


@pytest.fixture
def corp(authorised_app: Path) -> Any:
    """The sample app's first organisation, authorised."""
    with App(authorised_app) as app:
        yield app.getElement("corps.CorpA")


def test_sync_and_sync_again(corp: Any, wecom_emulator: Emulator) -> None:
    """The whole way: the second sync of an unchanged enterprise changes nothing and costs the same calls."""
    wecom_emulator.calls.clear()
    first = corp.syncCorp()
    assert (first.status, first.counts["members"]["added"]) == ("ok", 7)
    again = corp.syncCorp()
    assert (again.status, again.changes, again.calls) == ("ok", 0, first.calls)
    assert len(wecom_emulator.calls) == 2 * first.calls + 1


@pytest.fixture
def exporting(authorised_app: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same organisation, whose business file asks for exports; half a second of waiting is none."""
    file = authorised_app / "corps" / "CorpA" / "CorpA.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "fetch": "export"}))
    monkeypatch.setattr("jit_qywx.export_reading._FIRST_WAIT", 0.01)
    with App(authorised_app) as app:
        yield app.getElement("corps.CorpA")


def test_sync_by_export(exporting: Any, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """The report, the run's row and the log say what was proven; the organisation is the one that a walk gives."""
    caplog.set_level(logging.INFO, "jit_corps.sync")
    report = exporting.syncCorp()
    assert (report.status, report.counts["members"]["added"]) == ("ok", 7)
    # At first sight of an enterprise its three largest departments are listed as well.
    assert wecom_emulator.calls.by_path["user/list"] == 3
    told = "export, 3 files verified by size and MD5"
    assert report.way.startswith(told)
    assert report.as_dict()["way"] == report.way
    assert f"\n  read by {told}" in str(report)
    assert f"read corp=corps.CorpA by {told}" in caplog.text
    [row] = newest(exporting.app.storage, exporting.fullName, 1)
    assert row["way"] == report.way
    assert any(told in line for line in lines([row]))
    assert exporting.syncCorp().changes == 0
    assert wecom_emulator.calls.by_path["user/list"] == 3
    exporting.config["fetch"] = "walk"
    again = exporting.syncCorp()
    assert (again.status, again.changes, again.way) == ("ok", 0, "")
    assert newest(exporting.app.storage, exporting.fullName, 1)[0]["way"] is None


def test_leavers_of_an_export_are_looked_for(exporting: Any, wecom_emulator: Emulator) -> None:
    """Whoever is not in an export goes offline only when WeCom says that they are gone."""
    exporting.syncCorp()
    wecom_emulator.org("corp123").remove_member("user1")
    exporting.syncCorp()
    assert exporting.getMember("user1").status == 2
    assert wecom_emulator.calls.by_path["user/get"] == 1


def test_an_export_that_fails_leaves_everything(exporting: Any, wecom_emulator: Emulator) -> None:
    """Where only exports are allowed, a sync whose export fails says which file and changes nothing."""
    exporting.syncCorp()
    wecom_emulator.org("corp123").remove_member("user1")
    wecom_emulator.faults.add("export/get_result", garbage="wrong-md5")
    with pytest.raises(SyncFailed, match=r"export/department block 1 of 1 does not have the MD5"):
        exporting.syncCorp()
    assert exporting.getMember("user1").status == 1


def test_clients_are_shared(corp: Any) -> None:
    """Every caller gets the same client, so that all keep to one pace."""
    assert corp.getClient() is corp.getClient()
    assert corp.getClient().corpId == "corp123"


def test_failed_call_leaves_everything(corp: Any, wecom_emulator: Emulator) -> None:
    """A sync whose reading fails names the call and changes nothing."""
    corp.syncCorp()
    members = {each.memberId for each in corp.getMembers("active")}
    wecom_emulator.org("corp123").remove_member("user1")
    wecom_emulator.faults.add("user/list", errcode=60020)
    with pytest.raises(SyncFailed, match="user/list department_id="):
        corp.syncCorp()
    assert {each.memberId for each in corp.getMembers("active")} == members


def test_leaver_goes_offline_although_the_range_changed_the_same_day(corp: Any, wecom_emulator: Emulator) -> None:
    """Whoever leaves between two runs that see different ranges or rights must not stay active for ever."""
    corp.syncCorp()
    wecom_emulator.org("corp123").remove_member("user1")
    wecom_emulator.set_permissions("corp123", [], suite_id="suite456")
    corp.syncCorp()
    assert (corp.getMember("user1").status, corp.getMember("user1").presence) == (1, "invisible")
    corp.syncCorp()
    assert (corp.getMember("user1").status, corp.getMember("user1").reason) == (2, "absent")


def test_leaver_goes_offline(corp: Any, wecom_emulator: Emulator) -> None:
    """A member who is gone and confirmed as gone goes offline."""
    corp.syncCorp()
    wecom_emulator.org("corp123").remove_member("user1")
    corp.syncCorp()
    assert corp.getMember("user1").status == 2


def test_get_agent_id(corp: Any, wecom_emulator: Emulator) -> None:
    """The static method of the seed page finds the AgentId through the open Apps."""
    from corps.QywxProxyType import QywxProxyCorp

    assert QywxProxyCorp.getAgentId("corp123", "suite456") == str(wecom_emulator.app("corp123", "suite456").agentid)


@pytest.mark.parametrize(
    ("corpId", "suiteId", "why"),
    [("corp000", "suite456", "no authorization of that enterprise"), ("corp123", "suite000", "no auth element")],
)
def test_unknown_agent_id_says_what_is_unknown(corp: Any, corpId: str, suiteId: str, why: str) -> None:
    """An enterprise that is not authorised and a suite nobody has are told apart."""
    with pytest.raises(errors.AgentUnknown, match=why):
        type(corp).getAgentId(corpId, suiteId)


def test_agent_id_without_an_open_app() -> None:
    """Without an open App there is nobody to ask."""
    from jit_qywx.corps.QywxProxyType import QywxProxyCorp

    with pytest.raises(errors.AgentUnknown, match="no App is open"):
        QywxProxyCorp.getAgentId("corp123", "suite456")


@pytest.mark.parametrize(("corpId", "suiteId"), [("", "suite456"), ("corp123", None), (7, "suite456")])
def test_agent_id_takes_texts(corpId: Any, suiteId: Any) -> None:
    """Arguments of the wrong kind are named."""
    from jit_qywx.corps.QywxProxyType import QywxProxyCorp

    with pytest.raises(ArgumentError):
        QywxProxyCorp.getAgentId(corpId, suiteId)


def test_apps_that_disagree_about_an_agent_id(corp: Any, authorised_app: Path, tmp_path: Path) -> None:
    """Two open Apps that know different AgentIds are an error that names both; the same id twice is none."""
    import shutil

    shutil.copytree(authorised_app, tmp_path / "second")
    with App(tmp_path / "second") as second:
        agent_id = type(corp).getAgentId("corp123", "suite456")
        second.database.execute_sql("UPDATE jit_qywx_authorization SET agentId = '7' WHERE corpId = 'corp123'")
        with pytest.raises(errors.AgentAmbiguous, match=f"{agent_id} in .*7 in "):
            type(corp).getAgentId("corp123", "suite456")


def test_a_broken_auth_element_does_not_hide_the_others(
    corp: Any, authorised_app: Path, wecom_emulator: Emulator, tmp_path: Path, open_app: Callable[..., App]
) -> None:
    """An auth element that cannot be loaded is passed over when an AgentId is looked for."""
    open_app(
        {
            "auths/Broken/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "Broken"},
            "auths/Broken/Broken.json": {},
        },
        name="other",
    )
    assert type(corp).getAgentId("corp123", "suite456") == str(wecom_emulator.app("corp123", "suite456").agentid)


def test_an_auth_element_without_clients_is_named(open_app: Callable[..., App]) -> None:
    """A corp that refers to an auth element of another kind says so, and what it needs."""
    app = open_app(
        {
            "auths/PlainType/e.json": {"type": "auths.Meta", "title": "Plain"},
            "auths/PlainType/__init__.py": (
                "from jitcore import Element, Loader as Base\n"
                "class Plain(Element):\n"
                "    authType = 'plain'\n"
                "    authConfig = {}\n"
                "    def getLoginConfig(self): return {}\n"
                "class Loader(Base):\n"
                "    elementClass = Plain\n"
            ),
            "auths/P/e.json": {"type": "auths.PlainType", "title": "P"},
            "corps/A/e.json": {"type": "corps.QywxProxyType", "title": "A"},
            "corps/A/A.json": {"corpId": "c", "authFullName": "auths.P"},
        }
    )
    with pytest.raises(errors.AuthUnavailable, match=r"auths\.P.*hands out no clients"):
        app.getElement("corps.A").getClient()


@pytest.mark.parametrize("concurrency", [0, 33, "0", "many", 1.5])
def test_concurrency_has_bounds(open_app: Callable[..., App], concurrency: object) -> None:
    """Concurrency is 1 to 32, as a number or as text from a variable."""
    app = open_app(
        {
            "auths/W/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "W"},
            "auths/W/W.json": {
                "authConfig": {"suiteId": "s", "suiteSecret": "s", "token": "t", "encodingAESKey": "a" * 43}
            },
            "corps/A/e.json": {"type": "corps.QywxProxyType", "title": "A"},
            "corps/A/A.json": {"corpId": "c", "authFullName": "auths.W", "concurrency": concurrency},
        }
    )
    with pytest.raises(ElementInvalid):
        app.getElement("corps.A")


def test_loading_a_corp_imports_nothing_heavy(sample_app: Path) -> None:
    """Opening an app and loading a corp element costs no HTTP, database, crypto or schema library."""
    import subprocess
    import sys

    code = (
        "import sys; from jitcore import App\n"
        "with App(sys.argv[1]) as app:\n"
        "    app.getElement('corps.CorpA'); app.getElement('auths.QywxProxyAuth')\n"
        "heavy = {'requests', 'urllib3', 'peewee', 'cryptography', 'jsonschema', 'watchdog', 'click', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(sample_app)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

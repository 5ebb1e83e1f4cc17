"""Corp elements that nobody wrote a folder for, and what jit list says about enterprises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_corps.errors import SyncFailed
from jit_qywx import errors
from jit_qywx.corp_elements import conditions
from jit_qywx.enterprises import element_name, enterprises, enterprises_of
from jit_qywx.models import QywxAuthorization
from jitcore import App
from jitcore.discovery import is_element_name
from jitcore.errors import ElementNotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jit_qywx.emulator import Emulator

AUTH = "auths.QywxProxyAuth"
TEMPLATE = {"fullName": "corps.wecom.{corpId}"}


@pytest.fixture
def opted_in(authorised_app: Path) -> Callable[..., Path]:
    """The sample app, its auth element opted in; two enterprises authorised, and of the second no element is left."""

    def opt_in(**template: Any) -> Path:
        change(authorised_app, {**TEMPLATE, **template})
        for path in (authorised_app / "corps" / "CorpB").iterdir():
            path.unlink()
        return authorised_app

    return opt_in


def change(path: Path, template: dict[str, Any] | None) -> None:
    """Write what the auth element generates."""
    file = path / "auths" / "QywxProxyAuth" / "QywxProxyAuth.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**config, "autoCreateCorp": template}), "utf-8")


def listed(path: Path) -> dict[str, dict[str, Any]]:
    """What ``jit list`` prints, in a process of its own."""
    command = [sys.executable, "-m", "jitcore.cli", "--app", str(path), "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {row["element"]: row for row in json.loads(done.stdout)}


def test_an_enterprise_without_an_element_gets_one(opted_in: Callable[..., Path]) -> None:
    """It syncs like any other; an enterprise that a folder's element names gets no second one."""
    with App(opted_in()) as app:
        found = [one.fullName for one in app.findElements(type="corps.QywxProxyType")]
        assert found == ["corps.CorpA", "corps.MyQywxProxyCorp", "corps.wecom.corp789"]
        corp = app.getElement("corps.wecom.corp789")
        assert (corp.title, corp.corpId, corp.authFullName) == ("示例乙公司", "corp789", AUTH)
        assert corp.syncCorp().status == "ok"
        assert len(corp.getMembers()) == 7
        assert app.check() == []


def test_the_template_decides(opted_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, title and further keys come from it; a {{variable}} in it is one in the element."""
    monkeypatch.setenv("most", "3")
    template = {
        "fullName": "corps.x{corpId}_corp",
        "title": "{corpName} ({corpId})",
        "config": {"concurrency": "{{most}}"},
    }
    with App(opted_in(**template), variables={"most": "3"}) as app:
        corp = app.getElement("corps.xcorp789_corp")
        assert corp.title == "示例乙公司 (corp789)"
        assert corp.concurrency == 3


def test_an_authorisation_makes_an_element(opted_in: Callable[..., Path], wecom_emulator: Emulator) -> None:
    """From create_auth on it is there, in this process and in every other."""
    path = opted_in()
    wecom_emulator.add_corp("wpNew-Corp", "新企业")
    with App(path) as app, App(path) as other:
        with pytest.raises(ElementNotFound):
            other.getElement("corps.wecom.wpNew_2dCorp")
        auth = app.getElement(AUTH)
        wecom_emulator.push_event(auth.notify, "create_auth", "wpNew-Corp", suite_id=auth.suiteId)
        auth.callbacks()
        for each in (app, other):
            assert each.getElement("corps.wecom.wpNew_2dCorp").corpId == "wpNew-Corp"
    assert "corps.wecom.wpNew_2dCorp" in listed(path)


def test_a_folder_takes_its_place(opted_in: Callable[..., Path]) -> None:
    """An app overrides one with a folder of the same name."""
    path = opted_in()
    folder = path / "corps" / "wecom" / "corp789"
    folder.mkdir(parents=True)
    (folder / "e.json").write_text('{"type": "corps.QywxProxyType", "title": "Mine"}')
    (folder / "corp789.json").write_text(json.dumps({"corpId": "corp789", "authFullName": AUTH}))
    with App(path) as app:
        assert app.getElement("corps.wecom.corp789").title == "Mine"
        assert app.explain("corps.wecom.corp789").winner.layer == "sample_app"


def test_a_cancelled_enterprise_keeps_its_element_until_it_is_erased(
    opted_in: Callable[..., Path], wecom_emulator: Emulator
) -> None:
    """Its history stays readable; erasing takes the element away."""
    with App(opted_in()) as app:
        app.getElement("corps.wecom.corp789").syncCorp()
        auth = app.getElement(AUTH)
        wecom_emulator.push_event(auth.notify, "cancel_auth", "corp789", suite_id=auth.suiteId)
        auth.callbacks()
        corp = app.getElement("corps.wecom.corp789")
        assert len(corp.getMembers()) == 7
        with pytest.raises(SyncFailed, match="cancelled"):
            corp.syncCorp()
        assert conditions(app) == {"corps.wecom.corp789": "cancelled"}
        assert auth.erase("corp789").corps == ("corps.wecom.corp789",)
        assert "corps.wecom.corp789" not in app.elements


def test_a_mistake_in_the_template_is_told_at_each_element(opted_in: Callable[..., Path]) -> None:
    """What the element's own schema refuses is a problem of the element, with its text."""
    with App(opted_in(config={"concurency": 3})) as app:
        (problem,) = app.check()
    assert (problem.element, problem.code) == ("corps.wecom.corp789", "key-unknown")
    assert "concurrency" in str(problem.hint)


@pytest.mark.parametrize(
    "fullName",
    ["corps.wecom", "auths.{corpId}", "corps.{corpId}.x", "corps.we-{corpId}", "corps.9{corpId}", "{corpId}"],
)
def test_a_name_that_cannot_be_is_refused(opted_in: Callable[..., Path], fullName: str) -> None:
    """The template's name has to hold the id, in its last part, and be a name."""
    with App(opted_in(fullName=fullName)) as app:
        assert next((one.element, one.pointer) for one in app.check() if one.severity == "error") == (
            AUTH,
            "/autoCreateCorp/fullName",
        )


def test_who_does_not_opt_in_never_opens_the_database(sample_app: Path) -> None:
    """Looking at an app makes no database, whether it opted in or not."""
    with App(sample_app) as app:
        assert app.elements
        assert app.check() == []
        assert app._storage is None
    change(sample_app, TEMPLATE)
    assert "corps.CorpA" in listed(sample_app)
    assert not list((sample_app / "appData").rglob("*.db"))


def test_not_opting_in_asks_nothing_of_the_database(authorised_app: Path) -> None:
    """A listing of an app without autoCreateCorp opens no storage, although there is one."""
    with App(authorised_app) as app:
        assert app.elements
        assert app._storage is None


def test_a_thousand_enterprises(opted_in: Callable[..., Path]) -> None:
    """Each is an element; the next listing asks the database once and reads no file again."""
    with App(opted_in()) as app:
        model: Any = app.models[QywxAuthorization]
        blank = {
            "suiteId": app.getElement(AUTH).suiteId,
            "state": "active",
            "eventAt": 0,
            "createdAt": 0,
            "updatedAt": 0,
        }
        with app.storage.transaction():
            model.insert_many([{**blank, "corpId": f"wp{number:04}"} for number in range(1000)]).execute()
        assert len(app.findElements(type="corps.QywxProxyType")) == 1003
        with app.storage.counting() as count:
            assert len(app.elements) > 1000
        assert count.total == 1
        assert app.getElement("corps.wecom.wp0999").corpId == "wp0999"
        assert app.check() == []


def test_jit_list_shows_who_is_parked(authorised_app: Path, wecom_emulator: Emulator) -> None:
    """Suspended by a refused secret: parked, at every element of that enterprise, in another process."""
    wecom_emulator.faults.add("gettoken", errcode=40001, times=1)
    with App(authorised_app) as app:
        with pytest.raises(errors.AuthorizationLost):
            app.getElement("corps.CorpA").getClient().department.list()
        reason = app.getElement("corps.CorpA").parked
        assert "40001" in str(reason)
        assert app.getElement("corps.CorpB").parked is None
    rows = listed(authorised_app)
    assert {name: row["condition"] for name, row in rows.items() if row["condition"]} == {
        "corps.CorpA": "parked",
        "corps.MyQywxProxyCorp": "parked",
    }


def test_jit_list_shows_a_refused_suite(authorised_app: Path, wecom_emulator: Emulator, monkeypatch: Any) -> None:
    """A suite whose own secret is refused shows at the auth element, until the secret is another."""
    wecom_emulator.expire_tokens(kind="suite")
    good = wecom_emulator.suite_of("suite456").secret
    monkeypatch.setenv("suiteSecret", "wrong")
    with App(authorised_app) as app:
        with pytest.raises(errors.AuthorizationLost):
            app.getElement(AUTH).authorize("code")
        assert conditions(app) == {AUTH: "parked"}
    monkeypatch.setenv("suiteSecret", good)
    with App(authorised_app) as app:
        assert conditions(app) == {}


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))
def test_an_id_is_a_name(corpId: str) -> None:
    """Whatever WeCom's ids hold, what becomes of them can be part of a full name, and be read back."""
    name = element_name(corpId)
    assert is_element_name(name)
    assert name.isascii()
    written = re.sub(
        "(?:_[0-9a-f]{2})+", lambda one: bytes.fromhex(one[0].replace("_", "")).decode(), name.removeprefix("x_x")
    )
    assert written == corpId


@pytest.mark.parametrize(
    ("corpId", "name"),
    [("wwAbC123", "wwAbC123"), ("wpA-b_1", "wpA_2db_5f1"), ("1a", "x_x1a"), ("-a", "x_x_2da"), ("x-a", "x_2da")],
)
def test_ids_stay_readable(corpId: str, name: str) -> None:
    """Ordinary ids stay as they are."""
    assert element_name(corpId) == name


def test_the_elements_of_one_enterprise(opted_in: Callable[..., Path]) -> None:
    """Those in folders and the one without are found by the enterprise's id, before anybody has listed anything."""
    path = opted_in()
    with App(path) as app:
        suiteId = app.getElement(AUTH).suiteId
        assert [one.fullName for one in enterprises_of(app, suiteId, "corp789")] == ["corps.wecom.corp789"]
        of_the_first = [one.fullName for one in enterprises_of(app, suiteId, "corp123")]
        assert of_the_first == ["corps.CorpA", "corps.MyQywxProxyCorp"]
        assert enterprises_of(app, "dkother", "corp123") == []
        assert enterprises_of(app, suiteId, "wwnobody") == []
        with app.storage.counting() as count:
            assert enterprises_of(app, suiteId, "corp789")
        assert count.total == 0
    with App(path) as app:
        assert {one.corpId for one in enterprises(app)} == {"corp123", "corp789"}

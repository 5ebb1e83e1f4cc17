"""No secret anywhere: canaries are planted in everything secret, and everything that is kept or shown is searched."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from jitcore import App
from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import FakeTime

    from jit_qywx.emulator import Emulator

CORP = "wwcorpa0000000"
SECRET = "canarySuiteSecret0123456789"
TOKEN = "canaryCallbackToken"
AES_KEY = "canaryEncodingAESKey" + "x" * 23
MOBILE = "13812345678"
MAIL = "canary.mail@corp.example"
TELEPHONE = "021-55550000"


@pytest.fixture
def app(open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime) -> App:
    """An App whose suite, members and tokens are full of canaries."""
    suite = wecom_emulator.add_suite("dkcanary", SECRET, TOKEN, AES_KEY)
    person = {"mobile": MOBILE, "email": MAIL, "telephone": TELEPHONE, "name": "张三", "department": [1]}
    wecom_emulator.add_corp(CORP, "示例企业", members=[{"userid": "zhangsan", **person}])
    wecom_emulator.install(
        CORP,
        suite.id,
        created_before_2022=True,
        permissions=[f"contact:sensitive:{name}" for name in ("user_name", "mobile", "email", "telephone")],
    )
    app = open_app(
        {
            "auths/Wecom/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "WeCom"},
            "auths/Wecom/Wecom.json": {
                "authConfig": {
                    "suiteId": suite.id,
                    "suiteSecret": SECRET,
                    "token": TOKEN,
                    "encodingAESKey": AES_KEY,
                },
                "apiBaseUrl": wecom_emulator.base_url,
                "timeoutSeconds": 0.1,
                "rateLimitWaitSeconds": 0,
            },
            "corps/A/e.json": {"type": "corps.QywxProxyType", "title": "A"},
            "corps/A/A.json": {"corpId": CORP, "authFullName": "auths.Wecom"},
        }
    )
    auth = app.getElement("auths.Wecom")
    auth.timing = fake_time.timing
    wecom_emulator.push_ticket(auth.notify, suite.id)
    wecom_emulator.push_event(auth.notify, "create_auth", CORP, suite_id=suite.id)
    auth.getClient(CORP)
    return app


def canaries(app: App, wecom_emulator: Emulator) -> dict[str, str]:
    """Everything that must not show, by name."""
    suite = app.getElement("auths.Wecom")._use()[0]
    client = suite.client(CORP)
    return {
        "suite secret": SECRET,
        "callback token": TOKEN,
        "AES key": AES_KEY,
        "mobile": MOBILE,
        "mail": MAIL,
        "telephone": TELEPHONE,
        "permanent code": wecom_emulator.app(CORP, "dkcanary").permanent_code,
        "app token": client._tokens.current().value,
        "suite token": suite._calls._tokens.current().value,
        "ticket": suite.tickets.current(),
    }


def assert_silent(text: str, planted: dict[str, str]) -> None:
    shown = [name for name, canary in planted.items() if canary in text]
    assert not shown


def test_canaries_reach_the_client(app: App, wecom_emulator: Emulator) -> None:
    """The test would prove nothing if the canaries were not there to begin with."""
    record = app.getElement("corps.A").getClient().user.get("zhangsan")
    assert (record["mobile"], record["email"], record["telephone"]) == (MOBILE, MAIL, TELEPHONE)


def test_logs_are_silent(app: App, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """Every log of every library at its chattiest, with all fields, holds no canary."""
    caplog.set_level(logging.DEBUG)
    corp = app.getElement("corps.A")
    corp.syncCorp()
    wecom_emulator.expire_tokens()
    wecom_emulator.faults.add("user/list", errcode=-1, times=1)
    corp.syncCorp()
    wecom_emulator.push_ticket(app.getElement("auths.Wecom").notify, "dkcanary")
    text = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert "urllib3" in text
    assert "jit_qywx" in text
    assert_silent(text, canaries(app, wecom_emulator))


def test_database_and_folder_are_silent(app: App, wecom_emulator: Emulator) -> None:
    """Neither the database nor any other file of the App holds a canary in clear."""
    app.getElement("corps.A").syncCorp()
    planted = canaries(app, wecom_emulator)
    app.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path for path in app.app_data.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    for path in files:
        content = path.read_bytes()
        shown = [name for name, canary in planted.items() if canary.encode() in content]
        assert not shown, path


FAULTS: list[dict[str, Any]] = [
    {"errcode": 40001},
    {"errcode": 40014},
    {"errcode": 45009},
    {"errcode": 99999},
    {"cut": "headers"},
    {"cut": "body"},
    {"garbage": "truncated"},
    {"garbage": "empty-object"},
    {"status": 502},
    {"hang": 0.15},
]


@pytest.mark.no_cover
@pytest.mark.parametrize("path", ["gettoken", "service/*", "user/list"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_errors_are_silent(
    app: App, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture, path: str, fault: dict[str, Any]
) -> None:
    """Whatever goes wrong on the way, neither message, repr, attributes nor traceback hold a canary."""
    caplog.set_level(logging.DEBUG)
    auth, corp = app.getElement("auths.Wecom"), app.getElement("corps.A")
    planted = canaries(app, wecom_emulator)
    code = wecom_emulator.authorize(CORP, "dkcanary")
    planted["auth code"] = code
    if path != "user/list":
        wecom_emulator.expire_tokens()
        wecom_emulator.clock.advance(1)
        suite = auth._use()[0]
        suite.tokens.forget(suite._key(CORP))
    wecom_emulator.faults.add(path, **fault)
    for call in (corp.syncCorp, lambda: auth.authorize(code), lambda: auth.resume(CORP)):
        try:
            call()
        except JitError as error:
            told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
            seen: BaseException | None = error
            while seen is not None:
                told += repr(seen) + repr(vars(seen))
                seen = seen.__cause__ or seen.__context__
            assert_silent(told, planted)
    assert_silent("\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records), planted)


def test_echoed_secrets_are_struck_out(app: App, wecom_emulator: Emulator) -> None:
    """A server that repeats our secrets in its errmsg does not get them into our errors."""
    planted = canaries(app, wecom_emulator)
    answer = {"errcode": 40058, "errmsg": " ".join(planted.values())}
    wecom_emulator.faults.add("user/list", rewrite=lambda _: answer)
    wecom_emulator.faults.add("service/*", rewrite=lambda _: answer)
    auth = app.getElement("auths.Wecom")
    only = {name: planted[name] for name in ("app token", "permanent code", "suite token")}
    with pytest.raises(JitError) as caught:
        app.getElement("corps.A").getClient().user.list(1)
    assert_silent(str(caught.value) + repr(vars(caught.value)), {"app token": only["app token"]})
    with pytest.raises(JitError) as caught:
        auth._use()[0].refresh(CORP)
    assert_silent(str(caught.value) + repr(vars(caught.value)), only | {"app token": "-" * 9})


def test_what_is_printed_is_silent(app: App, wecom_emulator: Emulator) -> None:
    """repr of everything a user holds in hand shows no canary."""
    auth, corp = app.getElement("auths.Wecom"), app.getElement("corps.A")
    suite, receiver = auth._use()
    report = corp.syncCorp()
    snapshot = corp.fetch(frozenset(), confirm=0, progress=lambda *_: None)
    shown: list[Any] = [auth, auth.authConfig, auth.getLoginConfig(), auth.authorizations(), auth.callbacks(), corp]
    shown += [corp.getClient(), report, snapshot, suite, suite.config, suite.transport, suite.tokens, suite.journal]
    shown += [receiver, suite._calls, suite.client(CORP)._tokens.current(), corp.getMembers(), report.as_dict()]
    assert_silent("\n".join(map(repr, shown)), canaries(app, wecom_emulator))


def test_command_line_is_silent(
    app: App, wecom_emulator: Emulator, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Neither plain nor JSON output of the commands holds a canary, nor does a saved plan."""
    from jitcore.cli import main

    planted = canaries(app, wecom_emulator)
    place = str(app.path)
    plan = tmp_path / "plan.json"
    app.close()
    for words in (
        ["list", "--json"],
        ["check", "--json"],
        ["explain", "auths.Wecom", "--json"],
        ["sync", "corps.A", "--save", str(plan)],
        ["sync", "--json"],
        ["sync", "--plan", "--json"],
        ["org", "corps.A", "--at", "1", "--json"],
        ["explain-member", "corps.A", "zhangsan", "--json"],
        ["org", "corps.A", "--json"],
        ["runs", "corps.A", "--json"],
        ["qywx", "authorize", "auths.Wecom", wecom_emulator.authorize(CORP, "dkcanary"), "--json"],
    ):
        with pytest.raises(SystemExit):
            main(["--app", place, *words])
    captured = capsys.readouterr()
    assert '"corpId"' in captured.out
    assert '"history"' in captured.out
    assert "zhangsan" in plan.read_text("utf-8")
    assert_silent(captured.out + captured.err + plan.read_text("utf-8"), planted)

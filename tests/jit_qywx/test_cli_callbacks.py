"""``jit callbacks``: what came, without its secrets, and once more."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from jitcore import App
from jitcore.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jit_qywx.emulator import Emulator

CORP = "corp123"


@pytest.fixture
def jit(authorised_app: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run ``jit`` on an app that received a ticket and two creations; returns what it printed."""

    def run(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["--app", str(authorised_app), "callbacks", *words])
        captured = capsys.readouterr()
        assert ended.value.code == code, captured
        assert "Traceback" not in captured.err
        return captured.err if code else captured.out

    return run


def test_callbacks_are_listed_newest_first(jit: Callable[..., Any]) -> None:
    """One line each: id, time, element, kind, enterprise, state."""
    lines = jit("list").splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert lines[1].split()[3:] == ["auths.QywxProxyAuth", "create_auth", CORP, "done"]
    assert jit("list", "auths.QywxProxyAuth", "--limit", "1").startswith("     3")
    assert jit("list", "--state", "parked") == "No callbacks.\n"


def test_a_program_gets_json(jit: Callable[..., Any]) -> None:
    """The same as data."""
    found = json.loads(jit("list", "--json"))
    assert (found[0]["id"], found[0]["auth"], found[0]["state"]) == (3, "auths.QywxProxyAuth", "done")
    assert json.loads(jit("show", "1", "--json"))["fields"]["SuiteTicket"] == "***"
    assert json.loads(jit("retry", "2", "--json"))["attempts"] == 2


def test_contents_are_masked(jit: Callable[..., Any], authorised_app: Path, wecom_emulator: Emulator) -> None:
    """No ticket, no auth code, and nothing of a person but the id."""
    assert "SuiteTicket      ***" in jit("show", "1")
    assert "AuthCode         ***" in jit("show", "2")
    with App(authorised_app) as app:
        auth = app.getElement("auths.QywxProxyAuth")
        callback = wecom_emulator.callbacks.app_event(
            wecom_emulator.app(CORP, "suite456"),
            "change_contact",
            ChangeType="update_user",
            UserID="member123",
            Name="张三",
            Mobile="13800000000",
        )
        callback.deliver(lambda *args, **kwargs: auth.notify(*args, **kwargs, corpId=CORP))
    shown = jit("show", "4")
    assert "UserID           member123" in shown
    assert "Name             ***" in shown
    assert "13800000000" not in shown
    assert "张三" not in shown


def test_a_retry_says_how_it_went(jit: Callable[..., Any], wecom_emulator: Emulator) -> None:
    """Done, or the error of the work; either way the record knows."""
    assert "tried 2 times" in jit("retry", "2")
    wecom_emulator.faults.add("service/*get_auth_info", errcode=60020)
    assert "60020" in jit("retry", "2", code=1)
    assert "qywx-network-refused" in jit("list", "--state", "parked")


def test_what_is_not_there_is_told(jit: Callable[..., Any]) -> None:
    """An unknown id, and an element that receives no callbacks."""
    assert "jit callbacks list" in jit("show", "404", code=1)
    assert "jit callbacks list" in jit("retry", "404", code=1)
    assert "no auth element" in jit("list", "corps.CorpA", code=2)


def test_help_imports_nothing_heavy() -> None:
    """The commands' help needs neither the server nor the database."""
    import subprocess

    code = (
        "import sys\nfrom jitcore.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'peewee', 'starlette', 'uvicorn', 'prometheus_client', 'cryptography'} & set(sys.modules)\n"
        "print('heavy:', heavy)"
    )
    for words in (["serve", "--help"], ["callbacks", "--help"], ["callbacks", "list", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
        assert "heavy: set()" in done.stdout, words

"""The commands about grants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jitcore import App
from jitcore.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jit_qywx.emulator import Emulator

AUTH = "auths.QywxProxyAuth"


@pytest.fixture
def jit(capsys: pytest.CaptureFixture[str], authorised_app: Path) -> Callable[..., tuple[int, str, str]]:
    """Run ``jit qywx`` on an app that two enterprises authorised: exit code, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["--app", str(authorised_app), "qywx", *words])
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def refused(authorised_app: Path, wecom_emulator: Emulator) -> None:
    """The first enterprise's secret is refused."""
    wecom_emulator.faults.add("gettoken", errcode=40001, times=1)
    with App(authorised_app) as app, pytest.raises(Exception, match="40001"):
        app.getElement("corps.CorpA").getClient().department.list()


def test_authorizations_are_listed(jit: Callable[..., tuple[int, str, str]]) -> None:
    """One line for each enterprise, with its state."""
    code, out, _ = jit("authorizations")
    assert code == 0
    head, first, second = out.splitlines()
    assert head.split() == ["enterprise", "name", "state", "since", "agent", "auth", "why"]
    assert first.split()[:3] == ["corp123", "示例甲公司", "active"]
    assert second.split()[0] == "corp789"
    assert jit("authorizations", AUTH) == (code, out, "")


def test_authorizations_as_json(jit: Callable[..., tuple[int, str, str]], refused: None) -> None:
    """For a program: everything but the secrets, and why an enterprise is parked."""
    code, out, _ = jit("authorizations", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["erasures"] == []
    first, second = told["authorizations"]
    assert (first["corpId"], first["state"], first["auth"]) == ("corp123", "suspended", AUTH)
    assert "40001" in first["parked"]
    assert (second["state"], second["parked"]) == ("active", None)
    assert not [key for key in first if "code" in key.lower() or "sealed" in key.lower()]


def test_a_parked_enterprise_shows(jit: Callable[..., tuple[int, str, str]], refused: None) -> None:
    """In the list, beside its state and with the reason; resume tries it again."""
    assert "suspended, parked" in jit("authorizations")[1]
    code, out, _ = jit("resume", AUTH, "corp123")
    assert (code, out) == (0, "示例甲公司 (corp123) is active.\n")
    assert "parked" not in jit("authorizations")[1]


def test_nobody_has_authorised_yet(jit: Callable[..., tuple[int, str, str]], authorised_app: Path) -> None:
    """An empty list says how it fills."""
    for corpid in ("corp123", "corp789"):
        assert jit("erase", AUTH, corpid, "--yes", "--force")[0] == 0
    code, out, _ = jit("authorizations")
    assert code == 0
    assert "install-link" in out
    assert out.count("Erasure") == 2


def test_the_install_link_is_printed(
    jit: Callable[..., tuple[int, str, str]], authorised_app: Path, wecom_emulator: Emulator
) -> None:
    """The link alone on the output, what to do with it beside; as JSON for a program."""
    config = authorised_app / "auths" / "QywxProxyAuth" / "QywxProxyAuth.json"
    told = json.loads(config.read_text("utf-8"))
    told |= {"corpId": wecom_emulator.provider_corpid, "providerSecret": wecom_emulator.provider_secret}
    config.write_text(json.dumps(told), "utf-8")
    code, out, err = jit("install-link", AUTH, "--state", "c42")
    assert code == 0
    assert wecom_emulator.scan(out.strip(), "corp123")
    assert "10 days" in err
    assert json.loads(jit("install-link", AUTH, "--json")[1])["expires_in"] == 864_000


def test_an_install_link_needs_the_provider(jit: Callable[..., tuple[int, str, str]]) -> None:
    """Without the provider's secret the missing keys are named."""
    code, _, err = jit("install-link", AUTH)
    assert code == 1
    assert "providerSecret" in err


def test_erase_asks(jit: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer nothing happens; the record tells what went."""
    code, _, err = jit("erase", AUTH, "corp123", "--force")
    assert code == 1
    assert "Erase everything" in err
    assert jit("erase", AUTH, "corp123", "--yes")[0] == 1
    code, out, _ = jit("erase", AUTH, "corp123", "--yes", "--force")
    assert code == 0
    assert "Erasure 1" in out
    assert "1 of jit_qywx_authorization" in out
    record = json.loads(jit("authorizations", "--json")[1])["erasures"][0]
    assert (record["corpId"], record["state"]) == ("corp123", "active")
    assert json.loads(jit("erase", AUTH, "corp123", "--yes", "--json")[1])["counts"] == {}


def test_other_elements_are_refused(jit: Callable[..., tuple[int, str, str]]) -> None:
    """Naming another element says what is meant."""
    for command in (["authorizations", "corps.CorpA"], ["install-link", "corps.CorpA"], ["erase", "corps.CorpA", "x"]):
        code, _, err = jit(*command)
        assert code == 2
        assert "auths.loginTypes.QywxProxyType" in err

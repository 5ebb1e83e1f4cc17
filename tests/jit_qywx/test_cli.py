"""The commands: the emulator as a program, authorising by hand, and the demo."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx.cli import EMULATED_PORT, EMULATED_SUITE, emulated_corps
from jit_qywx.demo import CORPS
from jitcore.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jit_qywx.emulator import Emulator

SAMPLE_APP = Path(__file__).parents[2] / "sample_app"


@pytest.fixture
def jit(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run ``jit`` in this process: exit code, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(list(words))
        captured = capsys.readouterr()
        return int(caught.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def running_emulator() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``jit qywx emulator`` as a process of its own; stopped when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "jitcore.cli", "qywx", "emulator", "--port", "0", *words]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_demo_shows_two_enterprises_and_no_second_change(jit: Callable[..., tuple[int, str, str]]) -> None:
    """The demo ends well, shows both trees and member counts, and its second run finds nothing to change."""
    code, out, _ = jit("--app", str(SAMPLE_APP), "demo", "--members", "8", "--departments", "3")
    assert code == 0
    for name, title in CORPS.items():
        assert name in out
        assert f"{title} (1)" in out
    assert "corps.CorpA has 8 members" in out
    assert "corps.CorpB has 4 members" in out
    assert out.count(", 0 changes (") == 2


def test_demo_leaves_the_app_alone(jit: Callable[..., tuple[int, str, str]], sample_app: Path) -> None:
    """The demo writes nothing into the app's folder and does not use its database."""
    before = {path: path.stat().st_mtime_ns for path in sample_app.rglob("*")}
    assert jit("--app", str(sample_app), "demo", "--members", "2", "--departments", "1")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in sample_app.rglob("*")} == before


def test_demo_of_an_app_with_another_database(jit: Callable[..., tuple[int, str, str]], sample_app: Path) -> None:
    """An app that keeps its rows elsewhere is not touched there either."""
    manifest = json.loads((sample_app / "app.json").read_text("utf-8"))
    manifest["settings"]["defaultElement"]["defaultDatabase"] = "databases.Real"
    (sample_app / "app.json").write_text(json.dumps(manifest), "utf-8")
    real = sample_app / "databases" / "Real"
    real.mkdir(parents=True)
    (real / "e.json").write_text('{"type": "databases.SqliteType", "title": "Real"}')
    (real / "Real.json").write_text(json.dumps({"database": str(sample_app / "real.db")}))
    assert jit("--app", str(sample_app), "demo", "--members", "2", "--departments", "1")[0] == 0
    assert not (sample_app / "real.db").exists()


def test_demo_elsewhere_says_what_it_needs(jit: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """In a folder that is not the sample app the demo says what to run."""
    code, _, err = jit("--app", str(tmp_path), "demo")
    assert code == 2
    assert "jit --app sample_app demo" in err


def test_sample_app_fits_the_emulator() -> None:
    """The defaults of the sample app's variables are the emulator's, so that the two find each other."""
    manifest = json.loads((SAMPLE_APP / "app.json").read_text("utf-8"))
    defaults = {variable["name"]: variable.get("default") for variable in manifest["variables"]}
    corp_a, corp_b = emulated_corps(2)
    assert defaults == {
        "wecomApiBaseUrl": f"http://127.0.0.1:{EMULATED_PORT}/cgi-bin/",
        "suiteId": EMULATED_SUITE.suiteId,
        "suiteSecret": EMULATED_SUITE.suiteSecret,
        "suiteToken": EMULATED_SUITE.token,
        "suiteEncodingAESKey": EMULATED_SUITE.encodingAESKey,
        "qywxProxyCorpId": corp_a,
        "corpAId": corp_a,
        "corpBId": corp_b,
    }


def test_emulator_tells_its_credentials_as_json(
    running_emulator: Callable[..., subprocess.Popen[str]],
    jit: Callable[..., tuple[int, str, str]],
    sample_app: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The emulator runs as a process; what it prints is enough to authorise and sync the sample app against it."""
    process = running_emulator("--json", "--members", "5", "--departments", "2", "--tags", "1", "--seed", "x")
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    corpId = emulated_corps(1)[0]
    monkeypatch.setenv("wecomApiBaseUrl", told["base_url"])
    app = ("--app", str(sample_app))
    code, out, err = jit(
        *app, "qywx", "authorize", "auths.QywxProxyAuth", told["auth_codes"][corpId], "--ticket", told["suite_ticket"]
    )
    assert (code, err) == (0, "")
    assert f"({corpId}) authorised {EMULATED_SUITE.suiteId}" in out
    code, out, _ = jit(*app, "sync", "corps.CorpA")
    assert code == 0
    assert "members +5" in out


def test_emulator_tells_its_credentials_to_people(running_emulator: Callable[..., subprocess.Popen[str]]) -> None:
    """Printed for people, the credentials come with the command that uses them."""
    process = running_emulator("--corps", "1", "--members", "1", "--departments", "1", "--tags", "0")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(11)]
    assert lines[0].startswith("WeCom emulator at http://127.0.0.1:")
    assert lines[5].startswith("  provider ")
    assert "auth code" in lines[9]
    assert "qywx authorize auths.QywxProxyAuth AUTHCODE --ticket TICKET" in lines[10]


def test_emulator_on_a_taken_port(jit: Callable[..., tuple[int, str, str]], wecom_emulator: Emulator) -> None:
    """A taken port is named, with the way out."""
    port = wecom_emulator.url.rpartition(":")[2]
    code, _, err = jit("qywx", "emulator", "--port", port)
    assert code == 2
    assert port in err
    assert "--port" in err


def test_authorize_needs_an_auth_element(jit: Callable[..., tuple[int, str, str]], authorised_app: Path) -> None:
    """Naming another element says what is meant."""
    code, _, err = jit("--app", str(authorised_app), "qywx", "authorize", "corps.CorpA", "code")
    assert code == 2
    assert "auths.loginTypes.QywxProxyType" in err


def test_authorize_tells_why_it_failed(jit: Callable[..., tuple[int, str, str]], authorised_app: Path) -> None:
    """A spent code is an error with its remedy and exit code 1, without a traceback."""
    code, _, err = jit("--app", str(authorised_app), "qywx", "authorize", "auths.QywxProxyAuth", "spent")
    assert code == 1
    assert "40078" in err
    assert "Traceback" not in err


def test_authorize_as_json(
    jit: Callable[..., tuple[int, str, str]], authorised_app: Path, wecom_emulator: Emulator
) -> None:
    """For a program the authorisation is printed as JSON."""
    code = wecom_emulator.authorize("corp123", "suite456")
    status, out, _ = jit("--app", str(authorised_app), "qywx", "authorize", "auths.QywxProxyAuth", code, "--json")
    assert status == 0
    told = json.loads(out)
    assert (told["corpId"], told["suiteId"], told["state"]) == ("corp123", "suite456", "active")

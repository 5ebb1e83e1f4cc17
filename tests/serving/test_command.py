"""``jit serve`` as a program: what it prints, how it ends, and what it says when it cannot begin."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from jitcore.cli import main
from tests.serving.driving import CORP, WECOM, Sent, files_of_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitcore.testing import WriteApp


class Served:
    """A running ``jit serve``."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        self.log = (root / "log").open("w+")
        words = [sys.executable, "-m", "jitcore.cli", "--app", str(root), "serve", "--port", "0", *options]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log, text=True)
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        found = re.search(r":([0-9]+) ", self.ready)
        assert found is not None, (root / "log").read_text()
        self.port = int(found[1])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end; its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        self.process.communicate(timeout=60)
        self.log.close()
        return self.process.returncode


@pytest.fixture
def root(write_app: WriteApp) -> Path:
    """The app's folder."""
    return write_app(files_of_app(), "receiving")


@pytest.fixture
def served(root: Path) -> Iterator[Served]:
    """A running server; killed if it still runs when the test ends."""
    served = Served(root, "--reconcile", "off")
    yield served
    if served.process.poll() is None:
        served.process.kill()
        served.wait()


def raw(sent: Sent) -> bytes:
    head = f"{sent.method} {sent.url} HTTP/1.1\r\nHost: here\r\nContent-Type: text/xml\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(sent.body)}\r\n\r\n".encode() + sent.body


def ask(served: Served, data: bytes) -> bytes:
    with served.connect() as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def records(root: Path) -> list[dict[str, object]]:
    words = [sys.executable, "-m", "jitcore.cli", "--app", str(root), "callbacks", "list", "--json"]
    return list(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_told_to(served: Served, root: Path, number: int) -> None:
    """Exit code 0, no traceback, and what was acknowledged is there."""
    assert served.ready == f"Serving receiving at http://127.0.0.1:{served.port} (Ctrl-C ends it)\n"
    assert b"success" in ask(served, raw(WECOM.ticket("T")))
    assert served.end(number) == 0
    log = (root / "log").read_text()
    assert "Traceback" not in log
    assert "received suite_ticket" in log
    [record] = records(root)
    assert record["state"] == "done"


def test_a_request_under_way_is_answered_before_the_end(served: Served, root: Path) -> None:
    """Whoever is in the middle of sending gets an answer, and the event is kept; nobody else is let in."""
    data = raw(WECOM.ticket("T"))
    with served.connect() as connection:
        connection.sendall(data[:-10])
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while "Shutting down" not in (root / "log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        connection.sendall(data[-10:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert served.wait() == 0
    assert [record["info_type"] for record in records(root)] == ["suite_ticket"]


def test_what_a_killed_process_acknowledged_is_there(served: Served, root: Path) -> None:
    """kill -9 right after the answer: the event is in the journal, and the next process works it off."""
    assert b"success" in ask(served, raw(WECOM.ticket("T")))
    assert b"success" in ask(served, raw(WECOM.event("user1")))
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    again = Served(root)
    deadline = time.monotonic() + 20
    while {record["state"] for record in records(root)} != {"done"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert again.end() == 0
    assert {record["info_type"] for record in records(root)} == {"suite_ticket", "change_contact"}


def test_a_proxys_path_is_taken_off(root: Path) -> None:
    """Behind a proxy that takes a path away, the routes are the same."""
    served = Served(root, "--root-path", "/wecom", "--proxy-headers", "--forwarded-allow-ips", "*")
    assert b"success" in ask(served, raw(WECOM.event("user1")))
    echo = WECOM.echo(CORP)
    assert b"1616140317555161061" in ask(served, raw(echo))
    assert served.end() == 0


def test_a_taken_port_is_told(served: Served, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and what to do."""
    with pytest.raises(SystemExit) as ended:
        main(["--app", str(root), "serve", "--port", str(served.port)])
    assert ended.value.code == 2 or ended.value.code == 1
    assert "--port" in capsys.readouterr().err
    assert served.end() == 0


@pytest.mark.parametrize("period", ["never", "0", "-5", "nan"])
def test_a_period_is_seconds_or_off(root: Path, period: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is a wrong call."""
    with pytest.raises(SystemExit) as ended:
        main(["--app", str(root), "serve", "--reconcile", period])
    assert ended.value.code == 2
    assert "off" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["starlette.applications", "uvicorn"])
def test_the_extra_is_named_when_it_is_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    """Without the packages of the server, one line says how to get them."""
    for name in list(sys.modules):
        if name.startswith("jit_qywx.serving.application"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as ended:
        main(["--app", str(root), "serve"])
    assert ended.value.code == 1
    assert "pip install 'jitcore[server]'" in capsys.readouterr().err

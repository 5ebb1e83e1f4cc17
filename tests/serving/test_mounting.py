"""The page "Deploy the callback server": each framework of it takes callbacks, with a real server of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.pages import ROOT, snippets
from tests.serving.driving import CORP, WECOM, Sent, files_of_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitcore.testing import WriteApp

PAGE = ROOT / "docs" / "deploy-callback-server.md"
SITE = """\
SECRET_KEY = "none"
ROOT_URLCONF = "my_site.urls"
ALLOWED_HOSTS = ["*"]
"""
URLS = """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("my own page"))]
"""
COMMANDS = {
    "fastapi": ["-m", "uvicorn", "with_fastapi:web", "--port"],
    "django": ["-m", "uvicorn", "with_django:application", "--port"],
    "flask": ["-m", "flask", "--app", "with_flask:web", "run", "--port"],
}
PREFIXES = {"fastapi": "/wecom", "django": "", "flask": ""}


@pytest.fixture
def folder(write_app: WriteApp) -> Path:
    """An app's folder with the page's files in it, and a site of Django's."""
    root = write_app(files_of_app(), "receiving")
    for snippet in snippets(PAGE):
        if snippet.title is not None and snippet.title.startswith("sample_app/"):
            (root / snippet.title.partition("/")[2]).write_text(snippet.body)
    (root / "my_site").mkdir()
    (root / "my_site" / "settings.py").write_text(SITE)
    (root / "my_site" / "urls.py").write_text(URLS)
    return root


@pytest.fixture(params=COMMANDS)
def port(request: pytest.FixtureRequest, folder: Path) -> Iterator[int]:
    """A server of that framework; ends well when it is told to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [sys.executable, *COMMANDS[request.param], str(port)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    assert code in {0, -signal.SIGINT, 130}, (folder / "log").read_text()
    assert "Traceback" not in (folder / "log").read_text()


def ask(port: int, sent: Sent, prefix: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(sent.method, prefix + sent.url, sent.body or None, dict(sent.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_framework_takes_callbacks(port: int, folder: Path, request: pytest.FixtureRequest) -> None:
    """Both channels and URL checks are answered, what is no callback is refused, the site's own pages stay."""
    framework = request.node.callspec.params["port"]
    prefix = PREFIXES[framework]
    echo, ticket = WECOM.echo(CORP), WECOM.ticket("T")
    assert ask(port, ticket, prefix) == (200, "success")
    assert ask(port, WECOM.event("user1"), prefix) == (200, "success")
    assert ask(port, echo, prefix) == (200, "1616140317555161061")
    assert ask(port, Sent(ticket.path, ticket.query, b"<xml/>"), prefix)[0] == 400
    assert ask(port, Sent(ticket.path, {**ticket.query, "nonce": "other"}, ticket.body), prefix)[0] == 403
    assert ask(port, Sent("/callbacks/auths.Nobody", ticket.query, ticket.body), prefix)[0] == 404
    assert ask(port, Sent(ticket.path, ticket.query, method="PUT"), prefix)[0] == 405
    if framework != "flask":
        assert "my own page" in ask(port, Sent("/", {}, method="GET", headers={}), "")[1]
    listed = subprocess.run(
        [sys.executable, "-m", "jitcore.cli", "--app", str(folder), "callbacks", "list", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = {(record["info_type"], record["channel"]) for record in json.loads(listed.stdout)}
    assert found == {("suite_ticket", "template"), ("change_contact", "app")}

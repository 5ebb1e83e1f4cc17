"""The web application of the page "Log people in", in a process of its own: uvicorn, a browser, WeCom's login pages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.fixtures.pages import ROOT, snippets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jit_qywx.emulator import Emulator

CORP = "corp123"
CORPS = ("corps.CorpA", "corps.MyQywxProxyCorp")


def printed(title: str) -> str:
    """A file of the page."""
    [found] = [one for one in snippets(ROOT / "docs" / "log-people-in.md") if one.title == title]
    return found.body


@pytest.fixture
def site(authorised_app: Path, wecom_emulator: Emulator) -> Iterator[str]:
    """The address of the page's web application, whose enterprises trust it and whose organisations are synced."""
    from jitcore import App

    config = authorised_app / "auths" / "QywxProxyAuth" / "QywxProxyAuth.json"
    config.write_text(
        json.dumps(json.loads(config.read_text("utf-8")) | {"loginBaseUrl": wecom_emulator.login_base_url})
    )
    (authorised_app / "web.py").write_text(printed("my_app/web.py"), "utf-8")
    with App(authorised_app) as app:
        for name in CORPS:
            app.getElement(name).syncCorp()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    for corpid in (CORP, "corp789"):
        wecom_emulator.set_app(corpid, suite_id="suite456", redirect_domain=place)
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--app-dir",
        str(authorised_app),
        "--port",
        place.split(":")[1],
        "web:web",
    ]
    with subprocess.Popen(
        command,
        env=os.environ | {"PUBLIC_URL": f"http://{place}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as server:
        assert server.stderr is not None
        told = ""
        while "Uvicorn running" not in told and (line := server.stderr.readline()):
            told += line
        assert "Uvicorn running" in told, told
        yield f"http://{place}"
        server.terminate()
        _, rest = server.communicate(timeout=30)
    assert "Traceback" not in rest


@pytest.fixture
def browse(site: str) -> Iterator[Callable[[], requests.Session]]:
    """Browsers, each with cookies of its own."""
    with contextlib.ExitStack() as closing:

        def make() -> requests.Session:
            session = closing.enter_context(requests.Session())
            session.trust_env = False
            return session

        yield make


def begin(browser: requests.Session, site: str, kind: str = "qr") -> str:
    """Go to the login; the address of WeCom's page."""
    answer = browser.get(f"{site}/login/{CORP}", params={"loginType": kind}, allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"].partition("#")[0]


def log_in(browser: requests.Session, site: str, userid: str, kind: str = "qr") -> requests.Response:
    """The whole way, up to where one has to choose an organisation."""
    return browser.get(begin(browser, site, kind), params={"userid": userid}, timeout=30)


@pytest.mark.parametrize("kind", ["qr", "workbench"])
def test_member_is_logged_in_and_out(site: str, browse: Callable[[], requests.Session], kind: str) -> None:
    """By QR code and inside WeCom: the member chooses their organisation, is known from then on, and logs out."""
    browser = browse()
    assert browser.get(f"{site}/me", timeout=30).status_code == 401
    offered = re.findall(r'href="([^"]+)"', log_in(browser, site, "member1", kind).text)
    assert offered == [f"/login/enter?place={name}" for name in CORPS]
    me = browser.get(site + offered[0], timeout=30).json()
    assert (me["name"], me["organisation"]) == ("成员1", "corps.CorpA")
    assert browser.get(f"{site}/me", timeout=30).json() == me
    assert browser.post(f"{site}/logout", timeout=30).status_code == 200
    assert browser.get(f"{site}/me", timeout=30).status_code == 401


def test_what_was_not_begun_here_is_refused(site: str, browse: Callable[[], requests.Session]) -> None:
    """A stranger's code does not log anybody in: the state is of another browser, wrong, missing, or used."""
    stranger, victim = browse(), browse()
    page = begin(stranger, site)
    back = stranger.get(page, params={"userid": "member1"}, allow_redirects=False, timeout=30).headers["Location"]
    assert victim.get(back, timeout=30).status_code == 400
    begin(victim, site)
    assert victim.get(back, timeout=30).status_code == 400
    assert victim.get(f"{site}/login/back", timeout=30).status_code == 400
    assert stranger.get(back, timeout=30).status_code == 200
    assert stranger.get(back, timeout=30).status_code == 400


def test_choices_are_good_once(site: str, browse: Callable[[], requests.Session]) -> None:
    """The choice between organisations is the person's own, and made once; another enterprise's is refused."""
    browser = browse()
    log_in(browser, site, "member1")
    assert browser.get(f"{site}/login/enter?place=corps.CorpB", timeout=30).json() == {"error": "qywx-login-corp"}
    kept = browser.cookies.copy()
    assert browser.get(f"{site}/login/enter?place=corps.CorpA", timeout=30).status_code == 200
    again = browse()
    again.cookies.update(kept)
    answer = again.get(f"{site}/login/enter?place=corps.CorpA", timeout=30)
    assert (answer.status_code, answer.json()) == (403, {"error": "qywx-login-code-used"})
    assert browse().get(f"{site}/login/enter?place=corps.CorpA", timeout=30).status_code == 400


def test_who_may_not_come_in_is_told(
    site: str, browse: Callable[[], requests.Session], wecom_emulator: Emulator
) -> None:
    """Strangers, people who refuse, people out of sight and unknown enterprises get an answer, and no session."""
    browser = browse()
    stranger = browser.get(begin(browser, site), params={"openid": "oStranger"}, timeout=30)
    assert (stranger.status_code, stranger.json()) == (403, {"error": "qywx-login-not-a-member"})
    assert browser.get(begin(browser, site), params={"refuse": "1"}, timeout=30).status_code == 403
    wecom_emulator.org(CORP).add_member("hidden", "看不见", [4])
    wecom_emulator.set_visible_range(CORP, departments=[2], suite_id="suite456")
    assert log_in(browser, site, "hidden").status_code == 403
    assert browser.get(f"{site}/login/wwnobody", timeout=30).json() == {"error": "qywx-corp-unknown"}
    assert browser.get(f"{site}/login/{CORP}?loginType=phone", timeout=30).status_code == 400
    assert browser.get(f"{site}/me", timeout=30).status_code == 401


def test_an_untrusted_domain_ends_at_wecom(
    site: str, browse: Callable[[], requests.Session], wecom_emulator: Emulator
) -> None:
    """WeCom leads nobody back to a domain that the app does not trust."""
    wecom_emulator.set_app(CORP, suite_id="suite456", redirect_domain="other.example")
    answer = log_in(browse(), site, "member1")
    assert answer.status_code == 400
    assert "50001" in answer.text
    assert urlsplit(answer.url).path == "/wwlogin/sso/login"
    assert parse_qs(urlsplit(answer.url).query)["state"]


def test_whoever_leaves_is_logged_out(
    site: str, authorised_app: Path, browse: Callable[[], requests.Session], wecom_emulator: Emulator
) -> None:
    """A session ends when its member leaves, whoever brings that here."""
    from jitcore import App

    browser = browse()
    log_in(browser, site, "member2")
    assert browser.get(f"{site}/login/enter?place=corps.CorpA", timeout=30).status_code == 200
    with App(authorised_app) as app:
        app.getElement("corps.CorpA").offlineMember(["member2"])
    assert browser.get(f"{site}/me", timeout=30).status_code == 401

"""A provider's day: enterprises authorise, change, log in and leave, between separate processes over real HTTP."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from jitcore import App

SAMPLE = Path(__file__).parents[2] / "sample_app"
AUTH = "auths.QywxProxyAuth"
CORP = "wwlive0000000001"
REDIRECT = "http://127.0.0.1:8000/welcome"
PATIENCE = 60.0
#: Edits that people make, the common ones twice.
KINDS = (
    *("add_member", "update_member", "update_member", "move_member", "move_member", "quit_member"),
    *("add_department", "update_department", "move_department", "tag", "tag"),
)


class Emulator:
    """The emulator in a process of its own, steered over HTTP."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "jit_qywx.emulator", "--port", "0", "--corps", "0", "--seed", "live"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.told = json.loads(self.process.stdout.readline())
        self.url = self.told["base_url"].removesuffix("/cgi-bin/")

    def __call__(self, control, **arguments):
        answer = requests.post(f"{self.url}/_emulator/{control}", json=arguments, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def read(self, name):
        return requests.get(f"{self.url}/_emulator/{name}", timeout=30).json()


class Server:
    """``jit serve`` in a process of its own."""

    def __init__(self, app: Path, log: Path) -> None:
        command = [sys.executable, "-m", "jitcore.cli", "--app", str(app), "serve", "--port", "0"]
        with log.open("ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        first = self.process.stdout.readline()
        found = re.search(r"http://\S+", first)
        assert found, first + log.read_text()
        self.url = found[0]


@contextlib.contextmanager
def running(program):
    """End the program's process, whatever happens."""
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.send_signal(signal.SIGTERM)
        try:
            program.process.wait(20)
        except subprocess.TimeoutExpired:
            program.process.kill()
            program.process.wait()
        program.process.stdout.close()


def until(what, patience=PATIENCE):
    """Ask until the answer is true, and return it."""
    end = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < end, f"not within {patience} s"
        time.sleep(0.1)
    return found


def jit(app, *arguments, status=0):
    """Run ``jit`` as its user does."""
    command = [sys.executable, "-m", "jitcore.cli", "--app", str(app), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def provider_app(folder, emulator):
    """A copy of the sample app that belongs to the emulator's provider and makes corps by itself."""
    shutil.copytree(SAMPLE, folder)
    suite = emulator.told["suites"][0]
    file = folder / "auths" / "QywxProxyAuth" / "QywxProxyAuth.json"
    config = json.loads(file.read_text())
    config |= {
        "corpId": emulator.told["provider_corpid"],
        "providerSecret": emulator.told["provider_secret"],
        "loginBaseUrl": emulator.url,
        "autoCreateCorp": {"fullName": "corps.live.{corpId}"},
    }
    file.write_text(json.dumps(config))
    values = {
        "wecomApiBaseUrl": emulator.told["base_url"],
        "suiteId": suite["id"],
        "suiteSecret": suite["secret"],
        "suiteToken": suite["token"],
        "suiteEncodingAESKey": suite["aes_key"],
    }
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return folder


@pytest.fixture
def emulator():
    with running(Emulator()) as emulator:
        yield emulator


@pytest.fixture
def provider(tmp_path, emulator):
    return provider_app(tmp_path / "provider", emulator)


def edit_at_random(emulator, draw, members, depts, count):
    """So many edits of an organisation, one after the other, of every kind that people make."""
    tags = [emulator("edit", corpid=CORP, edit="add_tag", args={"name": f"标签 {number}"})["id"] for number in range(3)]
    for number in range(count - 3):
        kind = draw.choice(KINDS)
        args: dict[str, object]
        if kind == "add_member":
            args = {"userid": f"new{number}", "name": f"新人{number}", "departments": [draw.choice(depts)]}
            members.append(f"new{number}")
        elif kind == "update_member":
            args = {"userid": draw.choice(members), "name": f"改名{number}"}
        elif kind == "move_member":
            args = {"userid": draw.choice(members), "departments": draw.sample(depts, 2)}
        elif kind == "quit_member":
            args = {"userid": members.pop(draw.randrange(len(members)))}
        elif kind == "add_department":
            args = {"name": f"新部门{number}", "parent": draw.choice(depts)}
        elif kind == "update_department":
            args = {"department_id": draw.choice(depts), "name": f"部门{number}"}
        elif kind == "move_department":
            args = {"department_id": depts[-1], "parent": 1}
        else:
            args = {
                "tag_id": draw.choice(tags),
                "add_users": draw.sample(members, 2),
                "add_departments": [draw.choice(depts)],
            }
        change = emulator("edit", corpid=CORP, edit=kind, args=args)
        if kind == "add_department":
            depts.append(int(change["id"]))


def waiting(app):
    """Callbacks that are not settled."""
    told = json.loads(jit(app, "callbacks", "list", "--json", "--limit", "5000"))
    return [one for one in told if one["state"] in {"received", "working"}]


def organisation(corp):
    """What is kept of those who are there, in an order that says nothing."""
    kept = corp.getLocalCorpData()
    return {
        kind: sorted(json.dumps(one, sort_keys=True, default=str) for one in kept[kind])
        for kind in ("userList", "deptList", "deptMemberList", "roleList", "roleMemberSet")
    }


@pytest.mark.no_cover
def test_an_enterprise_comes_changes_logs_in_and_leaves(tmp_path, emulator, provider):
    """Scan, create, sync; 200 edits under bad delivery; two logins; cancel: each seen from another process."""
    log = tmp_path / "serve.log"
    with running(Server(provider, log)) as server:
        callbacks = f"{server.url}/callbacks/{AUTH}"
        suite = emulator.told["suites"][0]["id"]
        emulator("set_callback_url", template_url=callbacks, app_url=f"{callbacks}/$CORPID$")
        assert emulator("push_echo", target=None)["accepted"]
        assert emulator("push_ticket")["accepted"]
        emulator("generate", corpid=CORP, name="现场企业", members=1200, departments=40, tags=3, seed="live")

        # It scans the link, authorises, is created and synced.
        link = json.loads(jit(provider, "qywx", "install-link", AUTH, "--state", "campaign7", "--json"))["url"]
        assert requests.get(f"{link}&corpid={CORP}", timeout=10).status_code == 200
        fullName = f"corps.live.{CORP}"
        with App(provider) as app:
            corp = until(lambda: next(iter(app.findElements(fullName)), None)).load()
            until(corp.getMembers)
        assert fullName in jit(provider, "list")

        # 200 edits, one in ten lost, one in ten tripled, all of them out of order.
        emulator("follow", corpid=CORP, drop=0.1, triple=0.1, window=0.5, seed="weather")
        with App(provider) as app:
            corp = app.getElement(fullName)
            members = [member.memberId for member in corp.getMembers("active")]
            depts = [int(dept.deptId) for dept in corp.getDepts() if dept.deptId != "1"]
        edit_at_random(emulator, random.Random("edits"), members, depts, 200)
        assert emulator("courier.wait", seconds=PATIENCE)
        told = emulator.read("deliveries")
        assert told["refused"] == 0
        assert told["dropped"] > 5
        assert told["repeated"] > 5
        until(lambda: not waiting(provider))
        assert not [one for one in json.loads(jit(provider, "callbacks", "list", "--json")) if one["state"] == "parked"]
        jit(provider, "sync", fullName)

        # What another provider's database gets by reading it for the first time is what we have.
        fresh = provider_app(tmp_path / "fresh", emulator)
        code = emulator("authorize", corpid=CORP)
        jit(fresh, "qywx", "authorize", AUTH, code, "--ticket", emulator("new_ticket", suite_id=suite))
        jit(fresh, "sync", fullName)
        with App(fresh) as app, App(provider) as live:
            assert organisation(live.getElement(fullName)) == organisation(app.getElement(fullName))

        # A person logs in by QR and by workbench.
        emulator("set_app", corpid=CORP, redirect_domain=urlsplit(REDIRECT).netloc)
        with App(provider) as app:
            auth = app.getElement(AUTH)
            for kind in ("qr", "workbench"):
                url = auth.getLoginUrl(CORP, REDIRECT, loginType=kind, state="s1")
                address = url.partition("#")[0]
                led = requests.get(f"{address}&userid={members[0]}", allow_redirects=False, timeout=10)
                assert led.status_code == 302, led.text
                query = parse_qs(urlsplit(led.headers["Location"]).query)
                assert query["state"] == ["s1"]
                offered = auth.getLoginCode(CORP, query["code"][0], loginType=kind)
                assert fullName in str(offered["corpList"])
                entered = auth.loginByCode(offered["loginCode"], fullName)
                assert entered["member"].memberId == members[0]
                assert entered["user"].userId == entered["member"].userId

        # The enterprise cancels: no more syncs, its members keep their history.
        emulator("cancel", corpid=CORP)
        until(lambda: '"cancelled"' in jit(provider, "qywx", "authorizations", "--json"))
        assert "cancel" in jit(provider, "sync", fullName, status=1)
        with App(provider) as app:
            assert len(app.getElement(fullName).getMembers()) >= 1200
        assert 'state="cancelled"' in requests.get(f"{server.url}/metrics", timeout=10).text
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0, log.read_text()
    written = log.read_text()
    assert "Traceback" not in written, written
    for secret in (emulator.told["provider_secret"], *(emulator.told["suites"][0][key] for key in ("secret", "token"))):
        assert secret not in written

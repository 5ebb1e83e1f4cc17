"""An operator's promises: a killed sync leaves the old organisation, an error removes nobody, no secret leaks."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jitcore import App
from jitcore.errors import JitError

KILLER = Path(__file__).with_name("killer.py")


def killer(path, *arguments):
    """Run the sync in a child process that may die; see killer.py."""
    return [sys.executable, str(KILLER), str(path), *map(str, arguments)]


@pytest.fixture
def synced(authorised_app, wecom_emulator):
    """CorpA is synced; afterwards its enterprise changes in every kind of record."""
    with App(authorised_app) as app:
        app.getElement("corps.CorpA").initCorp()
    org = wecom_emulator.org("corp123")
    org.add_department("新部门", 1, department_id=9)
    org.update_department(3, name="平台二组")
    org.add_member("newcomer", "新人", departments=(9,))
    org.quit_member("user2")
    org.move_member("member1", (9,))
    org.add_tag("新标签", users=("user1",))
    return authorised_app


@pytest.mark.no_cover
def test_a_sync_killed_at_any_statement_leaves_old_or_new(synced, share):
    """kill -9 before and after every SQL statement of a run: readers see the old organisation or the new one."""
    every = share.number(1, 3)
    done = subprocess.run(killer(synced, "statements", every), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    old, new = seen[0], seen[-1]
    assert len(seen) > 60 // every
    assert set(seen) == {old, new}
    # Once it is there it stays: old, …, old, new, …, new.
    assert seen == [old] * seen.count(old) + [new] * seen.count(new)


@pytest.mark.no_cover
def test_a_sync_killed_at_any_call_leaves_the_old(synced, wecom_emulator):
    """kill -9 while WeCom answers the nth call: nothing of the new organisation is there."""
    call = 0
    while True:
        call += 1
        runner = subprocess.Popen(killer(synced, "once"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wecom_emulator.at_call(call, lambda pid=runner.pid: os.kill(pid, signal.SIGKILL))
        _, errors = runner.communicate()
        if runner.returncode == 0:
            break
        assert runner.returncode == -signal.SIGKILL, errors
        with App(synced) as app:
            corp = app.getElement("corps.CorpA")
            assert corp.getMember("user2").status == 1
            assert len(corp.getDepts()) == 4
            app.models.SyncLease.update(holder=None, until=0.0).execute()
            # Nor does the next one wait for the calls that the killed one had leased of WeCom's quota.
            app.models.QywxQuota.delete().execute()
    assert call > 5
    with App(synced) as app:
        assert app.getElement("corps.CorpA").getMember("user2").status == 2


@pytest.mark.no_cover
def test_45009_on_any_call_removes_nobody(synced, wecom_emulator):
    """Whichever call hits the frequency limit, the run is not ok and nobody is removed, offline or out of a role."""
    impatient(synced)
    with App(synced) as app:
        auth, corp = app.getElement("auths.QywxProxyAuth"), app.getElement("corps.CorpA")
        before = snapshot(corp)
        # How many calls an undisturbed reading takes.
        wecom_emulator.calls.clear()
        corp.getThirdCorpData()
        calls = len(wecom_emulator.calls)
        active = len(corp.getMembers("active"))
        for call in range(1, calls + 1):
            wecom_emulator.faults.add("*", errcode=45009, at_call=call)
            failure, report = attempt(corp.syncCorp)
            if failure is not None:
                assert "45009" in str(failure.__cause__ or failure)
                assert snapshot(corp) == before
            else:
                assert report.status != "ok", f"call {call}"
                assert all(count["removed"] == 0 for count in report.counts.values())
            wecom_emulator.faults.clear()
            assert len(corp.getMembers("active")) >= active
            # Else the next run would not ask: the enterprise is left alone for as long as WeCom's limit lasts.
            auth.resume("corp123")
        assert corp.syncCorp().status == "ok"
        assert [member.memberId for member in corp.getMembers("offline")] == ["user2"]


CANARIES = {
    "suite secret": "canary-suite-secret-5b1d",
    "callback token": "canaryToken77",
    "mobile": "13912345678",
}


def test_no_secret_is_in_any_file_log_or_output(authorised_app, wecom_emulator, caplog, capfd, monkeypatch):
    """Suite secret, permanent codes, tokens, tickets and mobile numbers: canaries planted, everything scanned."""
    caplog.set_level(logging.DEBUG)
    wecom = wecom_emulator
    suite = wecom.add_suite("dkcanary", CANARIES["suite secret"], CANARIES["callback token"])
    monkeypatch.setenv("suiteId", suite.id)
    monkeypatch.setenv("suiteSecret", suite.secret)
    monkeypatch.setenv("suiteToken", suite.token)
    monkeypatch.setenv("suiteEncodingAESKey", suite.aes_key)
    wecom.org("corp123").add_member(
        "withphone", "有电话", departments=(2,), mobile=CANARIES["mobile"], telephone=CANARIES["mobile"]
    )
    told = []
    with App(authorised_app) as app:
        auth, corp = app.getElement("auths.QywxProxyAuth"), app.getElement("corps.CorpA")
        wecom.push_ticket(auth.notify, suite.id)
        wecom.push_event(auth.notify, "create_auth", "corp123", suite_id=suite.id, created_before_2022=True)
        code = wecom.app("corp123", suite.id).permanent_code
        told += [repr(auth), repr(corp), repr(auth.authConfig), repr(auth.authorizations()), repr(app.variables)]
        told += [str(corp.syncCorp()), corp.plan().to_json(), str(app.check())]
        assert corp.getMember("withphone").name == "有电话"
        ticket, tokens = wecom.new_ticket(suite.id), {call.path for call in wecom.calls}
        assert "gettoken" in tokens
        impatient(authorised_app)
        for fault in (
            {"errcode": 40001},
            {"errcode": 40014, "times": 9},
            {"status": 502},
            {"garbage": "truncated"},
            {"cut": "body"},
        ):
            wecom.faults.add("*", at_call=2, **fault)
            try:
                corp.syncCorp()
            except JitError as error:
                told += [str(error), repr(error), str(error.__cause__), repr(error.__cause__)]
            wecom.faults.clear()
    for words in (
        ["list", "--json"],
        ["check", "--json"],
        ["org", "corps.CorpA", "--json"],
        ["runs", "corps.CorpA", "--json"],
        ["sync", "corps.CorpA", "--plan", "--json"],
        ["explain", "auths.QywxProxyAuth", "--json"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "jitcore.cli", "--app", str(authorised_app), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        told += [done.stdout, done.stderr]
    captured = capfd.readouterr()
    told += [captured.out, captured.err, caplog.text, *(repr(vars(record)) for record in caplog.records)]
    files = {str(file): file.read_bytes() for file in authorised_app.rglob("*") if file.is_file()}
    secrets = {**CANARIES, "permanent code": code, "AES key": suite.aes_key, "ticket": ticket, **live_tokens(wecom)}
    assert len(secrets) > 6
    assert any(name.endswith(".db") for name in files)
    for what, secret in secrets.items():
        assert secret
        assert not [text[:80] for text in told if secret in text], what
        assert not [name for name, content in files.items() if secret.encode() in content], what


def attempt(action):
    """What an action raised, and what it returned."""
    try:
        return None, action()
    except JitError as error:
        return error, None


def snapshot(corp):
    """Everything that readers of the organisation see, as one comparable value."""
    data = corp.getLocalCorpData()
    members = [(member.memberId, member.name, member.status) for member in corp.getMembers()]
    return [members, [data[key] for key in ("deptList", "deptMemberList", "roleList", "roleMemberSet")]]


def live_tokens(wecom):
    """Every access token that the emulator has handed out."""
    return {f"token {number}": token for number, token in enumerate(wecom.platform.tokens._by_value)}


def impatient(path):
    """Wait no minute after 45009."""
    file = path / "auths" / "QywxProxyAuth" / "QywxProxyAuth.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "rateLimitWaitSeconds": 0}))

"""Receiving callbacks: how soon they are acknowledged beside their work, and that a kill -9 loses none.

A server of its own (``jit serve``), a WeCom of its own that answers what the work asks, and a caller of its own: ten
suite tickets a second beside five hundred contact events a second. In the middle the server is killed and started
again at once. What was acknowledged has to be in the journal afterwards, and worked off.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.callers import Call, Told, deliver
from benchmarks.harness import Count, Scale
from jit_qywx.crypto import CallbackCipher

NAME = "auths.Wecom"
EVENTS, TICKETS = 500, 10
ENTERPRISES, MEMBERS = 10, 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load came to.

    :param calls: callbacks that were due.
    :param told: what the caller saw.
    :param missing: acknowledged ones that the journal does not have.
    :param left: ones in the journal that were not worked off.
    :param drained: seconds from the last answer until everything was worked off.
    """

    calls: int
    told: Told
    missing: int
    left: int
    drained: float

    def percentile(self, share: float) -> float:
        """How long so many of the answers took at most, in seconds."""
        return statistics.quantiles(self.told.seconds, n=1000)[int(share * 1000) - 1]


def results(scale: Scale, folder: Path) -> Iterator[Count]:
    """The figures."""
    for killed in (False, True):
        outcome = load(folder / str(killed), seconds=scale.receiving, killed=killed)
        told = outcome.told
        how = f"{EVENTS} events and {TICKETS} tickets a second, {scale.receiving:g} s{', killed -9' if killed else ''}"
        p50, p99 = outcome.percentile(0.5) * 1000, outcome.percentile(0.99) * 1000
        rate = len(told.acknowledged) / told.lasted
        yield Count(f"{how}: acknowledged", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {rate:.0f}/s")
        yield Count(
            f"{how}: kept",
            f"{len(told.acknowledged)} of {outcome.calls} acknowledged, {told.again} sent again, "
            f"{told.given_up} never; {outcome.missing} lost, {outcome.left} left; all worked off "
            f"{outcome.drained:.1f} s later",
        )


def load(folder: Path, *, seconds: float, killed: bool, events: int = EVENTS, tickets: int = TICKETS) -> Outcome:
    """Put a server under load.

    :param folder: where to make its app.
    :param seconds: for how long.
    :param killed: whether it is killed -9 in the middle and started again.
    """
    context = get_context("spawn")
    wecom, theirs = context.Pipe()
    upstream = context.Process(target=_serve_wecom, args=(theirs,), daemon=True)
    upstream.start()
    settings = wecom.recv()
    root = _write_app(folder, settings)
    server = _Server(root)
    try:
        wecom.send(server.base)
        if not wecom.recv():
            raise RuntimeError("WeCom's callbacks were refused")
        server.wait_for(lambda text: _sum(text, r'jit_reconciles_total\{outcome="done"\} (.+)') >= ENTERPRISES)
        caller, theirs = context.Pipe()
        calling = context.Process(target=deliver, args=(theirs, "127.0.0.1", server.port), daemon=True)
        calling.start()
        calls = _calls(settings, seconds, events, tickets)
        caller.send(calls)
        caller.recv()
        if killed:
            time.sleep(seconds / 2)
            server.kill()
            server.start(server.port)
        told: Told = caller.recv()
        calling.join()
        ended = time.perf_counter()
        server.wait_for(lambda text: _sum(text, r"jit_callbacks_waiting\{.*\} (.+)") == 0)
        drained = time.perf_counter() - ended
    finally:
        server.stop()
        wecom.send(None)
        upstream.join()
    kept = dict(_rows(root))
    missing = sum(digest not in kept for digest in told.acknowledged)
    left = sum(state != "done" for state in kept.values())
    return Outcome(len(calls), told, missing, left, drained)


class _Server:
    """``jit serve`` in a process of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.port = 0
        self.start(0)

    def start(self, port: int) -> None:
        words = [sys.executable, "-m", "jitcore.cli", "--app", str(self._root), "serve", "--port", str(port)]
        with (self._root.parent / "server.log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        found = re.search(r":([0-9]+) ", ready)
        if found is None:
            raise RuntimeError(f"the server did not start: {(self._root.parent / 'server.log').read_text()}")
        self.port = int(found[1])
        self.base = f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate()

    def wait_for(self, condition: object, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        assert callable(condition)
        while True:
            with urllib.request.urlopen(f"{self.base}/metrics", timeout=30) as answer:
                text = answer.read().decode()
            if condition(text):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"it did not happen in time:\n{text}")
            time.sleep(0.1)


def _sum(text: str, pattern: str) -> float:
    return sum(float(value) for value in re.findall(pattern, text))


def _corp(number: int) -> str:
    return f"wwload{number:010d}"


def _serve_wecom(connection: Connection) -> None:
    from jit_qywx.emulator import Emulator

    members = [{"userid": f"user{number}", "name": f"Name {number}", "department": [1]} for number in range(MEMBERS)]
    with Emulator(seed="load") as wecom:
        for number in range(ENTERPRISES):
            wecom.add_corp(_corp(number), f"Corp {number}", members=members)
        suite = wecom.suite
        connection.send(
            {
                "base_url": wecom.base_url,
                "suiteId": suite.id,
                "suiteSecret": suite.secret,
                "token": suite.token,
                "encodingAESKey": suite.aes_key,
            }
        )
        url = f"{connection.recv()}/callbacks/{NAME}"
        sent = [wecom.push_ticket(url)]
        sent += [wecom.push_event(url, "create_auth", _corp(number)) for number in range(ENTERPRISES)]
        connection.send(all(one.accepted for one in sent))
        connection.recv()


def _write_app(folder: Path, settings: dict[str, str]) -> Path:
    root = folder / "app"
    secrets = {key: settings[key] for key in ("suiteId", "suiteSecret", "token", "encodingAESKey")}
    files = {
        "app.json": {"name": "load"},
        "auths/Wecom/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "WeCom"},
        "auths/Wecom/Wecom.json": {"authConfig": secrets, "apiBaseUrl": settings["base_url"]},
    }
    for number in range(ENTERPRISES):
        files[f"corps/C{number}/e.json"] = {"type": "corps.QywxProxyType", "title": f"C{number}"}
        files[f"corps/C{number}/C{number}.json"] = {"corpId": _corp(number), "authFullName": NAME}
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
    return root


def _calls(settings: dict[str, str], seconds: float, events: int, tickets: int) -> list[Call]:
    """What WeCom has to tell, spread evenly; every callback is another one."""
    cipher = CallbackCipher(settings["token"], settings["encodingAESKey"])
    chance = random.Random(20)
    now = int(time.time())
    calls: list[Call] = []

    def add(at: float, path: str, message: str, receiver: str, salt: bytes) -> None:
        sealed = cipher.seal(message.encode(), receiver, timestamp=str(now), nonce=f"{len(calls)}")
        query = {"msg_signature": sealed.msg_signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce}
        body = f"<xml><Encrypt><![CDATA[{sealed.encrypt}]]></Encrypt></xml>".encode()
        calls.append(Call(at, f"{path}?{urlencode(query)}", body, sha256(salt + message.encode()).hexdigest()))

    for number in range(int(seconds * events)):
        corpid = _corp(chance.randrange(ENTERPRISES))
        add(
            number / events,
            f"/callbacks/{NAME}/{corpid}",
            f"<xml><ToUserName><![CDATA[{corpid}]]></ToUserName><FromUserName><![CDATA[sys]]></FromUserName>"
            f"<CreateTime>{now + number // events}</CreateTime><MsgType>event</MsgType><Event>change_contact</Event>"
            f"<ChangeType>update_user</ChangeType><UserID>user{chance.randrange(MEMBERS)}</UserID>"
            f"<Position>{number}</Position></xml>",
            corpid,
            corpid.encode() + b"\0",
        )
    for number in range(int(seconds * tickets)):
        add(
            number / tickets,
            f"/callbacks/{NAME}",
            f"<xml><SuiteId>{settings['suiteId']}</SuiteId><InfoType>suite_ticket</InfoType>"
            f"<TimeStamp>{now}</TimeStamp><SuiteTicket>ticket{number}</SuiteTicket></xml>",
            settings["suiteId"],
            b"",
        )
    return sorted(calls, key=lambda call: call.at)


def _rows(root: Path) -> list[tuple[str, str]]:
    [file] = [root / name for name in _databases(root)]
    connection = sqlite3.connect(file)
    try:
        return connection.execute("SELECT digest, state FROM jit_qywx_callback").fetchall()
    finally:
        connection.close()


def _databases(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in (root / "appData").rglob("*.db")]

"""The emulator as a program, and as a fixture."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request

from jit_qywx.emulator import Emulator
from jit_qywx.emulator.serving import serve

pytest_plugins = ["jit_qywx.emulator.fixtures"]


def test_program_prints_its_credentials_and_ends_on_sigint():
    """`python -m jit_qywx.emulator` tells base URL and permanent codes in one line, and SIGINT ends it with 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jit_qywx.emulator", "--port", "0", "--members", "5", "--departments", "3"],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        state = json.loads(process.stdout.readline())
        corp = state["corps"][0]
        code = corp["apps"][0]["permanent_code"]
        url = f"{state['base_url']}gettoken?corpid={corp['corpid']}&corpsecret={code}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert json.load(answer)["errcode"] == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


def test_serve_pushes_a_ticket_and_stops(caplog):
    """serve makes the corps it is asked for, pushes a ticket at the start, and ends when stop is set."""
    stop = threading.Event()
    seen = {}

    def ready(emulator):
        seen["corps"] = list(emulator.platform.corps)
        seen["suite"] = emulator.suite.id
        seen["members"] = len(emulator.org("wwA").members)
        stop.set()

    serve(
        port=0,
        corps=["wwA"],
        members=7,
        departments=2,
        tags=0,
        suite=("dkmine", "secret", "token", "a" * 43),
        callback="http://127.0.0.1:9/",
        on_ready=ready,
        stop=stop,
    )
    assert seen == {"corps": ["wwA"], "suite": "dkmine", "members": 7}


def test_serve_runs_outside_the_main_thread():
    """serve may run in a thread, where it leaves signals alone."""
    stop = threading.Event()
    ready = threading.Event()
    thread = threading.Thread(
        target=serve,
        kwargs={"port": 0, "corps": 1, "members": 1, "on_ready": lambda _emulator: ready.set(), "stop": stop},
    )
    thread.start()
    assert ready.wait(60)
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_serve_ends_on_a_signal_and_puts_handlers_back():
    """SIGTERM ends serve in the main thread, and the handlers from before are back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    serve(port=0, corps=0, on_ready=lambda _emulator: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before


def test_serve_ends_on_keyboard_interrupt():
    """A KeyboardInterrupt from on_ready is the ordinary end, too."""

    def interrupt(_emulator):
        raise KeyboardInterrupt

    serve(port=0, corps=0, on_ready=interrupt)


def test_fixture_gives_an_empty_emulator(wecom_emulator):
    """The pytest fixture is an emulator without corps."""
    assert isinstance(wecom_emulator, Emulator)
    assert wecom_emulator.platform.corps == {}

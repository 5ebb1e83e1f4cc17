"""Rate limits, concurrency limits, delays."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from jit_qywx.emulator import Clock, Emulator


def test_minute_limit_blocks_for_a_minute(emulator, caller):
    """The call after the limit is 45009, and so is every one for the next 60 seconds."""
    emulator.limits.set(minute=2)
    codes = [caller.get("tag/list")["errcode"] for _ in range(4)]
    assert codes == [0, 0, 45009, 45009]
    emulator.clock.advance(59)
    assert caller.get("tag/list")["errcode"] == 45009
    emulator.clock.advance(1)
    assert [caller.get("tag/list")["errcode"] for _ in range(3)] == [0, 0, 45009]


def test_window_begins_anew(emulator, caller):
    """Calls spread over more than a window are not limited."""
    emulator.limits.set(minute=1)
    for _ in range(3):
        assert caller.get("tag/list")["errcode"] == 0
        emulator.clock.advance(60)


def test_hour_limit_blocks_for_an_hour(emulator, caller):
    """An hour's limit blocks for 3600 seconds."""
    emulator.limits.set(hour=1)
    assert [caller.get("tag/list")["errcode"] for _ in range(2)] == [0, 45009]
    emulator.clock.advance(3599)
    assert caller.get("tag/list")["errcode"] == 45009
    emulator.clock.advance(1)
    assert caller.get("tag/list")["errcode"] == 0


def test_each_api_and_each_corp_has_its_own_window(emulator, caller):
    """Using up one API of one corp leaves its other APIs and other corps alone."""
    emulator.add_corp("ww2")
    other, _ = emulator.platform.tokens.issue("app", "ww2", emulator.install("ww2").agentid)
    emulator.limits.set(minute=1)
    assert [caller.get("tag/list")["errcode"] for _ in range(2)] == [0, 45009]
    assert caller.get("department/list")["errcode"] == 0
    assert caller.get("tag/list", access_token=other)["errcode"] == 0


def test_limit_of_one_path(emulator, caller):
    """A limit for a pattern leaves other paths alone; two limits are counted apart; a new one replaces the old."""
    emulator.limits.set(path="user/*", minute=1)
    emulator.limits.set(minute=3)
    assert [caller.get("user/list", department_id=1)["errcode"] for _ in range(2)] == [0, 45009]
    assert [caller.get("tag/list")["errcode"] for _ in range(4)] == [0, 0, 0, 45009]
    emulator.limits.forget()
    emulator.limits.set(path="user/*")
    assert [caller.get("user/list", department_id=1)["errcode"] for _ in range(2)] == [0, 0]


def test_address_limit_counts_all_corps_together(emulator, caller):
    """The provider's limit by address adds up the calls about all corps."""
    emulator.add_corp("ww2")
    other, _ = emulator.platform.tokens.issue("app", "ww2", emulator.install("ww2").agentid)
    emulator.limits.set(ip_minute=1)
    assert caller.get("tag/list")["errcode"] == 0
    assert caller.get("tag/list", access_token=other)["errcode"] == 45009


def test_published_limits_are_far_away(emulator, caller):
    """The published figures do not touch a few calls; cleared, nothing is counted."""
    emulator.limits.set_published()
    assert caller.get("tag/list")["errcode"] == 0
    emulator.limits.clear()
    assert caller.get("tag/list")["errcode"] == 0


def test_too_many_at_once_is_45033(emulator, caller):
    """With a concurrency of 2 a third call at once is 45033; when one has ended the next is answered."""
    emulator.limits.set(concurrency=2)
    leave = [emulator.limits.enter("ww1", "127.0.0.1", "tag/list") for _ in range(2)]
    assert caller.get("tag/list")["errcode"] == 45033
    assert caller.get("department/list")["errcode"] == 0
    leave[0]()
    assert [caller.get("tag/list")["errcode"] for _ in range(3)] == [0, 0, 0]


def test_delayed_call_is_a_running_call(emulator, caller):
    """A call is running from before its delay: two at once against a concurrency of 1 cannot both be answered."""
    emulator.limits.set(concurrency=1)
    both = threading.Barrier(2)
    emulator.faults.add(then=lambda: both.wait(60))
    emulator.latency.set(0.4)
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda _: caller.get("tag/list")["errcode"], range(2)))
    assert sorted(codes) == [0, 45033]


def test_latency_delays_the_calls_it_names(emulator, caller):
    """A delay for a pattern takes that long and leaves other calls alone; a range is drawn from."""
    emulator.latency.set(0.15, path="tag/*")
    started = time.perf_counter()
    caller.get("tag/list")
    assert time.perf_counter() - started >= 0.15
    assert emulator.latency.of("department/list") == 0
    emulator.latency.set((0.001, 0.002), path="tag/*")
    assert 0.001 <= emulator.latency.of("tag/list") <= 0.002


def test_closing_does_not_wait_for_a_delay():
    """An emulator with a minute of latency closes at once."""
    import http.client

    with Emulator(clock=Clock.frozen()) as emulator:
        emulator.latency.set(60)
        connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=60)
        connection.request("GET", "/cgi-bin/gettoken")
        waiting = threading.Event()
        waiting.wait(0.1)
        started = time.perf_counter()
    assert time.perf_counter() - started < 30
    connection.close()

"""Callbacks in the background: delivered as WeCom does, disturbed on demand."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from jit_qywx.emulator.courier import Courier, Disturbance
from jit_qywx.emulator.delivery import Callback


class Endpoint:
    """A `notify` that counts what arrives; it fails as often as it is told."""

    def __init__(self, *, failures=0):
        self.failures = failures
        self.arrived = []
        self.lock = threading.Lock()

    def __call__(self, nonce, msg_signature, timestamp, echostr=None, body=b""):
        with self.lock:
            self.arrived.append(nonce)
            if self.failures:
                self.failures -= 1
                raise RuntimeError("out of order")
        return "success"


def callback(number):
    """A callback that can be told from others by its nonce."""
    return Callback(str(number), "0", "", b"<xml/>", None, "")


@pytest.fixture
def courier():
    """A courier that is closed afterwards."""
    courier = Courier()
    yield courier
    courier.close()


def test_everything_arrives_once(courier):
    """Without a disturbance each callback arrives once, and is counted."""
    endpoint = Endpoint()
    for number in range(50):
        courier.send(callback(number), endpoint)
    assert courier.wait()
    assert Counter(endpoint.arrived) == Counter(str(number) for number in range(50))
    assert courier.counts == {"sent": 50, "accepted": 50, "refused": 0, "dropped": 0, "repeated": 0}


def test_shares_are_dropped_and_tripled(courier):
    """About the told shares arrive never and three times; the rest once; the counts say which."""
    endpoint = Endpoint()
    disturbance = Disturbance(drop=0.1, triple=0.1, seed=3)
    for number in range(400):
        courier.send(callback(number), endpoint, disturbance)
    assert courier.wait()
    copies = Counter(Counter(endpoint.arrived).values())
    assert set(copies) == {1, 3}
    assert 20 < copies[3] < 60
    assert 20 < 400 - copies[1] - copies[3] < 60
    assert courier.counts["repeated"] == copies[3]
    assert courier.counts["dropped"] == 400 - copies[1] - copies[3]


def test_seed_decides_the_fate():
    """The same seed draws the same fates, another seed others."""

    def fates(seed):
        disturbance = Disturbance(drop=0.2, triple=0.2, window=1, seed=seed)
        return [disturbance.draw() for _ in range(30)]

    assert fates(1) == fates(1)
    assert fates(1) != fates(2)
    assert all(0 <= wait <= 1 for fate in fates(1) for wait in fate)


@pytest.mark.parametrize(
    "shares", [{"drop": -0.1}, {"triple": 1.1}, {"drop": 0.6, "triple": 0.6}, {"window": -1}], ids=str
)
def test_impossible_shares_are_refused(shares):
    """Shares outside 0 to 1, or more than 1 together, and a negative window are errors."""
    with pytest.raises(ValueError, match="shares"):
        Disturbance(**shares)


def test_later_callbacks_overtake(courier):
    """With a window, callbacks wait, and arrive in another order; hurry() sends what waits at once."""
    endpoint = Endpoint()
    disturbance = Disturbance(window=3600, seed=1)
    for number in range(30):
        courier.send(callback(number), endpoint, disturbance)
    assert courier.waiting == 30
    assert not courier.wait(0)
    courier.hurry()
    assert courier.wait()
    assert sorted(endpoint.arrived, key=int) == [str(number) for number in range(30)]
    assert endpoint.arrived != sorted(endpoint.arrived, key=int)


def test_a_callback_arrives_when_its_time_comes():
    """A copy is sent when its time has come, and not before."""
    passed = [0.0]
    courier = Courier(lambda: passed[0])
    endpoint = Endpoint()
    courier.send(callback(1), endpoint, Disturbance(window=10, seed=1))
    assert not courier.wait(0)
    passed[0] = 10.0
    courier.send(callback(2), endpoint)
    assert courier.wait()
    assert sorted(endpoint.arrived) == ["1", "2"]
    courier.close()


def test_a_failing_receiver_is_counted_and_logged(courier, caplog):
    """What a receiver raises is logged, counted as refused, and stops nothing."""
    endpoint = Endpoint(failures=1)
    courier.send(callback(1), endpoint)
    assert courier.wait()
    courier.send(callback(2), endpoint)
    assert courier.wait()
    assert (courier.counts["refused"], courier.counts["accepted"]) == (1, 1)
    assert "a receiver failed" in caplog.text


def test_a_url_is_tried_three_times(emulator, caller):
    """A URL that does not answer 200 is tried three times, as WeCom does."""
    emulator.set_callback_url(f"{emulator.url}/cgi-bin/nothing-here")
    emulator.cancel("ww1")
    assert emulator.courier.wait()
    assert len(emulator.calls.of("nothing-here")) == 3
    assert emulator.courier.counts["refused"] == 1


def test_closing_loses_what_waits():
    """A closed courier sends nothing more, and takes nothing more."""
    endpoint = Endpoint()
    courier = Courier()
    courier.send(callback(1), endpoint, Disturbance(window=3600, seed=1))
    courier.close()
    courier.send(callback(2), endpoint)
    assert courier.waiting == 0
    assert endpoint.arrived == []

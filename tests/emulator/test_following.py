"""What WeCom tells a callback server by itself: real HTTP, in the background, steered from another process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from jit_qywx.emulator.answers import Answer
from jit_qywx.emulator.cipher import MessageCipher
from jit_qywx.emulator.wire import HttpServer


class CallbackServer:
    """A callback server for both channels: `/template`, and `/app/<corpid>`. It refuses the first `failures`."""

    def __init__(self):
        self.failures = 0
        self.token = self.aes_key = self.suite_id = ""
        self.template = []
        self.contacts = []
        self._heard = threading.Condition()
        self._server = HttpServer(self._respond, "127.0.0.1", 0)
        self.url = "http://{}:{}".format(*self._server.address)

    def listen_for(self, suite):
        """Take the keys of a suite."""
        self.token, self.aes_key, self.suite_id = suite["token"], suite["aes_key"], suite["id"]

    def wait_for(self, count):
        """Wait until so many template events have come."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.template) >= count, 10)

    def close(self):
        self._server.close()

    def _respond(self, request):
        if self.failures:
            self.failures -= 1
            return Answer(b"", None, 500, "text/plain")
        *_, place = request.path.split("/")
        cipher = MessageCipher(self.token, self.aes_key, self.suite_id if place == "template" else place)
        envelope = {element.tag: element.text or "" for element in ET.fromstring(request.body)}
        query = request.query
        plain = cipher.open(query["msg_signature"], query["timestamp"], query["nonce"], envelope["Encrypt"])
        event = {element.tag: (element.text or "").strip() for element in ET.fromstring(plain)}
        with self._heard:
            (self.template if place == "template" else self.contacts).append(event)
            self._heard.notify_all()
        return Answer(b"success", None, 200, "text/plain")


@pytest.fixture
def server():
    """A callback server."""
    server = CallbackServer()
    yield server
    server.close()


@pytest.fixture
def told(emulator, server):
    """The callback server whose URLs the suite has."""
    suite = emulator.suite
    server.listen_for({"id": suite.id, "token": suite.token, "aes_key": suite.aes_key})
    emulator.set_callback_url(f"{server.url}/template", f"{server.url}/app/$CORPID$")
    return server


def test_what_administrators_do_is_told(emulator, told, caller):
    """Range, permissions, a reset and a cancel are told in the background, each by its event."""
    emulator.set_visible_range("ww1", departments=[4])
    assert emulator.courier.wait()
    emulator.set_permissions("ww1", [])
    assert emulator.courier.wait()
    emulator.set_app("ww1", departments=[1])
    emulator.set_app("ww1", home_url="https://crm.example")
    assert emulator.courier.wait()
    emulator.reset_permanent_code("ww1")
    assert emulator.courier.wait()
    emulator.cancel("ww1")
    assert emulator.courier.wait()
    assert [event["InfoType"] for event in told.template] == [
        *["change_auth"] * 3,
        "reset_permanent_code",
        "cancel_auth",
    ]
    assert {event.get("AuthCorpId") for event in told.template} == {"ww1", None}


def test_the_code_of_a_reset_works(emulator, told, caller):
    """reset_permanent_code brings a code that is exchanged for the new permanent code."""
    emulator.reset_permanent_code("ww1")
    assert emulator.courier.wait()
    body = {"auth_code": told.template[0]["AuthCode"]}
    answer = caller.post("service/v2/get_permanent_code", body, suite_access_token=caller.suite_token())
    assert answer["permanent_code"] == emulator.app("ww1").permanent_code


def test_scanning_a_link_is_told(emulator, told, caller):
    """A browser that opens the install link makes WeCom push create_auth with the link's state and a good code."""
    emulator.add_corp("ww2", "乙")
    body = {"corpid": emulator.provider_corpid, "provider_secret": emulator.provider_secret}
    provider = caller.post("service/get_provider_token", body)["provider_access_token"]
    asked = {"state": "s1", "templateid_list": [emulator.suite.id]}
    link = caller.post("service/get_customized_auth_url", asked, provider_access_token=provider)["qrcode_url"]
    assert caller.http.get(f"{link}&corpid=ww2", timeout=60).status_code == 200
    assert emulator.courier.wait()
    [event] = told.template
    assert (event["InfoType"], event["State"]) == ("create_auth", "s1")
    answer = caller.post(
        "service/v2/get_permanent_code", {"auth_code": event["AuthCode"]}, suite_access_token=caller.suite_token()
    )
    assert answer["auth_corp_info"]["corpid"] == "ww2"


def test_what_is_pushed_without_a_target_goes_to_the_callback_url(emulator, told):
    """Tickets, events and changes find the URL that is set, the app's with the corp's id in it."""
    assert emulator.push_ticket().accepted
    assert emulator.push_event(None, "change_auth", "ww1").accepted
    assert emulator.push_change(None, "ww1", emulator.org("ww1").add_department("市场")).accepted
    assert emulator.push_app_event(None, "ww1", "enter_agent").accepted
    assert [event["InfoType"] for event in told.template] == ["suite_ticket", "change_auth"]
    assert [event["ToUserName"] for event in told.contacts] == ["ww1", "ww1"]


def test_an_app_may_have_a_url_of_its_own(emulator, told):
    """The URL of one corp's app goes before the suite's."""
    emulator.set_app("ww1", callback_url=f"{told.url}/elsewhere/ww1")
    assert emulator.push_app_event(None, "ww1", "enter_agent").accepted


def test_without_a_url_there_is_nothing_to_push_to(emulator):
    """A push without a target and without a callback URL is an error; administrators' deeds are simply not told."""
    with pytest.raises(LookupError, match="no callback URL"):
        emulator.push_ticket()
    with pytest.raises(LookupError, match="no callback URL"):
        emulator.push_echo(None, "ww1")
    emulator.cancel("ww1")
    assert emulator.courier.waiting == 0


def test_edits_are_told_with_their_disturbance(emulator, told):
    """A followed corp's edits arrive in the background: some never, some three times, in another order."""
    emulator.follow("ww1", drop=0.1, triple=0.1, window=3600, seed=5)
    org = emulator.org("ww1")
    for number in range(200):
        org.add_member(f"m{number}", f"成员{number}")
    emulator.courier.hurry()
    assert emulator.courier.wait()
    arrived = [event["UserID"] for event in told.contacts]
    copies = Counter(Counter(arrived).values())
    assert set(copies) == {1, 3}
    counts = emulator.courier.counts
    assert counts["dropped"] + copies[1] + copies[3] == 200
    assert counts["dropped"] > 5
    assert arrived != sorted(arrived, key=lambda userid: int(userid[1:]))


def test_a_server_that_fails_gets_it_again(emulator, told):
    """A callback that is answered with an error comes again, three times in all."""
    emulator.follow("ww1")
    told.failures = 2
    emulator.org("ww1").add_department("市场")
    assert emulator.courier.wait()
    assert len(told.contacts) == 1
    assert emulator.courier.counts["accepted"] == 1


def test_following_ends(emulator, told):
    """unfollow ends all following of a corp; a cancelled corp and a corp without the suite are not told of."""
    stop = emulator.follow("ww1")
    emulator.follow("ww1")
    emulator.unfollow("ww1")
    stop()
    emulator.org("ww1").add_department("a")
    emulator.follow("ww1")
    emulator.cancel("ww1")
    emulator.org("ww1").add_department("b")
    emulator.add_corp("ww2")
    emulator.follow("ww2")
    emulator.org("ww2").add_department("c")
    assert emulator.courier.wait()
    assert told.contacts == []


def test_another_process_is_told_everything(server):
    """An emulator of its own process pushes tickets again and again, follows, scans and cancels over the controls."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jit_qywx.emulator", "--port", "0", "--corps", "1", "--members", "3"),
            *("--departments", "2", "--tags", "0", "--ticket-every", "0.05"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        state = json.loads(process.stdout.readline())
        server.listen_for(state["suites"][0])
        base = state["login_base_url"] + "_emulator/"
        corpid = state["corps"][0]["corpid"]

        def control(name, **arguments):
            request = urllib.request.Request(
                base + name, json.dumps(arguments).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["result"]

        control("set_callback_url", template_url=f"{server.url}/template", app_url=f"{server.url}/app/$CORPID$")
        server.wait_for(2)
        control("unfollow", corpid=corpid)
        assert control("follow", corpid=corpid, drop=0.0, triple=1.0, window=0.01, seed="a") == corpid
        control("edit", corpid=corpid, edit="add_member", args={"userid": "new", "name": "新人"})
        control("cancel", corpid=corpid)
        assert control("courier.wait") is True
        with urllib.request.urlopen(base + "deliveries", timeout=60) as answer:
            counts = json.load(answer)
        assert counts["repeated"] == 1
        assert counts["refused"] == 0
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == (0 if os.name == "posix" else process.returncode)
    assert [event["UserID"] for event in server.contacts] == ["new"] * 3
    kinds = Counter(event["InfoType"] for event in server.template)
    assert kinds["suite_ticket"] >= 2
    assert kinds["cancel_auth"] == 1

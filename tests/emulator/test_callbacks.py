"""Callbacks: what is in them, for whom they are encrypted, and what they do."""

from __future__ import annotations

import re
import threading
import xml.etree.ElementTree as ET
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from jit_qywx.emulator.callbacks import xml
from jit_qywx.emulator.cipher import CipherError, MessageCipher


class Receiver:
    """A `notify` that opens what it gets for one receiver."""

    def __init__(self, suite, receiveid, reply="success"):
        self.cipher = MessageCipher(suite.token, suite.aes_key, receiveid)
        self.reply = reply
        self.events = []
        self.envelopes = []

    def __call__(self, nonce, msg_signature, timestamp, echostr=None, body=b""):
        if echostr is not None:
            return self.cipher.open(msg_signature, timestamp, nonce, echostr).decode()
        envelope = {element.tag: element.text or "" for element in ET.fromstring(body)}
        self.envelopes.append(envelope)
        plain = self.cipher.open(msg_signature, timestamp, nonce, envelope["Encrypt"])
        self.events.append({element.tag: element.text or "" for element in ET.fromstring(plain)})
        return self.reply


@pytest.fixture
def suite_side(emulator):
    """Receives the template channel."""
    return Receiver(emulator.suite, emulator.suite.id)


@pytest.fixture
def app_side(emulator):
    """Receives the app channel of ww1."""
    return Receiver(emulator.suite, "ww1")


def test_ticket_is_pushed_and_works(emulator, caller, suite_side):
    """suite_ticket carries a ticket that get_suite_token takes; the envelope names the suite and no agent."""
    delivery = emulator.push_ticket(suite_side)
    [event] = suite_side.events
    assert delivery.accepted
    assert event["SuiteId"] == emulator.suite.id
    assert event["InfoType"].strip() == "suite_ticket"
    assert event["TimeStamp"] == "1700000000"
    assert (suite_side.envelopes[0]["ToUserName"], suite_side.envelopes[0]["AgentID"]) == (emulator.suite.id, "")
    suite = emulator.suite
    body = {"suite_id": suite.id, "suite_secret": suite.secret, "suite_ticket": event["SuiteTicket"]}
    assert "suite_access_token" in caller.post("service/get_suite_token", body)


def test_info_type_of_the_ticket_has_a_space(emulator):
    """As in the official sample, the ticket's InfoType has a space before its text."""
    assert "<InfoType> <![CDATA[suite_ticket]]>" in emulator.callbacks.ticket(emulator.suite).plaintext


def test_create_auth_authorises(emulator, caller, suite_side):
    """create_auth installs the suite and carries an auth code and the state."""
    emulator.add_corp("ww2")
    emulator.push_event(suite_side, "create_auth", "ww2", state="s1")
    [event] = suite_side.events
    assert event["State"] == "s1"
    answer = caller.post(
        "service/v2/get_permanent_code", {"auth_code": event["AuthCode"]}, suite_access_token=caller.suite_token()
    )
    assert answer["auth_corp_info"]["corpid"] == "ww2"


def test_change_auth_names_the_corp(emulator, suite_side):
    """change_auth carries AuthCorpId."""
    emulator.push_event(suite_side, "change_auth", "ww1")
    assert suite_side.events[0]["AuthCorpId"] == "ww1"


def test_cancel_auth_cancels(emulator, caller, suite_side):
    """cancel_auth names the corp, and its calls fail from then on."""
    emulator.push_event(suite_side, "cancel_auth", "ww1")
    assert suite_side.events[0]["AuthCorpId"] == "ww1"
    assert caller.get("tag/list")["errcode"] == 48004


def test_reset_permanent_code_names_no_corp(emulator, caller, suite_side):
    """reset_permanent_code carries an auth code and no corp: who it was is known after the exchange."""
    emulator.push_event(suite_side, "reset_permanent_code", "ww1")
    [event] = suite_side.events
    assert "AuthCorpId" not in event
    answer = caller.post(
        "service/v2/get_permanent_code", {"auth_code": event["AuthCode"]}, suite_access_token=caller.suite_token()
    )
    assert answer["permanent_code"] == emulator.app("ww1").secret


def test_any_other_event_is_told_as_given(emulator, suite_side):
    """An event the emulator knows nothing of carries the fields it was given, nested ones too."""
    emulator.push_event(suite_side, "register_corp", RegisterCode="r1")
    assert suite_side.events[0]["RegisterCode"] == "r1"
    made = emulator.callbacks.app_event(emulator.app("ww1"), "batch_job_result", BatchJob={"JobId": "j", "ErrCode": 0})
    assert "<BatchJob><JobId><![CDATA[j]]></JobId><ErrCode>0</ErrCode></BatchJob>" in made.plaintext


def test_app_event_is_for_the_corp(emulator, app_side):
    """App events are encrypted for the corpid; the envelope names corp and agent."""
    emulator.push_app_event(app_side, "ww1", "enter_agent")
    [event] = app_side.events
    assert (event["ToUserName"], event["MsgType"], event["Event"]) == ("ww1", "event", "enter_agent")
    assert app_side.envelopes[0]["AgentID"] == str(emulator.app("ww1").agentid)


def test_channels_are_not_for_each_other(emulator, suite_side):
    """An app event does not open as a template event."""
    with pytest.raises(CipherError, match="receiveid"):
        emulator.push_app_event(suite_side, "ww1", "enter_agent")


def test_app_channel_may_have_keys_of_its_own(emulator):
    """An app with its own token and key is called back with these."""
    emulator.set_app("ww1", token="own", aes_key="a" * 43)
    receiver = Receiver(type("Keys", (), {"token": "own", "aes_key": "a" * 43}), "ww1")
    emulator.push_app_event(receiver, "ww1", "enter_agent")
    assert receiver.events


def test_followed_corp_pushes_its_edits(emulator, app_side):
    """After follow every edit is pushed as it happens; stopping ends it; renaming a tag is never announced."""
    stop = emulator.follow("ww1", app_side)
    org = emulator.org("ww1")
    org.add_department("市场", department_id=8, order=3)
    org.add_member("zhaoliu", "赵六", [8])
    org.rename_tag(1, "主管")
    org.tag(1, add_users=["zhaoliu"])
    org.remove_member("zhaoliu")
    stop()
    org.remove_department(8)
    assert [event["ChangeType"] for event in app_side.events] == [
        "create_party",
        "create_user",
        "update_tag",
        "delete_user",
    ]
    assert app_side.events[0] | {"Id": "8", "Name": "市场", "ParentId": "1", "Order": "3"} == app_side.events[0]
    assert app_side.events[2]["AddUserItems"] == "zhaoliu"


def test_event_hides_what_the_app_may_not_see(emulator, app_side):
    """Names come only when granted, sensitive fields only for old apps, places and leaders only when visible."""
    org = emulator.org("ww1")
    change = org.update_member(
        "zhangsan", name="张三丰", mobile="13911112222", departments=[2, 3], direct_leader=("lisi",)
    )
    emulator.set_app("ww1", departments=[3], permissions=[])
    emulator.push_change(app_side, "ww1", change)
    [event] = app_side.events
    assert not {"Name", "Mobile", "MainDepartment"} & event.keys()
    assert (event["Department"], event["IsLeaderInDept"], event["DirectLeader"]) == ("3", "0", "")
    emulator.set_app(
        "ww1",
        departments=[1],
        created_before_2022=True,
        permissions=["contact:sensitive:user_name", "contact:sensitive:mobile"],
    )
    emulator.push_change(app_side, "ww1", change)
    assert app_side.events[1]["Name"] == "张三丰"
    assert app_side.events[1]["Mobile"] == "13911112222"
    assert app_side.events[1]["MainDepartment"] == "2"


def test_department_event_hides_the_name(emulator, app_side):
    """A department's name comes only when granted."""
    emulator.set_permissions("ww1", [])
    emulator.push_change(app_side, "ww1", emulator.org("ww1").update_department(3, name="销售部"))
    assert "Name" not in app_side.events[0]


def test_events_use_the_ids_the_app_knows(emulator, caller, app_side):
    """With ciphertext ids events carry them, also of members who are gone; a rename shows nothing new."""
    emulator.set_app("ww1", open_ids=True)
    [lisi] = caller.get("user/list", department_id=4)["userlist"]
    org = emulator.org("ww1")
    emulator.push_change(app_side, "ww1", org.rename_member("lisi", "lisi2"))
    emulator.push_change(app_side, "ww1", org.tag(1, add_users=["lisi2"]))
    emulator.push_change(app_side, "ww1", org.remove_member("lisi2"))
    renamed, tagged, removed = app_side.events
    assert renamed["UserID"] == tagged["AddUserItems"] == removed["UserID"] == lisi["userid"]
    assert "NewUserID" not in renamed


def test_url_verification_is_for_the_provider(emulator):
    """The echostr of either channel is encrypted for the provider's corpid and comes back as plain text."""
    receiver = Receiver(emulator.suite, emulator.provider_corpid)
    for corpid in (None, "ww1"):
        delivery = emulator.push_echo(receiver, corpid)
        assert delivery.accepted
        assert re.fullmatch("[0-9]{19}", delivery.reply)


def test_wrong_reply_is_not_accepted(emulator, suite_side):
    """Anything but "success" would be taken for an error by WeCom; bytes are as good as text."""
    suite_side.reply = "ok"
    assert not emulator.push_ticket(suite_side).accepted
    suite_side.reply = b"success"
    assert emulator.push_ticket(suite_side).accepted


def test_what_a_receiver_raises_is_raised(emulator):
    """A callable's exception reaches whoever pushes."""

    def broken(*_args, **_keywords):
        raise RuntimeError("broken receiver")

    with pytest.raises(RuntimeError, match="broken receiver"):
        emulator.push_ticket(broken)


def test_callback_can_be_sent_twice_and_late(emulator, suite_side):
    """A callback that was made but not sent can be delivered any number of times, in any order."""
    first = emulator.callbacks.ticket(emulator.suite)
    emulator.clock.advance(60)
    second = emulator.callbacks.ticket(emulator.suite)
    for callback in (second, first, first):
        callback.deliver(suite_side)
    assert [event["TimeStamp"] for event in suite_side.events] == ["1700000060", "1700000000", "1700000000"]
    assert suite_side.events[1] == suite_side.events[2]


class Endpoint:
    """A real HTTP receiver that passes requests to a Receiver; answers 500 to the first `failures`."""

    def __init__(self, receiver, failures=0):
        endpoint = self
        self.failures = failures
        self.requests = []

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                endpoint.requests.append((self.command, urlsplit(self.path).path))
                query.pop("tenant", None)
                if endpoint.failures:
                    endpoint.failures -= 1
                    self.send_response(500)
                    self.end_headers()
                    return
                reply = receiver(**query, body=body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = handle_any

            def log_message(self, *args):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint(suite_side):
    """A real HTTP receiver of the template channel."""
    endpoint = Endpoint(suite_side)
    yield endpoint
    endpoint.close()


def test_url_gets_a_post_with_the_query(emulator, suite_side, endpoint):
    """A URL target gets a POST with signature, timestamp and nonce beside its own query."""
    delivery = emulator.push_ticket(endpoint.url + "/callback?tenant=5")
    assert (delivery.status, delivery.reply, delivery.accepted) == (200, "success", True)
    assert endpoint.requests == [("POST", "/callback")]
    assert len(suite_side.events) == 1


def test_url_verification_is_a_get(emulator):
    """A URL is verified with GET."""
    endpoint = Endpoint(Receiver(emulator.suite, emulator.provider_corpid))
    try:
        assert emulator.push_echo(endpoint.url).accepted
        assert endpoint.requests == [("GET", "/")]
    finally:
        endpoint.close()


def test_failed_delivery_is_tried_again(emulator, endpoint):
    """With three tries a URL that fails twice is reached; with one the failure is told."""
    endpoint.failures = 2
    callback = emulator.callbacks.ticket(emulator.suite)
    assert callback.deliver(endpoint.url, tries=3).tries == 3
    endpoint.failures = 1
    assert callback.deliver(endpoint.url).status == 500


def test_unreachable_url_is_told(emulator):
    """A URL where nobody listens is status 0, not an exception."""
    delivery = emulator.push_ticket("http://127.0.0.1:9/callback")
    assert (delivery.status, delivery.reply, delivery.accepted) == (0, "", False)


def test_text_cannot_break_out_of_its_element():
    """A text with the end of a CDATA section stays one text; numbers are bare."""
    text = xml({"Name": "a]]><b>&", "Id": 5})
    root = ET.fromstring(text)
    assert root.findtext("Name") == "a]]><b>&"
    assert "<Id>5</Id>" in text


def test_same_seed_same_callback():
    """Two emulators of one seed, at one time, send the same bytes."""
    from jit_qywx.emulator import Clock, Emulator

    def sent():
        with Emulator(seed=5, clock=Clock.frozen()) as emulator:
            return emulator.callbacks.ticket(emulator.suite)

    assert sent() == sent()

"""The emulator steered over HTTP by another process."""

from __future__ import annotations

import json

import pytest

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def control(emulator, caller):
    """Calls a control by name; the HTTP status and the JSON."""

    def call(name, /, _type="application/json", **arguments):
        answer = caller.http.post(
            f"{emulator.url}/_emulator/{name}",
            data=json.dumps(arguments).encode(),
            headers={"Content-Type": _type},
            timeout=5,
        )
        return answer.status_code, answer.json()

    return call


def read(emulator, caller, path):
    """GET below /_emulator/."""
    return caller.http.get(f"{emulator.url}/_emulator/{path}", timeout=60)


def test_corp_can_be_added_installed_and_authorised(emulator, control):
    """add_corp, install and authorize work as in Python, and answer what they return."""
    status, answer = control("add_corp", corpid="ww2", name="乙", members=[{"userid": "a"}])
    assert (status, answer["result"]["corpid"], answer["result"]["members"]) == (200, "ww2", 1)
    assert control("install", corpid="ww2")[1]["result"]["permanent_code"] == emulator.app("ww2").secret
    assert len(control("authorize", corpid="ww2")[1]["result"]) == 64


def test_corp_can_be_generated(emulator, control):
    """generate adds a corp of any size."""
    control("generate", corpid="ww3", name="丙", members=30, departments=4, tags=1, seed=2)
    assert len(emulator.org("ww3").members) == 30
    assert emulator.org("ww3").departments[1].name == "丙"


def test_edit_changes_the_organisation(emulator, control):
    """edit runs an edit by name and answers its change."""
    _, answer = control("edit", corpid="ww1", edit="remove_member", args={"userid": "lisi"})
    assert answer["result"] == {"type": "delete_user", "id": "lisi", "fields": {"UserID": "lisi"}}
    assert emulator.org("ww1").find("lisi") is None


def test_edit_may_push_its_event(control):
    """edit with a push URL sends the event; an unreachable URL does not undo the edit."""
    status, _ = control("edit", corpid="ww1", edit="remove_member", args={"userid": "lisi"}, push="http://127.0.0.1:9/")
    assert status == 200


def test_faults_limits_latency_and_clock(emulator, caller, control):
    """faults.add, limits.set, latency.set, clock.advance and their clear work; the fault is listed."""
    _, answer = control("faults.add", path="tag/list", errcode=45009)
    assert caller.get("tag/list")["errcode"] == 45009
    assert read(emulator, caller, "faults").json()["faults"][0]["what"] == "errcode 45009"
    control("faults.remove", fault=answer["result"]["id"])
    control("limits.set", minute=0)
    assert caller.get("tag/list")["errcode"] == 45009
    control("limits.clear")
    assert control("latency.set", seconds=[0.001, 0.002])[0] == 200
    assert 0.001 <= emulator.latency.of("tag/list") <= 0.002
    control("latency.clear")
    control("clock.advance", seconds=7200)
    assert caller.get("tag/list")["errcode"] == 42001


def test_settings_of_an_app(emulator, caller, control):
    """Visible range, permissions and other settings are set; lists stand for sets."""
    control("set_visible_range", corpid="ww1", departments=[4])
    assert [item["id"] for item in caller.get("department/list")["department"]] == [4]
    control("set_app", corpid="ww1", hidden_fields=["status"])
    assert "status" not in caller.get("user/get", userid="lisi")


def test_ticket_is_pushed_to_a_url(control):
    """push_ticket answers what came of it."""
    _, answer = control("push_ticket", target="http://127.0.0.1:9/")
    assert answer["result"] == {"reply": "", "status": 0, "tries": 1, "accepted": False}


def test_suite_is_told(control):
    """add_suite answers the suite's credentials."""
    assert control("add_suite", suite_id="dk5")[1]["result"]["id"] == "dk5"


def test_state_tells_everything_a_client_needs(emulator, caller):
    """state tells base URL, suites with credentials, corps with permanent codes."""
    state = read(emulator, caller, "state").json()
    assert state["base_url"] == emulator.base_url
    assert state["suites"][0]["aes_key"] == emulator.suite.aes_key
    assert state["corps"][0]["apps"][0]["permanent_code"] == emulator.app("ww1").secret


def test_calls_are_told(emulator, caller):
    """calls tells the record, narrowed by path and to the last ones; control requests are not in it."""
    for number in (1, 2, 3):
        caller.get("department/get", id=number)
    caller.get("tag/list")
    answer = read(emulator, caller, "calls?path=department/*&last=2").json()
    assert answer["count"] == 4
    assert [call["query"]["id"] for call in answer["calls"]] == ["2", "3"]


def test_reset_over_http(emulator, caller, control):
    """reset forgets calls and faults."""
    caller.get("tag/list")
    control("faults.add", errcode=-1)
    control("reset")
    assert len(emulator.calls) == 0
    assert caller.get("tag/list")["errcode"] == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("authorize", {"corpid": "nobody"}),
        ("authorize", {"corpus": "ww1"}),
        ("faults.add", {}),
        ("faults.add", {"rewrite": "print"}),
        ("edit", {"corpid": "ww1", "edit": "__init__"}),
        ("edit", {"corpid": "ww1", "edit": "remove_member", "args": {"userid": "nobody"}}),
    ],
)
def test_bad_arguments_are_400(control, name, arguments):
    """Wrong names and values are HTTP 400 with a sentence."""
    status, answer = control(name, **arguments)
    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize("name", ["close", "platform.add_corp", "nothing", "_respond", ""])
def test_unknown_controls_are_404(control, name):
    """Only the documented controls are there."""
    assert control(name)[0] == 404


def test_unknown_readings_are_404(emulator, caller):
    """GET knows state, calls and faults, and nothing else; a number that is none is 400."""
    assert read(emulator, caller, "secrets").status_code == 404
    assert read(emulator, caller, "calls?last=many").status_code == 400


def test_web_pages_cannot_steer(control):
    """A body that a web page could send unasked is refused."""
    assert control("reset", _type="text/plain")[0] == 400


def test_broken_json_is_400(emulator, caller):
    """A body that is no JSON object is HTTP 400."""
    for body in (b"{", b"[]"):
        answer = caller.http.post(f"{emulator.url}/_emulator/reset", data=body, headers=JSON, timeout=60)
        assert answer.status_code == 400

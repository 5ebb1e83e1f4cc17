"""Faults on demand, each as a client meets it."""

from __future__ import annotations

import json
import threading
import time

import pytest
import requests

from jit_qywx.emulator import Clock, Emulator


def raw(caller, path="tag/list", **keywords):
    """The HTTP answer to a call."""
    keywords.setdefault("timeout", 10)
    return caller.http.get(caller.emulator.base_url + path, params={"access_token": caller.token}, **keywords)


def test_errcode_is_answered_with_a_real_body(emulator, caller):
    """An errcode fault answers WeCom's error body, with any further fields."""
    emulator.faults.add("tag/list", errcode=45009, extra={"taglist": []})
    answer = caller.get("tag/list")
    assert answer["errcode"] == 45009
    assert answer["taglist"] == []
    assert "more info at https://open.work.weixin.qq.com/devtool/query?e=45009" in answer["errmsg"]
    assert "from ip: 127.0.0.1" in answer["errmsg"]


def test_fault_meets_the_nth_matching_call_so_many_times(emulator, caller):
    """at_call counts matching calls from now; times ends the fault."""
    fault = emulator.faults.add("tag/*", errcode=-1, at_call=2, times=2)
    caller.get("department/list")
    assert [caller.get("tag/list")["errcode"] for _ in range(5)] == [0, -1, -1, 0, 0]
    assert (fault.seen, fault.hits) == (5, 2)


def test_fault_of_one_corp(emulator, caller):
    """A fault for a corp meets its calls, gettoken included, and no other's."""
    emulator.add_corp("ww2")
    app = emulator.install("ww2")
    emulator.faults.add(corpid="ww2", errcode=6000)
    assert caller.get("gettoken", corpid="WW2", corpsecret=app.secret)["errcode"] == 6000
    token, _ = emulator.platform.tokens.issue("app", "ww2", app.agentid)
    assert caller.get("tag/list", access_token=token)["errcode"] == 6000
    assert caller.get("tag/list")["errcode"] == 0


def test_fault_of_a_corp_meets_suite_calls_about_it(emulator, caller):
    """A call with a suite token is about the corp its body names."""
    emulator.faults.add(corpid="ww1", errcode=-1)
    token = caller.suite_token()
    body = {"auth_corpid": "ww1", "permanent_code": "x"}
    assert caller.post("service/v2/get_auth_info", body, suite_access_token=token)["errcode"] == -1


def test_probability_is_decided_by_the_seed():
    """A fault with a probability meets the same calls in two emulators of one seed."""

    def met(seed):
        with Emulator(seed=seed) as emulator:
            emulator.faults.add(errcode=-1, probability=0.5)
            return [bool(emulator.faults.meet("x", "")) for _ in range(40)]

    assert met(1) == met(1)
    assert 0 < sum(met(1)) < 40
    assert met(1) != met(2)


@pytest.mark.parametrize("status", [502, 503])
def test_status_is_a_gateways_page(emulator, caller, status):
    """A status fault answers HTML with that status."""
    emulator.faults.add(status=status)
    answer = raw(caller)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html"
    assert b"<html>" in answer.content


@pytest.mark.parametrize("cut", ["headers", "reset", "body"])
def test_cut_connections_break_the_call(emulator, caller, cut):
    """A cut before the answer, with a reset, or in the middle of the body is an error at the client."""
    emulator.faults.add("department/list", cut=cut, times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        raw(caller, "department/list")
    assert caller.get("department/list")["errcode"] == 0
    assert emulator.calls[0].status == 0


def test_unknown_paths_are_cut_but_not_spoilt(emulator, caller):
    """A path that is 404 can be cut, keeps its page under garbage, and is whole again afterwards."""
    emulator.faults.add("no/such", cut="body", times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        raw(caller, "no/such")
    emulator.faults.add("no/such", garbage="missing-list", times=1)
    pages = {raw(caller, "no/such").content for _ in range(2)}
    assert len(pages) == 1


@pytest.mark.parametrize("kind", ["invalid-json", "empty", "truncated"])
def test_garbage_that_is_no_json(emulator, caller, kind):
    """Some garbage does not parse."""
    emulator.faults.add(garbage=kind)
    with pytest.raises(ValueError):
        raw(caller).json()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("empty-object", {}),
        ("null", None),
        ("list", []),
        ("missing-list", {"errcode": 0, "errmsg": "ok"}),
        (
            "string-errcode",
            {"errcode": "0", "errmsg": "ok", "taglist": [{"tagid": 1, "tagname": "管理员"}]},
        ),
    ],
)
def test_garbage_that_is_json(emulator, caller, kind, expected):
    """Some garbage parses and is wrong."""
    emulator.faults.add(garbage=kind)
    assert raw(caller).json() == expected


def test_control_characters_inside_a_string(emulator, caller):
    """Answers with control characters parse only when that is allowed."""
    emulator.faults.add(garbage="control-characters")
    text = raw(caller).content.decode()
    with pytest.raises(ValueError):
        json.loads(text)
    assert json.loads(text, strict=False)["errcode"] == 0


def test_bytes_that_are_no_utf8(emulator, caller):
    """Answers may hold bytes that are no UTF-8."""
    emulator.faults.add(garbage="not-utf8")
    with pytest.raises(UnicodeDecodeError):
        raw(caller).content.decode()


def test_any_body_can_be_answered(emulator, caller):
    """A body fault answers exactly that, bytes or text."""
    emulator.faults.add(body=b"\x00", times=1)
    assert raw(caller).content == b"\x00"
    emulator.faults.clear()
    emulator.faults.add(body='{"errcode": 0}')
    assert raw(caller).json() == {"errcode": 0}


def test_true_answer_can_be_rewritten(emulator, caller):
    """A rewrite gets the true answer and answers what it makes of it: a dict or bytes."""

    def without_wangwu(answer):
        answer["userlist"] = [member for member in answer["userlist"] if member["userid"] != "wangwu"]
        return answer

    emulator.faults.add("user/list", rewrite=without_wangwu)
    assert [m["userid"] for m in caller.get("user/list", department_id=3)["userlist"]] == ["zhangsan"]
    emulator.faults.add("tag/list", rewrite=lambda answer: json.dumps(answer).encode())
    assert raw(caller).json()["taglist"][0]["tagname"] == "管理员"


def test_hanging_call_goes_on_when_released(emulator, caller):
    """A hanging call times out at the client; released, calls are answered."""
    fault = emulator.faults.add("tag/list", hang=True)
    with pytest.raises(requests.ReadTimeout):
        raw(caller, timeout=0.1)
    timer = threading.Timer(0.05, fault.release)
    timer.start()
    assert raw(caller).json()["errcode"] == 0
    timer.join()


def test_hanging_call_may_end_by_itself(emulator, caller):
    """hang=seconds answers after that time."""
    emulator.faults.add(hang=0.1)
    started = time.perf_counter()
    assert raw(caller).json()["errcode"] == 0
    assert time.perf_counter() - started >= 0.1


def test_closing_lets_hanging_calls_go():
    """An emulator with a hanging call closes at once."""
    with Emulator(clock=Clock.frozen()) as emulator:
        emulator.faults.add(hang=True)
        with requests.Session() as http:
            http.trust_env = False
            with pytest.raises(requests.ReadTimeout):
                http.get(emulator.base_url + "gettoken", timeout=0.1)
        started = time.perf_counter()
    assert time.perf_counter() - started < 30


def test_answer_for_another_corp(emulator, caller):
    """answer_as gives gettoken another corp's token, and shows another corp's departments."""
    emulator.add_corp("ww2", "另一企业")
    app = emulator.install("ww2")
    emulator.faults.add("gettoken", corpid="ww1", answer_as="ww2")
    emulator.faults.add("department/list", corpid="ww1", answer_as="ww2", times=1)
    mine = caller.token
    assert caller.get("department/list")["department"][0]["name"] == "另一企业"
    caller.sign_in(emulator.app("ww1"))
    assert caller.token == emulator.platform.tokens.issue("app", "ww2", app.agentid)[0] != mine


def test_edit_at_call_k(emulator, caller):
    """at_call runs an edit just before that call is answered: the call itself sees it."""
    emulator.at_call(2, lambda: emulator.org("ww1").remove_member("lisi"), path="user/list")
    assert len(caller.get("user/list", department_id=4)["userlist"]) == 1
    caller.get("tag/list")
    assert caller.get("user/list", department_id=4)["userlist"] == []


def test_grant_may_end_at_call_k(emulator, caller):
    """An edit at a call may end the very token of that call."""
    emulator.at_call(1, lambda: emulator.expire_tokens("ww1"))
    assert caller.get("tag/list")["errcode"] == 42001


def test_edits_and_faults_count_apart(emulator, caller):
    """A call that a fault answers is still counted, and edited, by an at_call."""
    done = []
    emulator.faults.add(errcode=-1, times=2)
    emulator.faults.add(errcode=6000, at_call=2, times=1)
    emulator.at_call(2, lambda: done.append(1))
    codes = [caller.get("tag/list")["errcode"] for _ in range(3)]
    assert codes == [-1, -1, 6000]
    assert done == [1]


def test_failing_callable_is_a_broken_host(emulator, caller, caplog):
    """What a callable raises is logged, and the call answers HTTP 500."""
    emulator.at_call(1, lambda: 1 / 0)
    assert raw(caller).status_code == 500
    assert "ZeroDivisionError" in caplog.text


def test_removed_faults_meet_nothing(emulator, caller):
    """remove and clear take faults away, by object or number."""
    fault = emulator.faults.add(errcode=-1)
    other = emulator.faults.add(errcode=6000)
    emulator.faults.remove(fault)
    assert caller.get("tag/list")["errcode"] == 6000
    emulator.faults.remove(other.id)
    assert caller.get("tag/list")["errcode"] == 0
    assert list(emulator.faults) == []


@pytest.mark.parametrize(
    "arguments",
    [{}, {"errcode": 1, "status": 502}, {"cut": "middle"}, {"garbage": "unknown"}],
)
def test_unclear_faults_are_refused(emulator, arguments):
    """A fault does exactly one known thing."""
    with pytest.raises(ValueError):
        emulator.faults.add(**arguments)


def test_errcode_zero_lies(emulator, caller):
    """errcode=0 answers an empty success: ok, and nothing else."""
    emulator.faults.add(errcode=0)
    assert raw(caller).json() == {"errcode": 0, "errmsg": "ok"}


def test_calls_are_recorded_with_their_faults(emulator, caller):
    """The record tells path, errcode, corp and fault of each call, and no secret."""
    emulator.faults.add("tag/get", errcode=45009)
    caller.get("tag/list")
    caller.get("tag/get", tagid=1)
    caller.sign_in(emulator.app("ww1"))
    first, second, third = emulator.calls
    assert (first.path, first.errcode, first.corpid, first.fault) == ("tag/list", 0, "ww1", "")
    assert (second.number, second.errcode, second.fault) == (2, 45009, "errcode 45009")
    assert second.query == {"tagid": "1"}
    assert third.query == {"corpid": "ww1"}
    assert emulator.calls.paths == ["tag/list", "tag/get", "gettoken"]
    assert emulator.calls.by_path["tag/get"] == 1
    assert emulator.calls.by_errcode == {0: 2, 45009: 1}
    assert len(emulator.calls.of("tag/*")) == 2
    emulator.reset()
    assert len(emulator.calls) == 0
    assert list(emulator.faults) == []

"""Asynchronous exports: jobs and encrypted files."""

from __future__ import annotations

import hashlib
import json

import pytest
import requests

from jit_qywx.emulator import Org
from jit_qywx.emulator.cipher import decode_key, decrypt_cbc

KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"


def fetch(caller, path, **body):
    """Submit, wait, download and decrypt; the decoded files."""
    jobid = caller.post(path, {"encoding_aeskey": KEY, **body})["jobid"]
    assert caller.get("export/get_result", jobid=jobid)["status"] == 1
    answer = caller.get("export/get_result", jobid=jobid)
    assert answer["status"] == 2
    files = []
    for item in answer["data_list"]:
        data = caller.http.get(item["url"], timeout=60).content
        assert (len(data), hashlib.md5(data).hexdigest()) == (item["size"], item["md5"])
        files.append(json.loads(decrypt_cbc(decode_key(KEY), data)))
    return files


def test_user_export_has_the_items_of_user_list(caller):
    """export/user leaves all visible members, each as in user/list."""
    [file] = fetch(caller, "export/user")
    assert [member["userid"] for member in file["userlist"]] == ["zhangsan", "lisi", "wangwu"]
    assert file["userlist"][1] == caller.get("user/list", department_id=4)["userlist"][0]


def test_simple_user_export_is_short(caller):
    """export/simple_user leaves userid, name and departments."""
    [file] = fetch(caller, "export/simple_user")
    assert file["userlist"][1] == {"userid": "lisi", "name": "李四", "department": [4]}


def test_department_export_has_the_items_of_department_list(caller):
    """export/department leaves the visible departments."""
    [file] = fetch(caller, "export/department")
    assert file["department"] == caller.get("department/list")["department"]


def test_taguser_export_shows_one_tag(caller):
    """export/taguser leaves what tag/get shows; an unknown tag is 40068."""
    [file] = fetch(caller, "export/taguser", tagid=1)
    assert file == {"userlist": [{"userid": "zhangsan", "name": "张三"}], "partylist": [4]}
    assert caller.post("export/taguser", {"encoding_aeskey": KEY, "tagid": 9})["errcode"] == 40068


def test_export_keeps_to_the_visible_range(emulator, caller):
    """An export shows what the app may see and no more."""
    emulator.set_visible_range("ww1", departments=[4])
    [file] = fetch(caller, "export/simple_user")
    assert [member["userid"] for member in file["userlist"]] == ["lisi"]


def test_large_export_comes_in_blocks(emulator, caller):
    """More members than block_size make several files."""
    emulator.add_corp("ww9", "大企业", Org.generate(1, 10_001, 5, 0))
    caller.sign_in(emulator.install("ww9"))
    files = fetch(caller, "export/simple_user", block_size=10_000)
    assert [len(file["userlist"]) for file in files] == [10_000, 1]


def test_blocks_may_be_of_any_size(emulator, caller):
    """The emulator cuts blocks as small as a test likes, since real ones have 10,000 records at least."""
    emulator.set_exports(block_size=2)
    files = fetch(caller, "export/user")
    assert [[member["userid"] for member in file["userlist"]] for file in files] == [["zhangsan", "lisi"], ["wangwu"]]


def test_large_job_is_worked_off_in_the_background(emulator, caller, monkeypatch):
    """A large job is submitted at once, is running until it is done, and ends with the server."""
    monkeypatch.setattr("jit_qywx.emulator.routes.export.AT_ONCE", 2)
    emulator.set_exports(polls=0, block_size=1)
    jobid = caller.post("export/user", {"encoding_aeskey": KEY})["jobid"]
    job = emulator.platform.exports._jobs[jobid]
    assert job.ended.wait(60)
    assert len(caller.get("export/get_result", jobid=jobid)["data_list"]) == 3
    job.ended.clear()
    assert caller.get("export/get_result", jobid=jobid)["status"] == 1
    emulator.close()
    assert job.store.closed


def test_end_of_a_job_is_told(emulator, caller):
    """batch_job_result goes to the app's callback URL (document 96305)."""
    told = []
    emulator.courier.send = lambda callback, url: told.append((callback.plaintext, url))
    caller.post("export/user", {"encoding_aeskey": KEY})
    assert told == []
    emulator.set_callback_url(app_url="http://127.0.0.1:1/$CORPID$")
    jobid = caller.post("export/department", {"encoding_aeskey": KEY})["jobid"]
    [(text, url)] = told
    assert url == "http://127.0.0.1:1/ww1"
    assert "<Event><![CDATA[batch_job_result]]></Event>" in text
    assert f"<JobId><![CDATA[{jobid}]]></JobId><JobType><![CDATA[export_department]]></JobType>" in text


def result(caller, kind="export/user"):
    """The data_list of a new job."""
    caller.emulator.set_exports(polls=0, block_size=2)
    jobid = caller.post(kind, {"encoding_aeskey": KEY})["jobid"]
    answer = caller.get("export/get_result", jobid=jobid)
    return answer["status"], answer["data_list"]


def test_lies_about_a_result(emulator, caller):
    """Each kind of garbage for export/get_result spoils one thing, and leaves a job alone that is still running."""
    _, true = result(caller)
    lies = {}
    for name in ("failed-job", "wrong-size", "wrong-md5", "wrong-link", "missing-file", "repeated-file"):
        fault = emulator.faults.add("export/get_result", garbage=name)
        lies[name] = result(caller)
        emulator.faults.remove(fault)
    assert lies["failed-job"] == (3, [])
    assert [file["size"] for file in lies["wrong-size"][1]] == [file["size"] + 32 for file in true]
    assert [file["md5"][::-1] for file in lies["wrong-md5"][1]] == [file["md5"] for file in true]
    assert caller.http.get(lies["wrong-link"][1][0]["url"], timeout=60).status_code == 403
    assert [len(lies[name][1]) for name in ("missing-file", "repeated-file")] == [1, 3]
    emulator.faults.add("export/get_result", garbage="wrong-size")
    emulator.set_exports(polls=1)
    jobid = caller.post("export/user", {"encoding_aeskey": KEY})["jobid"]
    assert caller.get("export/get_result", jobid=jobid) == {"errcode": 0, "errmsg": "ok", "status": 1}


def test_files_meet_faults_too(emulator, caller):
    """A file is the path export/file for faults and in the record, and its link's secret is in neither."""
    _, [first, _] = result(caller, "export/user")
    whole = caller.http.get(first["url"], timeout=60).content
    emulator.faults.add("export/file", garbage="truncated", times=1)
    assert caller.http.get(first["url"], timeout=60).content == whole[: len(whole) * 2 // 3]
    emulator.faults.add("export/file", rewrite=lambda data: data[::-1], times=1)
    assert caller.http.get(first["url"], timeout=60).content == whole[::-1]
    emulator.faults.add("export/file", corpid="ww1", status=503, times=1)
    assert caller.http.get(first["url"], timeout=60).status_code == 503
    emulator.faults.add("export/file", cut="body", times=1)
    with pytest.raises(requests.RequestException):
        caller.http.get(first["url"], timeout=60)
    calls = emulator.calls.of("export/file")
    assert [(call.corpid, call.query) for call in calls] == [("ww1", {})] * 5


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, 40063),
        ({"encoding_aeskey": "short"}, 40035),
        ({"encoding_aeskey": "$" * 43}, 40035),
        ({"encoding_aeskey": KEY, "block_size": 9_999}, 40035),
        ({"encoding_aeskey": KEY, "block_size": "x"}, 40035),
    ],
)
def test_bad_arguments_are_refused(caller, body, errcode):
    """A missing or odd key and a block size out of bounds are refused."""
    assert caller.post("export/user", body)["errcode"] == errcode


def test_links_support_ranges_and_end(emulator, caller):
    """A result link answers parts of the file, and 404 after two hours."""
    jobid = caller.post("export/department", {"encoding_aeskey": KEY})["jobid"]
    emulator.platform.exports.polls = 0
    [item] = caller.get("export/get_result", jobid=jobid)["data_list"]
    whole = caller.http.get(item["url"], timeout=60).content
    part = caller.http.get(item["url"], headers={"Range": "bytes=16-31"}, timeout=60)
    assert (part.status_code, part.content) == (206, whole[16:32])
    assert part.headers["Content-Range"] == f"bytes 16-31/{len(whole)}"
    rest = caller.http.get(item["url"], headers={"Range": "bytes=16-"}, timeout=60)
    assert rest.content == whole[16:]
    assert caller.http.get(item["url"], headers={"Range": "bytes=999999-"}, timeout=60).status_code == 416
    emulator.clock.advance(7200)
    assert caller.http.get(item["url"], timeout=60).status_code == 404


def test_results_belong_to_the_submitter_and_the_last_five_are_kept(emulator, caller):
    """An unknown job and somebody else's are 40088; a sixth job cleans the first, which is 40089."""
    first = caller.post("export/department", {"encoding_aeskey": KEY})["jobid"]
    emulator.add_corp("ww2")
    emulator.install("ww2")
    mine = caller.token
    caller.sign_in(emulator.app("ww2"))
    assert caller.get("export/get_result", jobid=first)["errcode"] == 40088
    caller.token = mine
    for _ in range(5):
        caller.post("export/department", {"encoding_aeskey": KEY})
    assert caller.get("export/get_result", jobid=first)["errcode"] == 40089
    assert caller.get("export/get_result", jobid="jobid_x")["errcode"] == 40088

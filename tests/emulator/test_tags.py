"""Tags: reading all, writing one's own."""

from __future__ import annotations

import pytest


def test_tag_list_shows_all_tags(caller):
    """tag/list shows every tag to a proxied app."""
    assert caller.get("tag/list")["taglist"] == [{"tagid": 1, "tagname": "管理员"}]


def test_tag_get_shows_members_and_departments(caller):
    """tag/get shows members with names and departments, which it does not expand."""
    answer = caller.get("tag/get", tagid=1)
    assert answer["tagname"] == "管理员"
    assert answer["userlist"] == [{"userid": "zhangsan", "name": "张三"}]
    assert answer["partylist"] == [4]


@pytest.mark.parametrize("query", [{}, {"tagid": 99}, {"tagid": "x"}])
def test_unknown_tag_is_40068(caller, query):
    """A missing, unknown or malformed tagid is 40068."""
    assert caller.get("tag/get", **query)["errcode"] == 40068


def test_own_tag_can_be_made_filled_renamed_and_deleted(caller):
    """create, addtagusers, update, deltagusers and delete work on a tag of one's own."""
    number = caller.post("tag/create", {"tagname": "值班"})["tagid"]
    assert caller.post("tag/addtagusers", {"tagid": number, "userlist": ["lisi"], "partylist": [3]})["errcode"] == 0
    assert caller.get("tag/get", tagid=number)["partylist"] == [3]
    assert caller.post("tag/update", {"tagid": str(number), "tagname": "夜班"})["errcode"] == 0
    assert caller.post("tag/deltagusers", {"tagid": number, "userlist": ["lisi"], "partylist": [3]})["errcode"] == 0
    answer = caller.get("tag/get", tagid=number)
    assert (answer["tagname"], answer["userlist"], answer["partylist"]) == ("夜班", [], [])
    assert caller.get("tag/delete", tagid=number)["errcode"] == 0
    assert caller.get("tag/get", tagid=number)["errcode"] == 40068


def test_partial_failure_names_the_invalid(caller):
    """addtagusers with some bad entries is a success that names them: members piped, departments as a list."""
    number = caller.post("tag/create", {"tagname": "值班", "tagid": 12})["tagid"]
    assert number == 12
    body = {"tagid": number, "userlist": ["lisi", "no1", "no2"], "partylist": [3, 98]}
    answer = caller.post("tag/addtagusers", body)
    assert (answer["errcode"], answer["invalidlist"], answer["invalidparty"]) == (0, "no1|no2", [98])


@pytest.mark.parametrize(("path", "errcode"), [("tag/addtagusers", 40070), ("tag/deltagusers", 40031)])
def test_all_invalid_is_an_error(caller, path, errcode):
    """Nothing but bad entries is 40070 when adding and 40031 when deleting."""
    number = caller.post("tag/create", {"tagname": "值班"})["tagid"]
    assert caller.post(path, {"tagid": number, "userlist": ["nobody"]})["errcode"] == errcode


@pytest.mark.parametrize(
    ("path", "body", "errcode"),
    [
        ("tag/create", {}, 41018),
        ("tag/create", {"tagname": "管理员"}, 40071),
        ("tag/create", {"tagname": "长" * 33}, 40072),
        ("tag/create", {"tagname": "新", "tagid": 1}, 40068),
        ("tag/create", {"tagname": 5}, 40058),
        ("tag/update", {"tagid": 1, "tagname": "改"}, 81011),
        ("tag/update", {"tagname": "改"}, 40068),
        ("tag/update", {"tagid": [1], "tagname": "改"}, 40035),
        ("tag/addtagusers", {"tagid": 1, "userlist": ["lisi"]}, 81011),
        ("tag/deltagusers", {"tagid": 99, "userlist": ["lisi"]}, 40068),
    ],
)
def test_bad_writes_have_their_own_codes(caller, path, body, errcode):
    """Missing and duplicate names, strange ids, and tags of somebody else answer the documented codes."""
    assert caller.post(path, body)["errcode"] == errcode


@pytest.mark.parametrize("body", [{}, {"userlist": "lisi|wangwu"}, {"userlist": ["x"] * 1001}])
def test_bad_lists_are_40035(caller, body):
    """No list, a piped string instead of one, and more than 1000 members are 40035."""
    number = caller.post("tag/create", {"tagname": "值班"})["tagid"]
    assert caller.post("tag/addtagusers", {"tagid": number, **body})["errcode"] == 40035


def test_renaming_to_a_taken_name_is_refused(caller):
    """tag/update to the name of another tag is 40071."""
    number = caller.post("tag/create", {"tagname": "值班"})["tagid"]
    assert caller.post("tag/update", {"tagid": number, "tagname": "管理员"})["errcode"] == 40071


def test_own_writes_push_no_event(emulator, caller):
    """WeCom does not echo an app's own writes: only edits from outside reach a follower."""
    pushed = []
    emulator.follow("ww1", lambda *args, **kwargs: pushed.append(args))
    number = caller.post("tag/create", {"tagname": "值班"})["tagid"]
    caller.post("tag/addtagusers", {"tagid": number, "userlist": ["lisi"]})
    assert pushed == []
    emulator.org("ww1").tag(number, add_users=["wangwu"])
    assert len(pushed) == 1


def test_third_party_app_sees_its_own_tags(emulator, caller):
    """A third-party app lists only tags it made."""
    suite = emulator.add_suite(kind="third-party")
    emulator.install("ww1", suite.id)
    token, _ = emulator.platform.tokens.issue("app", "ww1", emulator.app("ww1", suite.id).agentid)
    assert caller.get("tag/list", access_token=token)["taglist"] == []

"""The visible range: what an app sees when the corp does not show it everything."""

from __future__ import annotations

import pytest


def ids(answer):
    """Ids of a department list."""
    return [department["id"] for department in answer["department"]]


def test_range_without_the_root_is_a_forest(emulator, caller):
    """Sub-trees come with parents that are in no list."""
    emulator.set_visible_range("ww1", departments=[4, 3])
    answer = caller.get("department/list")
    assert ids(answer) == [4, 3]
    assert [department["parentid"] for department in answer["department"]] == [2, 1]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("department/list", {"id": 1}),
        ("department/simplelist", {"id": 1}),
        ("department/get", {"id": 5}),
        ("user/list", {"department_id": 1}),
        ("user/simplelist", {"department_id": 5}),
        ("user/get", {"userid": "wangwu"}),
    ],
)
def test_outside_is_60011(emulator, caller, path, query):
    """Asking for the root, a department or a member outside the range is 60011."""
    emulator.set_visible_range("ww1", departments=[4])
    assert caller.get(path, **query)["errcode"] == 60011


def test_parallel_arrays_show_visible_departments_only(emulator, caller):
    """Departments, orders and leader flags of a member are cut together; an invisible main department is missing."""
    emulator.set_visible_range("ww1", departments=[3])
    [zhangsan, _] = caller.get("user/list", department_id=3)["userlist"]
    assert (zhangsan["department"], zhangsan["order"], zhangsan["is_leader_in_dept"]) == ([3], [9], [0])
    assert "main_department" not in zhangsan


def test_leaders_outside_are_not_named(emulator, caller):
    """direct_leader and department_leader name only visible people."""
    emulator.set_visible_range("ww1", departments=[4])
    assert caller.get("user/get", userid="lisi")["direct_leader"] == []
    emulator.org("ww1").move_member("zhangsan", [(4, 0, True)])
    assert caller.get("user/list", department_id=4)["userlist"][0]["userid"] in ("lisi", "zhangsan")
    assert caller.get("user/get", userid="lisi")["direct_leader"] == ["zhangsan"]


def test_leader_who_leaves_the_range_vanishes_from_cached_lists(emulator, caller):
    """A list served while the leader was visible is not served again once he has moved out of the range."""
    emulator.set_visible_range("ww1", departments=[2])
    assert caller.get("user/list", department_id=4)["userlist"][0]["direct_leader"] == ["zhangsan"]
    emulator.org("ww1").move_member("zhangsan", [3])
    assert caller.get("user/list", department_id=4)["userlist"][0]["direct_leader"] == []


def test_single_members_are_visible_by_name(emulator, caller):
    """A member in the range without any department is reached by user/get, and belongs to no visible department."""
    emulator.set_visible_range("ww1", users=["wangwu"])
    assert caller.get("department/list")["department"] == []
    answer = caller.get("user/get", userid="wangwu")
    assert answer["department"] == answer["order"] == []
    agent = caller.get("agent/get", agentid=emulator.app("ww1").agentid)
    assert agent["allow_userinfos"] == {"user": [{"userid": "wangwu"}]}


def test_tags_in_the_range_show_their_members_and_departments(emulator, caller):
    """A tag in the range shows its members and its departments with all below, and follows the tag's edits."""
    emulator.set_visible_range("ww1", tags=[1])
    assert ids(caller.get("department/list")) == [4]
    assert caller.get("user/get", userid="zhangsan")["department"] == []
    emulator.org("ww1").tag(1, add_departments=[3], remove_departments=[4])
    assert ids(caller.get("department/list")) == [3]
    assert caller.get("agent/get", agentid=emulator.app("ww1").agentid)["allow_tags"] == {"tagid": [1]}


def test_structure_grant_shows_all_department_ids(emulator, caller):
    """With the structure grant simplelist shows ids of the whole corp although the range is smaller."""
    emulator.set_app("ww1", departments=[4], whole_structure=True)
    assert [item["id"] for item in caller.get("department/simplelist")["department_id"]] == [1, 2, 3, 4, 5]
    assert [item["id"] for item in caller.get("department/simplelist", id=2)["department_id"]] == [2, 5, 4]
    assert ids(caller.get("department/list")) == [4]


def test_tag_shows_visible_people_and_departments(emulator, caller):
    """tag/get leaves out members and departments outside the range."""
    emulator.set_visible_range("ww1", departments=[3])
    answer = caller.get("tag/get", tagid=1)
    assert (answer["userlist"], answer["partylist"]) == ([{"userid": "zhangsan", "name": "张三"}], [])


def test_removed_departments_leave_the_range(emulator, caller):
    """A department that is gone is in no answer, although the administrator's range still names it."""
    emulator.set_visible_range("ww1", departments=[3, 4])
    emulator.org("ww1").remove_department(4)
    assert ids(caller.get("department/list")) == [3]
    assert caller.get("agent/get", agentid=emulator.app("ww1").agentid)["allow_partys"] == {"partyid": [3]}


def test_impossible_trees_are_served(emulator, caller):
    """A cycle and a department whose parent is nowhere are listed, and asking below a cycle ends."""
    org = emulator.org("ww1")
    org.move_department(2, 4)
    org.add_department("孤岛", parent=77, department_id=9)
    assert sorted(ids(caller.get("department/list"))) == [1, 2, 3, 4, 5, 9]
    assert sorted(ids(caller.get("department/list", id=2))) == [2, 4, 5]


def test_renamed_member_stays_in_the_range(emulator, caller):
    """A member who was let into the range by name, and is an administrator, stays both under a new userid."""
    emulator.set_visible_range("ww1", users=["zhangsan"])
    emulator.org("ww1").rename_member("zhangsan", "zhangsanfeng")
    assert caller.get("user/get", userid="zhangsanfeng")["errcode"] == 0
    assert caller.post("agent/get_admin_list")["admin"] == [{"userid": "zhangsanfeng", "auth_type": 1}]


def test_unknown_setting_is_refused(emulator):
    """A misspelt setting of an app is an error that lists the right ones."""
    with pytest.raises(TypeError, match="hidden_fields"):
        emulator.set_app("ww1", hiden_fields={"x"})


def test_unknown_corp_and_grant_are_refused(emulator):
    """Asking for a corp that is not there, or a suite it never authorised, is a LookupError that names it."""
    with pytest.raises(LookupError, match="ww1"):
        emulator.org("nobody")
    with pytest.raises(LookupError, match="not authorised"):
        emulator.app("ww1", emulator.add_suite().id)
    with pytest.raises(LookupError, match="no suite"):
        emulator.install("ww1", "dkunknown")
    with pytest.raises(ValueError, match="already"):
        emulator.add_corp("WW1")

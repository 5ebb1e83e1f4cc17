"""Departments and members as the API shows them to an app that sees everything."""

from __future__ import annotations

import json

import pytest

PLAIN = ("contact:sensitive:user_name", "contact:sensitive:department_name")


def test_department_list_shows_the_tree(caller):
    """department/list returns every department with its name, parent, order and leaders."""
    answer = caller.get("department/list")
    assert answer["errcode"] == 0
    assert answer["department"][1] == {
        "id": 2,
        "name": "研发中心",
        "department_leader": ["zhangsan"],
        "parentid": 1,
        "order": 4294967295,
    }


def test_departments_come_parents_first_greatest_order_first(caller):
    """The root's parent is 0; siblings come in descending order, an unsigned 32-bit number."""
    departments = caller.get("department/list")["department"]
    assert [department["id"] for department in departments] == [1, 2, 5, 4, 3]
    assert departments[0]["parentid"] == 0


def test_department_list_starts_below_a_given_department(caller):
    """department/list?id=2 returns department 2 and what is below it."""
    answer = caller.get("department/list", id=2)
    assert [department["id"] for department in answer["department"]] == [2, 5, 4]


def test_department_simplelist_has_ids_only(caller):
    """department/simplelist returns id, parentid and order, recursively from an id too."""
    assert caller.get("department/simplelist")["department_id"][1] == {"id": 2, "parentid": 1, "order": 4294967295}
    assert [item["id"] for item in caller.get("department/simplelist", id=2)["department_id"]] == [2, 5, 4]


def test_department_get_shows_one(emulator, caller):
    """department/get returns one department, with its English name if it has one."""
    emulator.org("ww1").add_department("海外", department_id=9, name_en="Overseas")
    assert caller.get("department/get", id=9)["department"]["name_en"] == "Overseas"


@pytest.mark.parametrize(
    ("path", "query", "errcode"),
    [
        ("department/list", {"id": 99}, 60123),
        ("department/simplelist", {"id": 99}, 60123),
        ("department/get", {"id": 99}, 60123),
        ("department/get", {}, 60003),
        ("department/list", {"id": "x"}, 40035),
        ("user/list", {"department_id": 99}, 60003),
        ("user/list", {}, 60003),
        ("user/list", {"department_id": "x"}, 60003),
        ("user/simplelist", {"department_id": 99}, 60003),
        ("user/get", {}, 41009),
        ("user/get", {"userid": "nobody"}, 60111),
        ("user/get", {"userid": "x" * 65}, 40058),
    ],
)
def test_bad_arguments_have_their_own_codes(caller, path, query, errcode):
    """Unknown departments, missing and malformed parameters answer the documented codes."""
    assert caller.get(path, **query)["errcode"] == errcode


def test_user_list_shows_direct_members(caller):
    """user/list returns the direct members of a department in full, greatest order first."""
    members = caller.get("user/list", department_id=3)["userlist"]
    assert [member["userid"] for member in members] == ["zhangsan", "wangwu"]
    assert members[0] == {
        "userid": "zhangsan",
        "name": "张三",
        "department": [2, 3],
        "order": [5, 9],
        "is_leader_in_dept": [1, 0],
        "direct_leader": [],
        "alias": "",
        "status": 1,
        "enable": 1,
        "isleader": 1,
        "hide_mobile": 0,
        "main_department": 2,
        "extattr": {"attrs": []},
    }


def test_user_simplelist_is_short(caller):
    """user/simplelist returns userid, name and departments."""
    assert caller.get("user/simplelist", department_id=4)["userlist"] == [
        {"userid": "lisi", "name": "李四", "department": [4]}
    ]


def test_proxied_apps_cannot_fetch_children(emulator, caller):
    """fetch_child=1 does nothing for a proxied app; a self-built app still gets the whole subtree, once each."""
    assert caller.get("user/list", department_id=2, fetch_child=1) == caller.get("user/list", department_id=2)
    caller.sign_in(emulator.add_own_app("ww1"))
    members = caller.get("user/simplelist", department_id=1, fetch_child=1)["userlist"]
    assert [member["userid"] for member in members] == ["zhangsan", "lisi", "wangwu"]


def test_user_get_ignores_case(caller):
    """user/get returns one member beside errcode, whatever the case of the userid."""
    answer = caller.get("user/get", userid="ZhangSan")
    assert (answer["errcode"], answer["userid"], answer["name"]) == (0, "zhangsan", "张三")


def test_statuses_are_told_and_the_quit_vanish(emulator, caller):
    """2 (disabled) and 4 (not activated) are listed; who has quit is in no list, and user/get answers 60111."""
    org = emulator.org("ww1")
    org.disable_member("zhangsan")
    assert [m["status"] for m in caller.get("user/list", department_id=3)["userlist"]] == [2, 4]
    assert caller.get("user/get", userid="zhangsan")["enable"] == 0
    org.quit_member("zhangsan")
    assert [m["userid"] for m in caller.get("user/list", department_id=3)["userlist"]] == ["wangwu"]
    assert caller.get("user/get", userid="zhangsan")["errcode"] == 60111
    assert caller.get("department/get", id=2)["department"]["department_leader"] == []
    org.rejoin_member("zhangsan")
    assert caller.get("user/get", userid="zhangsan")["status"] == 1


def test_a_listed_member_may_carry_status_5(emulator, caller):
    """A member set to status 5 without quitting is listed with it: some answers of the real host do that."""
    emulator.org("ww1").update_member("lisi", status=5)
    assert caller.get("user/list", department_id=4)["userlist"][0]["status"] == 5


def test_sensitive_fields_are_absent_after_2022(caller, emulator):
    """A new app gets no mobile, email, gender, avatar or address from the contacts API, whatever was granted."""
    emulator.set_permissions("ww1", [*PLAIN, "contact:sensitive:mobile", "contact:sensitive:gender"])
    answer = caller.get("user/get", userid="wangwu")
    assert not {"mobile", "email", "biz_mail", "gender", "avatar", "address"} & answer.keys()


def test_old_apps_keep_what_they_were_granted(caller, emulator):
    """An app from before 2022-06-20 gets the sensitive fields it was granted, gender as a string."""
    emulator.set_app("ww1", created_before_2022=True, permissions=[*PLAIN, "contact:sensitive:mobile"])
    answer = caller.get("user/get", userid="wangwu")
    assert answer["mobile"] == "13800000000"
    assert "email" not in answer


def test_granted_fields_come(caller, emulator):
    """position and telephone come only when granted."""
    assert "position" not in caller.get("user/get", userid="lisi")
    emulator.set_permissions("ww1", ["contact:sensitive:position", "contact:sensitive:telephone"])
    answer = caller.get("user/get", userid="lisi")
    assert (answer["position"], answer["telephone"]) == ("工程师", "")


def test_names_vanish_when_the_grant_is_withdrawn(caller, emulator):
    """Without the grants, names of members and departments are missing fields."""
    emulator.set_permissions("ww1", [])
    assert "name" not in caller.get("user/get", userid="lisi")
    assert "name" not in caller.get("user/simplelist", department_id=4)["userlist"][0]
    assert "name" not in caller.get("department/get", id=2)["department"]
    assert caller.get("tag/get", tagid=1)["userlist"] == [{"userid": "zhangsan"}]


def test_hidden_names_may_show_the_id(caller, emulator):
    """Some apps see the id in place of a hidden name."""
    emulator.set_app("ww1", permissions=[], hidden_names="id")
    assert caller.get("user/get", userid="lisi")["name"] == "lisi"
    assert caller.get("department/get", id=2)["department"]["name"] == "2"


def test_any_field_can_be_hidden(caller, emulator):
    """hidden_fields takes fields out of departments and members."""
    emulator.set_app("ww1", hidden_fields={"status", "enable", "main_department", "order"})
    assert not {"status", "enable", "main_department", "order"} & caller.get("user/get", userid="lisi").keys()
    assert "order" not in caller.get("department/get", id=2)["department"]


def test_ciphertext_ids_replace_plain_ones(caller, emulator):
    """After the upgrade members have ciphertext ids everywhere, a plain userid is 60111, and a rename changes none."""
    emulator.set_app("ww1", open_ids=True, users=["lisi"], departments=[1])
    [lisi] = caller.get("user/list", department_id=4)["userlist"]
    assert lisi["userid"].startswith("wo")
    assert lisi["direct_leader"] == caller.get("department/get", id=2)["department"]["department_leader"]
    assert caller.get("user/get", userid="lisi")["errcode"] == 60111
    assert caller.get("user/get", userid=lisi["userid"])["name"] == "李四"
    emulator.org("ww1").rename_member("lisi", "lisi.new")
    assert caller.get("user/list", department_id=4)["userlist"][0]["userid"] == lisi["userid"]


def test_ciphertext_id_is_found_before_it_was_listed(caller, emulator):
    """user/get knows a ciphertext id although no list has shown it in this process."""
    emulator.set_app("ww1", open_ids=True)
    from jit_qywx.emulator.credentials import open_id

    serial = emulator.org("ww1").members["lisi"].serial
    shown = open_id("wo", emulator.provider_corpid, "ww1", serial)
    assert caller.get("user/get", userid=shown)["name"] == "李四"
    assert caller.get("user/get", userid="woNobody")["errcode"] == 60111


def test_userids_convert_to_ciphertext(caller):
    """batch/userid_to_openuserid converts the known ones and names the others."""
    answer = caller.post("batch/userid_to_openuserid", {"userid_list": ["lisi", "nobody"]})
    assert [item["userid"] for item in answer["open_userid_list"]] == ["lisi"]
    assert answer["invalid_userid_list"] == ["nobody"]
    assert caller.post("batch/userid_to_openuserid", {"userid_list": []})["errcode"] == 40031
    assert caller.post("batch/userid_to_openuserid", {"userid_list": ["x"] * 1001})["errcode"] == 40058


def test_only_the_corp_itself_undoes_the_cipher(caller, emulator):
    """batch/openuserid_to_userid is 48002 for the proxied app and works for a self-built one."""
    [pair] = caller.post("batch/userid_to_openuserid", {"userid_list": ["lisi"]})["open_userid_list"]
    body = {"open_userid_list": [pair["open_userid"], "woX"], "source_agentid": emulator.app("ww1").agentid}
    assert caller.post("batch/openuserid_to_userid", body)["errcode"] == 48002
    caller.sign_in(emulator.add_own_app("ww1"))
    answer = caller.post("batch/openuserid_to_userid", body)
    assert answer["userid_list"] == [{"open_userid": pair["open_userid"], "userid": "lisi"}]
    assert answer["invalid_open_userid_list"] == ["woX"]
    assert caller.post("batch/openuserid_to_userid", {**body, "source_agentid": 5})["errcode"] == 40056


def test_list_id_is_for_the_contact_sync_assistant(caller, emulator):
    """user/list_id is 48002 for a proxied app; the assistant pages through (user, department) pairs."""
    assert caller.post("user/list_id")["errcode"] == 48002
    caller.sign_in(emulator.add_own_app("ww1", "contact-sync"))
    first = caller.post("user/list_id", {"limit": 3})
    assert first["dept_user"][:2] == [
        {"userid": "zhangsan", "department": 2},
        {"userid": "zhangsan", "department": 3},
    ]
    second = caller.post("user/list_id", {"limit": 3, "cursor": first["next_cursor"]})
    assert [row["userid"] for row in second["dept_user"]] == ["wangwu"]
    assert second["next_cursor"] == ""
    assert caller.post("user/list_id", {"limit": 0})["errcode"] == 40035


@pytest.mark.parametrize("path", ["user/list", "user/get", "department/list", "department/get"])
def test_the_assistant_reads_no_details(caller, emulator, path):
    """Since 2022-08-15 the contact-sync assistant gets 48009 for details from a new address."""
    caller.sign_in(emulator.add_own_app("ww1", "contact-sync"))
    assert caller.get(path, id=1, department_id=1, userid="lisi")["errcode"] == 48009


def test_edits_are_seen_by_the_next_call(caller, emulator):
    """A list that was served before an edit is served anew after it."""
    org = emulator.org("ww1")
    assert len(caller.get("user/list", department_id=4)["userlist"]) == 1
    org.add_member("zhaoliu", "赵六", [4])
    assert len(caller.get("user/list", department_id=4)["userlist"]) == 2
    org.update_member("zhaoliu", name="赵小六")
    names = [member["name"] for member in caller.get("user/list", department_id=4)["userlist"]]
    assert "赵小六" in names
    org.move_member("zhaoliu", [5])
    assert len(caller.get("user/list", department_id=4)["userlist"]) == 1
    assert len(caller.get("user/list", department_id=5)["userlist"]) == 1
    org.update_department(5, name="网页组")
    assert "网页组" in [item["name"] for item in caller.get("department/list")["department"]]
    org.remove_member("zhangsan")
    assert caller.get("user/list", department_id=4)["userlist"][0]["direct_leader"] == []


def test_shuffling_changes_the_order_and_nothing_else(caller, emulator):
    """With shuffle, lists and keys come in other orders, parallel arrays stay parallel, and None restores it."""
    before = caller.http.get(emulator.base_url + "department/list", params={"access_token": caller.token}).content
    emulator.shuffle(3)
    shuffled = caller.get("department/list")
    assert sorted(shuffled["department"], key=lambda item: item["id"]) == sorted(
        json.loads(before)["department"], key=lambda item: item["id"]
    )
    [zhangsan] = caller.get("user/list", department_id=2)["userlist"]
    assert (zhangsan["department"], zhangsan["order"]) == ([2, 3], [5, 9])
    raw = caller.http.get(emulator.base_url + "department/list", params={"access_token": caller.token}).content
    assert raw != before
    emulator.shuffle(None)
    raw = caller.http.get(emulator.base_url + "department/list", params={"access_token": caller.token}).content
    assert raw == before


def test_warmed_lists_are_the_same_lists(caller, emulator):
    """warm renders the answers beforehand: they are those that come without it, and edits still show."""
    before = [caller.get("department/list"), caller.get("user/list", department_id=2)]
    emulator.set_app("ww1", departments=[1])
    emulator.warm("ww1")
    assert [caller.get("department/list"), caller.get("user/list", department_id=2)] == before
    emulator.org("ww1").remove_member("zhangsan")
    assert caller.get("user/list", department_id=2)["userlist"] == []

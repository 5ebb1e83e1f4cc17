"""Edits of an organisation: what they change, what they announce, what they refuse."""

from __future__ import annotations

import pytest

from jit_qywx.emulator import Org
from jit_qywx.emulator.product import EditError
from jit_qywx.emulator.records import Department, Member, Place, Tag


@pytest.fixture
def org():
    """A root with two departments, two members and a tag."""
    return Org(
        [Department(1, "总部", 0), {"id": 2, "name": "研发", "parentid": 1}, {"id": 3, "name": "销售"}],
        [Member("a", "甲", (Place(2, 0, True),)), {"userid": "b", "department": [2, 3]}],
        [Tag(1, "标签"), {"tagid": 2, "tagname": "二", "userlist": ["a"], "partylist": [3]}],
    )


def test_root_is_made_when_missing():
    """An organisation without a root gets one, unless none is wanted."""
    assert Org(root="甲公司").departments[1].name == "甲公司"
    assert Org(root=None).departments == {}


def test_new_department_gets_the_next_number(org):
    """add_department numbers itself and announces create_party."""
    change = org.add_department("市场", 2, order=7)
    assert change.number == 4
    assert change.type == "create_party"
    assert change.fields == {"Id": "4", "Name": "市场", "ParentId": "2", "Order": "7"}


def test_department_edits_announce_only_what_changed(org):
    """A rename tells the name, a move the parent, a new order neither."""
    assert org.update_department(3, name="销售部").fields == {"Id": "3", "Name": "销售部"}
    assert org.move_department(3, 2).fields == {"Id": "3", "ParentId": "2"}
    assert org.update_department(3, order=9).fields == {"Id": "3"}
    assert org.children(2) == (3,)
    assert org.children(1) == (2,)


def test_removed_department_takes_its_branch_along(org):
    """Removing a department removes what is below; its members lose the place, its tags the department."""
    org.add_department("小组", 3, department_id=31)
    org.move_member("b", [2, 31])
    change = org.remove_department(3)
    assert (change.type, change.fields) == ("delete_party", {"Id": "3"})
    assert sorted(org.departments) == [1, 2]
    assert org.members["b"].departments == (2,)
    assert org.tags[2].departments == {}


def test_member_edits_announce_only_what_changed(org):
    """Fields that were set are told, a cleared one empty; nothing else is."""
    assert org.update_member("a", name="甲甲").fields == {"UserID": "a", "Name": "甲甲"}
    assert org.update_member("a", position="").fields == {"UserID": "a", "Position": ""}
    assert org.disable_member("a").fields == {"UserID": "a", "Status": "2"}
    assert org.move_member("a", [(3, 5, True)]).fields == {
        "UserID": "a",
        "Department": "3",
        "MainDepartment": "3",
        "IsLeaderInDept": "1",
    }


def test_new_member_announces_everything(org):
    """create_user tells every field that has a value."""
    change = org.add_member("c", "丙", [2, (3, 1, True)], mobile="13900000000")
    assert change.type == "create_user"
    assert change.fields["Department"] == "2,3"
    assert change.fields["IsLeaderInDept"] == "0,1"
    assert change.fields["Mobile"] == "13900000000"
    assert "Email" not in change.fields


def test_rename_keeps_tags_leaders_and_serial(org):
    """A new userid is announced as NewUserID and replaces the old one in tags and chains of leaders."""
    org.update_member("b", direct_leader=("a",))
    serial = org.members["a"].serial
    change = org.rename_member("a", "a2")
    assert change.fields == {"UserID": "a", "NewUserID": "a2"}
    assert org.members["a2"].serial == serial
    assert list(org.tags[2].users) == ["a2"]
    assert org.members["b"].direct_leader == ("a2",)
    assert org.leaders(2) == ("a2",)
    assert org.find("a") is None


def test_rename_may_change_only_the_case(org):
    """A userid can be renamed to itself in other letters, not to somebody else's."""
    org.rename_member("a", "A")
    assert org.find("a").userid == "A"
    with pytest.raises(EditError, match="exists"):
        org.rename_member("A", "B")


def test_removed_member_leaves_lists_tags_and_leaders(org):
    """remove_member takes a member out of everything and announces delete_user."""
    change = org.remove_member("A")
    assert (change.type, change.fields) == ("delete_user", {"UserID": "a"})
    assert [member.userid for member in org.inside(2)] == ["b"]
    assert org.leaders(2) == ()
    assert org.tags[2].users == {}


def test_tag_edits(org):
    """Members and departments come and go; WeCom announces that, but not tags that come, go or are renamed."""
    assert org.tag(1, add_users=["a", "b"], add_departments=[2]).fields == {
        "TagId": "1",
        "AddUserItems": "a,b",
        "AddPartyItems": "2",
    }
    change = org.tag(1, remove_users=["a"], remove_departments=[2])
    assert change.announced
    assert list(org.tags[1].users) == ["b"]
    created = org.add_tag("三", users=["a"])
    assert (created.number, created.announced) == (3, False)
    assert not org.rename_tag(3, "叁").announced
    assert not org.remove_tag(3).announced
    assert 3 not in org.tags


@pytest.mark.parametrize(
    ("edit", "arguments"),
    [
        ("add_department", {"name": "x", "department_id": 2}),
        ("update_department", {"department_id": 9}),
        ("remove_department", {"department_id": 9}),
        ("add_member", {"userid": "A"}),
        ("update_member", {"userid": "nobody"}),
        ("add_tag", {"name": "x", "tag_id": 1}),
        ("rename_tag", {"tag_id": 9, "name": "x"}),
        ("remove_tag", {"tag_id": 9}),
        ("tag", {"tag_id": 9}),
    ],
)
def test_edits_of_nothing_and_duplicates_are_refused(org, edit, arguments):
    """An unknown department, member or tag, and one that exists already, are errors."""
    with pytest.raises(EditError):
        getattr(org, edit)(**arguments)


def test_listeners_hear_every_edit_after_it_happened(org):
    """A listener gets the Change when the edit is done, and may read the organisation."""
    heard = []
    org.listeners.append(lambda change: heard.append((change.type, change.id in org.members)))
    org.add_member("c")
    org.remove_member("c")
    assert heard == [("create_user", True), ("delete_user", False)]


def test_silence_is_for_one_thread(org):
    """Edits inside silent() are not heard; afterwards they are again."""
    heard = []
    org.listeners.append(heard.append)
    with org.silent():
        org.disable_member("a")
    org.disable_member("b")
    assert [change.id for change in heard] == ["b"]


@pytest.fixture
def strict():
    """A strict organisation with a root."""
    return Org(strict=True)


@pytest.mark.parametrize(
    ("edit", "arguments"),
    [
        ("add_department", {"name": ""}),
        ("add_department", {"name": "长" * 33}),
        ("add_department", {"name": "x", "order": 2**32}),
        ("add_department", {"name": "x", "parent": 77}),
        ("add_department", {"name": "x", "department_id": 5, "parent": 5}),
        ("add_member", {"userid": "x", "departments": [77]}),
        ("add_member", {"userid": "x", "departments": []}),
        ("add_tag", {"name": ""}),
    ],
)
def test_strict_organisation_refuses_what_wecom_refuses(strict, edit, arguments):
    """Names, orders, parents, places and tags outside the product's limits are errors."""
    with pytest.raises(EditError):
        getattr(strict, edit)(**arguments)


def test_strict_organisation_has_fifteen_levels(strict):
    """The sixteenth level is refused."""
    for level in range(2, 16):
        strict.add_department(f"第{level}级", level - 1, department_id=level)
    with pytest.raises(EditError, match="15 levels"):
        strict.add_department("第十六级", 15)


def test_strict_organisation_keeps_departments_in_use(strict):
    """A department that holds a department or a member is not removed; a moved member must have a place."""
    strict.add_department("研发", department_id=2)
    strict.add_member("a", departments=[2])
    with pytest.raises(EditError, match="still holds"):
        strict.remove_department(2)
    with pytest.raises(EditError, match="no department"):
        strict.move_member("a", [])
    strict.add_department("下级", 2, department_id=3)
    with pytest.raises(EditError, match="below itself"):
        strict.move_department(2, 3)
    strict.add_tag("标签")


def test_product_limits_on_numbers(strict, monkeypatch):
    """30,000 departments and 3,000 tags are the most."""
    monkeypatch.setattr("jit_qywx.emulator.product.MAX_DEPARTMENTS", 1)
    monkeypatch.setattr("jit_qywx.emulator.product.MAX_TAGS", 0)
    with pytest.raises(EditError, match="departments"):
        strict.add_department("研发")
    with pytest.raises(EditError, match="tags"):
        strict.add_tag("标签")


def test_quit_leader_is_replaced_in_place(org):
    """A member who moves, quits and rejoins keeps one entry in each list."""
    org.move_member("a", [2, 3])
    org.quit_member("a")
    org.rejoin_member("a")
    assert [member.userid for member in org.inside(3)] == ["b", "a"]
    assert org.find("a").status == 1

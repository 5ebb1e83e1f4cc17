"""WeCom's records become a snapshot's: missing is not empty, and hidden is not a name."""

from __future__ import annotations

from typing import Any

import pytest

from jit_corps.snapshot import DeptRecord, Membership, RoleRecord
from jit_qywx.errors import BadAnswer
from jit_qywx.mapping import Mapper, role_record, tag_users
from jit_qywx.scope import VisibleScope

EVERYTHING = VisibleScope(
    (),
    ("1",),
    (),
    tuple(
        f"contact:sensitive:{name}"
        for name in ("user_name", "department_name", "position", "mobile", "email", "telephone", "gender", "avatar")
    ),
)
NOTHING = VisibleScope((), ("1",), (), ())


def member(told: dict[str, Any], scope: VisibleScope = EVERYTHING, listed_in: str | None = None) -> Any:
    return Mapper(scope).member({"userid": "zhangsan", **told}, listed_in=listed_in, call="user/list")


def test_root_has_no_parent() -> None:
    """The root's parent is written as 0; an order may need 32 bits."""
    told = {"id": 1, "name": "总部", "parentid": 0, "order": 2**32 - 1, "department_leader": ["zhangsan"]}
    assert Mapper(EVERYTHING).department(told) == DeptRecord("1", "总部", None, 2**32 - 1, ("zhangsan",))


def test_department_without_optional_fields() -> None:
    """Name and leaders that did not come were not told."""
    assert Mapper(NOTHING).department({"id": 7, "parentid": 1}) == DeptRecord("7", None, "1", 0, None)


def test_parallel_lists() -> None:
    """Order and leadership stand beside the departments they belong to."""
    told = {"department": [2, 3], "order": [5, 0], "is_leader_in_dept": [0, 1]}
    assert member(told).departments == (Membership("2", 5, False), Membership("3", 0, True))


@pytest.mark.parametrize("beside", [None, [1], [1, 1, 1], "11"])
def test_lists_that_do_not_match_tell_nothing(beside: object) -> None:
    """A list of another length than the departments cannot be matched with them."""
    told = {"department": [2, 3], "order": beside, "is_leader_in_dept": beside}
    assert member(told).departments == (Membership("2"), Membership("3"))


def test_departments_that_are_not_told_are_where_it_was_listed() -> None:
    """A record without departments belongs to the department whose list it was in."""
    assert member({}, listed_in="4").departments == (Membership("4"),)
    assert member({}).departments == ()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (1, (True, None)),
        (4, (True, None)),
        (2, (False, "disabled")),
        (5, (False, "quit")),
        (3, (None, None)),
        (None, (None, None)),
        ("1", (None, None)),
    ],
)
def test_status(status: object, told: tuple[bool | None, str | None]) -> None:
    """Only the documented statuses say anything."""
    record = member({"status": status})
    assert (record.active, record.reason) == told


def test_empty_is_told_only_where_it_was_granted() -> None:
    """An empty position clears a position for an app that may see positions, and says nothing to others."""
    assert member({"position": ""}).position == ""
    assert member({"position": ""}, NOTHING).position is None
    assert member({}).position is None


@pytest.mark.parametrize(("gender", "told"), [("1", "1"), (2, "2"), ("0", None), (0, None), (None, None)])
def test_gender_zero_is_not_told(gender: object, told: str | None) -> None:
    """0 is what comes when the app may not know."""
    assert member({"gender": gender}).gender == told


def test_contact_details() -> None:
    """The company mailbox stands in for a missing mail address; main department 0 is none."""
    record = member({"email": "", "biz_mail": "a@b.example", "main_department": 0, "thumb_avatar": "http://x"})
    assert (record.email, record.mainDeptId, record.avatar) == ("a@b.example", None, "http://x")


def test_repr_shows_no_telephone_number() -> None:
    """A record that ends up in a log does not bring the mobile number along."""
    assert "13800000000" not in repr(member({"mobile": "13800000000"}))


@pytest.mark.parametrize("userid", [None, "", True, ["x"], "zhang\0san", "zhang\ud800san"])
def test_a_record_without_an_id_is_a_bad_answer(userid: object) -> None:
    """A record that cannot be told apart is never dropped silently."""
    with pytest.raises(BadAnswer, match="user/list"):
        Mapper(EVERYTHING).member({"userid": userid}, listed_in=None, call="user/list")


@pytest.mark.parametrize("odd", ["\0", "\ud800", "\udfff\0"])
def test_characters_that_databases_refuse_are_left_out(odd: str) -> None:
    """A name that somebody's import spoilt must not stop the sync of the whole enterprise."""
    told = member({"name": f"张{odd}三", "position": f"工程师{odd}", "alias": odd})
    assert (told.name, told.position, told.alias) == ("张三", "工程师", "")
    department = Mapper(EVERYTHING).department({"id": 2, "name": f"研{odd}发", "department_leader": [f"li{odd}si"]})
    assert (department.name, department.leaderIds) == ("研发", ("lisi",))
    assert Mapper(EVERYTHING).department({"id": 2, "name": odd}).name is None


@pytest.mark.parametrize("name", ["张\n三", "全角\u3000空格", "\U0001f600", "a\tb"])
def test_other_unusual_characters_stay(name: str) -> None:
    """What databases take is WeCom's to say."""
    assert member({"name": name}).name == name


@pytest.mark.parametrize("order", [2**63, -1, 10**30, "5", None])
def test_an_order_that_no_column_holds_tells_nothing(order: object) -> None:
    """It is a mere position; the department stays."""
    assert Mapper(EVERYTHING).department({"id": 2, "order": order}).order == 0


@pytest.mark.parametrize("name", ["张三", "zhangsan", "", None])
@pytest.mark.parametrize("text", ["", "something", None])
def test_narrowing_says_what_mapping_would_have_said(name: object, text: object) -> None:
    """A right that is withdrawn while an organisation is read leaves nothing behind that it alone explained."""
    texts = dict.fromkeys(("position", "email", "mobile", "telephone", "alias", "biz_mail"), text)
    told = {"name": name, "department": [1, 2], "status": 1, **texts}
    assert Mapper(NOTHING).narrowed(member(told)) == member(told, NOTHING)
    assert Mapper(EVERYTHING).narrowed(member(told)) == member(told)


def test_a_tag_becomes_a_role() -> None:
    """Departments under it are ids without an order; a tag without a usable name has none."""
    told = {"tagname": "骨\0干", "userlist": [{"userid": "lisi"}], "partylist": [10, 2, 10]}
    assert role_record("7", told) == RoleRecord("tag:7", "骨干", ("10", "2"))
    assert tag_users(told) == ["lisi"]
    assert role_record("7", {"partylist": []}) == RoleRecord("tag:7", None, ())


@pytest.mark.parametrize("party", [None, True, [2], {"id": 2}])
def test_a_department_under_a_tag_without_an_id_is_a_bad_answer(party: object) -> None:
    """A department that cannot be told apart is never dropped silently."""
    with pytest.raises(BadAnswer, match="tag/get"):
        role_record("7", {"tagname": "骨干", "partylist": [party]})

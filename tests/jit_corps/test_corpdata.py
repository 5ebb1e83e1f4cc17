"""The documented dictionary: what it holds, and that nothing wrong in it gets through unnamed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from jit_corps.corpdata import CorpData, to_snapshot
from jit_corps.errors import CorpDataInvalid
from jit_corps.merging import merged
from jit_corps.snapshot import DeptRecord, MemberRecord, Membership, Scope
from jitcore.rendering import render_text
from tests.jit_corps.scripted import CORP_ID, depts, member, members, snapshot
from tests.jit_corps.strategies import snapshots

TOLD = snapshot(
    [member("ann", "1", "2", mobile="13900001111")], departments=depts(d1=None, d2="1"), tags={"tag:1": ["ann"]}
)


def problems_of(**changes) -> list[str]:
    data = {"corpId": CORP_ID, "deptList": [], "memberList": [], **changes}
    with pytest.raises(CorpDataInvalid) as caught:
        to_snapshot(data, CORP_ID, corpFullName="corps.Shop")
    return [problem.message for problem in caught.value.problems]


def test_it_has_the_documented_keys():
    """Those of the seed page and of the sibling Types."""
    data = CorpData.from_snapshot(TOLD)
    assert set(data) >= {"corpId", "corpName", "deptList", "memberList", "roleList", "complete", "scope"}
    assert data["corpName"] == "Shop Ltd"
    assert len(data["deptList"]) == 2
    assert data.get("userDict", {})["ann"] is data["memberList"][0]
    assert data["deptDict"]["2"]["parentId"] == "1"
    assert data["roleList"] == [
        {"roleId": "tag:1", "name": "Role tag:1", "deptIds": None, "members": [{"memberId": "ann", "origin": "tag"}]}
    ]


def test_its_keys_are_attributes_too():
    """JitAi's other spelling; a missing one says what there is."""
    data = CorpData.from_snapshot(TOLD)
    assert data.deptDict is data["deptDict"]
    with pytest.raises(AttributeError, match="no 'userdict'; it has corpId"):
        _ = data.userdict
    assert not hasattr(data, "userdict")


def test_its_repr_shows_no_member():
    """A stray %r in a log must not spill a telephone number."""
    data = CorpData.from_snapshot(TOLD)
    assert repr(data) == "<CorpData 'wwshop': 2 departments, 1 members>"
    assert "13900001111" not in repr(TOLD)


def test_it_survives_json():
    """Stored and read again, it is the same organisation."""
    data = json.loads(json.dumps(CorpData.from_snapshot(TOLD)))
    assert to_snapshot(data, CORP_ID) == TOLD


@given(snapshots)
def test_it_says_what_the_snapshot_says(told):
    """There and back."""
    back = merged(to_snapshot(CorpData.from_snapshot(told), CORP_ID))
    told = merged(replace(told, calls=0))
    assert (back.departments, back.members, back.scope) == (told.departments, told.members, told.scope)
    assert (back.complete, back.incomplete, back.unconfirmed) == (told.complete, told.incomplete, told.unconfirmed)
    assert set(back.roles) == set(told.roles)
    # Who has a role because of a department is spelled out.
    spelled_out = {role.roleId for role in told.roles if role.deptIds}
    assert set(told.grants) <= set(back.grants)
    assert {(one.roleId in spelled_out, one.origin) for one in set(back.grants) - set(told.grants)} <= {(True, "dept")}


def test_a_plain_dictionary_is_enough():
    """Numbers for ids, plain ids for departments, and JitAi's words and numbers for the status."""
    told = to_snapshot(
        {
            "corpId": CORP_ID,
            "deptList": [{"deptId": 1, "name": "Shop", "parentId": 0}, {"deptId": 2, "parentId": 1, "order": 7}],
            "memberList": [
                {"memberId": "ann", "nick": "Ann", "departments": [1, "2"], "status": 1},
                {"memberId": "bo", "departments": [{"deptId": 2, "isLeader": True}], "status": "offline"},
                {"memberId": "cy", "status": 2},
                {"memberId": "di"},
            ],
        },
        CORP_ID,
    )
    assert told.departments == (DeptRecord("1", "Shop", None, None), DeptRecord("2", None, "1", 7))
    assert told.members[0] == MemberRecord("ann", "Ann", active=True, departments=(Membership("1"), Membership("2")))
    assert told.members[1].departments == (Membership("2", isLeader=True),)
    assert [one.active for one in told.members] == [True, False, False, None]
    assert told.scope == Scope("", "", hasRoot=True)
    assert told.complete is False


def test_the_entries_by_id_are_enough():
    """The siblings' spelling alone works as well."""
    data = {
        "corpId": CORP_ID,
        "deptDict": {"1": {"name": "Shop"}},
        "userDict": {"ann": {"name": "Ann", "departments": ["1"]}},
    }
    told = to_snapshot(data, CORP_ID)
    assert told.departments == (DeptRecord("1", "Shop", order=None),)
    assert told.members == (MemberRecord("ann", "Ann", departments=(Membership("1"),)),)


def test_a_dictionary_of_another_corp_is_refused():
    """Members of one enterprise must not end up in another."""
    assert problems_of(corpId="wwother") == ["corpId: the data is of 'wwother', the element of 'wwshop'"]
    assert problems_of(corpId=None) == ["corpId: an id is needed, not nothing"]


def test_something_else_than_a_dictionary_is_refused():
    """With what it is."""
    with pytest.raises(CorpDataInvalid, match="a dictionary is needed, not a list"):
        to_snapshot([], CORP_ID)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"deptList": None}, "deptList: a list is needed, not nothing"),
        ({"memberList": {}}, "memberList: a list is needed, not a dictionary"),
        ({"memberList": ["ann"]}, "memberList[0]: a dictionary is needed, not a text"),
        ({"memberList": [{}]}, "memberList[0].memberId: an id is needed, not nothing"),
        ({"memberList": [{"memberId": ""}]}, "memberList[0].memberId: an id is needed, not an empty text"),
        ({"memberList": [{"memberId": True}]}, "memberList[0].memberId: an id is needed, not true or false"),
        ({"memberList": [{"memberId": "a", "name": 1.5}]}, "memberList[0].name: a text is needed, not a float"),
        (
            {"memberList": [{"memberId": "a", "status": "gone"}]},
            "memberList[0].status: 'active', 'offline', 1, 2 or None is needed, not 'gone'",
        ),
        (
            {"memberList": [{"memberId": "a", "status": True}]},
            "memberList[0].status: 'active', 'offline', 1, 2 or None is needed, not True",
        ),
        (
            {"memberList": [{"memberId": "a", "status": []}]},
            "memberList[0].status: 'active', 'offline', 1, 2 or None is needed, not a list",
        ),
        (
            {"memberList": [{"memberId": "a", "departments": "1"}]},
            "memberList[0].departments: a list is needed, not a text",
        ),
        (
            {"memberList": [{"memberId": "a", "departments": [{"isLeader": 1}]}]},
            "memberList[0].departments[0].deptId: an id is needed, not nothing",
        ),
        (
            {"deptList": [{"deptId": "1", "order": 2**32}]},
            "deptList[0].order: a whole number from 0 to 4294967295 is needed, not a number",
        ),
        ({"deptList": [{"deptId": "1", "leaderIds": "ann"}]}, "deptList[0].leaderIds: a list is needed, not a text"),
        (
            {"deptList": [{"deptId": "1", "leaderIds": [None]}]},
            "deptList[0].leaderIds[0]: an id is needed, not nothing",
        ),
        ({"roleList": 5}, "roleList: a list is needed, not a number"),
        (
            {"roleList": [{"roleId": "r", "members": [{"memberId": "a", "origin": "manual"}]}]},
            "roleList[0].members[0].origin: 'tag' or 'dept' is needed, not 'manual'",
        ),
        ({"complete": "yes"}, "complete: true or false is needed, not a text"),
        ({"scope": "all"}, "scope: a dictionary is needed, not a text"),
        (
            {"memberList": [{"memberId": "a", "name": "x\0"}]},
            "memberList[0].name: a text without NUL and without halves of surrogate pairs is needed",
        ),
        (
            {"memberList": [{"memberId": "a\ud800"}]},
            "memberList[0].memberId: a text without NUL and without halves of surrogate pairs is needed",
        ),
        ({"unconfirmed": "ann"}, "unconfirmed: a list is needed, not a text"),
    ],
)
def test_each_wrong_place_is_named(changes, problem):
    """Which key, which index, and what is wrong there."""
    assert problem in problems_of(**changes)


def test_wrong_places_in_the_entries_by_id_are_named_too():
    """The siblings' spelling has places as well."""
    data = {"corpId": CORP_ID, "deptDict": [], "userDict": {"ann": 5}}
    with pytest.raises(CorpDataInvalid) as caught:
        to_snapshot(data, CORP_ID)
    assert [problem.message for problem in caught.value.problems] == [
        "deptDict: a dictionary by id is needed, not a list",
        "userDict['ann']: a dictionary is needed, not a number",
    ]


def test_all_problems_come_at_once_with_pointers():
    """One pass finds them all; the message shows the first and counts the rest."""
    data = {"corpId": CORP_ID, "deptList": [], "memberList": [{} for _ in range(8)]}
    with pytest.raises(CorpDataInvalid) as caught:
        to_snapshot(data, CORP_ID, corpFullName="corps.Shop")
    assert len(caught.value.problems) == 8
    assert caught.value.problems[7].pointer == "/memberList/7/memberId"
    assert "; and 3 more." in str(caught.value)
    assert "corps.Shop" in render_text(caught.value.problems, color=False)


def test_no_value_of_a_member_is_in_a_message():
    """A telephone number in the wrong place stays out of logs."""
    assert "13900001111" not in str(problems_of(memberList=[{"memberId": "a", "departments": 13900001111}]))


def test_leaving_out_complete_means_incomplete():
    """Only who says so removes anybody."""
    data = dict(CorpData.from_snapshot(snapshot(members("ann"))))
    del data["complete"]
    assert to_snapshot(data, CORP_ID).complete is False

"""Reading an organisation: complete or an error, whatever goes wrong, and honest about what could not be seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jit_corps.snapshot import GrantRecord, Membership, RoleRecord, Snapshot
from jit_qywx import errors
from jit_qywx.emulator import Org
from jit_qywx.reading import read_corp

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite

CORP = "wwcorpa0000000"
BIG = "wwcorpbig00000"


def read(client: QywxProxyClient, known: frozenset[str] = frozenset(), **options: Any) -> Snapshot:
    settings: dict[str, Any] = {"confirm": 10, "concurrency": 4, "progress": lambda *_: None, **options}
    return read_corp(client, known, **settings)


def content(snapshot: Snapshot) -> Snapshot:
    """A snapshot without the order of its lists and the number of calls."""
    return replace(
        snapshot,
        departments=tuple(sorted(snapshot.departments, key=lambda each: each.deptId)),
        members=tuple(sorted(snapshot.members, key=lambda each: each.memberId)),
        roles=tuple(sorted(snapshot.roles, key=lambda each: each.roleId)),
        grants=tuple(sorted(snapshot.grants, key=repr)),
        calls=0,
    )


def member(snapshot: Snapshot, memberId: str) -> Any:
    [found] = [each for each in snapshot.members if each.memberId == memberId]
    return found


@pytest.fixture
def authorise(suite: Suite, wecom_emulator: Emulator) -> Callable[..., QywxProxyClient]:
    """Give the client of an enterprise with any organisation and any visible range."""

    def authorise(org: Org, corpId: str = BIG, **settings: Any) -> QywxProxyClient:
        wecom_emulator.add_corp(corpId, "大企业", org)
        suite.refresh(suite.exchange(wecom_emulator.authorize(corpId, **settings)))
        return suite.client(corpId)

    return authorise


def test_a_whole_organisation(client: QywxProxyClient) -> None:
    """Departments, members, tags and who has them come as one complete snapshot."""
    snapshot = read(client)
    assert snapshot.complete
    assert snapshot.incomplete == ()
    assert snapshot.corpId == CORP
    assert {(each.deptId, each.name, each.parentId) for each in snapshot.departments} == {
        ("1", "示例企业", None),
        ("2", "研发部", "1"),
        ("3", "前端组", "2"),
    }
    assert {(each.memberId, each.name, each.active) for each in snapshot.members} == {
        ("zhangsan", "张三", True),
        ("lisi", "李四", True),
    }
    assert {place.deptId for place in member(snapshot, "lisi").departments} == {"2", "3"}
    assert [(each.roleId, each.name) for each in snapshot.roles] == [("tag:7", "骨干")]
    assert [each.deptIds for each in snapshot.roles] == [("3",)]
    assert tuple(snapshot.grants) == (GrantRecord("zhangsan", "tag:7", "tag"),)
    assert snapshot.scope.hasRoot


def test_the_number_of_calls_is_exact(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """Scope twice, one list, one call per department and per tag; the snapshot tells the sum."""
    snapshot = read(client)
    assert dict(wecom_emulator.calls.by_path) == {
        "gettoken": 1,
        "agent/get": 2,
        "agent/get_permissions": 2,
        "department/list": 1,
        "user/list": 3,
        "tag/list": 1,
        "tag/get": 1,
    }
    assert snapshot.calls == len(wecom_emulator.calls) - 1


def test_progress_reaches_its_total(client: QywxProxyClient) -> None:
    """Each phase is reported up to its end."""
    steps: list[tuple[str, int, int | None]] = []
    read(client, progress=lambda *step: steps.append(step))
    assert ("departments", 3, 3) in steps
    assert ("members", 3, 3) in steps
    assert ("roles", 1, 1) in steps


TRANSIENT: dict[str, dict[str, Any]] = {
    "busy": {"errcode": -1},
    "conflict": {"errcode": 6000},
    "quota": {"errcode": 45009},
    "concurrent": {"errcode": 45033},
    "token 42001": {"errcode": 42001},
    "token 40014": {"errcode": 40014},
    "no answer": {"cut": "headers"},
    "reset": {"cut": "reset"},
    "half an answer": {"cut": "body"},
    "502": {"status": 502},
    "truncated": {"garbage": "truncated"},
    "empty": {"garbage": "empty"},
    "errcode missing": {"garbage": "empty-object"},
}
FINAL: dict[str, dict[str, Any]] = {
    **TRANSIENT,
    "list missing": {"garbage": "missing-list"},
    "not listed": {"errcode": 60011},
    "address": {"errcode": 60020},
    "not allowed": {"errcode": 48002},
    "assistant": {"errcode": 48009},
    "corp gone": {"errcode": 2000002},
    "disabled": {"errcode": 50003},
    "secret": {"errcode": 40001},
    "unknown": {"errcode": 98765},
    "list": {"garbage": "list"},
    "null": {"garbage": "null"},
    "no object": {"body": b'{"errcode":0,"userlist":[1],"department":[1],"taglist":[1],"partylist":[]}'},
    "no id": {"body": b'{"errcode":0,"userlist":[{}],"department":[{}],"taglist":[{}],"partylist":[]}'},
}


@pytest.mark.no_cover
@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_passing_fault_at_any_call_changes_nothing(
    client: QywxProxyClient, wecom_emulator: Emulator, fault: str
) -> None:
    """Whichever call a passing fault meets, the snapshot is the one without the fault."""
    expected = content(read(client))
    for at_call in range(1, expected_calls(wecom_emulator) + 1):
        wecom_emulator.reset()
        wecom_emulator.faults.add(at_call=at_call, times=1, **TRANSIENT[fault])
        assert content(read(client)) == expected, at_call


def outcome(client: QywxProxyClient, known: frozenset[str], **options: Any) -> Snapshot | errors.QywxError:
    try:
        return content(read(client, known, **options))
    except errors.QywxError as error:
        return error


@pytest.mark.no_cover
@pytest.mark.parametrize("fault", FINAL)
def test_a_lasting_fault_at_any_call_fails_the_reading(
    client: QywxProxyClient, wecom_emulator: Emulator, fault: str
) -> None:
    """Whichever call a lasting fault begins at, the reading fails and names a call."""
    known = frozenset({"zhangsan", "lisi", "gone"})
    read(client, known)
    for at_call in range(1, expected_calls(wecom_emulator) + 1):
        wecom_emulator.reset()
        wecom_emulator.faults.add("[adtu]*/*", at_call=at_call, **FINAL[fault])
        # One call at a time, so that the last is always the same: agent/get has no list that could be missing.
        failure = outcome(client, known, concurrency=1)
        assert isinstance(failure, errors.ApiError | errors.TransportError), at_call
        assert "/" in failure.path or failure.path == "gettoken", at_call


@pytest.mark.no_cover
@pytest.mark.parametrize("fault", FINAL)
def test_a_single_fault_at_any_call_hides_nobody(client: QywxProxyClient, wecom_emulator: Emulator, fault: str) -> None:
    """After one fault the reading failed, or has every member; who was doubted is marked, and so are tags unread."""
    known = frozenset({"zhangsan", "lisi", "gone"})
    expected = content(read(client, known))
    for at_call in range(1, expected_calls(wecom_emulator) + 1):
        wecom_emulator.reset()
        wecom_emulator.faults.add("[adtu]*/*", at_call=at_call, times=1, **FINAL[fault])
        result = outcome(client, known)
        if isinstance(result, Snapshot):
            assert result.departments == expected.departments, at_call
            assert result.members == expected.members, at_call
            assert result.unconfirmed <= {"gone"}, at_call
            assert result.incomplete or (result.roles, result.grants) == (expected.roles, expected.grants), at_call
        else:
            assert isinstance(result, errors.ApiError | errors.TransportError), at_call


@pytest.mark.parametrize("errcode", [48002, 60011])
@pytest.mark.parametrize("path", ["tag/list", "tag/get"])
def test_unreadable_tags_leave_members_alone(
    client: QywxProxyClient, wecom_emulator: Emulator, path: str, errcode: int
) -> None:
    """Tags the app may not read make roles incomplete, saying why; members are read all the same."""
    expected = content(read(client))
    wecom_emulator.faults.add(path, errcode=errcode)
    snapshot = content(read(client))
    assert snapshot.members == expected.members
    [why] = snapshot.incomplete
    assert why.startswith(f"roles: {path}")
    assert str(errcode) in why


def expected_calls(wecom_emulator: Emulator) -> int:
    return sum(1 for call in wecom_emulator.calls if call.path != "gettoken")


def test_45009_in_the_middle_of_sixty_departments(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """The headline case: the quota is used up at department 37 of 60, and the error says so."""
    client = authorise(Org.generate(seed=3, members=200, departments=60, tags=0))
    wecom_emulator.faults.add("user/list", errcode=45009, at_call=37)
    with pytest.raises(errors.RateLimited, match=r"user/list department_id=[0-9]+ "):
        read(client, concurrency=1)


def test_many_departments_concurrently(authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator) -> None:
    """Eight threads read the same organisation as one, and a limit on concurrency slows them down at most."""
    client = authorise(Org.generate(seed=5, members=300, departments=40, tags=6))
    expected = content(read(client, concurrency=1))
    assert len(expected.members) > 250
    assert content(read(client, concurrency=8)) == expected
    wecom_emulator.limits.set(path="user/list", concurrency=2)
    wecom_emulator.latency.set(0.002, path="user/list")
    assert content(read(client, concurrency=8)) == expected


def test_order_of_lists_does_not_matter(authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator) -> None:
    """WeCom promises no order of lists or keys, and the snapshot does not depend on one."""
    client = authorise(Org.generate(seed=6, members=60, departments=12, tags=4))
    expected = content(read(client))
    wecom_emulator.shuffle(1)
    assert content(read(client)) == expected


def test_range_without_the_root(authorise: Callable[..., QywxProxyClient]) -> None:
    """A range of two sub-trees comes as a forest: topmost departments name parents that are not listed."""
    org = Org(root="总部")
    for number, parent in ((2, 1), (3, 2), (4, 1), (5, 4)):
        org.add_department(f"部门{number}", parent, department_id=number)
    for number in range(1, 6):
        org.add_member(f"user{number}", departments=(number,))
    snapshot = read(authorise(org, departments=(3, 4)))
    assert {(each.deptId, each.parentId) for each in snapshot.departments} == {("3", "2"), ("4", "1"), ("5", "4")}
    assert {each.memberId for each in snapshot.members} == {"user3", "user4", "user5"}
    assert not snapshot.scope.hasRoot


def test_members_visible_by_themselves(authorise: Callable[..., QywxProxyClient]) -> None:
    """Members whom the range names, directly or through a tag, are read although no visible department lists them."""
    org = Org(root="总部")
    org.add_department("甲", 1, department_id=2)
    org.add_member("listed", departments=(2,))
    org.add_member("named", departments=(1,))
    org.add_member("tagged", departments=(1,))
    org.add_member("unseen", departments=(1,))
    org.add_tag("标签", tag_id=9, users=("tagged", "listed"))
    snapshot = read(authorise(org, departments=(2,), users=("named",), tags=(9,)))
    assert {each.memberId for each in snapshot.members} == {"listed", "named", "tagged"}
    assert member(snapshot, "named").departments == ()


def test_unreadable_tag_in_the_range_is_told(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """When a tag decides who is visible and cannot be read, members are incomplete too."""
    org = Org(members=[{"userid": "tagged", "department": [1]}], root="总部")
    org.add_tag("标签", tag_id=9, users=("tagged",))
    client = authorise(org, departments=(), tags=(9,))
    wecom_emulator.faults.add("tag/*", errcode=48002)
    snapshot = read(client)
    assert [why.partition(":")[0] for why in snapshot.incomplete] == ["roles", "members"]


def test_whole_structure_does_not_reach_beyond_the_range(authorise: Callable[..., QywxProxyClient]) -> None:
    """An app that may see all department ids still reads only the departments in its range."""
    org = Org(root="总部")
    org.add_department("甲", 1, department_id=2)
    org.add_member("inside", departments=(2,))
    snapshot = read(authorise(org, departments=(2,), whole_structure=True))
    assert [each.deptId for each in snapshot.departments] == ["2"]
    assert [each.memberId for each in snapshot.members] == ["inside"]


@pytest.mark.parametrize("hidden", ["missing", "id"])
def test_hidden_names_are_not_told(authorise: Callable[..., QywxProxyClient], hidden: str) -> None:
    """Without the right to names, a missing name and one that repeats the id both mean "not told"."""
    org = Org(members=[{"userid": "zhangsan", "name": "张三", "department": [1]}], root="总部")
    snapshot = read(authorise(org, permissions=(), hidden_names=hidden))
    assert member(snapshot, "zhangsan").name is None
    assert snapshot.departments[0].name is None
    assert "names hidden" in snapshot.scope.summary


def test_a_name_that_equals_the_id_is_a_name_where_names_come(authorise: Callable[..., QywxProxyClient]) -> None:
    """Somebody called Tom with userid Tom keeps the name, if the app was granted names."""
    org = Org(members=[{"userid": "Tom", "name": "Tom", "department": [1]}], root="总部")
    assert member(read(authorise(org)), "Tom").name == "Tom"


def test_names_that_vanish_on_the_way_are_not_taken_for_names(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """Where the right to names is withdrawn during the reading, ids in place of names are not names."""
    org = Org(members=[{"userid": "zhangsan", "name": "张三", "department": [1]}], root="总部")
    client = authorise(org, hidden_names="id")
    before = read(client).scope
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_permissions(BIG, ()), path="department/list")
    snapshot = read(client)
    assert member(snapshot, "zhangsan").name is None
    assert snapshot.scope.digest != before.digest


def test_a_member_whose_record_names_no_department_is_in_each_that_lists_it(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """Where WeCom leaves the field out, its lists are what tells of all the places."""
    org = Org(root="总部")
    for number in (2, 3):
        org.add_department(f"部门{number}", 1, department_id=number)
    org.add_member("both", departments=(2, 3))
    client = authorise(org)
    wecom_emulator.faults.add("user/list", rewrite=_without_departments)
    places = {place.deptId for each in read(client).members for place in each.departments}
    assert places == {"2", "3"}


def _without_departments(answer: dict[str, Any]) -> dict[str, Any]:
    kept = [{name: value for name, value in user.items() if name != "department"} for user in answer["userlist"]]
    return {**answer, "userlist": kept}


def test_statuses(authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator) -> None:
    """1 and 4 work, 2 is disabled, an absent or unheard-of status tells nothing."""
    org = Org(root="总部")
    for status in (1, 2, 4):
        org.add_member(f"status{status}", departments=(1,), status=status)
    client = authorise(org)
    told = {each.memberId: (each.active, each.reason) for each in read(client).members}
    assert told == {"status1": (True, None), "status2": (False, "disabled"), "status4": (True, None)}
    wecom_emulator.set_app(BIG, hidden_fields={"status"})
    assert {(each.active, each.reason) for each in read(client).members} == {(None, None)}


def test_tag_on_a_department_names_the_department(authorise: Callable[..., QywxProxyClient]) -> None:
    """A department under a tag is told as such: whom it stands for follows from the organisation that is kept."""
    org = Org(root="总部")
    org.add_department("甲", 1, department_id=2)
    org.add_member("at", departments=(2,))
    org.add_tag("标签", tag_id=9, users=("at",), departments=(2, 1))
    snapshot = read(authorise(org))
    assert snapshot.roles == (RoleRecord("tag:9", "标签", ("1", "2")),)
    assert tuple(snapshot.grants) == (GrantRecord("at", "tag:9", "tag"),)


def test_cyclic_departments_are_read(authorise: Callable[..., QywxProxyClient]) -> None:
    """A cycle of departments ends no reading and begins none that does not end."""
    departments = [{"id": 2, "name": "甲", "parentid": 3}, {"id": 3, "name": "乙", "parentid": 2}]
    org = Org(departments, [{"userid": "a", "department": [3]}], root="总部")
    org.add_tag("标签", tag_id=9, departments=(2,))
    snapshot = read(authorise(org))
    assert [each.deptIds for each in snapshot.roles] == [("2",)]
    assert {each.deptId for each in snapshot.departments} == {"1", "2", "3"}


def test_department_that_vanishes_costs_one_more_listing(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """A department removed between its listing and its members is listed again, once, and the reading goes on."""
    org = Org(root="总部")
    org.add_department("甲", 1, department_id=2)
    org.add_department("乙", 1, department_id=3)
    org.add_member("mover", departments=(3,))
    client = authorise(org)

    def reorganise() -> None:
        org.add_department("丙", 1, department_id=4)
        org.move_member("mover", (4,))
        org.remove_department(3)

    wecom_emulator.at_call(1, reorganise, path="user/list")
    snapshot = read(client, frozenset({"mover"}))
    assert snapshot.complete
    assert {each.deptId for each in snapshot.departments} == {"1", "2", "4"}
    assert member(snapshot, "mover").departments == (Membership("4"),)
    assert snapshot.unconfirmed == frozenset()
    assert wecom_emulator.calls.by_path["department/list"] == 2


def test_departments_that_keep_vanishing_are_an_error(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """After one more listing a department that still does not exist fails the reading."""
    wecom_emulator.faults.add("user/list", errcode=60003)
    with pytest.raises(errors.NotFound, match="60003"):
        read(client)


def test_tag_that_vanishes_is_left_out(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A tag deleted between its listing and its members is gone, and nothing is incomplete."""
    wecom_emulator.at_call(1, lambda: wecom_emulator.org(CORP).remove_tag(7), path="tag/get")
    snapshot = read(client)
    assert snapshot.roles == ()
    assert snapshot.incomplete == ()


def test_absent_member_is_gone_when_wecom_says_so(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A known member who is not listed and answers 60111 is neither a member nor doubtful."""
    snapshot = read(client, frozenset({"zhangsan", "gone"}))
    assert snapshot.unconfirmed == frozenset()
    assert "gone" not in {each.memberId for each in snapshot.members}
    assert wecom_emulator.calls.by_path["user/get"] == 1


def without(userid: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda answer: {**answer, "userlist": [each for each in answer["userlist"] if each["userid"] != userid]}


def test_member_left_out_by_mistake_is_found_again(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A member whom the lists leave out and user/get knows is a member."""
    expected = content(read(client))
    wecom_emulator.faults.add("user/list", rewrite=without("lisi"))
    assert content(read(client, frozenset({"lisi"}))) == expected


@pytest.mark.parametrize(
    "fault",
    [
        {"errcode": 60011},
        {"errcode": -1},
        {"errcode": 45009},
        {"errcode": 50002},
        {"cut": "headers"},
        {"garbage": "empty-object"},
        {"body": b'{"errcode":0,"userid":"somebody else","department":[1]}'},
        {"rewrite": lambda answer: {**answer, "errcode": 0, "userid": "ZHANGSAN"}},
    ],
)
def test_absence_that_is_not_confirmed(
    client: QywxProxyClient, wecom_emulator: Emulator, fault: dict[str, Any]
) -> None:
    """Any other answer than 60111, or another member's record, leaves the absence unconfirmed."""
    wecom_emulator.faults.add("user/get", **fault)
    assert read(client, frozenset({"gone"})).unconfirmed == {"gone"}


def test_second_looks_are_limited(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """No more members are asked for than allowed; the others stay unconfirmed."""
    known = frozenset(f"gone{number}" for number in range(5))
    assert read(client, known, confirm=2).unconfirmed == {"gone2", "gone3", "gone4"}
    assert wecom_emulator.calls.by_path["user/get"] == 2
    assert read(client, known, confirm=0).unconfirmed == known


def test_range_that_shrinks_on_the_way_changes_the_scope(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """When the range shrinks on the way the snapshot carries the new range, so that nobody seems to have left."""
    org = Org(root="总部")
    org.add_department("甲", 1, department_id=2)
    org.add_member("in", departments=(2,))
    org.add_member("out", departments=(1,))
    client = authorise(org)
    before = read(client).scope
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_visible_range(BIG, (2,)), path="department/list")
    snapshot = read(client, frozenset({"in", "out"}))
    assert {each.memberId for each in snapshot.members} == {"in"}
    assert snapshot.scope.digest != before.digest
    assert not snapshot.scope.hasRoot


def test_equal_scopes_have_equal_digests(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """The digest depends on what may be seen and on nothing else."""
    first = read(client).scope
    wecom_emulator.org(CORP).add_member("new", departments=(1,))
    assert read(client).scope == first
    wecom_emulator.set_permissions(CORP, ["contact:sensitive:user_name"])
    assert read(client).scope.digest != first.digest


def test_unknown_agent_id_says_where_it_comes_from(client: QywxProxyClient) -> None:
    """Without an AgentId the visible range cannot be asked for, and the error says how to get one."""
    client.agentId = None
    with pytest.raises(errors.AgentUnknown, match="retryCallBack"):
        read(client)


def test_a_large_organisation_is_told_from_a_file(client: QywxProxyClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read for a sync, an organisation that is too large for memory is told as it is."""
    whole = read(client)
    monkeypatch.setattr("jit_qywx.reading.HELD", 1)
    large = read(client, contacts=False)
    assert len(large.members) >= len(whole.members)
    assert not isinstance(large.members, tuple)
    assert set(large.members) == set(whole.members)
    assert sorted(large.grants, key=repr) == sorted(whole.grants, key=repr)
    assert replace(large, members=(), grants=(), calls=0) == replace(whole, members=(), grants=(), calls=0)

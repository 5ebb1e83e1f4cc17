"""Reading by export: the snapshot that a walk gives, in a handful of calls, or a walk after all."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_corps.snapshot import Membership, Snapshot
from jit_qywx import errors, export_choice
from jit_qywx.emulator import Org
from jit_qywx.export_choice import AUTO, EXPORT, WALK
from jit_qywx.reading import read_corp

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite
    from tests.jit_qywx.conftest import FakeTime

CORP = "wwcorpa0000000"
BIG = "wwcorpbig00000"


def read(client: QywxProxyClient, known: frozenset[str] = frozenset(), **options: Any) -> Snapshot:
    settings: dict[str, Any] = {"confirm": 10, "concurrency": 4, "progress": lambda *_: None, **options}
    return read_corp(client, known, **settings)


def content(snapshot: Snapshot) -> Snapshot:
    """A snapshot without the order of its lists, the number of calls, and the way it was read."""
    return replace(
        snapshot,
        departments=tuple(sorted(snapshot.departments, key=lambda each: each.deptId)),
        members=tuple(sorted(snapshot.members, key=lambda each: each.memberId)),
        roles=tuple(sorted(snapshot.roles, key=lambda each: each.roleId)),
        grants=tuple(sorted(snapshot.grants, key=repr)),
        calls=0,
        way="",
    )


@pytest.fixture
def authorise(suite: Suite, wecom_emulator: Emulator) -> Callable[..., QywxProxyClient]:
    """Give the client of an enterprise with any organisation and any visible range; exports come in small files."""
    wecom_emulator.set_exports(block_size={"user": 20, "department": 20})

    def authorise(org: Org, corpId: str = BIG, **settings: Any) -> QywxProxyClient:
        wecom_emulator.add_corp(corpId, "大企业", org)
        suite.refresh(suite.exchange(wecom_emulator.authorize(corpId, **settings)))
        wecom_emulator.calls.clear()
        return suite.client(corpId)

    return authorise


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four departments are many."""
    monkeypatch.setattr(export_choice, "MOST_WALKED", 3)


def test_an_export_tells_what_a_walk_tells(authorise: Callable[..., QywxProxyClient]) -> None:
    """Departments, members, tags and who has them are the same, whichever way they were read."""
    client = authorise(Org.generate(seed=5, members=90, departments=12, tags=6))
    walked, exported = read(client, fetch=WALK), read(client, fetch=EXPORT)
    assert len(walked.members) == 90
    assert content(exported) == content(walked)
    assert exported.way.startswith("export, 7 files verified by size and MD5 (")


def test_the_number_of_calls_does_not_grow(authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator) -> None:
    """A thousand and one departments take what ten would, and a call for each tag."""
    org = Org.generate(seed=5, members=1_050, departments=1_001, tags=3)
    client = authorise(org)
    wecom_emulator.set_exports()
    snapshot = read(client, frozenset(org.members))
    assert len(snapshot.departments) == 1_001
    assert len(snapshot.members) == 1_050
    assert dict(wecom_emulator.calls.by_path) == {
        "gettoken": 1,
        "agent/get": 2,
        "agent/get_permissions": 2,
        "department/list": 1,
        "export/department": 1,
        "export/simple_user": 1,
        "export/user": 1,
        "export/get_result": 6,
        "export/file": 3,
        "tag/list": 1,
        "tag/get": 3,
    }
    assert snapshot.calls == 18
    assert snapshot.way.startswith("export, 3 files")


@pytest.mark.usefixtures("few")
def test_a_small_enterprise_is_walked(authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator) -> None:
    """Where a walk takes few calls no job is submitted, and there is nothing to say of it."""
    client = authorise(Org.generate(seed=5, members=9, departments=3, tags=0))
    assert read(client).way == ""
    assert "export/user" not in wecom_emulator.calls.by_path


@pytest.mark.usefixtures("few")
def test_a_large_enterprise_is_walked_when_the_business_file_says_so(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """With "walk" nothing is exported, however large the enterprise is."""
    client = authorise(Org.generate(seed=5, members=9, departments=4, tags=0))
    assert read(client, fetch=WALK).way == 'walk, as "fetch" says'
    assert "export/user" not in wecom_emulator.calls.by_path


@st.composite
def organisations(draw: st.DrawFn) -> tuple[Org, dict[str, Any]]:
    """Any organisation with any visible range and any rights."""
    org = Org(root="总部")
    departments = [1]
    for number in range(2, draw(st.integers(2, 7))):
        org.add_department(f"部门{number}", draw(st.sampled_from(departments)), department_id=number)
        departments.append(number)
    some = st.lists(st.sampled_from(departments), unique=True, max_size=3)
    people = [f"member{number}" for number in range(draw(st.integers(0, 9)))]
    for userid in people:
        places = [(place, draw(st.integers(0, 3)), draw(st.booleans())) for place in draw(some) or [1]]
        status = draw(st.sampled_from([1, 2, 4]))
        org.add_member(userid, draw(st.sampled_from(["张三", userid])), places, status=status)
    others = st.lists(st.sampled_from(people), unique=True, max_size=3) if people else st.just([])
    tags = list(range(1, draw(st.integers(1, 4))))
    for tag in tags:
        org.add_tag(f"标签{tag}", tag_id=tag, users=draw(others), departments=draw(some))
    rights = ["user_name", "department_name", "position"]
    settings = {
        "departments": tuple(draw(some)),
        "users": tuple(draw(others)),
        "tags": tuple(draw(st.lists(st.sampled_from(tags), unique=True)) if tags else ()),
        "permissions": [f"contact:sensitive:{name}" for name in draw(st.lists(st.sampled_from(rights), unique=True))],
        "hidden_names": draw(st.sampled_from(["missing", "id"])),
        "whole_structure": draw(st.booleans()),
        "open_ids": draw(st.booleans()),
    }
    return org, settings


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=organisations(), block=st.integers(1, 5))
def test_both_ways_tell_the_same_of_any_organisation(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator, world: Any, block: int
) -> None:
    """Whatever the organisation, the visible range and the rights are, both ways give the same snapshot."""
    org, told = world
    client = authorise(org, f"ww{len(wecom_emulator.platform.corps)}", **told)
    wecom_emulator.set_exports(block_size=block, polls=0)
    known = frozenset(org.members) | {"nobody"}
    walked = read(client, known, fetch=WALK)
    assert content(read(client, known, fetch=EXPORT)) == content(walked)


TROUBLE: dict[str, tuple[str, dict[str, Any], str, bool]] = {
    "refused": ("export/user", {"errcode": 48002}, "export/user was refused with errcode 48002", True),
    "new address": ("export/department", {"errcode": 48009}, "export/department was refused with errcode 48009", True),
    "outside": ("export/user", {"errcode": 60011}, "export/user was refused with errcode 60011", True),
    "unknown path": ("export/user", {"status": 404}, "WeCom's answer to export/user has HTTP status 404", False),
    "quota": ("export/user", {"errcode": 45009}, "export/user was refused with errcode 45009", False),
    "busy": ("export/get_result", {"errcode": -1}, "export/get_result was refused with errcode -1", False),
    "cleaned": ("export/get_result", {"errcode": 40089}, "export/get_result was refused with errcode 40089", False),
    "job failed": ("export/get_result", {"garbage": "failed-job"}, "export/department .* failed, says WeCom", True),
    "job hangs": ("export/get_result", {"rewrite": lambda _: {"errcode": 0, "status": 1}}, "not done after", True),
    "wrong md5": ("export/get_result", {"garbage": "wrong-md5"}, "block 1 of 1 does not have the MD5", False),
    "link ended": ("export/file", {"status": 404}, "export/department block 1 of 1 was answered .* 404", False),
    "cut": ("export/file", {"cut": "body"}, "connection for export/department block 1 of 1 broke", False),
}


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_with_an_export_leads_to_a_walk(
    authorise: Callable[..., QywxProxyClient],
    suite: Suite,
    wecom_emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """The same run walks, says why, and remembers what will most likely not pass."""
    path, fault, why, lasting = TROUBLE[name]
    client = authorise(Org.generate(seed=5, members=15, departments=5, tags=2))
    expected = read(client, fetch=WALK)
    caplog.set_level(logging.WARNING, "jit_qywx.reading")
    wecom_emulator.faults.add(path, **fault)
    snapshot = read(client, memory=suite.exports(BIG))
    assert content(snapshot) == content(expected)
    assert snapshot.complete
    assert re.search(f"^walk; .*{why}", snapshot.way), snapshot.way
    assert re.search(why, caplog.text)
    assert (suite.exports(BIG).trouble() is not None) == lasting


@pytest.mark.usefixtures("few")
def test_files_of_another_form_are_tried_once_a_day(
    authorise: Callable[..., QywxProxyClient], suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are what WeCom made and not what it documents stay so: the enterprise is walked, until tomorrow."""
    monkeypatch.setattr(
        "jit_qywx.emulator.export_jobs.encode", lambda block: b"0123456789abcdef" + repr(block).encode()
    )
    client = authorise(Org.generate(seed=5, members=15, departments=5, tags=2))
    snapshot = read(client, memory=suite.exports(BIG))
    assert len(snapshot.members) == 15
    assert "export/department block 1 of 1 of enterprise wwcorpbig00000 is not JSON" in snapshot.way
    assert suite.exports(BIG).trouble() is not None


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_is_an_error_where_only_exports_are_allowed(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator, name: str
) -> None:
    """With "export" nobody walks without having been asked."""
    path, fault, _, _ = TROUBLE[name]
    client = authorise(Org.generate(seed=5, members=15, departments=5, tags=2))
    wecom_emulator.faults.add(path, **fault)
    with pytest.raises(errors.QywxError) as caught:
        read(client, fetch=EXPORT)
    assert caught.value.call.startswith("export/")
    assert "user/list" not in wecom_emulator.calls.by_path


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("errcode", [48004, 50003, 40001, 60020, 42001, 2000002])
def test_trouble_of_the_enterprise_ends_the_reading(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator, errcode: int
) -> None:
    """Where the grant, the token or this machine's address is refused a walk would fare no better."""
    client = authorise(Org.generate(seed=5, members=15, departments=5, tags=2))
    wecom_emulator.faults.add("export/user", errcode=errcode)
    with pytest.raises(errors.ApiError, match=str(errcode)):
        read(client)
    assert "user/list" not in wecom_emulator.calls.by_path


@pytest.mark.usefixtures("few")
def test_an_enterprise_that_cannot_be_exported_is_tried_once_a_day(
    authorise: Callable[..., QywxProxyClient], suite: Suite, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """The refusal is kept in the database, ends after a day, and with a grant that is read anew."""
    client = authorise(Org.generate(seed=5, members=15, departments=5, tags=0))
    fault = wecom_emulator.faults.add("export/*", errcode=48002)
    for tries, passed in ((1, 0), (1, 86_000), (2, 401), (2, 1)):
        fake_time.passed += passed
        snapshot = read(client, memory=suite.exports(BIG))
        assert fault.hits == tries
        assert "errcode 48002" in snapshot.way
    wecom_emulator.faults.clear()
    assert read(client, memory=suite.exports(BIG)).way.startswith("walk; no export is tried for a day after export/")
    suite.refresh(BIG)
    assert read(client, memory=suite.exports(BIG)).way.startswith("export, ")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("who", ["known", "leader", "tagged", "everybody new"])
def test_a_missing_file_is_noticed_by_who_ought_to_be_in_it(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator, who: str
) -> None:
    """WeCom names too few files of both exports: somebody is missing who is there, and the enterprise is walked."""
    org = Org(root="总部")
    for number in range(2, 6):
        org.add_department(f"部门{number}", 1, department_id=number)
    everybody = [f"member{number:02}" for number in range(30)]
    for userid in everybody:
        org.add_member(userid, departments=((2, 0, who == "leader" and userid == "member29"),))
    org.add_tag("标签", tag_id=1, users=("member29",) if who == "tagged" else ("member01",))
    client = authorise(org)
    # Those of the first two files are known, but for the last case.
    known = frozenset(everybody[: 0 if who == "everybody new" else 20] + ["member29"] * (who == "known"))
    expected = read(client, known, fetch=WALK)
    wecom_emulator.set_exports(block_size=20)
    wecom_emulator.faults.add("export/get_result", garbage="missing-file", at_call=3)
    snapshot = read(client, known)
    assert content(snapshot) == content(expected)
    assert len(snapshot.members) == 30
    why = "10 members whom user/list has" if who == "everybody new" else "members who are there: 1 of those asked for"
    assert f"leaves out {why}" in snapshot.way


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("newcomers", [1, 20, 21])
def test_a_missing_file_of_newcomers_is_noticed(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator, newcomers: int
) -> None:
    """The second export has them in its one file: a few are asked for one by one, of more the enterprise is walked."""
    org = Org(root="总部")
    for number in range(2, 6):
        org.add_department(f"部门{number}", 1, department_id=number)
    for number in range(40):
        org.add_member(f"member{number:02}", departments=(2,))
    client = authorise(org)
    known = frozenset(org.members)
    for number in range(newcomers):
        org.add_member(f"newcomer{number:02}", departments=(3,))
    expected = read(client, known, fetch=WALK)
    wecom_emulator.set_exports(block_size={"user": 40})
    wecom_emulator.faults.add("export/get_result", garbage="missing-file", at_call=3, times=2)
    snapshot = read(client, known)
    assert content(snapshot) == content(expected)
    assert len(snapshot.members) == 40 + newcomers
    assert ("leaves out 21 members whom export/simple_user has" in snapshot.way) == (newcomers == 21), snapshot.way
    assert snapshot.way.startswith("walk" if newcomers == 21 else "export")


@pytest.mark.usefixtures("few")
def test_who_left_between_two_exports_is_not_missing(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """Somebody who is in the second export only, and is gone when asked for, does not stand against the first one."""
    org = Org.generate(seed=5, members=30, departments=8, tags=0)
    client = authorise(org)
    gone = next(iter(org.members))
    wecom_emulator.at_call(1, lambda: org.remove_member(gone), path="export/user")
    snapshot = read(client)
    assert snapshot.way.startswith("export, ")
    assert len(snapshot.members) == 29


@pytest.mark.usefixtures("few")
def test_who_is_in_one_export_and_cannot_be_asked_for_speaks_against_it(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """Whether somebody is there has to be known: WeCom is asked the other way."""
    client = authorise(Org.generate(seed=5, members=41, departments=8, tags=0))
    wecom_emulator.set_exports(block_size={"user": 40})
    wecom_emulator.faults.add("export/get_result", garbage="missing-file", at_call=3, times=2)
    wecom_emulator.faults.add("user/get", errcode=60011)
    snapshot = read(client)
    assert len(snapshot.members) == 41
    assert "members of whom nothing could be learnt: 1" in snapshot.way


@pytest.mark.usefixtures("few")
def test_an_export_of_a_narrower_range_is_noticed(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """An export that was made for fewer departments than the app may see is not the organisation."""
    client = authorise(Org.generate(seed=5, members=30, departments=8, tags=2))
    expected = read(client, fetch=WALK)
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_visible_range(BIG, (2,)), path="export/department")
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_visible_range(BIG, (1,)), path="export/get_result")
    snapshot = read(client)
    assert content(snapshot) == content(expected)
    assert "not those of department/list, which has 8" in snapshot.way


@pytest.mark.usefixtures("few")
def test_members_of_a_wider_range_are_noticed(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """Members in departments that the app does not see were exported for somebody else."""
    client = authorise(Org.generate(seed=5, members=30, departments=8, tags=0), departments=(2, 3, 4, 5))
    expected = read(client, fetch=WALK)
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_visible_range(BIG, (1,)), path="export/user")
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_visible_range(BIG, (2, 3, 4, 5)), path="export/get_result")
    snapshot = read(client)
    assert content(snapshot) == content(expected)
    assert "departments that department/list does not have" in snapshot.way


@pytest.mark.usefixtures("few")
def test_an_export_of_another_enterprise_is_noticed(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """Somebody else's departments and members are never taken for this enterprise's."""
    authorise(Org.generate(seed=6, members=30, departments=9, tags=0), "wwother0000000")
    client = authorise(Org.generate(seed=5, members=30, departments=8, tags=2))
    expected = read(client, fetch=WALK)
    wecom_emulator.faults.add("export/*", answer_as="wwother0000000")
    snapshot = read(client)
    assert content(snapshot) == content(expected)
    assert snapshot.way.startswith("walk; ")


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("path", ["export/department", "export/user", "export/get_result"])
def test_departments_that_come_and_go_meanwhile_cost_one_more_listing(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator, path: str
) -> None:
    """What changes between the list and the export is no reason to walk: the list is asked for once more."""
    org = Org.generate(seed=5, members=30, departments=8, tags=0)
    client = authorise(org)

    def reorganise() -> None:
        org.add_department("新部门", 1, department_id=99)
        org.add_member("newcomer", departments=(99,))
        [empty] = [number for number in org.departments if number == 8]
        for member in list(org.inside(empty)):
            org.move_member(member.userid, (99,))
        org.remove_department(empty)

    wecom_emulator.at_call(1, reorganise, path=path)
    snapshot = read(client)
    assert snapshot.way.startswith("export, ")
    if path != "export/get_result":
        assert wecom_emulator.calls.by_path["department/list"] == 2
        assert {each.deptId for each in snapshot.departments} == {str(number) for number in org.departments}
        [newcomer] = [each for each in snapshot.members if each.memberId == "newcomer"]
        assert newcomer.departments == (Membership("99"),)


@pytest.mark.usefixtures("few")
def test_members_without_departments_are_no_export(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """A department's list tells at least of itself; a file that leaves the field out tells of no place at all."""
    client = authorise(Org.generate(seed=5, members=15, departments=5, tags=0), hidden_fields={"department"})
    snapshot = read(client)
    assert "does not tell which departments members are in" in snapshot.way
    assert all(each.departments for each in snapshot.members)


@pytest.mark.usefixtures("few")
def test_range_that_shrinks_meanwhile_changes_the_scope(
    authorise: Callable[..., QywxProxyClient], wecom_emulator: Emulator
) -> None:
    """As in a walk: the snapshot carries the new range, so that nobody seems to have left."""
    client = authorise(Org.generate(seed=5, members=30, departments=8, tags=0))
    before = read(client, fetch=WALK).scope
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_visible_range(BIG, (2,)), path="tag/list")
    snapshot = read(client)
    assert snapshot.scope.digest != before.digest


def test_fetch_is_one_of_three() -> None:
    """The words of the business file are those of the schema."""
    schema = json.loads(Path("schemas/corps.QywxProxyType.schema.json").read_text(encoding="utf-8"))
    assert schema["properties"]["fetch"]["enum"] == [AUTO, WALK, EXPORT]

"""Reading single records: what hangs on them comes along, nothing goes without being known as gone, calls are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jit_corps.errors import TargetsUnsupported
from jit_corps.snapshot import GrantRecord, Membership, RoleRecord, Snapshot, Targets
from jit_qywx import errors, reading_targets
from jitcore import App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from jit_qywx.emulator import Emulator, Org

CORP = "corp123"
SUITE = "suite456"


@pytest.fixture
def corp(authorised_app: Path) -> Iterator[Any]:
    """An organisation that is synced: departments 2 研发部 with 3 平台组, and 4 市场部; seven members; two tags."""
    with App(authorised_app) as app:
        corp = app.getElement("corps.CorpA")
        corp.syncCorp()
        yield corp


@pytest.fixture
def org(corp: Any, wecom_emulator: Emulator) -> Org:
    """The same organisation at WeCom; the record of calls is empty."""
    wecom_emulator.calls.clear()
    return wecom_emulator.org(CORP)


def read(
    corp: Any, *, departments: Iterable[str] = (), members: Iterable[str] = (), roles: Iterable[str] = ()
) -> Snapshot:
    targets = Targets(frozenset(departments), frozenset(members), frozenset(roles))
    snapshot = corp.fetch_targets(targets, progress=lambda *_: None)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.targets is not None
    assert snapshot.complete
    return snapshot


def targets(snapshot: Snapshot) -> Targets:
    assert snapshot.targets is not None
    return snapshot.targets


SCOPE_TWICE = {"agent/get": 2, "agent/get_permissions": 2}


def calls(wecom_emulator: Emulator) -> dict[str, int]:
    """The calls that were made, but for those that every reading makes."""
    by_path = dict(wecom_emulator.calls.by_path)
    assert {path: by_path.pop(path) for path in SCOPE_TWICE} == SCOPE_TWICE
    return by_path


def test_a_member_costs_five_calls(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """The scope before and after, and the member: nothing else, however large the organisation is."""
    org.update_member("user1", name="新名", position="工程师")
    snapshot = read(corp, members=["user1"])
    assert calls(wecom_emulator) == {"user/get": 1}
    assert snapshot.calls == 5
    assert [(each.memberId, each.name) for each in snapshot.members] == [("user1", "新名")]
    assert (snapshot.departments, snapshot.roles, snapshot.grants) == ((), (), ())
    assert targets(snapshot) == Targets(members=frozenset({"user1"}))
    assert (snapshot.incomplete, snapshot.unconfirmed) == ((), frozenset())


def test_a_department_costs_five_calls(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """A department is read by itself; who is in it is not its business."""
    org.update_department(3, name="架构组", parent=4)
    snapshot = read(corp, departments=["3"])
    assert calls(wecom_emulator) == {"department/get": 1}
    assert [(each.deptId, each.name, each.parentId) for each in snapshot.departments] == [("3", "架构组", "4")]
    assert snapshot.members == ()


def test_a_tag_costs_five_calls(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """A tag comes with its name, the members it names and the departments it stands for."""
    org.tag(1, add_users=("user1",), add_departments=(4,))
    snapshot = read(corp, roles=["tag:1"])
    assert calls(wecom_emulator) == {"tag/get": 1}
    assert snapshot.roles == (RoleRecord("tag:1", "管理员", ("4",)),)
    assert set(snapshot.grants) == {GrantRecord("manager001", "tag:1"), GrantRecord("user1", "tag:1")}


def test_a_hundred_members_share_the_scope(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """A burst costs one call for each member and the scope once."""
    for number in range(50):
        org.add_member(f"new{number}", departments=(2,))
    snapshot = read(corp, members=[f"new{number}" for number in range(50)])
    assert len(snapshot.members) == 50
    assert calls(wecom_emulator) == {"user/get": 50}


def test_same_scope_as_a_full_reading(corp: Any, org: Org) -> None:
    """The digest is that of a full reading, so that the two can be compared."""
    full = corp.fetch(frozenset(), confirm=0, progress=lambda *_: None)
    assert read(corp, members=["user1"]).scope == full.scope


def test_the_tag_name_comes_from_the_list_when_it_must(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Where tag/get leaves the name out, the list of tags is asked for it, once."""

    def nameless(answer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in answer.items() if name != "tagname"}

    wecom_emulator.faults.add("tag/get", rewrite=nameless)
    snapshot = read(corp, roles=["tag:1", "tag:2"])
    assert {each.name for each in snapshot.roles} == {"管理员", "研发"}
    assert calls(wecom_emulator) == {"tag/get": 2, "tag/list": 1}


# What hangs on it


def test_unknown_departments_are_read_up_to_a_known_one(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """A member whose event overtook those of the departments brings these along, with all above them."""
    org.add_department("甲", 4, department_id=10)
    org.add_department("乙", 10, department_id=11)
    org.add_member("early", departments=(11, 2))
    snapshot = read(corp, members=["early"])
    assert {(each.deptId, each.parentId) for each in snapshot.departments} == {("11", "10"), ("10", "4")}
    assert targets(snapshot).departments == {"10", "11"}
    assert calls(wecom_emulator) == {"user/get": 1, "department/get": 2}


def test_an_unknown_parent_is_read(corp: Any, org: Org) -> None:
    """A department below one that is not known yet does not wait for it."""
    org.add_department("甲", 1, department_id=10)
    org.add_department("乙", 10, department_id=11)
    assert targets(read(corp, departments=["11"])).departments == {"10", "11"}


def test_a_cycle_of_departments_ends(corp: Any, org: Org) -> None:
    """Departments that stand under one another are each read once."""
    org.add_department("甲", 12, department_id=10)
    org.add_department("乙", 10, department_id=11)
    org.add_department("丙", 11, department_id=12)
    assert targets(read(corp, departments=["10"])).departments == {"10", "11", "12"}


def test_what_a_tag_names_is_read_when_it_is_not_known(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """A tag whose event overtook those of its member and department brings these along."""
    org.add_department("甲", 1, department_id=10)
    org.add_department("乙", 1, department_id=11)
    org.add_member("early", departments=(11,))
    org.tag(1, add_users=("early",), add_departments=(10,))
    snapshot = read(corp, roles=["tag:1"])
    assert targets(snapshot) == Targets(frozenset({"10", "11"}), frozenset({"early"}), frozenset({"tag:1"}))
    assert calls(wecom_emulator) == {"tag/get": 1, "user/get": 1, "department/get": 2}


def test_what_stood_in_a_gone_department_is_read_again(corp: Any, org: Org) -> None:
    """Who was in a department that is gone is somewhere else now, or gone; tags may have lost it as well."""
    org.remove_department(2)
    snapshot = read(corp, departments=["2"])
    assert targets(snapshot).departments == {"2", "3"}
    assert snapshot.departments == ()
    assert targets(snapshot).roles == {"tag:2"}
    inside = {each.memberId for each in corp.getMembers() if each.memberId in targets(snapshot).members}
    assert inside == {"member123", "member1", "manager001", "employee001", "user2"}
    assert all(each.departments == () for each in snapshot.members)


def test_leaders_are_told_by_the_department(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Who begins or ceases to lead a department is announced with the member, so the department is read as well."""
    org.move_member("user1", [(4, 0, True)])
    wecom_emulator.calls.clear()
    snapshot = read(corp, members=["user1"])
    assert [(each.deptId, each.leaderIds) for each in snapshot.departments] == [("4", ("user1",))]
    assert calls(wecom_emulator) == {"user/get": 1, "department/get": 1}

    corp.syncCorp()
    wecom_emulator.calls.clear()
    assert read(corp, members=["user1"]).departments == ()
    org.remove_member("user1")
    assert [each.leaderIds for each in read(corp, members=["user1"]).departments] == [()]


def test_a_leader_whom_only_the_department_told_is_not_forgotten(corp: Any, org: Org) -> None:
    """Who began to lead and left before being read is named by the department alone, which is read again then."""
    org.move_member("user1", [(4, 0, True)])
    assert corp.sync_targets(Targets(departments=frozenset({"4"}))).changes
    org.remove_member("user1")
    assert [each.leaderIds for each in read(corp, members=["user1"]).departments] == [()]
    # The same in a batch.
    many = ["user1", *(f"new{number}" for number in range(30))]
    assert [each.leaderIds for each in read(corp, members=many).departments] == [()]


def test_tags_of_somebody_who_returns_are_read(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """No event says that a member who comes back still has a tag; newcomers have none that is not announced."""
    org.quit_member("manager001")
    corp.syncCorp()
    org.rejoin_member("manager001")
    wecom_emulator.calls.clear()
    snapshot = read(corp, members=["manager001"])
    assert GrantRecord("manager001", "tag:1") in snapshot.grants
    assert calls(wecom_emulator) == {"user/get": 1, "tag/list": 1, "tag/get": 2}


def test_tags_of_an_id_that_somebody_else_has_now_are_read(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Deleted and made anew, or renamed and made anew: the tags were the other one's, and no event says so."""
    org.remove_member("manager001")
    org.add_member("manager001", "别人", departments=(3,))
    deleted = Targets(members=frozenset({"manager001"}), deleted=frozenset({"manager001"}))
    snapshot = corp.fetch_targets(deleted, progress=lambda *_: None)
    assert [each.memberId for each in snapshot.members] == ["manager001"]
    assert (snapshot.targets.roles, snapshot.grants) == ({"tag:1"}, ())
    assert calls(wecom_emulator) == {"user/get": 1, "tag/get": 1}

    org.rename_member("manager001", "manager.one")
    org.add_member("manager001", "又一人", departments=(3,))
    renamed = Targets(renames=frozenset({("manager001", "manager.one")}))
    assert corp.fetch_targets(renamed, progress=lambda *_: None).targets.roles == {"tag:1"}


def test_tags_of_a_department_that_was_made_anew_are_read(corp: Any, org: Org) -> None:
    """A department that was deleted and is there all the same is another one under the same number."""
    deleted = Targets(departments=frozenset({"2"}), deleted=frozenset({"2"}))
    assert corp.fetch_targets(deleted, progress=lambda *_: None).targets.roles == {"tag:2"}


def test_tags_that_may_not_be_listed_are_told(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Where the tags of somebody who returns cannot be listed, only a later full reading can tell them."""
    org.quit_member("manager001")
    corp.syncCorp()
    org.rejoin_member("manager001")
    wecom_emulator.faults.add("tag/list", errcode=48002)
    snapshot = read(corp, members=["manager001"])
    assert [each.memberId for each in snapshot.members] == ["manager001"]
    assert snapshot.incomplete == ("roles: tag/list was refused with errcode 48002",)


def test_too_much_that_hangs_on_a_record_is_left_to_a_full_reading(
    corp: Any, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hangs together is followed to a limit, and the snapshot says where it stopped."""
    monkeypatch.setattr(reading_targets, "_MOST_FOLLOWED", 2)
    for number in range(10, 15):
        org.add_department(f"部门{number}", number + 1 if number < 14 else 1, department_id=number)
    snapshot = read(corp, departments=["10"])
    assert targets(snapshot).departments == {"10", "11", "12"}
    assert snapshot.incomplete == ("everything: more than 2 records hang on those that changed",)


# Gone, refused, failed


def test_what_does_not_exist_is_a_target_without_a_record(corp: Any, org: Org) -> None:
    """Member, department and tag that WeCom does not know are gone."""
    org.remove_member("user1")
    org.remove_tag(1)
    org.add_department("甲", 1, department_id=10)
    org.remove_department(10)
    snapshot = read(corp, departments=["10"], members=["user1"], roles=["tag:1"])
    assert targets(snapshot) == Targets(frozenset({"10"}), frozenset({"user1"}), frozenset({"tag:1"}))
    assert (snapshot.departments, snapshot.members, snapshot.roles) == ((), (), ())
    assert snapshot.unconfirmed == frozenset()


@pytest.mark.parametrize(
    ("path", "what", "ident"),
    [("user/get", "members", "user1"), ("department/get", "departments", "3"), ("tag/get", "roles", "tag:1")],
)
def test_what_is_refused_is_not_gone(
    corp: Any, org: Org, wecom_emulator: Emulator, path: str, what: str, ident: str
) -> None:
    """Any other refusal than "it does not exist" leaves the record unconfirmed."""
    for errcode in (60011, 48002, 50002, 48009, 40003, 701008):
        wecom_emulator.reset()
        wecom_emulator.faults.add(path, errcode=errcode)
        snapshot = read(corp, **{what: [ident]})
        assert snapshot.unconfirmed == {ident}, errcode
        assert getattr(targets(snapshot), what) == {ident}, errcode


@pytest.mark.parametrize(
    ("path", "what", "ident", "body"),
    [
        ("user/get", "members", "user1", b'{"errcode":0,"userid":"somebody else","department":[1]}'),
        ("department/get", "departments", "3", b'{"errcode":0,"department":{"id":4,"parentid":1,"order":0}}'),
    ],
)
def test_the_record_of_another_is_not_taken(
    corp: Any, org: Org, wecom_emulator: Emulator, path: str, what: str, ident: str, body: bytes
) -> None:
    """An answer about somebody else tells nothing of the one asked for, nor of the other."""
    wecom_emulator.faults.add(path, body=body)
    snapshot = read(corp, **{what: [ident]})
    assert (snapshot.departments, snapshot.members) == ((), ())
    assert snapshot.unconfirmed == {ident}


def test_a_refused_argument_does_not_stop_the_others(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """One id that WeCom takes for a mistake is left unconfirmed, and a full reading is asked for."""
    wecom_emulator.faults.add("user/get", errcode=40058, at_call=1, times=1)
    snapshot = read(corp, members=["user1", "user2"])
    assert len(snapshot.members) == len(snapshot.unconfirmed) == 1
    assert snapshot.incomplete == ("members: user/get was refused with errcode 40058",)


#: Faults that are not tried again at once. Those that are end in errors of the same two kinds.
LASTING: list[dict[str, Any]] = [
    {"errcode": 60020},
    {"errcode": 50003},
    {"errcode": 98765},
    {"body": b'{"errcode":0,"userid":7,"department":[1],"userlist":[1],"partylist":[]}'},
]


def test_any_other_failure_fails_the_reading(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Whichever call a fault begins at, the reading fails and can be tried again: no event is taken for done."""
    for fault in LASTING:
        for at_call in range(1, 8):
            wecom_emulator.reset()
            wecom_emulator.faults.add("[adtu]*/*", at_call=at_call, **fault)
            with pytest.raises((errors.ApiError, errors.TransportError)):
                read(corp, departments=["3"], members=["user1"], roles=["tag:1"])


def test_a_scope_that_changes_on_the_way_is_told(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """What was read partly under one scope and partly under another removes nothing, whichever is in force now."""
    org.remove_member("user1")
    wecom_emulator.at_call(1, lambda: wecom_emulator.set_permissions(CORP, [], suite_id=SUITE), path="user/get")
    snapshot = read(corp, members=["user1", "user2"])
    assert snapshot.incomplete == ("everything: the visible range or the rights changed while it was read",)
    assert [each.name for each in snapshot.members] == [None]


# A range without the root


@pytest.fixture
def forest(corp: Any, wecom_emulator: Emulator) -> Any:
    """The organisation of which the app sees 研发部 and what is below it."""
    wecom_emulator.set_visible_range(CORP, (2,), suite_id=SUITE)
    corp.syncCorp()
    wecom_emulator.calls.clear()
    return corp


def test_the_parent_outside_the_range_is_nobodys_business(forest: Any, org: Org, wecom_emulator: Emulator) -> None:
    """The topmost department names a parent that WeCom refuses; that is asked once and leaves nothing open."""
    org.update_department(2, name="研究院")
    snapshot = read(forest, departments=["2"])
    assert [(each.deptId, each.parentId) for each in snapshot.departments] == [("2", "1")]
    # It is known here, because it was in sight once.
    assert (snapshot.unconfirmed, snapshot.incomplete) == ({"1"}, ())
    assert not snapshot.scope.hasRoot
    assert calls(wecom_emulator) == {"department/get": 2}


def test_a_department_that_is_moved_into_the_range_brings_everybody(forest: Any, org: Org) -> None:
    """One event announces the whole sub-tree, so what is in and below it is read, and what tags it has."""
    org.add_department("甲", 4, department_id=10)
    org.add_member("deep", departments=(10,))
    org.tag(1, add_users=("deep",))
    org.move_department(4, 2)
    snapshot = read(forest, departments=["4"])
    assert targets(snapshot).departments >= {"4", "10"}
    assert targets(snapshot).members >= {"deep", "member2", "user1"}
    assert GrantRecord("deep", "tag:1") in snapshot.grants
    assert snapshot.incomplete == ()


def test_a_department_that_is_moved_out_of_the_range_is_not_gone(forest: Any, org: Org) -> None:
    """WeCom refuses to tell of it, so it is unconfirmed: only a full reading can tell who was in it."""
    org.move_department(3, 4)
    snapshot = read(forest, departments=["3"])
    assert snapshot.unconfirmed == {"3"}
    assert targets(snapshot).departments == {"3"}


def test_events_about_what_was_never_seen_ask_for_nothing(forest: Any, org: Org) -> None:
    """A department and a member outside the range stay what they are: unknown."""
    org.add_department("甲", 4, department_id=10)
    org.add_member("stranger", departments=(10,))
    org.tag(1, add_users=("stranger",), add_departments=(10,))
    snapshot = read(forest, departments=["10"], members=["stranger"], roles=["tag:1"])
    assert (snapshot.departments, snapshot.members) == ((), ())
    assert (snapshot.unconfirmed, snapshot.incomplete) == (frozenset(), ())


def test_a_newcomer_in_a_part_may_have_had_tags_before(forest: Any, org: Org) -> None:
    """Somebody who comes into the range from elsewhere in the enterprise brings tags along."""
    org.tag(1, add_users=("user1",))
    org.move_member("user1", (3,))
    snapshot = read(forest, members=["user1"])
    assert [each.departments for each in snapshot.members] == [(Membership("3"),)]
    assert GrantRecord("user1", "tag:1") in snapshot.grants


def test_a_new_department_that_cannot_be_looked_into_is_told(forest: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Who is in a department that came into the range is left to a full reading when WeCom refuses to say."""
    org.add_department("甲", 2, department_id=10)
    wecom_emulator.faults.add("user/list", errcode=48002)
    assert read(forest, departments=["10"]).incomplete == ("members: user/list was refused with errcode 48002",)


def test_a_tag_that_makes_people_visible_asks_for_a_full_reading(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Where a tag is part of the range, its change changes who is visible, and no other event says whom."""
    wecom_emulator.set_visible_range(CORP, (2,), tags=(1,), suite_id=SUITE)
    corp.syncCorp()
    [why] = read(corp, roles=["tag:1"]).incomplete
    assert why.startswith("members: who is visible depends on tag:1")
    assert read(corp, roles=["tag:2"]).incomplete == ()


# Renames


def renames(corp: Any, *pairs: tuple[str, str]) -> frozenset[tuple[str, str]]:
    snapshot = corp.fetch_targets(Targets(renames=frozenset(pairs)), progress=lambda *_: None)
    return targets(snapshot).renames


def test_who_is_renamed_from_an_id_that_was_never_told_has_their_tags(corp: Any, org: Org) -> None:
    """The first rename is on its way still, and no event says that the tags were theirs all along."""
    org.rename_member("manager001", "manager.one")
    org.rename_member("manager.one", "manager.two")
    renamed = Targets(renames=frozenset({("manager.one", "manager.two")}))
    snapshot = corp.fetch_targets(renamed, progress=lambda *_: None)
    assert GrantRecord("manager.two", "tag:1") in snapshot.grants


def test_a_rename_that_happened_is_told(corp: Any, org: Org, wecom_emulator: Emulator) -> None:
    """Nobody has the old id, somebody has the new one."""
    org.rename_member("user1", "user.one")
    assert renames(corp, ("user1", "user.one")) == {("user1", "user.one")}
    assert calls(wecom_emulator) == {"user/get": 2}


def test_another_case_of_the_same_id_is_a_rename(corp: Any, org: Org) -> None:
    """WeCom finds plain userids whatever their case; the answer says how the id is written now."""
    org.rename_member("user1", "USER1")
    snapshot = read(corp, members=["user1"])
    assert targets(snapshot).renames == {("user1", "USER1")}
    assert [each.memberId for each in snapshot.members] == ["USER1"]
    assert targets(snapshot).members == {"user1", "USER1"}


# When everything is read instead


def test_a_full_reading_is_preferred_where_it_takes_fewer_calls(corp: Any, org: Org) -> None:
    """Fifty-one members of an enterprise with four departments are read by reading everything, but not a rename."""
    many = frozenset(f"new{number}" for number in range(51))
    with pytest.raises(TargetsUnsupported):
        corp.fetch_targets(Targets(members=many), progress=lambda *_: None)
    renamed = Targets(members=many, renames=frozenset({("user1", "user.one")}))
    assert len(targets(corp.fetch_targets(renamed, progress=lambda *_: None)).members) == 53


def test_progress_reaches_its_total(corp: Any, org: Org) -> None:
    """The reading says how far it is."""
    steps: list[tuple[str, int, int | None]] = []
    note: Callable[..., None] = lambda *step: steps.append(step)  # noqa: E731  # a name for its type
    corp.fetch_targets(Targets(members=frozenset({"user1", "user2"})), progress=note)
    assert ("records", 2, 2) in steps

"""The organisation element, as its users call it (JitAi: WeCom proxy development organization)."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from jit_corps.corp import Corp
from jit_corps.errors import CorpDataInvalid, DeptNotFound, MemberNotFound, RoleNotFound, SyncFailed
from jit_corps.models import CorpDept, CorpMember, CorpRoleMember, SyncRun, User
from jit_corps.rows import LOCAL_ROOT
from jitcore.errors import ArgumentError, ElementFailed, ElementInvalid
from tests.jit_corps.conftest import APP_FILES
from tests.jit_corps.scripted import CORP, CORP_ID, crowd, depts, member, members, snapshot

TOLD = snapshot(
    [*crowd(5), member("ann", "2", active=False, reason="disabled")],
    departments=depts(d3="2", d2="1", d1=None),
    tags={"tag:1": ["m000"]},
)


@pytest.fixture
def synced(shop):
    """The shop after a first sync."""
    shop.upstream = TOLD
    shop.initCorp()
    return shop


# Properties


def test_properties(shop):
    """The seed page's four."""
    assert (shop.corpId, shop.authFullName, shop.corpFullName, shop.title) == (
        CORP_ID,
        "auths.ShopAuth",
        CORP,
        "The Shop",
    )


def test_a_provider_that_lacks_a_method_cannot_be_loaded(open_app):
    """The base class cannot stand for itself."""
    files = {**APP_FILES, "corps/ScriptedType/__init__.py": "from jit_corps.corps.Meta import Loader\n"}
    app = open_app(files, name="bare")
    with pytest.raises((ElementFailed, ElementInvalid)):
        app.getElement(CORP)


# Synchronising


def test_init_syncs_and_registers_and_may_be_repeated(shop):
    """It ends with every member registered; the second time nothing changes."""
    shop.upstream = TOLD
    first = shop.initCorp()
    models = shop.app.models
    assert first.status == "ok"
    assert models[User].select().count() == len(shop.getMembers()) == 6
    assert {one.userId for one in shop.getMembers()} == {one.userId for one in models[User].select()}
    again = shop.initCorp()
    assert (again.changes, again.generation) == (0, first.generation)


def test_sync_takes_an_approval(synced):
    """approve=N lets N go."""
    synced.upstream = snapshot(crowd(1), departments=depts(d1=None, d2="1", d3="2"), tags={"tag:1": ["m000"]})
    assert synced.syncCorp().status == "guarded"
    assert synced.syncCorp(approve=4).status == "ok"
    assert len(synced.getMembers(status="active")) == 1


@pytest.mark.parametrize("approve", [-1, "5", True, 2.5])
def test_an_approval_is_a_number(synced, approve):
    """Anything else is refused before anything is done."""
    with pytest.raises(ArgumentError, match="approve"):
        synced.syncCorp(approve=approve)
    assert synced.app.models[SyncRun].select().count() == 1


def test_sync_reports_progress_to_the_caller(shop):
    """Phases with how much of how much."""
    shop.upstream = TOLD
    seen = []
    shop.syncCorp(progress=lambda *told: seen.append(told))
    assert seen[0] == ("departments", 1, 1)
    assert seen[-1] == ("publish", 1, 1)


def test_sync_shows_progress_on_a_terminal_only(shop, monkeypatch):
    """On standard error, so that output stays clean; and nowhere else."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shop.upstream = TOLD
    terminal, pipe = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    shop.syncCorp()
    assert "departments" in terminal.getvalue()
    monkeypatch.setattr(sys, "stderr", pipe)
    shop.syncCorp()
    assert pipe.getvalue() == ""


def test_a_failed_sync_raises_and_changes_nothing(synced):
    """With the organisation as it was."""
    synced.upstream = RuntimeError("boom")
    before = [one.__data__ for one in synced.getMembers()]
    with pytest.raises(SyncFailed):
        synced.syncCorp()
    assert [one.__data__ for one in synced.getMembers()] == before


def test_a_plan_changes_nothing(synced):
    """It says what a sync would do, and does not even leave a run."""
    synced.upstream = snapshot(crowd(6), departments=depts(d1=None, d2="1", d3="2"), tags={"tag:1": ["m000"]})
    plan = synced.plan()
    assert plan.counts["members"] == {"added": 1, "updated": 1, "removed": 0}
    assert synced.app.models[SyncRun].select().count() == 1
    assert len(synced.getMembers()) == 6


def test_the_clock_can_be_replaced(shop):
    """Time is injected."""
    shop.upstream = TOLD
    shop.clock = lambda: 1_000_000.0
    shop.syncCorp()
    assert shop.app.models[SyncRun].get().startedAt.year == 1970


# Upstream's data and registering it


def test_upstreams_data_can_be_looked_at_and_registered(shop):
    """getThirdCorpData and bulkRegister together are a sync."""
    shop.upstream = TOLD
    data = shop.getThirdCorpData()
    assert (data["corpName"], len(data["deptList"]), data.corpId) == ("Shop Ltd", 3, CORP_ID)
    assert shop.getMembers() == []
    report = shop.bulkRegister(data)
    assert report.counts["members"]["added"] == 6
    assert shop.syncCorp().changes == 0
    assert shop.bulkRegister(data).changes == 0
    assert [run.action for run in shop.app.models[SyncRun].select()] == ["register", "sync", "register"]


def test_registering_removes_nobody_without_the_completeness_marker(synced):
    """A dictionary made by hand may add and update."""
    report = synced.bulkRegister(
        {
            "corpId": CORP_ID,
            "deptList": [],
            "memberList": [{"memberId": "new", "name": "New"}, {"memberId": "m000", "name": "Renamed"}],
        }
    )
    assert report.status == "partial"
    assert report.counts["members"] == {"added": 1, "updated": 1, "removed": 0}
    assert len(synced.getMembers(status="active")) == 6
    assert len(synced.getDepts()) == 3


def test_registering_a_part_moves_no_department(synced):
    """One that leaves out where a department stands renames it where it is, and the root stays the root."""
    before = [(one.deptId, one.parentId, one.order) for one in synced.getDepts()]
    synced.bulkRegister({"corpId": CORP_ID, "deptList": [{"deptId": "3", "name": "New name"}], "memberList": []})
    assert synced.getDept("3").name == "New name"
    assert [(one.deptId, one.parentId, one.order) for one in synced.getDepts()] == before
    assert synced.getRootDept().deptId == "1"


def test_registering_a_part_leaves_a_forest_one(shop):
    """A department that a caller tells without a parent does not become the root of a range without the root."""
    shop.upstream = snapshot([], departments=depts(d2="1", d3="1"), hasRoot=False)
    shop.initCorp()
    shop.bulkRegister({"corpId": CORP_ID, "deptList": [{"deptId": "9", "name": "Nine"}], "memberList": []})
    assert shop.getRootDept().deptId == "local:root"
    assert {one.deptId: one.parentId for one in shop.getDepts()} == {
        "local:root": None,
        **dict.fromkeys(("2", "3", "9"), "local:root"),
    }


def test_registering_a_part_may_bring_the_root(shop):
    """A root that was only made up because there was none gives way."""
    assert shop.getRootDept().deptId == "local:root"
    shop.bulkRegister({"corpId": CORP_ID, "deptList": [{"deptId": "1", "name": "Shop"}], "memberList": []})
    assert [one.deptId for one in shop.getDepts()] == ["1"]


def test_registering_a_complete_dictionary_removes_who_is_missing(synced):
    """With the marker, under the guard."""
    data = synced.getThirdCorpData()
    data["memberList"] = [one for one in data["memberList"] if one["memberId"] != "m004"]
    report = synced.bulkRegister(data)
    assert report.counts["members"]["removed"] == 1
    assert synced.getMember("m004").reason == "absent"


def test_registering_the_wrong_data_is_refused(synced):
    """Before a run begins."""
    with pytest.raises(CorpDataInvalid):
        synced.bulkRegister({"corpId": "another"})
    assert synced.app.models[SyncRun].select().count() == 1


# Departments


def test_departments_come_top_down(synced):
    """Parents first, whatever upstream's order; rows of the App's model."""
    found = synced.getDepts()
    assert [one.deptId for one in found] == ["1", "2", "3"]
    assert all(isinstance(one, CorpDept) for one in found)
    assert (found[1].name, found[1].parentId, found[1].corpFullName) == ("Dept 2", "1", CORP)


def test_the_root_is_upstreams_when_it_is_in_sight(synced):
    """No local one beside it."""
    assert synced.getRootDept().deptId == "1"
    assert LOCAL_ROOT not in [one.deptId for one in synced.getDepts()]


def test_the_root_is_made_when_there_is_none(shop):
    """Before the first sync it bears the element's title, and asking again finds the same."""
    root = shop.getRootDept()
    assert (root.deptId, root.name) == (LOCAL_ROOT, "The Shop")
    assert shop.getRootDept().deptId == root.deptId
    assert len(shop.getDepts()) == 1


def test_a_made_root_gives_way_to_a_real_one(shop):
    """It never shadows a root that arrives later."""
    shop.getRootDept()
    shop.upstream = TOLD
    shop.syncCorp()
    assert shop.getRootDept().deptId == "1"
    assert [one.deptId for one in shop.getDepts()] == ["1", "2", "3"]


def test_a_forest_has_a_local_root_above_its_trees(shop):
    """A visible range without the root."""
    shop.upstream = snapshot(departments=depts(d7="5", d8="7", d9="6"), hasRoot=False)
    shop.syncCorp()
    root = shop.getRootDept()
    assert (root.deptId, root.name, root.origin) == (LOCAL_ROOT, "Shop Ltd", "local")
    assert {one.deptId: one.parentId for one in shop.getDepts()} == {
        LOCAL_ROOT: None,
        "7": LOCAL_ROOT,
        "8": "7",
        "9": LOCAL_ROOT,
    }
    assert shop.syncCorp().changes == 0


def test_many_threads_asking_for_the_root_make_one(shop):
    """Race-free."""
    found = []
    assert shop.app.storage.database
    threads = [threading.Thread(target=lambda: found.append(shop.getRootDept().deptId)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [LOCAL_ROOT] * 8
    assert len(shop.getDepts()) == 1


def test_a_department_by_its_id(synced):
    """An unknown one is an error that names what may have been meant."""
    assert synced.getDept("2").name == "Dept 2"
    with pytest.raises(DeptNotFound, match="has no department '22'") as caught:
        synced.getDept("22")
    assert caught.value.deptId == "22"
    with pytest.raises(ArgumentError, match="Ids are strings"):
        synced.getDept(2)
    with pytest.raises(ArgumentError, match="empty"):
        synced.getDept("")


# Members


@pytest.mark.parametrize(("status", "count"), [(None, 6), ("active", 5), (1, 5), ("offline", 1), (2, 1)])
def test_members_by_status(synced, status, count):
    """JitAi's words and numbers."""
    found = synced.getMembers(status=status)
    assert len(found) == count
    assert all(isinstance(one, CorpMember) for one in found)
    assert [one.memberId for one in found] == sorted(one.memberId for one in found)


@pytest.mark.parametrize("status", ["resigned", 0, 3, True, "1", [], 1.0])
def test_another_status_is_an_error_that_lists_them(synced, status):
    """Nothing is guessed."""
    with pytest.raises(ArgumentError, match="'active', 'offline', 1, 2 or None"):
        synced.getMembers(status)


def test_a_member_by_id(synced):
    """Active or not; an unknown one is an error that names what may have been meant."""
    ann = synced.getMember("ann")
    assert (ann.name, ann.nick, ann.status, ann.statusName, ann.reason) == ("Ann", "Ann", 2, "offline", "disabled")
    assert ann.manualOffline is False
    assert ann == synced.app.models.CorpMember.get_by_id((CORP, "ann"))
    with pytest.raises(MemberNotFound, match="Did you mean 'ann'") as caught:
        synced.getMember("anne")
    assert caught.value.possibilities == ("ann",)
    with pytest.raises(LookupError):
        synced.getMember("nobody at all")
    with pytest.raises(ArgumentError):
        synced.getMember(None)


def test_a_row_can_be_used_like_any_row_of_peewee(synced):
    """Rows made the fast way are whole rows."""
    row = synced.getMember("ann")
    fresh = synced.app.models.CorpMember.get_by_id((CORP, "ann"))
    assert row.__data__ == fresh.__data__
    assert not row.is_dirty()
    row.position = "boss"
    row.save()
    assert synced.getMember("ann").position == "boss"


# Roles


def test_setting_roles_returns_them(synced):
    """The seed page's example."""
    rows = synced.setUserRole("m001", ["admin", "dept_manager", "admin"])
    assert [(one.memberId, one.roleId) for one in rows] == [("m001", "admin"), ("m001", "dept_manager")]
    assert all(isinstance(one, CorpRoleMember) for one in rows)
    assert [one.roleId for one in synced.setUserRole("m001", ("admin",))] == ["admin"]


@pytest.mark.parametrize("roles", ["admin", b"admin", None, 5, ["a", 1], [""]])
def test_roles_are_a_list_of_ids(synced, roles):
    """A text would be taken letter by letter."""
    with pytest.raises(ArgumentError):
        synced.setUserRole("m001", roles)


def test_strict_roles_refuse_an_unseen_one(open_app):
    """By configuration."""
    config = {"corpId": CORP_ID, "authFullName": "auths.ShopAuth", "strictRoles": True}
    corp = open_app({**APP_FILES, "corps/Shop/Shop.json": config}, name="strict").getElement(CORP)
    corp.upstream = TOLD
    corp.initCorp()
    with pytest.raises(RoleNotFound, match="strictRoles"):
        corp.setUserRole("m001", ["tag:1", "boss"])
    assert corp.setUserRole("m001", ["tag:1"])


# Offline


def test_offline_and_online_again(synced):
    """All or nothing, kept through syncs, undone by onlineMember."""
    assert synced.offlineMember(["m001", "m002"]) is None
    synced.syncCorp()
    assert {one.memberId for one in synced.getMembers(status="offline")} == {"ann", "m001", "m002"}
    with pytest.raises(MemberNotFound):
        synced.onlineMember(["m001", "ghost"])
    synced.onlineMember(iter(["m001"]))
    assert synced.getMember("m001").active
    assert synced.getMember("m002").reason == "manual"
    with pytest.raises(ArgumentError, match="list of ids"):
        synced.offlineMember("m001")


# What the sibling Types have


def test_what_is_kept_here_as_a_dictionary(synced):
    """The siblings' getLocalCorpData: active members, departments with paths."""
    synced.setUserRole("m001", ["boss"])
    data = synced.getLocalCorpData()
    assert data["corp"]["title"] == "The Shop"
    assert [one["memberId"] for one in data["userList"]] == ["m000", "m001", "m002", "m003", "m004"]
    assert [one["path"] for one in data["deptList"]] == ["/Dept 1", "/Dept 1/Dept 2", "/Dept 1/Dept 2/Dept 3"]
    assert {"roleId": "boss", "memberId": "m001", "isCustom": 1} in data["roleMemberSet"]
    assert {"roleId": "tag:1", "name": "Role tag:1", "isCustom": 0} in data["roleList"]
    assert len(data["deptMemberList"]) == 6


def test_what_the_element_says_of_itself(shop):
    """The siblings' getCorpInfo."""
    info = shop.getCorpInfo()
    assert (info["title"], info["fullName"], info["define"]["type"]) == ("The Shop", CORP, "corps.ScriptedType")


# The family


def test_creating_an_organisation_initialises_it(shop, monkeypatch):
    """JitAi: initCorp runs when the corp is first created."""
    shop.upstream = snapshot(members("ann"))
    shop.app.announce_changes()
    assert [one.memberId for one in shop.getMembers()] == ["ann"]


def test_a_type_that_offers_the_protocol_needs_no_base_class(open_app):
    """The Meta asks for methods, not for a class."""
    body = "\n".join(
        f"    def {name}: ...\n"
        for name in (
            "initCorp(self)",
            "syncCorp(self)",
            "getThirdCorpData(self)",
            "bulkRegister(self, corpData)",
            "getClient(self)",
            "getRootDept(self)",
            "getDepts(self)",
            "getDept(self, deptId)",
            "getMembers(self, status=None)",
            "getMember(self, memberId)",
            "setUserRole(self, memberId, roleIdList)",
            "offlineMember(self, memberIdList)",
        )
    )
    properties = "    corpId = authFullName = corpFullName = 'x'\n"
    code = (
        f"from jitcore import Element, Loader as Base\n\n\nclass Own(Element):\n{properties}{body}\n\n"
        "class Loader(Base):\n    elementClass = Own\n"
    )
    app = open_app({**APP_FILES, "corps/ScriptedType/__init__.py": code}, name="own")
    assert not isinstance(app.getElement(CORP), Corp)
    lacking = open_app(
        {**APP_FILES, "corps/ScriptedType/__init__.py": code.replace("def getDepts(self)", "def getDeptz(self)")},
        name="lacking",
    )
    with pytest.raises(ElementInvalid, match="does not offer"):
        lacking.getElement(CORP)


def test_a_pinned_field_is_ours_until_it_is_unpinned(shop):
    """What upstream says meanwhile is there again afterwards; the account is called what the member is called."""
    shop.upstream = snapshot([*crowd(3), member("ann", "1", name="Ann", position="chef")])
    shop.syncCorp()
    shop.pinMember("ann", name="Our Ann", position="boss")
    shop.upstream = snapshot([*crowd(3), member("ann", "1", name="Anna", position="cook")])
    assert shop.syncCorp().changes == 1
    ann = shop.getMember("ann")
    assert (ann.name, ann.position, ann.pins) == ("Our Ann", "boss", {"name": "Anna", "position": "cook"})
    assert shop.app.models.User.get_by_id(ann.userId).name == "Our Ann"
    shop.unpinMember("ann", ["name", "avatar"])
    ann = shop.getMember("ann")
    assert (ann.name, ann.position, ann.pins) == ("Anna", "boss", {"position": "cook"})
    assert shop.app.models.User.get_by_id(ann.userId).name == "Anna"
    shop.unpinMember("ann")
    assert (shop.getMember("ann").position, shop.getMember("ann").pins) == ("cook", {})
    assert shop.syncCorp().changes == 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "takes what is to be kept"),
        ({"nmae": "x"}, "'nmae' of a member cannot be pinned"),
        ({"userId": "x"}, "cannot be pinned"),
        ({"status": "offline"}, "offlineMember"),
        ({"name": None}, "name is"),
        ({"name": ""}, "name is"),
        ({"name": "a\0b"}, "name is"),
    ],
)
def test_a_wrong_pin_changes_nothing(shop, fields, told):
    """It says what can be pinned, and what may have been meant."""
    shop.upstream = snapshot(crowd(2))
    shop.syncCorp()
    with pytest.raises(ArgumentError, match=told):
        shop.pinMember("m000", **{"position": "boss", **fields} if fields else {})
    with pytest.raises(MemberNotFound):
        shop.pinMember("nobody", name="x")
    with pytest.raises(ArgumentError, match="cannot be pinned"):
        shop.unpinMember("m000", ["userId"])
    assert shop.getMember("m000").pins == {}

"""Every snippet of the page that defines corps.QywxProxyType runs as printed, against the emulator.

Only one id differs from the page: a WeCom department has a number, so "dept123" is "2".
"""

from __future__ import annotations

import json

import pytest

from jitcore import App

SNIPPETS = {
    "usage example": """
# Get WeCom proxy development organization instance
corp = app.getElement("corps.MyQywxProxyCorp")

# Initialize organizational architecture
corp.initCorp()

# Sync organizational architecture
corp.syncCorp()

# Get root department
root_dept = corp.getRootDept()
print(f"Root Department: {root_dept.name}")
""",
    "initCorp": """
corp = app.getElement("corps.MyQywxProxyCorp")
corp.initCorp()
""",
    "getRootDept": """
corp = app.getElement("corps.MyQywxProxyCorp")
root_dept = corp.getRootDept()
print(f"Root Department Name: {root_dept.name}")
print(f"Root Department ID: {root_dept.deptId}")
""",
    "setUserRole": """
corp = app.getElement("corps.MyQywxProxyCorp")
role_members = corp.setUserRole("member123", ["role1", "role2"])
for role_member in role_members:
    print(f"Member {role_member.memberId}'s role {role_member.roleId}")
""",
    "syncCorp": """
corp = app.getElement("corps.MyQywxProxyCorp")
corp.syncCorp()
print("Organizational architecture sync completed")
""",
    "getClient": """
corp = app.getElement("corps.MyQywxProxyCorp")
client = corp.getClient()
# Use client to call WeCom API
dept_list = client.department.list()
""",
    "getAgentId": """
from corps.QywxProxyType import QywxProxyCorp

agent_id = QywxProxyCorp.getAgentId("corp123", "suite456")
print(f"Application ID: {agent_id}")
""",
    "getThirdCorpData": """
corp = app.getElement("corps.MyQywxProxyCorp")
corp_data = corp.getThirdCorpData()
print(f"Enterprise Name: {corp_data['corpName']}")
print(f"Department Count: {len(corp_data['deptList'])}")
""",
    "bulkRegister": """
corp = app.getElement("corps.MyQywxProxyCorp")
corp_data = corp.getThirdCorpData()
corp.bulkRegister(corp_data)
print("User batch registration completed")
""",
    "offlineMember": """
corp = app.getElement("corps.MyQywxProxyCorp")
corp.offlineMember(["member1", "member2"])
print("Members have been set to resigned status")
""",
    "getDepts": """
corp = app.getElement("corps.MyQywxProxyCorp")
depts = corp.getDepts()
for dept in depts:
    print(f"Department: {dept.name}")
""",
    "getMembers": """
corp = app.getElement("corps.MyQywxProxyCorp")
# Get all members
all_members = corp.getMembers()
# Get active members
active_members = corp.getMembers(status="active")
""",
    "getMember": """
corp = app.getElement("corps.MyQywxProxyCorp")
member = corp.getMember("member123")
print(f"Member Name: {member.name}")
""",
    "getDept": """
corp = app.getElement("corps.MyQywxProxyCorp")
dept = corp.getDept("2")
print(f"Department Name: {dept.name}")
""",
    "properties": """
corp = app.getElement("corps.MyQywxProxyCorp")
print(f"Enterprise ID: {corp.corpId}")
print(f"Authentication Element: {corp.authFullName}")
print(f"Organization Name: {corp.title}")
print(f"Full Name: {corp.corpFullName}")
""",
    "multiple enterprises": """
# Enterprise A's organizational architecture
corp_a = app.getElement("corps.CorpA")
corp_a.syncCorp()

# Enterprise B's organizational architecture
corp_b = app.getElement("corps.CorpB")
corp_b.syncCorp()

# Count member numbers of each enterprise
print(f"Enterprise A member count: {len(corp_a.getMembers())}")
print(f"Enterprise B member count: {len(corp_b.getMembers())}")
""",
    "member status": """
corp = app.getElement("corps.MyQywxProxyCorp")

# Automatically handle resigned members during sync
corp.syncCorp()

# Manually set members as resigned
corp.offlineMember(["member1", "member2"])

# View members of different statuses
active_members = corp.getMembers(status="active")
offline_members = corp.getMembers(status="offline")
""",
    "roles": """
corp = app.getElement("corps.MyQywxProxyCorp")

# Set multiple roles for members
corp.setUserRole("manager001", ["admin", "dept_manager"])
corp.setUserRole("employee001", ["employee", "project_member"])

# Batch set roles
member_roles = {
    "user1": ["role1", "role2"],
    "user2": ["role2", "role3"]
}
for member_id, role_list in member_roles.items():
    corp.setUserRole(member_id, role_list)
""",
}

PRINTED = {
    "usage example": "Root Department: 总部\n",
    "initCorp": "",
    "getRootDept": "Root Department Name: 总部\nRoot Department ID: 1\n",
    "setUserRole": "Member member123's role role1\nMember member123's role role2\n",
    "syncCorp": "Organizational architecture sync completed\n",
    "getClient": "",
    "getThirdCorpData": "Enterprise Name: 示例甲公司\nDepartment Count: 4\n",
    "bulkRegister": "User batch registration completed\n",
    "offlineMember": "Members have been set to resigned status\n",
    "getDepts": "Department: 总部\nDepartment: 研发部\nDepartment: 市场部\nDepartment: 平台组\n",
    "getMembers": "",
    "getMember": "Member Name: 成员0\n",
    "getDept": "Department Name: 研发部\n",
    "properties": (
        "Enterprise ID: corp123\n"
        "Authentication Element: auths.QywxProxyAuth\n"
        "Organization Name: My WeCom Proxy Development Organization\n"
        "Full Name: corps.MyQywxProxyCorp\n"
    ),
    "multiple enterprises": "Enterprise A member count: 7\nEnterprise B member count: 7\n",
    "member status": "",
    "roles": "",
}


@pytest.fixture
def app(authorised_app):
    """The sample app, opened, its enterprises authorised, corps.MyQywxProxyCorp synced once."""
    with App(authorised_app) as opened:
        opened.getElement("corps.MyQywxProxyCorp").initCorp()
        yield opened


@pytest.mark.parametrize("title", SNIPPETS)
def test_a_snippet_runs_as_printed(app, title, capsys):
    """The snippet runs in a namespace that holds nothing but `app`, and prints what the page promises."""
    namespace = {"app": app}
    exec(compile(SNIPPETS[title], title, "exec"), namespace)
    out = capsys.readouterr().out
    if title in PRINTED:
        assert sorted(out.splitlines()) == sorted(PRINTED[title].splitlines())
    else:
        agent_id = namespace["agent_id"]
        assert out == f"Application ID: {agent_id}\n"
        assert isinstance(agent_id, str)
        assert agent_id.isdigit()


def test_the_usage_example_works_on_a_fresh_app(authorised_app, capsys):
    """Nothing is prepared: initCorp of a new corp creates, syncs and registers."""
    with App(authorised_app) as app:
        exec(compile(SNIPPETS["usage example"], "usage", "exec"), {"app": app})
        corp = app.getElement("corps.MyQywxProxyCorp")
        assert all(member.userId for member in corp.getMembers())
    assert capsys.readouterr().out == "Root Department: 总部\n"


def test_offline_members_stay_offline_after_the_next_sync(app):
    """The page's status example: a person's decision survives the sync and touches no other enterprise."""
    exec(compile(SNIPPETS["member status"], "status", "exec"), {"app": app})
    corp, other = app.getElement("corps.MyQywxProxyCorp"), app.getElement("corps.CorpB")
    other.syncCorp()
    corp.syncCorp()
    assert sorted(member.memberId for member in corp.getMembers(status="offline")) == ["member1", "member2"]
    assert len(corp.getMembers(status="active")) == 5
    assert len(other.getMembers(status="active")) == 7


def test_roles_are_replaced_not_added(app):
    """setUserRole first clears, then sets."""
    corp = app.getElement("corps.MyQywxProxyCorp")
    corp.setUserRole("user1", ["role1", "role2"])
    assert [row.roleId for row in corp.setUserRole("user1", ["role3"])] == ["role3"]


def test_the_pages_files_are_the_sample_apps(authorised_app):
    """e.json and business file of corps.MyQywxProxyCorp are what the page prints."""
    folder = authorised_app / "corps" / "MyQywxProxyCorp"
    assert json.loads((folder / "e.json").read_text()) == {
        "type": "corps.QywxProxyType",
        "title": "My WeCom Proxy Development Organization",
        "version": "1.0.0",
    }
    assert json.loads((folder / "MyQywxProxyCorp.json").read_text()) == {
        "corpId": "{{qywxProxyCorpId}}",
        "authFullName": "auths.QywxProxyAuth",
    }

"""What an app may learn about itself."""

from __future__ import annotations


def test_agent_get_tells_range_and_state(emulator, caller):
    """agent/get tells the visible range as written, close and the publish status."""
    emulator.set_app("ww1", departments=[2], users=["wangwu"], publish_status=3, home_url="https://example.com")
    app = emulator.app("ww1")
    answer = caller.get("agent/get", agentid=app.agentid)
    assert answer["allow_partys"] == {"partyid": [2]}
    assert answer["allow_userinfos"] == {"user": [{"userid": "wangwu"}]}
    assert (answer["close"], answer["customized_publish_status"]) == (0, 3)
    assert answer["home_url"] == "https://example.com"


def test_agent_get_of_another_agent_is_refused(emulator, caller):
    """No agentid is 41011, a strange one 40056, another app's 301002."""
    assert caller.get("agent/get")["errcode"] == 41011
    assert caller.get("agent/get", agentid=77)["errcode"] == 40056
    assert caller.get("agent/get", agentid=emulator.add_own_app("ww1").agentid)["errcode"] == 301002


def test_agent_list_names_the_own_app(emulator, caller):
    """agent/list names the app the token belongs to."""
    [agent] = caller.get("agent/list")["agentlist"]
    assert agent["agentid"] == emulator.app("ww1").agentid


def test_admins_are_told(caller):
    """agent/get_admin_list tells userid and auth_type."""
    assert caller.post("agent/get_admin_list")["admin"] == [{"userid": "zhangsan", "auth_type": 1}]


def test_permissions_are_told(emulator, caller):
    """agent/get_permissions tells what was granted."""
    emulator.set_permissions("ww1", ["contact:sensitive:user_name"])
    assert caller.post("agent/get_permissions")["app_permissions"] == ["contact:sensitive:user_name"]


def test_agent_set_is_not_for_proxied_apps(emulator, caller):
    """agent/set is 48002 for a proxied app."""
    assert caller.post("agent/set", {"agentid": 1})["errcode"] == 48002
    caller.sign_in(emulator.add_own_app("ww1"))
    assert caller.post("agent/set", {"agentid": 1})["errcode"] == 0

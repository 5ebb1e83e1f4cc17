"""Every method of the client against the emulator: path, arguments, payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite

CORP = "wwcorpa0000000"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def userids(records: list[dict[str, Any]]) -> list[str]:
    return sorted(record["userid"] for record in records)


def test_department(client: QywxProxyClient) -> None:
    """department/list, simplelist and get return the documented records."""
    assert [record["id"] for record in client.department.list()] == [1, 2, 3]
    assert [record["id"] for record in client.department.list(2)] == [2, 3]
    assert client.department.simplelist(id=3) == [{"id": 3, "parentid": 2, "order": client.department.get(3)["order"]}]
    assert client.department.get("2")["name"] == "研发部"


def test_user(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """user/get, list and simplelist return members; user/get leaves errcode behind."""
    assert client.user.get("lisi")["department"] == [2, 3]
    assert "errcode" not in client.user.get("lisi")
    assert userids(client.user.list(2)) == ["lisi"]
    assert userids(client.user.simplelist(2, fetch_child=1)) == ["lisi"]
    assert wecom_emulator.calls.of("user/simplelist")[0].query == {"department_id": "2", "fetch_child": "1"}


def test_list_id_needs_the_contact_sync_secret(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A proxied app is told that user/list_id is not for it; its documented answer is returned as it is."""
    with pytest.raises(errors.PermissionDenied):
        client.user.list_id()
    wecom_emulator.faults.add(
        "user/list_id",
        body=b'{"errcode":0,"errmsg":"ok","next_cursor":"n","dept_user":[{"userid":"zhangsan","department":1}]}',
    )
    page = client.user.list_id(cursor="c", limit=1)
    assert page == {"next_cursor": "n", "dept_user": [{"userid": "zhangsan", "department": 1}]}


def test_tag(client: QywxProxyClient) -> None:
    """Tags are listed, read, made, renamed, given, taken and deleted."""
    assert client.tag.list() == [{"tagid": 7, "tagname": "骨干"}]
    assert client.tag.get(7)["partylist"] == [3]
    tagid = client.tag.create("新人", tagid=12)
    assert tagid == 12
    client.tag.update(tagid, "新同事")
    assert client.tag.addtagusers(tagid, userlist=["lisi", "nobody"], partylist=[2]) == {"invalidlist": "nobody"}
    assert userids(client.tag.get(tagid)["userlist"]) == ["lisi"]
    assert client.tag.deltagusers(tagid, userlist=["lisi"]) == {}
    client.tag.delete(tagid)
    with pytest.raises(errors.NotFound):
        client.tag.get(tagid)
    with pytest.raises(errors.PermissionDenied):
        client.tag.update(7, "别人的")


def test_agent(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """The app reads its settings, its administrators and its rights; its own id is the default."""
    wecom_emulator.corp(CORP).admins["zhangsan"] = 1
    assert str(client.agent.get()["agentid"]) == client.agentId
    assert client.agent.get(agentid=client.agentId)["allow_partys"] == {"partyid": [1]}
    assert [str(record["agentid"]) for record in client.agent.list()] == [client.agentId]
    assert {"userid": "zhangsan", "auth_type": 1} in client.agent.get_admin_list()
    assert "contact:sensitive:user_name" in client.agent.get_permissions()
    with pytest.raises(errors.CallerMistake):
        client.agent.get(1)


def test_batch(client: QywxProxyClient) -> None:
    """Plain ids become ciphertext ids; the way back is for the enterprise's own app only."""
    answer = client.batch.userid_to_openuserid(["zhangsan", "nobody"])
    assert [record["userid"] for record in answer["open_userid_list"]] == ["zhangsan"]
    assert answer["invalid_userid_list"] == ["nobody"]
    with pytest.raises(errors.PermissionDenied):
        client.batch.openuserid_to_userid(["wo1"], 1000002)


def test_openuserid_to_userid_payload(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """The documented answer of the way back is returned as it is."""
    wecom_emulator.faults.add(
        "batch/openuserid_to_userid",
        body=b'{"errcode":0,"userid_list":[{"open_userid":"wo1","userid":"a"}],"invalid_open_userid_list":[]}',
    )
    assert client.batch.openuserid_to_userid(["wo1"], 1000002)["userid_list"][0]["userid"] == "a"


def test_export(client: QywxProxyClient) -> None:
    """Each export returns the id of a job that get_result knows."""
    jobs = [
        client.export.simple_user(AES_KEY),
        client.export.user(AES_KEY, block_size=10_000),
        client.export.department(AES_KEY),
        client.export.taguser(7, AES_KEY),
    ]
    assert len(set(jobs)) == 4
    assert client.export.get_result(jobs[-1])["status"] in (0, 1, 2)
    with pytest.raises(errors.NotFound):
        client.export.get_result("unknown")


def test_auth(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """A login code gives the member once; with a private scope also a ticket for details."""
    code = wecom_emulator.login_code(CORP, "zhangsan", private=True)
    answer = client.auth.getuserinfo(code)
    assert answer["userid"] == "zhangsan"
    assert client.auth.getuserdetail(answer["user_ticket"])["userid"] == "zhangsan"
    with pytest.raises(errors.CallerMistake):
        client.auth.getuserinfo(code)


def test_older_getuserinfo(client: QywxProxyClient, wecom_emulator: Emulator) -> None:
    """The older twin is passed through with its own spelling."""
    wecom_emulator.faults.add("user/getuserinfo", body=b'{"errcode":0,"UserId":"zhangsan"}')
    assert client.user.getuserinfo("code") == {"UserId": "zhangsan"}


def test_getcallbackip(client: QywxProxyClient) -> None:
    """The addresses of callbacks come as a list."""
    assert client.getcallbackip() == ["127.0.0.1"]


def test_any_path_can_be_called(client: QywxProxyClient) -> None:
    """Paths without a method are reached through get and post."""
    assert client.get("user/list", {"department_id": 2})["userlist"][0]["userid"] == "lisi"
    assert "app_permissions" in client.post("agent/get_permissions")


def test_calls_are_counted(client: QywxProxyClient) -> None:
    """The client counts its requests, and not those for tokens."""
    client.department.list()
    client.user.list(1)
    assert client.calls == 2
    assert repr(client) == f"<QywxProxyClient {CORP}>"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("department/list", lambda client: client.department.list()),
        ("department/simplelist", lambda client: client.department.simplelist()),
        ("department/get", lambda client: client.department.get(1)),
        ("user/get", lambda client: client.user.get("zhangsan")),
        ("user/list", lambda client: client.user.list(1)),
        ("user/simplelist", lambda client: client.user.simplelist(1)),
        ("user/list_id", lambda client: client.user.list_id()),
        ("tag/list", lambda client: client.tag.list()),
        ("tag/get", lambda client: client.tag.get(7)),
        ("tag/create", lambda client: client.tag.create("x")),
        ("agent/get", lambda client: client.agent.get()),
        ("agent/list", lambda client: client.agent.list()),
        ("agent/get_admin_list", lambda client: client.agent.get_admin_list()),
        ("agent/get_permissions", lambda client: client.agent.get_permissions()),
        ("batch/userid_to_openuserid", lambda client: client.batch.userid_to_openuserid(["x"])),
        ("batch/openuserid_to_userid", lambda client: client.batch.openuserid_to_userid(["x"], 1)),
        ("export/user", lambda client: client.export.user(AES_KEY)),
        ("export/get_result", lambda client: client.export.get_result("x")),
        ("getcallbackip", lambda client: client.getcallbackip()),
    ],
)
def test_ok_without_the_payload_is_an_error(
    client: QywxProxyClient, wecom_emulator: Emulator, path: str, call: Callable[[QywxProxyClient], object]
) -> None:
    """An answer that says ok and lacks its documented field is never taken for an empty one."""
    wecom_emulator.faults.add(path, body=b'{"errcode":0,"errmsg":"ok"}')
    with pytest.raises(errors.BadAnswer, match=path):
        call(client)


def test_old_exchange_stands_in_for_the_new(suite: Suite, wecom_emulator: Emulator) -> None:
    """Where the fast form of the exchange is not offered, the old one is used, for both calls."""
    wecom_emulator.add_corp(CORP, "示例企业")
    wecom_emulator.faults.add("service/v2/get_permanent_code", errcode=48002)
    wecom_emulator.faults.add("service/v2/get_auth_info", status=404)
    assert suite.refresh(suite.exchange(wecom_emulator.authorize(CORP))).state == "active"
    assert wecom_emulator.calls.by_path["service/get_permanent_code"] == 1
    assert wecom_emulator.calls.by_path["service/get_auth_info"] == 1


def test_exchange_is_never_repeated_blindly(suite: Suite, wecom_emulator: Emulator) -> None:
    """After a lost answer nobody knows whether the auth code was spent, so it is not sent again."""
    wecom_emulator.add_corp(CORP, "示例企业")
    code = wecom_emulator.authorize(CORP)
    wecom_emulator.faults.add("service/v2/get_permanent_code", cut="headers")
    with pytest.raises(errors.ConnectionFailed):
        suite.exchange(code)
    assert wecom_emulator.calls.by_path["service/v2/get_permanent_code"] == 1
    assert wecom_emulator.calls.by_path["service/get_permanent_code"] == 0


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"permanent_code":"x"}', b'{"permanent_code":"x","auth_corp_info":{}}', b'{"permanent_code":7}'],
)
def test_exchange_without_its_fields_is_a_bad_answer(suite: Suite, wecom_emulator: Emulator, body: bytes) -> None:
    """Only a code and a corpid make an exchange; every other field is optional."""
    wecom_emulator.faults.add("service/v2/get_permanent_code", body=body)
    with pytest.raises(errors.BadAnswer):
        suite.exchange("code")


@pytest.mark.parametrize("body", [b"{}", b'{"auth_info":{"agent":[]}}', b'{"auth_info":[]}'])
def test_authorization_without_an_agent_is_a_bad_answer(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator, body: bytes
) -> None:
    """A proxied app's authorisation names exactly one agent."""
    wecom_emulator.faults.add("service/*get_auth_info", body=body)
    with pytest.raises(errors.BadAnswer, match="names no agent"):
        suite.refresh(CORP)

"""Honesty: a client and a message crypto that nobody here wrote must work against the emulator, unmodified."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import xmltodict
from requests.adapters import HTTPAdapter
from wechatpy.exceptions import APILimitedException, WeChatClientException
from wechatpy.work import WeChatClient
from wechatpy.work.crypto import WeChatCrypto
from wechatpy.work.exceptions import InvalidCorpIdException

from jit_qywx.emulator import Org
from jit_qywx.emulator.cipher import decode_key, decrypt_cbc


class ToEmulator(HTTPAdapter):
    """Sends what wechatpy addresses to the official host (its token call is fixed there) to the emulator."""

    def __init__(self, base_url):
        super().__init__()
        self.base_url = base_url

    def send(self, request, **keywords):
        parts = urlsplit(request.url)
        request.url = f"{self.base_url}{parts.path.removeprefix('/cgi-bin/')}?{parts.query}"
        return super().send(request, **keywords)


@pytest.fixture
def client(emulator):
    """wechatpy's WeCom client for ww1, with its API_BASE_URL set to the emulator."""
    client = WeChatClient("ww1", emulator.app("ww1").permanent_code)
    client.API_BASE_URL = emulator.base_url
    client._http.trust_env = False
    client._http.mount("https://qyapi.weixin.qq.com/", ToEmulator(emulator.base_url))
    yield client
    client._http.close()


def test_token(client, emulator):
    """fetch_access_token gets a token it can use; a wrong secret raises 40001."""
    answer = client.fetch_access_token()
    assert (answer["errcode"], answer["expires_in"]) == (0, 7200)
    assert client.access_token == answer["access_token"]
    client.secret = "wrong"
    with pytest.raises(WeChatClientException) as caught:
        client.fetch_access_token()
    assert caught.value.errcode == 40001


def test_departments(client):
    """Department list, simple list, single one, and members of one."""
    assert [department["id"] for department in client.department.list()] == [1, 2, 5, 4, 3]
    assert client.department.simple_list(2)[0] == {"id": 2, "parentid": 1, "order": 4294967295}
    assert client.department.get(2)["name"] == "研发中心"
    assert client.department.get_map_users(key="name") == {"张三": "zhangsan", "李四": "lisi", "王五": "wangwu"}


def test_users(client):
    """Member lists in both forms, and single members."""
    assert [user["userid"] for user in client.user.list(3)] == ["zhangsan", "wangwu"]
    assert client.user.list(4, simple=True) == [{"userid": "lisi", "name": "李四", "department": [4]}]
    assert client.user.get("lisi")["name"] == "李四"
    with pytest.raises(WeChatClientException) as caught:
        client.user.get("nobody")
    assert caught.value.errcode == 60111


def test_tags(client):
    """A tag is created, filled, read, renamed, emptied and deleted."""
    number = client.tag.create("值班")["tagid"]
    client.tag.add_users(number, ["lisi"], [3])
    assert client.tag.get_users(number)["partylist"] == [3]
    client.tag.update(number, "夜班")
    assert {"tagid": number, "tagname": "夜班"} in client.tag.list()
    client.tag.delete_users(number, ["lisi"])
    assert client.tag.get_users(number)["userlist"] == []
    client.tag.delete(number)
    assert [tag["tagid"] for tag in client.tag.list()] == [1]


def test_agent_and_addresses(client, emulator):
    """Agent details, the list of agents, callback addresses, login codes."""
    agentid = emulator.app("ww1").agentid
    assert client.agent.get(agentid)["agentid"] == agentid
    assert client.agent.list()[0]["agentid"] == agentid
    assert client.misc.get_wechat_ips() == ["127.0.0.1"]
    assert client.oauth.get_user_info(emulator.login_code("ww1", "lisi"))["UserId"] == "lisi"


def test_export(client):
    """A department export is submitted, polled, downloaded and decrypted."""
    key = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
    jobid = client.export.export_department(key)
    assert client.export.get_result(jobid)["status"] == 1
    [file] = client.export.get_result(jobid)["data_list"]
    data = requests.get(file["url"], timeout=60).content
    assert len(json.loads(decrypt_cbc(decode_key(key), data))["department"]) == 5


def test_provider_services(client, emulator):
    """wechatpy's provider and suite token calls work."""
    client.corp_id = emulator.provider_corpid
    client.session.set(client.access_token_key, "unused")
    assert "provider_access_token" in client.service.get_provider_token(emulator.provider_secret)
    suite = emulator.suite
    answer = client.service.get_suite_token(suite.id, suite.secret, emulator.new_ticket())
    assert "suite_access_token" in answer


def test_expired_token_is_fetched_again(client, emulator):
    """wechatpy's own retry recovers from a token that died early, with either of the two codes."""
    client.department.list()
    for errcode in (42001, 40014):
        emulator.expire_tokens(errcode=errcode)
        assert client.department.list()
    assert emulator.calls.by_path["gettoken"] == 3


def test_rate_limit_is_recognised(client, emulator):
    """45009 becomes wechatpy's exception for limits, a gateway's page one for HTTP."""
    emulator.faults.add("department/list", errcode=45009, times=1)
    with pytest.raises(APILimitedException):
        client.department.list()
    emulator.faults.add("department/list", status=502, times=1)
    with pytest.raises(WeChatClientException):
        client.department.list()
    assert client.department.list()


def test_whole_generated_organisation(client, emulator):
    """A walk with wechatpy over a generated corp finds every department, member and tag."""
    org = Org.generate(seed=2, members=300, departments=25, tags=6)
    emulator.add_corp("ww8", "大企业", org)
    client.corp_id, client.secret = "ww8", emulator.install("ww8").permanent_code
    departments = client.department.list()
    members = {user["userid"] for item in departments for user in client.user.list(item["id"])}
    assert len(departments) == 25
    assert members == set(org.members)
    assert [tag["tagname"] for tag in client.tag.list()] == [tag.name for tag in org.tags.values()]


@pytest.fixture
def received():
    """Keeps what a callback brings, as a receiver would get it."""
    kept = []

    def notify(nonce, msg_signature, timestamp, echostr=None, body=b""):
        kept.append((nonce, msg_signature, timestamp, echostr, body))
        return "success"

    notify.kept = kept
    return notify


def test_template_callback_opens(emulator, received):
    """wechatpy's crypto opens a suite_ticket with the suite id as receiver."""
    emulator.push_ticket(received)
    [(nonce, signature, timestamp, _, body)] = received.kept
    crypto = WeChatCrypto(emulator.suite.token, emulator.suite.aes_key, emulator.suite.id)
    event = xmltodict.parse(crypto.decrypt_message(body, signature, timestamp, nonce))["xml"]
    assert event["SuiteId"] == emulator.suite.id
    assert event["InfoType"].strip() == "suite_ticket"


def test_app_callback_opens(emulator, received):
    """wechatpy's crypto opens a contact event with the corpid as receiver, and refuses another receiver."""
    emulator.push_change(received, "ww1", emulator.org("ww1").update_member("lisi", name="李小四"))
    [(nonce, signature, timestamp, _, body)] = received.kept
    crypto = WeChatCrypto(emulator.suite.token, emulator.suite.aes_key, "ww1")
    event = xmltodict.parse(crypto.decrypt_message(body, signature, timestamp, nonce))["xml"]
    assert (event["ChangeType"], event["UserID"], event["Name"]) == ("update_user", "lisi", "李小四")
    other = WeChatCrypto(emulator.suite.token, emulator.suite.aes_key, "ww2")
    with pytest.raises(InvalidCorpIdException):
        other.decrypt_message(body, signature, timestamp, nonce)


def test_echostr_opens(emulator):
    """wechatpy's check_signature answers the echostr with the provider's corpid as receiver."""
    crypto = WeChatCrypto(emulator.suite.token, emulator.suite.aes_key, emulator.provider_corpid)

    def notify(nonce, msg_signature, timestamp, echostr=None, body=b""):
        return crypto.check_signature(msg_signature, timestamp, nonce, echostr)

    delivery = emulator.push_echo(notify)
    assert delivery.accepted
    assert delivery.reply == delivery.callback.plaintext


def test_what_wechatpy_encrypts_we_open(emulator):
    """Our cipher opens what wechatpy's encrypted: the two agree in both directions."""
    from jit_qywx.emulator.cipher import MessageCipher

    crypto = WeChatCrypto(emulator.suite.token, emulator.suite.aes_key, "ww1")
    reply = xmltodict.parse(crypto.encrypt_message("<xml>你好</xml>", "nonce", "1700000000"))["xml"]
    cipher = MessageCipher(emulator.suite.token, emulator.suite.aes_key, "ww1")
    opened = cipher.open(reply["MsgSignature"], reply["TimeStamp"], reply["Nonce"], reply["Encrypt"])
    assert opened.decode() == "<xml>你好</xml>"


def test_install_link_is_a_link(emulator, caller):
    """The install link is an ordinary URL with the emulator's address."""
    body = {"corpid": emulator.provider_corpid, "provider_secret": emulator.provider_secret}
    token = caller.post("service/get_provider_token", body)["provider_access_token"]
    answer = caller.post(
        "service/get_customized_auth_url",
        {"state": "s", "templateid_list": [emulator.suite.id]},
        provider_access_token=token,
    )
    assert answer["qrcode_url"].startswith(emulator.url)
    assert parse_qs(urlsplit(answer["qrcode_url"]).query)["link"]

"""The way from a provider's secret to a corp's token."""

from __future__ import annotations

import pytest


def test_provider_token_needs_the_provider_secret(emulator, caller):
    """get_provider_token answers without an errcode, 40013 for another corpid, 40001 for a wrong secret."""
    body = {"corpid": emulator.provider_corpid, "provider_secret": emulator.provider_secret}
    answer = caller.post("service/get_provider_token", body)
    assert answer["expires_in"] == 7200
    assert "errcode" not in answer
    assert caller.post("service/get_provider_token", {**body, "corpid": "ww1"})["errcode"] == 40013
    assert caller.post("service/get_provider_token", {**body, "provider_secret": "x"})["errcode"] == 40001


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"suite_id": ""}, 41021),
        ({"suite_secret": ""}, 41024),
        ({"suite_ticket": ""}, 41023),
        ({"suite_id": "dkother"}, 40083),
        ({"suite_secret": "wrong"}, 40080),
        ({"suite_ticket": "wrong"}, 40085),
    ],
)
def test_suite_token_names_what_is_wrong(emulator, caller, change, errcode):
    """get_suite_token tells missing and wrong suite_id, secret and ticket apart."""
    suite = emulator.suite
    body = {"suite_id": suite.id, "suite_secret": suite.secret, "suite_ticket": emulator.new_ticket()}
    assert caller.post("service/get_suite_token", {**body, **change})["errcode"] == errcode


def test_suite_ticket_lives_thirty_minutes(emulator, caller):
    """A ticket is good for 1800 seconds; the suite token got with it outlives it."""
    suite = emulator.suite
    body = {"suite_id": suite.id, "suite_secret": suite.secret, "suite_ticket": emulator.new_ticket()}
    token = caller.post("service/get_suite_token", body)["suite_access_token"]
    emulator.clock.advance(1800)
    assert caller.post("service/get_suite_token", body)["errcode"] == 40085
    body["suite_ticket"] = emulator.new_ticket()
    assert caller.post("service/get_suite_token", body)["suite_access_token"] == token


def test_all_tickets_can_be_ended(emulator, caller):
    """Tickets that were ended are refused before their time; a new one works."""
    suite = emulator.suite
    body = {"suite_id": suite.id, "suite_secret": suite.secret, "suite_ticket": emulator.new_ticket()}
    emulator.platform.tickets.expire()
    assert caller.post("service/get_suite_token", body)["errcode"] == 40085
    assert caller.suite_token()


def test_ticket_of_another_suite_is_refused(emulator, caller):
    """A ticket opens only its own suite."""
    other = emulator.add_suite()
    body = {"suite_id": other.id, "suite_secret": other.secret, "suite_ticket": emulator.new_ticket()}
    assert caller.post("service/get_suite_token", body)["errcode"] == 40085


def test_exchange_gives_permanent_code_and_agent(emulator, caller):
    """The long exchange tells the permanent code, the corp and the agent, and no access token for a proxied app."""
    token = caller.suite_token()
    code = emulator.authorize("ww1", state="abc", departments=[2], users=["wangwu"])
    answer = caller.post("service/get_permanent_code", {"auth_code": code}, suite_access_token=token)
    [agent] = answer["auth_info"]["agent"]
    assert answer["permanent_code"] == emulator.app("ww1").permanent_code
    assert answer["auth_corp_info"]["corpid"] == "ww1"
    assert agent["agentid"] == emulator.app("ww1").agentid
    assert agent["privilege"]["allow_party"] == [2]
    assert answer["auth_user_info"]["userid"] == "zhangsan"
    assert answer["state"] == "abc"
    assert "access_token" not in answer
    assert "errcode" not in answer


def test_short_exchange_has_no_agent(emulator, caller):
    """The v2 exchange tells the permanent code and the corp's name, and no agent."""
    answer = caller.post(
        "service/v2/get_permanent_code",
        {"auth_code": emulator.authorize("ww1")},
        suite_access_token=caller.suite_token(),
    )
    assert answer["auth_corp_info"] == {"corpid": "ww1", "corp_name": "示例企业"}
    assert "auth_info" not in answer


def test_auth_code_is_good_once_and_ten_minutes(emulator, caller):
    """A spent, an expired, an unknown and another suite's auth code are all 40078."""
    token = caller.suite_token()
    path = "service/v2/get_permanent_code"
    code = emulator.authorize("ww1")
    assert caller.post(path, {"auth_code": code}, suite_access_token=token)["errcode"] == 0
    assert caller.post(path, {"auth_code": code}, suite_access_token=token)["errcode"] == 40078
    late = emulator.authorize("ww1")
    emulator.clock.advance(600)
    assert caller.post(path, {"auth_code": late}, suite_access_token=token)["errcode"] == 40078
    assert caller.post(path, {"auth_code": "x"}, suite_access_token=token)["errcode"] == 40078
    foreign = emulator.authorize("ww1", emulator.add_suite().id)
    assert caller.post(path, {"auth_code": foreign}, suite_access_token=token)["errcode"] == 40078


def test_auth_code_of_a_cancelled_grant_is_worthless(emulator, caller):
    """An auth code whose authorisation was withdrawn meanwhile answers 48004."""
    code = emulator.authorize("ww1")
    emulator.cancel("ww1")
    answer = caller.post("service/get_permanent_code", {"auth_code": code}, suite_access_token=caller.suite_token())
    assert answer["errcode"] == 48004


def test_auth_info_tells_the_grant(emulator, caller):
    """get_auth_info and its v2 tell corp and agent; a wrong permanent code is 40084, an unknown corp 40013."""
    token = caller.suite_token()
    body = {"auth_corpid": "ww1", "permanent_code": emulator.app("ww1").secret}
    old = caller.post("service/get_auth_info", body, suite_access_token=token)
    new = caller.post("service/v2/get_auth_info", body, suite_access_token=token)
    assert old["auth_info"] == new["auth_info"]
    assert "corp_wxqrcode" in old["auth_corp_info"]
    assert "corp_wxqrcode" not in new["auth_corp_info"]
    wrong = {**body, "permanent_code": "wrong"}
    assert caller.post("service/v2/get_auth_info", wrong, suite_access_token=token)["errcode"] == 40084
    nobody = {**body, "auth_corpid": "nobody"}
    assert caller.post("service/v2/get_auth_info", nobody, suite_access_token=token)["errcode"] == 40013
    emulator.dissolve("ww1")
    assert caller.post("service/v2/get_auth_info", body, suite_access_token=token)["errcode"] == 301007


def test_corp_token_is_not_for_proxied_apps(emulator, caller):
    """get_corp_token answers 40084 to a proxied app's permanent code."""
    body = {"auth_corpid": "ww1", "permanent_code": emulator.app("ww1").secret}
    assert caller.post("service/get_corp_token", body, suite_access_token=caller.suite_token())["errcode"] == 40084


def test_third_party_app_takes_the_other_road(emulator, caller):
    """A third-party app gets its token from the exchange and get_corp_token, and not from gettoken."""
    suite = emulator.add_suite(kind="third-party")
    ticket = emulator.new_ticket(suite.id)
    body = {"suite_id": suite.id, "suite_secret": suite.secret, "suite_ticket": ticket}
    token = caller.post("service/get_suite_token", body)["suite_access_token"]
    code = emulator.authorize("ww1", suite.id)
    answer = caller.post("service/get_permanent_code", {"auth_code": code}, suite_access_token=token)
    body = {"auth_corpid": "ww1", "permanent_code": answer["permanent_code"]}
    again = caller.post("service/get_corp_token", body, suite_access_token=token)
    assert again["access_token"] == answer["access_token"]
    refused = caller.get("gettoken", corpid="ww1", corpsecret=answer["permanent_code"])
    assert refused["errcode"] == 40001
    caller.token = answer["access_token"]
    [first, *_] = caller.get("user/simplelist", department_id=2)["userlist"]
    assert first["open_userid"].startswith("wo")


def test_pre_auth_code_configures_a_session(emulator, caller):
    """set_session_info takes a live pre-auth code (40077 unknown, 42007 late) and an auth_type of 0 or 1."""
    token = caller.suite_token()
    code = caller.get("service/get_pre_auth_code", suite_access_token=token)["pre_auth_code"]

    def configure(code: str, kind: int = 1) -> int:
        body = {"pre_auth_code": code, "session_info": {"auth_type": kind}}
        return caller.post("service/set_session_info", body, suite_access_token=token)["errcode"]

    assert configure(code) == 0
    assert configure(code, 7) == 40035
    assert configure("unknown") == 40077
    emulator.clock.advance(1200)
    assert configure(code) == 42007


def provider_token(emulator, caller):
    """A provider token."""
    body = {"corpid": emulator.provider_corpid, "provider_secret": emulator.provider_secret}
    return caller.post("service/get_provider_token", body)["provider_access_token"]


def test_install_link_leads_to_an_auth_code(emulator, caller):
    """An administrator who scans the install link authorises the template; its state comes back."""
    token = provider_token(emulator, caller)
    body = {"state": "order42", "templateid_list": [emulator.suite.id]}
    answer = caller.post("service/get_customized_auth_url", body, provider_access_token=token)
    assert answer["expires_in"] == 864000
    emulator.add_corp("ww2", "另一企业")
    code = emulator.scan(answer["qrcode_url"], "ww2", departments=[1])
    exchanged = caller.post(
        "service/v2/get_permanent_code", {"auth_code": code}, suite_access_token=caller.suite_token()
    )
    assert exchanged["state"] == "order42"
    emulator.clock.advance(864000)
    with pytest.raises(LookupError, match="link"):
        emulator.scan(answer["qrcode_url"], "ww2")


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"state": "x" * 33, "templateid_list": ["dk"]}, 40035),
        ({"state": "not ok", "templateid_list": ["dk"]}, 40035),
        ({"templateid_list": []}, 41021),
        ({"templateid_list": ["dkunknown"]}, 40083),
        ({"templateid_list": ["dk"] * 10}, 40035),
    ],
)
def test_install_link_refuses_bad_arguments(emulator, caller, body, errcode):
    """A long or odd state, no template, an unknown one and more than nine are refused."""
    token = provider_token(emulator, caller)
    answer = caller.post("service/get_customized_auth_url", body, provider_access_token=token)
    assert answer["errcode"] == errcode


def test_open_corpid_needs_a_grant(emulator, caller):
    """corpid_to_opencorpid gives a stable ciphertext id, and 48001 without any authorisation."""
    token = provider_token(emulator, caller)
    answer = caller.post("service/corpid_to_opencorpid", {"corpid": "ww1"}, provider_access_token=token)
    assert answer["open_corpid"] == emulator.platform.open_corpid(emulator.corp("ww1"))
    assert answer["open_corpid"].startswith("wp")
    emulator.cancel("ww1")
    answer = caller.post("service/corpid_to_opencorpid", {"corpid": "ww1"}, provider_access_token=token)
    assert answer["errcode"] == 48001


def test_old_admin_list_takes_the_suite_token(emulator, caller):
    """service/get_admin_list names the app's administrators; another suite's app is 40056, no corp 40013."""
    token = caller.suite_token()
    body = {"auth_corpid": "ww1", "agentid": emulator.app("ww1").agentid}
    [admin] = caller.post("service/get_admin_list", body, suite_access_token=token)["admin"]
    assert (admin["userid"], admin["auth_type"]) == ("zhangsan", 1)
    own = {**body, "agentid": emulator.add_own_app("ww1").agentid}
    assert caller.post("service/get_admin_list", own, suite_access_token=token)["errcode"] == 40056
    nobody = {**body, "auth_corpid": "nobody"}
    assert caller.post("service/get_admin_list", nobody, suite_access_token=token)["errcode"] == 40013


def test_authorising_again_keeps_the_app(emulator):
    """A corp has a template once: authorising again keeps app and code, after a cancellation it is a new app."""
    first = emulator.app("ww1")
    emulator.authorize("ww1", departments=[2])
    assert emulator.app("ww1") is first
    assert first.range.departments == (2,)
    emulator.cancel("ww1")
    second = emulator.install("ww1")
    assert second.agentid != first.agentid
    assert second.permanent_code != first.permanent_code


def test_callback_addresses_are_told(caller):
    """getcallbackip names where callbacks come from: this machine."""
    assert caller.get("getcallbackip")["ip_list"] == ["127.0.0.1"]


def test_same_seed_same_credentials():
    """Two emulators of one seed have the same ids, secrets and codes; another seed has others."""
    from jit_qywx.emulator import Emulator

    def credentials(seed: int) -> tuple[str, ...]:
        with Emulator(seed=seed) as emulator:
            corp = emulator.add_corp()
            app = emulator.install(corp.corpid)
            suite = emulator.suite
            return (
                suite.id, suite.secret, suite.token, suite.aes_key, emulator.provider_corpid, corp.corpid,
                app.permanent_code, emulator.new_ticket(),
            )  # fmt: skip

    assert credentials(1) == credentials(1)
    assert not set(credentials(1)) & set(credentials(2))

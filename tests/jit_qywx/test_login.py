"""Logging people in: from WeCom's login page to the account and the member, and everybody who is turned away."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from jit_qywx import errors
from jit_qywx.consents import Consents
from jit_qywx.login import Logins, Person
from jit_qywx.models import MODELS, QywxAuthorization, QywxConsent, QywxLoginCode
from jitcore import App
from jitcore.errors import ArgumentError
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import FakeTime

    from jit_qywx.auths.loginTypes.QywxProxyType import QywxProxyAuth
    from jit_qywx.emulator import Emulator
    from jit_qywx.encryption import SecretBox
    from tests.fixtures.databases import OpenDatabase

CORP = "wwcorpa0000000"
OTHER = "wwcorpb0000000"
BACK = "https://crm.example.com/login?next=/a b"
MOBILE = "13812345678"
MAIL = "zhang.canary@corp.example"
GRANTS = [f"contact:sensitive:{name}" for name in ("user_name", "mobile", "email")]


#: A Type whose elements cannot be made.
BROKEN = """from jit_qywx.corps.QywxProxyType import Loader as Shipped


class Loader(Shipped):
    def load(self):
        raise RuntimeError("broken")
"""


@pytest.fixture
def app(open_app: Callable[..., App], wecom_emulator: Emulator, fake_time: FakeTime) -> App:
    """An App with two enterprises that authorised its suite; the first has two organisations here, both synced."""
    told = wecom_emulator.suite
    people = [
        {"userid": "zhangsan", "name": "张三", "department": [1], "mobile": MOBILE, "email": MAIL},
        {"userid": "lisi", "name": "李四", "department": [2]},
    ]
    parts = [{"id": 2, "name": "研发部", "parentid": 1}]
    wecom_emulator.add_corp(CORP, "示例企业", departments=parts, members=people)
    wecom_emulator.add_corp(OTHER, "另一企业", members=[{"userid": "zhangsan", "name": "另一张三", "department": [1]}])
    corp = {"type": "corps.QywxProxyType"}
    app = open_app(
        {
            "auths/Wecom/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "WeCom"},
            "auths/Wecom/Wecom.json": {
                "authConfig": {
                    "suiteId": told.id,
                    "suiteSecret": told.secret,
                    "token": told.token,
                    "encodingAESKey": told.aes_key,
                },
                "apiBaseUrl": wecom_emulator.base_url,
                "loginBaseUrl": wecom_emulator.login_base_url,
            },
            "corps/A/e.json": corp | {"title": "甲"},
            "corps/A/A.json": {"corpId": CORP, "authFullName": "auths.Wecom"},
            "corps/Also/e.json": corp | {"title": "也是甲"},
            "corps/Also/Also.json": {"corpId": CORP, "authFullName": "auths.Wecom"},
            "corps/B/e.json": corp | {"title": "乙"},
            "corps/B/B.json": {"corpId": OTHER, "authFullName": "auths.Wecom"},
        }
    )
    auth = app.getElement("auths.Wecom")
    auth.timing = fake_time.timing
    wecom_emulator.push_ticket(auth.notify)
    for corpid in (CORP, OTHER):
        wecom_emulator.push_event(auth.notify, "create_auth", corpid)
        wecom_emulator.set_app(corpid, redirect_domain="crm.example.com", permissions=GRANTS)
    for name in ("corps.A", "corps.Also", "corps.B"):
        app.getElement(name).syncCorp()
    return app


@pytest.fixture
def auth(app: App) -> QywxProxyAuth:
    """The auth element."""
    auth: QywxProxyAuth = app.getElement("auths.Wecom")
    return auth


@pytest.fixture
def browse() -> Iterator[Callable[..., dict[str, str]]]:
    """A browser at WeCom's login page: whom it logs in as, and what comes back."""
    with requests.Session() as http:
        http.trust_env = False

        def open_page(url: str, **chosen: str) -> dict[str, str]:
            answer = http.get(url.partition("#")[0], params=chosen, allow_redirects=False, timeout=10)
            assert answer.status_code == 302, answer.text
            return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

        yield open_page


def code_for(wecom_emulator: Emulator, userid: str = "zhangsan", corpid: str = CORP, **more: Any) -> str:
    """A code as WeCom's login page gives it."""
    return wecom_emulator.login_code(corpid, userid, **more)


def login_code(auth: QywxProxyAuth, wecom_emulator: Emulator, userid: str = "zhangsan", corpid: str = CORP) -> str:
    """A login code of ours."""
    code: str = auth.getLoginCode(corpid, code_for(wecom_emulator, userid, corpid))["loginCode"]
    return code


# Where the browser is sent


def test_login_config_names_the_suite(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """getLoginConfig tells the suite, as JitAi documents; with an enterprise also what WeCom's component wants."""
    suite = wecom_emulator.suite.id
    assert auth.getLoginConfig() == {"suiteId": suite}
    agentid = str(wecom_emulator.app(CORP).agentid)
    assert auth.getLoginConfig(CORP) == {"suiteId": suite, "corpId": CORP, "agentId": agentid}


def test_qr_url_is_what_wecom_documents(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """The address of the QR page has login_type, appid, agentid, the escaped address to come back to, and the state."""
    auth.config.pop("loginBaseUrl")
    agentid = wecom_emulator.app(CORP).agentid
    assert auth.getLoginUrl(CORP, BACK, state="s1") == (
        f"https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid={CORP}&agentid={agentid}"
        "&redirect_uri=https%3A%2F%2Fcrm.example.com%2Flogin%3Fnext%3D%2Fa%20b&state=s1"
    )


def test_workbench_url_is_what_wecom_documents(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """The address inside WeCom has its parameters in order, ends in #wechat_redirect, and asks details on request."""
    auth.config.pop("loginBaseUrl")
    agentid = wecom_emulator.app(CORP).agentid
    expected = (
        f"https://open.weixin.qq.com/connect/oauth2/authorize?appid={CORP}"
        "&redirect_uri=https%3A%2F%2Fcrm.example.com%2Flogin%3Fnext%3D%2Fa%20b&response_type=code"
        f"&scope=snsapi_base&state=s1&agentid={agentid}#wechat_redirect"
    )
    assert auth.getLoginUrl(CORP, BACK, "workbench", "s1") == expected
    private = auth.getLoginUrl(CORP, BACK, "workbench", "s1", private=True)
    assert private == expected.replace("snsapi_base", "snsapi_privateinfo")


def test_login_base_url_stands_in(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """loginBaseUrl replaces WeCom's hosts in both addresses."""
    for kind in ("qr", "workbench"):
        assert auth.getLoginUrl(CORP, BACK, kind, "s").startswith(wecom_emulator.url + "/")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"redirectUri": "/login"}, "whole address"),
        ({"redirectUri": "javascript:alert(1)"}, "whole address"),
        ({"redirectUri": ""}, "redirectUri"),
        ({"state": ""}, "state"),
        ({"state": "s" * 129}, "state"),
        ({"loginType": "phone"}, "loginType"),
        ({"private": True}, "private"),
        ({"corpId": ""}, "corpId"),
    ],
    ids=str,
)
def test_wrong_arguments_of_the_url_are_told(auth: QywxProxyAuth, arguments: dict[str, Any], told: str) -> None:
    """A wrong address, a missing state, an unknown kind, and details by QR code are errors before anybody is sent."""
    with pytest.raises(ArgumentError, match=told):
        auth.getLoginUrl(**{"corpId": CORP, "redirectUri": BACK, "state": "s", **arguments})


def test_url_needs_an_authorised_enterprise(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An enterprise that never authorised the suite, or cancelled it, has no login page."""
    with pytest.raises(errors.CorpUnknown):
        auth.getLoginUrl("wwnobody", BACK, state="s")
    wecom_emulator.push_event(auth.notify, "cancel_auth", CORP)
    with pytest.raises(errors.AuthorizationLost):
        auth.getLoginUrl(CORP, BACK, state="s")


def test_url_needs_the_agent_id(app: App, auth: QywxProxyAuth) -> None:
    """Between the authorisation and its reading the AgentId is not known, and is said to be what is missing."""
    app.storage.models[QywxAuthorization].update(agentId=None).execute()
    for call in (lambda: auth.getLoginUrl(CORP, BACK, state="s"), lambda: auth.getLoginConfig(CORP)):
        with pytest.raises(errors.AgentUnknown) as caught:
            call()
        assert caught.value.corpId == CORP


@pytest.mark.parametrize("base", ["ftp://login.example/", "login.example", "https://login.example/?x=1", ""])
def test_login_base_url_is_an_address(open_app: Callable[..., App], base: str) -> None:
    """Anything but the address of a host, with a path or without, is found by `jit check`."""
    secrets = {"suiteId": "dk1", "suiteSecret": "s", "token": "t", "encodingAESKey": "a" * 43}
    config = {"authConfig": secrets, "loginBaseUrl": base}
    files = {"auths/W/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "W"}, "auths/W/W.json": config}
    [problem] = open_app(files).check()
    assert (problem.code, problem.pointer) == ("value-pattern", "/loginBaseUrl")


# The whole way


@pytest.mark.parametrize("kind", ["qr", "workbench"])
def test_member_logs_in(auth: QywxProxyAuth, browse: Callable[..., dict[str, str]], kind: str) -> None:
    """From the login page to account and member, by QR code and inside WeCom; the state comes back."""
    back = browse(auth.getLoginUrl(CORP, BACK, kind, "s1"), userid="zhangsan")
    assert (back["state"], back["next"]) == ("s1", "/a b")
    told = auth.getLoginCode(CORP, back["code"], kind)
    assert told.keys() == {"loginCode", "corpList", "userId"}
    assert told["corpList"] == [
        {"corpFullName": "corps.A", "title": "甲"},
        {"corpFullName": "corps.Also", "title": "也是甲"},
    ]
    found = auth.loginByCode(told["loginCode"], "corps.A")
    assert found.keys() == {"user", "member"}
    assert (found["member"].memberId, found["member"].corpFullName) == ("zhangsan", "corps.A")
    assert found["user"].userId == found["member"].userId == told["userId"]
    assert found["user"].name == "张三"


def test_same_name_in_another_enterprise_is_another_person(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """The userid of one enterprise opens nothing in another."""
    told = auth.getLoginCode(OTHER, code_for(wecom_emulator, corpid=OTHER))
    assert [one["corpFullName"] for one in told["corpList"]] == ["corps.B"]
    assert auth.loginByCode(told["loginCode"], "corps.B")["member"].name == "另一张三"


def test_older_answers_are_understood(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An answer that writes UserId logs in as well."""
    wecom_emulator.faults.add("auth/getuserinfo", rewrite=lambda answer: {"errcode": 0, "UserId": answer["userid"]})
    assert auth.loginByCode(login_code(auth, wecom_emulator), "corps.A")["member"].memberId == "zhangsan"


def test_users_of_linked_enterprises_are_members_of_theirs(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """CorpId/userid (上下游) is a member of the linked enterprise: of its organisations, and of no other."""
    told = auth.getLoginCode(CORP, code_for(wecom_emulator, f"{OTHER}/zhangsan"))
    assert [one["corpFullName"] for one in told["corpList"]] == ["corps.B"]
    with pytest.raises(errors.LoginCorpRefused):
        auth.loginByCode(told["loginCode"], "corps.A")
    assert auth.loginByCode(told["loginCode"], "corps.B")["member"].name == "另一张三"


# Who is turned away at the first step


def test_wecom_codes_are_good_once(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A used, an unknown and an old code are refused, and the hint says what to do."""
    code = code_for(wecom_emulator)
    auth.getLoginCode(CORP, code)
    for bad in (code, "unknown"):
        with pytest.raises(errors.LoginCodeRefused) as caught:
            auth.getLoginCode(CORP, bad)
        assert caught.value.corpId == CORP
        assert "login page again" in str(caught.value.hint)
    old = code_for(wecom_emulator)
    wecom_emulator.clock.advance(300)
    with pytest.raises(errors.LoginCodeRefused):
        auth.getLoginCode(CORP, old)


def test_untrusted_domain_is_told(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """50001 is a matter of the app's trusted domain, and said so."""
    wecom_emulator.faults.add("auth/getuserinfo", errcode=50001)
    with pytest.raises(errors.LoginDomainUntrusted, match="trusted domain"):
        auth.getLoginCode(CORP, "x")


def test_other_refusals_stay_what_they_are(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An answer that says nothing about the login is told as everywhere."""
    wecom_emulator.faults.add("auth/getuserinfo", errcode=41008)
    with pytest.raises(errors.CallerMistake):
        auth.getLoginCode(CORP, "x")


def test_strangers_are_refused(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Whoever has only an openid is no member."""
    with pytest.raises(errors.NotAMember):
        auth.getLoginCode(CORP, code_for(wecom_emulator, "", openid="oStranger"))


@pytest.mark.parametrize("arguments", [("", "c"), (CORP, ""), (CORP, None), (CORP, "c", "phone")], ids=str)
def test_wrong_arguments_of_the_code_are_told(auth: QywxProxyAuth, arguments: tuple[Any, ...]) -> None:
    """Empty and wrong arguments are errors before WeCom is asked."""
    with pytest.raises(ArgumentError):
        auth.getLoginCode(*arguments)


def test_inactive_auth_logs_nobody_in(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An element that is switched off takes neither kind of code."""
    code = login_code(auth, wecom_emulator)
    auth.config["isActive"] = False
    with pytest.raises(errors.AuthInactive):
        auth.getLoginCode(CORP, code_for(wecom_emulator))
    with pytest.raises(errors.AuthInactive):
        auth.loginByCode(code, "corps.A")


# Who is turned away at the second step


def test_login_code_is_good_once(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """The second use is refused, in every organisation."""
    code = login_code(auth, wecom_emulator)
    auth.loginByCode(code, "corps.A")
    for name in ("corps.A", "corps.Also"):
        with pytest.raises(errors.LoginCodeUsed) as caught:
            auth.loginByCode(code, name)
        assert caught.value.hint


def test_login_code_is_good_for_five_minutes(
    auth: QywxProxyAuth, wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """After 300 seconds it is refused as too old, and an hour later as unknown: it was swept away."""
    code = login_code(auth, wecom_emulator)
    fake_time.passed += 299
    assert auth._suite().logins.who(code) == Person(CORP, "zhangsan")
    fake_time.passed += 1
    with pytest.raises(errors.LoginCodeExpired):
        auth.loginByCode(code, "corps.A")
    fake_time.passed += 3601
    login_code(auth, wecom_emulator)
    with pytest.raises(errors.LoginCodeUnknown):
        auth.loginByCode(code, "corps.A")


@pytest.mark.parametrize("code", ["x", "' OR 1=1 --", "a" * 100_000, "码"], ids=lambda value: value[:12])
def test_unknown_login_codes_are_refused(auth: QywxProxyAuth, code: str) -> None:
    """Anything that was never issued is unknown."""
    with pytest.raises(errors.LoginCodeUnknown):
        auth.loginByCode(code, "corps.A")


@pytest.mark.parametrize("name", ["corps.B", "corps.Nowhere", "auths.Wecom", "no name"])
def test_wrong_organisations_are_refused_and_spend_nothing(
    auth: QywxProxyAuth, wecom_emulator: Emulator, name: str
) -> None:
    """An organisation of another enterprise, or none at all, is refused by name; the code is still good."""
    code = login_code(auth, wecom_emulator)
    with pytest.raises(errors.LoginCorpRefused) as caught:
        auth.loginByCode(code, name)
    assert set(caught.value.possibilities) <= {"corps.A", "corps.Also"}
    assert caught.value.possibilities
    assert caught.value.corpFullName == name
    assert auth.loginByCode(code, "corps.A")["member"].memberId == "zhangsan"


def test_offline_members_are_refused_where_they_are_offline(
    app: App, auth: QywxProxyAuth, wecom_emulator: Emulator
) -> None:
    """Whoever was set offline here cannot enter there, also with a code from before; other organisations are open."""
    code = login_code(auth, wecom_emulator)
    app.getElement("corps.A").offlineMember(["zhangsan"])
    with pytest.raises(errors.MemberOffline) as caught:
        auth.loginByCode(code, "corps.A")
    assert caught.value.corpFullName == "corps.A"
    assert "zhangsan" not in str(caught.value)
    told = auth.getLoginCode(CORP, code_for(wecom_emulator))
    assert [one["corpFullName"] for one in told["corpList"]] == ["corps.Also"]
    assert auth.loginByCode(code, "corps.Also")["member"].active


def test_whoever_may_enter_nothing_is_told_why_at_the_second_step(
    app: App, auth: QywxProxyAuth, wecom_emulator: Emulator
) -> None:
    """Offline everywhere: corpList is empty, there is no account to name, and loginByCode says why."""
    for name in ("corps.A", "corps.Also"):
        app.getElement(name).offlineMember(["zhangsan"])
    wecom_emulator.calls.clear()
    told = auth.getLoginCode(CORP, code_for(wecom_emulator))
    assert (told["corpList"], told["userId"]) == ([], None)
    assert not wecom_emulator.calls.of("user/*")
    with pytest.raises(errors.MemberOffline):
        auth.loginByCode(told["loginCode"], "corps.A")


def test_people_outside_the_visible_range_are_refused(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """WeCom logs them in all the same (96442): somebody never seen here, and somebody who fell out of sight."""
    code = login_code(auth, wecom_emulator, "lisi")
    wecom_emulator.set_visible_range(CORP, users=["zhangsan"])
    wecom_emulator.org(CORP).add_member("wangwu", "王五", [2])
    for name in ("corps.A", "corps.Also"):
        app.getElement(name).syncCorp()
    with pytest.raises(errors.MemberInvisible) as caught:
        auth.loginByCode(code, "corps.A")
    assert "可见范围" in str(caught.value.hint)
    told = auth.getLoginCode(CORP, code_for(wecom_emulator, "wangwu"))
    assert told["corpList"] == []
    with pytest.raises(errors.MemberInvisible):
        auth.loginByCode(told["loginCode"], "corps.A")


def test_a_cancelled_enterprise_lets_nobody_in(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """A code from before the enterprise cancelled is worth nothing after."""
    code = login_code(auth, wecom_emulator)
    wecom_emulator.push_event(auth.notify, "cancel_auth", CORP)
    with pytest.raises(errors.AuthorizationLost):
        auth.loginByCode(code, "corps.A")


def test_an_organisation_that_cannot_be_loaded_keeps_nobody_out(
    auth: QywxProxyAuth, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """One broken corp element costs itself; the others stay open."""
    code = code_for(wecom_emulator)
    files = {
        "BrokenType/e.json": {"type": "corps.QywxProxyType", "title": "Broken"},
        "BrokenType/__init__.py": BROKEN,
        "Broken/e.json": {"type": "corps.BrokenType", "title": "Broken"},
        "Broken/Broken.json": {"corpId": CORP, "authFullName": "auths.Wecom"},
    }
    for name, content in files.items():
        path = auth.app.path / "corps" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    with App(auth.app.path) as app:
        told = app.getElement("auths.Wecom").getLoginCode(CORP, code)
    assert [one["corpFullName"] for one in told["corpList"]] == ["corps.A", "corps.Also"]
    assert "corps.Broken lets nobody in" in caplog.text


def test_newcomers_are_read_at_once(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """Somebody created upstream a moment ago logs in before any event or sync has brought them."""
    wecom_emulator.org(CORP).add_member("xinren", "新人", [2])
    wecom_emulator.calls.clear()
    told = auth.getLoginCode(CORP, code_for(wecom_emulator, "xinren"))
    assert [one["corpFullName"] for one in told["corpList"]] == ["corps.A", "corps.Also"]
    assert auth.loginByCode(told["loginCode"], "corps.A")["member"].name == "新人"
    assert not wecom_emulator.calls.of("user/list")


def test_a_reading_that_fails_leaves_what_is_kept(
    auth: QywxProxyAuth, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """When WeCom cannot be asked about a newcomer, they are not known here; the login says so, the log why."""
    wecom_emulator.org(CORP).add_member("xinren", "新人", [2])
    wecom_emulator.faults.add("user/*", errcode=60020)
    wecom_emulator.faults.add("agent/*", errcode=60020)
    told = auth.getLoginCode(CORP, code_for(wecom_emulator, "xinren"))
    assert told["corpList"] == []
    with pytest.raises(errors.MemberInvisible):
        auth.loginByCode(told["loginCode"], "corps.A")
    assert "could not read a member" in caplog.text


# Codes as they are kept


def test_codes_are_long_random_and_kept_as_hashes(app: App, auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """No two codes are the same, each has 256 random bits, and the database holds none of them."""
    codes = [login_code(auth, wecom_emulator) for _ in range(5)]
    assert len(set(codes)) == 5
    assert all(len(code) >= 43 for code in codes)
    model = app.storage.models[QywxLoginCode]
    kept = json.dumps(list(model.select().dicts()))
    assert model.select().count() == 5
    assert not any(code in kept for code in codes)


@pytest.fixture
def open_storage(open_database: OpenDatabase) -> Iterator[Callable[[], Storage]]:
    """Storages on one database, SQLite and PostgreSQL, as processes of their own would have them."""
    from pathlib import Path

    import jit_corps
    import jit_qywx
    from jit_corps.models import MODELS as CORP_MODELS

    sets = [
        ModelSet(name, models, Path(package.__file__ or "").parent / "migrations")
        for name, models, package in (("corps", CORP_MODELS, jit_corps), ("qywx", MODELS, jit_qywx))
    ]
    opened: list[Storage] = []

    def make() -> Storage:
        opened.append(Storage(open_database(*sets), sets))
        return opened[-1]

    yield make
    for storage in opened:
        storage.close()


class Place:
    """As much of a corp element as entering needs."""

    fullName = "corps.A"
    corpId = CORP


def put_in(storage: Storage, status: int = 1) -> None:
    """One active member with an account."""
    from jit_corps.models import CorpMember, User

    storage.insert_rows(User, ["userId", "name"], [("u1", "张三")])
    names = ["corpFullName", "memberId", "userId", "name", "status", "manualOffline", "presence"]
    storage.insert_rows(CorpMember, names, [("corps.A", "zhangsan", "u1", "张三", status, False, "listed")])


@pytest.mark.every_database
def test_of_many_at_once_one_gets_in(open_storage: Callable[[], Storage]) -> None:
    """However many use one code at the same moment, in whatever process, one gets in, the others are told why not."""
    storages = [open_storage() for _ in range(2)]
    put_in(storages[0])
    codes = [Logins(storages[0], "dk1", lambda: 1000.0).issue(Person(CORP, "zhangsan")) for _ in range(5)]
    ready = threading.Barrier(8)
    outcomes: list[tuple[str, str]] = []

    def use(number: int) -> None:
        logins = Logins(storages[number % 2], "dk1", lambda: 1000.0)
        for code in codes:
            ready.wait(30)
            try:
                outcomes.append((code, logins.enter(code, Place())["member"].memberId))
            except errors.LoginCodeUsed:
                outcomes.append((code, "used"))
        storages[number % 2].database.close()

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for code in codes:
        told = [outcome for each, outcome in outcomes if each == code]
        assert sorted(told) == ["used"] * 7 + ["zhangsan"]


def test_who_is_refused_has_not_spent_the_code(open_storage: Callable[[], Storage]) -> None:
    """A refusal undoes the use, on every database."""
    from jit_corps.models import CorpMember

    storage = open_storage()
    put_in(storage, status=2)
    logins = Logins(storage, "dk1", lambda: 1000.0)
    code = logins.issue(Person(CORP, "zhangsan"))
    with pytest.raises(errors.MemberOffline):
        logins.enter(code, Place())
    storage.update_rows(CorpMember, ["corpFullName", "memberId"], ["status"], [("corps.A", "zhangsan", 1)])
    assert logins.enter(code, Place())["user"].userId == "u1"


def test_codes_are_of_one_suite(open_storage: Callable[[], Storage]) -> None:
    """A code of one suite is unknown to another."""
    storage = open_storage()
    code = Logins(storage, "dk1", lambda: 1000.0).issue(Person(CORP, "zhangsan"))
    with pytest.raises(errors.LoginCodeUnknown):
        Logins(storage, "dk2", lambda: 1000.0).who(code)


def test_consents_are_kept_and_forgotten(open_storage: Callable[[], Storage], box: SecretBox) -> None:
    """The newest answer replaces the one before; forget deletes an enterprise's, and only its."""
    consents = Consents(open_storage(), box, "dk1", lambda: 1000.0)
    consents.keep(CORP, "zhangsan", {"mobile": "1", "email": "a"})
    consents.keep(CORP, "zhangsan", {"mobile": "2"})
    consents.keep(OTHER, "zhangsan", {"mobile": "3"})
    kept = consents.read(CORP, "zhangsan")
    assert kept is not None
    assert dict(kept.values) == {"mobile": "2"}
    assert consents.forget(CORP) == 1
    assert consents.read(CORP, "zhangsan") is None
    assert consents.read(OTHER, "zhangsan") is not None


# What people agree to show


@pytest.fixture
def agree(auth: QywxProxyAuth, browse: Callable[..., dict[str, str]]) -> Callable[..., dict[str, Any]]:
    """Log in inside WeCom with a request for private details."""

    def login(**chosen: str) -> dict[str, Any]:
        url = auth.getLoginUrl(CORP, BACK, "workbench", "s", private=True)
        return auth.getLoginCode(CORP, browse(url, userid="zhangsan", **chosen)["code"], "workbench")

    return login


def test_details_are_kept_as_agreed(
    auth: QywxProxyAuth, agree: Callable[..., dict[str, Any]], fake_time: FakeTime
) -> None:
    """What the member agreed to show is kept with when, and read by its own method; a later login replaces it."""
    agree()
    kept = auth.private_details(CORP, "zhangsan")
    assert kept is not None
    assert (kept.fields, kept.consentedAt) == (("email", "mobile"), fake_time.now())
    assert dict(kept.values) == {"mobile": MOBILE, "email": MAIL}
    agree(agree="mobile")
    kept = auth.private_details(CORP, "zhangsan")
    assert kept is not None
    assert kept.fields == ("mobile",)
    agree(agree="")
    assert auth.private_details(CORP, "zhangsan") is None


def test_details_are_not_read_unless_asked_for(auth: QywxProxyAuth, wecom_emulator: Emulator) -> None:
    """An ordinary login asks for nothing and keeps nothing, and so does a QR code."""
    login_code(auth, wecom_emulator)
    auth.getLoginCode(CORP, code_for(wecom_emulator, private=True), "qr")
    assert not wecom_emulator.calls.of("auth/getuserdetail")
    assert auth.private_details(CORP, "zhangsan") is None


def test_consent_can_be_withdrawn(auth: QywxProxyAuth, agree: Callable[..., dict[str, Any]]) -> None:
    """Withdrawn details are gone, and stay gone at an ordinary login."""
    agree()
    assert auth.withdraw_consent(CORP, "zhangsan")
    assert auth.private_details(CORP, "zhangsan") is None
    assert not auth.withdraw_consent(CORP, "zhangsan")


def test_a_login_does_not_fail_because_details_do(
    auth: QywxProxyAuth,
    agree: Callable[..., dict[str, Any]],
    wecom_emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Details that cannot be read are missing; the person is logged in."""
    wecom_emulator.faults.add("auth/getuserdetail", errcode=84014)
    assert auth.loginByCode(agree()["loginCode"], "corps.A")["member"].memberId == "zhangsan"
    assert auth.private_details(CORP, "zhangsan") is None
    assert "Private details could not be read" in caplog.text


def test_erasing_takes_codes_and_details_along(
    app: App, auth: QywxProxyAuth, agree: Callable[..., dict[str, Any]]
) -> None:
    """What the suite keeps of an enterprise's people goes with the enterprise."""
    agree()
    suite = auth._suite()
    erased = suite.erase(CORP)
    assert (erased["jit_qywx_login_code"], erased["jit_qywx_consent"]) == (1, 1)
    assert app.storage.models[QywxConsent].select().count() == 0


def test_details_show_nowhere(
    app: App, auth: QywxProxyAuth, agree: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither logs, plans, reports, exports, reprs nor files hold what a member agreed to show, or their login code."""
    caplog.set_level(logging.DEBUG)
    told = agree()
    corp = app.getElement("corps.A")
    shown: list[Any] = [corp.plan(), corp.syncCorp().as_dict(), corp.getThirdCorpData(), corp.getLocalCorpData()]
    shown += [auth.private_details(CORP, "zhangsan"), auth.authorizations(), auth.callbacks(), auth, corp]
    result = auth.loginByCode(told["loginCode"], "corps.A")
    shown += [result, vars(result["member"]), vars(result["user"])]
    text = "\n".join(map(repr, shown)) + "".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records)
    app.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = b"".join(path.read_bytes() for path in app.app_data.rglob("*") if path.is_file())
    for canary in (MOBILE, MAIL, told["loginCode"]):
        assert canary not in text
        assert canary.encode() not in kept


def test_codes_show_in_no_error_and_no_log(
    auth: QywxProxyAuth, wecom_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither WeCom's code nor ours is in what goes wrong."""
    caplog.set_level(logging.DEBUG)
    code = code_for(wecom_emulator)
    ours = auth.getLoginCode(CORP, code)["loginCode"]
    auth.loginByCode(ours, "corps.A")
    told = ""
    for call in (lambda: auth.getLoginCode(CORP, code), lambda: auth.loginByCode(ours, "corps.A")):
        with pytest.raises(errors.LoginError) as caught:
            call()
        seen: BaseException | None = caught.value
        while seen is not None:
            told += f"{seen} {seen!r} {vars(seen)}"
            seen = seen.__cause__ or seen.__context__
    told += "".join(f"{one.getMessage()} {vars(one)}" for one in caplog.records)
    assert code not in told
    assert ours not in told

"""The pages people open in a browser: install links and logins."""

from __future__ import annotations

from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

BACK = "https://crm.example:8443/login?next=%2Fa"
PRIVATE = "contact:sensitive:mobile"


@pytest.fixture
def page(emulator, caller):
    """Opens a page as a browser does, without going where it leads."""
    emulator.set_app("ww1", redirect_domain="crm.example:8443")

    def open_page(path, /, **query):
        return caller.http.get(f"{emulator.url}{path}", params=query, allow_redirects=False, timeout=60)

    return open_page


@pytest.fixture
def scan(page, emulator):
    """The page with the QR code, with any parameter changed; None leaves one out."""

    def open_page(**changes):
        query = {
            "login_type": "CorpApp",
            "appid": "ww1",
            "agentid": emulator.app("ww1").agentid,
            "redirect_uri": BACK,
            "state": "s+1",
        }
        return page("/wwlogin/sso/login", **{**query, **changes})

    return open_page


@pytest.fixture
def visit(page, emulator):
    """The page inside WeCom, with any parameter changed."""

    def open_page(**changes):
        query = {
            "appid": "ww1",
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "snsapi_base",
            "state": "s",
            "agentid": emulator.app("ww1").agentid,
        }
        return page("/connect/oauth2/authorize", **{**query, **changes})

    return open_page


def led_to(answer):
    """Where a page leads: the address without its query, and the query."""
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["Location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", {
        key: value[0] for key, value in parse_qs(parts.query).items()
    }


@pytest.mark.parametrize("opened", ["scan", "visit"])
def test_member_is_led_back_with_a_code(request, opened, caller):
    """userid= chooses: the browser goes back with a code that getuserinfo takes, the state, and its own query."""
    place, told = led_to(request.getfixturevalue(opened)(userid="lisi", state="s+1"))
    assert place == "https://crm.example:8443/login"
    assert (told["next"], told["state"]) == ("/a", "s+1")
    assert caller.get("auth/getuserinfo", code=told["code"])["userid"] == "lisi"


@pytest.mark.parametrize("opened", ["scan", "visit"])
def test_page_offers_the_members(request, opened):
    """Without a choice there is a page whose links choose."""
    answer = request.getfixturevalue(opened)()
    assert answer.status_code == 200
    assert "李四 (lisi)" in answer.text
    assert "userid=lisi" in unescape(answer.text)


def test_member_of_the_telephone_is_not_asked(emulator, scan, caller):
    """sign_in_as decides for all login pages of the corp, until it is told otherwise."""
    emulator.sign_in_as("ww1", "wangwu")
    assert caller.get("auth/getuserinfo", code=led_to(scan())[1]["code"])["userid"] == "wangwu"
    emulator.sign_in_as("ww1")
    assert scan().status_code == 200
    with pytest.raises(LookupError, match="nobody"):
        emulator.sign_in_as("ww1", "nobody")


def test_who_refuses_comes_back_without_a_code(scan):
    """refuse=1 leads back with the state alone."""
    assert led_to(scan(refuse="1"))[1] == {"next": "/a", "state": "s+1"}


def test_strangers_come_back_with_a_code_for_an_openid(scan, caller):
    """openid= is somebody outside the corp."""
    code = led_to(scan(openid="oStranger"))[1]["code"]
    answer = caller.get("auth/getuserinfo", code=code)
    assert (answer["openid"], "userid" in answer) == ("oStranger", False)


def test_upstream_users_are_told_with_their_corp(scan, caller):
    """A user of a linked enterprise (上下游) is told as CorpId/userid."""
    code = led_to(scan(userid="wwlinked/zhao"))[1]["code"]
    assert caller.get("auth/getuserinfo", code=code)["userid"] == "wwlinked/zhao"


def test_private_details_only_inside_wecom_and_as_agreed(emulator, scan, visit, caller):
    """snsapi_privateinfo brings a user_ticket, with it come the fields agreed to; a scanned QR code brings none."""
    emulator.set_permissions("ww1", [PRIVATE, "contact:sensitive:email"])
    emulator.org("ww1").update_member("wangwu", email="wangwu@corp.example")
    assert "user_ticket" not in caller.get(
        "auth/getuserinfo", code=led_to(scan(userid="wangwu", scope="snsapi_privateinfo"))[1]["code"]
    )

    def details(**query):
        code = led_to(visit(userid="wangwu", scope="snsapi_privateinfo", **query))[1]["code"]
        ticket = caller.get("auth/getuserinfo", code=code)["user_ticket"]
        return caller.post("auth/getuserdetail", {"user_ticket": ticket})

    assert (details()["mobile"], details()["email"]) == ("13800000000", "wangwu@corp.example")
    assert "email" not in details(agree="mobile")
    assert not {"mobile", "email"} & details(agree="").keys()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"redirect_uri": "https://evil.example/login"}, "50001"),
        ({"redirect_uri": "https://crm.example/login"}, "50001"),
        ({"redirect_uri": "ftp://crm.example:8443/login"}, "50001"),
        ({"redirect_uri": None}, "50001"),
        ({"appid": "wwnobody"}, "40013"),
        ({"agentid": "7"}, "40056"),
        ({"agentid": None}, "41011"),
        ({"userid": "nobody"}, "40003"),
        ({"login_type": "ServiceApp"}, "CorpApp"),
    ],
    ids=str,
)
def test_wrong_qr_logins_are_told(scan, changes, told):
    """What is wrong with the address is on the page, and the browser goes nowhere."""
    answer = scan(**changes)
    assert answer.status_code == 400
    assert told in answer.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"response_type": "token"}, "response_type"),
        ({"scope": "snsapi_userinfo"}, "scope"),
        ({"scope": "snsapi_privateinfo", "agentid": None}, "41011"),
    ],
    ids=str,
)
def test_wrong_web_logins_are_told(visit, changes, told):
    """So it is inside WeCom."""
    answer = visit(**changes)
    assert answer.status_code == 400
    assert told in answer.text


def test_base_login_needs_no_agentid(visit, caller):
    """snsapi_base goes without an AgentId: the app is the one that trusts the domain."""
    code = led_to(visit(agentid=None, userid="lisi"))[1]["code"]
    assert caller.get("auth/getuserinfo", code=code)["userid"] == "lisi"


def test_page_of_a_private_login_asks_for_agreement(visit):
    """Inside WeCom, with details asked for, the page asks which of them to show."""
    assert 'name="agree"' in visit(scope="snsapi_privateinfo").text
    assert 'name="agree"' not in visit().text


def test_apps_that_are_closed_or_cancelled_log_nobody_in(emulator, scan):
    """A closed app is 50003, a cancelled one unknown; an app without a trusted domain trusts none."""
    emulator.set_app("ww1", closed=True)
    assert "50003" in scan(userid="lisi").text
    emulator.set_app("ww1", closed=False, redirect_domain="")
    assert "50001" in scan(userid="lisi").text
    emulator.cancel("ww1")
    assert "40056" in scan(userid="lisi").text


def test_pages_show_text_as_text(emulator, scan):
    """Names cannot become markup."""
    emulator.org("ww1").add_member("x", "<script>alert(1)</script>")
    answer = scan(state='"><script>')
    assert "<script>" not in answer.text


@pytest.fixture
def link(emulator, caller):
    """An install link of get_customized_auth_url."""
    body = {"corpid": emulator.provider_corpid, "provider_secret": emulator.provider_secret}
    token = caller.post("service/get_provider_token", body)["provider_access_token"]
    asked = {"state": "s1", "templateid_list": [emulator.suite.id]}
    return caller.post("service/get_customized_auth_url", asked, provider_access_token=token)["qrcode_url"]


def test_link_offers_the_corps_and_authorises(emulator, caller, link):
    """The link is a page that offers the corps; with corpid= the corp has authorised, with the link's state."""
    emulator.add_corp("ww2", "乙公司")
    assert "乙公司 (ww2)" in caller.http.get(link, timeout=60).text
    assert caller.http.get(f"{link}&corpid=ww2", timeout=60).status_code == 200
    assert emulator.app("ww2").state == "s1"


def test_old_and_unknown_links_are_told(emulator, caller, link):
    """A link is good for ten days; an unknown corp is told, too."""
    assert caller.http.get(f"{link}&corpid=nobody", timeout=60).status_code == 400
    assert caller.http.get(f"{emulator.url}/_emulator/install?link=x&corpid=ww1", timeout=60).status_code == 400
    emulator.clock.advance(864_000)
    assert "expired" in caller.http.get(link, timeout=60).text

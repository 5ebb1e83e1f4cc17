"""Login codes and user tickets."""

from __future__ import annotations


def test_code_tells_the_member_once(emulator, caller):
    """auth/getuserinfo tells the userid; a spent code is 42022, an unknown one 40029, none 41008."""
    code = emulator.login_code("ww1", "lisi")
    assert caller.get("auth/getuserinfo", code=code)["userid"] == "lisi"
    assert caller.get("auth/getuserinfo", code=code)["errcode"] == 42022
    assert caller.get("auth/getuserinfo", code="x")["errcode"] == 40029
    assert caller.get("auth/getuserinfo")["errcode"] == 41008


def test_code_ends_after_five_minutes(emulator, caller):
    """A code is good for 300 seconds."""
    code = emulator.login_code("ww1", "lisi")
    emulator.clock.advance(300)
    assert caller.get("auth/getuserinfo", code=code)["errcode"] == 40029


def test_code_is_for_one_app(emulator, caller):
    """A code of another corp's app is 40029."""
    emulator.add_corp("ww2", members=[{"userid": "lisi"}])
    emulator.install("ww2")
    assert caller.get("auth/getuserinfo", code=emulator.login_code("ww2", "lisi"))["errcode"] == 40029


def test_members_outside_the_range_log_in_too(emulator, caller):
    """A member outside the visible range is told, but gets no user_ticket."""
    emulator.set_visible_range("ww1", departments=[4])
    answer = caller.get("auth/getuserinfo", code=emulator.login_code("ww1", "wangwu", private=True))
    assert answer["userid"] == "wangwu"
    assert "user_ticket" not in answer


def test_strangers_are_told_by_openid(emulator, caller):
    """Somebody outside the corp has an openid and no userid; the older call writes its names in capitals."""
    answer = caller.get("auth/getuserinfo", code=emulator.login_code("ww1", openid="oABC"))
    assert answer["openid"] == "oABC"
    assert "userid" not in answer
    assert caller.get("user/getuserinfo", code=emulator.login_code("ww1", openid="oABC"))["OpenId"] == "oABC"
    assert caller.get("user/getuserinfo", code=emulator.login_code("ww1", "lisi"))["UserId"] == "lisi"


def test_user_ticket_tells_private_details(emulator, caller):
    """auth/getuserdetail tells the granted private fields for half an hour."""
    emulator.set_permissions("ww1", ["contact:sensitive:mobile"])
    answer = caller.get("auth/getuserinfo", code=emulator.login_code("ww1", "wangwu", private=True))
    body = {"user_ticket": answer["user_ticket"]}
    detail = caller.post("auth/getuserdetail", body)
    assert (detail["userid"], detail["mobile"]) == ("wangwu", "13800000000")
    assert "email" not in detail
    emulator.org("ww1").quit_member("wangwu")
    assert caller.post("auth/getuserdetail", body)["errcode"] == 60111
    emulator.clock.advance(1800)
    assert caller.post("auth/getuserdetail", body)["errcode"] == 84014
    assert caller.post("auth/getuserdetail", {"user_ticket": "x"})["errcode"] == 84015
    assert caller.post("auth/getuserdetail")["errcode"] == 84090


def test_third_party_login_is_not_for_proxied_apps(caller):
    """service/auth/getuserinfo3rd is 48002."""
    answer = caller.get("service/auth/getuserinfo3rd", suite_access_token=caller.suite_token(), code="x")
    assert answer["errcode"] == 48002

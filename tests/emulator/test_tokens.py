"""Tokens: their life, their kinds, and what a wrong one is told."""

from __future__ import annotations

import pytest


def token_of(caller, app):
    """One gettoken."""
    return caller.get("gettoken", corpid=app.corpid, corpsecret=app.secret)


def test_asking_again_returns_the_same_token(emulator, caller):
    """While a token is valid gettoken returns it again, with the seconds it has left."""
    first = token_of(caller, emulator.app("ww1"))
    emulator.clock.advance(200)
    second = token_of(caller, emulator.app("ww1"))
    assert first["access_token"] == second["access_token"]
    assert (first["expires_in"], second["expires_in"]) == (7200, 7000)


def test_token_ends_after_two_hours(emulator, caller):
    """After 7200 seconds the token answers 42001 and gettoken returns another."""
    emulator.clock.advance(7200)
    assert caller.get("department/list")["errcode"] == 42001
    old = caller.token
    assert caller.sign_in(emulator.app("ww1")) != old
    assert caller.get("department/list")["errcode"] == 0


def test_token_can_be_ended_early(emulator, caller):
    """expire_tokens ends a corp's tokens at once and says how many."""
    assert emulator.expire_tokens("ww1") == 1
    assert caller.get("department/list")["errcode"] == 42001
    assert emulator.expire_tokens("ww1") == 0


def test_expired_token_may_be_reported_as_invalid(emulator, caller):
    """WeCom is known to answer 40014 for an expired token; expire_tokens can make it do so."""
    emulator.expire_tokens(errcode=40014)
    assert caller.get("department/list")["errcode"] == 40014


def test_ending_the_tokens_of_one_corp_leaves_the_others(emulator, caller):
    """expire_tokens of another corp does not touch this one's token."""
    emulator.add_corp("ww2")
    emulator.install("ww2")
    assert emulator.expire_tokens("ww2") == 0
    assert caller.get("department/list")["errcode"] == 0


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("nonsense", 40014)])
def test_missing_and_unknown_app_tokens_are_told_apart(caller, token, errcode):
    """No token is 41001, an unknown one 40014."""
    assert caller.get("department/list", access_token=token)["errcode"] == errcode


def test_token_kinds_do_not_stand_in_for_each_other(emulator, caller):
    """A suite token is 40014 at an app's call, an app token is 40082 at a suite's."""
    suite_token = caller.suite_token()
    assert caller.get("department/list", access_token=suite_token)["errcode"] == 40014
    assert caller.get("service/get_pre_auth_code", suite_access_token=caller.token)["errcode"] == 40082
    assert caller.post("service/corpid_to_opencorpid", provider_access_token=caller.token)["errcode"] == 40014
    assert caller.post("service/corpid_to_opencorpid", provider_access_token=suite_token)["errcode"] == 40082


def test_suite_token_ends_with_42009(emulator, caller):
    """An expired suite token answers 42009, a missing one 41022."""
    token = caller.suite_token()
    emulator.expire_tokens(kind="suite")
    assert caller.get("service/get_pre_auth_code", suite_access_token=token)["errcode"] == 42009
    assert caller.get("service/get_pre_auth_code", suite_access_token="")["errcode"] == 41022


@pytest.mark.parametrize(
    ("corpid", "secret", "errcode"),
    [("", "x", 41002), ("ww1", "", 41004), ("nobody", "x", 40013), ("ww1", "wrong", 40001)],
)
def test_gettoken_names_what_is_wrong(caller, corpid, secret, errcode):
    """gettoken tells a missing corpid, a missing secret, an unknown corp and a wrong secret apart."""
    assert caller.get("gettoken", corpid=corpid, corpsecret=secret)["errcode"] == errcode


def test_plain_corpid_ignores_case_and_ciphertext_does_not(emulator, caller):
    """WW1 is ww1; a ciphertext corpid is only itself."""
    app = emulator.app("ww1")
    assert caller.get("gettoken", corpid="WW1", corpsecret=app.secret)["errcode"] == 0
    emulator.add_corp("wpAbC")
    other = emulator.install("wpAbC")
    assert caller.get("gettoken", corpid="wpAbC", corpsecret=other.secret)["errcode"] == 0
    assert caller.get("gettoken", corpid="wpabc", corpsecret=other.secret)["errcode"] == 40013


def test_corp_answers_to_its_open_corpid(emulator, caller):
    """The ciphertext id of a corp opens the same corp."""
    open_corpid = emulator.platform.open_corpid(emulator.corp("ww1"))
    answer = caller.get("gettoken", corpid=open_corpid, corpsecret=emulator.app("ww1").secret)
    assert answer["access_token"] == caller.token


def test_repeated_wrong_secrets_bar_the_address(emulator, caller):
    """After N wrong secrets gettoken answers 45009 to anybody at that address, for an hour."""
    emulator.limits.wrong_secrets = 3
    answers = [caller.get("gettoken", corpid="ww1", corpsecret="wrong")["errcode"] for _ in range(4)]
    assert answers == [40001, 40001, 40001, 45009]
    assert token_of(caller, emulator.app("ww1"))["errcode"] == 45009
    emulator.clock.advance(3601)
    assert token_of(caller, emulator.app("ww1"))["errcode"] == 0


def test_wrong_secrets_can_be_free(emulator, caller):
    """Without a bar any number of wrong secrets is 40001."""
    emulator.limits.wrong_secrets = None
    assert {caller.get("gettoken", corpid="ww1", corpsecret="wrong")["errcode"] for _ in range(5)} == {40001}


def test_cancelled_authorisation_ends_everything(emulator, caller):
    """After cancel the old token answers 48004 and the permanent code 40084."""
    emulator.cancel("ww1")
    assert caller.get("department/list")["errcode"] == 48004
    assert token_of(caller, emulator.app("ww1"))["errcode"] == 40084


def test_reset_secret_ends_the_old_one(emulator, caller):
    """After a reset the old permanent code is 40001 and the token expired; the new one comes by an auth code."""
    old = emulator.app("ww1").secret
    code = emulator.reset_permanent_code("ww1")
    assert caller.get("gettoken", corpid="ww1", corpsecret=old)["errcode"] == 40001
    assert caller.get("department/list")["errcode"] == 42001
    token = caller.suite_token()
    answer = caller.post("service/v2/get_permanent_code", {"auth_code": code}, suite_access_token=token)
    assert answer["permanent_code"] == emulator.app("ww1").secret != old


@pytest.mark.parametrize("errcode", [301007, 2000002])
def test_dissolved_corp_answers_its_errcode_everywhere(emulator, caller, errcode):
    """A dissolved corp's token call and every other call answer the errcode, until it is brought back."""
    emulator.dissolve("ww1", errcode)
    assert caller.get("department/list")["errcode"] == errcode
    assert token_of(caller, emulator.app("ww1"))["errcode"] == errcode
    emulator.dissolve("ww1", 0)
    assert caller.get("department/list")["errcode"] == 0


def test_disabled_app_may_only_look_at_itself(emulator, caller):
    """A disabled app answers 50003, except agent/get, which says close: 1."""
    emulator.set_app("ww1", closed=True)
    assert caller.get("department/list")["errcode"] == 50003
    assert caller.get("agent/get", agentid=emulator.app("ww1").agentid)["close"] == 1


def test_forgotten_tokens_are_unknown(emulator, caller):
    """A platform that forgot its tokens answers 40014 for them."""
    emulator.platform.tokens.clear()
    assert caller.get("department/list")["errcode"] == 40014

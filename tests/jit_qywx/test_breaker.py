"""The breaker of each enterprise: a secret that WeCom refused is tried once, and shows where people look."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jit_qywx import errors
from jitcore import App

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite

CORP = "wwcorpa0000000"


def refuse(client: QywxProxyClient, wecom_emulator: Emulator) -> str:
    """Have WeCom refuse the permanent code; returns the auth code of the next one."""
    auth_code = wecom_emulator.reset_permanent_code(CORP)
    wecom_emulator.expire_tokens(CORP)
    wecom_emulator.calls.clear()
    with pytest.raises(errors.AuthorizationLost):
        client.department.list()
    return auth_code


def tries(wecom_emulator: Emulator) -> int:
    """How often a secret was sent."""
    paths = wecom_emulator.calls.by_path
    return sum(paths[path] for path in ("gettoken", "service/get_auth_info", "service/v2/get_auth_info"))


def test_a_refused_secret_is_sent_once(
    client: QywxProxyClient, suite: Suite, make_suite: Callable[..., Suite], wecom_emulator: Emulator
) -> None:
    """Neither this process nor one that starts later sends it again."""
    refuse(client, wecom_emulator)
    for each in (suite, make_suite(), make_suite()):
        for _ in range(2):
            with pytest.raises(errors.AuthorizationLost, match="not tried again"):
                each.client(CORP).department.list()
    assert tries(wecom_emulator) == 1
    assert suite.states()["parked"] == 1
    assert "40001" in str(suite.parked().get(CORP))
    assert suite.stopped(CORP) == suite.parked().get(CORP)


def test_a_new_permanent_code_opens_the_way(client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator) -> None:
    """reset_permanent_code brings another secret, and what was known of the former one says nothing about it."""
    auth_code = refuse(client, wecom_emulator)
    suite.refresh(suite.exchange(auth_code))
    assert suite.parked().get(CORP) is None
    assert client.department.list()
    assert suite.authorizations.get(CORP).state == "active"


def test_a_code_that_get_auth_info_refuses_is_not_sent_for_a_token(
    client: QywxProxyClient, suite: Suite, wecom_emulator: Emulator
) -> None:
    """The same secret is the app's: one refusal is enough for both calls."""
    wecom_emulator.cancel(CORP)
    with pytest.raises(errors.AuthorizationLost):
        suite.refresh(CORP)
    with pytest.raises(errors.AuthorizationLost, match="40084"):
        client.department.list()
    assert tries(wecom_emulator) == 1
    assert suite.authorizations.get(CORP).state == "suspended"


def test_another_suite_secret_is_tried_at_once(
    client: QywxProxyClient, make_suite: Callable[..., Suite], wecom_emulator: Emulator
) -> None:
    """A wrong suiteSecret is sent once; the business file's next one is tried without anybody's help."""
    wecom_emulator.expire_tokens(kind="suite")
    wecom_emulator.calls.clear()
    for _ in range(2):
        with pytest.raises(errors.AuthorizationLost) as caught:
            make_suite(suiteSecret="wrong").refresh(CORP)
    assert wecom_emulator.calls.by_path["service/get_suite_token"] == 1
    assert "suiteSecret" in str(caught.value.hint)
    make_suite().refresh(CORP)
    assert make_suite().authorizations.get(CORP).state == "active"


def test_a_restart_does_not_try_again(authorised_app: Path, wecom_emulator: Emulator) -> None:
    """A program that starts after the refusal sends nothing, and its command says what to do."""
    suite_id = wecom_emulator.corp("corp123").apps and wecom_emulator.suite_of("suite456").id
    wecom_emulator.reset_permanent_code("corp123", suite_id)
    wecom_emulator.expire_tokens("corp123")
    with App(authorised_app) as app, pytest.raises(errors.AuthorizationLost):
        app.getElement("corps.CorpA").getClient().department.list()
    wecom_emulator.calls.clear()
    command = [sys.executable, "-m", "jitcore.cli", "--app", str(authorised_app), "sync", "corps.CorpA"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not tried again" in done.stderr
    assert "jit qywx resume" in done.stderr
    assert not wecom_emulator.calls.by_path["gettoken"]

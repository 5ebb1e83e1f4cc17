"""The install link, made with the provider's own token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jit_qywx import errors
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator import Emulator
    from jit_qywx.suite import Suite

CORP = "wwcorpa0000000"


@pytest.fixture
def provider(make_suite: Callable[..., Suite], wecom_emulator: Emulator) -> Suite:
    """A suite that knows its provider's secret and has its ticket."""
    suite = make_suite(providerSecret=wecom_emulator.provider_secret)
    suite.tickets.store(wecom_emulator.new_ticket(), 1)
    return suite


def test_whoever_opens_the_link_authorises(provider: Suite, wecom_emulator: Emulator) -> None:
    """The link leads to an authorisation of this suite, and its state comes back with it."""
    wecom_emulator.add_corp(CORP, "示例企业")
    link = provider.install_link("customer42")
    assert link.expires_in == 864_000
    provider.exchange(wecom_emulator.scan(link.url, CORP))
    assert provider.authorizations.get(CORP).linkState == "customer42"


def test_one_provider_token_is_enough(provider: Suite, wecom_emulator: Emulator) -> None:
    """The provider's token is fetched once and kept, for any number of links."""
    assert provider.install_link().url != provider.install_link().url
    assert wecom_emulator.calls.by_path["service/get_provider_token"] == 1


def test_an_ended_provider_token_is_replaced(provider: Suite, wecom_emulator: Emulator) -> None:
    """WeCom may end a token early."""
    provider.install_link()
    wecom_emulator.expire_tokens(kind="provider")
    assert provider.install_link().url
    assert wecom_emulator.calls.by_path["service/get_provider_token"] == 2


@pytest.mark.parametrize("state", ["a-b", "a" * 33, "空", "a\n", None])
def test_a_state_that_wecom_refuses_is_not_sent(provider: Suite, wecom_emulator: Emulator, state: str) -> None:
    """At most 32 letters and digits."""
    with pytest.raises(ArgumentError, match="32 letters and digits"):
        provider.install_link(state)
    assert not wecom_emulator.calls.by_path["service/get_customized_auth_url"]


@pytest.mark.parametrize(("missing", "told"), [("providerSecret", "providerSecret"), ("corpId", "corpId")])
def test_missing_settings_are_named(
    make_suite: Callable[..., Suite], wecom_emulator: Emulator, missing: str, told: str
) -> None:
    """Without the provider's id and secret there is no link, and the error says which of them is missing."""
    settings = {"providerSecret": wecom_emulator.provider_secret, missing: None}
    with pytest.raises(errors.ProviderUnset, match=told):
        make_suite(**settings).install_link()


def test_a_wrong_provider_secret_is_sent_once(make_suite: Callable[..., Suite], wecom_emulator: Emulator) -> None:
    """It counts as a wrong secret like any other: tried once, then only when it has changed."""
    for _ in range(2):
        with pytest.raises(errors.AuthorizationLost) as caught:
            make_suite(providerSecret="wrong").install_link()
    assert wecom_emulator.calls.by_path["service/get_provider_token"] == 1
    assert "providerSecret" in str(caught.value.hint)
    assert "wrong" not in str(caught.value).replace("wrong secrets", "")
    assert make_suite(providerSecret=wecom_emulator.provider_secret).install_link().url

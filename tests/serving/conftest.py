"""An app with three suites, and what WeCom would send to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving.driving import ASLEEP, SECOND, WECOM, Sender, files_of_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitcore import App


@pytest.fixture
def wecom() -> Sender:
    """Sends to ``auths.Wecom``."""
    return WECOM


@pytest.fixture
def second() -> Sender:
    """Sends to ``auths.Second``, whose token and key happen to be those of ``auths.Wecom``."""
    return SECOND


@pytest.fixture
def asleep() -> Sender:
    """Sends to ``auths.Asleep``, which is not active."""
    return ASLEEP


@pytest.fixture
def app(open_app: Callable[..., App]) -> App:
    """The app, open."""
    return open_app(files_of_app(), name="receiving")

"""Fixtures of the invariants: those of the organisation and of WeCom together, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.invariants.harness.share import share  # noqa: F401 - a fixture
from tests.invariants.harness.world import World, organisation
from tests.jit_corps.conftest import bench, clock, open_bench, shop, shop_app  # noqa: F401 - fixtures
from tests.jit_qywx.conftest import box, fake_time, make_suite, storage, suite  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator import Org


@pytest.fixture
def make_world(suite, wecom_emulator, bench) -> Callable[..., World]:  # noqa: F811 - the fixtures
    """Makes an enterprise with any organisation and rights; several share the database when their ids differ."""

    def make(org: Org | None = None, **settings: Any) -> World:
        return World(wecom_emulator, suite, settings.pop("bench", bench), org or organisation(), **settings)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """An enterprise that was read once; the record of calls is empty."""
    world = make_world()
    world.sync()
    world.wecom.calls.clear()
    return world

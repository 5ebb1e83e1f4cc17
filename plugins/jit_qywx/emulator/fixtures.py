"""A pytest plugin: `pytest_plugins = ["jit_qywx.emulator.fixtures"]`, then ask for `wecom_emulator`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jit_qywx.emulator.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wecom_emulator() -> Iterator[Emulator]:
    """A WeCom of this test's own: empty but for one suite, seed 0, closed when the test ends."""
    with Emulator() as emulator:
        yield emulator

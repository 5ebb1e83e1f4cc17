"""The contracts on imports, where the checker can be told less than we mean."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def contracts(root: Path) -> dict[str, dict[str, Any]]:
    """The contracts that `lint-imports` checks, by name."""
    config = tomllib.loads((root / "pyproject.toml").read_text())
    return {contract["name"]: contract for contract in config["tool"]["importlinter"]["contracts"]}


def test_the_emulator_is_kept_from_every_room_of_the_client(root: Path, contracts: dict[str, dict[str, Any]]) -> None:
    """The checker has no word for "all but this one": its list of rooms has to name each neighbour of the emulator."""
    package = root / "plugins" / "jit_qywx"
    neighbours = {
        f"jit_qywx.{path.stem}"
        for path in package.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem not in {"__init__", "emulator"}
    }
    assert set(contracts["The emulator knows nothing of the client"]["forbidden_modules"]) == neighbours

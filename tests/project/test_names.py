"""The public faces of our packages: the names they say are theirs are the names they have."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

PACKAGES = ("jitcore", "jit_databases", "jit_corps", "jit_qywx")


def modules() -> Iterator[str]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield name
        yield from (
            found.name
            for found in pkgutil.walk_packages(package.__path__, f"{name}.")
            if not found.name.endswith(".__main__") and ".migrations" not in found.name
        )


def own_public_names(module: ModuleType) -> set[str]:
    """What the module shows without an underscore that was made in its package."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).split(".")[0] == module.__name__
    }


@pytest.mark.parametrize("name", list(modules()))
def test_names_said_to_be_public_exist(name: str) -> None:
    """Each name of an `__all__` is there, and once. Their order is ruff's to keep (RUF022)."""
    module = importlib.import_module(name)
    said = getattr(module, "__all__", [])
    assert len(said) == len(set(said))
    assert [public for public in said if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_says_all_it_shows(name: str) -> None:
    """What a user can import from the face of a package without an underscore is in its `__all__`."""
    module = importlib.import_module(name)
    assert own_public_names(module) <= set(getattr(module, "__all__", []))

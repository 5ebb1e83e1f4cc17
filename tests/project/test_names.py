"""The public faces of our packages: the names they say are theirs are the names they have."""

from __future__ import annotations
import __future__

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
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, (ModuleType, __future__._Feature))
    }


@pytest.mark.parametrize("name", list(modules()))
def test_names_said_to_be_public_exist(name: str) -> None:
    """Each name of an `__all__` is there, once, and in the package's face nothing public is left unsaid.

    Their order is ruff's to keep (RUF022).
    """
    module = importlib.import_module(name)
    said = getattr(module, "__all__", None)
    if said is None:
        assert name not in PACKAGES or not own_public_names(module)
        return
    assert len(said) == len(set(said))
    assert [public for public in said if not hasattr(module, public)] == []
    if hasattr(module, "__path__"):
        assert own_public_names(module) <= set(said)

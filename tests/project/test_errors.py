"""The trees of errors that docstrings draw are the ones that the code has."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

from jitcore.errors import JitError

PACKAGES = ("jitcore", "jit_databases", "jit_corps", "jit_qywx")
DRAWINGS = ("jitcore.errors", "jitcore.storage.errors", *(f"{package}.errors" for package in PACKAGES[1:]))
#: One line of a drawing: four columns for each step down, then the name.
LINE = re.compile(r"^    (?P<branch>(?:[│├└ ][ ─]{2} )*)(?P<name>[A-Z]\w+)(?:$|  )")


def drawn(module: str) -> list[tuple[str, str]]:
    """The classes of a drawing, each with the class above it; the topmost stands below none."""
    path: list[str] = []
    found = []
    for line in (importlib.import_module(module).__doc__ or "").splitlines():
        if (one := LINE.match(line)) is not None:
            depth = len(one["branch"]) // 4
            path[depth:] = [one["name"]]
            found.append((one["name"], path[depth - 1] if depth else ""))
    return found


def real() -> Iterator[tuple[str, str]]:
    """Every error of the shipped packages, with the one that it derives from."""
    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    waiting: list[type[JitError]] = [JitError]
    for error in waiting:
        below = [one for one in error.__subclasses__() if one.__module__.startswith(tuple(f"{p}." for p in PACKAGES))]
        waiting += below
        yield from ((one.__name__, error.__name__) for one in below)


def test_every_error_is_drawn_where_it_hangs() -> None:
    """All drawings together hold each error once, below the class that it derives from; what tops one is a JitError."""
    pairs = [pair for module in DRAWINGS for pair in drawn(module)]
    hung = [pair for pair in pairs if pair[1]]
    below = {name for name, _ in hung} | {"JitError"}
    shown = hung + [(name, "JitError") for name, above in pairs if not above and name not in below]
    assert set(shown) ^ set(real()) == set()
    assert len(shown) == len(set(shown))


def test_codes_are_told_apart() -> None:
    """No two errors have the same code: programs look at nothing else."""
    list(real())
    codes: list[str] = []
    waiting: list[type[JitError]] = [JitError]
    for error in waiting:
        waiting += [one for one in error.__subclasses__() if one.__module__.startswith(("jitcore.", "jit_"))]
        codes.append(error.code)
    assert sorted(codes) == sorted(set(codes))

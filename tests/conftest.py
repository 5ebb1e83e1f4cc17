"""Fixtures that every test folder shares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jitcore import App, open_apps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest_plugins = ["jit_qywx.emulator.fixtures"]

Files = "Mapping[str, str | bytes | Mapping[str, Any]]"


@pytest.fixture
def write_app(tmp_path: Path) -> Callable[..., Path]:
    """Write an app folder: ``write_app({"corps/A/e.json": {...}, "corps/T/__init__.py": "..."}, name="shop")``."""

    def write(files: Files, name: str = "app") -> Path:
        root = tmp_path / name
        root.mkdir(parents=True, exist_ok=True)
        for place, content in files.items():
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), "utf-8")
        return root

    return write


@pytest.fixture
def open_app(write_app: Callable[..., Path]) -> Iterator[Callable[..., App]]:
    """Write an app folder and open it; closed when the test ends."""
    opened: list[App] = []

    def open_(files: Files, name: str = "app", **options: Any) -> App:
        opened.append(App(write_app(files, name), **options))
        return opened[-1]

    yield open_
    for app in reversed(opened):
        app.close()


@pytest.fixture(autouse=True)
def no_app_left_open() -> Iterator[None]:
    """A test that leaves an App open would change what the next one imports."""
    yield
    left = open_apps()
    for app in left:
        app.close()
    assert not left, f"left open: {left}"

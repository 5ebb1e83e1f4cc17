"""Generated elements in an App that watches its files."""

from __future__ import annotations

import sys
import types

import pytest

from jitcore import ElementSpec, hookimpl
from jitcore.entrypoints import EntryPoint


@pytest.fixture(autouse=True)
def generating(monkeypatch):
    """A plugin that generates one element."""
    module = types.ModuleType("generating_plugin")
    module.jit_elements = hookimpl(
        lambda app: {"things.made.One": ElementSpec("things.PlainType", {"word": "Bonjour"})}
    )
    monkeypatch.setitem(sys.modules, "generating_plugin", module)
    entry = EntryPoint("acme", "generating_plugin", "jit-acme", "2.1")
    monkeypatch.setattr("jitcore.app.installed_plugins", lambda: [entry])


def test_they_follow_their_types_code(watched, things):
    """When the code of their Type changes they are made anew, as elements in folders are."""
    here = watched(things)
    one = here.app.getElement("things.made.One")
    code = here.path / "things" / "PlainType" / "__init__.py"
    code.write_text(code.read_text("utf-8").replace("{name}", "{name}!"), "utf-8")
    here.until(lambda: here.app.getElement("things.made.One") is not one)
    assert here.app.getElement("things.made.One").greet("you") == "Bonjour you!"


def test_a_folder_that_comes_takes_their_place(watched, things, write_app):
    """A folder of the same name is nearer, from the moment it is saved; without it they are back."""
    here = watched(things)
    assert here.app.getElement("things.made.One").greet("you") == "Bonjour you"
    folder = here.path / "things" / "made" / "One"
    folder.mkdir(parents=True)
    (folder / "One.json").write_text('{"word": "Servus"}')
    (folder / "e.json").write_text('{"type": "things.PlainType", "title": "Mine"}')
    here.until(lambda: here.app.getElement("things.made.One").greet("you") == "Servus you")
    for file in ("e.json", "One.json"):
        (folder / file).unlink()
    here.until(lambda: here.app.getElement("things.made.One").greet("you") == "Bonjour you")

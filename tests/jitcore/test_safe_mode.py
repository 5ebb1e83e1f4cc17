"""Opening an app without its overrides, to find out whose fault something is."""

from __future__ import annotations

import json

import pytest

from jitcore import App
from jitcore.cli import main

LOUD = """\
from jit_databases.databases.SqliteType import Loader as ShippedLoader
from jit_databases.databases.SqliteType import SqliteElement as Shipped


class SqliteElement(Shipped):
    loud = True


class Loader(ShippedLoader):
    elementClass = SqliteElement
"""

FILES = {
    "databases/SqliteType/e.json": {"type": "databases.Meta", "title": "Ours"},
    "databases/SqliteType/__init__.py": LOUD,
    "databases/Default/e.json": {"type": "databases.SqliteType", "title": "Our database"},
    "databases/Default/Default.json": {"url": "sqlite:///ours.db"},
}


def test_overrides_of_types_are_ignored(write_app):
    """The shipped Type serves the app's own instances, which still shadow shipped instances."""
    path = write_app(FILES)
    with App(path) as app:
        assert app.getElement("databases.Default").loud
    with App(path, overrides=False) as app:
        assert not hasattr(app.getElement("databases.Default"), "loud")
        assert app.getElement("databases.Default").title == "Our database"
        from databases.SqliteType import SqliteElement

        assert SqliteElement.__module__ == "jit_databases.databases.SqliteType"


def test_an_override_that_breaks_everything_can_be_passed_over(write_app):
    """What an ignored override would do wrong is neither run nor checked."""
    path = write_app({**FILES, "databases/SqliteType/__init__.py": "raise SystemError('no')\n"})
    with App(path) as app:
        assert any(problem.severity == "error" for problem in app.check())
    with App(path, overrides=False) as app:
        assert app.check() == []


def test_overrides_of_a_base_app_are_ignored_too(write_app, things):
    """A Type of the base app wins over the app's own; a Type that only the app defines stays."""
    write_app(things, "base")
    path = write_app(
        {
            "app.json": {"name": "shop", "extends": [{"path": "../base"}]},
            "things/PlainType/e.json": "{",
            "things/OwnType/e.json": {"type": "things.Meta", "title": "Own"},
            "things/OwnType/__init__.py": "from things.PlainType import Loader\n",
            "things/Mine/e.json": {"type": "things.OwnType", "title": "Mine"},
            "things/Mine/Mine.json": {"word": "Mine"},
        }
    )
    with App(path, overrides=False) as app:
        assert app.getElement("things.Mine").greet("you") == "Mine you"
        assert [layer.name for layer, _ in app.registry.definitions("things.PlainType")] == ["base"]


def test_types_in_a_circle_are_judged_to_the_end(write_app):
    """Two layers of Types that lead back to themselves are problems, not an endless search."""
    circle = {"t/A/e.json": {"type": "t.B", "title": "A"}, "t/B/e.json": {"type": "t.A", "title": "B"}}
    write_app(circle, "base")
    path = write_app({**circle, "app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    with App(path, overrides=False) as app:
        assert "type-cycle" in {problem.code for problem in app.check()}


@pytest.mark.parametrize("by", ["option", "environment"])
def test_the_command_line_opens_without_overrides(by, write_app, capsys, monkeypatch):
    """--no-overrides and JIT_NO_OVERRIDES=1 say the same to every command."""
    words = ["--app", str(write_app(FILES)), "list", "--json"]
    if by == "environment":
        monkeypatch.setenv("JIT_NO_OVERRIDES", "1")
    else:
        words.insert(0, "--no-overrides")
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    rows = {row["element"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["databases.SqliteType"]["layer"] == "databases"
    assert rows["databases.Default"]["layer"] == "app"

"""Every verb of the framework on an app in which every file is garbage."""

from __future__ import annotations

import pytest

from jitcore import App
from jitcore.cli import main
from jitcore.cli.root import _OWN_COMMANDS

#: One or more calls of each verb.
CALLS = {
    "check": [["check"], ["check", "--format", "json"], ["check", "--format", "github"]],
    "explain": [["explain", "things.Hello"], ["explain", "things.PlainType"], ["explain", "corps.QywxProxyType"]],
    "list": [["list"], ["list", "--json"]],
    "new": [
        ["new", "instance", "things.New"],
        ["new", "instance", "corps.New"],
        ["new", "instance", "things.Other", "--type", "things.PlainType"],
        ["new", "type", "things.NewType"],
        ["new", "type", "corps.NewType"],
        ["new", "type", "fresh.NewType"],
    ],
    "override": [
        ["override", "things.PlainType"],
        ["override", "corps.QywxProxyType"],
        ["override", "--diff", "things.PlainType"],
        ["override", "--accept", "corps.QywxProxyType"],
    ],
    "plugins": [["plugins"], ["plugins", "--json"]],
    "problem": [["problem"], ["problem", "json-syntax"]],
    "schema": [["schema"], ["schema", "things.PlainType"], ["schema", "--write"]],
}

GARBAGE = {
    "not JSON": "{",
    "not text": b"\xff\xfe\x00\x01",
    "an array": "[]",
    "wrong values": '{"type": 7, "title": [], "name": {}, "variables": 3, "extends": "x", "settings": 1}',
    "nothing": "",
}


@pytest.fixture(params=GARBAGE, ids=lambda kind: kind.replace(" ", "-"))
def garbage(request, write_app, things):
    """An app whose files are all of one kind of garbage; Python raises when it is imported."""
    names = [*things, "app.json", ".env", "corps/CorpA/e.json", "corps/CorpA/CorpA.json", "corps/QywxProxyType/e.json"]
    content = GARBAGE[request.param]
    files = {name: "raise ValueError('garbage')\n" if name.endswith(".py") else content for name in names}
    return write_app({**files, "corps/QywxProxyType/__init__.py": "this is no Python\n"})


def test_no_verb_is_forgotten():
    """A verb that is added here gets a call above; `dev` runs until it is stopped and has tests of its own."""
    assert {spec.name for spec in _OWN_COMMANDS} - {"dev"} <= set(CALLS)


@pytest.mark.parametrize("verb", [spec.name for spec in _OWN_COMMANDS if spec.name != "dev"])
def test_a_verb_survives_garbage(verb, garbage, capsys):
    """It ends with 0, 1 or 2, says something, and shows no traceback."""
    for words in CALLS[verb]:
        with pytest.raises(SystemExit) as ended:
            main(["--app", str(garbage), *words])
        captured = capsys.readouterr()
        assert ended.value.code in {0, 1, 2}, words
        assert "Traceback" not in captured.out + captured.err, words
        assert captured.out + captured.err, words


def test_shipped_elements_work_beside_garbage(garbage):
    """One broken app still hands out what the plugins ship."""
    with App(garbage, strict=False) as app:
        assert app.getElement("databases.Default").title

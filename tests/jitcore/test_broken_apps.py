"""Every verb of the framework on an app in which every file is garbage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

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


@pytest.mark.no_cover
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


#: What plugins add and that works on an app's elements; the others run until they are stopped, or make an app.
CONTRIBUTED = [
    ["org", "corps.CorpA"],
    ["org", "corps.CorpA", "--at", "1"],
    ["explain-member", "corps.CorpA", "ann"],
    ["pin-member", "corps.CorpA", "ann", "status=active"],
    ["unpin-member", "corps.CorpA", "ann"],
    ["runs", "corps.CorpA"],
    ["sync"],
    ["sync", "--all"],
    ["sync", "corps.CorpA"],
    ["sync", "corps.CorpA", "--apply", "e.json"],
]


@pytest.mark.no_cover
@pytest.mark.parametrize("words", CONTRIBUTED, ids=" ".join)
@pytest.mark.parametrize("is_mended", [False, True], ids=["all", "all elements"])
def test_a_contributed_verb_survives_garbage(words, is_mended, garbage, capsys):
    """What needs an element says what is broken, in one error without a traceback, whatever else is right."""
    if is_mended:
        (garbage / ".env").unlink()
        (garbage / "app.json").write_text('{"name": "mended"}')
    with pytest.raises(SystemExit) as ended:
        main(["--app", str(garbage), *words])
    captured = capsys.readouterr()
    takes_all = words[-1] in {"sync", "--all"}
    assert ended.value.code in ({0, 1} if takes_all else {1})
    assert "Traceback" not in captured.out + captured.err
    assert "error[" in captured.err or takes_all


@pytest.mark.no_cover
@pytest.mark.parametrize("words", [["dev", "--plain"], ["check", "--watch"]], ids=" ".join)
def test_a_verb_that_goes_on_survives_garbage(words, garbage):
    """It shows what is wrong, goes on, and ends by Ctrl-C without a traceback."""
    command = [sys.executable, "-m", "jitcore.cli", "--app", str(garbage), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            first = process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[0]
    assert first.strip()
    assert "Traceback" not in first + rest
    assert process.returncode in {0, 1, 130}


def test_nothing_vanishes_from_the_list(write_app, things, capsys):
    """With every file broken the same elements are listed as with none."""

    def listed(path):
        with pytest.raises(SystemExit) as ended:
            main(["--app", str(path), "list", "--json"])
        assert ended.value.code == 0
        return [row["element"] for row in json.loads(capsys.readouterr().out)]

    path = write_app(things)
    before = listed(path)
    assert {"things.Hello", "things.Meta", "things.PlainType"} <= set(before)
    write_app(dict.fromkeys(things, "{"))
    assert listed(path) == before


def test_strict_makes_the_same_report_fatal(write_app, things, capsys):
    """With --strict the words are the same, and the exit code counts warnings."""
    path = write_app({**things, ".env": "A=1\nA=2\n"})
    reports = []
    for words, code in ((["check"], 0), (["check", "--strict"], 1)):
        with pytest.raises(SystemExit) as ended:
            main(["--app", str(path), *words])
        assert ended.value.code == code
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1]
    assert "dotenv-duplicate" in reports[0]


def test_shipped_elements_work_beside_garbage(garbage):
    """One broken app still hands out what the plugins ship."""
    with App(garbage, strict=False) as app:
        assert app.getElement("databases.Default").title

"""`jit plugins`: what is installed, what it does, what it costs, and why something was left out."""

from __future__ import annotations

import json
import sys

import pytest

from jitcore import entrypoints
from jitcore.cli import main
from jitcore.entrypoints import EntryPoint


@pytest.fixture
def jit(capsys):
    """Run a command line; returns (exit code, stdout)."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return ended.value.code, capsys.readouterr().out

    return run


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install plugins beside the shipped ones: good, raising or exiting when imported, raising in a hook."""
    texts = {
        "good_plugin": "from jitcore import hookimpl\n@hookimpl\ndef jit_app_opened(app): ...\n",
        "bad_plugin": "import nothing_of_that_name\n",
        "exiting_plugin": "raise SystemExit(3)\n",
        "raising_plugin": "from jitcore import hookimpl\n@hookimpl\ndef jit_types():\n    raise KeyError('no')\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    shipped = list(entrypoints.installed_plugins())
    added = [EntryPoint(name[:-7], name, f"jit-{name[:-7]}", "3.2.1") for name in texts]
    monkeypatch.setattr(entrypoints, "installed_plugins", lambda: iter([*shipped, *added]))
    yield
    for name in texts:
        sys.modules.pop(name, None)


def test_shipped_plugins_are_listed_with_their_hooks(jit):
    """Name, distribution, version, time and hooks of each, without an app."""
    code, out = jit("plugins")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("qywx "))
    assert " jitcore " in line
    hooks = ["commands", "element_states", "element_trees", "elements", "models", "pytest_plugins", "schemas"]
    assert line.endswith("  " + ", ".join(f"jit_{hook}" for hook in hooks))


def test_json_is_for_programs(jit):
    """Every fact is there as data; the time is in seconds."""
    rows = {row["plugin"]: row for row in json.loads(jit("plugins", "--json")[1])}
    assert set(rows) == {"corps", "databases", "qywx"}
    assert rows["corps"]["shipped"] is True
    assert rows["corps"]["failures"] == []
    assert 0 <= rows["corps"]["seconds"] < 60


def test_what_failed_is_listed_with_the_reason(jit, installed):
    """A module that raises, a hook that raises: both stand in the list, the others work."""
    rows = {row["plugin"]: row for row in json.loads(jit("plugins", "--json")[1])}
    assert rows["good"]["hooks"] == ["jit_app_opened"]
    assert "nothing_of_that_name" in rows["bad"]["failures"][0]
    assert rows["bad"]["distribution"] == "jit-bad"
    assert rows["bad"]["version"] == "3.2.1"
    assert "SystemExit: 3" in rows["exiting"]["failures"][0]
    assert "KeyError" in rows["raising"]["failures"][0]
    out = jit("plugins")[1]
    assert "failed: Plugin bad (jit-bad 3.2.1) was left out" in out


def test_safe_mode_leaves_out_what_is_not_shipped(jit, installed):
    """--no-plugins does not import them, and says which they are."""
    code, out = jit("--no-plugins", "plugins")
    assert code == 0
    assert "left out by --no-plugins: bad, exiting, good, raising" in out
    assert "failed" not in out
    assert "bad_plugin" not in sys.modules

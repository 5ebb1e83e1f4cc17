"""The command line: which app, what it prints, how it ends, and what it imports."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from jitcore import App
from jitcore.cli import main
from jitcore.errors import ElementInvalid
from jitcore.scanning import scan

HEAVY = {"cryptography", "jsonschema", "peewee", "requests", "rich", "watchdog"}


@pytest.fixture
def jit(capsys):
    """Run a command line in this process; returns (exit code, stdout, stderr)."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


def imported_by(*words, cwd="."):
    """The top-level modules that a command line imports, and how many modules in all."""
    code = (
        "import sys\nfrom jitcore.cli import main\n"
        f"try:\n    main({list(words)!r})\nfinally:\n"
        "    print('MODULES', *sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("MODULES ")]
    modules = line.split()[1:]
    return {name.partition(".")[0] for name in modules}, len(modules)


def test_help_imports_nothing_heavy():
    """`jit --help` lists every command without importing what they need, and stays small."""
    names, count = imported_by("--help")
    assert not names & (HEAVY | {"jsonschema_rs"})
    assert count < 260


def test_listing_an_app_imports_no_explainer(write_app, things):
    """`jit list` of a right app needs no jsonschema, no database and no network."""
    names, count = imported_by("list", cwd=write_app(things))
    assert not names & HEAVY
    assert count < 270


def test_a_right_app_is_read_without_looking_for_places(jit, write_app, things, monkeypatch):
    """Where keys and values stand is worked out only after something failed."""

    path = write_app(things)
    scanned = []
    monkeypatch.setattr("jitcore.positions.scan", lambda text, **depth: scanned.append(text) or scan(text, **depth))

    def is_scanned(name):
        return (path / name).read_text() in scanned

    assert jit("--app", path, "list")[0] == 0
    with App(path) as app:
        assert app.getElement("things.Hello").greet("you") == "Hello you"
    assert not any(is_scanned(name) for name in things if name.endswith(".json"))
    (path / "things/Hello/Hello.json").write_text('{"wrod": "x"}')
    with App(path) as app, pytest.raises(ElementInvalid):
        app.getElement("things.Hello")
    assert is_scanned("things/Hello/Hello.json")
    assert not is_scanned("things/Hello/e.json")


def test_list_says_what_is_shadowed(jit, write_app, things):
    """An override shows in the table, with the layer that it hides."""
    write_app({"app.json": {"name": "base"}, **things}, "base")
    path = write_app(
        {
            "app.json": {"name": "shop", "extends": [{"path": "../base"}]},
            "things/Hello/e.json": things["things/Hello/e.json"],
            "things/Hello/Hello.json": {"word": "Moin"},
        }
    )
    lines = {line.split()[0]: line.split() for line in jit("--app", path, "list")[1].splitlines()}
    assert lines["things.Hello"][-2:] == ["shop", "base"]
    assert lines["things.PlainType"][-1] == "base"


def test_loading_an_organisation_imports_no_network(sample_app):
    """getElement of a corp imports neither requests nor jsonschema nor cryptography nor peewee."""
    code = (
        "import sys\nfrom jitcore import App\n"
        "with App('.') as app:\n    app.getElement('corps.CorpA')\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=sample_app, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY


def test_help_lists_own_and_contributed_commands(jit):
    """Commands of the framework and of the shipped plugins stand in one list."""
    code, out, _ = jit("--help")
    assert code == 0
    for name in ("check", "demo", "explain", "list", "org", "qywx", "runs", "sync"):
        assert f"  {name} " in out


def test_the_version_is_the_distributions(jit):
    """--version prints the installed version."""
    code, out, _ = jit("--version")
    assert code == 0
    assert out.startswith("jit, version ")


def test_list_shows_every_element_also_broken_ones(jit, write_app, things):
    """A broken element is listed as invalid; nothing vanishes."""
    path = write_app({**things, "things/Broken/e.json": "{", "things/Wrong/e.json": {"type": "x.Y", "title": "x"}})
    code, out, _ = jit("--app", path, "list")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "invalid" in lines["things.Broken"]
    assert "invalid" in lines["things.Wrong"]
    assert "declared" in lines["things.Hello"]


def test_list_as_json(jit, write_app, things):
    """--json gives each element's kind, type, state, layer and what it shadows."""
    code, out, _ = jit("--app", write_app(things), "list", "--json")
    assert code == 0
    rows = {row["element"]: row for row in json.loads(out)}
    assert rows["things.Hello"] == {
        "element": "things.Hello",
        "kind": "instance",
        "type": "things.PlainType",
        "state": "declared",
        "condition": "",
        "layer": "app",
        "shadows": "",
        "stale": [],
    }
    assert rows["things.PlainType"]["kind"] == "type"
    assert rows["things.Meta"]["kind"] == "meta"


def test_list_works_with_every_element_broken(jit, write_app, things):
    """Also app.json: list, check and explain look at any app."""
    path = write_app({**dict.fromkeys(things, "{"), "app.json": "{"})
    assert jit("--app", path, "list")[0] == 0
    assert jit("--app", path, "check")[0] == 1
    code, out, _ = jit("--app", path, "explain", "things.Hello")
    assert code == 0
    assert "unreadable" in out


def test_explain_prints_and_exports(jit, sample_app):
    """explain prints layers and why, as text and as JSON."""
    code, out, _ = jit("--app", sample_app, "explain", "corps.CorpA")
    assert code == 0
    assert "corps.CorpA → corps.QywxProxyType → corps.Meta" in out
    told = json.loads(jit("--app", sample_app, "explain", "corps.QywxProxyType", "--json")[1])
    assert told["winner"]["distribution"] == "jitcore"


def test_an_unknown_name_exits_one_with_a_suggestion(jit, sample_app):
    """Errors are one paragraph on stderr, without a traceback."""
    code, out, err = jit("--app", sample_app, "explain", "corps.CropA")
    assert code == 1
    assert out == ""
    assert "element-not-found" in err
    assert "corps.CorpA" in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback(sample_app):
    """--debug lets the error through, with its traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "jitcore.cli", "--debug", "--app", str(sample_app), "explain", "corps.No"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ElementNotFound" in done.stderr


@pytest.mark.parametrize("words", [["nosuchcommand"], ["check", "--format", "xml"], ["--app", "/nowhere", "list"]])
def test_wrong_calls_exit_two(jit, words):
    """What the caller did wrong exits 2."""
    assert jit(*words)[0] == 2


def test_the_app_comes_from_the_environment(jit, sample_app, monkeypatch):
    """JIT_APP names the app when --app does not."""
    monkeypatch.setenv("JIT_APP", str(sample_app))
    assert "corps.CorpA" in jit("list")[1]


def test_the_app_is_the_current_folder_by_default(jit, sample_app, monkeypatch):
    """Without --app and JIT_APP, commands work on the current folder."""
    monkeypatch.delenv("JIT_APP", raising=False)
    monkeypatch.chdir(sample_app)
    assert "corps.CorpA" in jit("list")[1]


def test_strict_counts_warnings(jit, write_app, things):
    """check exits 0 when there are only warnings, 1 with --strict."""
    path = write_app({**things, "app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    write_app(things, "base")
    e_json = path / "things/Hello/e.json"
    e_json.write_text(json.dumps({**json.loads(e_json.read_text()), "overrides": "0.1.0"}))
    assert jit("--app", path, "check")[0] == 0
    assert jit("--app", path, "check", "--strict")[0] == 1


def test_a_reader_that_goes_away_is_no_error(sample_app):
    """`jit list | head -1` ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m jitcore.cli --app {sample_app} list | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("element")


def test_a_problem_is_explained_by_its_page(capsys):
    """`jit problem CODE` prints the page, without what only tests read; alone it lists all codes."""
    with pytest.raises(SystemExit) as exit_:
        main(["problem", "file-outside"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("# file-outside\n\nA file is a link")
    with pytest.raises(SystemExit):
        main(["problem"])
    assert "key-unknown" in capsys.readouterr().out


def test_a_code_that_does_not_exist_is_a_wrong_call(capsys):
    """Exit 2, with the code that was meant."""
    with pytest.raises(SystemExit) as exit_:
        main(["problem", "key-unknwon"])
    assert exit_.value.code == 2
    assert 'Did you mean "key-unknown"?' in capsys.readouterr().err


def test_what_the_system_refuses_is_one_sentence(jit, write_app, things):
    """A file in the way of a folder ends with 1, names the place and shows no traceback; --debug shows it."""
    path = write_app({**things, "corps": "in the way"})
    code, _, err = jit("--app", path, "override", "corps.QywxProxyType")
    assert code == 1
    assert "Not a directory" in err
    assert str(path / "corps") in err
    assert "Traceback" not in err
    with pytest.raises(NotADirectoryError):
        main(["--debug", "--app", str(path), "override", "corps.QywxProxyType"])

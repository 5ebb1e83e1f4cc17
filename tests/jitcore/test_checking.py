"""App.check and `jit check`: every problem, in one pass, with its place."""

from __future__ import annotations

import json

import pytest

from jitcore.cli import main

TWELVE = {
    "app.json": {"name": "shop", "variables": [{"name": "set", "default": "x"}, {"name": "unset"}]},
    "things/NoSyntax/e.json": '{\n  "type": "things.PlainType"\n  "title": "x"\n}\n',
    "things/Twice/e.json": '{\n  "type": "things.PlainType",\n  "title": "a",\n  "title": "b"\n}\n',
    "things/NoSuchType/e.json": '{\n  "type": "things.PlianType",\n  "title": "x"\n}\n',
    "things/UnknownKey/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/UnknownKey/UnknownKey.json": '{\n  "word": "a",\n  "freind": "things.Hello"\n}\n',
    "things/MissingKey/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/MissingKey/MissingKey.json": "{\n}\n",
    "things/WrongType/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/WrongType/WrongType.json": '{\n  "word": 12\n}\n',
    "things/Empty/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/Empty/Empty.json": '{\n  "word": ""\n}\n',
    "things/Dangling/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/Dangling/Dangling.json": '{\n  "word": "a",\n  "friend": "things.Helo"\n}\n',
    "things/Unset/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/Unset/Unset.json": '{\n  "word": "{{unset}}"\n}\n',
    "things/Unknown/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/Unknown/Unknown.json": '{\n  "word": "{{sett}}"\n}\n',
    "things/NotANumber/e.json": '{\n  "type": "things.PlainType",\n  "title": "x"\n}\n',
    "things/NotANumber/NotANumber.json": '{\n  "word": NaN\n}\n',
    "things/BadType/e.json": '{\n  "type": "things.Meta",\n  "title": "x"\n}\n',
    "things/BadType/__init__.py": "def broken(:\n    pass\n",
}

EXPECTED = {
    ("json-syntax", "things/NoSyntax/e.json", 2),
    ("json-duplicate-key", "things/Twice/e.json", 4),
    ("unknown-type", "things/NoSuchType/e.json", 2),
    ("key-unknown", "things/UnknownKey/UnknownKey.json", 3),
    ("key-missing", "things/MissingKey/MissingKey.json", 1),
    ("value-type", "things/WrongType/WrongType.json", 2),
    ("value-length", "things/Empty/Empty.json", 2),
    ("reference-dangling", "things/Dangling/Dangling.json", 3),
    ("variable-unset", "things/Unset/Unset.json", 2),
    ("variable-unknown", "things/Unknown/Unknown.json", 2),
    ("json-number", "things/NotANumber/NotANumber.json", 2),
    ("type-import-failed", "things/BadType/__init__.py", 1),
}


@pytest.fixture
def broken(things):
    """An app with twelve different mistakes in as many files."""
    return {**things, **TWELVE}


def test_twelve_mistakes_are_twelve_problems(open_app, broken):
    """One pass finds every mistake of every file, each once, with line and column."""
    problems = open_app(broken).check()
    assert {(problem.code, problem.file, problem.line) for problem in problems} == EXPECTED
    assert len(problems) == 12
    assert all(problem.column and problem.element for problem in problems)


def test_an_app_without_mistakes_has_no_problems(open_app, things):
    """A right app checks clean, the shipped layers included."""
    assert open_app(things).check() == []


def test_checking_runs_no_instance(open_app, things):
    """check() looks at files and Types; no element is loaded."""
    app = open_app(things)
    app.check()
    assert app.elements["things.Hello"].state == "declared"


def test_circles_of_references_are_found_before_code_runs(open_app, things):
    """Elements that refer to each other in a circle are reported with the whole path."""
    for one, other in (("Ring", "Rang"), ("Rang", "Rung"), ("Rung", "Ring")):
        things[f"things/{one}/e.json"] = {"type": "things.PlainType", "title": one}
        things[f"things/{one}/{one}.json"] = {"word": one, "friend": f"things.{other}"}
    problems = open_app(things).check()
    assert {problem.code for problem in problems} == {"reference-cycle"}
    assert "things.Ring → things.Rang → things.Rung → things.Ring" in " ".join(map(str, problems))


def test_names_that_clash_are_problems(open_app, things):
    """Names that differ in case, are spelt in two ways, or cannot be names are reported."""
    things["things/hello/e.json"] = {"type": "things.PlainType", "title": "case"}
    things["things/hello/hello.json"] = {"word": "case"}
    things["things/Caf\u00e9/e.json"] = {"type": "things.PlainType", "title": "composed"}
    things["things/Caf\u00e9/config.json"] = {"word": "a"}
    things["things/Cafe\u0301/e.json"] = {"type": "things.PlainType", "title": "decomposed"}
    things["things/Cafe\u0301/config.json"] = {"word": "a"}
    things["things/no-name/e.json"] = {"type": "things.PlainType", "title": "dash"}
    problems = open_app(things).check()
    assert sorted(problem.code for problem in problems) == ["name-collision", "name-collision", "name-invalid"]


def test_check_prints_all_and_exits_one(write_app, broken, capsys):
    """`jit check` prints every problem with file:line:column and exits 1."""
    path = write_app(broken)
    with pytest.raises(SystemExit) as exit_:
        main(["--app", str(path), "check"])
    assert exit_.value.code == 1
    out = capsys.readouterr().out
    for code, file, line in EXPECTED:
        assert f"{file}:{line}:" in out
        assert code in out
    assert "12" in out.splitlines()[-1]


def test_check_as_json(write_app, broken, capsys):
    """--format json is one document a program can read."""
    with pytest.raises(SystemExit) as exit_:
        main(["--app", str(write_app(broken)), "check", "--format", "json"])
    assert exit_.value.code == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 12


def test_check_for_github(write_app, broken, capsys):
    """--format github is one annotation a line."""
    with pytest.raises(SystemExit):
        main(["--app", str(write_app(broken)), "check", "--format", "github"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert all(line.startswith("::error file=") for line in lines)


def test_check_of_a_right_app_exits_zero(write_app, things, capsys):
    """No problem: exit 0 and one line that says so."""
    with pytest.raises(SystemExit) as exit_:
        main(["--app", str(write_app(things)), "check"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("type_", "hint"),
    [
        ("things.Meta", "Write one of its Types: things.PlainType."),
        ("things.Hello", 'Write "things.PlainType", which is its own type.'),
    ],
)
def test_the_type_of_an_instance_is_a_type(open_app, things, type_, hint):
    """A Meta or another instance in its place is told, with the Types that fit."""
    things["things/Bye/e.json"] = {"type": type_, "title": "x"}
    things["things/Bye/Bye.json"] = {"word": "Bye"}
    [problem] = open_app(things).check()
    assert (problem.code, problem.pointer, problem.hint) == ("type-level", "/type", hint)


@pytest.mark.parametrize("name", ["things.PlainType", "things.Meta"])
def test_a_reference_leads_to_an_instance(open_app, things, name):
    """A Type or a Meta cannot be used as an element; the hint lists what can."""
    things["things/Bye/e.json"] = {"type": "things.PlainType", "title": "x"}
    things["things/Bye/Bye.json"] = {"word": "Bye", "friend": name}
    [problem] = open_app(things).check()
    assert problem.code == "reference-kind"
    assert problem.hint == "Instances of the family things: things.Bye, things.Hello."


def test_a_schema_without_required_keys_needs_one_all_the_same(open_app):
    """The sentence about a missing business file reads well for any schema."""
    [problem] = open_app({"databases/Own/e.json": {"type": "databases.SqliteType", "title": "x"}}).check()
    assert problem.message.endswith("a databases.SqliteType needs one.")

"""Silencing warnings by code in app.json."""

from __future__ import annotations

import pytest

from jitcore.checking import examine


def silenced(open_app, things, *entries):
    things["app.json"] = {"silence": list(entries)}
    things["things/hello/e.json"] = {"type": "things.PlainType", "title": "case"}
    things["things/hello/config.json"] = {"word": "case"}
    return examine(open_app(things))


@pytest.mark.parametrize(
    "entry", ["name-collision", {"code": "name-collision"}, {"code": "name-collision", "element": "things.hello"}]
)
def test_a_warning_is_silenced_by_code_or_by_code_and_element(open_app, things, entry):
    """It is left out and counted."""
    findings = silenced(open_app, things, entry)
    assert (findings.problems, findings.silenced) == ([], 1)


@pytest.mark.parametrize(
    ("entry", "code", "severity", "pointer", "hint"),
    [
        ("name-colision", "silence-unknown", "error", "/silence/0", 'Did you mean "name-collision"?'),
        ({"code": "xyz"}, "silence-unknown", "error", "/silence/0/code", "Codes of warnings: dotenv-duplicate"),
        (
            {"code": "name-collision", "element": "things.Helo"},
            "silence-unknown",
            "error",
            "/silence/0/element",
            "Hello",
        ),
        ("key-unknown", "silence-error", "error", "/silence/0", "Codes of warnings"),
        ("override-drift", "silence-unused", "warning", "/silence/0", "Remove it."),
        (
            {"code": "name-collision", "element": "things.Hello"},
            "silence-unused",
            "warning",
            "/silence/0",
            "Remove it.",
        ),
    ],
)
def test_an_entry_that_cannot_work_is_a_problem(open_app, things, entry, code, severity, pointer, hint):
    """Unknown codes and elements, errors, and what silences nothing, each at its place in app.json."""
    problems = {problem.code: problem for problem in silenced(open_app, things, entry).problems}
    assert problems.keys() == {code, "name-collision"}
    problem = problems[code]
    assert (problem.severity, problem.file, problem.pointer) == (severity, "app.json", pointer)
    assert problem.hint is not None
    assert hint in problem.hint


def test_errors_stay(open_app, things):
    """A silenced code that is an error elsewhere is still told there."""
    things["app.json"] = {"silence": ["name-collision"]}
    things["things/Caf\u00e9/e.json"] = {"type": "things.PlainType", "title": "composed"}
    things["things/Caf\u00e9/config.json"] = {"word": "a"}
    things["things/Cafe\u0301/e.json"] = {"type": "things.PlainType", "title": "decomposed"}
    things["things/Cafe\u0301/config.json"] = {"word": "a"}
    codes = {(problem.code, problem.severity) for problem in open_app(things).check()}
    assert codes == {("name-collision", "error"), ("silence-unused", "warning")}


@pytest.mark.parametrize("entry", [12, [], {"element": "things.Hello"}, {"code": "name-collision", "why": "x"}, ""])
def test_an_entry_of_another_form_is_told_what_to_write(open_app, things, entry):
    """The schema of app.json judges the form."""
    things["app.json"] = {"silence": [entry]}
    problems = open_app(things, strict=False).check()
    assert {problem.file for problem in problems} == {"app.json"}


def test_a_default_element_that_does_not_exist_is_a_problem(open_app, things):
    """app.json refers to elements too."""
    things["app.json"] = {"settings": {"defaultElement": {"defaultDatabase": "databases.Defualt"}}}
    [problem] = open_app(things).check()
    assert (problem.code, problem.file) == ("reference-dangling", "app.json")
    assert problem.hint == 'Did you mean "databases.Default"?'

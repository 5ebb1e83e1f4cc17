"""SARIF 2.1.0, by the rules of its specification that hosts rely on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jitcore.cli import main
from jitcore.problems import Problem, Related
from jitcore.sarif import render_sarif

PROBLEM = Problem(
    "key-unknown",
    'The key "tpye" is not known.',
    element="corps.My",
    file="corps/My/e.json",
    line=2,
    column=3,
    pointer="/tpye",
    hint='Did you mean "type"?',
    related=(Related("the schema lists its keys here", "/opt/x y/schema.json", 3, 5),),
)
WARNING = Problem("override-drift", "Made from 1.0.0.", "warning", element="corps.My", file="报表/e.json")


def log(*problems):
    return json.loads(render_sarif(problems))


def run(*problems):
    [only] = log(*problems)["runs"]
    return only


def test_it_is_a_log_of_version_2_1_0_with_one_run():
    """What every reader looks at first (3.13)."""
    document = log(PROBLEM)
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    assert len(document["runs"]) == 1


def test_the_tool_has_a_rule_for_each_code_that_occurs():
    """Rules have an id, a short description, help and a level, and results point at them (3.49, 3.27.5)."""
    driver = run(PROBLEM, WARNING, PROBLEM)["tool"]["driver"]
    assert driver["name"] == "jitcore"
    assert [rule["id"] for rule in driver["rules"]] == ["key-unknown", "override-drift"]
    assert [rule["defaultConfiguration"]["level"] for rule in driver["rules"]] == ["error", "warning"]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["help"]["text"].startswith(f"# {rule['id']}")
        assert rule["help"]["markdown"]
    for result in run(PROBLEM, WARNING, PROBLEM)["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_result_says_what_and_where():
    """Level, message, region in characters, element and the other places (3.27, 3.28)."""
    one = run(PROBLEM)
    assert one["columnKind"] == "unicodeCodePoints"
    [result] = one["results"]
    assert result["level"] == "error"
    assert result["message"]["text"] == 'The key "tpye" is not known. Did you mean "type"?'
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "corps/My/e.json"},
        "region": {"startLine": 2, "startColumn": 3},
    }
    assert location["logicalLocations"] == [{"fullyQualifiedName": "corps.My", "kind": "element"}]
    [related] = result["relatedLocations"]
    assert related["id"] == 1
    assert related["message"]["text"] == "the schema lists its keys here"
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "file:///opt/x%20y/schema.json"
    assert related["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 5}


def test_a_result_without_a_line_or_a_file_is_still_right():
    """No empty regions, no location that says nothing."""
    results = run(WARNING, Problem("plugin-failed", "X.", "warning"), Problem("app-closed", "Y."))["results"]
    assert results[0]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "%E6%8A%A5%E8%A1%A8/e.json"}}
    assert results[1]["locations"] == []
    assert "relatedLocations" not in results[0]


def test_a_fingerprint_outlives_a_move_and_tells_two_problems_apart():
    """The same problem lines further down is the same; another key, file or second occurrence is not (3.27.17)."""

    def prints(*problems):
        return [result["partialFingerprints"]["jitcore/v1"] for result in run(*problems)["results"]]

    moved = replace(PROBLEM, line=40, column=1, snippet="40 | x\n   | ^", related=())
    assert prints(PROBLEM) == prints(moved)
    others = [replace(PROBLEM, pointer="/x"), replace(PROBLEM, file="y"), replace(PROBLEM, code="value-type")]
    assert len(set(prints(PROBLEM, moved, *others))) == 5
    twice = Problem("json-duplicate-key", "Twice, first in line 3.", file="a")
    assert prints(twice) == prints(replace(twice, message="Twice, first in line 12."))


def test_no_problem_is_a_run_without_results():
    """An empty list tells a host that all earlier ones are mended."""
    assert run()["results"] == []


@pytest.mark.parametrize(("form", "mark"), [("sarif", '"uri": "app/app.json"'), ("github", "file=app/app.json")])
def test_files_are_named_from_the_root_of_the_repository(write_app, monkeypatch, capsys, form, mark):
    """A workflow stands above the app; hosts know files by their path in the repository."""
    path = write_app({"app.json": {"nmae": "x"}})
    monkeypatch.chdir(path.parent)
    with pytest.raises(SystemExit):
        main(["--app", "app", "check", "--format", form])
    assert mark in capsys.readouterr().out
    monkeypatch.chdir(path)
    with pytest.raises(SystemExit):
        main(["check", "--format", form])
    assert mark.replace("app/app", "app") in capsys.readouterr().out

"""Problems as a person, a program and GitHub read them."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from pathlib import Path

import jsonschema
import pytest

from jitcore.problems import Problem, Related
from jitcore.rendering import render_github, render_json, render_text
from jitcore.source import SourceInvalid, read_json

PROBLEM = Problem(
    "key-unknown",
    'The key "tpye" is not known.',
    element="corps.My",
    file="corps/My/e.json",
    line=2,
    column=3,
    pointer="/tpye",
    snippet='2 |   "tpye": "x"\n  |   ^^^^^^',
    hint='Did you mean "type"?',
    related=(Related("the schema of corps.X lists its keys here", "corps/X/schema.json", 3, 5),),
)
WARNING = Problem("override-drift", "Made from 1.0.0.", "warning", element="corps.My")


class TestText:
    """For a terminal."""

    def test_a_problem_is_drawn_like_a_compiler_does(self) -> None:
        """Place, code and sentence; the line; the carets; the hint; and a count at the end."""
        assert render_text([PROBLEM, WARNING]) == textwrap.dedent("""\
            corps/My/e.json:2:3: error[key-unknown]: The key "tpye" is not known.
              2 |   "tpye": "x"
                |   ^^^^^^
              note: the schema of corps.X lists its keys here: corps/X/schema.json:3:5
              hint: Did you mean "type"?

            corps.My: warning[override-drift]: Made from 1.0.0.

            1 error, 1 warning in 1 file.""")

    @pytest.mark.parametrize(
        ("problems", "summary"),
        [
            ([], "No problems found."),
            ([PROBLEM, PROBLEM], "2 errors in 1 file."),
            ([WARNING], "1 warning."),
            ([Problem("a-b", "X.", file="a"), Problem("a-b", "X.", file="b")], "2 errors in 2 files."),
        ],
    )
    def test_the_last_line_counts(self, problems: list[Problem], summary: str) -> None:
        """Errors, warnings and files are counted, each only if there are any."""
        assert render_text(problems).splitlines()[-1] == summary

    def test_silenced_warnings_are_counted(self) -> None:
        """Nothing is left out without a word."""
        assert render_text([], silenced=1) == "No problems found. 1 warning silenced by app.json."
        assert render_text([WARNING], silenced=2).endswith("1 warning. 2 warnings silenced by app.json.")
        assert json.loads(render_json([], silenced=2))["summary"]["silenced"] == 2

    def test_colour_changes_nothing_but_colour(self) -> None:
        """Without the escape sequences the coloured text is the plain one."""
        coloured = render_text([PROBLEM, WARNING], color=True)
        assert "\x1b[1;31merror[key-unknown]\x1b[0m" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text([PROBLEM, WARNING])

    def test_what_others_wrote_cannot_move_the_cursor(self, tmp_path: Path) -> None:
        """Escape sequences in names, keys and file names arrive as visible text."""
        path = tmp_path / "e.json"
        path.write_text('{"\x7f\x9b\u202ek": 1, "\x7f\x9b\u202ek": 2}', "utf-8")
        with pytest.raises(SourceInvalid) as caught:
            read_json(path, inside=tmp_path, shown="\x1b[2Je.json", element="corps.\x07A")
        text = render_text(caught.value.problems)
        assert all(char.isprintable() or char == "\n" for char in text)
        assert r"\u001b[2Je.json:1:" in text


class TestJson:
    """For programs."""

    def test_it_has_the_shape_that_is_documented(self) -> None:
        """The JSON Schema in the docstring describes the output, for any set of problems."""
        documented = inspect.getdoc(render_json)
        assert documented is not None
        shape = json.loads(documented.partition("::")[2])
        for problems in ([], [PROBLEM, WARNING], [Problem("a-b", "X.", related=(Related("Y"),))]):
            jsonschema.validate(json.loads(render_json(problems)), shape)

    def test_it_says_everything(self) -> None:
        """Each attribute of a problem is there, unshortened and not escaped beyond JSON."""
        document = json.loads(render_json([PROBLEM, WARNING]))
        assert document["summary"] == {"errors": 1, "warnings": 1, "silenced": 0}
        said = {name: getattr(PROBLEM, name) for name in Problem.__slots__}
        (related,) = PROBLEM.related
        said["related"] = [{name: getattr(related, name) for name in Related.__slots__}]
        assert document["problems"][0] == said
        assert "张" in render_json([Problem("a-b", "张")])


class TestGithub:
    """For annotations on a change."""

    def test_a_problem_is_a_workflow_command(self) -> None:
        """With the properties that are known, and the hint in the message."""
        assert render_github([PROBLEM, WARNING]).splitlines() == [
            "::error file=corps/My/e.json,line=2,col=3,title=key-unknown in corps.My"
            '::The key "tpye" is not known. Did you mean "type"?'
            "%0Anote: the schema of corps.X lists its keys here: corps/X/schema.json:3:5",
            "::warning title=override-drift in corps.My::Made from 1.0.0.",
        ]
        assert render_github([]) == ""

    def test_what_would_end_a_property_or_the_command_is_escaped(self) -> None:
        """Percent signs and line ends everywhere, colons and commas in properties: nothing can add a command."""
        problem = Problem("a-b", "100%,\r\n::error::x: y", file="a:b,c%d\n::e.json")
        assert render_github([problem]) == (
            "::error file=a%3Ab%2Cc%25d%0A%3A%3Ae.json,title=a-b::100%25,%0D%0A::error::x: y"
        )

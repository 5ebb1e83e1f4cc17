"""Problems as data: their text, their order, and the list of all codes."""

from __future__ import annotations

import ast
import pickle
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import jitcore
from jitcore.errors import ElementInvalid, JitError
from jitcore.problems import CODES, Problem, in_order


def codes_in_the_source() -> Iterator[tuple[str, str]]:
    """Each code that jitcore reports literally: an argument of `Problem(…)`, `source.problem(…)` and the like."""
    for path in Path(jitcore.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            literals = [*node.args, *(word.value for word in node.keywords if word.arg == "code")]
            if name in {"Problem", "problem", "Said", "Finding", "_Refused", "note", "_note", "_Fault", "_invalid"}:
                yield from (
                    (one.value, f"{path.name}:{node.lineno}")
                    for one in literals
                    if isinstance(one, ast.Constant)
                    and isinstance(one.value, str)
                    and re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", one.value)
                )


class TestCodes:
    """The registry of all codes."""

    def test_it_is_complete(self) -> None:
        """No code is reported that the list does not explain."""
        found = dict(codes_in_the_source())
        assert len(found) > 20
        assert {code: place for code, place in found.items() if code not in CODES} == {}

    def test_it_is_sorted_and_written_alike(self) -> None:
        """Codes are kebab-case slugs in alphabetical order; each title is one sentence."""
        assert list(CODES) == sorted(CODES)
        for code, title in CODES.items():
            assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", code)
            assert re.fullmatch(r"[A-Z{][^\n]*\.", title)

    def test_it_cannot_be_changed(self) -> None:
        """Nobody adds a code at run time."""
        with pytest.raises(TypeError):
            CODES["x-y"] = "Z."  # type: ignore[index]  # that is the point


class TestProblem:
    """One finding."""

    def test_its_text_is_one_line_with_everything(self) -> None:
        """A log or an error message shows place, severity, code, sentence and hint."""
        problem = Problem("key-missing", "A key is missing.", file="e.json", line=3, column=2, hint="Write it.")
        assert str(problem) == "e.json:3:2: error[key-missing]: A key is missing. Write it."

    def test_its_place_is_as_exact_as_known(self) -> None:
        """Without a column, a line, or a file, the rest still says where."""
        assert Problem("a-b", "X.", file="e.json", line=3).place == "e.json:3"
        assert Problem("a-b", "X.", file="e.json", element="corps.A").place == "e.json"
        assert str(Problem("a-b", "X.", element="corps.A", severity="warning")) == "corps.A: warning[a-b]: X."
        assert str(Problem("a-b", "X.")) == "error[a-b]: X."

    def test_it_is_a_value(self) -> None:
        """It can be compared, put into a set, and sent to another process."""
        problem = Problem("a-b", "X.", pointer="/a")
        assert {problem, Problem("a-b", "X.", pointer="/a")} == {problem}
        assert pickle.loads(pickle.dumps(problem)) == problem

    def test_the_order_does_not_depend_on_how_they_were_found(self) -> None:
        """Element, file, line, column and code decide; what is not known comes first."""
        problems = [
            Problem("a-a", "X."),
            Problem("a-a", "X.", element="corps.A", file="a", line=2, column=9),
            Problem("b-b", "X.", element="corps.A", file="a", line=2, column=9),
            Problem("a-a", "X.", element="corps.A", file="a", line=10, column=1),
            Problem("a-a", "X.", element="corps.A", file="b"),
            Problem("a-a", "X.", element="corps.B", file="a"),
        ]
        shuffled = problems.copy()
        random.Random(1).shuffle(shuffled)
        assert in_order(shuffled) == problems


def test_source_errors_are_of_the_tree() -> None:
    """The error that carries problems is one of jitcore's, should it ever reach a user."""
    from jitcore.source import SourceInvalid

    assert issubclass(SourceInvalid, JitError)


class TestErrors:
    """Problems in the text of an error, as a traceback or a log shows it."""

    def test_an_error_lists_its_problems_in_one_line_each(self) -> None:
        """Indented below the message, with place, code, sentence and hint."""
        problem = Problem("key-missing", 'The key "a" is missing.', file="x.json", line=1, column=2, hint="Add it.")
        error = ElementInvalid("x is not valid.", fullName="x", problems=[problem, problem])
        told = '\n  x.json:1:2: error[key-missing]: The key "a" is missing. Add it.'
        assert str(error) == f"x is not valid.{told}{told}"

    def test_an_error_lists_few_problems_and_carries_all(self) -> None:
        """A file with a hundred mistakes does not bury the traceback."""
        error = ElementInvalid("x", fullName="x", problems=[Problem("key-missing", "K.")] * 100)
        assert len(str(error).splitlines()) == 12
        assert str(error).endswith("… and 90 more: jit check shows them all.")
        assert len(error.problems) == 100

    def test_no_secret_is_in_the_text(self, open_app: Any, things: dict[str, object]) -> None:
        """Neither of a secret key nor of a key that the schema does not know."""
        things["things/Hello/Hello.json"] = {"word": 1, "secret": ["CANARY"], "sekret": "CANARY"}
        with pytest.raises(ElementInvalid) as caught:
            open_app(things).getElement("things.Hello")
        assert "things/Hello/Hello.json:" in str(caught.value)
        assert "CANARY" not in str(caught.value)

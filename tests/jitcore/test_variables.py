"""Variables: where their values come from, how they get into a document, and that secret ones stay secret."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitcore.dotenv import parse_dotenv
from jitcore.errors import ArgumentError
from jitcore.files import LARGEST
from jitcore.source import Source, read_json
from jitcore.variables import Variables


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], Source]:
    """Write a document (data or text) to a business file and read it."""

    def write_and_read(document: Any) -> Source:
        path = tmp_path / "My.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document, ensure_ascii=False), "utf-8")
        return read_json(path, inside=tmp_path, shown="My.json", element="corps.My")

    return write_and_read


@pytest.fixture
def dotenv(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a `.env` file."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / ".env"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def variables(
    explicit: Any = None,
    environ: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
    declared: Any = (),
) -> Variables:
    return Variables(explicit, environ or {}, dotenv, declared)


class TestSources:
    """Where a value comes from."""

    def test_the_first_source_wins(self, dotenv: Callable[[str], Path]) -> None:
        """The program, the process environment, `.env`, the declared default: in this order."""
        path = dotenv("a=file\nb=file\nc=file\n")
        declared = [{"name": name, "default": "default"} for name in "abcd"]
        found = variables({"a": "program"}, {"a": "process", "b": "process"}, path, declared)
        assert [found.lookup(name) for name in "abcde"] == ["program", "process", "file", "default", None]

    def test_an_empty_value_is_a_value(self) -> None:
        """Setting a variable to nothing is not the same as not setting it."""
        assert variables({"a": ""}, {"a": "x"}).lookup("a") == ""

    def test_the_nearest_declaration_counts(self) -> None:
        """An app may give another default than the app it extends."""
        declared = [{"name": "a", "default": "near"}, {"name": "a", "default": "far"}]
        assert variables(declared=declared).lookup("a") == "near"

    def test_a_missing_dotenv_sets_nothing(self, tmp_path: Path) -> None:
        """Most apps have none; that is no problem."""
        assert variables(dotenv=tmp_path / ".env").problems == ()
        assert variables().names == frozenset()

    def test_the_known_names(self, dotenv: Callable[[str], Path]) -> None:
        """What the program, `.env` and `app.json` name; the process environment is not the app's to list."""
        found = variables({"a": "1"}, {"PATH": "x"}, dotenv("b=1"), [{"name": "c"}])
        assert found.names == {"a", "b", "c"}

    @pytest.mark.parametrize(
        ("explicit", "said"),
        [
            ({"a": 1}, 'The value of the variable "a" must be a string, not int.'),
            ({"a": None}, 'The value of the variable "a" must be a string, not NoneType.'),
            ({1: "a"}, "1 cannot be the name of a variable."),
            ({"a-b": "x"}, "'a-b' cannot be the name of a variable."),
            ({"": "x"}, "'' cannot be the name of a variable."),
            (["a"], "variables must be a mapping of names to strings, not list."),
        ],
    )
    def test_only_strings_can_be_passed(self, explicit: Any, said: str) -> None:
        """A wrong argument is refused at once, by name."""
        with pytest.raises(ArgumentError, match=re.escape(said)):
            variables(explicit)

    def test_what_was_passed_is_copied(self) -> None:
        """Changing the dictionary afterwards changes nothing."""
        passed = {"a": "1"}
        found = variables(passed)
        passed["a"] = "2"
        assert found.lookup("a") == "1"


class TestDotenv:
    """The `.env` file."""

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("A=1", {"A": "1"}),
            ("A=1\nB=2\n", {"A": "1", "B": "2"}),
            ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
            ("A=1\rB=2", {"A": "1", "B": "2"}),
            ("\n# comment\n  \nA=1 # comment\n\tB = 2  \n", {"A": "1", "B": "2"}),
            ("A=\nB=  \nC=#no value\n", {"A": "", "B": "", "C": ""}),
            ("A=x#y\nB=x #y", {"A": "x#y", "B": "x"}),
            ("export A=1\n export  B='2'", {"A": "1", "B": "2"}),
            ("A=a b  c\nB=a=b", {"A": "a b  c", "B": "a=b"}),
            ("A='a # \\n b' # comment\n", {"A": "a # \\n b"}),
            ('A="a # \\n\\t\\"\\\\ b\\x" # comment\n', {"A": 'a # \n\t"\\ b\\x'}),
            ("A=\"one\ntwo\"\nB='one\ntwo'\n", {"A": "one\ntwo", "B": "one\ntwo"}),
            ('A=$HOME\nB="${HOME}"', {"A": "$HOME", "B": "${HOME}"}),
            ("名字=张三", {"名字": "张三"}),
            ("\ufeffA=1", {"A": "1"}),
            ("", {}),
        ],
    )
    def test_what_is_understood(self, text: str, values: dict[str, str]) -> None:
        """What the common tools agree on: comments, export, both quotes, several lines; nothing is expanded."""
        assert parse_dotenv(text, shown=".env") == (values, ())

    @pytest.mark.parametrize(
        ("text", "line", "said"),
        [
            ("A=1\nCANARY\nB=2", 2, "This line is not NAME=value."),
            ("A=1\nA B=CANARY\nB=2", 2, "This line is not NAME=value."),
            ("A=1\n=CANARY\nB=2", 2, "This line is not NAME=value."),
            ("A=1\n-----CANARY-----\nB=2", 2, "This line is not NAME=value."),
            ("A=1\nX='CANARY\nB=2", 2, "The value has no closing '."),
            ('A=1\nX="CANARY\\"\nB=2', 2, 'The value has no closing ".'),
            ("A=1\nX='CAN'ARY CANARY\nB=2", 2, "Something follows the closing quote."),
        ],
    )
    def test_a_broken_line_is_a_problem_and_the_others_count(self, text: str, line: int, said: str) -> None:
        """It is located, and what it holds is not shown: it may be half a secret."""
        found = parse_dotenv(text, shown="app/.env")
        [problem] = found.problems
        assert (problem.code, problem.file, problem.line, problem.message) == ("dotenv-syntax", "app/.env", line, said)
        assert found.values == {"A": "1", "B": "2"}
        assert "CANARY" not in repr(problem)

    def test_a_name_set_twice_is_a_warning(self) -> None:
        """The last one counts, and no value is shown."""
        found = parse_dotenv("A=one\nexport A=two", shown=".env")
        [problem] = found.problems
        assert found.values == {"A": "two"}
        assert (problem.code, problem.severity, problem.line, problem.column) == ("dotenv-duplicate", "warning", 2, 8)
        assert problem.snippet == "2 | export A***\n  |        ^"

    @pytest.mark.parametrize(
        ("content", "code"), [(b"A=\xff", "file-encoding"), (b"A=1\n" * LARGEST, "file-too-large")]
    )
    def test_a_file_that_cannot_be_read(self, dotenv: Callable[[bytes], Path], content: bytes, code: str) -> None:
        """Its problem is kept, and no variable comes from it."""
        found = variables(dotenv=dotenv(content))
        assert [problem.code for problem in found.problems] == [code]
        assert found.lookup("A") is None

    def test_it_may_be_a_link_to_anywhere(self, tmp_path: Path) -> None:
        """Deployments mount secrets elsewhere and link them."""
        (tmp_path / "secrets").write_text("A=1")
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / ".env").symlink_to("../secrets")
        assert variables(dotenv=tmp_path / "app" / ".env").lookup("A") == "1"

    @given(st.dictionaries(st.from_regex(r"[A-Za-z_]\w*", fullmatch=True), st.text(), max_size=4))
    def test_any_value_can_be_written_in_double_quotes(self, values: dict[str, str]) -> None:
        """Escaping quotes and backslashes is all it takes; line ends may stand as they are."""
        escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
        text = "".join(f'{name}="{value}"\n' for name, value in escaped.items())
        assert parse_dotenv(text, shown=".env") == (values, ())

    @given(st.text(alphabet="A=#\"' \\\n\rexport\t.$x"))
    def test_any_text_gives_values_or_problems(self, text: str) -> None:
        """No text makes the reader fail or hang, and every line that is neither empty nor a comment counts."""
        found = parse_dotenv(text, shown=".env")
        significant = [line for line in re.split(r"[\r\n]", text) if line.strip(" \t") and line.lstrip(" \t")[0] != "#"]
        assert bool(found.values or found.problems) == bool(significant)


class TestSubstituting:
    """From placeholders to values."""

    def test_strings_at_any_depth_are_filled(self, read: Callable[[Any], Source]) -> None:
        """Whole strings and parts of them, with or without spaces inside the braces; keys and other values stay."""
        source = read(
            {
                "whole": "{{a}}",
                "part": "x{{ a }}-{{b}}y",
                "deep": [{"in": ["{{\ta}}", 1, None, True]}],
                "{{a}}": "key",
                "plain": "}} { {x} {",
                "outer": "{{{a}}}",
            }
        )
        data, problems = variables({"a": "1", "b": "2"}).substitute(source.data, source)
        assert problems == []
        assert data == {
            "whole": "1",
            "part": "x1-2y",
            "deep": [{"in": ["1", 1, None, True]}],
            "{{a}}": "key",
            "plain": "}} { {x} {",
            "outer": "{1}",
        }

    def test_the_document_itself_is_never_changed(self, read: Callable[[Any], Source]) -> None:
        """The source keeps its placeholders; what needed no change is shared."""
        source = read({"a": ["{{x}}"], "b": ["y"]})
        data, _ = variables({"x": "1"}).substitute(source.data, source)
        assert source.data == {"a": ["{{x}}"], "b": ["y"]}
        assert data["b"] is source.data["b"]

    def test_without_braces_nothing_is_done(self, read: Callable[[Any], Source]) -> None:
        """The usual document costs one look at its text."""
        source = read({"a": ["x"], "b": "{"})
        data, problems = variables().substitute(source.data, source)
        assert data is source.data
        assert problems == []

    def test_braces_written_as_escapes_are_braces(self, read: Callable[[Any], Source]) -> None:
        """What counts is the string, not how JSON spells it."""
        source = read(r'{"a": "\u007b\u007B x}}"}')
        assert variables({"x": "1"}).substitute(source.data, source) == ({"a": "1"}, [])

    def test_values_are_text_not_json_and_not_templates(self, read: Callable[[Any], Source]) -> None:
        """A quote cannot break the file, a value brings no structure, and what it holds is not filled in again."""
        source = read({"a": "{{x}}"})
        data, _ = variables({"x": '", "b": {{y}}', "y": "1"}).substitute(source.data, source)
        assert data == {"a": '", "b": {{y}}'}

    @given(
        name=st.from_regex(r"\w+", fullmatch=True), value=st.text(), before=st.text(alphabet="ab} {"), after=st.text()
    )
    def test_any_value_lands_where_its_name_stood(
        self, tmp_path_factory: pytest.TempPathFactory, name: str, value: str, before: str, after: str
    ) -> None:
        """For any name, value and text around it without braces of its own."""
        before, after = before.rstrip("{"), after.replace("{", "")
        path = tmp_path_factory.getbasetemp() / "v.json"
        path.write_text(json.dumps({"k": before + "{{" + name + "}}" + after}), "utf-8")
        source = read_json(path, inside=path.parent, shown="v", element=None)
        if "{{" in before:
            return
        assert variables({name: value}).substitute(source.data, source) == ({"k": before + value + after}, [])

    @pytest.mark.parametrize(
        ("document", "code", "place", "said", "hint"),
        [
            (
                '{"a": "x-{{corpId}}"}',
                "variable-unset",
                "1:10",
                'The variable "corpId" has no value.',
                "Set it in the environment, or write corpId=… into .env.",
            ),
            (
                '{"a": [1,\n "{{ corpld }}"]}',
                "variable-unknown",
                "2:3",
                'There is no variable "corpld".',
                'Did you mean "corpId"?',
            ),
            (
                '{"a": "{{HOMEE}}"}',
                "variable-unknown",
                "1:8",
                'There is no variable "HOMEE".',
                'Did you mean "HOME"?',
            ),
            (
                '{"a": "{{zzz}}"}',
                "variable-unknown",
                "1:8",
                'There is no variable "zzz".',
                "Set it in the environment, or write zzz=… into .env.",
            ),
            (
                '{"a": "{{set}} {{broken"}',
                "variable-malformed",
                "1:16",
                "These braces open no {{variable}}.",
                "A placeholder is {{name}}, of letters, digits and underscores.",
            ),
            (
                r'{"a": "\t{{zzz}}"}',
                "variable-unknown",
                "1:7",
                'There is no variable "zzz".',
                "Set it in the environment, or write zzz=… into .env.",
            ),
            (
                '{"a": "{{bytes}}"}',
                "variable-invalid",
                "1:8",
                'The value of "bytes" is not text.',
                "Set it to UTF-8 text.",
            ),
        ],
        ids=["unset", "misspelt", "in the environment", "unknown", "malformed", "behind an escape", "undecodable"],
    )
    def test_what_cannot_be_filled_is_a_located_problem(
        self, read: Callable[[Any], Source], document: str, code: str, place: str, said: str, hint: str
    ) -> None:
        """At the placeholder itself, with a guess; the string keeps its placeholder."""
        source = read(document)
        found = variables({"set": "1"}, {"HOME": "/", "bytes": "\udcff"}, declared=[{"name": "corpId"}])
        data, problems = found.substitute(source.data, source)
        [problem] = problems
        assert (problem.code, f"{problem.line}:{problem.column}", problem.message, problem.hint) == (
            code,
            place,
            said,
            hint,
        )
        assert (problem.file, problem.element) == ("My.json", "corps.My")
        assert "{{" in json.dumps(data)

    @pytest.mark.parametrize("text", ["{{", "{{}}", "{{a b}}", "{{a-b}}", "{{ {a} }}", "{{{{", "{{a}"])
    def test_braces_that_are_no_placeholder(self, read: Callable[[Any], Source], text: str) -> None:
        """Two opening braces promise a variable; anything else is said, not passed on."""
        source = read({"k": text})
        _, problems = variables({"a": "1"}).substitute(source.data, source)
        assert {problem.code for problem in problems} == {"variable-malformed"}

    def test_only_the_placeholder_is_shown(self, read: Callable[[Any], Source]) -> None:
        """What stands around it in the string, and in the line, may be a secret."""
        source = read('{"a": "CANARY{{x}}CANARY", "b": "CANARY", "c": 424242}')
        [problem] = variables().substitute(source.data, source)[1]
        assert problem.snippet == '1 | {"a": "***{{x}}***", "b": "***", "c": ***}\n  |           ^^^^^'

    def test_every_place_is_told(self, read: Callable[[Any], Source]) -> None:
        """One run names all placeholders that cannot be filled."""
        source = read('{"a": "{{x}}{{y}}", "b": ["{{x}}"]}')
        problems = variables().substitute(source.data, source)[1]
        assert [problem.pointer for problem in problems] == ["/a", "/a", "/b/0"]
        assert [problem.column for problem in problems] == [8, 13, 28]


class TestSecrecy:
    """Values that may not be shown."""

    DECLARED = ({"name": "key", "secret": True}, {"name": "host"}, {"name": "unset", "secret": True})

    def test_secrets_are_those_declared(self) -> None:
        """Whatever source their value comes from; what has no value or an empty one is none."""
        found = variables({"key": "s3cret", "host": "h"}, declared=self.DECLARED)
        assert found.secrets == {"s3cret"}
        assert variables({"key": ""}, declared=self.DECLARED).secrets == frozenset()

    def test_no_representation_shows_a_value(self, dotenv: Callable[[str], Path]) -> None:
        """Neither repr nor str of the variables shows more than names."""
        found = variables({"key": "s3cret"}, {"x": "s3cret"}, dotenv("b=s3cret"), [{"name": "c", "default": "s3cret"}])
        assert repr(found) == str(found) == "<Variables b, c, key>"

    @pytest.mark.parametrize("secret", ["s3cret", 'a"b\\c', "张三\n", "x", "back\\slash", "'"])
    def test_redacting_finds_every_spelling(self, secret: str) -> None:
        """As it is, as JSON writes it, and as Python's repr does."""
        found = variables({"key": secret}, declared=self.DECLARED)
        for text in (secret, json.dumps({"k": secret}), json.dumps({"k": secret}, ensure_ascii=False), repr(secret)):
            redacted = found.redact(f"<{text}>")
            assert secret not in redacted
            assert "***" in redacted

    def test_a_secret_inside_a_longer_one(self) -> None:
        """The longer one is replaced as a whole, so that no rest of it stays."""
        declared = [{"name": "a", "secret": True}, {"name": "b", "secret": True}]
        assert variables({"a": "abc", "b": "abcdef"}, declared=declared).redact("abcdef abc") == "*** ***"

    def test_without_secrets_text_stays(self) -> None:
        """Redacting is for declared secrets; other values are not searched for."""
        assert variables({"host": "h"}, declared=self.DECLARED).redact("host h") == "host h"

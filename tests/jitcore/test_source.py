"""Reading JSON files: what is accepted, what is refused, and that nothing else can happen."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitcore.files import LARGEST
from jitcore.problems import CODES, Problem
from jitcore.source import DEEPEST, Source, SourceInvalid, read_json


def read(path: Path) -> Source:
    return read_json(path, inside=path.parent, shown=f"corps/My/{path.name}", element="corps.My")


def refused(path: Path, content: bytes | str | None) -> list[Problem]:
    """The problems of a file with this content (of the file as it is, for None)."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceInvalid) as caught:
        read(path)
    return list(caught.value.problems)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test puts its file."""
    return tmp_path / "My.json"


class TestAccepting:
    """What a good file becomes."""

    def test_an_object_is_read(self, file: Path) -> None:
        """The source carries the data, the text, and what messages name it."""
        file.write_text('{"名字": "张三", "n": [1, -0.5, 1e3, true, null]}\n', "utf-8")
        source = read(file)
        assert source.data == {"名字": "张三", "n": [1, -0.5, 1000.0, True, None]}
        assert (source.path, source.shown, source.element) == (str(file), "corps/My/My.json", "corps.My")
        assert source.text.endswith("\n")
        assert repr(source) == "<Source corps/My/My.json>"

    @pytest.mark.parametrize("content", [' \n\t{"a": 1}\r\n ', r'{"a": "\u4e2d \ud83d\ude00 \\ \/"}', "{}"])
    def test_white_space_and_escapes_are_json(self, file: Path, content: str) -> None:
        """What the standard allows is allowed here: white space around the document, and every escape."""
        file.write_text(content, "utf-8")
        assert read(file).data == json.loads(content)

    @pytest.mark.parametrize(
        "content",
        [
            '{"a":' * (DEEPEST - 1) + "{}" + "}" * (DEEPEST - 1),
            json.dumps({"text": "[{" * 200}),
            json.dumps({"flat": [{} for _ in range(100)]}),
        ],
        ids=["as deep as allowed", "brackets in a string", "many brackets side by side"],
    )
    def test_depth_is_what_counts_not_the_number_of_brackets(self, file: Path, content: str) -> None:
        """Up to the limit, and with any number of brackets beside each other, a file is read."""
        file.write_text(content, "utf-8")
        assert read(file).data == json.loads(content)

    def test_a_file_of_many_chunks_is_read_whole(self, file: Path) -> None:
        """A file that needs several system calls comes back complete."""
        content = {"text": "x" * (LARGEST - 100)}
        file.write_text(json.dumps(content), "utf-8")
        assert read(file).data == content

    def test_the_digest_tells_content_not_times(self, file: Path) -> None:
        """Equal content has an equal digest; a changed byte another one."""
        file.write_text('{"a": 1}')
        first = read(file).digest
        os.utime(file, (1, 1))
        assert read(file).digest == first
        file.write_text('{"a": 2}')
        assert read(file).digest != first

    def test_a_link_inside_the_folder_is_followed(self, tmp_path: Path, file: Path) -> None:
        """A link is no harm as long as it ends in the element's folder."""
        (tmp_path / "real.json").write_text('{"a": 1}')
        file.symlink_to("real.json")
        assert read(file).data == {"a": 1}

    def test_a_linked_element_folder_is_fine(self, tmp_path: Path) -> None:
        """The folder itself may be a link: developers link a checkout into an app."""
        (tmp_path / "checkout").mkdir()
        (tmp_path / "checkout" / "e.json").write_text('{"a": 1}')
        (tmp_path / "linked").symlink_to("checkout")
        assert read(tmp_path / "linked" / "e.json").data == {"a": 1}


class TestRefusingFiles:
    """Files that cannot be read at all."""

    def test_a_missing_file(self, file: Path) -> None:
        """It is a problem that names the file and the element."""
        assert refused(file, None) == [
            Problem("file-missing", "There is no such file.", element="corps.My", file="corps/My/My.json")
        ]

    def test_a_name_that_no_file_can_have(self, file: Path) -> None:
        """A NUL character in a name (names come from JSON) is no traceback."""
        assert [problem.code for problem in refused(file.with_name("a\0.json"), None)] == ["file-missing"]

    def test_a_file_in_a_file(self, file: Path) -> None:
        """A path that goes on behind a file leads nowhere."""
        file.write_text("{}")
        with pytest.raises(SourceInvalid) as caught:
            read_json(file / "e.json", inside=file, shown="e.json", element=None)
        assert caught.value.problems[0].code == "file-missing"

    @pytest.mark.parametrize("target", ["../other.json", "/etc/hostname"])
    def test_a_link_out_of_the_folder(self, tmp_path: Path, target: str) -> None:
        """A link may not lead out of the element's folder, wherever it leads."""
        (tmp_path / "other.json").write_text("{}")
        (tmp_path / "element").mkdir()
        link = tmp_path / "element" / "e.json"
        link.symlink_to(target)
        assert [problem.code for problem in refused(link, None)] == ["file-outside"]

    def test_a_path_out_of_the_folder(self, tmp_path: Path) -> None:
        """Neither may a path: by dots, or through a folder that is a link."""
        (tmp_path / "other.json").write_text("{}")
        element = tmp_path / "element"
        element.mkdir()
        (element / "sub").symlink_to(tmp_path)
        for path in ("../other.json", "sub/other.json"):
            with pytest.raises(SourceInvalid) as caught:
                read_json(f"{element}/{path}", inside=element, shown=path, element=None)
            assert caught.value.problems[0].code == "file-outside"

    def test_a_path_into_a_folder_of_the_element(self, tmp_path: Path) -> None:
        """A path to a file further inside is fine."""
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "x.json").write_text("{}")
        source = read_json(tmp_path / "sub" / "x.json", inside=tmp_path, shown="x", element=None)
        assert source.data == {}

    def test_a_link_to_itself(self, file: Path) -> None:
        """A circle of links is a file that cannot be read."""
        file.symlink_to(file.name)
        assert [problem.code for problem in refused(file, None)] == ["file-unreadable"]

    def test_a_link_to_nothing(self, file: Path) -> None:
        """A broken link is a missing file."""
        file.symlink_to("gone.json")
        assert [problem.code for problem in refused(file, None)] == ["file-missing"]

    def test_a_folder(self, file: Path) -> None:
        """A folder under a file's name is named as what it is."""
        file.mkdir()
        [problem] = refused(file, None)
        assert (problem.code, problem.message) == ("file-unreadable", "This is a folder, and a file must stand here.")

    def test_a_pipe_is_not_waited_for(self, file: Path) -> None:
        """A named pipe nobody writes to does not stop the app."""
        os.mkfifo(file)
        assert [problem.message for problem in refused(file, None)] == ["The file is empty."]

    def test_a_socket(self, tmp_path: Path) -> None:
        """Nor does a socket."""
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(tmp_path / "s.json"))
            assert [problem.code for problem in refused(tmp_path / "s.json", None)] == ["file-unreadable"]

    def test_a_file_without_permission(self, file: Path) -> None:
        """What the system forbids is said in the system's words."""
        file.write_text("{}")
        file.chmod(0)
        code = (
            "import os, sys\n"
            "from jitcore.files import SourceInvalid\n"
            "from jitcore.source import read_json\n"
            "path, user = sys.argv[1], int(sys.argv[2])\n"
            "if user == 0:\n"
            "    os.chdir(os.path.dirname(path))\n"
            "    os.setgid(65534)\n"
            "    os.setuid(65534)  # root reads everything\n"
            "    path = os.path.basename(path)\n"
            "try:\n"
            "    read_json(path, inside='', shown='x', element=None)\n"
            "except SourceInvalid as error:\n"
            "    print(error.problems[0].message)\n"
        )
        arguments = [sys.executable, "-c", code, str(file), str(os.geteuid())]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.stdout == "The file cannot be read: Permission denied.\n", done.stderr

    def test_a_file_that_is_too_large(self, file: Path) -> None:
        """Reading stops at the limit, so that no file fills the memory."""
        assert [problem.code for problem in refused(file, b" " * (LARGEST + 1))] == ["file-too-large"]

    def test_bytes_that_are_not_utf_8(self, file: Path) -> None:
        """The place is the first wrong byte; columns count characters before it."""
        [problem] = refused(file, '{"名": 1,\r\n "字": "'.encode() + b'\xff"}')
        assert (problem.code, problem.line, problem.column) == ("file-encoding", 2, 8)
        assert problem.message == "The byte 0xff is not UTF-8."

    def test_utf_16(self, file: Path) -> None:
        """What Windows' editors call Unicode is recognised."""
        [problem] = refused(file, "{}".encode("utf-16"))
        assert problem.message == "The file is UTF-16."

    def test_a_byte_order_mark_and_what_else_is_wrong(self, file: Path) -> None:
        """The mark is one problem; it hides no other, and moves no place."""
        problems = refused(file, '\ufeff{"a": 1, "a": 2}')
        assert [(problem.code, problem.line, problem.column) for problem in problems] == [
            ("file-encoding", 1, 1),
            ("json-duplicate-key", 1, 11),
        ]


#: Text that is no JSON: where the problem is, and what is said about it.
BROKEN = [
    ("", 1, 1, "The file is empty."),
    (" \n ", 1, 1, "The file is empty."),
    ('{"a": 1', 1, 7, 'The file ends before the "{" of line 1, column 1 is closed.'),
    ('{\n "a": [1, 2\n', 2, 11, 'The file ends before the "[" of line 2, column 7 is closed.'),
    ('{"a":', 1, 5, 'The file ends before the "{" of line 1, column 1 is closed.'),
    ('{"a": 1,', 1, 8, 'The file ends before the "{" of line 1, column 1 is closed.'),
    ('{"a": 1,}', 1, 8, 'No comma may stand before "}".'),
    ("[1,]", 1, 3, 'No comma may stand before "]".'),
    ('{"a": 1\n "b": 2}', 1, 7, "A comma is missing after this value."),
    ('{"a": [1}', 1, 9, '"]" must close what opens in line 1, column 7, not "}".'),
    ('{"a" 1}', 1, 2, "A colon must follow this key."),
    ("{a: 1}", 1, 2, "A key stands in double quotes."),
    ("{'a': 1}", 1, 2, "A key stands in double quotes."),
    ("{,}", 1, 2, 'A key is missing before ",".'),
    ('{"a": }', 1, 7, 'A value is missing before "}".'),
    ("[,]", 1, 2, 'A value is missing before ",".'),
    ('{"a":\u00a01}', 1, 6, "A value is missing before the character U+00A0."),
    ("{\"a\": 'x'}", 1, 7, "A text stands in double quotes, not in single ones."),
    ('{"a": x1}', 1, 7, "A text stands in double quotes."),
    ('{"a": True}', 1, 7, "JSON has no True."),
    ('{"a": None}', 1, 7, "JSON has no None."),
    ('{"a": 01}', 1, 7, "This is not a number as JSON writes it."),
    ('{"a": +1}', 1, 7, "This is not a number as JSON writes it."),
    ('{"a": 1.}', 1, 7, "This is not a number as JSON writes it."),
    ('{"a": "x\ny"}', 1, 7, "This string has no closing quote in its line."),
    ('{"a": "x', 1, 7, "This string has no closing quote in its line."),
    (r'{"a": "C:\Users"}', 1, 10, "JSON does not know this escape."),
    ('{"a": "x\ty"}', 1, 9, "A string may not hold the character U+0009 as it is."),
    ('{"a": 1} x', 1, 10, "The document has ended before this."),
    ("// x\n{}", 1, 1, "JSON has no comments."),
    ('{"a": 1 // x\n}', 1, 9, "JSON has no comments."),
    ('{"a": 1//x\n}', 1, 8, "JSON has no comments."),
    ('{"a": 1, # x\n}', 1, 10, "JSON has no comments."),
    ('{"a" /* x */: 1}', 1, 6, "JSON has no comments."),
    ("{} // x", 1, 4, "JSON has no comments."),
]


class TestRefusingContent:
    """Text that is not JSON, or that JSON allows and jitcore does not."""

    @pytest.mark.parametrize(("content", "line", "column", "message"), BROKEN, ids=[one[0] for one in BROKEN])
    def test_a_syntax_error_says_what_to_do_and_where(
        self, file: Path, content: str, line: int, column: int, message: str
    ) -> None:
        """Each common mistake has its own sentence, at the place where it must be mended."""
        [problem] = refused(file, content)
        assert (problem.code, problem.line, problem.column, problem.message) == ("json-syntax", line, column, message)

    def test_all_duplicate_keys_are_told(self, file: Path) -> None:
        """Each key that stands twice is a problem of its own, at its second place; `json` would keep the last."""
        problems = refused(file, '{"a": 1,\n "b": {"c": 1, "c": 2},\n "a": 3, "a": 4}')
        assert [(problem.code, problem.line, problem.column, problem.pointer) for problem in problems] == [
            ("json-duplicate-key", 2, 16, "/b/c"),
            ("json-duplicate-key", 3, 2, "/a"),
            ("json-duplicate-key", 3, 10, "/a"),
        ]
        assert problems[1].message == 'The key "a" stands twice in this object, first in line 1.'

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000])
    def test_numbers_that_only_python_knows(self, file: Path, number: str) -> None:
        """They are problems with a place and a pointer, though `json` takes most of them."""
        [problem] = refused(file, f'{{"a": [0, {number}]}}')
        assert (problem.code, problem.line, problem.column, problem.pointer) == ("json-number", 1, 11, "/a/1")

    @pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
    def test_nesting_of_any_depth(self, file: Path, content: str) -> None:
        """Nesting that would exhaust the stack is a problem at the first bracket too many."""
        [problem] = refused(file, content)
        assert problem.code == "json-too-deep"
        assert content[: (problem.column or 0)].count(content[0]) == DEEPEST + 1

    def test_half_a_surrogate_pair(self, file: Path) -> None:
        """A string that no file and no database could hold is refused here, not later."""
        [problem] = refused(file, r'{"a": ["\ud83d"], "b": "\ud83d\ude00"}')
        assert (problem.code, problem.pointer, problem.column) == ("json-surrogate", "/a/0", 8)

    @pytest.mark.parametrize("content", ["[1]", '"x"', "1", "null"])
    def test_a_top_level_that_is_no_object(self, file: Path, content: str) -> None:
        """Every file of an app is an object."""
        [problem] = refused(file, content)
        assert (problem.code, problem.line, problem.column, problem.pointer) == ("json-not-object", 1, 1, "")

    def test_different_mistakes_are_told_together(self, file: Path) -> None:
        """Nobody has to run twice: what stands before a syntax error is told with it."""
        problems = refused(file, '{"a": NaN,\n "a": "\\udc00",\n "b": tru}')
        assert [problem.code for problem in problems] == [
            "json-number",
            "json-duplicate-key",
            "json-surrogate",
            "json-syntax",
        ]

    def test_the_error_reads_as_its_problems(self, file: Path) -> None:
        """Should the internal error ever surface, it still says everything."""
        file.write_text('{"a": 1,}')
        with pytest.raises(SourceInvalid, match=r"My\.json:1:8: error\[json-syntax\]: No comma .* Remove the comma"):
            read(file)

    @pytest.mark.no_cover
    def test_a_megabyte_of_mistakes_takes_linear_time(self, file: Path) -> None:
        """The worst file of the largest size is told in seconds: one line, ten thousand duplicates, then an error."""
        content = "{" + ",".join('"k":{"v":"secret"}' for _ in range(10_000)) + ","
        started = time.process_time()
        problems = refused(file, content)
        assert time.process_time() - started < 20
        assert len(problems) == 10_000


class TestSecrets:
    """Of a file that is no JSON nobody knows which values are secret."""

    @pytest.mark.parametrize(
        "content",
        [
            '{"suiteSecret": "CANARY", "a": True}',
            '{"suiteSecret": "CANARY" "a": 1}',
            '{"suiteSecret": "CANARY, "a": 1}',
            '{"suiteSecret": CANARY", "a": 1}',
            '{"suiteSecret": CANARY}',
            "{\"suiteSecret\": 'CANARY'}",
            '{"suiteSecret: "CANARY", "a": 1}',
            '{"suiteSecret" "CANARY"}',
            '{suiteSecret: "CANARY"}',
            '{"suiteSecret": "CANARY",}',
            '{"suiteSecret": "CANARY"',
            '{"suiteSecret": "CANARY\n"}',
            '{"suiteSecret": "a\\xCANARY"}',
            '{"a": 1} "CANARY"',
            '{"a": 1, // CANARY\n}',
            '{"suiteSecret": "CANARY", "suiteSecret": "CANARY"}',
            '["CANARY"]',
            '"CANARY"',
            '{"n": 424242, "n": 424242}',
        ],
    )
    def test_no_value_is_shown(self, file: Path, content: str) -> None:
        """Neither the sentence nor the snippet shows a value, however the text is broken."""
        for problem in refused(file, content):
            assert "CANARY" not in repr(problem)
            assert "424242" not in repr(problem)

    def test_keys_and_literals_stay(self, file: Path) -> None:
        """So that the line can still be recognised."""
        [problem] = refused(file, '{"title": "My corp", "b": null, "a": True}')
        assert (
            problem.snippet == '1 | {"title": "***", "b": null, "a": True}\n  |                                  ^^^^'
        )


def check_that_only_problems_come(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        source, problems = read(path), ()
    except SourceInvalid as invalid:
        source, problems = None, invalid.problems
    assert bool(source) != bool(problems)
    if source:
        assert source.data == json.loads(content)
    for problem in problems:
        assert problem.code in CODES
        assert (problem.line or 0) >= 1
        assert (problem.column or 0) >= 1


@given(st.binary())
def test_arbitrary_bytes_are_data_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever bytes a file holds, reading it gives data or located problems, and never another error."""
    check_that_only_problems_come(tmp_path_factory.getbasetemp() / "any.json", content)


@given(st.text(alphabet="{}[]\":,\\/ \n\r\t'#0123456789.eE+-abutrflsnNIy\ud7ff\u4e2d", max_size=40))
def test_text_that_is_almost_json_is_data_or_problems(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    """The same for text made of JSON's own characters, which gets further into the reader."""
    check_that_only_problems_come(tmp_path_factory.getbasetemp() / "any.json", content.encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    data=st.dictionaries(st.text(max_size=5), JSON, max_size=4),
    cut=st.integers(0, 1000),
    junk=st.sampled_from(list('{}[]":,\\ x1\n')),
)
def test_the_fast_and_the_exact_reader_agree(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object], cut: int, junk: str
) -> None:
    """A document with one character put in is refused with a place, or read as `json` reads it."""
    text = json.dumps(data)
    cut %= len(text) + 1
    check_that_only_problems_come(
        tmp_path_factory.getbasetemp() / "any.json", (text[:cut] + junk + text[cut:]).encode()
    )

"""Where keys and values stand in a text, and how a place is drawn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitcore.lines import Lines
from jitcore.pointers import join_pointer, split_pointer
from jitcore.positions import Positions, Span
from jitcore.printing import columns, quoted, visible
from jitcore.snippets import draw

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def everything(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any, str | None]]:
    """Each pointer of a document, its value, and its key if it has one."""
    yield join_pointer(path), data, path[-1] if path and isinstance(path[-1], str) else None
    members = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for token, value in members:
        yield from everything(value, (*path, token))


def positions(text: str) -> Positions:
    return Positions(text, depth=64)


class TestPositions:
    """From a pointer to a place."""

    @given(data=JSON, indent=st.sampled_from([None, 0, 2, "\t"]), is_ascii=st.booleans())
    def test_every_pointer_leads_to_its_value_and_key(self, data: Any, indent: Any, is_ascii: bool) -> None:
        """What stands at the place of a pointer parses back to the value, and to the key; whatever the layout."""
        text = json.dumps(data, indent=indent, ensure_ascii=is_ascii)
        found = positions(text)
        for pointer, value, key in everything(data):
            place = found.value(pointer)
            assert place is not None
            assert json.loads(text[place.start : place.end]) == value
            key_place = found.key(pointer)
            assert (key_place is None) == (key is None)
            if key_place:
                assert json.loads(text[key_place.start : key_place.end]) == key

    @given(data=JSON, newline=st.sampled_from(["\n", "\r\n", "\r"]))
    def test_line_and_column_lead_back_to_the_offset(self, data: Any, newline: str) -> None:
        """With any kind of line end, line and column name the character that stands there."""
        text = json.dumps(data, indent=1).replace("\n", newline)
        found = positions(text)
        rows = text.split(newline)
        for pointer, _, _ in everything(data):
            place = found.value(pointer)
            assert place is not None
            line, column = found.lines.place(place.start)
            assert rows[line - 1][column - 1] == text[place.start]

    def test_the_last_of_two_equal_keys_counts(self) -> None:
        """As for the parser; and what was inside the first is not found under the second."""
        found = positions('{"a": {"b": 1}, "a": {"c": 2}}')
        assert found.value("/a") == Span(21, 29)
        assert found.value("/a/b") is None
        assert found.value("/a/c") == Span(27, 28)

    def test_a_pointer_to_nothing(self) -> None:
        """It has no place; its nearest container has."""
        found = positions('{"a": {"b": [1]}}')
        assert found.value("/a/x") is None
        assert found.key("/x") is None
        assert [found.nearest(pointer) for pointer in ("/a/b/7/c", "/a/x", "/x", "")] == ["/a/b", "/a", "", ""]

    def test_positions_before_a_syntax_error(self) -> None:
        """Text that breaks off has the places of what stands before."""
        found = positions('{"a": [1, {"b": 2}, x')
        assert found.value("/a/1/b") == Span(16, 17)
        assert found.value("/a") == Span(6, 21)
        assert found.broken_from == 20

    def test_nothing_at_all(self) -> None:
        """An empty text has no place, and asking is no error."""
        assert positions("").value("") is None

    def test_scalars_of_a_piece(self) -> None:
        """All strings, numbers and literals that reach into a piece of the text, and no other."""
        text = '{"a": "xxxxxxxxxx", "b": [[], {}], "c": {"d": 1}, "e": null}'
        found = positions(text)
        assert [pointer for pointer, _ in found.scalars(0, len(text))] == ["/a", "/c/d", "/e"]
        assert [pointer for pointer, _ in found.scalars(10, 11)] == ["/a"]
        assert [pointer for pointer, _ in found.scalars(text.index("{}"), text.index("1") + 1)] == ["/c/d"]

    @pytest.mark.no_cover
    @pytest.mark.parametrize("unit", ["[", '{"a":', '["x",', "\n"])
    def test_time_is_linear_and_depth_unlimited(self, unit: str) -> None:
        """Four times the text takes about four times as long, however it is nested; no recursion limit applies."""

        def seconds(count: int) -> float:
            started = time.process_time()
            Positions(unit * count, depth=10**9).value("/0/a/0")
            return time.process_time() - started

        seconds(1000)
        small = min(seconds(5_000) for _ in range(3))
        assert seconds(20_000) < 16 * small


class TestPointers:
    """RFC 6901."""

    @given(st.lists(st.text()))
    def test_a_path_survives(self, path: list[str]) -> None:
        """Any keys, with slashes and tildes, come back from the pointer."""
        assert split_pointer(join_pointer(path)) == path

    def test_the_examples_of_the_standard(self) -> None:
        """A few keys of RFC 6901, section 5."""
        assert [join_pointer([key]) for key in ("", "a/b", "m~n", "c%d", " ")] == ["/", "/a~1b", "/m~0n", "/c%d", "/ "]
        assert join_pointer([]) == ""


class TestLines:
    """From an offset to what an editor shows."""

    def test_every_kind_of_line_end(self) -> None:
        """LF, CRLF and CR end a line; other separators that Unicode knows do not."""
        text = "a\nb\r\nc\rd\u2028e\x0bf"
        lines = Lines(text)
        assert [lines.place(text.index(char)) for char in "abcdef"] == [(1, 1), (2, 1), (3, 1), (4, 1), (4, 3), (4, 5)]
        assert [text[slice(*lines.span(line))] for line in (1, 2, 3)] == ["a", "b", "c"]

    def test_the_end_of_the_text(self) -> None:
        """The place behind the last character is a place, too."""
        assert Lines("").place(0) == (1, 1)
        assert Lines("a\n").place(2) == (2, 1)


class TestDrawing:
    """The line of a place, with carets."""

    @pytest.mark.parametrize(
        ("text", "marked", "drawn"),
        [
            ('{"a": True}', "True", '1 | {"a": True}\n  |       ^^^^'),
            ('{\n\t"a": True}', "True", "2 |     " + '"a": True}\n  |          ^^^^'),
            ('{"名字": "张三", "a": True}', "True", '1 | {"名字": "张三", "a": True}\n  | ' + " " * 22 + "^^^^"),
            ('{"a": "张三"}', '"张三"', '1 | {"a": "张三"}\n  |       ^^^^^^'),
            ("e\u0301x", "x", "1 | e\u0301x\n  |  ^"),
            ("\x1b[31mx", "x", "1 | \\u001b[31mx\n  |           ^"),
            ("a\u202eb x", "x", "1 | a\\u202eb x\n  |          ^"),
            ("a [1,\n2]", "[1,\n2]", "1 | a [1,\n  |   ^^^"),
        ],
        ids=["plain", "tab", "wide before", "wide marked", "combining", "escape", "direction", "over the line end"],
    )
    def test_carets_stand_under_the_place(self, text: str, marked: str, drawn: str) -> None:
        """Whatever stands before: tabs, characters of two columns or none, characters that may not be printed."""
        start = text.index(marked)
        assert draw(Lines(text), Span(start, start + len(marked))) == drawn

    def test_the_end_of_a_line_can_be_marked(self) -> None:
        """The place behind the last character has a caret, too."""
        assert draw(Lines("ab\nc"), Span(2, 2)) == "1 | ab\n  |   ^"
        assert draw(Lines(""), Span(0, 0)) == "1 | \n  | ^"

    def test_a_high_line_number_moves_both_lines(self) -> None:
        """The margin is as wide as the number."""
        assert draw(Lines("\n" * 99 + "abc"), Span(100, 101)) == "100 | abc\n    |  ^"

    def test_a_long_line_is_cut_around_the_place(self) -> None:
        """A minified file shows what surrounds the place, with dots where text is left out."""
        text = "a" * 500 + "X" + "b" * 500
        source, carets = draw(Lines(text), Span(500, 501)).split("\n")
        assert len(source) < 120
        assert (source[4], source[-1], source[carets.index("^")]) == ("…", "…", "X")

    def test_a_hidden_piece_is_masked_and_carets_follow(self) -> None:
        """A mask tells neither the value nor its length, and what follows it is marked where it then stands."""
        text = '{"s": "a-very-long-secret", "x": True}'
        secret, place = text.index('"a-'), text.index("True")
        drawn = draw(Lines(text), Span(place, place + 4), lambda _start, _end: [Span(secret, secret + 20)])
        assert drawn == '1 | {"s": "***", "x": True}\n  |                   ^^^^'

    @given(st.text(alphabet='ab\t张\u0301\u202e"', min_size=1, max_size=300), st.integers(0, 299), st.integers(0, 20))
    def test_the_caret_line_is_never_longer_than_the_line(self, text: str, start: int, length: int) -> None:
        """For any line and place, the carets begin inside or right behind the drawn line, and there is one at least."""
        start %= len(text)
        source, carets = draw(Lines(text), Span(start, min(start + length, len(text)))).split("\n")
        assert "^" in carets
        width = sum(columns(char) for char in source)
        assert carets.index("^") <= width
        assert len(carets) <= max(width, carets.index("^") + 1)


class TestPrinting:
    """Text that others wrote, in our messages."""

    def test_invisible_characters_become_visible(self) -> None:
        """Control and format characters are written as escapes; everything else stays."""
        assert visible("a中é") == "a中é"
        assert visible("\x1b[2J\u202e\u200b\U000e0001") == "\\u001b[2J\\u202e\\u200b\\U000e0001"

    def test_values_are_quoted_as_json_and_cut(self) -> None:
        """A message quotes a value as the file has it, and not a page of it."""
        assert [quoted(value) for value in ("a\n", None, 1, {"a": 1})] == ['"a\\n"', "null", "1", '{"a": 1}']
        assert len(quoted("x" * 1000)) == 60
        assert quoted("x" * 1000).endswith('…"')
        assert len(quoted(list(range(1000)))) == 60

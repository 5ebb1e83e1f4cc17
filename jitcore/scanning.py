"""A second, slow reading of a JSON text that has already been found wanting.

The fast reader (:mod:`jitcore.source`) only says yes or no. This scanner is run after a no: it walks the text without
recursion, in linear time, remembers where everything stands, and says what breaks the rules of RFC 8259 in words that
help. It never quotes a value, for the value may be a secret.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from jitcore.lines import Lines
from jitcore.printing import quoted

__all__ = ["Entry", "Finding", "Scan", "is_text", "scan"]

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING_START = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[^\s\"'{}\[\],:]+")
_FRACTION = re.compile(r"[.eE]")
_COMMENT = re.compile(r"//|/\*|#")
_NON_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})
_LITERALS = frozenset({"true", "false", "null"})
#: What people write from other languages, and how JSON writes it.
_FOREIGN = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "None": "null",
    "NULL": "null",
    "Null": "null",
    "nil": "null",
    "undefined": "null",
}
_CURLY = frozenset("“”„‟‘’‚‛«»「」")
_STRAIGHT = 'Write straight double quotes: ".'
_CONFLICT = re.compile(r"<{7}|={7}|>{7}")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Finding(NamedTuple):
    """Something that breaks the rules, between two offsets.

    :param code: one of :data:`jitcore.problems.CODES`.
    :param entry: index of the entry it is about, None when the text is broken there.
    :param first: offset of the place that it clashes with, if it does.
    """

    code: str
    message: str
    start: int
    end: int
    hint: str | None = None
    entry: int | None = None
    first: int | None = None


@dataclass(slots=True)
class Entry:
    """One value of the document.

    :param parent: index of the object or array it is in; -1 for the document.
    :param token: its key or its index, as text; None for the document.
    :param key: offset of its key, -1 when it has none.
    :param key_end: offset behind the key.
    :param start: offset of the value.
    :param end: offset behind the value.
    """

    parent: int
    token: str | None
    key: int
    key_end: int
    start: int
    end: int = -1


@dataclass(slots=True)
class Scan:
    """All values and all findings in the order they stand.

    :param broken_from: where the scan had to end, which the last finding explains; None if it reached the end.
    """

    entries: list[Entry]
    findings: list[Finding]
    broken_from: int | None


def scan(text: str, *, depth: int) -> Scan:
    """Read ``text`` as JSON and report where everything is and what is wrong.

    :param depth: how deep objects and arrays may be nested; the scan ends at the first that is deeper.
    """
    scanner = _Scanner(text, depth)
    try:
        scanner.run()
    except _Fault as fault:
        return Scan(scanner.entries, [*scanner.findings, fault.finding], fault.finding.start)
    return Scan(scanner.entries, scanner.findings, None)


def is_text(string: str) -> bool:
    """Whether the string can be written as UTF-8 (no half of a surrogate pair in it)."""
    return _SURROGATE.search(string) is None


class _Fault(Exception):
    """Leads out of the scan; it never leaves this module."""

    def __init__(self, message: str, start: int, end: int, hint: str | None = None, code: str = "json-syntax") -> None:
        super().__init__(message)
        self.finding = Finding(code, message, start, max(end, start), hint)


@dataclass(slots=True)
class _Open:
    """An object or array whose end has not come yet."""

    entry: int
    closer: str
    keys: dict[str, int] | None  # of an object: where each key stood first
    count: int = 0


class _Scanner:
    """The state of one scan: where it is, and what is still open."""

    def __init__(self, text: str, depth: int) -> None:
        self.text = text
        self.depth = depth
        self.lines = Lines(text)
        self.entries: list[Entry] = []
        self.findings: list[Finding] = []
        self.open: list[_Open] = []
        self.position = 0

    def run(self) -> None:
        if self._peek() == "":
            raise _Fault("The file is empty.", 0, 0, "Write at least {}.")
        self._value(Entry(-1, None, -1, -1, self.position))
        while self.open:
            self._step(self.open[-1])
        if self._peek():
            self._refuse_comment()
            at = self.position
            raise _Fault(
                "The document has ended before this.",
                at,
                at + 1,
                "Remove it, or look for a bracket that closes too early.",
            )

    def _step(self, inner: _Open) -> None:
        """Read the next member of the innermost object or array, or its end."""
        before = self.position
        char = self._peek()
        if char == inner.closer:
            self._close()
            return
        if inner.count:
            if char != ",":
                self._refuse_missing_comma(inner, before, char)
            comma = self.position
            self.position += 1
            if self._peek() == inner.closer:
                raise _Fault(f'No comma may stand before "{inner.closer}".', comma, comma + 1, "Remove the comma.")
        inner.count += 1
        if inner.keys is None:
            self._value(Entry(inner.entry, str(inner.count - 1), -1, -1, self.position))
        else:
            self._member(inner, inner.keys)

    def _member(self, inner: _Open, keys: dict[str, int]) -> None:
        start = self.position
        key = self._key(inner)
        end = self.position
        if self._peek() != ":":
            self._refuse_comment()
            raise _Fault("A colon must follow this key.", start, end, "Write it between the key and its value.")
        self.position += 1
        self._peek()
        if key in keys:
            self._note(
                "json-duplicate-key",
                f"The key {quoted(key)} stands twice in this object, first in line {self.lines.place(keys[key])[0]}.",
                (start, end),
                "Keep one of the two.",
                len(self.entries),
                keys[key],
            )
        keys.setdefault(key, start)
        self._value(Entry(inner.entry, key, start, end, self.position))

    def _value(self, entry: Entry) -> None:
        char = self._peek()
        if char in ("{", "["):
            self._opens(entry, char)
            return
        if char == '"':
            self._string(len(self.entries))
        elif _WORD.match(char):
            self._word()
        else:
            self._refuse_value(char)
        entry.end = self.position
        self.entries.append(entry)

    def _opens(self, entry: Entry, char: str) -> None:
        at = self.position
        if len(self.open) >= self.depth:
            raise _Fault(
                f"Objects and arrays are nested more than {self.depth} deep here.", at, at + 1, code="json-too-deep"
            )
        self.open.append(_Open(len(self.entries), "}" if char == "{" else "]", {} if char == "{" else None))
        self.entries.append(entry)
        self.position += 1

    def _close(self) -> None:
        self.position += 1
        self.entries[self.open.pop().entry].end = self.position

    def _key(self, inner: _Open) -> str:
        char = self._peek()
        if char == '"':
            return self._string(None)
        self._refuse_comment()
        if not char:
            self._refuse_end(inner)
        self._refuse_conflict()
        at = self.position
        word = _WORD.match(self.text, at)
        if word or char == "'":
            hint = _STRAIGHT if char in _CURLY or char == "'" else "Put it into double quotes."
            raise _Fault("A key stands in double quotes.", at, word.end() if word else at + 1, hint)
        raise _Fault(f"A key is missing before {_name(char)}.", at, at + 1)

    def _string(self, entry: int | None) -> str:
        start = self.position
        body = _STRING_START.match(self.text, start)
        assert body is not None  # the caller saw the opening quote
        end = body.end()
        if self.text[end : end + 1] != '"':
            self._refuse_string(start, end)
        self.position = end + 1
        raw = self.text[start : end + 1]
        if "\\" not in raw:
            return raw[1:-1]
        string: str = json.loads(raw)
        if not is_text(string):
            self._note(
                "json-surrogate",
                "This string holds half of a UTF-16 surrogate pair, which is no character.",
                (start, end + 1),
                r"Write both halves, as in \ud83d\ude00, or the character itself.",
                entry,
            )
        return string

    def _word(self) -> None:
        """Read a number or a literal; any other word is refused."""
        start = self.position
        match = _WORD.match(self.text, start)
        assert match is not None  # the caller saw its first character
        word = match.group()
        if word not in _LITERALS:
            if word in _NON_FINITE:
                self._note("json-number", f"JSON has no {word}.", match.span(), "Write a number, or null.")
            elif not _NUMBER.fullmatch(word):
                self._refuse_word(word, match.span())
            elif not _is_representable(word):
                self._note("json-number", "This number is too large.", match.span(), "Write it as a string.")
        self.position = match.end()

    def _note(
        self,
        code: str,
        message: str,
        span: tuple[int, int],
        hint: str,
        entry: int | None = -1,
        first: int | None = None,
    ) -> None:
        """Report something wrong that does not end the scan; by default it is about the value being read."""
        self.findings.append(Finding(code, message, *span, hint, len(self.entries) if entry == -1 else entry, first))

    def _refuse_word(self, word: str, span: tuple[int, int]) -> NoReturn:
        self._refuse_comment()
        # A comment may also follow a value without a space: 1//one.
        if comment := _COMMENT.search(word):
            self.position += comment.start()
            self._refuse_comment()
        if word in _FOREIGN:
            raise _Fault(f"JSON has no {word}.", *span, f"Write {_FOREIGN[word]}.")
        self._refuse_conflict()
        if not self.open:
            raise _Fault("The top level of the file must be an object, written { … }.", *span, code="json-syntax")
        if word[0] in "-+.0123456789":
            raise _Fault("This is not a number as JSON writes it.", *span, "Write it like 12, -0.5 or 1e6.")
        raise _Fault("A text stands in double quotes.", *span, _STRAIGHT if word[0] in _CURLY else None)

    def _refuse_comment(self) -> None:
        """JSON has none: say so, if one starts here."""
        if _COMMENT.match(self.text, self.position):
            raise _Fault("JSON has no comments.", self.position, self._line_end(), "Remove the comment.")

    def _refuse_conflict(self) -> None:
        """Git leaves these lines where two changes meet: say so, if one starts here."""
        if self.lines.place(self.position)[1] == 1 and _CONFLICT.match(self.text, self.position):
            hint = "Keep one of the two versions, and remove the lines of <<<<<<<, ======= and >>>>>>>."
            raise _Fault("A merge conflict is left in this file.", self.position, self._line_end(), hint)

    def _refuse_value(self, char: str) -> NoReturn:
        at = self.position
        if not char:
            self._refuse_end(self.open[-1])
        if char == "'":
            raise _Fault("A text stands in double quotes, not in single ones.", at, at + 1, _STRAIGHT)
        raise _Fault(f"A value is missing before {_name(char)}.", at, at + 1)

    def _refuse_missing_comma(self, inner: _Open, before: int, char: str) -> NoReturn:
        self._refuse_comment()
        if not char:
            self._refuse_end(inner)
        if char in "]}":
            line, column = self.lines.place(self.entries[inner.entry].start)
            raise _Fault(
                f'"{inner.closer}" must close what opens in line {line}, column {column}, not "{char}".',
                self.position,
                self.position + 1,
                f'Write "{inner.closer}" here, or close what else is open before it.',
            )
        # Where the comma belongs, not where the parser noticed: that may be some lines further.
        raise _Fault("A comma is missing after this value.", before - 1, before, "Write a comma here.")

    def _refuse_end(self, inner: _Open) -> NoReturn:
        line, column = self.lines.place(self.entries[inner.entry].start)
        end = len(self.text.rstrip(" \t\r\n"))
        raise _Fault(
            f'The file ends before the "{self.text[self.entries[inner.entry].start]}" of line {line}, column {column} '
            "is closed.",
            max(end - 1, 0),
            end,
            f'Write the missing "{inner.closer}", or restore the rest of the file.',
        )

    def _refuse_string(self, start: int, end: int) -> NoReturn:
        char = self.text[end : end + 1]
        if char == "\\":
            raise _Fault(
                "JSON does not know this escape.", end, min(end + 2, self._line_end()), r"Write \\ for one backslash."
            )
        if char in ("", "\n", "\r"):
            raise _Fault(
                "This string has no closing quote in its line.",
                start,
                end,
                r"Close it; a line break inside it is written \n.",
            )
        raise _Fault(
            f"A string may not hold {_name(char)} as it is.", end, end + 1, f"Write {json.dumps(char)[1:-1]} for it."
        )

    def _line_end(self) -> int:
        return self.lines.span(self.lines.place(self.position)[0])[1]

    def _peek(self) -> str:
        """Skip white space; the next character, or an empty string at the end."""
        space = _SPACE.match(self.text, self.position)
        assert space is not None  # it matches nothing, too
        self.position = space.end()
        return self.text[self.position : self.position + 1]


def _name(char: str) -> str:
    """A character as a message can show it: some are invisible, and some would break the terminal's line."""
    return f'"{char}"' if char.isascii() and char.isprintable() and char != " " else f"the character U+{ord(char):04X}"


def _is_representable(number: str) -> bool:
    try:
        return math.isfinite(float(number)) if _FRACTION.search(number) else bool(str(int(number)))
    except ValueError:  # Python refuses to read integers of more than 4300 digits
        return False

"""Problems for their three readers: a person at a terminal, a program, and GitHub's annotations on a change."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeVar

from jitcore.printing import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jitcore.problems import Problem, Related

__all__ = ["render_github", "render_json", "render_text", "seen_from"]

_Place = TypeVar("_Place", "Problem", "Related")

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "caret": "\x1b[36m", "hint": "\x1b[32m", "note": "\x1b[34m"}


def render_text(problems: Iterable[Problem], color: bool = False, silenced: int = 0) -> str:
    """Render for a terminal: each problem with its line and carets, and a last line that counts.

    The first line of a problem reads ``file:line:column: error[code]: sentence``, which editors and terminals turn
    into a link.

    :param color: whether to use ANSI colours; they never carry meaning alone.
    :param silenced: how many warnings are not among them because the app silences them.
    """
    problems = list(problems)
    return "\n\n".join([*(_one(problem, color) for problem in problems), _summary(problems, silenced)])


def render_json(problems: Iterable[Problem], silenced: int = 0) -> str:
    """Render for a program. The shape, which only ever grows::

    {
      "type": "object",
      "required": ["version", "summary", "problems"],
      "properties": {
        "version": {"const": 1},
        "summary": {
          "type": "object",
          "required": ["errors", "warnings", "silenced"],
          "properties": {
            "errors": {"type": "integer"},
            "warnings": {"type": "integer"},
            "silenced": {"type": "integer"}
          }
        },
        "problems": {
          "type": "array",
          "items": {
            "type": "object",
            "required": ["code", "message", "severity", "element", "file", "line", "column", "pointer",
                         "snippet", "hint", "related"],
            "properties": {
              "code": {"type": "string"},
              "message": {"type": "string"},
              "severity": {"enum": ["error", "warning"]},
              "element": {"type": ["string", "null"]},
              "file": {"type": ["string", "null"]},
              "line": {"type": ["integer", "null"], "minimum": 1},
              "column": {"type": ["integer", "null"], "minimum": 1},
              "pointer": {"type": ["string", "null"]},
              "snippet": {"type": ["string", "null"]},
              "hint": {"type": ["string", "null"]},
              "related": {
                "type": "array",
                "items": {
                  "type": "object",
                  "required": ["message", "file", "line", "column"],
                  "properties": {
                    "message": {"type": "string"},
                    "file": {"type": ["string", "null"]},
                    "line": {"type": ["integer", "null"], "minimum": 1},
                    "column": {"type": ["integer", "null"], "minimum": 1}
                  }
                }
              }
            }
          }
        }
      }
    }
    """
    problems = list(problems)
    errors, warnings = _counts(problems)
    document = {
        "version": 1,
        "summary": {"errors": errors, "warnings": warnings, "silenced": silenced},
        "problems": [asdict(problem) for problem in problems],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def seen_from(problems: Iterable[Problem], folder: str) -> list[Problem]:
    """Name the files as seen from the root of a repository in which the app is ``folder``; absolute ones stay."""
    if not folder:
        return list(problems)

    def named(place: _Place) -> _Place:
        if place.file is None or os.path.isabs(place.file):
            return place
        return replace(place, file=os.path.join(folder, place.file))

    return [
        replace(named(problem), related=tuple(named(related) for related in problem.related)) for problem in problems
    ]


def render_github(problems: Iterable[Problem]) -> str:
    """Render as workflow commands, which GitHub shows beside the lines of a change.

    Source: GitHub's "Workflow commands for GitHub Actions", ``::error file=…,line=…,col=…,title=…::message``.
    """
    lines = []
    for problem in problems:
        properties = {"file": problem.file, "line": problem.line, "col": problem.column, "title": _title(problem)}
        given = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
        message = " ".join([problem.message, *([problem.hint] if problem.hint else [])])
        message += "".join(f"\nnote: {related}" for related in problem.related)
        lines.append(f"::{problem.severity} {given}::{_data(message)}")
    return "\n".join(lines)


def _one(problem: Problem, color: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if color else text

    place = f"{paint(visible(problem.place), _BOLD)}: " if problem.place else ""
    label = paint(f"{problem.severity}[{problem.code}]", _COLORS[problem.severity])
    lines = [f"{place}{label}: {visible(problem.message)}"]
    if problem.snippet:
        source, carets = problem.snippet.split("\n")
        margin, bar, marks = carets.partition("|")
        lines += [f"  {visible(source)}", f"  {margin}{bar}{paint(marks, _COLORS['caret'])}"]
    lines += [f"  {paint('note:', _COLORS['note'])} {visible(str(related))}" for related in problem.related]
    if problem.hint:
        lines.append(f"  {paint('hint:', _COLORS['hint'])} {visible(problem.hint)}")
    return "\n".join(lines)


def _summary(problems: Sequence[Problem], silenced: int) -> str:
    aside = f" {_count(silenced, 'warning')} silenced by app.json." if silenced else ""
    if not problems:
        return f"No problems found.{aside}"
    errors, warnings = _counts(problems)
    counts = [_count(errors, "error")] if errors else []
    counts += [_count(warnings, "warning")] if warnings else []
    files = len({problem.file for problem in problems if problem.file})
    where = f" in {_count(files, 'file')}" if files else ""
    return f"{', '.join(counts)}{where}.{aside}"


def _counts(problems: Sequence[Problem]) -> tuple[int, int]:
    warnings = sum(problem.severity == "warning" for problem in problems)
    return len(problems) - warnings, warnings


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _title(problem: Problem) -> str:
    return f"{problem.code} in {problem.element}" if problem.element else problem.code


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

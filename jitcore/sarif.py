"""Problems as SARIF 2.1.0, the format that code hosts and editors take from any checker.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, sections 3.19 (tool component), 3.27
(result), 3.28 (location) and 3.49 (reporting descriptor).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jitcore.pages import page_text
from jitcore.problems import CODES, WARNINGS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jitcore.problems import Problem, Related

__all__ = ["render_sarif"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NUMBER = re.compile(r"[0-9]+")


def render_sarif(problems: Iterable[Problem]) -> str:
    """Render as one SARIF log with one run.

    Each code that occurs is a rule, whose help is its page. A result's fingerprint stays the same while the problem
    moves to other lines.

    :param problems: their files relative to the root of the repository, for a code host to find them.
    """
    problems = list(problems)
    codes = sorted({problem.code for problem in problems})
    fingerprints = _fingerprints(problems)
    run = {
        "tool": {
            "driver": {"name": "jitcore", "version": version("jitcore"), "rules": [_rule(code) for code in codes]}
        },
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(problem, codes.index(problem.code), fingerprint)
            for problem, fingerprint in zip(problems, fingerprints, strict=True)
        ],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "defaultConfiguration": {"level": "warning" if code in WARNINGS else "error"}}
    if code in CODES:
        text = page_text(code)
        rule["shortDescription"] = {"text": CODES[code]}
        rule["help"] = {"text": text, "markdown": text}
    else:
        # The code of an error, such as app-closed: it has no page.
        rule["shortDescription"] = {"text": code}
        rule["help"] = {"text": "The message says all there is to say."}
    return rule


def _result(problem: Problem, rule: int, fingerprint: str) -> dict[str, Any]:
    text = f"{problem.message} {problem.hint}" if problem.hint else problem.message
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": text},
        "locations": [_location(problem)],
        "partialFingerprints": {"jitcore/v1": fingerprint},
    }
    if problem.element:
        logical = {"fullyQualifiedName": problem.element, "kind": "element"}
        result["locations"][0]["logicalLocations"] = [logical]
    result["locations"] = [location for location in result["locations"] if location]
    if problem.related:
        result["relatedLocations"] = [
            {"id": number, **_location(related), "message": {"text": related.message}}
            for number, related in enumerate(problem.related, start=1)
        ]
    return result


def _location(place: Problem | Related) -> dict[str, Any]:
    if place.file is None:
        return {}
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line is not None:
        physical["region"] = {"startLine": place.line}
        if place.column is not None:
            physical["region"]["startColumn"] = place.column
    return {"physicalLocation": physical}


def _uri(file: str) -> str:
    return Path(file).as_uri() if os.path.isabs(file) else quote(file.replace(os.sep, "/"))


def _fingerprints(problems: Iterable[Problem]) -> list[str]:
    """Made of all but the place; equal ones, such as two syntax errors of a file, are numbered."""
    seen: Counter[str] = Counter()
    prints = []
    for problem in problems:
        # A message may name lines.
        message = _NUMBER.sub("#", problem.message)
        parts = (problem.code, problem.file, problem.element, problem.pointer, message)
        digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
        seen[digest] += 1
        prints.append(f"{digest}:{seen[digest]}")
    return prints

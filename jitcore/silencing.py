"""Warnings that the app's owner has seen and accepted: the ``silence`` of ``app.json``.

Only warnings can be silenced: an error means that something does not work, and hiding that helps nobody. An entry that
silences nothing is told, so that the list does not outlive its reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jitcore.problems import CODES, WARNINGS
from jitcore.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jitcore.problems import Problem
    from jitcore.registry import Registry
    from jitcore.source import Source

__all__ = ["silence"]


def silence(
    problems: Iterable[Problem], manifest: Source, hidden: frozenset[str], registry: Registry
) -> tuple[list[Problem], int]:
    """Take the silenced warnings out of an app's problems, and add what is wrong with the silences.

    :param manifest: the ``app.json``, whose ``silence`` has the right form.
    :param hidden: pointers of values of the ``app.json`` that no message may show.
    :param registry: knows the elements.
    :returns: the problems that are left, and how many are silenced.
    """
    kept = list(problems)
    before = len(kept)
    told: list[Problem] = []
    for place, entry in enumerate(manifest.data.get("silence", ())):
        pointer = f"/silence/{place}"
        code, element = (entry, None) if isinstance(entry, str) else (entry["code"], entry.get("element"))
        refused = _refusal(code, element, registry)
        if refused:
            name, message, hint, key = refused
            at = pointer if isinstance(entry, str) else f"{pointer}/{key}"
            told.append(manifest.problem(name, message, pointer=at, hint=hint, secrets=hidden))
            continue
        left = [problem for problem in kept if not _matches(problem, code, element)]
        if len(left) == len(kept):
            what = f"There is no warning {code}" + (f" of {element}" if element else "") + " to silence."
            told.append(
                manifest.problem(
                    "silence-unused", what, pointer=pointer, hint="Remove it.", severity="warning", secrets=hidden
                )
            )
        kept = left
    return [*kept, *told], before - len(kept)


def _matches(problem: Problem, code: str, element: str | None) -> bool:
    return problem.severity == "warning" and problem.code == code and element in {None, problem.element}


def _refusal(code: Any, element: Any, registry: Registry) -> tuple[str, str, str | None, str] | None:
    """Code, message, hint and key of what is wrong with an entry; None if nothing is."""
    warnings = f"Codes of warnings: {', '.join(sorted(WARNINGS))}."
    if code not in CODES:
        hint = did_you_mean(code, WARNINGS) or did_you_mean(code, CODES) or warnings
        return "silence-unknown", f"No problem has the code {code}.", hint, "code"
    if code not in WARNINGS:
        return "silence-error", f"{code} is always an error, and an error cannot be silenced.", warnings, "code"
    if element is not None and element not in registry:
        return "silence-unknown", f"There is no element {element!r}.", registry.did_you_mean(element), "element"
    return None

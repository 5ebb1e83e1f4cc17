"""Guessing what somebody meant to write.

Comparing a word with a thousand names takes milliseconds, so nothing here runs until a failure is told to a person.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from heapq import nlargest
from typing import TYPE_CHECKING

from jitcore.printing import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["closest", "did_you_mean"]

#: How alike two words must be, from 0 to 1: lower, and a guess sends people the wrong way.
_ALIKE = 0.7


def closest(word: str, vocabulary: Iterable[str], limit: int = 3) -> list[str]:
    """The names that look like ``word``, best first; case does not matter, the last part of a dotted name does.

    ``auths.MyAuth`` is found for ``auth.MyAuth`` and for ``MyAuth``.

    :param vocabulary: the names that would have been right; ``word`` itself is never returned.
    :param limit: how many names to return at most.
    """
    folded = word.casefold()
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(folded)
    scored = []
    for name in sorted(set(vocabulary) - {word}):
        candidate = name.casefold()
        if candidate == folded:
            score = 2.0
        elif "." in candidate and "." not in folded and candidate.rpartition(".")[2] == folded:
            score = 1.0
        else:
            score = _likeness(matcher, candidate)
        if score >= _ALIKE:
            scored.append((score, name))
    return [name for _, name in nlargest(limit, scored, key=lambda pair: pair[0])]


def did_you_mean(word: str, vocabulary: Iterable[str]) -> str | None:
    """The question to ask as a hint, such as ``Did you mean "title"?``; None when nothing looks alike."""
    names = closest(word, vocabulary)
    return f"Did you mean {' or '.join(quoted(name) for name in names)}?" if names else None


def _likeness(matcher: SequenceMatcher[str], candidate: str) -> float:
    matcher.set_seq1(candidate)
    # Each bound is cheaper than the next and never below it.
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()

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
#: How much less alike than the best guess another one may be; a worse one only distracts.
_NEAR = 0.15


def closest(word: str, vocabulary: Iterable[str], limit: int = 3) -> list[str]:
    """The names that look like ``word``, best first; case does not matter, the last part of a dotted name does.

    ``auths.MyAuth`` is found for ``auth.MyAuth`` and for ``MyAuth``.

    :param vocabulary: the names that would have been right; ``word`` itself is never returned.
    :param limit: how many names to return at most.
    """
    folded = word.casefold()
    family, _, last = folded.rpartition(".")
    matcher, of_last = SequenceMatcher(autojunk=False), SequenceMatcher(autojunk=False)
    matcher.set_seq2(folded)
    of_last.set_seq2(last)
    scored = []
    for name in sorted(set(vocabulary) - {word}):
        candidate = name.casefold()
        if candidate == folded:
            score = 2.0
        elif "." in candidate and "." not in folded and candidate.rpartition(".")[2] == folded:
            score = 1.0
        elif family and candidate.rpartition(".")[0] == family:
            # A family that is right makes two names no more alike.
            score = _likeness(of_last, candidate.rpartition(".")[2])
        else:
            score = _likeness(matcher, candidate)
        if score >= _ALIKE:
            scored.append((score, name))
    best = nlargest(limit, scored, key=lambda pair: pair[0])
    return [name for score, name in best if score > min(best[0][0], 1.0) - _NEAR]


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

"""Guessing what was meant."""

from __future__ import annotations

import pytest

from jitcore.suggestions import closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "vocabulary", "meant"),
    [
        ("tpye", ["title", "type", "version"], ["type"]),
        ("TITLE", ["title", "type"], ["title"]),
        ("corp_id", ["corpId", "authFullName"], ["corpId"]),
        ("suiteID", ["suiteSecret", "suiteId"], ["suiteId"]),
        ("auth.MyAuth", ["auths.MyAuth", "corps.MyCorp"], ["auths.MyAuth"]),
        ("MyAuth", ["auths.MyAuth", "corps.MyCorp"], ["auths.MyAuth"]),
        ("corps.QywxProxyTpye", ["corps.Meta", "corps.QywxProxyType"], ["corps.QywxProxyType"]),
        ("active", ["active"], []),
        ("x", ["y", "title"], []),
        ("", ["a"], []),
        ("a", [], []),
    ],
)
def test_what_looks_alike_is_found(word: str, vocabulary: list[str], meant: list[str]) -> None:
    """Slips of the finger, of case and of the family lead to the name; what is not alike leads nowhere."""
    assert closest(word, vocabulary) == meant


def test_the_best_comes_first_and_few_are_named() -> None:
    """At most three names, the likeliest first, and always in the same order."""
    vocabulary = {"corpA1", "corpA2", "corpA3", "corpA4", "CORPA"}
    assert closest("corpA", vocabulary) == ["CORPA", "corpA1", "corpA2"]
    assert closest("corpA", vocabulary, limit=1) == ["CORPA"]


def test_the_question() -> None:
    """The hint names the candidates as JSON strings; without one there is no question."""
    assert did_you_mean("tpye", ["type"]) == 'Did you mean "type"?'
    assert did_you_mean("corpA", ["corpA1", "corpA2"]) == 'Did you mean "corpA1" or "corpA2"?'
    assert did_you_mean("x", ["title"]) is None

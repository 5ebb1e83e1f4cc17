"""Renames told by events in any order: believed only when they can be no other's."""

from __future__ import annotations

import pytest

from jit_qywx.renaming import now_called


@pytest.mark.parametrize(
    ("pairs", "present", "believed"),
    [
        ([("a", "b")], "b", [("a", "b")]),
        ([("a", "b"), ("b", "c")], "c", [("a", "c"), ("b", "c")]),
        # Swapped by way of a third id.
        ([("a", "t"), ("b", "a"), ("t", "b")], "ab", [("a", "b"), ("b", "a"), ("t", "b")]),
        # There and back again.
        ([("a", "b"), ("b", "a")], "a", [("b", "a")]),
        ([("a", "b"), ("b", "a"), ("a", "c")], "c", [("a", "c"), ("b", "c")]),
        # The old id is somebody else's, the new one is nobody's, or two members come into question.
        ([("a", "b")], "ab", []),
        ([("a", "b")], "", []),
        ([("a", "b"), ("a", "c")], "bc", []),
        ([("a", "b"), ("b", "c"), ("c", "a")], "", []),
        ([], "a", []),
    ],
)
def test_what_is_believed(pairs: list[tuple[str, str]], present: str, believed: list[tuple[str, str]]) -> None:
    """An id that nobody has any more leads to the one member who can be meant."""
    gone = {one for pair in pairs for one in pair} - set(present)
    assert now_called(pairs, set(present), gone) == set(believed)


def test_an_unclear_id_is_not_gone() -> None:
    """Where WeCom would not say who has the old id, nothing is believed."""
    assert now_called([("a", "b")], {"b"}, set()) == frozenset()

"""docs/safety.md says what these tests are: it cannot fall behind them."""

from __future__ import annotations

import re

import pytest

from tests.invariants.harness.chapters import ROOT, Chapter, chapters
from tests.invariants.harness.page import part_of
from tests.invariants.harness.protections import PROTECTIONS

PAGE = (ROOT / "docs" / "safety.md").read_text("utf-8")


def test_there_are_fifteen() -> None:
    """One module each, in order."""
    assert [one.number for one in chapters()] == list(range(1, 16))


@pytest.mark.parametrize("chapter", chapters(), ids=lambda one: f"I{one.number}")
def test_the_table_has_each(chapter: Chapter) -> None:
    """With its promise, what is injected, a count, and its module."""
    [row] = [line for line in part_of(PAGE, "invariants").splitlines() if line.startswith(f"| I{chapter.number} |")]
    _, _, promise, injected, cases, tests, _ = (cell.strip() for cell in row.split("|"))
    assert (promise, injected) == (chapter.promise, chapter.injected)
    assert int(cases.replace(",", "")) > 0
    assert chapter.module.rpartition("/")[2] in tests


@pytest.mark.parametrize("chapter", chapters(), ids=lambda one: f"I{one.number}")
def test_what_is_proved_elsewhere_exists(chapter: Chapter) -> None:
    """Each node id names a test function of that file."""
    for one in chapter.also:
        path, _, name = one.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), one


@pytest.mark.parametrize("chapter", chapters(), ids=lambda one: f"I{one.number}")
def test_what_is_open_is_told(chapter: Chapter) -> None:
    """Nothing that a module calls open is left out of the page."""
    told = part_of(PAGE, "open")
    assert [one for one in chapter.left_open if one not in told] == []


def test_the_report_has_every_protection() -> None:
    """In the order of the list, each with what it keeps and something that turns red."""
    rows = [line.split("|") for line in part_of(PAGE, "sabotage").splitlines() if line.startswith("| ")][1:]
    assert [(name.strip(), what.strip()) for _, name, what, _, _ in rows] == [
        (name, one.what) for name, one in PROTECTIONS.items()
    ]
    assert all("`" in red for *_, red, _ in rows)

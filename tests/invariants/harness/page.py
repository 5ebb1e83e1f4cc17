"""The generated parts of docs/safety.md: what stands between two marks is a run's, the rest is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.invariants.harness.chapters import Chapter


#: What writes a part, where it is not called after it.
MADE_BY = {"open": "invariants"}


def begin(part: str) -> str:
    """The mark before a part; an HTML comment, which readers do not see."""
    return f"<!-- {part}: written by make {MADE_BY.get(part, part)} -->"


def end(part: str) -> str:
    """The mark after it."""
    return f"<!-- {part}: end -->"


def part_of(text: str, part: str) -> str:
    """What stands between the marks."""
    return text.partition(begin(part))[2].partition(end(part))[0].strip()


def write(page: Path, part: str, told: str) -> None:
    """Replace what stands between the marks."""
    before, first, rest = page.read_text("utf-8").partition(begin(part))
    _, last, after = rest.partition(end(part))
    assert first, f"{page} has no place for {part}"
    assert last, f"{page} has no end of {part}"
    page.write_text(f"{before}{first}\n\n{told.strip()}\n\n{last}{after}", "utf-8")


def write_invariants(
    page: Path,
    chapters: Sequence[Chapter],
    cases: Mapping[int, int],
    tests: Mapping[int, int],
) -> None:
    """The table of the invariants, with what a run counted."""
    rows = ["| | We promise | Injected | Cases | Tests |", "|---|---|---|---:|---|"]
    for one in chapters:
        name = one.module.rpartition("/")[2]
        n = one.number
        where = f"`{name}`: {tests[n]}, elsewhere {len(one.also)}"
        rows.append(f"| I{n} | {one.promise} | {one.injected} | {cases[n]:,} | {where} |")
    rows += ["", f"In all {sum(cases[one.number] for one in chapters):,} cases."]
    write(page, "invariants", "\n".join(rows))
    left = (f"* **I{one.number}, {one.title}.** {' '.join(one.left_open)}" for one in chapters if one.left_open)
    write(page, "open", "\n".join(left))

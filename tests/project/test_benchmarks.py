"""The benchmarks, at sizes too small to say anything, so that they cannot rot between two readings; and their page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import page
from benchmarks.__main__ import FAMILIES
from benchmarks.chart import draw
from benchmarks.goals import GOALS
from benchmarks.harness import Amount, Count, Figure, Point, exponent, ratio_of
from benchmarks.keeping import Kept, keep, kept

MEASURED = [found for family in FAMILIES if (found := kept(family))]
LINE = Figure("first sync", "floor", ratio_of([(3.0, 2.0), (5.0, 2.0), (4.0, 2.0)]), goal="first")


def a_family(*results: Figure | Amount | Count | Point, machine: tuple[str, ...] = ("a machine",)) -> Kept:
    return Kept("syncing", "Syncing.", "2026-01-31", machine, results)


@pytest.mark.no_cover
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_of_figures_runs(root: Path, family: str) -> None:
    """Every line of the report has a result, and the report says on what machine it was made."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "benchmarks", "--quick", family], cwd=root, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    facts, _, results = run.stdout.partition(f"\n{family}: ")
    assert "cores" in facts
    assert "jitcore" in facts
    lines = results.splitlines()[1:]
    assert lines
    assert run.stderr == ""


def test_the_page_is_made_of_what_was_measured() -> None:
    """Page and plot are, to the letter, what the kept results and the goals in the code make of them."""
    assert page.PAGE.read_text(encoding="utf-8") == page.written(MEASURED)
    assert page.CHART.read_text(encoding="utf-8") == page.drawn(MEASURED)


def test_every_goal_is_held_against_a_figure(root: Path) -> None:
    """Some family names each; the page has a row for one that was not measured."""
    families = "".join((root / "benchmarks" / f"{family}.py").read_text(encoding="utf-8") for family in FAMILIES)
    assert [key for key in GOALS if f'"{key}"' not in families] == []
    rows = [row for row in page.written([a_family()]).splitlines() if "| not measured |" in row]
    assert len(rows) == len(GOALS)
    assert all(row.endswith("| **NOT MET** |") for row in rows)


def test_a_missed_goal_is_shown() -> None:
    """The table of goals has a row for it that says so."""
    text = page.written([a_family(LINE)])
    assert "| first sync | 2.00 x | 1.50..2.50, 3 | 4 s / 2 s | floor | ≤ 1.5 x | **NOT MET** |" in text


def test_a_goal_from_below_is_met_above_it() -> None:
    """What is to be at least so much is missed by less."""
    enough, less = (Amount("use", value, "of the limit", "waiting") for value in (0.8, 0.79))
    text = page.written([a_family(enough, less)])
    assert "| 0.8 of the limit |  |  |  | ≥ 0.8 of the limit | met |" in text
    assert "| 0.79 of the limit |  |  |  | ≥ 0.8 of the limit | **NOT MET** |" in text


def test_families_of_two_machines_say_so() -> None:
    """Figures that were taken on different machines stand each below its own."""
    text = page.written([a_family(LINE), a_family(LINE, machine=("another machine",))])
    assert text.index("* a machine") > text.index("## syncing")
    assert text.index("* another machine") > text.index("* a machine")


def test_results_are_kept_as_they_were(tmp_path: Path) -> None:
    """What is read is what was kept, and a family that was never measured is none."""
    family = a_family(LINE, Amount("statements", 31, "statements"), Count("a", "b"), Point("SQLite", "floor", 10, 0.5))
    keep(family, tmp_path)
    assert kept("syncing", tmp_path) == family
    assert kept("growing", tmp_path) is None


def test_growth_is_the_slope_of_the_logarithms() -> None:
    """Ten times the time for ten times the size is 1, a hundred times is 2."""
    assert exponent([(10, 1.0), (100, 10.0), (1000, 100.0)]) == pytest.approx(1)
    assert exponent([(10, 1.0), (100, 100.0)]) == pytest.approx(2)


def test_the_plot_has_a_dot_for_each_point() -> None:
    """Every point of the series that are shown, and an explanation for those who cannot see it."""
    points = [
        Point(database, series, size, size / 10_000)
        for database in ("SQLite", "PostgreSQL")
        for series in ("first sync", "floor", "the peer's way", "sync, nothing changed")
        for size in (10_000, 100_000)
    ]
    drawn = ET.fromstring(draw(points))
    svg = "{http://www.w3.org/2000/svg}"
    assert len(list(drawn.iter(f"{svg}circle"))) == 12
    assert "PostgreSQL, floor: 1 s for 10,000, 10 s for 100,000" in str(drawn.findtext(f"{svg}desc"))

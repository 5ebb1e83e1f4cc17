"""The benchmarks, at sizes too small to say anything, so that they cannot rot between two readings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import FAMILIES


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

"""Under load, and through a kill -9: nothing that was acknowledged is lost, and it is all worked off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.receiving import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.no_cover
def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    """The server is killed in the middle of a hundred events a second and started again; WeCom repeats what it was not
    told to be there. Everything acknowledged is in the journal and done."""
    outcome = load(tmp_path, seconds=4, killed=True, events=100, tickets=10)
    told = outcome.told
    assert (outcome.missing, outcome.left) == (0, 0)
    assert len(set(told.acknowledged)) + told.given_up == outcome.calls == 440
    assert told.again > 0, "the kill was noticed"

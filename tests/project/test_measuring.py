"""Measuring coverage costs more than the tests do, so it has to stop where it is said to."""

from __future__ import annotations

import sys

import pytest


@pytest.mark.no_cover
def test_nothing_is_measured_where_it_would_tell_nothing() -> None:
    """Also in the processes of pytest-xdist, where pytest-cov begins twice."""
    assert not type(sys.gettrace()).__module__.startswith("coverage")

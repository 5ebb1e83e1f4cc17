"""Pausing the collector of cyclic garbage: only for as long as asked, and only if it runs."""

from __future__ import annotations

import gc

import pytest

from jit_corps.collecting import without_collecting


def test_it_is_paused_and_goes_on() -> None:
    """It is off inside, however often it is asked for, and on again afterwards, also after an error."""

    def fail() -> None:
        with without_collecting():
            with without_collecting():
                assert not gc.isenabled()
            assert not gc.isenabled()
            raise LookupError

    assert gc.isenabled()
    with pytest.raises(LookupError):
        fail()
    assert gc.isenabled()


def test_who_keeps_it_off_finds_it_off() -> None:
    """A program without a collector gets none by syncing."""
    gc.disable()
    try:
        with without_collecting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()

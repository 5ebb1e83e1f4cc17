"""Pausing the collector of cyclic garbage: only for as long as asked, and only if it runs."""

from __future__ import annotations

import gc

import pytest

from jit_corps.collecting import SELDOM, collecting_seldom, without_collecting


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


def test_it_looks_less_often_for_a_while() -> None:
    """Also when it is asked for twice, and as before afterwards, also after an error; who looks even less often may."""

    def fail() -> None:
        with collecting_seldom():
            with collecting_seldom():
                assert gc.get_threshold()[0] == SELDOM
            assert gc.get_threshold()[0] == SELDOM
            raise LookupError

    before = gc.get_threshold()
    with pytest.raises(LookupError):
        fail()
    assert gc.get_threshold() == before
    try:
        for own in (0, 10 * SELDOM):
            gc.set_threshold(own)
            with collecting_seldom():
                assert gc.get_threshold()[0] == own
    finally:
        gc.set_threshold(*before)

"""Who is known is a set like any other, of which no more is looked up than is asked for."""

from __future__ import annotations

import pytest

from jit_corps.edits import set_offline
from jit_corps.known import FEW, Known
from tests.jit_corps.scripted import crowd, depts, member, snapshot


@pytest.fixture
def known(bench) -> Known:
    """Four are here and active, one is offline by hand, one left."""
    everybody = [*crowd(4), member("off", "1"), member("left", "1")]
    bench.sync(snapshot(everybody))
    set_offline(bench.storage, bench.engine.corpFullName, ["off"], offline=True)
    bench.sync(snapshot(everybody[:-1]), approve=1)
    return bench.engine.known()


FOUR = {"m000", "m001", "m002", "m003"}


def test_it_holds_the_active_members(known):
    """Not who was taken offline, nor who left; of the others it is a set."""
    assert known == FOUR
    assert set(known) == FOUR
    assert "m001" in known
    assert "left" not in known
    assert (known - {"m001"}, {"m001", "left"} - known) == (FOUR - {"m001"}, {"left"})
    assert known | {"new"} == FOUR | {"new"}
    assert isinstance(known - {"m001"}, frozenset)


def test_their_number_and_a_few_of_them_are_asked_for(bench, known):
    """Neither needs all of them."""
    with bench.storage.counting() as count:
        assert len(known) == 4
        assert {"m001", "off", "left", "who"} & known == known & {"m001", "who"} == {"m001"}
        assert known & set() == set()
    assert not [
        one for one in count.statements if "COUNT" not in one.sql and "IN (" not in one.sql and "LIMIT" not in one.sql
    ]
    many = {f"m{number:03}" for number in range(FEW + 1)}
    assert many & known == FOUR
    with bench.storage.counting() as count:
        assert len(known) == 4
        assert {"m001"} & known == {"m001"}
    assert count.total == 0


def test_who_is_out_of_sight_is_not_among_them(bench):
    """Neither in all, nor in the number, nor in some."""
    bench.sync(snapshot([member("ann", "2"), member("ben", "1")], departments=depts(d1=None, d2="1")))
    bench.sync(snapshot([member("ann", "2")], departments=depts(d2=None), scope="narrow", hasRoot=False))
    for ask in (
        lambda known: len(known) == 1,
        lambda known: {"ann", "ben"} & known == {"ann"},
        lambda known: known == {"ann"},
    ):
        assert ask(bench.engine.known())

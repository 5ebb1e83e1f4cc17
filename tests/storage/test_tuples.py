from __future__ import annotations

import peewee
import pytest

from tests.storage.shelf.models import Badge, Person

pytestmark = pytest.mark.every_database


def test_a_query_of_plain_models_runs_on_this_storage(storage):
    """Queries are built from plain or bound models alike."""
    storage.insert_rows(Badge, ["code", "level"], [("a", 1), ("b", 2)])
    query = Badge.select(Badge.code, Badge.level).where(Badge.level > 1)
    assert storage.select_tuples(query) == [("b", 2)]


def test_expressions_and_aliases_come_as_the_driver_gives_them(storage):
    """Columns that are no fields are not converted; an aliased field is."""
    storage.insert_rows(Person, ["corp", "person", "active"], [("c", "1", True), ("c", "2", True)])
    query = Person.select(peewee.fn.COUNT(Person.person), Person.active.alias("on")).group_by(Person.active)
    ((count, on),) = storage.select_tuples(query)
    assert count == 2
    assert on is True


def test_no_rows_are_an_empty_list(storage):
    """A query that finds nothing is no error."""
    assert storage.select_tuples(Person.select()) == []


def test_one_statement_per_query(storage):
    """Reading any number of rows is one statement."""
    storage.insert_rows(Badge, ["code", "level"], [(str(number), 1) for number in range(500)])
    with storage.counting() as count:
        assert len(storage.select_tuples(Badge.select())) == 500
    assert (count.total, count.reads) == (1, 1)

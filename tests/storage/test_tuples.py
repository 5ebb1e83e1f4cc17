from __future__ import annotations

import datetime as dt

import peewee
import pytest

from jitcore.errors import ArgumentError
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


def test_rows_of_equal_values_are_those_of_the_query(storage):
    """Rows by value are what the same query gives, converted alike, from plain and from bound models."""
    born = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC).replace(tzinfo=None)
    people = [("c", "1", True, born), ("c", "2", False, None), ("d", "1", True, None)]
    storage.insert_rows(Person, ["corp", "person", "active", "born"], people)
    fields = ["person", "active", "born"]
    for corp, active in (("c", True), ("c", False), ("d", True), ("d", False)):
        query = Person.select(Person.person, Person.active, Person.born)
        expected = storage.select_tuples(query.where(Person.corp == corp, Person.active == active))
        for model in (Person, storage.models.Person):
            assert storage.select_where(model, fields, corp=corp, active=active) == expected
    assert storage.select_where(Person, ["active"], corp="c", person="1") == [(True,)]


def test_a_statement_of_equal_values_is_written_once(storage, monkeypatch):
    """Peewee writes it for the first values, and no more for others."""
    storage.insert_rows(Badge, ["code", "level"], [("a", 1), ("b", 2)])
    storage.select_where(Badge, ["level"], code="a")
    monkeypatch.setattr(peewee.Select, "__sql__", None)
    with storage.counting() as count:
        assert storage.select_where(Badge, ["level"], code="b") == [(2,)]
        assert storage.select_where(Badge, ["level"], code="c") == []
    assert (count.total, count.reads) == (2, 2)


def test_what_cannot_be_equal_is_refused(storage):
    """A field that is not there, and None, which equals nothing in SQL, are errors that say what to do."""
    with pytest.raises(ArgumentError, match="no column 'size'"):
        storage.select_where(Badge, ["size"], code="a")
    with pytest.raises(ArgumentError, match="no column 'kode'"):
        storage.select_where(Badge, ["level"], kode="a")
    with pytest.raises(ArgumentError, match="'code' is equal to None") as refused:
        storage.select_where(Badge, ["level"], code=None)
    assert "is_null" in refused.value.hint


def test_one_statement_per_query(storage):
    """Reading any number of rows is one statement."""
    storage.insert_rows(Badge, ["code", "level"], [(str(number), 1) for number in range(500)])
    with storage.counting() as count:
        assert len(storage.select_tuples(Badge.select())) == 500
    assert (count.total, count.reads) == (1, 1)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peewee
import pytest

from jitcore.errors import ArgumentError
from jitcore.storage import BoundModels, ModelSet, Storage
from tests.storage.conftest import SHELF
from tests.storage.shelf.models import Badge, Person


def test_two_storages_in_one_process_share_nothing(tmp_path):
    """Each Storage has its own subclasses and its own rows."""
    first, second = (Storage(peewee.SqliteDatabase(str(tmp_path / name)), [SHELF]) for name in ("a.db", "b.db"))
    first.models.Badge.create(code="x", level=1)
    assert first.models.Badge is not second.models.Badge
    assert (first.models.Badge.select().count(), second.models.Badge.select().count()) == (1, 0)
    assert Badge._meta.database is None
    first.close()
    second.close()


def test_a_bound_row_is_a_row_of_the_plain_model(storage):
    """isinstance with the plain class holds for rows of the bound one."""
    storage.models[Badge].create(code="x", level=1)
    assert isinstance(storage.models.Badge.get(), Badge)


def test_the_plain_class_names_the_missing_row(storage):
    """Code that knows only the plain class can catch its DoesNotExist."""
    with pytest.raises(Badge.DoesNotExist):
        storage.models.Badge.get_by_id(1)


def test_a_bound_model_keeps_the_options_of_the_plain_one(storage):
    """Table, columns, keys and table options are those of the plain class."""
    meta, plain = storage.models.Person._meta, Person._meta
    assert (meta.table_name, meta.without_rowid, meta.legacy_table_names) == ("shelf_person", True, False)
    assert meta.primary_key.field_names == plain.primary_key.field_names
    assert list(meta.columns) == list(plain.columns)
    assert storage.models.Person.__module__ == Person.__module__


def test_a_bound_model_gives_itself(storage):
    """Code that already holds the bound class may ask again."""
    bound = storage.models.Person
    assert storage.models[bound] is bound


def test_a_model_that_nobody_asks_for_is_not_bound(storage):
    """Making a class takes time; each is made when it is first asked for, and once, however many ask."""
    others = {*Person.__subclasses__(), *Badge.__subclasses__()}
    models = BoundModels(storage.database, [SHELF])
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda ask: ask(), [lambda: models.Person, lambda: models[Person]] * 20))
    assert found == {models.Person}
    assert {*Person.__subclasses__(), *Badge.__subclasses__()} - others == found


def test_an_unknown_model_is_an_error_with_a_suggestion(storage):
    """A misspelt name says what was meant; a class of nobody's set says how to bring it in."""
    with pytest.raises(AttributeError, match="Did you mean 'Person'"):
        storage.models.Persn  # noqa: B018 - reading is the test
    with pytest.raises(ArgumentError, match="jit_models"):
        storage.models[peewee.Model]


def test_models_can_be_listed(storage):
    """Tools can see which models an App has."""
    assert [model.__name__ for model in storage.models] == ["Person", "Badge"]
    assert len(storage.models) == 2
    assert "Badge" in dir(storage.models)


def test_models_that_collide_are_refused(open_storage, tmp_path):
    """Two sets may not bring a class or a table of the same name; the error names both."""

    class Other(peewee.Model):
        class Meta:
            table_name = "shelf_badge"

    (tmp_path / "none").mkdir()
    storage = open_storage(SHELF, ModelSet("other", [Other], tmp_path / "none"))
    with pytest.raises(ArgumentError, match=r"test_bound_models.Other .*shelf.models.Badge.*'shelf_badge'"):
        storage.models  # noqa: B018 - reading is the test


def test_two_sets_of_one_name_are_refused(open_storage):
    """A name stands for one history of migrations."""
    with pytest.raises(ArgumentError, match="same name: shelf, shelf"):
        open_storage(SHELF, ModelSet("shelf", [], Path()))

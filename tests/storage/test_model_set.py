from __future__ import annotations

from pathlib import Path

import pytest

from jitcore.errors import ArgumentError
from jitcore.storage import ModelSet
from tests.storage.shelf.models import MODELS, Person

HERE = Path(__file__).parent


@pytest.mark.parametrize("models", [MODELS, lambda: list(MODELS), "tests.storage.shelf.models:MODELS"])
def test_models_may_be_given_called_or_named(models):
    """A set says where its models are in any of three ways and resolves them to the classes."""
    assert ModelSet("shelf", models, HERE).resolve() == MODELS


@pytest.mark.parametrize("models", ["tests.storage.shelf.models", "tests.storage.shelf.models:NONE"])
def test_text_that_names_no_models_is_refused(models):
    """A text that leads to no models is the caller's mistake and says how to write it."""
    with pytest.raises(ArgumentError, match=r"package\.module:NAME"):
        ModelSet("shelf", models, HERE).resolve()


@pytest.mark.parametrize("name", ["", "Corps", "1st", "a-b", "a b", "a" * 41, 'x"; DROP TABLE y; --'])
def test_names_that_cannot_name_a_table_are_refused(name):
    """The name becomes part of a table's name, so only plain lower-case identifiers pass."""
    with pytest.raises(ArgumentError, match="cannot be named"):
        ModelSet(name, [Person], HERE)

from __future__ import annotations

import subprocess
import sys

import pytest

from jitcore.storage import Statement
from tests.storage.shelf.models import Badge

pytestmark = pytest.mark.every_database


@pytest.mark.parametrize(
    ("sql", "verb", "kind"),
    [
        ("SELECT 1", "SELECT", "read"),
        ("(SELECT 1) UNION (SELECT 2)", "SELECT", "read"),
        ('INSERT INTO "a" VALUES (1)', "INSERT", "write"),
        ("CREATE TABLE a (b)", "CREATE", "write"),
        ("BEGIN IMMEDIATE", "BEGIN", "control"),
        ("SAVEPOINT x;", "SAVEPOINT", "control"),
        ("COMMIT", "COMMIT", "control"),
    ],
)
def test_a_statement_knows_what_it_does(sql, verb, kind):
    """Reads, writes and control are told apart by the first word."""
    assert (Statement(sql).verb, Statement(sql).kind) == (verb, kind)


def test_counting_sees_everything_and_stops(storage):
    """Statements of models, bulk writes and transactions are counted while counting, and not afterwards."""
    storage.database  # noqa: B018 - migrates
    with storage.counting() as count, storage.transaction():
        storage.models.Badge.create(code="a", level=1)
        storage.insert_rows(Badge, ["code", "level"], [("b", 1), ("c", 1)])
        storage.select_tuples(Badge.select())
    storage.select_tuples(Badge.select())
    kinds = [statement.kind for statement in count.statements if "pg_attribute" not in statement.sql]
    assert kinds == ["control", "write", "write", "read", "control"]
    assert (count.writes, count.total - count.reads - count.writes) == (2, 2)


def test_a_listener_is_called_before_and_after(storage):
    """Each statement is announced and then reported; one that fails is only announced."""
    storage.database  # noqa: B018 - migrates
    heard = []
    with storage.on_statement(lambda phase, statement: heard.append((phase, statement.verb))):
        storage.models.Badge.select().count()
        with pytest.raises(Exception, match="no_such_table"):
            storage.database.execute_sql("SELECT * FROM no_such_table")
    storage.models.Badge.select().count()
    assert heard == [("before", "SELECT"), ("after", "SELECT"), ("before", "SELECT")]


def test_a_listener_that_raises_stops_the_transaction(storage):
    """A test can end a transaction at a chosen statement."""
    storage.database  # noqa: B018 - migrates

    def stop(phase, statement) -> None:
        if phase == "before" and statement.verb == "COMMIT":
            raise InterruptedError

    with pytest.raises(InterruptedError), storage.on_statement(stop):
        storage.insert_rows(Badge, ["code", "level"], [("a", 1)])
    assert storage.models.Badge.select().count() == 0


def test_importing_the_package_imports_no_peewee():
    """A plugin can name its model set without paying for Peewee."""
    code = "import sys, jitcore.storage as s; s.ModelSet; assert 'peewee' not in sys.modules; s.Storage; s.observe"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_the_package_offers_is_true():
    """Every name in ``__all__`` is there, and nothing else is invented."""
    import jitcore.storage

    assert all(getattr(jitcore.storage, name) for name in jitcore.storage.__all__)
    assert sorted(jitcore.storage.__all__) == jitcore.storage.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        jitcore.storage.nothing  # noqa: B018 - reading is the test

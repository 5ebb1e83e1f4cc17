"""The floors that a sync is held against do what the sync did: no row less, and in tables of the same make."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import jit_corps
from benchmarks.databases import Home, PostgresHome, SqliteHome
from benchmarks.tables import Look, copying, counted, inserting, repeating, rows
from benchmarks.transactions import watched
from jit_corps.models import ChangeRecord, CorpRole, CorpRoleMember
from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from tests.fixtures.postgres import PostgresServer

ROLE = ("corpFullName", "roleId", "name", "origin")
GRANT = ("corpFullName", "roleId", "memberId", "origin")
CHANGE = ("corpFullName", "generation", "kind", "key", "action")


@pytest.fixture(autouse=True)
def nothing_to_sweep() -> Iterator[None]:
    """What all other tests have left is not swept before each measurement, which would take seconds."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return SqliteHome(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    parameters: dict[str, Any] = request.getfixturevalue("postgres_database")
    return PostgresHome(server, parameters)


@pytest.fixture
def storage(home: Home) -> Iterator[Storage]:
    """The organisation's tables there, with two roles that have one member each."""
    migrations = Path(str(jit_corps.__file__)).parent / "migrations"
    storage = Storage(home.peewee(), [ModelSet("corps", "jit_corps.models:MODELS", migrations)])
    storage.insert_rows(CorpRole, ROLE, [("c", "1", "one", "upstream"), ("c", "2", "two", "upstream")])
    storage.insert_rows(CorpRoleMember, GRANT, [("c", "1", "m", "tag"), ("c", "2", "m", "tag")])
    storage.insert_rows(ChangeRecord, CHANGE, [("c", 1, "roles", '["1"]', "add")])
    yield storage
    storage.close()


def test_the_floor_inserts_all_rows_elsewhere(home: Home, storage: Storage) -> None:
    """It writes every row into tables with the same indexes, and leaves the app's own as they are."""
    with home.connect() as connection:
        before = Look(connection)
        assert rows(home) == {"corp_role": 2, "corp_role_member": 2, "corp_change": 1}
        assert inserting(home).seconds > 0
        if isinstance(home, PostgresHome):
            assert copying(home).seconds > 0
        assert before.changes(connection) == []
    with home.twins(["corp_role"]) as connection:
        insert = "INSERT INTO corp_role (corp_full_name, role_id, origin) VALUES ('c', '1', 'upstream')"
        connection.execute(insert)
        with pytest.raises(Exception, match=r"(?i)unique"):
            connection.execute(insert)


def test_the_floor_makes_the_same_changes_again(home: Home, storage: Storage) -> None:
    """What was added, changed and removed is found, taken back and made again; the end is the same."""
    with home.connect() as connection:
        look = Look(connection)
        storage.insert_rows(CorpRole, ROLE, [("c", "3", "three", "upstream")])
        storage.update_rows(CorpRole, ("corpFullName", "roleId"), ("name",), [("c", "1", "first")])
        storage.delete_rows(CorpRoleMember, ("corpFullName", "roleId"), [("c", "2")])
        storage.insert_rows(ChangeRecord, CHANGE, [("c", 2, "roles", '["3"]', "add")])
        changes = look.changes(connection)
        assert counted(changes) == {"corp_role": 2, "corp_role_member": 1, "corp_change": 1}
        after, kept = Look(connection), rows(home)
        assert repeating(home, changes).seconds > 0
        assert after.changes(connection) == []
        assert rows(home) == kept == {"corp_role": 3, "corp_role_member": 1, "corp_change": 2}


def test_a_transaction_is_timed_when_it_wrote(storage: Storage) -> None:
    """Readings and the moments between do not count."""
    with watched(storage) as transactions:
        with storage.reading():
            storage.select_tuples(storage.models[CorpRole].select())
        assert transactions.seconds == []
        with storage.transaction():
            storage.insert_rows(CorpRole, ROLE, [("c", "4", "four", "upstream")])
    assert len(transactions.seconds) == 1
    assert transactions.longest > 0

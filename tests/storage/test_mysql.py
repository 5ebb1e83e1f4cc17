"""What is special about MariaDB: text as keys, values that do not fit, and migrations that cannot be undone."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
import warnings

import peewee
import pytest

from jitcore.errors import JitError
from jitcore.storage import (
    DatabaseBusy,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnsupported,
    MigrationFailed,
    ModelSet,
    StatementFailed,
    Storage,
    StorageNewer,
    TransactionAborted,
    migrating,
)
from tests.fixtures.databases import told
from tests.storage.conftest import SHELF
from tests.storage.killed_migrating import left
from tests.storage.shelf.models import Badge

pytestmark = pytest.mark.only_databases("mariadb")

MOBILE = "13800138000"


class Pet(peewee.Model):
    owner = peewee.TextField()
    name = peewee.TextField()
    story = peewee.TextField(null=True)

    class Meta:
        table_name = "pet"
        primary_key = peewee.CompositeKey("owner", "name")


PETS = """
import peewee

def up(migrator, db):
    class Pet(peewee.Model):
        owner = peewee.TextField()
        name = peewee.TextField()
        story = peewee.TextField(null=True)

        class Meta:
            database = db
            table_name = "pet"
            primary_key = peewee.CompositeKey("owner", "name")
            indexes = ((("name",), False),)

    db.create_tables([Pet])
"""


@pytest.fixture
def pets(open_storage, write_migrations) -> Storage:
    """A Storage whose table has texts as its key."""
    folder = write_migrations("pets", {"0001_initial": PETS}).migrations
    return open_storage(ModelSet("pets", [Pet], folder))


def names(storage: Storage) -> list[tuple[str, str]]:
    return sorted(storage.select_tuples(Pet.select(Pet.owner, Pet.name)))


# --- text as a key ---------------------------------------------------------------------------------------------------


def test_ids_are_the_same_only_when_all_their_characters_are(pets):
    """Case, accents, trailing spaces and characters outside the first plane tell keys apart, as on the other kinds."""
    rows = [("c", name) for name in ("ann", "Ann", "ann ", "änn", "ann🙂", "ann🙃", "")]
    assert pets.insert_rows(Pet, ["owner", "name"], rows) == len(rows)
    assert names(pets) == sorted(rows)
    Bound = pets.models[Pet]
    assert [row.name for row in Bound.select().where(Bound.name == "ann")] == ["ann"]
    assert pets.update_rows(Pet, ["owner", "name"], ["story"], [("c", "ANN", "x"), ("c", "ann🙂", "x")]) == 1
    assert pets.delete_rows(Pet, ["owner", "name"], [("c", "ann  "), ("c", "ann ")]) == 1
    assert names(pets) == sorted(set(rows) - {("c", "ann ")})


@pytest.mark.parametrize(
    "write",
    [
        lambda storage, row: storage.insert_rows(Pet, ["owner", "name"], [("c", "kept"), row]),
        lambda storage, row: storage.upsert_rows(Pet, ["owner", "name"], [("c", "kept"), row], ["owner", "name"], ()),
        lambda storage, row: storage.models[Pet].insert(owner=row[0], name=row[1]).on_conflict_ignore().execute(),
    ],
)
def test_a_text_that_is_too_long_for_a_key_is_refused_and_never_cut(pets, write):
    """The error names the column and shows no value, and nothing of the call is kept."""
    with (
        pytest.raises(StatementFailed, match=r"does not fit its column name \(error 1406\)") as raised,
        pets.boundary(),
    ):
        write(pets, ("c", MOBILE * 20))
    assert MOBILE not in str(raised.value)
    assert names(pets) == []


def test_a_text_that_is_no_key_may_be_long(pets):
    """What is not part of a key has no limit that anybody meets."""
    story = "长" * 100_000
    pets.insert_rows(Pet, ["owner", "name", "story"], [("c", "ann", story)])
    assert pets.select_tuples(Pet.select(Pet.story)) == [(story,)]


def test_a_text_becomes_a_key_later(open_storage, write_migrations):
    """A migration may add an index to a column that was made as plain text."""
    later = (
        "import peewee\n\ndef up(migrator, db):\n"
        "    migrator.migrate(migrator.add_column('pet', 'chip', peewee.TextField(null=True, index=True)))\n"
        "    migrator.migrate(migrator.add_index('pet', ('story', 'name')))\n"
    )
    storage = open_storage(write_migrations("pets", {"0001_initial": PETS, "0002_more": later}))
    indexes = {tuple(index.columns) for index in storage.database.get_indexes("pet")}
    assert indexes >= {("owner", "name"), ("name",), ("chip",), ("story", "name")}
    kept = {column.name: column.null for column in storage.database.get_columns("pet")}
    assert kept == {"owner": False, "name": False, "story": True, "chip": True}


def test_rows_that_are_there_are_no_error_and_counted_as_such(pets):
    """An insert that forgives duplicates says how many rows are new."""
    pets.insert_rows(Pet, ["owner", "name"], [("c", "ann")])
    rows = [("c", "ann"), ("c", "bo"), ("c", "bo")]
    assert pets.upsert_rows(Pet, ["owner", "name"], rows, ["owner", "name"], ()) == 1
    Bound = pets.models[Pet]
    for name, new in (("ann", 0), ("cy", 1), ("cy", 0)):
        insert = Bound.insert(owner="c", name=name).on_conflict_ignore()
        assert insert.as_rowcount().execute() == new
    several = [{"owner": "c", "name": name} for name in ("ann", "di", "ed")]
    assert Bound.insert_many(several).on_conflict_ignore().as_rowcount().execute() == 2


def test_who_asks_for_a_row_and_then_changes_it_waits_for_no_other(open_storage):
    """Many that first make sure of a row, and then lock it, come one after the other, without a deadlock."""
    storage = open_storage()
    barrier, errors = threading.Barrier(6), []

    def claim() -> None:
        Bound = storage.models.Badge
        barrier.wait()
        try:
            for _ in range(5):
                with storage.transaction():
                    storage.upsert_rows(Badge, ["code", "level"], [("a", 0)], ["code"], ())
                    [(level,)] = storage.select_tuples(Bound.select(Bound.level).where(Bound.code == "a").for_update())
                    Bound.update(level=level + 1).where(Bound.code == "a").execute()
        except JitError as error:
            errors.append(error)

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert storage.models.Badge.get().level == 30


def test_an_update_counts_the_rows_it_found(pets):
    """A row that has the new value already counts, as on the other kinds."""
    pets.insert_rows(Pet, ["owner", "name", "story"], [("c", "ann", "s")])
    Bound = pets.models[Pet]
    assert Bound.update(story="s").where(Bound.name == "ann").execute() == 1
    assert pets.update_rows(Pet, ["owner", "name"], ["story"], [("c", "ann", "s"), ("c", "bo", "s")]) == 1


def test_rows_go_in_statements_that_the_server_takes(pets):
    """Long rows are spread over more statements; one that is too long for any is refused as such."""
    pets.database.packet = 4_000
    rows = [("c", str(number), "x" * 900) for number in range(10)]
    with pets.counting() as count:
        assert pets.insert_rows(Pet, ["owner", "name", "story"], rows) == 10
    assert count.writes == 5
    with pytest.raises(StatementFailed, match="larger than the server takes"):
        pets.insert_rows(Pet, ["owner", "name", "story"], [("c", "long", "x" * 5_000)])
    assert len(names(pets)) == 10


def test_what_the_server_repeats_of_a_statement_is_not_shown(storage):
    """Its message on a syntax error holds a piece of the statement, values and all."""
    with pytest.raises(StatementFailed, match="error 1064") as raised, storage.boundary():
        storage.database.execute_sql("SELECT %s SELECT", (MOBILE,))
    assert MOBILE not in str(raised.value)


# --- transactions and connections -----------------------------------------------------------------------------------


def test_a_deadlock_is_busy_and_ends_its_transaction(open_storage):
    """The one that the server gave up is told to try again; whatever it does afterwards, nothing of it is kept."""
    storage = open_storage()
    storage.insert_rows(Badge, ["code", "level"], [("a", 1), ("b", 1)])
    barrier, errors = threading.Barrier(2), []

    def touch(first: str, second: str) -> None:
        Bound = storage.models.Badge
        refused: list[type] = []
        try:
            with storage.transaction():
                Bound.update(level=2).where(Bound.code == first).execute()
                barrier.wait()
                try:
                    with storage.boundary():
                        Bound.update(level=2).where(Bound.code == second).execute()
                except DatabaseBusy as error:
                    refused.append(type(error))
                    with pytest.raises(DatabaseBusy), storage.boundary():
                        Bound.create(code="afterwards", level=1)
        except JitError as error:
            errors.append((refused, type(error)))

    threads = [threading.Thread(target=touch, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [([DatabaseBusy], TransactionAborted)]
    assert storage.models.Badge.select().count() == 2
    storage.insert_rows(Badge, ["code", "level"], [("c", 1)])


def test_a_lock_that_is_not_granted_in_time_is_busy(open_storage):
    """A statement that gave up waiting for a row is told to try again."""
    holder, waiter = open_storage(), open_storage()
    holder.insert_rows(Badge, ["code", "level"], [("a", 1)])
    waiter.database.execute_sql("SET innodb_lock_wait_timeout = 0")
    with holder.transaction():
        holder.update_rows(Badge, ["code"], ["level"], [("a", 2)])
        with pytest.raises(DatabaseBusy, match="Try again"):
            waiter.update_rows(Badge, ["code"], ["level"], [("a", 3)])
    waiter.update_rows(Badge, ["code"], ["level"], [("a", 4)])


def test_a_transaction_sees_what_was_committed_meanwhile(open_storage):
    """As on PostgreSQL, each statement of a transaction that writes sees what is committed; reading() does not."""
    storage, other = open_storage(), open_storage()
    count = Badge.select(peewee.fn.COUNT(Badge.code))
    with storage.transaction():
        assert storage.select_tuples(count) == [(0,)]
        other.insert_rows(Badge, ["code", "level"], [("a", 1)])
        assert storage.select_tuples(count) == [(1,)]


@pytest.mark.parametrize("inside", [True, False])
def test_an_idle_connection_that_was_ended_does_no_harm(open_storage, inside):
    """A transaction, or a read by itself, that finds its connection gone takes a new one, and nobody notices."""
    storage, other = open_storage(), open_storage()
    storage.insert_rows(Badge, ["code", "level"], [("a", 1)])
    other.database.execute_sql(f"KILL {storage.database.connection().thread_id()}")
    if inside:
        storage.insert_rows(Badge, ["code", "level"], [("b", 1)])
    assert storage.select_tuples(Badge.select(peewee.fn.COUNT(Badge.code))) == [(2 if inside else 1,)]


def test_a_connection_that_ends_inside_a_transaction_undoes_it(open_storage):
    """Nothing goes on on another connection: the caller is told, and what was written is gone."""
    storage, other = open_storage(), open_storage()

    def cut_off() -> None:
        with storage.transaction():
            storage.insert_rows(Badge, ["code", "level"], [("lost", 1)])
            other.database.execute_sql(f"KILL {storage.database.connection().thread_id()}")
            storage.insert_rows(Badge, ["code", "level"], [("more", 1)])

    with pytest.raises(DatabaseUnavailable, match="Check that the database runs"):
        cut_off()
    assert storage.models.Badge.select().count() == 0


def test_a_server_that_is_stopped_is_unavailable_and_comes_back(mariadb_server, storage):
    """Cut off in the middle or before connecting, the error is the same; after a restart the Storage works again."""
    storage.insert_rows(Badge, ["code", "level"], [("kept", 1)])

    def cut_off() -> None:
        with storage.transaction():
            storage.insert_rows(Badge, ["code", "level"], [("lost", 1)])
            mariadb_server.stop()
            storage.models.Badge.select().count()

    try:
        with pytest.raises(DatabaseUnavailable, match="Check that the database runs"):
            cut_off()
        with pytest.raises(DatabaseUnavailable, match=r"Cannot use the MariaDB database test\d+: Can't connect"):
            storage.select_tuples(Badge.select())
        with warnings.catch_warnings():
            # PyMySQL leaves a socket to the collector that could not be connected.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
    finally:
        mariadb_server.start()
    assert storage.select_tuples(Badge.select(Badge.code)) == [("kept",)]


def test_a_refused_password_is_not_repeated(mariadb_server, mariadb_database):
    """The message names the database and the reason; the password is nowhere."""
    secret = "pass-word-canary"
    storage = Storage(
        peewee.MySQLDatabase(
            mariadb_database["database"], host="127.0.0.1", port=mariadb_server.port, user="nobody", password=secret
        ),
        [],
    )
    with pytest.raises(DatabaseUnavailable, match="Access denied for user 'nobody'") as raised:
        storage.database  # noqa: B018 - reading is the test
    assert secret not in str(raised.value)
    assert mariadb_database["database"] in str(raised.value)


def test_a_database_that_does_not_exist_is_unavailable(mariadb_server):
    """A wrong name is told as such."""
    storage = Storage(peewee.MySQLDatabase(**mariadb_server.parameters("nope")), [])
    with pytest.raises(DatabaseUnavailable, match="Unknown database 'nope'"):
        storage.database  # noqa: B018 - reading is the test


def test_a_replica_is_read_only(storage):
    """A session that takes no writes says so."""
    storage.database.execute_sql("SET SESSION TRANSACTION READ ONLY")
    with pytest.raises(DatabaseReadOnly):
        storage.insert_rows(Badge, ["code", "level"], [("a", 1)])


@pytest.mark.parametrize(("is_mariadb", "version"), [(True, (10, 5, 29)), (False, (8, 0, 18))])
def test_a_server_that_is_too_old_is_refused(open_database, is_mariadb, version):
    """Its version is told, and the oldest that will do, before any table is made."""
    storage = Storage(open_database(), [SHELF])
    database = storage._database
    database.connect()
    database.server_version, database.mariadb = version, is_mariadb
    database.observed.kind.name = "MariaDB" if is_mariadb else "MySQL"
    found = ".".join(map(str, version))
    with pytest.raises(DatabaseUnsupported, match=rf"version {found}, which is too old.*MariaDB 10\.6.*MySQL 8\.0\.19"):
        storage.database  # noqa: B018 - reading is the test
    assert database.get_tables() == []
    storage.close()


# --- migrations ------------------------------------------------------------------------------------------------------

#: Every kind of step: tables with indexes, a column with a default, rows changed twice in a way that must happen once.
LADDER = {
    "0001_initial": PETS,
    "0002_more": (
        "import peewee\n\ndef up(migrator, db):\n"
        "    db.execute_sql('INSERT INTO pet (owner, name, story) VALUES (%s, %s, %s)', ('c', 'ann', '1'))\n"
        "    migrator.migrate(migrator.add_column('pet', 'age', peewee.IntegerField(default=1)))\n"
        "    for more in (10, 100):\n"
        "        db.execute_sql('UPDATE pet SET age = age + %s', (more,))\n"
        "    for index in db.get_indexes('pet'):\n"
        "        if index.columns == ['name']:\n"
        "            migrator.migrate(migrator.drop_index('pet', index.name))\n"
        "    migrator.migrate(migrator.add_index('pet', ('name', 'owner'), unique=True))\n"
        "    migrator.migrate(migrator.rename_column('pet', 'story', 'tale'))\n"
    ),
    "0003_last": "def up(migrator, db):\n    db.execute_sql('CREATE TABLE toy (id INTEGER PRIMARY KEY)')\n",
}

#: What an undisturbed migration leaves.
MIGRATED = {
    "pets": [["c", "ann", "1", 111]],
    "indexes": [[["name", "owner"], True], [["owner", "name"], True]],
    "applied": ["0001_initial", "0002_more", "0003_last"],
    "steps": 0,
    "has toys": True,
}


def test_a_migration_killed_at_every_statement_is_finished_by_the_next_opening(open_database, write_migrations, share):
    """Before and after each statement: the next opening goes on, and each step has happened exactly once."""
    kind, name, parameters = told(open_database())
    folder = write_migrations("pets", LADDER).migrations
    every = share.number(1, 12)
    command = [sys.executable, "-m", "tests.storage.killed_migrating", kind, name, json.dumps(parameters), str(folder)]
    done = subprocess.run([*command, str(every)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    share.count(len(outcomes))
    assert outcomes[-1]["ended"] == 0
    assert {outcome["ended"] for outcome in outcomes[:-1]} == {-signal.SIGKILL}
    assert len(outcomes) > 150 // every
    assert [outcome["left"] for outcome in outcomes] == [MIGRATED] * len(outcomes)


def test_a_migration_that_fails_is_gone_on_with(open_storage, write_migrations):
    """What it had done stays and is not done again, once its mistake is mended."""
    broken = {**LADDER, "0002_more": LADDER["0002_more"] + "    raise ValueError('no such pet')\n"}
    with pytest.raises(MigrationFailed, match=r"0002_more failed and the next opening goes on.*no such pet"):
        open_storage(write_migrations("pets", broken)).database  # noqa: B018 - reading is the test
    assert left(open_storage(write_migrations("pets", LADDER))) == MIGRATED


def test_what_a_step_says_is_believed_only_after_a_kill(open_storage, write_migrations):
    """A step that failed fails again: "table exists" means that it was done only when nobody knows how it ended."""
    twice = {
        "0001_initial": PETS,
        "0002_again": "def up(migrator, db):\n    db.execute_sql('CREATE TABLE pet (id INT)')\n",
    }
    for _ in range(2):
        with pytest.raises(MigrationFailed, match="already exists"):
            open_storage(write_migrations("pets", twice)).database  # noqa: B018 - reading is the test


def test_a_migration_that_newer_code_began_is_newer(open_storage, write_migrations):
    """Tables that are half of another version are refused as those that are wholly so."""
    broken = {**LADDER, "0002_more": LADDER["0002_more"] + "    raise ValueError('no such pet')\n"}
    with pytest.raises(MigrationFailed):
        open_storage(write_migrations("pets", broken)).database  # noqa: B018 - reading is the test
    with pytest.raises(StorageNewer, match="pets/0002_more"):
        open_storage(write_migrations("pets", {"0001_initial": PETS})).database  # noqa: B018 - reading is the test


def test_a_migration_lock_that_is_held_too_long_is_busy(open_storage, open_database, monkeypatch):
    """Whoever waits for somebody else's migrations gives up in time and may try again."""
    monkeypatch.setattr(migrating, "_LOCK_SECONDS", 0.05)
    holder, waiter = open_storage(ModelSet("none", (), SHELF.migrations.parent)), open_storage()
    with (
        holder.database.observed.kind.migrating(holder.database, 1),
        pytest.raises(DatabaseBusy, match="Try again"),
    ):
        waiter.database  # noqa: B018 - reading is the test
    assert waiter.models.Badge.select().count() == 0

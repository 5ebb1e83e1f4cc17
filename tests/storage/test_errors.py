from __future__ import annotations

import sqlite3
import threading

import peewee
import psycopg
import pymysql
import pytest

from jitcore.errors import JitError
from jitcore.storage import (
    ConstraintViolated,
    DatabaseBusy,
    DatabaseFull,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnsupported,
    ModelSet,
    StatementFailed,
    Storage,
    StorageClosed,
    migrating,
)
from jitcore.storage.error_boundary import place, translating
from jitcore.storage.kinds.postgresql import MIGRATION_LOCK
from jitcore.storage.observed import observe
from tests.storage.conftest import SHELF
from tests.storage.shelf.models import Badge

pytestmark = pytest.mark.every_database


MOBILE = "13800138000"
ONLY_POSTGRESQL = pytest.mark.only_databases("postgresql")
ONLY_SQLITE = pytest.mark.only_databases("sqlite")


def caught(database, work) -> JitError:
    """What the boundary raises for an error that ``work`` raises."""
    with pytest.raises(JitError) as raised, translating(observe(database)):
        work()
    return raised.value


@pytest.fixture
def sqlite_file(tmp_path):
    """An SQLite file with one table, and how to open it."""
    path = tmp_path / "there.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT)")
    connection.commit()
    connection.close()
    return path


# --- constraints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "kind", "columns"),
    [
        ((MOBILE, 1), "unique", ("code",)),
        ((None, 1), "not-null", ("code",)),
        (("b", -1), "check", ()),
    ],
)
def test_a_broken_rule_says_which_and_shows_no_value(storage, open_database, row, kind, columns):
    """Kind, table and columns are told as data; the row's values are not in the message. MariaDB tells less."""
    storage.insert_rows(Badge, ["code", "level"], [(MOBILE, 1)])
    with pytest.raises(ConstraintViolated) as raised:
        storage.insert_rows(Badge, ["code", "level"], [row])
    assert raised.value.kind == kind
    if columns and isinstance(open_database(), peewee.MySQLDatabase):
        assert raised.value.constraint == "shelf_badge_code" or raised.value.columns == columns
    elif columns:
        assert (raised.value.table, raised.value.columns) == ("shelf_badge", columns)
    assert MOBILE not in str(raised.value)
    drivers = (sqlite3.Error, psycopg.Error, pymysql.MySQLError)
    assert isinstance(raised.value.__cause__, (peewee.DatabaseError, *drivers))
    assert raised.value.code == "constraint-violated"


def test_a_composite_key_names_all_its_columns(storage, kind):
    """The columns of a rule with several are all told; MariaDB tells the name of the key alone."""
    from tests.storage.shelf.models import Person

    with pytest.raises(ConstraintViolated) as raised:
        storage.insert_rows(Person, ["corp", "person", "active"], [("c", "1", True)] * 2)
    if kind == "mariadb":
        assert (raised.value.constraint, raised.value.columns) == ("PRIMARY", ())
    else:
        assert raised.value.columns == ("corp", "person_id")


def test_a_dangling_foreign_key_is_a_constraint(storage):
    """Foreign keys of third-party models are enforced on every kind."""
    storage.database.execute_sql("CREATE TABLE owner (badge INTEGER REFERENCES shelf_badge (id))")
    with pytest.raises(ConstraintViolated) as raised, storage.transaction():
        storage.database.execute_sql("INSERT INTO owner VALUES (7)")
    assert raised.value.kind == "foreign-key"


# --- other statements ------------------------------------------------------------------------------------------------


def test_another_failure_keeps_its_reason_and_cause(storage):
    """A statement that cannot run says what the database said, and keeps the driver's error."""
    with pytest.raises(StatementFailed, match="no_such_table") as raised, storage.transaction():
        storage.database.execute_sql("SELECT * FROM no_such_table")
    assert isinstance(raised.value.__cause__, peewee.DatabaseError)


@ONLY_POSTGRESQL  # SQLite stores any value in any column
def test_a_value_that_does_not_fit_is_not_shown(storage):
    """PostgreSQL repeats such a value in its message; ours does not."""
    with pytest.raises(StatementFailed, match=r"does not fit its column.*22003") as raised, storage.transaction():
        storage.database.execute_sql(
            "INSERT INTO shelf_badge (code, level) VALUES ('a', %s::text::integer)", (MOBILE + "x",)
        )
    assert MOBILE not in str(raised.value)


def test_errors_of_our_own_pass_unchanged(storage):
    """What is not the database's is nobody's to translate."""
    with pytest.raises(ZeroDivisionError), storage.transaction():
        1 / 0  # noqa: B018 - raises


# --- SQLite ----------------------------------------------------------------------------------------------------------


def test_a_locked_file_is_busy(tmp_path, sqlite_file):
    """When somebody holds the write lock for longer than one waits, the error says that trying again helps."""
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    storage = Storage(peewee.SqliteDatabase(str(sqlite_file), timeout=0), [SHELF])
    with pytest.raises(DatabaseBusy, match="Try again"):
        storage.database  # noqa: B018 - migrating needs the lock
    other.execute("COMMIT")
    other.close()
    assert storage.models.Badge.select().count() == 0
    storage.close()


def test_a_read_only_file_is_read_only(sqlite_file, tmp_path):
    """A file that may only be read can be read; a write is refused as such."""
    database = peewee.SqliteDatabase(f"file:{sqlite_file}?mode=ro", uri=True)
    observe(database)
    assert database.execute_sql("SELECT count(*) FROM pet").fetchone() == (0,)
    error = caught(database, lambda: database.execute_sql("INSERT INTO pet VALUES (1, 'Tom')"))
    assert isinstance(error, DatabaseReadOnly)
    database.close_all()


@ONLY_SQLITE  # PostgreSQL's room is the machine's
def test_a_full_disk_keeps_its_name(storage):
    """SQLite ends the transaction by itself when there is no room; the failing ROLLBACK does not hide the reason."""
    database = storage.database
    pages = database.execute_sql("PRAGMA page_count").fetchone()[0]
    database.execute_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseFull, match="No room left"):
        storage.insert_rows(Badge, ["code", "level"], [(str(number) * 50, 1) for number in range(5000)])
    assert storage.models.Badge.select().count() == 0


def test_a_folder_that_is_not_there_is_unavailable(tmp_path):
    """A file that cannot be opened is a database that is not available."""
    storage = Storage(peewee.SqliteDatabase(str(tmp_path / "no" / "such.db")), [])
    with pytest.raises(DatabaseUnavailable, match=r"Cannot use the SQLite database .*such\.db"):
        storage.database  # noqa: B018 - reading is the test


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    """Something else under that name is not overwritten but reported."""
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100)
    storage = Storage(peewee.SqliteDatabase(str(path)), [])
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        storage.database  # noqa: B018 - reading is the test
    storage.close()
    assert path.read_text().startswith("Dear Sir")


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@ONLY_POSTGRESQL  # SQLite has one writer at a time
def test_a_deadlock_is_busy(open_storage):
    """Of two transactions that wait for each other one is told to try again, the other goes through."""
    storage = open_storage()
    storage.insert_rows(Badge, ["code", "level"], [("a", 1), ("b", 1)])
    barrier, errors = threading.Barrier(2), []

    def touch(first: str, second: str) -> None:
        Bound = storage.models.Badge
        try:
            with storage.transaction():
                storage.database.execute_sql("SET LOCAL deadlock_timeout = '50ms'")
                Bound.update(level=2).where(Bound.code == first).execute()
                barrier.wait()
                Bound.update(level=2).where(Bound.code == second).execute()
        except JitError as error:
            errors.append(error)

    threads = [threading.Thread(target=touch, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [DatabaseBusy]


@ONLY_POSTGRESQL  # SQLite waits at the start of the transaction
def test_a_lock_that_is_not_granted_in_time_is_busy(open_storage):
    """A statement that gave up waiting for a row is told to try again."""
    holder, waiter = open_storage(), open_storage()
    holder.insert_rows(Badge, ["code", "level"], [("a", 1)])
    waiter.database.execute_sql("SET lock_timeout = '10ms'")
    with holder.transaction():
        holder.update_rows(Badge, ["code"], ["level"], [("a", 2)])
        with pytest.raises(DatabaseBusy):
            waiter.update_rows(Badge, ["code"], ["level"], [("a", 3)])


@ONLY_POSTGRESQL  # SQLite has one writer at a time
def test_a_serialization_failure_is_busy(open_storage):
    """A transaction that would not fit into any order is told to try again."""
    first, second = open_storage(), open_storage()
    first.insert_rows(Badge, ["code", "level"], [("a", 1)])

    def late() -> None:
        with second.transaction():
            second.database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            second.select_tuples(Badge.select())
            first.update_rows(Badge, ["code"], ["level"], [("a", 2)])
            second.update_rows(Badge, ["code"], ["level"], [("a", 3)])

    with pytest.raises(DatabaseBusy):
        late()


def test_a_server_that_is_stopped_is_unavailable_and_comes_back(postgres_server, postgres_database):
    """Cut off in the middle or before connecting, the error is the same; after a restart the Storage works again."""
    storage = Storage(peewee.PostgresqlDatabase(**postgres_database, prefer_psycopg3=True), [SHELF])
    storage.insert_rows(Badge, ["code", "level"], [("kept", 1)])

    def cut_off() -> None:
        with storage.transaction():
            storage.insert_rows(Badge, ["code", "level"], [("lost", 1)])
            postgres_server.stop()
            storage.models.Badge.select().count()

    try:
        with pytest.raises(DatabaseUnavailable, match="Check that the database runs"):
            cut_off()
        with (
            pytest.raises(DatabaseUnavailable, match=r"Cannot use the PostgreSQL database test\d+ on /.*No such file"),
            storage.reading(),
        ):
            pass
    finally:
        postgres_server.start()
    assert storage.select_tuples(Badge.select(Badge.code)) == [("kept",)]
    storage.close()


@ONLY_POSTGRESQL  # SQLite has no server
def test_an_idle_connection_that_was_ended_does_no_harm(open_storage):
    """A transaction that finds its connection gone before it began takes a new one, and nobody notices."""
    storage, other = open_storage(), open_storage()
    storage.insert_rows(Badge, ["code", "level"], [("a", 1)])
    (connection,) = (connection for *_, connection in storage.database.observed.connections.values())
    other.database.execute_sql("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    storage.insert_rows(Badge, ["code", "level"], [("b", 1)])
    assert storage.select_tuples(Badge.select(peewee.fn.COUNT(Badge.code))) == [(2,)]


@ONLY_POSTGRESQL  # on SQLite it is the write lock, tested above
def test_a_migration_lock_that_is_held_too_long_is_busy(open_storage, monkeypatch):
    """Whoever waits for somebody else's migrations gives up in time and may try again."""
    monkeypatch.setattr(migrating, "_LOCK_SECONDS", 0.05)
    holder, waiter = open_storage(ModelSet("none", (), SHELF.migrations.parent)), open_storage()
    with holder.transaction():
        holder.database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        with pytest.raises(DatabaseBusy, match="Try again"):
            waiter.database  # noqa: B018 - reading is the test
    assert waiter.models.Badge.select().count() == 0


def test_a_refused_password_is_not_repeated(postgres_server, postgres_database):
    """The message names the database and the reason; the password is nowhere, not even from a DSN."""
    secret = "pass%40word-canary"
    by_parts = peewee.PostgresqlDatabase(
        postgres_database["database"],
        host="127.0.0.1",
        port=postgres_server.port,
        user="postgres",
        password=secret,
        prefer_psycopg3=True,
    )
    dsn = f"postgresql://postgres:{secret}@127.0.0.1:{postgres_server.port}/{postgres_database['database']}"
    for database in (by_parts, peewee.PostgresqlDatabase(dsn, prefer_psycopg3=True)):
        error = caught(database, database.connect)
        assert isinstance(error, DatabaseUnavailable)
        assert "password authentication failed" in str(error)
        assert postgres_database["database"] in str(error)
        assert "canary" not in str(error)
        assert "127.0.0.1" in str(error)


def test_a_password_that_a_driver_repeats_is_masked():
    """Whatever a driver says, the password and the whole DSN are replaced."""
    database = observe(
        peewee.PostgresqlDatabase("postgresql://me:se%20cret@db/x", password="plain", prefer_psycopg3=True)
    )
    for said in ("no se cret here", "no se%20cret here", "no plain here", "bad postgresql://me:se%20cret@db/x"):
        with pytest.raises(DatabaseUnavailable) as raised, translating(database):
            raise psycopg.OperationalError(said)
        assert "***" in str(raised.value)
        assert "cret" not in str(raised.value)
        assert "plain" not in str(raised.value)


def test_a_database_that_does_not_exist_is_unavailable(postgres_server):
    """A wrong name is told as such."""
    storage = Storage(peewee.PostgresqlDatabase(**postgres_server.parameters("nope"), prefer_psycopg3=True), [])
    with pytest.raises(DatabaseUnavailable, match='database "nope" does not exist'):
        storage.database  # noqa: B018 - reading is the test
    storage.close()


@ONLY_POSTGRESQL  # SQLite has no server
def test_a_standby_is_read_only(open_storage):
    """A server that takes no writes, such as a standby, is read-only."""
    storage = open_storage()
    storage.database.execute_sql("SET default_transaction_read_only = on")
    with pytest.raises(DatabaseReadOnly):
        storage.insert_rows(Badge, ["code", "level"], [("a", 1)])


# --- the rest --------------------------------------------------------------------------------------------------------


def test_a_closed_storage_says_so(storage):
    """After close(), the Storage, its models and its database all say that they are closed."""
    models = storage.models
    storage.close()
    storage.close()
    with pytest.raises(StorageClosed, match="Open the App again"):
        storage.database  # noqa: B018 - reading is the test
    with pytest.raises(StorageClosed), storage.boundary():
        models.Badge.select().count()


class OracleDatabase(peewee.Database):
    """A kind that nobody has proven."""


def test_another_kind_is_refused_for_the_apps_own_tables():
    """Storage is proven on three kinds only, and says so instead of half working."""
    with pytest.raises(DatabaseUnsupported, match="not in the Oracle database shop on db:1521"):
        Storage(OracleDatabase("shop", host="db", port=1521, user="me", password="secret"), [])


def test_psycopg2_is_refused():
    """Storage relies on psycopg 3; a database made for psycopg2 is refused with the way out."""
    database = peewee.PostgresqlDatabase("shop", prefer_psycopg3=True)
    database._adapter = database.psycopg2_adapter()
    with pytest.raises(DatabaseUnsupported, match="prefer_psycopg3=True"):
        Storage(database, [])


def test_a_place_is_named_without_account_and_password():
    """What is shown of an address is what helps to find the database."""
    assert (
        place(peewee.PostgresqlDatabase("postgresql://me:pw@db:5433/shop")) == "the PostgreSQL database shop on db:5433"
    )
    assert place(peewee.PostgresqlDatabase("shop")) == "the PostgreSQL database shop"
    assert place(peewee.MySQLDatabase("shop", host="db", port=3306)) == "the MySQL database shop on db:3306"
    assert place(peewee.SqliteDatabase("a/b.db")) == "the SQLite database a/b.db"

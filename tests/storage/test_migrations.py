from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import peewee
import pytest

from jitcore.storage import MigrationFailed, ModelSet, Storage, StorageNewer
from tests.fixtures.databases import told
from tests.storage.conftest import SHELF

pytestmark = pytest.mark.every_database


ADD_TABLE = """
def up(migrator, db):
    db.execute_sql("CREATE TABLE {table} (id INTEGER PRIMARY KEY)")
"""

HALF = "def up(migrator, db):\n    db.execute_sql('CREATE TABLE half (id INTEGER)')\n"


def tables(storage: Storage) -> set[str]:
    ours = {"jit_migration_steps"}
    return {name for name in storage.database.get_tables() if not name.startswith("sqlite_")} - ours


def test_nothing_is_touched_before_the_first_use(open_database):
    """Making a Storage neither connects nor migrates."""
    database = open_database()
    Storage(database, [SHELF])
    assert database.is_closed()


def test_the_first_use_migrates(storage):
    """Reading the database applies all migrations and remembers them per set."""
    assert tables(storage) == {"shelf_person", "shelf_badge", "jit_migrations_shelf"}
    names = storage.database.execute_sql("SELECT name FROM jit_migrations_shelf ORDER BY name").fetchall()
    assert list(names) == [("0001_initial",), ("0002_more_of_a_person",)]


def test_models_are_usable_at_once(storage):
    """Reading the models is a first use as well."""
    assert storage.models.Badge.select().count() == 0


def test_an_up_to_date_database_costs_two_statements(open_storage):
    """The second opening asks which tables there are and what was applied, and takes no lock."""
    open_storage().database  # noqa: B018 - reading migrates
    storage = open_storage()
    with storage.counting() as count:
        storage.database  # noqa: B018 - reading is the test
    assert (count.total, count.reads) == (2, 2)


def test_later_migrations_are_applied_to_old_rows(open_storage, write_migrations):
    """Code with one more migration brings an older database up without losing rows."""
    first = {"0001_initial": ADD_TABLE.format(table="pet")}
    open_storage(write_migrations("pets", first)).database.execute_sql("INSERT INTO pet VALUES (1)")
    later = {
        **first,
        "0002_name": "import peewee\n\ndef up(migrator, db):\n    migrator.migrate("
        "migrator.add_column('pet', 'name', peewee.TextField(default='Tom')))\n",
    }
    storage = open_storage(write_migrations("pets", later))
    assert list(storage.database.execute_sql("SELECT id, name FROM pet").fetchall()) == [(1, "Tom")]


def test_sets_have_their_own_histories(open_storage, write_migrations):
    """Two sets may use the same file names."""
    sets = [write_migrations(name, {"0001_initial": ADD_TABLE.format(table=name)}) for name in ("cats", "dogs")]
    assert tables(open_storage(*sets)) == {"cats", "dogs", "jit_migrations_cats", "jit_migrations_dogs"}


def test_a_set_without_migrations_is_fine(open_storage, write_migrations):
    """A set may have an empty folder."""
    assert tables(open_storage(write_migrations("empty", {}))) == set()


def test_a_missing_folder_is_named(open_storage, tmp_path):
    """A set whose folder is gone was installed badly; the error says which and where."""
    with pytest.raises(MigrationFailed, match=r"'lost' has no migrations folder at .*nowhere") as raised:
        open_storage(ModelSet("lost", [], tmp_path / "nowhere")).database  # noqa: B018 - reading is the test
    assert raised.value.migration == "lost"


def test_a_database_of_newer_code_is_refused(open_storage, write_migrations):
    """A migration that this code does not have is named, with what to do, and nothing is changed."""
    files = {"0001_initial": ADD_TABLE.format(table="pet"), "0002_b": ADD_TABLE.format(table="toy")}
    open_storage(write_migrations("pets", files)).database  # noqa: B018 - reading migrates
    older = {"0001_initial": files["0001_initial"], "0003_c": ADD_TABLE.format(table="bed")}
    storage = open_storage(write_migrations("pets", older))
    with pytest.raises(StorageNewer, match=r"does not know pets/0002_b.*Update jitcore") as raised:
        storage.database  # noqa: B018 - reading is the test
    assert raised.value.migrations == ("pets/0002_b",)
    assert "bed" not in open_storage().database.get_tables()


def test_the_history_of_an_uninstalled_plugin_does_not_matter(open_storage, write_migrations):
    """Without its set, a plugin's tables are nobody's business."""
    open_storage(write_migrations("pets", {"0001_initial": ADD_TABLE.format(table="pet")})).database  # noqa: B018
    assert "shelf_badge" in tables(open_storage(SHELF))


@pytest.mark.only_databases("sqlite", "postgresql")  # of the third: test_mysql.py
@pytest.mark.parametrize(
    ("code", "why"),
    [
        (HALF + "    raise ValueError('no such pet')", "ValueError: no such pet"),
        (HALF + "    db.execute_sql('DROP TABLE nothing')", "nothing"),
        ("def up(migrator, db)", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("x = 1", "does not define up"),
    ],
)
def test_a_failing_migration_leaves_nothing_behind(open_storage, write_migrations, code, why):
    """Neither its own half work nor the migrations before it stay; the error names it and says why."""
    good = write_migrations("cats", {"0001_initial": ADD_TABLE.format(table="cats")})
    bad = write_migrations("dogs", {"0001_initial": ADD_TABLE.format(table="dogs"), "0002_bad": code})
    with pytest.raises(MigrationFailed, match=f"dogs/0002_bad failed.*{why}") as raised:
        open_storage(good, bad).database  # noqa: B018 - reading is the test
    assert raised.value.migration == "dogs/0002_bad"
    assert raised.value.__cause__ is not None
    assert tables(open_storage(good)) == {"cats", "jit_migrations_cats"}


def test_a_migration_that_breaks_a_rule_shows_no_row(open_storage, write_migrations):
    """Values of rows stay out of the message of a failing migration."""
    code = (
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE pet (name VARCHAR(20) UNIQUE)')\n"
        "    for _ in range(2):\n        db.execute_sql(\"INSERT INTO pet VALUES ('13800138000')\")\n"
    )
    with pytest.raises(MigrationFailed, match="a row breaks a unique rule") as raised:
        open_storage(write_migrations("pets", {"0001_initial": code})).database  # noqa: B018 - reading is the test
    assert "13800138000" not in str(raised.value)


def test_a_failed_storage_tries_again(open_storage, write_migrations):
    """A repaired migration runs without opening the App anew."""
    broken = write_migrations("pets", {"0001_initial": "def up(migrator, db):\n    raise ValueError"})
    storage = open_storage(broken)
    with pytest.raises(MigrationFailed):
        storage.database  # noqa: B018 - reading is the test
    write_migrations("pets", {"0001_initial": ADD_TABLE.format(table="pet")})
    assert "pet" in tables(storage)


def test_rebuilding_a_table_does_not_cascade(open_storage, write_migrations):
    """SQLite rebuilds a table to change a column; rows that refer to it stay, and foreign keys are enforced again."""
    first = {
        "0001_initial": "def up(migrator, db):\n"
        "    db.execute_sql('CREATE TABLE pet (id INTEGER PRIMARY KEY, name TEXT)')\n"
        "    db.execute_sql('CREATE TABLE toy (pet INTEGER REFERENCES pet (id) ON DELETE CASCADE)')\n"
    }
    storage = open_storage(write_migrations("pets", first))
    storage.database.execute_sql("INSERT INTO pet VALUES (1, 'Tom')")
    storage.database.execute_sql("INSERT INTO toy VALUES (1)")
    later = {**first, "0002": "def up(migrator, db):\n    migrator.migrate(migrator.add_not_null('pet', 'name'))\n"}
    database = open_storage(write_migrations("pets", later)).database
    assert database.execute_sql("SELECT count(*) FROM toy").fetchone() == (1,)
    with pytest.raises(peewee.IntegrityError):
        database.execute_sql("INSERT INTO toy VALUES (2)")


def test_eight_threads_migrate_once(open_storage, write_migrations):
    """Threads that open the same Storage or their own at the same moment run each migration once."""
    pets = write_migrations("pets", {f"{n:04}_t": ADD_TABLE.format(table=f"t{n}") for n in range(1, 6)})
    shared = open_storage(pets)
    storages = [shared] * 4 + [open_storage(pets) for _ in range(4)]
    barrier, failures = threading.Barrier(len(storages)), []

    def open_it(storage: Storage) -> None:
        try:
            barrier.wait()
            storage.database.execute_sql("SELECT * FROM t5").fetchall()
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=open_it, args=(storage,)) for storage in storages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert shared.database.execute_sql("SELECT count(*) FROM jit_migrations_pets").fetchone() == (5,)


PROCESS = """
import sys
import peewee
from pathlib import Path
from jitcore.storage import ModelSet, Storage
database = getattr(peewee, sys.argv[1])(sys.argv[2], **eval(sys.argv[3]))
storage = Storage(database, [ModelSet("pets", (), Path(sys.argv[4]))])
print("ready", flush=True)
sys.stdin.readline()
storage.database.execute_sql("SELECT * FROM t5").fetchall()
storage.close()
"""


def test_four_processes_migrate_once(open_storage, open_database, write_migrations):
    """Processes that open one new database at the same moment run each migration once."""
    pets = write_migrations("pets", {f"{n:04}_t": ADD_TABLE.format(table=f"t{n}") for n in range(1, 6)})
    database = open_database()
    kind, name, parameters = told(database)
    command = [sys.executable, "-c", PROCESS, kind, name, repr(parameters), str(pets.migrations)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == [""] * 4
    applied = open_storage(pets).database.execute_sql("SELECT count(*) FROM jit_migrations_pets").fetchone()
    assert applied == (5,)


def test_migrations_are_plain_files_that_need_no_package():
    """A folder without ``__init__.py`` is enough, as a wheel carries it."""
    assert not (Path(SHELF.migrations) / "__init__.py").exists()

from __future__ import annotations

import subprocess
import sys
import threading
from urllib.parse import quote

import peewee
import pytest

from jit_databases.errors import DatabaseConfigInvalid, DriverMissing
from jitcore.errors import ElementFailed, ElementInvalid
from jitcore.schemas import schema_path
from jitcore.storage import DatabaseUnavailable, StorageClosed, observe
from jitcore.storage.error_boundary import translating

NAME = "databases.Shop"


def shop(kind: str, config: dict) -> dict:
    """An app's files with one database element."""
    return {
        "app.json": {},
        "databases/Shop/e.json": {"type": f"databases.{kind}", "title": "Shop"},
        "databases/Shop/Shop.json": config,
    }


# --- the default -----------------------------------------------------------------------------------------------------


def test_an_app_without_a_word_about_it_has_a_database(open_app):
    """``databases.Default`` is shipped: SQLite below the app's own folder."""
    app = open_app({"app.json": {}})
    assert app.check() == []
    assert isinstance(app.database, peewee.SqliteDatabase)
    assert app.database.execute_sql("SELECT 1").fetchone() == (1,)
    assert (app.path / "appData/database/Default/sqlite.db").is_file()


def test_nothing_is_made_before_it_is_needed(open_app):
    """Loading the element makes no file and no folder."""
    app = open_app({"app.json": {}})
    app.getElement("databases.Default")
    assert not (app.path / "appData").exists()


def test_an_app_overrides_the_default(open_app, postgres_server, postgres_database):
    """An app's own ``databases/Default`` carries the App's rows, here in PostgreSQL."""
    app = open_app({
        "app.json": {},
        "databases/Default/e.json": {"type": "databases.PgSqlType", "title": "Ours"},
        "databases/Default/Default.json": {"dbConfig": postgres_database},
    })  # fmt: skip
    assert app.check() == []
    assert app.database.execute_sql("SELECT current_database()").fetchone() == (postgres_database["database"],)


def test_the_app_names_another_default(open_app):
    """``settings.defaultElement.defaultDatabase`` says which element carries the App."""
    app = open_app(
        {
            **shop("SqliteType", {"database": "rows.db"}),
            "app.json": {"settings": {"defaultElement": {"defaultDatabase": NAME}}},
        }
    )
    assert app.database is app.getElement(NAME).database
    assert (app.path / "rows.db").is_file()


# --- SQLite ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        {"dbType": "sqlite", "dbAlias": "Shop", "dbConfig": {"database": "deep/er/shop.db"}},
        {"dbType": "sqlite", "database": "deep/er/shop.db"},
        {"url": "sqlite:///deep/er/shop.db"},
    ],
)
def test_a_relative_path_is_the_apps_and_folders_are_made(open_app, config):
    """All three ways of writing lead to the same file inside the app's folder."""
    app = open_app(shop("SqliteType", config))
    assert app.check() == []
    app.getElement(NAME).database.execute_sql("CREATE TABLE pet (name TEXT)")
    assert (app.path / "deep/er/shop.db").is_file()


def test_an_absolute_path_is_taken_as_it_is(open_app, tmp_path):
    """A file may lie anywhere."""
    path = tmp_path / "elsewhere" / "shop.db"
    app = open_app(shop("SqliteType", {"url": f"sqlite:///{path}"}))
    assert app.getElement(NAME).database.execute_sql("SELECT 1").fetchone() == (1,)
    assert path.is_file()


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"database": ":memory:"}, "every thread would have an empty database"),
        ({"url": "sqlite:///:memory:"}, "every thread would have an empty database"),
        ({"url": "sqlite:///"}, "it names no database"),
    ],
)
def test_what_cannot_hold_an_apps_rows_is_refused(open_app, config, why):
    """The error names the element, says why, and what to correct."""
    element = open_app(shop("SqliteType", config)).getElement(NAME)
    with pytest.raises(DatabaseConfigInvalid, match=rf"databases\.Shop cannot be opened: {why}.*Shop\.json") as raised:
        element.database  # noqa: B018 - reading is the test
    assert raised.value.fullName == NAME


def test_a_url_with_a_host_is_refused(open_app):
    """``sqlite://folder/file`` names a host where a path was meant."""
    element = open_app(shop("SqliteType", {"url": "sqlite:///a.db"})).getElement(NAME)
    element.config = {"url": "sqlite://folder/a.db"}
    with pytest.raises(DatabaseConfigInvalid, match="three slashes"):
        element.database  # noqa: B018 - reading is the test


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["nested", "nested, dbname", "flat", "url", "url over TCP"])
def postgres_config(request, postgres_server, postgres_database) -> dict:
    """The same database, written in every way."""
    given = postgres_database
    dbname = {"dbname" if key == "database" else key: value for key, value in given.items()}
    host, port, name = quote(given["host"], safe=""), given["port"], given["database"]
    return {
        "nested": {"dbType": "pgsql", "dbAlias": "Shop", "dbConfig": given},
        "nested, dbname": {"dbType": "pgsql", "dbConfig": {**dbname, "port": str(given["port"])}},
        "flat": {"dbType": "pgsql", **given},
        "url": {"url": f"postgresql://postgres@/{name}?host={host}&port={port}"},
        "url over TCP": {
            "url": f"postgres://postgres:{postgres_server.password}@127.0.0.1:{port}/{name}?connect_timeout=5"
        },
    }[request.param]


def test_every_way_of_writing_connects(open_app, postgres_config, postgres_database):
    """Whichever form the business file has, a real server answers."""
    app = open_app(shop("PgSqlType", postgres_config))
    assert app.check() == []
    database = app.getElement(NAME).database
    answer = database.execute_sql("SELECT current_database(), current_setting('application_name')").fetchone()
    assert answer == (postgres_database["database"], "jitcore")


def test_variables_keep_secrets_out_of_the_file(open_app, postgres_server, postgres_database):
    """The whole URL may be one variable."""
    files = {
        **shop("PgSqlType", {"url": "{{SHOP_URL}}"}),
        "app.json": {"variables": [{"name": "SHOP_URL", "secret": True}]},
    }
    url = f"postgresql://postgres:{postgres_server.password}@127.0.0.1:{postgres_server.port}/{postgres_database['database']}"
    app = open_app(files, variables={"SHOP_URL": url})
    assert app.getElement(NAME).database.execute_sql("SELECT 1").fetchone() == (1,)


def test_a_wrong_password_is_reported_without_it(open_app, postgres_server, postgres_database):
    """The App says which database refused, and repeats no password."""
    parts = {"database": postgres_database["database"], "host": "127.0.0.1", "port": postgres_server.port}
    files = shop("PgSqlType", {**parts, "user": "postgres", "password": "canary-7"})
    app = open_app({**files, "app.json": {"settings": {"defaultElement": {"defaultDatabase": NAME}}}})
    with pytest.raises(DatabaseUnavailable, match="password authentication failed") as raised:
        app.database  # noqa: B018 - reading is the test
    assert "canary-7" not in str(raised.value)


def test_a_missing_driver_names_the_extra(open_app, monkeypatch):
    """Without psycopg the error says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    element = open_app(shop("PgSqlType", {"database": "shop"})).getElement(NAME)
    with pytest.raises(DriverMissing, match=r'psycopg.*pip install "jitcore\[postgres\]"') as raised:
        element.database  # noqa: B018 - reading is the test
    assert (raised.value.driver, raised.value.extra) == ("psycopg", "postgres")


# --- MySQL -----------------------------------------------------------------------------------------------------------


def test_mysql_without_its_driver_names_the_extra(open_app, monkeypatch):
    """Without PyMySQL the error says what to install."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    element = open_app(shop("MySQLType", {"dbConfig": {"database": "shop"}})).getElement(NAME)
    with pytest.raises(DriverMissing, match=r'pymysql.*pip install "jitcore\[mysql\]"'):
        element.database  # noqa: B018 - reading is the test


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_mysql_gets_its_address(open_app, scheme):
    """The parts of the address reach Peewee's MySQL database, whichever of the two it is called."""
    app = open_app(shop("MySQLType", {"url": f"{scheme}://me:pw@db.example:3307/shop?charset=utf8mb4"}))
    assert app.check() == []
    database = app.getElement(NAME).database
    assert isinstance(database, peewee.MySQLDatabase)
    assert database.database == "shop"
    told = {key: database.connect_params[key] for key in ("host", "port", "user", "password", "charset")}
    assert told == {"host": "db.example", "port": 3307, "user": "me", "password": "pw", "charset": "utf8mb4"}


def test_mariadb_is_reached_by_address_and_password(open_app, mariadb_server, mariadb_database):
    """A MariaDB can be the App's own database, reached as on any server."""
    config = {
        "host": "127.0.0.1",
        "port": str(mariadb_server.port),
        "user": mariadb_server.account,
        "password": mariadb_server.password,
        "database": mariadb_database["database"],
    }
    files = shop("MySQLType", {"dbType": "MySQL", "dbAlias": "Shop", "dbConfig": config})
    app = open_app({**files, "app.json": {"settings": {"defaultElement": {"defaultDatabase": NAME}}}})
    assert app.check() == []
    assert app.database.execute_sql("SELECT DATABASE(), USER()").fetchone() == (
        mariadb_database["database"],
        f"{mariadb_server.account}@127.0.0.1",
    )
    assert "corp_member" in app.database.get_tables()


def test_a_wrong_password_of_mariadb_is_not_repeated(open_app, mariadb_server, mariadb_database):
    """The error says which database and why, and shows no password."""
    where = f"127.0.0.1:{mariadb_server.port}/{mariadb_database['database']}"
    app = open_app(shop("MySQLType", {"url": f"mariadb://{mariadb_server.account}:pass-canary@{where}"}))
    with (
        pytest.raises(DatabaseUnavailable, match="Access denied") as raised,
        translating(app.getElement(NAME).database),
    ):
        app.getElement(NAME).database.execute_sql("SELECT 1")
    assert "canary" not in str(raised.value)


# --- business files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "config", "pointer"),
    [
        ("SqliteType", {}, ""),
        ("SqliteType", {"dbConfig": {"file": "x.db"}}, "/dbConfig/file"),
        ("SqliteType", {"url": "postgresql://db/x"}, "/url"),
        ("PgSqlType", {"dbConfig": {"host": "db"}}, "/dbConfig"),
        ("PgSqlType", {"url": "mysql://db/x"}, "/url"),
        ("PgSqlType", {"database": "x", "port": "many"}, "/port"),
        ("MySQLType", {"dbConfig": {"dbname": "x"}}, "/dbConfig/dbname"),
    ],
)
def test_a_wrong_business_file_is_found_by_check(open_app, kind, config, pointer):
    """Each mistake is a located problem before any code runs."""
    app = open_app(shop(kind, config))
    problems = app.check()
    assert pointer in {problem.pointer for problem in problems}
    assert {problem.element for problem in problems} == {NAME}
    with pytest.raises(ElementInvalid):
        app.getElement(NAME)


@pytest.mark.parametrize(
    "config",
    [
        {"url": "postgresql://me:canary-7@db/x", "sslmode": "x"},
        {"url": "posgresql://me:canary-7@db/x"},
        {"dbConfig": {"database": "x", "password": "canary-7", "pasword": "canary-8"}},
        {"database": "x", "password": ["canary-7"]},
    ],
)
def test_no_problem_shows_a_secret(open_app, config):
    """Passwords and URLs are masked wherever a problem points."""
    shown = "\n".join(str(problem) + str(problem.snippet) for problem in open_app(shop("PgSqlType", config)).check())
    assert shown
    assert "canary-7" not in shown


@pytest.mark.parametrize("kind", ["SqliteType", "PgSqlType", "MySQLType"])
def test_every_type_ships_a_schema(kind):
    """Editors and ``jit check`` find one schema per Type."""
    assert schema_path(f"databases.{kind}").is_file()


# --- life ------------------------------------------------------------------------------------------------------------


def test_every_reader_gets_the_same_database(open_app):
    """Threads that read it first at the same moment share one object."""
    element = open_app({"app.json": {}}).getElement("databases.Default")
    barrier, seen = threading.Barrier(8), []

    def read() -> None:
        barrier.wait()
        seen.append(element.database)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(database) for database in seen}) == 1


def test_databases_are_closed_with_their_app(open_app):
    """Also one that does not carry the App; using it afterwards is refused instead of opening it again."""
    app = open_app(shop("SqliteType", {"database": "shop.db"}))
    other, own = app.getElement(NAME).database, app.database
    other.execute_sql("SELECT 1")
    storage = app.storage
    app.close()
    for database in (other, own):
        with pytest.raises(peewee.InterfaceError, match="closed together with its App"):
            database.execute_sql("SELECT 1")
    with pytest.raises(StorageClosed):
        storage.models  # noqa: B018 - reading is the test


def test_loading_the_element_imports_no_peewee(write_app):
    """Peewee and drivers are imported when the database is first read, not when the element is loaded."""
    code = (
        "import sys; from jitcore import App\n"
        "with App(sys.argv[1]) as app:\n"
        "    element = app.getElement('databases.Default')\n"
        "    assert not {'peewee', 'psycopg', 'playhouse'} & set(sys.modules)\n"
        "    element.database\n"
        "    assert 'peewee' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(write_app({"app.json": {}}))], check=True)


def test_a_type_of_the_app_may_hand_out_a_plain_peewee_database(open_app):
    """Anything with ``.database`` can carry an App; it gets WAL, foreign keys and safe connections all the same."""
    code = """
from functools import cached_property
import peewee
from jitcore import Element, Loader as BaseLoader

class Ours(Element):
    @cached_property
    def database(self):
        return peewee.SqliteDatabase(str(self.app.path / "ours.db"))

class Loader(BaseLoader):
    elementClass = Ours
"""
    app = open_app({
        "app.json": {},
        "databases/OurType/e.json": {"type": "databases.SqliteType", "title": "Ours"},
        "databases/OurType/__init__.py": code,
        "databases/Default/e.json": {"type": "databases.OurType", "title": "Ours"},
        "databases/Default/Default.json": {"database": "unused.db"},
    })  # fmt: skip
    assert app.database.journal_mode == "wal"
    assert app.database is observe(app.database)
    assert (app.path / "ours.db").is_file()


def test_a_type_without_a_database_is_refused(open_app):
    """The Meta's contract asks for ``database``; a Type that lacks it is refused before its code runs."""
    code = "from jitcore import Element, Loader as B\nclass E(Element): ...\nclass Loader(B):\n    elementClass = E\n"
    app = open_app({
        "app.json": {},
        "databases/BadType/e.json": {"type": "databases.Meta", "title": "Bad"},
        "databases/BadType/__init__.py": code,
        "databases/Shop/e.json": {"type": "databases.BadType", "title": "Shop"},
    })  # fmt: skip
    with pytest.raises(ElementInvalid, match="database"):
        app.getElement(NAME)


# --- what cannot be ---------------------------------------------------------------------------------------------------


def test_a_file_in_the_way_of_the_folder_is_told(open_app):
    """Where the folder of the SQLite file cannot be made, the error is one of storage's, with the path."""
    app = open_app({"app.json": {}, "appData": "in the way"})
    with pytest.raises(DatabaseUnavailable, match=r"appData.*Not a directory"):
        app.database.execute_sql("SELECT 1")


def test_a_name_that_no_file_can_have_is_told(open_app):
    """A NUL character in the path is a mistake in the configuration."""
    app = open_app(shop("SqliteType", {"database": "a\0b"}))
    with pytest.raises(DatabaseConfigInvalid, match="such a name"):
        app.getElement(NAME).database.connect()


@pytest.mark.parametrize("option", ["database", "prefer_psycopg3"])
def test_options_do_not_say_what_is_said_elsewhere(open_app, option):
    """An option that jitcore sets itself is named, instead of breaking the driver's call."""
    app = open_app(shop("PgSqlType", {"dbname": "shop", "options": {option: "x"}}))
    with pytest.raises(DatabaseConfigInvalid, match=option):
        app.getElement(NAME).database.connect()


def test_a_default_that_is_no_database_is_named(open_app):
    """An element of another family as defaultDatabase is told by its name."""
    default = {"settings": {"defaultElement": {"defaultDatabase": "corps.QywxProxyType"}}}
    app = open_app({"app.json": default})
    with pytest.raises(ElementFailed, match=r"corps\.QywxProxyType is no database"):
        assert app.database

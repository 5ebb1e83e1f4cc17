"""The databases that a sync is measured on, from both sides: as an app's element, and bare, for the floors.

A PostgreSQL of the tests' own kind is started for it: it need not survive a crash of the machine (``fsync=off``), so a
commit costs both sides next to nothing there.
"""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import peewee

from tests.fixtures.postgres import PostgresServer, running_server

#: What SQLite's driver and psycopg have in common.
Connection = Any
Opened = Callable[[Path], AbstractContextManager["Home"]]


class Home(ABC):
    """One empty database of an app.

    :cvar kind: what it is called in the results.
    :cvar mark: how a statement writes a parameter.
    """

    kind: str
    mark: str

    @property
    @abstractmethod
    def element(self) -> tuple[str, dict[str, Any]]:
        """Type and business file of the app's database element."""

    @abstractmethod
    def peewee(self) -> peewee.Database:
        """The same database for somebody who uses Peewee by itself."""

    @abstractmethod
    def connect(self) -> AbstractContextManager[Connection]:
        """A bare connection that begins no transaction by itself."""

    @abstractmethod
    def twins(self, tables: Sequence[str]) -> AbstractContextManager[Connection]:
        """A bare connection on which these names mean empty tables, made like those of the app, indexes included."""


class SqliteHome(Home):
    """A file."""

    kind = "SQLite"
    mark = "?"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "measured.db"
        self._twin = folder / "floor.db"

    @property
    def element(self) -> tuple[str, dict[str, Any]]:
        return "databases.SqliteType", {"database": str(self._file)}

    def peewee(self) -> peewee.Database:
        return peewee.SqliteDatabase(str(self._file), pragmas={"journal_mode": "wal", "synchronous": "normal"})

    def connect(self) -> AbstractContextManager[Connection]:
        return closing(_sqlite(self._file))

    @contextmanager
    def twins(self, tables: Sequence[str]) -> Iterator[Connection]:
        with self.connect() as ours:
            made = ours.execute(
                "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
            ).fetchall()
        try:
            with closing(_sqlite(self._twin)) as connection:
                for table, sql in made:
                    if table in tables:
                        connection.execute(sql)
                yield connection
        finally:
            _remove(self._twin)

    def remove(self) -> None:
        """Remove the file and what lies beside it."""
        _remove(self._file)


class PostgresHome(Home):
    """A database on a server."""

    kind = "PostgreSQL"
    mark = "%s"

    def __init__(self, server: PostgresServer, parameters: dict[str, Any]) -> None:
        self._server = server
        self._parameters = parameters

    @property
    def element(self) -> tuple[str, dict[str, Any]]:
        config = {name: str(value) for name, value in self._parameters.items() if name != "database"}
        return "databases.PgSqlType", {"dbConfig": {**config, "dbname": self._parameters["database"]}}

    def peewee(self) -> peewee.Database:
        return peewee.PostgresqlDatabase(**self._parameters, prefer_psycopg3=True)

    def connect(self) -> AbstractContextManager[Connection]:
        import psycopg

        names = {"database": "dbname"}
        parameters = {names.get(name, name): value for name, value in self._parameters.items()}
        return closing(psycopg.connect(**parameters, autocommit=True))

    @contextmanager
    def twins(self, tables: Sequence[str]) -> Iterator[Connection]:
        with self.connect() as connection:
            connection.execute("CREATE SCHEMA floor")
            try:
                for table in tables:
                    connection.execute(f"CREATE TABLE floor.{table} (LIKE public.{table} INCLUDING ALL)")
                connection.execute("SET search_path TO floor")
                yield connection
            finally:
                connection.execute("DROP SCHEMA floor CASCADE")


@contextmanager
def kinds() -> Iterator[Sequence[Opened]]:
    """Every kind of database; each opens an empty one in a folder."""
    with running_server() as server:

        @contextmanager
        def postgres(folder: Path) -> Iterator[Home]:
            parameters = server.lend_database()
            try:
                yield PostgresHome(server, parameters)
            finally:
                server.take_back(parameters["database"])

        yield sqlite, postgres


@contextmanager
def sqlite(folder: Path) -> Iterator[Home]:
    """An empty SQLite file."""
    home = SqliteHome(folder)
    try:
        yield home
    finally:
        home.remove()


def version(home: Home) -> str:
    """What the database says it is."""
    asked = "SELECT 'SQLite ' || sqlite_version()" if home.kind == "SQLite" else "SELECT version()"
    with home.connect() as connection:
        [(told,)] = connection.execute(asked).fetchall()
    found = re.match(r"\w+ [0-9.]+", str(told))
    return found[0] if found else str(told)


def _sqlite(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = normal")
    return connection


def _remove(file: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)

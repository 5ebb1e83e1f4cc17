"""The one place where a driver's error becomes one of :mod:`jitcore.storage.errors`.

Classification goes by the codes that SQLite and PostgreSQL document, not by the words of a message:
https://www.sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import peewee

from jitcore.storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitcore.storage.observed import ObservedDatabase

__all__ = ["explain", "place", "translating"]

_TRY_AGAIN = "Try again."
_CHECK_DATABASE = "Check that the database runs, that its address is right, and that this account may use it."

_SQLITE = {
    sqlite3.SQLITE_BUSY: errors.DatabaseBusy,
    sqlite3.SQLITE_LOCKED: errors.DatabaseBusy,
    sqlite3.SQLITE_READONLY: errors.DatabaseReadOnly,
    sqlite3.SQLITE_FULL: errors.DatabaseFull,
    sqlite3.SQLITE_CANTOPEN: errors.DatabaseUnavailable,
    sqlite3.SQLITE_IOERR: errors.DatabaseUnavailable,
    sqlite3.SQLITE_CORRUPT: errors.DatabaseUnavailable,
    sqlite3.SQLITE_NOTADB: errors.DatabaseUnavailable,
    sqlite3.SQLITE_PERM: errors.DatabaseUnavailable,
}
_SQLITE_CONSTRAINTS = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "unique",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    sqlite3.SQLITE_CONSTRAINT_ROWID: "unique",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "not-null",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign-key",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "check",
}
#: SQLSTATE or its class (first two characters); the longer one wins.
_SQLSTATE = {
    "08": errors.DatabaseUnavailable,
    "28": errors.DatabaseUnavailable,
    "3D": errors.DatabaseUnavailable,
    "40": errors.DatabaseBusy,
    "53": errors.DatabaseUnavailable,
    "57": errors.DatabaseUnavailable,
    "25006": errors.DatabaseReadOnly,
    "53100": errors.DatabaseFull,
    "55P03": errors.DatabaseBusy,
    "57014": errors.DatabaseBusy,
}
_SQLSTATE_CONSTRAINTS = {"23505": "unique", "23502": "not-null", "23503": "foreign-key", "23514": "check"}


@contextmanager
def translating(database: ObservedDatabase) -> Iterator[None]:
    """Raise the error tree's counterpart of any driver error inside; the original is its ``__cause__``.

    A connection that the server ended is dropped, so that the next statement connects anew.

    :param database: named in the messages, without its password.
    """
    try:
        yield
    except _driver_errors() as error:
        translated = _translate(error, database)
        if isinstance(translated, errors.DatabaseUnavailable) and not database.in_transaction():
            database.close()
        raise translated from error


def place(database: peewee.Database) -> str:
    """Say which database it is, without account and password."""
    if isinstance(database, peewee.SqliteDatabase):
        return f"the SQLite database {database.database}"
    name, parameters = database.database, database.connect_params
    host, port = parameters.get("host"), parameters.get("port")
    if "://" in name:
        address = urlsplit(name)
        host, port, name = address.hostname, address.port, address.path.lstrip("/")
    kind = "PostgreSQL" if isinstance(database, peewee.PostgresqlDatabase) else "MySQL"
    where = f" on {host}" + (f":{port}" if port else "") if host else ""
    return f"the {kind} database {name}{where}"


def explain(error: BaseException, database: peewee.Database) -> str:
    """Say in a few words why ``error`` happened, without a secret and without values of rows."""
    if not isinstance(error, _driver_errors()):
        return f"{type(error).__name__}: {error}".rstrip(": .")
    kind, constraint = _classify(_driver(error))
    if kind is errors.ConstraintViolated:
        return f"a row breaks a {constraint} rule"
    return _reason(_driver(error), database)


def _driver_errors() -> tuple[type[BaseException], ...]:
    # A cursor that is read after Peewee handed it out raises the driver's own error.
    found: list[type[BaseException]] = [peewee.PeeweeException, sqlite3.Error]
    if "psycopg" in sys.modules:
        found.append(sys.modules["psycopg"].Error)
    return tuple(found)


def _translate(error: BaseException, database: ObservedDatabase) -> errors.StorageError:
    where = place(database)
    if database.observed.closed:
        return errors.StorageClosed(f"{_sentence(where)} was used after it was closed.", hint="Open the App again.")
    driver = _driver(error)
    kind, constraint = _classify(driver)
    if kind is errors.ConstraintViolated:
        return _constraint(driver, constraint, where)
    if kind is errors.DatabaseUnavailable:
        return kind(f"Cannot use {where}: {_reason(driver, database)}.", hint=_CHECK_DATABASE)
    if kind is errors.DatabaseBusy:
        return kind(f"Somebody else holds {where}: {_reason(driver, database)}.", hint=_TRY_AGAIN)
    if kind is errors.DatabaseReadOnly:
        hint = "Write inside storage.transaction(), and check that the file or server takes writes."
        return kind(f"Cannot write to {where}: {_reason(driver, database)}.", hint=hint)
    if kind is errors.DatabaseFull:
        return kind(f"No room left in {where}.", hint="Free some space; nothing of this transaction was kept.")
    return errors.StatementFailed(f"A statement failed in {where}: {_reason(driver, database)}.")


def _driver(error: BaseException) -> BaseException:
    # Peewee's own errors carry the driver's, twice over when a statement had to connect first.
    while (inner := getattr(error, "orig", None)) is not None:
        error = inner
    return error


def _classify(driver: BaseException) -> tuple[type[errors.StorageError], str]:
    code = getattr(driver, "sqlite_errorcode", None)
    if code is not None:
        if code & 0xFF == sqlite3.SQLITE_CONSTRAINT:
            return errors.ConstraintViolated, _SQLITE_CONSTRAINTS.get(code, "other")
        return _SQLITE.get(code & 0xFF, errors.StatementFailed), ""
    state = getattr(driver, "sqlstate", None)
    if state:
        if state.startswith("23"):
            return errors.ConstraintViolated, _SQLSTATE_CONSTRAINTS.get(state, "other")
        return _SQLSTATE.get(state) or _SQLSTATE.get(state[:2]) or errors.StatementFailed, ""
    # libpq has no code for a connection that cannot be made or is gone.
    lost = type(driver).__module__.partition(".")[0] == "psycopg" and type(driver).__name__ in {
        "OperationalError",
        "ConnectionTimeout",
        "InterfaceError",
    }
    return (errors.DatabaseUnavailable if lost else errors.StatementFailed), ""


def _constraint(driver: BaseException, kind: str, where: str) -> errors.ConstraintViolated:
    table: str | None = None
    constraint: str | None = None
    columns: tuple[str, ...] = ()
    diagnostics = getattr(driver, "diag", None)
    if diagnostics is not None:
        table, constraint = diagnostics.table_name, diagnostics.constraint_name
        # "Key (a, b)=(1, 2) already exists." - the names may be told, the values may not.
        named = re.match(r"Key \(([^=]*)\)=", diagnostics.message_detail or "")
        columns = tuple(named[1].split(", ")) if named else tuple(filter(None, [diagnostics.column_name]))
    else:
        # "UNIQUE constraint failed: person.id, person.corp"
        names = str(driver).partition("constraint failed: ")[2].split(", ")
        pairs = [name.partition(".") for name in names if "." in name]
        if pairs:
            table, columns = pairs[0][0], tuple(column for _, _, column in pairs)
    rule = f" {constraint}" if constraint else ""
    subject = f"{table} ({', '.join(columns)})" if columns else table or "a table"
    return errors.ConstraintViolated(
        f"A row breaks the {kind} rule{rule} of {subject} in {where}.",
        kind=kind,
        table=table,
        columns=columns,
        constraint=constraint,
    )


def _reason(driver: BaseException, database: peewee.Database) -> str:
    """The driver's first line, without the password and without values of rows."""
    state = getattr(driver, "sqlstate", None)
    if state and state.startswith("22"):
        return f"a value does not fit its column (SQLSTATE {state})"
    diagnostics = getattr(driver, "diag", None)
    words = (diagnostics.message_primary if diagnostics is not None else None) or str(driver) or type(driver).__name__
    text = " ".join(words.split()).rstrip(".")
    for secret in _secrets(database):
        text = text.replace(secret, "***")
    return text


def _secrets(database: peewee.Database) -> set[str]:
    parameters: dict[str, Any] = database.connect_params
    found = {str(parameters[key]) for key in ("password", "passwd", "sslpassword") if parameters.get(key)}
    if "://" in str(database.database):
        in_address = urlsplit(database.database).password
        if in_address:
            found |= {in_address, unquote(in_address)}
            found.add(database.database)
    return found


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]

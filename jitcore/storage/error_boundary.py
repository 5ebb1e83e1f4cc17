"""The one place where a driver's error becomes one of :mod:`jitcore.storage.errors`.

Which it is goes by the codes that the database documents, not by the words of a message; each kind knows its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import peewee

from jitcore.storage import errors
from jitcore.storage.kinds import Kind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitcore.storage.observed import ObservedDatabase

__all__ = ["explain", "place", "translating"]

_TRY_AGAIN = "Try again."
_CHECK_DATABASE = "Check that the database runs, that its address is right, and that this account may use it."


@contextmanager
def translating(database: ObservedDatabase) -> Iterator[None]:
    """Raise the error tree's counterpart of any driver error inside; the original is its ``__cause__``.

    A connection that the server ended is dropped, so that the next statement connects anew.

    :param database: named in the messages, without its password.
    """
    try:
        yield
    except _driver_errors(database.observed.kind) as error:
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
    where = f" on {host}" + (f":{port}" if port else "") if host else ""
    return f"the {kind_of(database).name} database {name}{where}"


def explain(error: BaseException, database: ObservedDatabase) -> str:
    """Say in a few words why ``error`` happened, without a secret and without values of rows."""
    kind = database.observed.kind
    if not isinstance(error, _driver_errors(kind)):
        return f"{type(error).__name__}: {error}".rstrip(": .")
    driver = _driver(error)
    if kind.classify(driver) is errors.ConstraintViolated:
        return f"a row breaks a {kind.broken_rule(driver).kind} rule"
    return _reason(driver, database)


def _driver_errors(kind: Kind) -> tuple[type[BaseException], ...]:
    # A cursor that is read after Peewee handed it out raises the driver's own error.
    return (peewee.PeeweeException, *kind.driver_errors())


def _translate(error: BaseException, database: ObservedDatabase) -> errors.StorageError:
    where = place(database)
    if database.observed.closed:
        return errors.StorageClosed(f"{_sentence(where)} was used after it was closed.", hint="Open the App again.")
    driver = _driver(error)
    kind = database.observed.kind.classify(driver)
    if kind is errors.ConstraintViolated:
        return _constraint(driver, database)
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


def _constraint(driver: BaseException, database: ObservedDatabase) -> errors.ConstraintViolated:
    broken = database.observed.kind.broken_rule(driver)
    rule = f" {broken.constraint}" if broken.constraint else ""
    subject = f"{broken.table} ({', '.join(broken.columns)})" if broken.columns else broken.table or "a table"
    return errors.ConstraintViolated(
        f"A row breaks the {broken.kind} rule{rule} of {subject} in {place(database)}.",
        kind=broken.kind,
        table=broken.table,
        columns=broken.columns,
        constraint=broken.constraint,
    )


def _reason(driver: BaseException, database: ObservedDatabase) -> str:
    """The driver's first line, without the password and without values of rows."""
    words = database.observed.kind.words(driver) or type(driver).__name__
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

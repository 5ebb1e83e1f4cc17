"""``databases.SqliteType``: a database in one file, the default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_databases.element import DatabaseElement
from jitcore import Loader as BaseLoader
from jitcore.storage import DatabaseUnavailable

if TYPE_CHECKING:
    import peewee

    from jit_databases.address import Address

__all__ = ["Loader", "SqliteElement"]

#: How long a statement waits for another connection's lock, in seconds.
BUSY_SECONDS = 30


class SqliteElement(DatabaseElement):
    """An SQLite file; a relative path is relative to the App's folder, and missing folders are made."""

    schemes = ("sqlite",)

    def _open(self, address: Address) -> peewee.Database:
        import peewee

        if address.host:
            raise self._invalid(
                "a url of SQLite has three slashes before a relative path and four before an absolute one"
            )
        if address.database == ":memory:":
            raise self._invalid("every thread would have an empty database of its own in :memory:")
        assert address.database is not None
        if "\0" in address.database:
            raise self._invalid("no file can have such a name")
        path = self.app.path / address.database
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnavailable(
                f"Cannot use the SQLite database {path}: its folder cannot be made ({error.strerror}).",
                hint="Make the folder, let this account write there, or name another file.",
            ) from error
        return peewee.SqliteDatabase(str(path), timeout=BUSY_SECONDS)


class Loader(BaseLoader):
    elementClass = SqliteElement

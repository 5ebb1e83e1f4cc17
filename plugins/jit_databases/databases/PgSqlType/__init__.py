"""``databases.PgSqlType``: a database on a PostgreSQL server, through psycopg 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_databases.element import DatabaseElement
from jit_databases.errors import DriverMissing
from jitcore import Loader as BaseLoader

if TYPE_CHECKING:
    import peewee

    from jit_databases.address import Address

__all__ = ["Loader", "PgSqlElement"]

#: Unless the configuration says otherwise: a server that does not answer is an error, not a wait without end.
CONNECT_SECONDS = 10


class PgSqlElement(DatabaseElement):
    """A PostgreSQL database."""

    schemes = ("postgresql", "postgres")

    def _open(self, address: Address) -> peewee.Database:
        try:
            import psycopg  # noqa: F401 - Peewee itself only says that it found no driver
        except ImportError as error:
            raise DriverMissing(fullName=self.fullName, driver="psycopg", extra="postgres") from error
        import peewee

        parameters = {"connect_timeout": CONNECT_SECONDS, "application_name": "jitcore", **address.parameters}
        return peewee.PostgresqlDatabase(address.database, prefer_psycopg3=True, **parameters)


class Loader(BaseLoader):
    elementClass = PgSqlElement

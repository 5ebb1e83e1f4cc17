"""``databases.MySQLType``: a database on a server of MariaDB or MySQL, through PyMySQL.

The App's own tables want MariaDB 10.6 or MySQL 8.0.19, or newer; other data may lie on an older one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_databases.element import DatabaseElement
from jit_databases.errors import DriverMissing
from jitcore import Loader as BaseLoader

if TYPE_CHECKING:
    import peewee

    from jit_databases.address import Address

__all__ = ["Loader", "MySQLElement"]

#: Unless the configuration says otherwise: a server that does not answer is an error, not a wait without end.
CONNECT_SECONDS = 10


class MySQLElement(DatabaseElement):
    """A database of MariaDB or MySQL."""

    schemes = ("mysql", "mariadb")

    def _open(self, address: Address) -> peewee.Database:
        try:
            import pymysql  # type: ignore[import-untyped, import-not-found, unused-ignore]  # noqa: F401 - as for psycopg
        except ImportError as error:
            raise DriverMissing(fullName=self.fullName, driver="pymysql", extra="mysql") from error
        import peewee

        parameters = {"connect_timeout": CONNECT_SECONDS, **address.parameters}
        return peewee.MySQLDatabase(address.database, **parameters)


class Loader(BaseLoader):
    elementClass = MySQLElement

"""The kinds of databases that an App's rows can live in, one room for each.

Everything else in :mod:`jitcore.storage` speaks of databases in general and asks the :class:`Kind` where they differ:
how a connection is set up, how transactions begin, how rows are written in bulk, what the codes of errors mean, and how
migrations are kept apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import peewee

from jitcore.storage.kinds.kind import Kind, OtherKind
from jitcore.storage.kinds.mysql import MySQLKind
from jitcore.storage.kinds.postgresql import PostgresqlKind
from jitcore.storage.kinds.sqlite import SqliteKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kind", "kind_of"]

_KINDS: Mapping[type[peewee.Database], type[Kind]] = {
    peewee.SqliteDatabase: SqliteKind,
    peewee.PostgresqlDatabase: PostgresqlKind,
    peewee.MySQLDatabase: MySQLKind,
}


def kind_of(database: peewee.Database) -> Kind:
    """Return what is known about databases of this class; an observed one carries it."""
    if isinstance(known := getattr(getattr(database, "observed", None), "kind", None), Kind):
        return known
    for base, kind in _KINDS.items():
        if isinstance(database, base):
            return kind()
    return OtherKind(type(database).__name__.removesuffix("Database"))

"""What the Types of this family have in common: a database that is opened when somebody first reads it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from jit_databases.address import Address, read_address
from jit_databases.errors import DatabaseConfigInvalid
from jitcore import Element

if TYPE_CHECKING:
    from collections.abc import Mapping

    import peewee

    from jitcore.node import Node

__all__ = ["DatabaseElement"]

#: What Peewee is told by this package, so that the options of a business file cannot say it again.
_SET_HERE = frozenset({"database", "prefer_psycopg3", "thread_safe", "autoconnect"})


class DatabaseElement(Element, ABC):
    """A database of the App.

    Peewee and the driver are imported when :attr:`database` is first read; the first statement connects. Every thread
    has a connection of its own; all of them are closed with the App.
    """

    #: What a ``url`` may begin with.
    schemes: ClassVar[tuple[str, ...]]

    def __init__(self, node: Node, config: Mapping[str, Any]) -> None:
        super().__init__(node, config)
        self._lock = threading.Lock()
        self._database: peewee.Database | None = None

    @property
    def database(self) -> peewee.Database:
        """The Peewee database, the same object at every reading.

        :raises DatabaseConfigInvalid: the configuration names none.
        :raises DriverMissing: its driver is not installed.
        """
        if self._database is None:
            with self._lock:
                if self._database is None:
                    self._database = self._make()
        return self._database

    @abstractmethod
    def _open(self, address: Address) -> peewee.Database:
        """Make the database object for this address; nothing is connected."""

    def _make(self) -> peewee.Database:
        from jitcore.storage import observe

        try:
            address = read_address(self.config, self.schemes)
        except ValueError as error:
            raise self._invalid(str(error)) from error
        if not address.database:
            raise self._invalid("it names no database")
        if taken := sorted(_SET_HERE.intersection(address.options)):
            raise self._invalid(f"its options may not hold {', '.join(taken)}")
        database = observe(self._open(address))
        self.app.on_close(database.close_all)
        return database

    def _invalid(self, why: str) -> DatabaseConfigInvalid:
        return DatabaseConfigInvalid(
            f"{self.fullName} cannot be opened: {why}.",
            fullName=self.fullName,
            hint=f"Correct its business file {self.name}.json; `jit check` names the place.",
        )

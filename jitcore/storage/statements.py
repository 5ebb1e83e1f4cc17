"""Watching the statements that reach a database: for counting them, and for stopping at a chosen one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Listener", "Phase", "Statement", "StatementCount"]

Phase: TypeAlias = Literal["before", "after"]

_CONTROL = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "PRAGMA"})
_READS = frozenset({"SELECT", "VALUES", "EXPLAIN", "SHOW", "DESCRIBE"})


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement on its way to the database; an ``executemany`` is one, whatever number of rows it carries.

    :param sql: its text, with placeholders and without values.
    """

    sql: str

    @property
    def verb(self) -> str:
        """Its first word in capitals, for example ``"INSERT"``."""
        return self.sql.lstrip(" \n(").partition(" ")[0].partition(";")[0].upper()

    @property
    def kind(self) -> Literal["read", "write", "control"]:
        """``"control"`` is about transactions and settings; what is neither that nor a read counts as a write."""
        if self.verb in _CONTROL:
            return "control"
        return "read" if self.verb in _READS else "write"


#: Called before and after each statement; a statement that fails has no "after".
Listener: TypeAlias = Callable[[Phase, Statement], None]


@dataclass(slots=True)
class StatementCount:
    """What ran while counting, on all threads of the Storage, in order."""

    statements: list[Statement] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Every statement, ``BEGIN`` and ``COMMIT`` included."""
        return len(self.statements)

    @property
    def reads(self) -> int:
        """Statements that only read."""
        return sum(statement.kind == "read" for statement in self.statements)

    @property
    def writes(self) -> int:
        """Statements that change rows or tables."""
        return sum(statement.kind == "write" for statement in self.statements)

    def __call__(self, phase: Phase, statement: Statement) -> None:
        if phase == "before":
            self.statements.append(statement)

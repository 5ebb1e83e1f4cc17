"""What this plugin contributes: the family ``databases`` and the schemas of its business files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jitcore import hookimpl
from jitcore.schemas import schema_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TYPES = ("databases.MySQLType", "databases.PgSqlType", "databases.SqliteType")


@hookimpl
def jit_element_trees() -> Iterable[Path]:
    """The family itself: its Meta, its Types and ``databases.Default``."""
    return [Path(__file__).parent]


@hookimpl
def jit_schemas() -> Mapping[str, Path]:
    """One schema per Type."""
    return {name: schema_path(name) for name in TYPES}

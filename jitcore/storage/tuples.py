"""Reading many rows as plain tuples.

Peewee's own ``tuples()`` costs about twice the driver's, and its models five times; most columns need neither.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import peewee

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jitcore.storage.bound_models import BoundModels
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["select_tuples"]

#: What every driver hands out as Python means it.
_PLAIN = {
    peewee.AutoField,
    peewee.BigAutoField,
    peewee.BigIntegerField,
    peewee.BlobField,
    peewee.CharField,
    peewee.FixedCharField,
    peewee.FloatField,
    peewee.DoubleField,
    peewee.IntegerField,
    peewee.SmallIntegerField,
    peewee.TextField,
}


def select_tuples(database: ObservedDatabase, models: BoundModels, query: peewee.Select) -> list[tuple[Any, ...]]:
    """Run the query and convert only the columns that need it.

    :param models: whose fields know the database; a plain model's field may not know how its value is kept.
    """
    sql, parameters = database.get_sql_context().sql(query).query()
    found = database.execute_sql(sql, parameters).fetchall()
    # PyMySQL has a tuple of rows.
    rows: list[tuple[Any, ...]] = found if isinstance(found, list) else list(found)
    if not rows:
        return rows
    converters = [
        (place, convert)
        for place, column in enumerate(query.selected_columns)
        if (convert := _converter(column, models)) is not None
        # A driver that knows truth values gives them in every row.
        and not (convert is _boolean and type(rows[0][place]) is bool)
    ]
    return [_converted(row, converters) for row in rows] if converters else rows


def _converted(row: tuple[Any, ...], converters: Sequence[tuple[int, Callable[[Any], Any]]]) -> tuple[Any, ...]:
    values = list(row)
    for place, convert in converters:
        values[place] = convert(values[place])
    return tuple(values)


def _converter(column: Any, models: BoundModels) -> Callable[[Any], Any] | None:
    if isinstance(column, peewee.Alias):
        column = column.unwrap()
    if not isinstance(column, peewee.Field) or type(column) in _PLAIN:
        return None
    if type(column) is peewee.BooleanField:
        return _boolean
    if type(column) is peewee.DateTimeField:
        return _date_time
    convert: Callable[[Any], Any] = models.field(column).python_value
    return convert


def _boolean(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _date_time(value: Any) -> Any:
    # SQLite keeps text. Peewee's own parser tries formats one by one and takes twenty times as long.
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value

"""Reading rows as plain tuples.

Peewee's own ``tuples()`` costs about twice the driver's, and its models five times; most columns need neither. Of a few
rows, the most expensive part is to write the statement, so one that is always the same is written once.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave many of its methods untyped.

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import peewee

from jitcore.errors import ArgumentError
from jitcore.storage.named_fields import named_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jitcore.storage.bound_models import BoundModels
    from jitcore.storage.observed import ObservedDatabase

__all__ = ["select_tuples", "select_where"]

#: What a statement of :func:`select_where` depends on beside the model: how the database quotes names and marks values,
#: and the names of the fields.
_Shape: TypeAlias = tuple[str, str, tuple[str, ...], tuple[str, ...]]
_written: WeakKeyDictionary[type[peewee.Model], dict[_Shape, str]] = WeakKeyDictionary()

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
    return _fetch(database, models, sql, parameters, query.selected_columns)


def select_where(
    database: ObservedDatabase,
    models: BoundModels,
    model: type[peewee.Model],
    fields: Sequence[str],
    equal: Mapping[str, Any],
) -> list[tuple[Any, ...]]:
    """Select fields of the rows in which other fields have these values; see Storage.select_where."""
    bound = models[model]
    columns, conditions = named_fields(bound, fields), named_fields(bound, equal)
    if nothing := [name for name, value in equal.items() if value is None]:
        raise ArgumentError(f"No value of {nothing[0]!r} is equal to None.", hint="Use select_tuples and is_null().")
    written = _written.setdefault(model, {})
    shape = database.quote, database.param, tuple(fields), tuple(equal)
    if shape not in written:
        query = bound.select(*columns).where(
            *(field == value for field, value in zip(conditions, equal.values(), strict=True))
        )
        written[shape] = database.get_sql_context().sql(query).query()[0]
    parameters = [field.db_value(value) for field, value in zip(conditions, equal.values(), strict=True)]
    return _fetch(database, models, written[shape], parameters, columns)


def _fetch(
    database: ObservedDatabase, models: BoundModels, sql: str, parameters: Sequence[Any], columns: Sequence[Any]
) -> list[tuple[Any, ...]]:
    found = database.execute_sql(sql, parameters).fetchall()
    # PyMySQL has a tuple of rows.
    rows: list[tuple[Any, ...]] = found if isinstance(found, list) else list(found)
    if not rows:
        return rows
    converters = [
        (place, convert)
        for place, column in enumerate(columns)
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

"""Reads the organisation for the people who use it: rows of the App's own models, quickly.

Peewee needs several times as long to make a row as the database to read it, and twenty times as long to build the
query for one row by its key; so rows are made from plain tuples here, and the one-row queries are built once.
"""

# mypy: disable-error-code="no-untyped-call"
# Peewee's stubs leave its query methods untyped.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from peewee import BooleanField

from jit_corps import tree
from jit_corps.models import CorpDept, CorpDeptMember, CorpMember, CorpRole, CorpRoleMember, JsonText
from jit_corps.state import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import peewee

    from jitcore.storage import Storage

__all__ = ["Reader"]

M = TypeVar("M", bound="peewee.Model")


class Reader:
    """The rows of one corp.

    :param storage: the App's.
    """

    def __init__(self, storage: Storage, corpFullName: str) -> None:
        self.storage = storage
        self.corpFullName = corpFullName
        self._one_row: dict[type[Any], _OneRow] = {}

    def depts(self) -> list[CorpDept]:
        """All departments, parents first, siblings by WeCom's order."""
        found = {row.deptId: row for row in self._rows(CorpDept)}
        branches = (tree.Branch(row.deptId, row.parentId, row.order) for row in found.values())
        return [found[place.deptId] for place in tree.arrange(branches)]

    def members(self, status: int | None) -> list[CorpMember]:
        """All members, or those of a status, by their ids."""
        member = self.storage.models[CorpMember]
        condition = member.corpFullName == self.corpFullName
        if status is not None:
            condition &= member.status == status
        names = member._meta.sorted_field_names  # noqa: SLF001 - Peewee's documented place for a model's options
        query = member.select().where(condition).order_by(member.corpFullName, member.memberId)
        return _made(member, names, self.storage.select_tuples(query))

    def memberships(self) -> list[CorpDeptMember]:
        """Who is in which department."""
        return self._rows(CorpDeptMember)

    def roles(self) -> list[CorpRole]:
        """All roles, by their ids."""
        return sorted(self._rows(CorpRole), key=lambda role: tree.id_key(role.roleId))

    def role_members(self) -> list[CorpRoleMember]:
        """Who has which role."""
        return self._rows(CorpRoleMember)

    def root(self) -> CorpDept | None:
        """The root department, real or local; ``None`` before there is one."""
        _, header = read_header(self.storage, self.corpFullName)
        return None if header.rootDeptId is None else self.dept(header.rootDeptId)

    def dept(self, deptId: str) -> CorpDept | None:
        """One department."""
        return self._one(CorpDept, "deptId", deptId)

    def member(self, memberId: str) -> CorpMember | None:
        """One member."""
        return self._one(CorpMember, "memberId", memberId)

    def _rows(self, model: type[M]) -> list[M]:
        bound: Any = self.storage.models[model]
        query = bound.select().where(bound.corpFullName == self.corpFullName)
        return _made(bound, bound._meta.sorted_field_names, self.storage.select_tuples(query))  # noqa: SLF001 - as above

    def _one(self, model: type[M], key: str, value: str) -> M | None:
        statement = self._one_row.get(model)
        if statement is None:
            statement = self._one_row[model] = _OneRow(self.storage.models[model], key)
        with self.storage.boundary():
            found = self.storage.database.execute_sql(statement.sql, (self.corpFullName, value)).fetchall()
        return _made(statement.model, statement.names, map(statement.converted, found))[0] if found else None


class _OneRow:
    """The query for one row of a corp by its id, built once."""

    def __init__(self, model: Any, key: str) -> None:
        fields = model._meta.sorted_fields  # noqa: SLF001 - as above
        self.model = model
        self.names = [field.name for field in fields]
        self.sql, _ = model.select().where((model.corpFullName == "") & (getattr(model, key) == "")).sql()
        self._converters = [
            (index, field.python_value)
            for index, field in enumerate(fields)
            if isinstance(field, (BooleanField, JsonText))
        ]

    def converted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for index, convert in self._converters:
            values[index] = convert(values[index])
        return tuple(values)


def _made(model: type[M], names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[M]:
    """Rows of a model from tuples of all its fields."""
    made = []
    for values in rows:
        row = model(__no_default__=True)
        row.__data__ = dict(zip(names, values, strict=True))
        made.append(row)
    return made

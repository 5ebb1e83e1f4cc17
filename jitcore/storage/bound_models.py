"""The models of one App: subclasses bound to its database, so that two Apps in one process share nothing."""

from __future__ import annotations

import threading
import types
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import peewee

    from jitcore.storage.model_set import ModelSet

__all__ = ["BoundModels"]

M = TypeVar("M", bound="peewee.Model")


class BoundModels:
    """Gives each model's bound subclass by name or by class: ``models.CorpDept`` or ``models[CorpDept]``.

    A row of a bound class is an instance of the plain class, and ``except CorpDept.DoesNotExist`` catches both.

    :param database: what the subclasses are bound to.
    :param model_sets: whose models.
    :raises ArgumentError: two sets bring a class or a table of the same name.
    """

    def __init__(self, database: peewee.Database, model_sets: Sequence[ModelSet]) -> None:
        self._database = database
        self._plain: dict[str, type[peewee.Model]] = {}
        # Making a class costs as much as reading an app folder does; few commands need more than a few of them.
        self._bound: dict[type[peewee.Model], type[peewee.Model]] = {}
        self._lock = threading.Lock()
        tables: dict[str, type[peewee.Model]] = {}
        for model_set in model_sets:
            for model in model_set.resolve():
                table = model._meta.table_name  # noqa: SLF001 - Peewee's documented place for a model's options
                for taken, key in ((self._plain, model.__name__), (tables, table)):
                    if key in taken:
                        raise ArgumentError(
                            f"Model {model.__module__}.{model.__name__} of set {model_set.name!r} collides with "
                            f"{taken[key].__module__}.{taken[key].__name__}: both are called {key!r}.",
                            hint="Rename the class or its table_name.",
                        )
                self._plain[model.__name__] = tables[table] = model

    def __getitem__(self, model: type[M]) -> type[M]:
        """Return the subclass of ``model`` that is bound to this App.

        :raises ArgumentError: no set of this App has the model.
        """
        bound = self._get(model)
        if bound is None:
            raise ArgumentError(
                f"{getattr(model, '__name__', model)!r} is not a model of this App.",
                hint="A plugin brings its models in through the hook jit_models.",
            )
        return cast("type[M]", bound)

    def field(self, field: peewee.Field) -> Any:
        """Return the bound model's field for a plain model's; a field of no model of this App as it is."""
        bound = self._get(field.model)
        return field if bound is None else bound._meta.fields[field.name]  # noqa: SLF001 - as above

    def __getattr__(self, name: str) -> Any:
        model = self.__dict__.get("_plain", {}).get(name)
        if model is None:
            raise AttributeError(self._sentence(name))
        return self[model]

    def __iter__(self) -> Iterator[type[peewee.Model]]:
        return (self[model] for model in self._plain.values())

    def __len__(self) -> int:
        return len(self._plain)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._plain]

    def _get(self, model: type[peewee.Model]) -> type[peewee.Model] | None:
        bound = self._bound.get(model)
        if bound is None and self._plain.get(getattr(model, "__name__", "")) is model:
            with self._lock:
                bound = self._bound.get(model) or _bind(model, self._database)
                self._bound[model] = self._bound[bound] = bound
        return bound

    def _sentence(self, name: str) -> str:
        near = get_close_matches(name, self.__dict__.get("_plain", {}), n=1)
        return f"This App has no model {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def _bind(model: type[peewee.Model], database: peewee.Database) -> type[peewee.Model]:
    options = model._meta  # noqa: SLF001 - as above
    # What Peewee does not hand down to subclasses has to be said again.
    meta = type(
        "Meta",
        (),
        {
            "database": database,
            "table_name": options.table_name,
            "without_rowid": options.without_rowid,
            "depends_on": options.depends_on,
        },
    )
    names = {"__module__": model.__module__, "__qualname__": model.__qualname__, "__doc__": model.__doc__}
    bound: Any = types.new_class(model.__name__, (model,), exec_body=lambda body: body.update(names, Meta=meta))
    plain: Any = model
    # Peewee gives each class an error of its own; code that names the plain class shall catch this one too.
    bound.DoesNotExist = type(bound.DoesNotExist.__name__, (bound.DoesNotExist, plain.DoesNotExist), {})
    return cast("type[peewee.Model]", bound)

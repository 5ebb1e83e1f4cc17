"""``jit new instance``: an element of a Type, its business file filled in as far as that can be inferred."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.errors import JitError
from jitcore.files import SourceInvalid
from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.fixtures import head, need_plugins
from jitcore.scaffolding.manifest import declared_text
from jitcore.scaffolding.naming import checked_fullname, words_of
from jitcore.scaffolding.placeholders import UNKNOWN, Filled, Variable, fill
from jitcore.scaffolding.templates import TEMPLATES, render
from jitcore.scaffolding.writing import refuse_existing, write_new
from jitcore.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jitcore.app import App
    from jitcore.validation import Schema

__all__ = ["NewInstance", "new_instance"]


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What was made.

    :param type: full name of its Type.
    :param files: the files written.
    :param declared: variables that ``app.json`` now declares.
    :param complete: whether the business file is right once the variables have values.
    """

    type: str
    files: list[Path]
    declared: list[Variable]
    complete: bool


def new_instance(app: App, fullName: str, type_name: str | None = None) -> NewInstance:
    """Write an instance and its test; declare the variables it needs in ``app.json``.

    :param fullName: what it will be called.
    :param type_name: full name of its Type; when None, the one that its family has.
    :raises NotMade: if the name is taken or unusable, or the Type cannot be told.
    """
    family, name = checked_fullname(fullName, "corps.CorpA")
    folder = app.path.joinpath(*fullName.split("."))
    refuse_existing(folder)
    type_name = _checked_type(app, type_name) if type_name else _only_type(app, family)
    schema = app.dispatch.schema(type_name)
    filled = _filled(app, name, type_name, schema) if schema is not None else Filled({})
    complete = schema is None or schema.accepts(filled.example())
    files = {"e.json": _json({"type": type_name, "title": words_of(name)})}
    if schema is not None:
        files[f"{name}.json"] = _json(filled.data)
    where = "/".join(fullName.split("."))
    everything = {f"{where}/{file}": text for file, text in files.items()}
    variables = _undeclared(app, filled.variables)
    test = _test(app, fullName, type_name, variables, complete=complete)
    everything.update((f"tests/{file}", text) for file, text in test.items())
    manifest = app.path / "app.json"
    try:
        declared = declared_text(manifest, [_declaration(variable) for variable in variables]) if variables else None
    except SourceInvalid as invalid:
        raise NotMade(f"{manifest} cannot be read, so no variable can be declared in it: {invalid}") from None
    written = write_new(app.path, everything)
    if declared is not None:
        # Replaced in one step: an editor or a watcher never sees half of it.
        draft = manifest.with_name(".app.json.new")
        draft.write_text(declared, "utf-8")
        os.replace(draft, manifest)
    return NewInstance(type_name, written, variables, complete)


def _checked_type(app: App, name: str) -> str:
    if name not in app.registry:
        raise app.registry.missing(name)
    kind = app.elements[name].kind
    if kind == "instance":
        raise NotMade(f"{name} is an instance itself; the type of an instance is a Type.")
    if kind == "meta":
        known = ", ".join(_types(app, name.partition(".")[0])) or "it has none"
        raise NotMade(f"{name} is the Meta of its family, not a Type.", hint=f"Its Types: {known}.")
    return name


def _only_type(app: App, family: str) -> str:
    types = _types(app, family)
    if len(types) == 1:
        return types[0]
    if types:
        raise NotMade(
            f"The family {family} has several Types: {', '.join(types)}.", hint=f"Say which: --type {types[0]}"
        )
    likely = did_you_mean(family, {name.partition(".")[0] for name in app.elements})
    raise NotMade(
        f"The family {family} has no Type, so nothing can load such an element.",
        hint=likely or f"Make one: jit new type {family}.NormalType",
    )


def _types(app: App, family: str) -> list[str]:
    return [name for name, handle in app.elements.items() if name.startswith(f"{family}.") and handle.kind == "type"]


def _filled(app: App, name: str, type_name: str, schema: Schema) -> Filled:
    prefix = name[:1].lower() + name[1:]
    siblings = app.findElements(type=type_name)
    used: Counter[str] = Counter()
    for sibling in siblings:
        try:
            used.update(edge.fullName for edge in app.element_states.configuration(sibling.fullName).references)
        except JitError:
            # What is wrong with a sibling is told by check; it only gives no advice here.
            continue

    def refer(family: str | None) -> str | None:
        candidates = [
            other
            for other, handle in app.elements.items()
            if (family is None or other.startswith(f"{family}.")) and handle.kind == "instance"
        ]
        # What the others of the same Type refer to most; the first by name among equals.
        return max(candidates, key=lambda other: used[other], default=None)

    return fill(schema.source.data, prefix, refer)


def _undeclared(app: App, variables: Sequence[Variable]) -> list[Variable]:
    declared = {entry["name"] for layer in app.layers for entry in layer.settings.get("variables", ())}
    return [variable for variable in variables if variable.name not in declared]


def _declaration(variable: Variable) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": variable.name, "title": variable.title}
    if variable.secret:
        # A secret has no default: one that is committed is none.
        entry["secret"] = True
    elif variable.example is not None:
        entry["default"] = variable.example
    return entry


def _test(app: App, fullName: str, type_name: str, variables: Sequence[Variable], *, complete: bool) -> dict[str, str]:
    needed = [variable for variable in variables if "default" not in _declaration(variable)]
    names = {
        "module": fullName.replace(".", "_"),
        "fullName": fullName,
        "type": type_name,
        "title": words_of(fullName.rpartition(".")[2]),
        "head": head(
            variables={one.name: one.example or UNKNOWN for one in needed} if complete else None,
            plugins=need_plugins(app, type_name),
        ),
        "wins": "",
    }
    for layer, _ in list(app.registry.definitions(fullName))[:1]:
        names["wins"] = f'    assert "{layer.name}" in [below.layer for below in app.explain("{fullName}").shadowed]'
    return render(TEMPLATES / ("instance" if complete else "instance_to_fill"), names)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

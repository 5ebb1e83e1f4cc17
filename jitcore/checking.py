"""Finding every problem of an app in one pass: what ``App.check`` and ``jit check`` do.

Nothing is loaded: definitions, Types, business files and references are looked at, instances' code does not run.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from jitcore.configuration import Configuration, configure, has_business_file, reference_problems
from jitcore.discovery import HAS_PACKAGE, HAS_SCHEMA, is_element_name
from jitcore.errors import ElementError, ElementInvalid, ElementNotFound, JitError
from jitcore.files import SourceInvalid
from jitcore.handle import ElementHandle
from jitcore.node import Node
from jitcore.pointers import join_pointer
from jitcore.problems import Problem, Related, in_order
from jitcore.source import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jitcore.app import App
    from jitcore.layers import Layer

__all__ = ["Findings", "check", "examine", "fingerprints"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check found.

    :param problems: each once, in a stable order.
    :param silenced: how many warnings ``app.json`` silences.
    """

    problems: list[Problem]
    silenced: int = 0


def check(app: App) -> list[Problem]:
    """Every problem of the app that is not silenced, each once, in a stable order."""
    return examine(app).problems


def examine(app: App) -> Findings:
    """Every problem of the app, and how many of them are silenced."""
    with app.generated.looked_at_once():
        return _examine(app)


def fingerprints(
    app: App, before: Mapping[str, tuple[str, str]], only: Iterable[str] | None = None
) -> dict[str, tuple[str, str]]:
    """The Type and a digest of the files of each instance that an app folder defines.

    :param before: earlier fingerprints; an instance that cannot be read just now keeps its own.
    :param only: full names to look at; all when None.
    """
    prints = {}
    for fullName in app.registry.names() if only is None else sorted(only):
        try:
            node = app.registry.nodes(fullName)[0]
            if not node.layer.is_app or app.dispatch.kind(node) != "instance":
                continue
            configuration = app.element_states.configuration(fullName)
        except ElementError:
            if fullName in before:
                prints[fullName] = before[fullName]
            continue
        digest = hashlib.blake2b(digest_size=16)
        for source in (node.source, configuration.source):
            if source is not None:
                digest.update(source.digest.encode())
        prints[fullName] = (node.elementType, digest.hexdigest())
    return prints


def _examine(app: App) -> Findings:
    found: dict[Problem, None] = dict.fromkeys(app.problems)
    found.update(dict.fromkeys(_plugin_problems(app)))
    for layer in app.layers:
        found.update(dict.fromkeys(_name_problems(app, layer)))
    types: dict[str, list[Problem]] = {}
    for fullName in app.registry.names():
        found.update(dict.fromkeys(_shadowed_problems(app, fullName)))
        found.update(dict.fromkeys(_element_problems(app, fullName, types)))
    return _as_the_manifest_says(app, found)


def _as_the_manifest_says(app: App, found: Iterable[Problem]) -> Findings:
    """Add what is wrong with the elements that ``app.json`` names, and leave out what it silences."""
    if not app.manifest.keys() & {"settings", "silence"}:
        return Findings(in_order(found))
    from jitcore.schemas import load_schema
    from jitcore.silencing import silence
    from jitcore.validation import references

    try:
        source = read_json(app.path / "app.json", inside=app.path, shown="app.json", element=None)
    except SourceInvalid:
        return Findings(in_order(found))  # it has been told already, or the file has changed since
    schema = load_schema("app")
    # Keys that are not right are left out of the manifest, and were told.
    source.data = dict(app.manifest)
    named = Configuration(source, source.data, tuple(references(schema, source.data)))
    problems = [*found, *reference_problems(app.registry, named)]
    kept, silenced = silence(problems, source, schema.hidden(source.data), app.registry)
    return Findings(in_order(kept), silenced)


def _plugin_problems(app: App) -> Iterator[Problem]:
    # Asking for the schemas and models finds the plugins whose hooks raise.
    for hook in ("jit_schemas", "jit_models", "jit_commands"):
        list(app.plugins.collect(hook))
    yield from app.generated.problems()
    for failure in app.plugins.failures:
        yield Problem("plugin-failed", failure.message, severity="warning", hint=failure.hint)


def _name_problems(app: App, layer: Layer) -> Iterator[Problem]:
    tree = layer.tree
    for path in tree.misnamed:
        yield Problem(
            "name-invalid",
            f"{Path(path).name!r} cannot be part of an element's full name.",
            file=app.registry.shown(layer, path),
            hint=f"A name has letters, digits and underscores, and starts with a letter{_for_example(path)}.",
        )
    for fullName, first, second in tree.duplicates:
        yield Problem(
            "name-collision",
            # On a screen both look the same.
            f"Two folders are spelt {fullName} after Unicode normalisation: {Path(first).name!a} counts, "
            f"{Path(second).name!a} does not.",
            element=fullName,
            file=app.registry.shown(layer, second),
            hint="Rename one of them.",
            related=(Related("the one that counts", app.registry.shown(layer, first)),),
        )
    for one, other in tree.collisions():
        yield Problem(
            "name-collision",
            f"{other} and {one} differ only in case, so some file systems cannot tell them apart.",
            severity="warning",
            element=other,
            file=app.registry.shown(layer, tree.folders[other].path),
            hint="Rename one of them.",
            related=(Related("the other one", app.registry.shown(layer, tree.folders[one].path)),),
        )
    for path, reason in tree.unreadable:
        yield Problem(
            "file-unreadable", f"The folder cannot be listed: {reason}.", file=app.registry.shown(layer, path)
        )


def _for_example(path: str) -> str:
    name = re.sub(r"\W+", "_", Path(path).name).strip("_")
    return f": {name}, for example" if is_element_name(name) else ""


def _shadowed_problems(app: App, fullName: str) -> Iterable[Problem]:
    """Definitions that lose to a nearer layer must be readable too: an override may be built on them."""
    problems: list[Problem] = []
    for layer, folder in list(app.registry.definitions(fullName))[1:]:
        try:
            app.registry.define(layer, folder, fullName)
        except SourceInvalid as invalid:
            problems += invalid.problems
    return problems


def _element_problems(app: App, fullName: str, types: dict[str, list[Problem]]) -> Iterable[Problem]:
    try:
        node = app.registry.nodes(fullName)[0]
        problems = list(_drift(app, node))
        problems += _level_problems(app, node)
        if problems and problems[-1].code == "type-level":
            return problems
        if app.dispatch.kind(node) != "instance":
            if node.elementType and node.layer.kind != "shipped":
                problems += _type_problems(app, fullName, types)
            return problems
    except ElementNotFound:
        # A private element of a base app: nobody can ask for it here.
        return []
    except JitError as error:
        return _definition_problems(app, fullName, _problems_of(fullName, error))
    return problems + _instance_problems(app, node, types)


def _type_problems(app: App, fullName: str, types: dict[str, list[Problem]]) -> list[Problem]:
    """What is wrong with a Type, looked at once: importing it a second time may fail in other words."""
    if fullName not in types:
        types[fullName] = []
        try:
            app.dispatch.resolve(fullName)
        except JitError as error:
            types[fullName] = _problems_of(fullName, error)
    return types[fullName]


def _definition_problems(app: App, fullName: str, problems: list[Problem]) -> list[Problem]:
    """What is wrong with an element whose ``e.json`` is not right: that, in better words, and its business file."""
    layer, folder = next(iter(app.registry.definitions(fullName)), (None, None))
    if layer is None or folder is None:
        return problems
    path = os.path.join(folder.path, "e.json")
    try:
        source = read_json(path, inside=folder.path, shown=app.registry.shown(layer, path), element=fullName)
    except SourceInvalid:
        return problems  # not even JSON
    type_name = source.data.get("type")
    if not isinstance(type_name, str):
        return problems
    if type_name not in app.registry:
        guess = app.registry.did_you_mean(type_name)
        return [replace(one, hint=guess) if guess and one.pointer == "/type" else one for one in problems]
    if ElementHandle(app, type_name).kind != "type":
        return problems
    node = Node(app, fullName, layer, folder, source, source.data)
    try:
        schema = app.dispatch.schema(type_name)
        home = f"It belongs into {node.name}.json."
        known = {join_pointer((key,)) for key in schema.properties if key[:1] != "$"} if schema else set()
        problems = [
            replace(one, hint=home) if one.code == "key-unknown" and one.pointer in known else one for one in problems
        ]
        configuration = configure(app.registry, node, schema, app.variables)
    except JitError as error:
        return problems + _problems_of(fullName, error)
    return problems + reference_problems(app.registry, configuration)


def _level_problems(app: App, node: Node) -> Iterator[Problem]:
    """Instances have a Type as their type: not a Meta, and not another instance."""
    if node.source is None or node.folder is None or node.elementType not in app.registry:
        return
    try:
        above = app.registry.nodes(node.elementType)[0]
        app.dispatch.chain(above.fullName)
        kind = app.dispatch.kind(above)
    except JitError:
        return  # told about the element above
    where = partial(node.source.problem, "type-level", pointer="/type", secrets=())
    if kind == "instance":
        message = f"{above.fullName} is an instance, and only a Type can be the type of another element."
        yield where(message, hint=f'Write "{above.elementType}", which is its own type.')
    elif kind == "meta" and not node.folder.marks & (HAS_PACKAGE | HAS_SCHEMA) and has_business_file(node):
        family = [ElementHandle(app, name) for name in app.registry.names_of(node.family) if name != node.fullName]
        types = [handle.fullName for handle in family if handle.kind == "type"]
        hint = f"Write one of its Types: {', '.join(types)}." if types else "Write a Type for it first."
        yield where(f"{above.fullName} is a Meta; what is configured with a file has a Type as its type.", hint=hint)


def _instance_problems(app: App, node: Node, types: dict[str, list[Problem]]) -> list[Problem]:
    problems: list[Problem] = []
    try:
        type_name = app.element_states.checked_type(node)
        problems += _type_problems(app, type_name, types)
        configuration = app.element_states.configuration(node.fullName)
    except JitError as error:
        return [*problems, *_problems_of(node.fullName, error)]
    dangling = reference_problems(app.registry, configuration)
    if not dangling:
        try:
            app.element_states.references.check(node, configuration)
        except ElementInvalid as error:
            dangling = list(error.problems)
    return problems + dangling


def _drift(app: App, node: Node) -> Iterator[Problem]:
    """An override that says which version it was made from, when what it shadows has moved on."""
    made_from = node.define.get("overrides")
    if made_from is None or node.source is None:
        return
    for shadowed in app.registry.nodes(node.fullName)[1:2]:
        if shadowed.version != made_from:
            yield node.source.problem(
                "override-drift",
                f"Made from version {made_from} of {node.fullName}; {shadowed.layer} now ships {shadowed.version}.",
                pointer="/overrides",
                severity="warning",
                hint=f"To see what changed: jit override --diff {node.fullName}. "
                f"Once the override takes account of it: jit override --accept {node.fullName}",
                secrets=(),
                related=[shadowed.source.related(f"version {shadowed.version}", pointer="/version")]
                if shadowed.source
                else [],
            )


def _problems_of(fullName: str, error: JitError) -> list[Problem]:
    problems = getattr(error, "problems", None)
    return list(problems) if problems else [Problem(error.code, error.message, element=fullName, hint=error.hint)]

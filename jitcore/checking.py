"""Finding every problem of an app in one pass: what ``App.check`` and ``jit check`` do.

Nothing is loaded: definitions, Types, business files and references are looked at, instances' code does not run.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from jitcore.configuration import reference_problems
from jitcore.errors import ElementError, ElementInvalid, ElementNotFound, JitError
from jitcore.files import SourceInvalid
from jitcore.problems import Problem, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jitcore.app import App
    from jitcore.layers import Layer
    from jitcore.node import Node

__all__ = ["check", "fingerprints"]


def check(app: App) -> list[Problem]:
    """Every problem of the app, each once, in a stable order."""
    found: dict[Problem, None] = dict.fromkeys(app.problems)
    found.update(dict.fromkeys(_plugin_problems(app)))
    for layer in app.layers:
        found.update(dict.fromkeys(_name_problems(app, layer)))
    for fullName in app.registry.names():
        found.update(dict.fromkeys(_shadowed_problems(app, fullName)))
        found.update(dict.fromkeys(_element_problems(app, fullName)))
    return in_order(found)


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


def _plugin_problems(app: App) -> Iterator[Problem]:
    # Asking for the schemas and models finds the plugins whose hooks raise.
    for hook in ("jit_schemas", "jit_models", "jit_commands"):
        list(app.plugins.collect(hook))
    for failure in app.plugins.failures:
        yield Problem("plugin-failed", failure.message, severity="warning", hint=failure.hint)


def _name_problems(app: App, layer: Layer) -> Iterator[Problem]:
    tree = layer.tree
    for path in tree.misnamed:
        yield Problem(
            "name-invalid",
            f"{Path(path).name!r} cannot be part of an element's full name.",
            file=app.registry.shown(layer, path),
            hint="A name starts with a letter and goes on with letters, digits and underscores.",
        )
    for fullName, first, second in tree.duplicates:
        yield Problem(
            "name-collision",
            f"Two folders are spelt {fullName} after Unicode normalisation: {app.registry.shown(layer, first)} counts, "
            f"{app.registry.shown(layer, second)} does not.",
            element=fullName,
            file=app.registry.shown(layer, second),
            hint="Rename one of them.",
        )
    for one, other in tree.collisions():
        yield Problem(
            "name-collision",
            f"{other} and {one} differ only in case, so some file systems cannot tell them apart.",
            element=other,
            file=app.registry.shown(layer, tree.folders[other].path),
            hint="Rename one of them.",
        )
    for path, reason in tree.unreadable:
        yield Problem(
            "file-unreadable", f"The folder cannot be listed: {reason}.", file=app.registry.shown(layer, path)
        )


def _shadowed_problems(app: App, fullName: str) -> Iterable[Problem]:
    """Definitions that lose to a nearer layer must be readable too: an override may be built on them."""
    problems: list[Problem] = []
    for layer, folder in list(app.registry.definitions(fullName))[1:]:
        try:
            app.registry.define(layer, folder, fullName)
        except SourceInvalid as invalid:
            problems += invalid.problems
    return problems


def _element_problems(app: App, fullName: str) -> Iterable[Problem]:
    try:
        node = app.registry.nodes(fullName)[0]
        problems = list(_drift(app, node))
        if app.dispatch.kind(node) != "instance":
            if node.elementType and node.layer.kind != "shipped":
                app.dispatch.resolve(fullName)
            return problems
    except ElementNotFound:
        # A private element of a base app: nobody can ask for it here.
        return []
    except JitError as error:
        return _problems_of(fullName, error)
    return problems + _instance_problems(app, node)


def _instance_problems(app: App, node: Node) -> list[Problem]:
    problems: list[Problem] = []
    try:
        type_name = app.element_states.checked_type(node)
        try:
            app.dispatch.resolve(type_name)
        except JitError as error:
            problems += _problems_of(type_name, error)
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
                hint="Compare the two, then set overrides to the new version.",
            )


def _problems_of(fullName: str, error: JitError) -> list[Problem]:
    problems = getattr(error, "problems", None)
    return list(problems) if problems else [Problem(error.code, error.message, element=fullName, hint=error.hint)]

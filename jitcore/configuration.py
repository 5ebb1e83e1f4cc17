"""An element's business file: found, read, validated against its Type's schema, variables substituted.

Which file it is, is the peer's convention made one rule: ``<Name>.json``, else ``config.json``, else the file that
``frontBundleEntry`` names when that is JSON.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from jitcore.discovery import HAS_BUSINESS_FILE
from jitcore.errors import ElementInvalid, JitError
from jitcore.files import SourceInvalid
from jitcore.printing import quoted
from jitcore.problems import Problem, in_order
from jitcore.source import Source, read_json
from jitcore.validation import references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitcore.contributions import ElementSpec
    from jitcore.node import Node
    from jitcore.problems import Related
    from jitcore.registry import Registry
    from jitcore.validation import Reference, Schema
    from jitcore.variables import Variables

__all__ = ["Configuration", "configure", "has_business_file", "reference_problems"]


#: How many names a hint lists.
_MANY = 10
#: Pointers of the keys of ``e.json`` that people write into the business file.
_OF_E_JSON = frozenset({"/type", "/title", "/version", "/description", "/icon", "/overrides", "/accessModifier"})


class Configuration(NamedTuple):
    """What an instance is configured with.

    :param source: the business file as it stands on disk; None when the element has none.
    :param data: its content with ``{{variables}}`` substituted; empty when the element has none.
    :param references: the elements it refers to.
    """

    source: Source | None
    data: dict[str, Any]
    references: tuple[Reference, ...] = ()


def configure(registry: Registry, node: Node, schema: Schema | None, variables: Variables) -> Configuration:
    """Read an instance's business file.

    :param schema: what its Type asks for; None if the Type asks for nothing.
    :raises ElementInvalid: with every problem of the file.
    """
    if node.generated is not None:
        source = _generated(node, node.generated)
    elif (path := _business_file(node)) is None:
        if schema is not None and not schema.accepts({}):
            raise _invalid(node, [_missing_file(registry, node, schema)])
        return Configuration(None, {})
    else:
        assert node.folder is not None
        shown = registry.shown(node.layer, path)
        try:
            source = read_json(path, inside=node.folder.path, shown=shown, element=node.fullName)
        except SourceInvalid as invalid:
            raise _invalid(node, invalid.problems) from None
    data, problems = variables.substitute(source.data, source)
    problems = [_with_declaration(registry, problem) for problem in problems]
    if schema is not None and not schema.accepts(data):
        # Where a variable is missing, whatever the schema says is about the variable.
        told = {problem.pointer for problem in problems}
        explained = schema.explain(source, data, redact=variables.redact)
        problems += [_with_home(problem) for problem in explained if problem.pointer not in told]
    if problems:
        raise _invalid(node, in_order(problems))
    if "$schema" in data:
        data = {key: value for key, value in data.items() if key != "$schema"}
    return Configuration(source, data, tuple(references(schema, data)) if schema is not None else ())


def _generated(node: Node, spec: ElementSpec) -> Source:
    """The business file that a generated element would have, as text: so that problems in it have a place as well."""
    try:
        text = json.dumps(spec.config, ensure_ascii=False, indent=2, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"{node.layer.distribution} generated it with a configuration that is no JSON: {error}."
        raise _invalid(node, [Problem("plugin-failed", message, element=node.fullName)]) from None
    return Source("", f"{node.fullName} (generated)", node.fullName, text, json.loads(text))


def reference_problems(registry: Registry, configuration: Configuration) -> list[Problem]:
    """References that lead nowhere, or into the wrong family, found before any of the element's code runs."""
    problems = []
    for reference in configuration.references:
        assert configuration.source is not None
        name, family = reference.fullName, reference.family
        code, message = "reference-dangling", f"No element {name!r} to refer to."
        if family is not None and name.partition(".")[0] != family:
            code, message = "reference-family", f"{name!r} is no element of the family {family}."
        elif name in registry:
            kind = "" if family is None else _kind(registry, name)
            if kind not in {"meta", "type"}:
                continue
            code, message = "reference-kind", f"{name!r} is a {kind.capitalize()}; an instance is needed here."
        # The last part alone may be the name that was meant; a name of another family leads astray.
        guess = code == "reference-dangling" or "." not in name
        hint = registry.did_you_mean(name, family) if guess else None
        problem = configuration.source.problem(
            code, message, pointer=reference.pointer, hint=hint or _instances(registry, family)
        )
        problems.append(problem)
    return problems


def _instances(registry: Registry, family: str | None) -> str | None:
    """A hint that names the elements of a family that can be referred to."""
    if family is None:
        return None

    def listed() -> str:
        fitting = [name for name in registry.names_of(family) if _kind(registry, name) == "instance"]
        if not fitting:
            return f"No instance of the family {family} is there yet."
        more = f" and {len(fitting) - _MANY} more" if len(fitting) > _MANY else ""
        return f"Instances of the family {family}: {', '.join(fitting[:_MANY])}{more}."

    return registry.hint(("", family), listed)


def _kind(registry: Registry, fullName: str) -> str:
    """``meta``, ``type`` or ``instance``; ``unreadable`` while its definition is not right."""
    try:
        return registry.app.dispatch.kind(registry.nodes(fullName)[0])
    except JitError:
        return "unreadable"


def _with_home(problem: Problem) -> Problem:
    """Tell where a key belongs that the business file does not know and ``e.json`` does."""
    if problem.code == "key-unknown" and problem.pointer in _OF_E_JSON and "Did you mean" not in (problem.hint or ""):
        return replace(problem, hint="It belongs into e.json.")
    return problem


def _with_declaration(registry: Registry, problem: Problem) -> Problem:
    """Name the line of ``app.json`` that declares a variable without a value."""
    if problem.code != "variable-unset":
        return problem
    for layer in registry.layers:
        for place, declared in enumerate(layer.settings.get("variables", ())):
            if layer.root is not None and quoted(declared["name"]) in problem.message:
                path = os.path.join(layer.root, "app.json")
                shown = registry.shown(layer, path)
                try:
                    source = read_json(path, inside=layer.root, shown=shown, element=None)
                except SourceInvalid:
                    return problem  # it has been changed since
                related = source.related("it is declared here", pointer=f"/variables/{place}")
                return replace(problem, related=(related,))
    return problem


def has_business_file(node: Node) -> bool:
    """Whether an element's folder holds a file that configures it."""
    return _business_file(node) is not None


def _business_file(node: Node) -> str | None:
    if node.folder is None:
        return None
    folder = node.folder.path
    if node.folder.marks & HAS_BUSINESS_FILE:
        return f"{folder}{os.sep}{node.name}.json"
    # It may have been written after the folder was indexed.
    for name in (f"{node.name}.json", "config.json"):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    entry = node.define.get("frontBundleEntry")
    if isinstance(entry, str) and entry.endswith(".json"):
        path = os.path.normpath(os.path.join(folder, entry))
        if os.path.isfile(path):
            return path
    return None


def _missing_file(registry: Registry, node: Node, schema: Schema) -> Problem:
    assert node.folder is not None
    path = registry.shown(node.layer, os.path.join(node.folder.path, f"{node.name}.json"))
    required = schema.source.data.get("required", ())
    needed = ", ".join(required) or "one"
    origin = schema.source
    related: tuple[Related, ...] = ()
    if required and origin.element:
        related = (origin.related(f"the schema of {origin.element} requires them here", pointer="/required"),)
    return Problem(
        "file-missing",
        f"{node.fullName} has no business file {node.name}.json; a {node.elementType} needs {needed}.",
        element=node.fullName,
        file=path,
        hint=_how_to_get(node, path),
        related=related,
    )


def _how_to_get(node: Node, path: str) -> str:
    """A file of another name may be the one that was meant: after a folder was renamed, for example."""
    assert node.folder is not None
    names = {name for name in os.listdir(node.folder.path) if name.endswith(".json")} - {"e.json", "schema.json"}
    return f"Rename {names.pop()} to {node.name}.json." if len(names) == 1 else f"Create {path}."


def _invalid(node: Node, problems: Sequence[Problem]) -> ElementInvalid:
    return ElementInvalid(f"{node.fullName} is not valid.", fullName=node.fullName, problems=problems)

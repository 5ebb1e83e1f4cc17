"""An element's business file: found, read, validated against its Type's schema, variables substituted.

Which file it is, is the peer's convention made one rule: ``<Name>.json``, else ``config.json``, else the file that
``frontBundleEntry`` names when that is JSON.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitcore.errors import ElementInvalid
from jitcore.problems import Problem
from jitcore.source import Source, SourceInvalid, read_json
from jitcore.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitcore.node import Node
    from jitcore.registry import Registry
    from jitcore.validation import Schema
    from jitcore.variables import Variables

__all__ = ["Configuration", "configure", "reference_problems"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What an instance is configured with.

    :param source: the business file as it stands on disk; None when the element has none.
    :param data: its content with ``{{variables}}`` substituted; empty when the element has none.
    :param references: ``(JSON pointer, full name, family or None)`` of each element it refers to.
    """

    source: Source | None
    data: dict[str, Any]
    references: tuple[tuple[str, str, str | None], ...] = ()


def configure(registry: Registry, node: Node, schema: Schema | None, variables: Variables) -> Configuration:
    """Read an instance's business file.

    :param schema: what its Type asks for; None if the Type asks for nothing.
    :raises ElementInvalid: with every problem of the file.
    """
    path = _business_file(node)
    if path is None:
        if schema is not None and not schema.accepts({}):
            raise _invalid(node, [_missing_file(registry, node, schema)])
        return Configuration(None, {})
    assert node.folder is not None
    try:
        source = read_json(path, inside=node.folder.path, shown=registry.shown(node.layer, path), element=node.fullName)
    except SourceInvalid as invalid:
        raise _invalid(node, invalid.problems) from None
    problems: list[Problem] = []
    data, unset = variables.substitute(source, element=node.fullName, schema=schema)
    problems += unset
    # Checked as written when a variable is missing: its place would only be reported twice.
    if schema is not None and not schema.accepts(data):
        problems += schema.explain(source, element=node.fullName, data=data)
    if problems:
        raise _invalid(node, sorted(set(problems), key=lambda problem: problem.sort_key))
    data.pop("$schema", None)
    return Configuration(source, data, tuple(schema.references(data)) if schema is not None else ())


def reference_problems(registry: Registry, configuration: Configuration) -> list[Problem]:
    """References that lead nowhere, or into the wrong family, found before any of the element's code runs."""
    problems = []
    for pointer, fullName, family in configuration.references:
        assert configuration.source is not None
        if family is not None and fullName.partition(".")[0] != family:
            names = [name for name in registry.names() if name.startswith(f"{family}.")]
            message = f"{fullName!r} is no element of the family {family}."
        elif fullName not in registry:
            names = [name for name in registry.names() if family is None or name.startswith(f"{family}.")]
            message = f"No element {fullName!r} to refer to."
        else:
            continue
        close = suggest(fullName, names)
        problems.append(
            configuration.source.problem(
                "reference-dangling",
                message,
                pointer=pointer,
                hint=f"Did you mean {' or '.join(close)}?" if close else None,
            )
        )
    return problems


def _business_file(node: Node) -> str | None:
    if node.folder is None:
        return None
    folder = node.folder.path
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
    needed = ", ".join(schema.required)
    return Problem(
        "file-missing",
        f"{node.fullName} has no business file {node.name}.json; a {node.elementType} needs {needed}.",
        element=node.fullName,
        file=path,
        hint=f"Create {path}.",
    )


def _invalid(node: Node, problems: Sequence[Problem]) -> ElementInvalid:
    return ElementInvalid(
        f"{node.fullName} is not valid.",
        fullName=node.fullName,
        problems=problems,
        hint=None,
    )

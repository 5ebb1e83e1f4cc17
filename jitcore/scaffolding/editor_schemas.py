"""``jit schema``: what editors need to complete and check an app's files while they are typed.

The schemas are those of the layers as they are installed here: the Types that ``e.json`` may name are listed one by
one, and each Type's business file follows the schema that wins. They differ from what ``jit check`` applies in one
way: wherever a text is asked for, a ``{{variable}}`` may stand, because editors see files before it is substituted.
"""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any

from jitcore.annotations import subschemas
from jitcore.errors import JitError
from jitcore.files import SourceInvalid
from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.json_text import with_member
from jitcore.schemas import load_schema
from jitcore.source import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitcore.app import App

__all__ = ["editor_files", "editor_settings", "live_schemas", "paste_text"]

#: Where the schemas go, below the app.
FOLDER = ".jit/schemas"
#: VS Code's settings, below the app.
SETTINGS = ".vscode/settings.json"
_KEY = "json.schemas"

#: What restricts a text; a {{variable}} may stand in spite of it.
_RESTRICTIONS = ("pattern", "minLength", "maxLength", "format", "enum", "const")
_VARIABLE = {"type": "string", "pattern": "\\{\\{.*\\}\\}"}


def live_schemas(app: App) -> dict[str, dict[str, Any]]:
    """The schemas of ``app.json``, of ``e.json``, and of every Type's business file, by ``app``, ``e`` and full name.

    A Type that cannot be used has none; ``check`` says why.
    """
    schemas = {"app": load_schema("app").source.data, "e": _definition_schema(app)}
    for name, handle in app.elements.items():
        if handle.kind != "type":
            continue
        try:
            schema = app.dispatch.schema(name)
        except JitError:
            continue
        if schema is not None:
            schemas[name] = _business_schema(app, schema.source.data)
    return schemas


def editor_files(app: App) -> dict[Path, str | None]:
    """What the schema files should hold: texts by path; None for one that should not be there any longer."""
    folder = app.path / FOLDER
    files: dict[Path, str | None] = dict.fromkeys(sorted(folder.glob("*.schema.json")))
    for name, schema in live_schemas(app).items():
        files[folder / f"{name}.schema.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return files


def editor_settings(app: App) -> tuple[Path, str]:
    """VS Code's settings file and what it should hold: what it holds, with the mapping of this app.

    :raises NotMade: if the file has comments, or is otherwise not JSON.
    """
    path = app.path / SETTINGS
    return path, _settings(path, _mapping(app, live_schemas(app)))


def paste_text(app: App) -> str:
    """The member of VS Code's settings, for who keeps comments in that file."""
    mapping = _mapping(app, live_schemas(app))
    return f'"{_KEY}": {json.dumps(mapping, indent=2, ensure_ascii=False)}'


def _definition_schema(app: App) -> dict[str, Any]:
    """The schema of ``e.json``, with the Types and Metas that there are."""
    schema = copy.deepcopy(load_schema("e").source.data)
    known = {"": "A Meta: the contract of a family."}
    for name, handle in app.elements.items():
        if handle.kind in {"type", "meta"}:
            node = app.registry.nodes(name)[0]
            known[name] = f"{node.title} ({node.layer.distribution or node.layer.name} {node.layer.version})".rstrip()
    of_type = schema["properties"]["type"]
    of_type.pop("pattern", None)
    # enumDescriptions is VS Code's; others pass over it.
    of_type |= {"enum": list(known), "enumDescriptions": list(known.values())}
    return schema


def _business_schema(app: App, original: Mapping[str, Any]) -> dict[str, Any]:
    schema = copy.deepcopy(dict(original))
    schema.pop("$id", None)
    if isinstance(schema.get("properties"), dict):
        schema["properties"].setdefault("$schema", {"type": "string"})
    for _, part in list(subschemas(schema)):
        family = part.get("x-reference")
        if family is not None:
            part.setdefault("examples", _instances(app, family))
        kinds = part.get("type")
        if kinds != "string" and not (isinstance(kinds, list) and "string" in kinds):
            continue
        restrictions = {key: part.pop(key) for key in _RESTRICTIONS if key in part}
        if restrictions:
            part.setdefault("allOf", []).append({"anyOf": [restrictions, dict(_VARIABLE)]})
    return schema


def _instances(app: App, family: object) -> list[str]:
    start = f"{family}." if isinstance(family, str) else ""
    return [name for name, handle in app.elements.items() if name.startswith(start) and handle.kind == "instance"]


def _mapping(app: App, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which file follows which schema, by its path: ``e.json`` is a name that other tools use too."""
    own = app.layers[0].tree.folders
    definitions: set[str] = set()
    business: dict[str, list[str]] = {}
    for name in own:
        place = "/".join(name.split("."))
        definitions.add(f"/{place.rpartition('/')[0]}/*/e.json")
        for file in _business_files(app, name):
            business.setdefault(app.elements[name].type, []).append(f"/{place}/{file}")
    entries = [("app", ["/app.json"]), ("e", sorted(definitions)), *sorted(business.items())]
    return [
        {"fileMatch": sorted(matches), "url": f"./{FOLDER}/{name}.schema.json"}
        for name, matches in entries
        if matches and name in schemas
    ]


def _business_files(app: App, fullName: str) -> list[str]:
    if app.elements[fullName].kind != "instance":
        return []
    name = fullName.rpartition(".")[2]
    folder = app.layers[0].tree.folders[fullName].path
    there = [file for file in (f"{name}.json", "config.json") if os.path.isfile(os.path.join(folder, file))]
    # One that is still to be written gets its schema from the first letter.
    return there[:1] or [f"{name}.json"]


def _settings(path: Path, mapping: list[dict[str, Any]]) -> str:
    if not path.exists():
        return json.dumps({_KEY: mapping}, indent=2, ensure_ascii=False) + "\n"
    try:
        source = read_json(str(path), inside=str(path.parent), shown=str(path), element=None)
    except SourceInvalid as invalid:
        raise NotMade(
            f"{path} is not plain JSON (it may have comments), so it is left as it is: {invalid.problems[0].message}",
            hint="Put the mapping into it by hand.",
        ) from None
    current = source.data.get(_KEY, [])
    if not isinstance(current, list):
        raise NotMade(f"{_KEY} of {path} is no list, so it is left as it is.", hint="Put the mapping into it by hand.")
    others = [entry for entry in current if not _is_ours(entry)]
    merged = [*others, *mapping]
    return source.text if merged == current else with_member(source, _KEY, merged)


def _is_ours(entry: object) -> bool:
    return isinstance(entry, dict) and str(entry.get("url", "")).startswith(f"./{FOLDER}/")

"""``jit override``: the least that puts an app's own version in place of what a lower layer defines.

Of a Type that a plugin ships, that is a class that derives from the shipped one; of an instance, which wins as a whole,
a copy. Beside it lies ``.overridden.json``: the files as they were. That is what ``jit override --diff`` compares with
what is there now, long after the old version is gone from the machine.
"""

from __future__ import annotations

import difflib
import importlib
import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitcore.element import Element
from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.fixtures import head, need_plugins
from jitcore.scaffolding.templates import TEMPLATES, render
from jitcore.scaffolding.writing import refuse_existing, write_new
from jitcore.source import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jitcore.app import App
    from jitcore.node import Node

__all__ = ["accept_upstream", "override", "upstream_diff"]

#: The side file; its dot keeps it out of the search for elements.
RECORD = ".overridden.json"

_NO_CLASS = "\n"
_CLASS = '''

class $name($base):
    """What differs goes here; everything else stays as it is shipped."""


'''


def override(app: App, fullName: str) -> list[Path]:
    """Write an override of a Type or an instance into the app, with its test and the record of what it was made from.

    :returns: the files written.
    :raises ElementNotFound: if nobody defines the name.
    :raises NotMade: if it is a Meta, if it is the app's own, or if it is a Type of another app.
    """
    if fullName not in app.registry:
        raise app.registry.missing(fullName)
    folder = "/".join(fullName.split("."))
    refuse_existing(app.path / folder)
    node = app.registry.nodes(fullName)[0]
    kind = app.dispatch.kind(node)
    _refuse_what_cannot_be(node, kind)
    names = {
        "fullName": fullName,
        "folder": folder,
        "module": fullName.replace(".", "_"),
        "origin": _origin(node),
        "layer": node.layer.name,
    }
    plugins = need_plugins(app, fullName)
    own = _copy(node, names, plugins) if kind == "instance" else _extension(app, node, names, plugins)
    files = {**own, f"{folder}/{RECORD}": _json(_record(app, node))}
    return write_new(app.path, dict(sorted(files.items())))


def upstream_diff(app: App, fullName: str) -> str:
    """What changed in the shipped Type since the app's override was made, as a unified diff; empty if nothing did.

    :raises NotMade: if the app has no override of that name with a record, or nothing is shipped under it any longer.
    """
    folder, shipped = _override_and_below(app, fullName)
    record = _read_record(folder / RECORD, fullName)
    now = _record(app, shipped)
    before = f"{record['distribution']} {record['version']}".rstrip()
    after = f"{now['distribution']} {now['version']}".rstrip()
    lines: list[str] = []
    for name in sorted({**record["files"], **now["files"]}):
        old, new = record["files"].get(name), now["files"].get(name)
        lines += difflib.unified_diff(
            (old or "").splitlines(),
            (new or "").splitlines(),
            "/dev/null" if old is None else f"{name} ({before})",
            "/dev/null" if new is None else f"{name} ({after})",
            lineterm="",
        )
    return "".join(f"{line}\n" for line in lines)


def accept_upstream(app: App, fullName: str) -> list[Path]:
    """Record that the override now takes account of what is shipped today.

    :returns: the files changed: the record, and ``overrides`` in ``e.json``.
    :raises NotMade: if the app has no override of that name, or nothing is shipped under it any longer.
    """
    path, shipped = _override_and_below(app, fullName)
    source = read_json(str(path / "e.json"), inside=str(path), shown=str(path / "e.json"), element=fullName)
    changed = [(path / RECORD, _json(_record(app, shipped)))]
    span = source.positions.value("/overrides")
    if span is not None:
        changed.append(
            (path / "e.json", source.text[: span.start] + json.dumps(shipped.version) + source.text[span.end :])
        )
    for file, text in changed:
        draft = file.with_name(f".{file.name.removeprefix('.')}.new")
        draft.write_text(text, "utf-8")
        os.replace(draft, file)
    return [file for file, _ in changed]


def _refuse_what_cannot_be(node: Node, kind: str) -> None:
    if kind == "meta":
        raise NotMade(
            f"{node.fullName} is a Meta, the contract that every Type of its family keeps: it is not overridden.",
            hint=f"To add a Type to the family: jit new type {node.family}.MyType",
        )
    if node.define.get("accessModifier") == "protected":
        raise NotMade(f"{node.fullName} is protected: {node.layer} lets nobody override it.")
    if kind == "type" and node.layer.is_app:
        raise NotMade(
            f"{node.fullName} is a Type of the app {node.layer.name}, not of a plugin.",
            hint=f"Code of an app has no import name that every machine shares: change it in {node.path}.",
        )


def _extension(app: App, node: Node, names: dict[str, str], plugins: bool) -> dict[str, str]:
    """A Type that derives from the one below, and a test that it is the one in use."""
    module, loader = _loader(app, node)
    imported = f"from {module} import {loader.__name__} as ShippedLoader\n"
    files = render(TEMPLATES / "override", {**names, **_code(module, loader), "head": head(imported, plugins=plugins)})
    definition = {"type": node.elementType, "title": node.title, "overrides": node.version}
    return {**files, f"{names['folder']}/e.json": _json(definition)}


def _copy(node: Node, names: dict[str, str], plugins: bool) -> dict[str, str]:
    """An instance like the one below, and a test that it is the one in use."""
    kept = {key: value for key, value in node.define.items() if key != "version"}
    texts = {name: _copied(node, name, content) for name, content in _contents(node)}
    texts["e.json"] = _json({**kept, "overrides": node.version})
    files = render(TEMPLATES / "override_instance", {**names, "head": head(plugins=plugins)})
    return files | {f"{names['folder']}/{name}": text for name, text in texts.items()}


def _copied(node: Node, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise NotMade(
            f"{name} of {node.fullName} is no text, and only texts are copied.", hint=f"Copy the folder: {node.path}"
        ) from None


def _origin(node: Node) -> str:
    """Whose definition it is, in words that stay true when folders move."""
    return f"{node.layer.distribution or node.layer.name} {node.layer.version}".rstrip()


def _loader(app: App, node: Node) -> tuple[str, type[Any]]:
    """The Loader that the shipped Type exports, or inherits, and the module to import it from."""
    if node.spec is not None:
        target = node.spec.loader
        if not isinstance(target, str):
            return target.__module__, target
        module, _, attribute = target.partition(":")
        return module, getattr(importlib.import_module(module), attribute)
    module_of_type = app.dispatch.module(node) if node.is_package else None
    loader = getattr(module_of_type, "Loader", None)
    if isinstance(loader, type) and node.module_name:
        return node.module_name, loader
    loader = app.dispatch.resolve(node.fullName).loader
    return loader.__module__, loader


def _code(loader_module: str, loader: type[Any]) -> dict[str, str]:
    """The override's code: a subclass of the shipped class, or only of the Loader when that makes something else."""
    imports = f"from {loader_module} import {loader.__name__} as ShippedLoader\n"
    shipped = getattr(loader, "elementClass", None)
    if not isinstance(shipped, type) or shipped is Element:
        body = "    def load(self):\n        return super().load()"
        return {"imports": imports, "class": _NO_CLASS, "body": body}
    name = shipped.__name__
    exported = getattr(importlib.import_module(loader_module), name, None) is shipped
    module = loader_module if exported else shipped.__module__
    lines = sorted([imports, f"from {module} import {name} as Shipped\n"])
    cls = _CLASS.replace("$name", name).replace("$base", "Shipped")
    return {"imports": "".join(lines), "class": cls, "body": f"    elementClass = {name}"}


def _override_and_below(app: App, fullName: str) -> tuple[Path, Node]:
    """The folder of the override nearest to the app, and the definition below it."""
    if fullName not in app.registry:
        raise app.registry.missing(fullName)
    definitions = list(app.registry.definitions(fullName))
    for place, (layer, folder) in enumerate(definitions):
        if layer.is_app and folder is not None:
            for below, lower in definitions[place + 1 :]:
                return Path(folder.path), app.registry.define(below, lower, fullName)
            raise NotMade(f"Nothing below {layer.name} defines {fullName}, so it overrides nothing.")
    raise NotMade(f"{app.name} has no {fullName} of its own.", hint=f"To make one: jit override {fullName}")


def _read_record(path: Path, fullName: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text("utf-8"))
        record["files"], record["distribution"], record["version"]
    except FileNotFoundError:
        raise NotMade(
            f"There is no {path}, so it is not known what the override was made from.",
            hint=f"If it takes account of what is shipped today, say so: jit override --accept {fullName}",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotMade(f"{path} cannot be used: {error}") from error
    return record


def _record(app: App, node: Node) -> dict[str, Any]:
    files = dict(sorted(_files(app, node)))
    digest = blake2b(digest_size=16)
    for name, text in files.items():
        digest.update(f"{name}\0{text}\0".encode())
    return {
        "fullName": node.fullName,
        "distribution": node.layer.distribution or node.layer.name,
        "version": node.layer.version,
        "digest": digest.hexdigest(),
        "files": files,
    }


def _files(app: App, node: Node) -> Iterator[tuple[str, str]]:
    """The texts that make up an element: its folder without the elements below it, and a schema wherever it lies."""
    for name, content in _contents(node):
        yield name, _text(content)
    for _plugin, schemas in app.plugins.collect("jit_schemas"):
        if node.fullName in schemas:
            yield f"{node.fullName}.schema.json", Path(schemas[node.fullName]).read_text("utf-8")
            return


def _contents(node: Node) -> Iterator[tuple[str, bytes]]:
    if node.generated is not None:
        yield f"{node.name}.json", _json(node.generated.config).encode()
    if node.path is None:
        return
    for folder, folders, names in os.walk(node.path):
        below = Path(folder)
        folders[:] = [
            name for name in sorted(folders) if name[0] not in "._" and not (below / name / "e.json").exists()
        ]
        for name in names:
            if not name.endswith((".pyc", ".pyo")) and name[0] != ".":
                path = below / name
                yield path.relative_to(node.path).as_posix(), path.read_bytes()


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return f"binary, {len(content)} bytes, {blake2b(content, digest_size=16).hexdigest()}\n"


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

"""``jit new type``: a package that exports a Loader, a schema for its instances, and a test that uses one.

A family that knows better what its Types look like brings templates in ``_scaffold/type`` beside its Meta's
``e.json``; other families get a class that derives from the Meta's own and has the methods it asks for.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from jitcore.contract import unmet
from jitcore.errors import JitError
from jitcore.layers import APPS_PACKAGE
from jitcore.scaffolding.errors import NotMade
from jitcore.scaffolding.fixtures import need_plugins
from jitcore.scaffolding.naming import checked_fullname, words_of
from jitcore.scaffolding.templates import TEMPLATES, render
from jitcore.scaffolding.writing import refuse_existing, write_new

if TYPE_CHECKING:
    from pathlib import Path

    from jitcore.app import App
    from jitcore.node import Node

__all__ = ["new_type"]

_DESCRIBE = '''
    def describe(self):
        """One line about the element."""
        return f"{self.title}: {self.config.get('note', 'no note')}"
'''

_DESCRIBE_TEST = '''

def test_it_describes_itself(element):
    """The family's contract is kept."""
    assert element.describe() == "Example: made by a test"
'''


def new_type(app: App, fullName: str) -> list[Path]:
    """Write a Type, its schema and its test; a family that is new gets a Meta too.

    :param fullName: what the Type will be called, for example ``corps.AcmeType``.
    :returns: the files written.
    :raises NotMade: if the name is taken or unusable, or the family's Meta cannot be used.
    """
    family, name = checked_fullname(fullName, "corps.AcmeType")
    folder = "/".join(fullName.split("."))
    refuse_existing(app.path / folder)
    if fullName in app.registry:
        raise NotMade(
            f"A lower layer defines {fullName} already.", hint=f"To change what it does: jit override {fullName}"
        )
    stem = name.removesuffix("Type") or name
    values = {
        "fullName": fullName,
        "family": family,
        "familyTitle": words_of(family),
        "folder": folder,
        "module": fullName.replace(".", "_"),
        "title": words_of(stem),
        "Stem": stem,
        "options": "",
    }
    meta = _meta(app, family)
    if meta is None:
        files = render(TEMPLATES / "meta", values)
        values |= {"meta": f"{family}.Meta", "moreTests": _DESCRIBE_TEST, **_plain(stem, _DESCRIBE)}
        return write_new(app.path, files | render(TEMPLATES / "type", values))
    values["meta"] = meta.fullName
    if need_plugins(app, meta.fullName):
        values["options"] = ",\n        plugins=True,"
    own = meta.path / "_scaffold" / "type" if meta.path else None
    if own is not None and own.is_dir():
        return write_new(app.path, render(own, values))
    values |= {"moreTests": "", **_derived(app, meta, stem)}
    return write_new(app.path, render(TEMPLATES / "type", values))


def _meta(app: App, family: str) -> Node | None:
    names = [name for name, handle in app.elements.items() if name.startswith(f"{family}.") and handle.kind == "meta"]
    for name in sorted(names, key=lambda name: name != f"{family}.Meta"):
        return app.registry.nodes(name)[0]
    if f"{family}.Meta" in app.registry:
        raise NotMade(f"{family}.Meta cannot be used.", hint="jit check says what is wrong with it.")
    return None


def _plain(stem: str, methods: str) -> dict[str, str]:
    return {
        "imports": "from jitcore import Element\nfrom jitcore import Loader as BaseLoader",
        "Class": f"{stem}Element",
        "base": "Element",
        "baseLoader": "BaseLoader",
        "methods": methods,
    }


def _derived(app: App, meta: Node, stem: str) -> dict[str, str]:
    """A class below the Meta's own, with what the Meta asks for and that class does not have."""
    from jitcore.element import Element

    try:
        module = app.dispatch.module(meta) if meta.is_package else None
    except JitError as error:
        raise NotMade(f"{meta.fullName} cannot be used: {error}") from error
    base = getattr(getattr(module, "Loader", None), "elementClass", Element)
    protocol = getattr(module, "ElementProtocol", None)
    lacking = {told.partition("(")[0] for told in unmet(protocol, base)} if protocol is not None else set()
    methods = "".join(
        _unwritten(f"{stem}{base.__name__}", name, inspect.getattr_static(protocol if name in lacking else base, name))
        for name in sorted(lacking | set(getattr(base, "__abstractmethods__", ())))
    )
    if base is Element:
        return _plain(stem, methods)
    return {
        **_plain(stem, methods),
        "imports": f"from {_importable(base)} import {base.__name__}\nfrom jitcore import Loader as BaseLoader",
        "Class": f"{stem}{base.__name__}",
        "base": base.__name__,
    }


def _unwritten(cls: str, name: str, wanted: Any) -> str:
    """A method that says so when it is called: what it does is nobody's but its author's to know."""
    is_property = not inspect.isfunction(wanted)
    signature = inspect.signature(wanted.fget if is_property and getattr(wanted, "fget", None) else wanted)
    plain = signature.replace(
        parameters=[parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()],
        return_annotation=signature.empty,
    )
    decorator = "\n    @property" if is_property else ""
    return (
        f"{decorator}\n    def {name}{plain}:\n"
        f'        raise NotImplementedError("{cls}.{name} is still to be written.")\n'
    )


def _importable(cls: type[Any]) -> str:
    """The module to import a class from: for one in an app folder by its family, whose name does not change."""
    module = cls.__module__
    if module.startswith(f"{APPS_PACKAGE}."):
        return module.split(".", 2)[2]
    return module

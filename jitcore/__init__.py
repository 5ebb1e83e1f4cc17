"""An element framework: an application is a folder of elements, and plugins bring the Types that load them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jitcore.app import App, open_apps
    from jitcore.contributions import CommandSpec, ElementSpec, TypeSpec
    from jitcore.element import Element
    from jitcore.errors import JitError
    from jitcore.handle import ElementHandle
    from jitcore.hookspecs import hookimpl
    from jitcore.loader import Loader
    from jitcore.node import Node
    from jitcore.problems import Problem

__all__ = [
    "App",
    "CommandSpec",
    "Element",
    "ElementHandle",
    "ElementSpec",
    "JitError",
    "Loader",
    "Node",
    "Problem",
    "TypeSpec",
    "__version__",
    "hookimpl",
    "open_apps",
]

#: Where each public name lives; imported when it is first used, so that ``import jitcore`` costs next to nothing.
_HOMES = {
    "App": ("jitcore.app", "App"),
    "CommandSpec": ("jitcore.contributions", "CommandSpec"),
    "Element": ("jitcore.element", "Element"),
    "ElementHandle": ("jitcore.handle", "ElementHandle"),
    "ElementSpec": ("jitcore.contributions", "ElementSpec"),
    "JitError": ("jitcore.errors", "JitError"),
    "Loader": ("jitcore.loader", "Loader"),
    "Node": ("jitcore.node", "Node"),
    "Problem": ("jitcore.problems", "Problem"),
    "TypeSpec": ("jitcore.contributions", "TypeSpec"),
    "hookimpl": ("jitcore.hookspecs", "hookimpl"),
    "open_apps": ("jitcore.app", "open_apps"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("jitcore")
    if name in _HOMES:
        module, attribute = _HOMES[name]
        value = globals()[name] = getattr(import_module(module), attribute)
        return value
    raise AttributeError(f"module 'jitcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""The hooks a plugin may implement: the one place where jitcore meets code it does not know.

A plugin is a distribution with an entry point in the group ``jitcore`` that names a module of hook implementations::

    # pyproject.toml of the plugin
    [project.entry-points.jitcore]
    acme = "jit_acme.plugin"

    # jit_acme/plugin.py
    from jitcore import hookimpl

    @hookimpl
    def jit_element_trees():
        return [Path(__file__).parent]

pluggy collects and broadcasts; dispatch itself is a dictionary, so no hook runs on a loaded element's ``getElement``.
Keep the module slim: it is imported whenever an App is opened, so it should import nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike
    from pathlib import Path

    from jitcore.app import App
    from jitcore.contributions import CommandSpec, ElementSpec, TypeSpec
    from jitcore.storage import ModelSet

__all__ = ["ENTRY_POINT_GROUP", "hookimpl", "hookspec"]

#: The entry-point group, and pluggy's project name.
ENTRY_POINT_GROUP = "jitcore"

hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)


@hookspec
def jit_element_trees() -> Iterable[str | PathLike[str]]:
    """Folders laid out like an app, whose elements the plugin ships.

    ``corps/AcmeType/e.json`` below such a folder defines ``corps.AcmeType``. The folder is usually the plugin's own
    package, so that each Type is importable under its real name (``jit_acme.corps.AcmeType``).

    Example::

        @hookimpl
        def jit_element_trees():
            return [Path(__file__).parent]
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_types() -> Mapping[str, TypeSpec]:
    """Types without a folder, by full name.

    For plugins that already have their classes elsewhere and want no element tree.

    Example::

        @hookimpl
        def jit_types():
            return {"corps.AcmeType": TypeSpec(loader="jit_acme.loading:Loader", type="corps.Meta", title="Acme")}
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_elements(app: App) -> Mapping[str, ElementSpec]:
    """Instances without a folder, by full name: for plugins that know from their data which there are.

    They are elements like any other, in a layer below the apps: a folder of the same full name comes first. The plugin
    is asked whenever elements are listed, and when a name is asked for that nobody defines, so it should be quick, and
    return at once when the app does not want any. What the app's elements are, it may ask; it finds those there are.

    Example::

        @hookimpl
        def jit_elements(app):
            return {f"corps.{name}": ElementSpec("corps.AcmeType", {"site": site}) for name, site in sites(app)}
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_element_states(app: App) -> Mapping[str, str]:
    """One word about the elements that need one, by full name; ``jit list`` shows it beside their state.

    Example::

        @hookimpl
        def jit_element_states(app):
            return {f"corps.{name}": "suspended" for name in suspended(app)}
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_schemas() -> Mapping[str, Path]:
    """JSON Schemas (draft 2020-12) of business files, by the full name of the Type whose instances they describe.

    A ``schema.json`` in a Type's own folder does the same without a hook and comes first.

    Example::

        @hookimpl
        def jit_schemas():
            return {"corps.AcmeType": Path(__file__).parent / "acme.schema.json"}
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_models() -> Iterable[ModelSet]:
    """Peewee models with the migrations that make their tables.

    They are bound to each App's own database when the App first needs it.

    Example::

        @hookimpl
        def jit_models():
            return [ModelSet("acme", "jit_acme.models:MODELS", Path(__file__).parent / "migrations")]
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_commands() -> Iterable[CommandSpec]:
    """Commands and command groups for ``jit``; their modules are imported only when they run.

    Example::

        @hookimpl
        def jit_commands():
            return [CommandSpec("acme", "jit_acme.cli:acme", "Work with Acme.")]
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_pytest_plugins() -> Iterable[str]:
    """Modules of pytest fixtures for the tests of those who use the plugin.

    Those of shipped plugins come with ``pytest_plugins = ["jitcore.testing"]``; a third-party plugin's users name its
    module beside that, because nothing that merely happens to be installed takes part in a test.

    Example::

        @hookimpl
        def jit_pytest_plugins():
            return ["jit_acme.fixtures"]
    """
    raise AssertionError("a specification is never called")


@hookspec
def jit_app_opened(app: App) -> None:
    """An App was opened and indexed; nothing is loaded yet.

    Example::

        @hookimpl
        def jit_app_opened(app):
            log.info("opened %s", app.name)
    """


@hookspec
def jit_app_exit(app: App) -> None:
    """An App is being closed; its elements and its database still work.

    Example::

        @hookimpl
        def jit_app_exit(app):
            flush_metrics(app.name)
    """


@hookspec
def jit_element_loaded(app: App, fullName: str, element: Any) -> None:
    """An element was loaded; runs once per load, after the element's own ``onLoad``.

    Example::

        @hookimpl
        def jit_element_loaded(app, fullName, element):
            log.info("loaded %s", fullName)
    """


@hookspec
def jit_element_called(app: App, fullName: str) -> None:
    """``getElement`` handed out a loaded element that has an ``onCalled`` of its own.

    Elements without one take the short way and are not reported.

    Example::

        @hookimpl
        def jit_element_called(app, fullName):
            usage[fullName] += 1
    """


@hookspec
def jit_element_created(app: App, fullName: str) -> None:
    """An instance appeared in the app; runs after its Type's ``onCreate``.

    Example::

        @hookimpl
        def jit_element_created(app, fullName):
            audit("created", fullName)
    """


@hookspec
def jit_element_updated(app: App, fullName: str) -> None:
    """An instance's files changed; runs after its Type's ``onUpdate``.

    Example::

        @hookimpl
        def jit_element_updated(app, fullName):
            audit("updated", fullName)
    """


@hookspec
def jit_element_deleted(app: App, fullName: str) -> None:
    """An instance's folder is gone; runs after its Type's ``onDelete``.

    Example::

        @hookimpl
        def jit_element_deleted(app, fullName):
            audit("deleted", fullName)
    """

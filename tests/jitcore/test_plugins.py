"""Plugins: found, registered atomically, left out whole when broken."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import sys
import types
import zipfile
from pathlib import Path

import pytest

from jitcore import App, TypeSpec, hookimpl, hookspecs
from jitcore.entrypoints import EntryPoint, installed_plugins
from jitcore.errors import ElementInvalid
from jitcore.plugins import Plugins

HOOKS = [name for name in vars(hookspecs) if name.startswith("jit_")]


def entry(name, module):
    """An entry point as an installed distribution would have it."""
    return EntryPoint(name, module.__name__, "dist-" + name, "1.0")


def nothing():
    """A contribution of nothing."""
    return {}


@pytest.fixture
def module(monkeypatch):
    """Make an importable plugin module out of functions."""

    def make(name, **functions):
        made = types.ModuleType(name)
        for hook, function in functions.items():
            setattr(made, hook, hookimpl(function))
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return make


def test_the_shipped_plugins_are_found_like_any_other():
    """The shipped plugins come from the entry-point group, last in the order of layers."""
    plugins = Plugins(installed_plugins())
    assert {plugin.name for plugin in plugins.all if plugin.shipped} == {"corps", "databases", "qywx"}
    assert plugins.failures == []


def test_third_party_plugins_come_first_by_name(module):
    """Order is third-party by name, then shipped, whatever order the system lists them in."""
    zeta, alpha = module("plugin_zeta"), module("plugin_alpha")
    plugins = Plugins([entry("zeta", zeta), *installed_plugins(), entry("alpha", alpha)])
    assert [plugin.name for plugin in plugins.all] == ["alpha", "zeta", "corps", "databases", "qywx"]


def test_a_misspelt_hook_is_reported_and_leaves_no_trace(module):
    """A hookimpl that matches no specification leaves its plugin out whole; the others stay."""
    good, bad = (
        module("plugin_good", jit_types=nothing),
        module("plugin_bad", jit_typs=nothing, jit_types=lambda: {"a": 1}),
    )
    plugins = Plugins([entry("good", good), entry("bad", bad)])
    assert [plugin.name for plugin in plugins.all] == ["good"]
    assert not plugins.manager.has_plugin("bad")
    assert len(plugins.manager.hook.jit_types.get_hookimpls()) == 1
    (failure,) = plugins.failures
    assert "jit_typs" in str(failure)
    assert "dist-bad 1.0" in str(failure)


def test_a_wrong_argument_name_is_reported(module):
    """A hookimpl asking for an argument the specification lacks leaves its plugin out, naming the argument."""
    bad = module("plugin_args", jit_app_opened=lambda apps: None)
    plugins = Plugins([entry("args", bad)])
    assert plugins.all == []
    assert "apps" in str(plugins.failures[0])


def test_a_module_that_cannot_be_imported_is_left_out(tmp_path, monkeypatch):
    """An entry point whose module raises is one failure; Apps open without it."""
    (tmp_path / "plugin_raising.py").write_text("raise RuntimeError('half installed')\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("raising", "plugin_raising", "dist", "1")
    plugins = Plugins([point, *installed_plugins()])
    assert "half installed" in str(plugins.failures[0])
    assert len(plugins.all) == 3


def test_a_raising_contribution_is_isolated(module):
    """A plugin whose hook raises contributes nothing, and the failure says which hook."""

    def raising():
        raise RuntimeError("no network")

    plugins = Plugins(
        [entry("a", module("plugin_a", jit_types=raising)), entry("b", module("plugin_b", jit_types=nothing))]
    )
    assert [plugin.name for plugin, _ in plugins.collect("jit_types")] == ["b"]
    assert "jit_types() raised" in str(plugins.failures[0])


def test_a_name_that_is_taken_leaves_the_first_alone(module):
    """Two plugins of one name: the second is left out, naming the distribution that has it."""
    plugins = Plugins([*installed_plugins(), EntryPoint("corps", module("plugin_corps").__name__, "late", "3.0")])
    assert len(plugins.all) == 3
    assert plugins.manager.has_plugin("corps")
    assert "jitcore" in str(plugins.failures[0])
    assert "late 3.0" in str(plugins.failures[0])


def test_what_is_found_is_what_importlib_finds():
    """The quick reader and importlib.metadata agree on this environment, third-party plugin or not."""
    found = importlib.metadata.entry_points(group=hookspecs.ENTRY_POINT_GROUP)
    assert {(one.name, one.module, one.version) for one in installed_plugins()} == {
        (one.name, one.module, one.dist.version) for one in found
    }


def test_distributions_of_any_kind_are_read(tmp_path, monkeypatch):
    """dist-info and egg-info, comments, extras and other groups; the first of two distributions of one name counts."""
    first, second = tmp_path / "first", tmp_path / "second"
    for place, text in (
        (
            first / "Some_Plugin-1.2.dist-info",
            "[other]\nx = no:no\n[jitcore]\n# ours\none = some.plugin:attr [extra]\n",
        ),
        (second / "some_plugin-9.9.dist-info", "[jitcore]\none = shadowed\n"),
        (second / "old.egg-info", "[jitcore]\ntwo = old_plugin\n"),
        (second / "none-1.0.dist-info", "[console_scripts]\njit = x:y\n"),
    ):
        place.mkdir(parents=True)
        (place / "entry_points.txt").write_text(text)
    monkeypatch.setattr(sys, "path", [str(first), str(second), str(tmp_path / "absent")])
    assert list(installed_plugins()) == [
        EntryPoint("one", "some.plugin", "some-plugin", "1.2"),
        EntryPoint("two", "old_plugin", "old", "unknown"),
    ]


def test_a_distribution_that_is_no_text_is_passed_over(tmp_path, monkeypatch):
    """Somebody else's broken installation stops no App."""
    broken = tmp_path / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"[jitcore]\n\xff = \xfe\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert list(installed_plugins()) == []


def test_packages_in_an_archive_are_found(tmp_path, monkeypatch):
    """A zip archive on the path is read by importlib.metadata, which knows how."""
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("packed-4.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 4.0\n")
        packed.writestr("packed-4.0.dist-info/entry_points.txt", "[jitcore]\nzipped = packed.plugin\n")
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert list(installed_plugins()) == [EntryPoint("zipped", "packed.plugin", "packed", "4.0")]


CONTRIBUTING = ["jit_element_trees", "jit_types", "jit_schemas", "jit_models", "jit_commands"]


def late():
    """Contributions that break while they are read."""
    yield from ()
    raise RuntimeError("too late")


def exiting():
    """A hook that believes it is a program."""
    sys.exit("usage")


@pytest.mark.parametrize("wrong", [lambda: 3, lambda: None, lambda: [3], lambda: {"things.A": 3}, late, exiting])
@pytest.mark.parametrize("hook", CONTRIBUTING)
def test_a_wrong_contribution_is_isolated(hook, wrong, module, write_app, things, monkeypatch):
    """Whatever a hook returns, the App opens, checks and loads; the plugin and its hook are named."""
    bad = entry("bad", module("plugin_bad", **{hook: wrong}))
    monkeypatch.setattr("jitcore.app.installed_plugins", lambda: [bad, *installed_plugins()])
    with App(write_app(things)) as app:
        told = [problem.message for problem in app.check()]
        assert app.getElement("things.Hello").greet("you") == "Hello you"
        assert app.models
    assert len(told) == 1
    assert f"{hook}()" in told[0]
    assert "dist-bad 1.0" in told[0]


def test_a_type_whose_loader_cannot_be_imported_is_a_problem(module, write_app, things, monkeypatch):
    """A Type without a folder that names a module nobody has breaks its own elements only."""
    missing = TypeSpec(loader="not_installed.loading:Loader", type="things.Meta", title="Missing")
    bad = entry("bad", module("plugin_bad", jit_types=lambda: {"things.MissingType": missing}))
    monkeypatch.setattr("jitcore.app.installed_plugins", lambda: [bad, *installed_plugins()])
    files = {**things, "things/Other/e.json": {"type": "things.MissingType", "title": "Other"}}
    with App(write_app(files)) as app:
        assert {problem.code for problem in app.check()} == {"type-import-failed"}
        with pytest.raises(ElementInvalid, match="not_installed"):
            app.getElement("things.Other")
        assert app.getElement("things.Hello").greet("you") == "Hello you"


def test_an_event_that_exits_is_isolated(module, write_app, things, monkeypatch):
    """A plugin that calls sys.exit when it hears of something ends nothing."""
    bad = entry("bad", module("plugin_bad", jit_app_opened=exiting, jit_app_exit=exiting))
    monkeypatch.setattr("jitcore.app.installed_plugins", lambda: [bad])
    with App(write_app(things)) as app:
        assert app.getElement("things.Hello").greet("you") == "Hello you"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_an_example(hook):
    """A hook without a sentence and a runnable example is not done."""
    documentation = inspect.getdoc(getattr(hookspecs, hook))
    assert documentation
    assert "Example::" in documentation
    example = inspect.cleandoc(documentation.partition("Example::")[2])
    tree = ast.parse(inspect.cleandoc("\n" + example))
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert function.name == hook
    accepted = set(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert {argument.arg for argument in function.args.args} <= accepted


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_implemented_somewhere(hook):
    """A plugin that ships, or one that a test makes, implements it: what nobody implements was never called."""
    root = Path(__file__).parents[2]
    files = [*root.glob("plugins/*/plugin.py"), *root.glob("tests/**/*.py")]
    assert any(way in file.read_text("utf-8") for file in files for way in (f"def {hook}(", f"{hook}="))


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_page_in_the_documentation(hook):
    """docs/elements-and-layers.md names every hook."""
    page = Path(__file__).parents[2] / "docs" / "elements-and-layers.md"
    assert f"`{hook}`" in page.read_text("utf-8")

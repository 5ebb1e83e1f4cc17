"""Plugins: found, registered atomically, left out whole when broken."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import sys
import types
from pathlib import Path

import pytest

from jitcore import hookimpl, hookspecs
from jitcore.plugins import Plugins, installed_plugins

HOOKS = [name for name in vars(hookspecs) if name.startswith("jit_")]


def entry(name, module):
    """An entry point as an installed distribution would have it."""
    return (importlib.metadata.EntryPoint(name, module.__name__, hookspecs.ENTRY_POINT_GROUP), "dist-" + name, "1.0")


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
    point = importlib.metadata.EntryPoint("raising", "plugin_raising", hookspecs.ENTRY_POINT_GROUP)
    plugins = Plugins([(point, "dist", "1"), *installed_plugins()])
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
def test_every_hook_has_a_page_in_the_documentation(hook):
    """docs/elements-and-layers.md names every hook."""
    page = Path(__file__).parents[2] / "docs" / "elements-and-layers.md"
    assert f"`{hook}`" in page.read_text("utf-8")

"""The pytest plugin that jitcore ships, in test runs of their own."""

from __future__ import annotations

import json

import pytest


def write_files(root, files):
    """Write text, and data as JSON, below a folder."""
    for place, content in files.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


@pytest.fixture
def run(pytester, things, monkeypatch):
    """Run test files, by name, in the folder of an app with the family things; no plugin is loaded that none names."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run_(*words, ini="", **tests):
        folder = pytester.path / "shop"
        write_files(folder, {"app.json": {"name": "shop", "version": "2.1.0"}, **things})
        write_files(folder, {"conftest.py": 'pytest_plugins = ["jitcore.testing"]\n', "pytest.ini": f"[pytest]\n{ini}"})
        write_files(folder, {f"tests/{name}.py": text for name, text in tests.items()})
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--rootdir", folder, folder, *words)

    return run_


def test_app_is_the_one_that_the_tests_lie_in(run):
    """Its elements are served from their files; its data, its database and its overrides are the test's."""
    outcome = run(
        test_shop="""
            import json
            from pathlib import Path

            SHOP = Path(__file__).parents[1]

            def test_elements(app):
                hello = app.getElement("things.Hello")
                assert hello.greet("you") == "Hello you"
                assert app.registry.nodes("things.Hello")[0].path == SHOP / "things" / "Hello"
                assert (app.name, app.manifest["version"]) == ("shop", "2.1.0")

            def test_data(app):
                app.database.execute_sql("create table t (n)")
                assert list(app.app_data.rglob("sqlite.db"))
                assert not (SHOP / "appData").exists()

            def test_an_element_for_this_test(app):
                folder = app.path / "things" / "Guest"
                folder.mkdir(parents=True)
                (folder / "e.json").write_text(json.dumps({"type": "things.PlainType", "title": "Guest"}))
                (folder / "Guest.json").write_text(json.dumps({"word": "Be welcome,"}))
                assert app.getElement("things.Guest").greet("you") == "Be welcome, you"
                assert not (SHOP / "things" / "Guest").exists()
        """.replace("\n            ", "\n")
    )
    outcome.assert_outcomes(passed=3)


def test_the_environment_file_of_a_developer_is_not_read(run, pytester):
    """Secrets of the developer stay out of tests: variables come from app_options and defaults."""
    write_files(
        pytester.path / "shop",
        {".env": "word=secret\n", "things/Var/e.json": {"type": "things.PlainType", "title": "Var"}},
    )
    write_files(pytester.path / "shop", {"things/Var/Var.json": {"word": "{{word}}"}})
    outcome = run(
        test_variables="""
import pytest
from jitcore.errors import ElementInvalid

def test_plain(app):
    with pytest.raises(ElementInvalid, match="word"):
        app.getElement("things.Var")

class TestWith:
    @pytest.fixture
    def app_options(self):
        return {"variables": {"word": "Good morning,"}}

    def test_given(self, app):
        assert app.getElement("things.Var").greet("you") == "Good morning, you"
"""
    )
    outcome.assert_outcomes(passed=2)


def test_the_app_can_be_named_in_the_settings(run, pytester):
    """jit_app is relative to pytest.ini; an app that is not there is said to be missing."""
    write_files(pytester.path / "other", {"app.json": {"name": "other"}})
    test = "def test_name(app):\n    assert app.name == 'other'\n"
    run(ini="jit_app = ../other\n", test_other=test).assert_outcomes(passed=1)
    outcome = run(ini="jit_app = ../nowhere\n", test_other=test)
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*jit_app is '../nowhere', but there is no*"])


def test_tests_outside_an_app_are_told_so(pytester):
    """Without an app.json above the test and without jit_app, the fixture says what to do."""
    pytester.makeconftest('pytest_plugins = ["jitcore.testing"]')
    pytester.makepyfile("def test_name(app): ...")
    outcome = pytester.runpytest_subprocess()
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*set jit_app in pytest.ini, or use make_app*"])


def test_make_app_writes_opens_and_closes(make_app):
    """Files of three kinds, an app out of nothing, and the same folder again with more."""
    assert make_app({}).name == "app"
    one = make_app({"things/A/e.json": {"type": "t.T", "title": "字"}, "x.txt": "text", "y.bin": b"\x00"}, "two")
    assert json.loads((one.path / "things/A/e.json").read_text("utf-8"))["title"] == "字"
    assert (one.path / "x.txt").read_text() == "text"
    assert (one.path / "y.bin").read_bytes() == b"\x00"
    again = make_app({"things/B/e.json": {"type": "t.T", "title": "B"}}, "two")
    assert {"things.A", "things.B"} <= set(again.elements)


def test_make_app_takes_the_options_of_an_app(make_app):
    """Variables arrive; third-party plugins come only when asked for."""
    app = make_app({"app.json": {"name": "x"}}, variables={"a": "b"})
    assert app.plugins.left_out == frozenset()
    assert all(plugin.shipped for plugin in app.plugins.all)


def test_element_makes_instances_of_a_type(run):
    """It is loaded in the app under test, under a name of its own each time, and is gone with the test."""
    outcome = run(
        test_elements="""
from pathlib import Path

import pytest
from jitcore.errors import ElementInvalid

def test_plain(element):
    one = element("things.PlainType", {"word": "Moin"}, title="One")
    other = element("things.PlainType", {"word": "Servus"})
    assert (one.greet("you"), other.greet("you")) == ("Moin you", "Servus you")
    assert (one.title, one.fullName, other.fullName) == ("One", "things.Example", "things.Example2")

def test_the_schema_guards_it(element):
    assert not (Path(__file__).parents[1] / "things/Example").exists()
    with pytest.raises(ElementInvalid, match="value-length"):
        element("things.PlainType", {"word": ""})
    with pytest.raises(ElementInvalid):
        element("things.PlainType")
"""
    )
    outcome.assert_outcomes(passed=2)


def test_layer_stack_puts_the_first_on_top(layer_stack, things):
    """Each app extends the next; what none of them says comes from the one below."""
    mine = {"things/Hello/e.json": things["things/Hello/e.json"], "things/Hello/Hello.json": {"word": "Moin"}}
    app = layer_stack({"shop": {"app.json": {"title": "Shop"}}, "company": mine, "base": things})
    assert app.manifest["title"] == "Shop"
    assert [layer.name for layer in app.layers if layer.is_app] == ["shop", "company", "base"]
    assert app.getElement("things.Hello").greet("you") == "Moin you"
    assert [one.layer for one in app.explain("things.Hello").shadowed] == ["base"]


def test_a_test_that_leaves_an_app_open_fails(run):
    """The App is named and closed, so that the next test starts clean."""
    outcome = run(
        test_leak="""
from pathlib import Path
from jitcore import App, open_apps

def test_leaks():
    App(Path(__file__).parents[1])

def test_is_clean():
    assert open_apps() == ()
"""
    )
    outcome.assert_outcomes(passed=2, errors=1)
    outcome.stdout.fnmatch_lines(["*The test left open: <App shop at *shop>. Use*"])


def test_apps_of_wider_fixtures_may_stay_open(run):
    """A module's App is open for all of its tests, also when a test asks for it late."""
    outcome = run(
        test_wide="""
from pathlib import Path
import pytest
from jitcore import App

@pytest.fixture(scope="module")
def shared():
    with App(Path(__file__).parents[1]) as app:
        yield app

def test_late(request):
    assert not request.getfixturevalue("shared").closed

def test_early(shared):
    assert not shared.closed
"""
    )
    outcome.assert_outcomes(passed=2)


def test_a_failing_teardown_hides_no_leak(run):
    """When a fixture's end raises, the App is closed all the same and the next test starts clean."""
    outcome = run(
        test_both="""
from pathlib import Path
import pytest
from jitcore import App, open_apps

@pytest.fixture
def bad():
    yield
    raise ValueError("at the end")

def test_leaks(bad):
    App(Path(__file__).parents[1])

def test_is_clean():
    assert open_apps() == ()
"""
    )
    outcome.assert_outcomes(passed=2, errors=1)


def test_nothing_is_ambient(pytester):
    """Installed beside pytest, jitcore adds no fixture and no hook by itself."""
    pytester.makepyfile("def test_name(make_app): ...")
    pytester.runpytest_subprocess().assert_outcomes(errors=1)

"""Elements without a folder: what a plugin generates from its data."""

from __future__ import annotations

import json
import sys
import threading
import types

import pytest

from jitcore import App, ElementSpec, hookimpl
from jitcore.cli import main
from jitcore.entrypoints import EntryPoint, installed_plugins
from jitcore.errors import ElementInvalid, ElementNotFound
from jitcore.scaffolding.overriding import override


class Source:
    """What a plugin knows: its elements, how often it was asked, and what it does before it answers."""

    def __init__(self):
        self.elements = {}
        self.asked = 0
        self.first = lambda app: None

    def put(self, name, config, kind="things.PlainType", title=""):
        self.elements = {**self.elements, name: ElementSpec(kind, config, title)}


@pytest.fixture
def source(monkeypatch):
    """A plugin that generates what the test puts in; every App opened afterwards has it."""
    source = Source()

    @hookimpl
    def jit_elements(app):
        source.asked += 1
        source.first(app)
        return source.elements

    module = types.ModuleType("generating_plugin")
    module.jit_elements = jit_elements
    monkeypatch.setitem(sys.modules, "generating_plugin", module)
    entry = EntryPoint("acme", "generating_plugin", "jit-acme", "2.1")
    monkeypatch.setattr("jitcore.app.installed_plugins", lambda: [*installed_plugins(), entry])
    return source


@pytest.fixture
def app(open_app, things, source):
    """An app with one generated element beside its own."""
    source.put("things.made.One", {"word": "Bonjour"}, title="Number one")
    return open_app(things, plugins=True)


def test_it_is_an_element_like_any_other(app):
    """Loaded, listed, found by type and selector, explained and checked."""
    one = app.getElement("things.made.One")
    assert one.greet("you") == "Bonjour you"
    assert app.getElement("things.made.One") is one
    assert (one.title, one.node.version, one.node.path) == ("Number one", "1.0.0", None)
    assert app.getElementDefine("things.made.One") == {"type": "things.PlainType", "title": "Number one"}
    assert [one.fullName for one in app.findElements(type="things.PlainType")] == ["things.Hello", "things.made.One"]
    assert [one.fullName for one in app.findElements(".things.PlainType:#title=Number one")] == ["things.made.One"]
    assert app.elements["things.made.One"].kind == "instance"
    assert app.check() == []


def test_explain_says_where_it_comes_from(app):
    """It names the layer and the plugin that generated it."""
    explained = app.explain("things.made.One")
    assert (explained.kind, explained.winner.layer, explained.winner.kind) == ("instance", "generated", "generated")
    assert explained.chain == ("things.PlainType", "things.Meta")
    assert "generated (jit-acme 2.1)" in str(explained)


def test_a_folder_of_the_app_takes_its_place(open_app, things, source):
    """The app is nearer; the generated definition is shadowed and says so."""
    source.put("things.made.One", {"word": "Bonjour"})
    things["things/made/One/e.json"] = {"type": "things.PlainType", "title": "Mine"}
    things["things/made/One/One.json"] = {"word": "Servus"}
    app = open_app(things, plugins=True)
    assert app.getElement("things.made.One").greet("you") == "Servus you"
    assert [one.layer for one in app.explain("things.made.One").shadowed] == ["generated"]


def test_variables_are_substituted(open_app, things, source):
    """A {{variable}} in the configuration is one, as in a file."""
    source.put("things.made.One", {"word": "{{greeting}}"})
    things["app.json"] = {"variables": [{"name": "greeting", "default": "Hola"}]}
    assert open_app(things, plugins=True).getElement("things.made.One").greet("you") == "Hola you"


def test_mistakes_in_it_have_a_place(app, source):
    """It is validated as a file would be; the text it would have is shown."""
    source.put("things.made.Bad", {"wrod": "x"})
    source.put("things.made.Typeless", {}, kind="things.NoType")
    problems = {(problem.element, problem.code): problem for problem in app.check()}
    unknown = problems["things.made.Bad", "key-unknown"]
    assert (unknown.file, unknown.line) == ("things.made.Bad (generated)", 2)
    assert '"wrod"' in unknown.snippet
    assert ("things.made.Typeless", "unknown-type") in problems
    with pytest.raises(ElementInvalid):
        app.getElement("things.made.Bad")
    assert app.getElement("things.made.One")


def test_what_is_no_json_is_a_problem(app, source):
    """A configuration that no file could hold breaks that element alone."""
    source.put("things.made.Bad", {"word": object()})
    (problem,) = app.check()
    assert (problem.element, problem.code) == ("things.made.Bad", "plugin-failed")


def test_references_lead_to_it_and_from_it(open_app, things, source):
    """A folder's element may refer to a generated one before anybody listed it, and the other way round."""
    source.put("things.made.One", {"word": "Bonjour", "friend": "things.Hello"})
    source.put("things.made.Lost", {"word": "Bonjour", "friend": "things.Nobody"})
    things["things/Friend/e.json"] = {"type": "things.PlainType", "title": "Friend"}
    things["things/Friend/Friend.json"] = {"word": "Hi", "friend": "things.made.One"}
    app = open_app(things, plugins=True)
    assert app.getElement("things.Friend").greet("you") == "Hi you"
    assert app.getElement("things.made.One")
    assert [(one.element, one.code) for one in app.check()] == [("things.made.Lost", "reference-dangling")]


def test_new_ones_are_found_on_a_miss_and_in_a_list(app, source):
    """Nobody tells the App: it looks when a name is missing or names are listed, and at no other time."""
    with pytest.raises(ElementNotFound):
        app.getElement("things.made.Two")
    source.put("things.made.Two", {"word": "Moin"})
    assert app.getElement("things.made.Two").greet("you") == "Moin you"
    source.put("things.made.Three", {"word": "Ciao"})
    assert "things.made.Three" in app.elements
    asked = source.asked
    for name in ("things.made.Two", "things.Hello", "things.made.Three", "things.PlainType"):
        app.getElement(name)
    assert source.asked == asked


def test_one_that_changed_is_made_anew(app, source):
    """Who asks after the next look gets the new one; the old one's disposers ran."""
    one, disposed = app.getElement("things.made.One"), []
    one.on_dispose(lambda: disposed.append(1))
    source.put("things.made.One", {"word": "Salut"}, title="Number one")
    assert app.getElement("things.made.One") is one
    assert app.elements
    assert app.getElement("things.made.One").greet("you") == "Salut you"
    assert disposed == [1]


def test_one_that_is_gone_is_gone(app, source):
    """After the next look it is no element any more, loaded or not."""
    app.getElement("things.made.One")
    source.elements = {}
    assert "things.made.One" not in app.elements
    with pytest.raises(ElementNotFound):
        app.getElement("things.made.One")


def test_a_failing_plugin_keeps_what_it_had(app, source, caplog):
    """A database that is away for a moment takes no element away; check tells, until it works again."""

    def fail(_):
        raise OSError("no route")

    one = app.getElement("things.made.One")
    source.first = fail
    assert "things.made.One" in app.elements
    assert app.getElement("things.made.One") is one
    (problem,) = app.check()
    assert (problem.code, problem.severity) == ("plugin-failed", "warning")
    assert "no route" in problem.message
    assert caplog.text.count("no route") == 1
    source.first = lambda app: None
    assert app.check() == []


def test_a_plugin_may_look_at_the_elements(app, source):
    """While it is asked it sees those there are: asking does not go round in circles."""
    seen = []

    def look(app):
        seen.append(set(app.elements))
        with pytest.raises(ElementNotFound):
            app.getElement("things.made.Unknown")

    source.first = look
    assert "things.made.One" in app.elements
    assert "things.Hello" in seen[0]


def test_threads_that_load_and_look_do_not_wait_for_each_other(app, source):
    """A plugin that loads an element while another thread loads one that misses a name: both come to an end."""
    both = threading.Barrier(2, timeout=60)

    def load(app):
        if threading.current_thread() is not threading.main_thread():
            both.wait()
        app.getElement("things.Hello")

    source.first = load
    looking = threading.Thread(target=lambda: app.elements)
    looking.start()
    with app.element_states.lock:
        both.wait()
        with pytest.raises(ElementNotFound):
            app.getElement("things.made.Unknown")
    looking.join(60)
    assert not looking.is_alive()


def test_an_answer_that_is_overtaken_does_not_count(app, source):
    """Who asked earlier and answers later knows less."""
    app.getElement("things.made.One")
    overtaken, newest = {}, {**source.elements, "things.made.New": ElementSpec("things.PlainType", {"word": "x"})}

    def slowly(app):
        source.first = lambda app: None
        source.elements = newest
        thread = threading.Thread(target=lambda: app.elements)
        thread.start()
        thread.join()
        source.elements = overtaken

    source.first = slowly
    assert "things.made.New" in app.elements


def test_rereading_the_manifest_keeps_them(app):
    """A changed app.json makes new layers; the generated ones stay."""
    one = app.getElement("things.made.One")
    app.reread()
    assert app.registry.is_known("things.made.One")
    assert app.getElement("things.made.One") is one


def test_without_a_generator_nothing_is_asked(open_app, things, source):
    """An App opened without third-party plugins has none of it."""
    source.put("things.made.One", {"word": "Bonjour"})
    app = open_app(things, plugins=False)
    with pytest.raises(ElementNotFound):
        app.getElement("things.made.One")
    assert source.asked == 0


def test_a_broken_answer_is_told(app, source):
    """What is no ElementSpec is refused as a whole."""
    assert "things.made.One" in app.elements
    source.elements = {"things.made.One": {"type": "things.PlainType"}}
    (problem,) = app.check()
    assert problem.code == "plugin-failed"
    assert app.getElement("things.made.One").greet("you") == "Bonjour you"


def test_jit_list_shows_what_plugins_say(write_app, things, monkeypatch, capsys):
    """Beside the state stands a plugin's word; for programs it has a key of its own. A failing plugin says nothing."""
    module = types.ModuleType("telling_plugin")
    module.jit_element_states = hookimpl(lambda app: {"things.Hello": "resting"})
    broken = types.ModuleType("broken_plugin")
    broken.jit_element_states = hookimpl(lambda: 1 / 0)
    for one in (module, broken):
        monkeypatch.setitem(sys.modules, one.__name__, one)
    entries = [EntryPoint("a", "broken_plugin", "d", "1"), EntryPoint("b", "telling_plugin", "d", "1")]
    monkeypatch.setattr("jitcore.app.installed_plugins", lambda: [*installed_plugins(), *entries])
    path = str(write_app(things))
    for words, expected in ((["list"], "declared (resting)"), (["list", "--json"], '"condition": "resting"')):
        with pytest.raises(SystemExit):
            main(["--app", path, *words])
        out = capsys.readouterr().out
        assert expected in out
    rows = {row["element"]: row for row in json.loads(out)}
    assert (rows["things.Hello"]["state"], rows["things.PlainType"]["condition"]) == ("declared", "")


def test_a_check_looks_once(open_app, things, source):
    """However many names are missing: one check sees one app, and costs one question."""
    for number in range(20):
        things[f"things/Lost{number}/e.json"] = {"type": "things.PlainType", "title": "Lost"}
        things[f"things/Lost{number}/Lost{number}.json"] = {"word": "x", "friend": f"things.Nobody{number}"}
    app = open_app(things, plugins=True)
    assert len(app.check()) == 20
    assert source.asked == 1


def test_an_override_starts_with_what_was_generated(app):
    """jit override writes the folder that takes its place: the same type, title and configuration."""
    override(app, "things.made.One")
    with App(app.path) as again:
        assert again.explain("things.made.One").winner.layer == "app"
        one = again.getElement("things.made.One")
        assert (one.title, one.greet("you")) == ("Number one", "Bonjour you")
        assert again.check() == []

"""App: opening, getting, finding and closing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jitcore import App, ElementHandle, open_apps
from jitcore.errors import (
    AppClosed,
    AppInvalid,
    ArgumentError,
    ElementFailed,
    ElementInvalid,
    ElementNotFound,
    NotAnApp,
)


def test_an_instance_is_loaded_by_its_type(open_app, things):
    """getElement hands out what the Type's Loader makes of the business file."""
    app = open_app(things)
    hello = app.getElement("things.Hello")
    assert hello.greet("world") == "Hello world"
    assert (hello.fullName, hello.name, hello.title, hello.elementType) == (
        "things.Hello",
        "Hello",
        "Hello",
        "things.PlainType",
    )
    assert hello.app is app
    assert hello.define["title"] == "Hello"


def test_a_loaded_element_is_kept(open_app, things):
    """The second getElement returns the same object."""
    app = open_app(things)
    assert app.getElement("things.Hello") is app.getElement("things.Hello")


def test_getting_a_type_hands_out_its_package(open_app, things):
    """getElement of a Type or a Meta returns the package that implements it."""
    app = open_app(things)
    assert app.getElement("things.PlainType").Thing.__name__ == "Thing"
    assert hasattr(app.getElement("things.Meta"), "ElementProtocol")


def test_opening_reads_no_element(open_app, things):
    """Opening only indexes names: a broken element costs nothing until somebody wants it."""
    app = open_app({**things, "things/Broken/e.json": "{"})
    assert app.elements["things.Broken"].state == "declared"
    assert app.getElement("things.Hello")


def test_an_unknown_name_suggests_the_nearest(open_app, things):
    """A typo in a full name is answered with the name that was probably meant."""
    app = open_app(things)
    with pytest.raises(ElementNotFound, match=r"Did you mean things\.Hello") as caught:
        app.getElement("things.Helo")
    assert caught.value.fullName == "things.Helo"
    assert caught.value.possibilities[0] == "things.Hello"


@pytest.mark.parametrize("wrong", [None, 5, ["things.Hello"], b"things.Hello"])
def test_a_name_that_is_no_string_is_an_argument_error(open_app, things, wrong):
    """Whatever is not a str is refused in words, hashable or not."""
    app = open_app(things)
    with pytest.raises(ArgumentError, match="full name is a str"):
        app.getElement(wrong)


def test_a_miss_is_not_remembered(open_app, things, tmp_path):
    """An element whose folder is added after the miss is found without reopening the App."""
    app = open_app(things)
    with pytest.raises(ElementNotFound):
        app.getElement("things.Late")
    late = tmp_path / "app" / "things" / "Late"
    late.mkdir()
    (late / "e.json").write_text('{"type": "things.PlainType", "title": "Late"}')
    (late / "Late.json").write_text('{"word": "Sorry"}')
    assert app.getElement("things.Late").greet("all") == "Sorry all"
    assert "things.Late" in app.elements


@pytest.mark.parametrize("sneaky", ["things..Hello", "../things.Hello", "things/Hello", "", ".", "things.Hello\x00"])
def test_names_never_become_paths(open_app, things, sneaky):
    """A name that is not one is simply unknown; it is never joined to a path."""
    app = open_app(things)
    with pytest.raises(ElementNotFound):
        app.getElement(sneaky)


def test_a_broken_element_carries_all_its_problems_and_stops_nobody(open_app, things):
    """One broken element raises one error with every problem; the others load."""
    app = open_app({**things, "things/Bad/e.json": {"type": "things.PlainType", "title": "Bad"}})
    (app.path / "things/Bad/Bad.json").write_text('{"wrod": "x", "friend": 3, "mood": "good"}')
    with pytest.raises(ElementInvalid) as caught:
        app.getElement("things.Bad")
    assert {problem.code for problem in caught.value.problems} == {"key-unknown", "value-type"}
    assert len(caught.value.problems) == 3
    assert all(problem.line and problem.column for problem in caught.value.problems)
    assert app.elements["things.Bad"].state == "invalid"
    assert app.elements["things.Bad"].problems == caught.value.problems
    assert app.getElement("things.Hello")


def test_a_fixed_element_loads_after_the_failure(open_app, things):
    """A failure is not for ever: once the file is right the next getElement succeeds and the state says so."""
    app = open_app({**things, "things/Bad/e.json": {"type": "things.PlainType", "title": "Bad"}})
    with pytest.raises(ElementInvalid, match="file-missing"):
        app.getElement("things.Bad")
    (app.path / "things/Bad/Bad.json").write_text('{"word": "Now"}')
    assert app.getElement("things.Bad").greet("fine") == "Now fine"
    assert app.elements["things.Bad"].state == "loaded"
    assert app.elements["things.Bad"].error is None


def test_an_element_whose_code_raises_is_failed(open_app, things):
    """User code that raises while loading becomes ElementFailed with the cause chained."""
    things["things/RaisingType/e.json"] = {"type": "things.Meta", "title": "Raising"}
    things["things/RaisingType/__init__.py"] = (
        "from jitcore import Loader as Base\n\n\nclass Loader(Base):\n"
        "    elementClass = None\n\n    def load(self):\n        raise RuntimeError('no luck')\n"
    )
    things["things/Raises/e.json"] = {"type": "things.RaisingType", "title": "Raises"}
    app = open_app(things)
    with pytest.raises(ElementFailed, match="RuntimeError: no luck") as caught:
        app.getElement("things.Raises")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert app.elements["things.Raises"].state == "failed"


def test_an_element_that_needs_itself_to_load_is_told_so(open_app, things):
    """Two Loaders that ask for each other end in one error that prints the circle."""
    things["things/AskType/e.json"] = {"type": "things.Meta", "title": "Ask"}
    things["things/AskType/__init__.py"] = (
        "from jitcore import Loader as Base\n\n\nclass Loader(Base):\n"
        "    elementClass = None\n\n    def load(self):\n"
        "        return self.app.getElement({'A': 'things.B', 'B': 'things.A'}[self.node.name])\n"
    )
    things["things/A/e.json"] = {"type": "things.AskType", "title": "A"}
    things["things/B/e.json"] = {"type": "things.AskType", "title": "B"}
    app = open_app(things)
    with pytest.raises(ElementFailed, match=r"things\.A → things\.B → things\.A"):
        app.getElement("things.A")


def test_loaders_without_a_constructor_get_their_nodes(open_app, things):
    """The peer's shortest Loader, a class with only load(), finds self.nodes set."""
    things["things/BareType/e.json"] = {"type": "things.Meta", "title": "Bare"}
    things["things/BareType/loader.py"] = (
        "import json\n\n\nclass Loader:\n    def load(self):\n"
        "        return json.loads(self.nodes[0].getFile('config.json'))\n"
    )
    things["things/Bare/e.json"] = {"type": "things.BareType", "title": "Bare"}
    things["things/Bare/config.json"] = {"a": 1}
    app = open_app(things)
    assert app.getElement("things.Bare") == {"a": 1}


def test_finding_by_type_gives_handles_that_act_as_the_element(open_app, things):
    """findElements hands out handles in order of their names; using one loads its element."""
    things["things/Again/e.json"] = {"type": "things.PlainType", "title": "Again"}
    things["things/Again/Again.json"] = {"word": "Again"}
    app = open_app(things)
    found = app.findElements(type="things.PlainType")
    assert [handle.fullName for handle in found] == ["things.Again", "things.Hello"]
    assert isinstance(found[0], ElementHandle)
    assert found[0].state == "declared"
    assert found[0].greet("you") == "Again you"
    assert found[0].state == "loaded"
    assert "loaded" in repr(found[0])
    assert [handle.fullName for handle in app.findElements(type="things.Meta")] == ["things.PlainType"]


def test_finding_an_unknown_type_is_an_error(open_app, things):
    """A misspelt Type does not silently find nothing."""
    app = open_app(things)
    with pytest.raises(ElementNotFound, match="PlainType"):
        app.findElements(type="things.PlainTyp")


def test_the_define_is_read_without_loading(open_app, things):
    """getElementDefine returns e.json and leaves the element declared."""
    app = open_app(things)
    assert app.getElementDefine("things.Hello") == {"type": "things.PlainType", "title": "Hello"}
    assert app.elements["things.Hello"].state == "declared"


def test_a_folder_that_is_no_app_is_refused(tmp_path):
    """Neither app.json nor an element: the error says what an app looks like."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotAnApp, match=r"neither an app\.json nor an element"):
        App(tmp_path / "empty")
    with pytest.raises(NotAnApp, match="is no folder"):
        App(tmp_path / "absent")
    with pytest.raises(ArgumentError, match="path of a folder"):
        App(7)


def test_the_folder_above_an_app_is_no_app(write_app, things):
    """A folder whose app lies one level down is refused, naming that app."""
    path = write_app({"app.json": {"name": "shop"}, **things})
    with pytest.raises(NotAnApp, match=f"Did you mean {path}"):
        App(path.parent)


def test_app_json_is_optional(open_app, things):
    """A folder with elements alone is an app, named after the folder."""
    app = open_app(things, name="shop")
    assert app.name == "shop"
    assert app.settings == {}


def test_a_broken_app_json_is_located(write_app, things):
    """app.json problems raise AppInvalid with place; a lenient App opens and reports them."""
    path = write_app({**things, "app.json": '{"name": 5, "titel": "x"}'})
    with pytest.raises(AppInvalid) as caught:
        App(path)
    assert {problem.code for problem in caught.value.problems} >= {"value-type"}
    assert all(problem.line == 1 for problem in caught.value.problems)
    with App(path, strict=False) as app:
        assert app.getElement("things.Hello")
        assert set(caught.value.problems) <= set(app.check())


def test_a_closed_app_says_so(open_app, things):
    """After close() every use raises AppClosed; closing twice is harmless."""
    app = open_app(things)
    app.getElement("things.Hello")
    assert open_apps() == (app,)
    app.close()
    app.close()
    assert open_apps() == ()
    assert "closed" in repr(app)
    for use in (lambda: app.getElement("things.Hello"), lambda: app.elements, app.check):
        with pytest.raises(AppClosed):
            use()


def test_disposers_run_in_reverse_and_isolated(open_app, things, caplog):
    """close() runs what was recorded, last first; one that raises does not stop the others."""
    app = open_app(things)
    ran = []

    def broken():
        raise RuntimeError("stuck")

    app.on_close(lambda: ran.append("first"))
    app.on_close(broken)
    app.on_close(lambda: ran.append("last"))
    app.close()
    assert ran == ["last", "first"]
    assert "stuck" in caplog.text


def test_threads_share_one_loaded_element(open_app, things):
    """Eight threads asking for the same element at once get the same object."""
    app = open_app(things)
    barrier = threading.Barrier(8)
    got = []

    def ask():
        barrier.wait()
        got.append(app.getElement("things.Hello"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_app_data_is_made_when_needed(open_app, things):
    """appData appears on first use, inside the app folder."""
    app = open_app(things)
    assert not (app.path / "appData").exists()
    assert app.app_data == app.path / "appData"
    assert app.app_data.is_dir()


def test_paths_may_be_relative(write_app, things, monkeypatch):
    """App("sample_app") works from the folder above, as on the seed page."""
    write_app(things, "relative_app")
    monkeypatch.chdir(Path(write_app({}, "relative_app")).parent)
    with App("relative_app") as app:
        assert app.path.is_absolute()
        assert app.getElement("things.Hello")


def test_a_type_that_exits_at_import_is_a_problem(open_app, things):
    """A Type written as a script ends neither the check nor the process."""
    app = open_app({**things, "things/PlainType/__init__.py": "import sys\n\nsys.exit('usage: plain')\n"})
    (problem,) = app.check()
    assert problem.code == "type-import-failed"
    assert "SystemExit: usage: plain" in problem.message
    with pytest.raises(ElementInvalid, match="usage: plain"):
        app.getElement("things.Hello")


def test_no_secret_is_in_the_error_of_an_elements_code(open_app, things):
    """Code that puts its configuration into a message shows no secret, from a variable or from the file."""
    loader = "\n    def load(self):\n        raise ValueError(f'cannot use {self.config}')\n"
    app = open_app(
        {
            **things,
            "app.json": {"variables": [{"name": "word", "secret": True, "default": "hunter2-word"}]},
            "things/PlainType/__init__.py": things["things/PlainType/__init__.py"] + loader,
            "things/Hello/Hello.json": {"word": "{{word}}", "secret": "hunter2-file"},
        }
    )
    with pytest.raises(ElementFailed, match="cannot use") as caught:
        app.getElement("things.Hello")
    assert "hunter2" not in str(caught.value)


def test_an_element_that_loads_while_the_app_closes_is_let_go(open_app, things):
    """It is disposed of at once, and who asked for it is told that the App is closed."""
    code = things["things/PlainType/__init__.py"] + (
        "\n    def load(self):\n"
        "        thing = super().load()\n"
        "        thing.on_dispose(self.app.gone.set)\n"
        "        self.app.loading.set()\n"
        "        assert self.app.go_on.wait(60)\n"
        "        return thing\n"
    )
    app = open_app({**things, "things/PlainType/__init__.py": code})
    app.gone, app.loading, app.go_on = threading.Event(), threading.Event(), threading.Event()
    raised = []

    def ask():
        try:
            app.getElement("things.Hello")
        except AppClosed as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert app.loading.wait(60)
    app.close()
    app.go_on.set()
    thread.join(60)
    assert raised
    assert app.gone.is_set()
    with pytest.raises(AppClosed):
        app.getElement("things.Hello")


def test_an_app_that_cannot_be_opened_leaves_nothing_open(write_app, things, monkeypatch):
    """Where the system refuses to watch, nobody gets the App, and its imports are gone."""
    import jitcore.watching

    def refused(app):
        raise OSError("inotify limit reached")

    monkeypatch.setattr(jitcore.watching, "Watcher", refused)
    with pytest.raises(OSError, match="inotify"):
        App(write_app(things), watch=True)
    assert open_apps() == ()


def test_a_contract_that_is_no_class_asks_for_nothing(open_app, things):
    """Whatever a Meta calls ElementProtocol, nobody's check breaks."""
    app = open_app({**things, "things/Meta/__init__.py": "ElementProtocol = 3\n"})
    assert app.check() == []
    assert app.getElement("things.Hello").greet("you") == "Hello you"


def test_types_that_import_each_other_are_told_so(open_app, things):
    """The hint for a circle between Types does not speak of an override that nobody wrote."""
    code = things["things/PlainType/__init__.py"]
    app = open_app(
        {
            **things,
            "things/PlainType/__init__.py": f"from things.OtherType import Other\n{code}",
            "things/OtherType/e.json": {"type": "things.Meta", "title": "Other"},
            "things/OtherType/__init__.py": "from things.PlainType import Loader\n\n\nclass Other: ...\n",
        }
    )
    hints = {problem.hint for problem in app.check()}
    assert "It imports itself, or a module that imports it: move what both need into a module of its own." in hints
    assert not any("real package" in hint for hint in hints)


@pytest.mark.parametrize("name", ["a\0b", None, "../PlainType/e.json", "/etc/passwd"])
def test_a_loader_reads_inside_its_folder_only(open_app, things, name):
    """Any other name is an argument error, whatever it is."""
    node = open_app(things).getElement("things.Hello").node
    with pytest.raises(ArgumentError, match="not a file inside"):
        node.getFile(name)

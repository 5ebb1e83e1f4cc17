"""Lifecycle: what instances, Types and plugins are told, and that nobody's fault stops the others."""

from __future__ import annotations

import json
import shutil
import types

import pytest

from jitcore import App, hookimpl
from jitcore.errors import ElementFailed

RECORDER = """\
import builtins


def note(*what):
    builtins.jit_test_notes.append(what)
"""


@pytest.fixture
def notes(monkeypatch):
    """What the lifecycle modules of the test apps wrote down."""
    import builtins

    written = []
    monkeypatch.setattr(builtins, "jit_test_notes", written, raising=False)
    return written


@pytest.fixture
def lively(things):
    """An app whose instance and Type have every lifecycle function."""
    return {
        **things,
        "commons/recorder.py": RECORDER,
        "things/Hello/lifecycle.py": (
            "from commons.recorder import note\n\n\n"
            "def onLoad():\n    note('load')\n\n\n"
            "def onCalled(fullName):\n    note('called', fullName)\n\n\n"
            "def onAppExit(exc_val=None, resData=None, **kwargs):\n"
            "    note('exit', type(exc_val).__name__, sorted(kwargs))\n"
        ),
        "things/PlainType/lifecycle.py": (
            "from commons.recorder import note\n\n\n"
            "def onCreate(fullName):\n    note('create', fullName)\n\n\n"
            "def onUpdate(fullName, app):\n    note('update', fullName, app.name)\n\n\n"
            "def onDelete(fullName):\n    note('delete', fullName)\n\n\n"
            "def onException(fullName, title, exc):\n    note('exception', fullName, title, str(exc))\n"
        ),
    }


def plugin(**hooks):
    """A plugin module made of the given hook implementations."""
    module = types.ModuleType("recording_plugin")
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


def test_an_instance_hears_of_load_calls_and_exit(open_app, lively, notes):
    """onLoad runs once, onCalled at each later getElement, onAppExit when the App closes."""
    app = open_app(lively)
    hello = app.getElement("things.Hello")
    assert notes == [("load",)]
    assert app.getElement("things.Hello") is hello
    assert app.getElement("things.Hello") is hello
    assert notes[1:] == [("called", "things.Hello")] * 2
    app.close()
    assert notes[3:] == [("exit", "NoneType", ["app", "fullName"])]


def test_exit_is_told_of_the_exception(write_app, lively, notes):
    """Leaving the App's with-block by an exception hands it to onAppExit."""

    def leave_early():
        with App(write_app(lively)) as app:
            app.getElement("things.Hello")
            raise ValueError("out")

    with pytest.raises(ValueError, match="out"):
        leave_early()
    assert notes[-1] == ("exit", "ValueError", ["app", "fullName"])


def test_a_raising_on_load_keeps_the_element_from_loading(open_app, lively, notes):
    """An element whose onLoad raises is failed, and its Type's onException hears of it."""
    lively["things/Hello/lifecycle.py"] = "def onLoad():\n    raise RuntimeError('not today')\n"
    app = open_app(lively)
    with pytest.raises(ElementFailed, match="not today"):
        app.getElement("things.Hello")
    assert notes == [("exception", "things.Hello", "Hello", "not today")]


def test_a_raising_on_called_stops_nobody(open_app, lively, notes, caplog):
    """onCalled and onAppExit that raise are logged, and the element is handed out all the same."""
    lively["things/Hello/lifecycle.py"] = (
        "def onCalled():\n    raise RuntimeError('tired')\n\n\ndef onAppExit():\n    raise RuntimeError('late')\n"
    )
    app = open_app(lively)
    assert app.getElement("things.Hello") is app.getElement("things.Hello")
    app.close()
    assert "tired" in caplog.text
    assert "late" in caplog.text


def test_types_hear_of_their_instances(write_app, lively, notes):
    """announce_changes tells created, updated and deleted instances once, across openings of the App."""
    path = write_app(lively)
    with App(path) as app:
        assert app.announce_changes().created == ["things.Hello"]
        assert not app.announce_changes()
    assert notes == [("create", "things.Hello")]
    (path / "things/Hello/Hello.json").write_text('{"word": "Other"}')
    with App(path) as app:
        assert app.announce_changes().updated == ["things.Hello"]
    for file in (path / "things/Hello").iterdir():
        file.unlink()
    with App(path) as app:
        assert app.announce_changes().deleted == ["things.Hello"]
    assert notes[1:] == [("update", "things.Hello", "app"), ("delete", "things.Hello")]


def test_a_broken_instance_is_not_called_deleted(write_app, lively, notes):
    """A file that cannot be read for a moment is no deletion."""
    path = write_app(lively)
    with App(path) as app:
        app.announce_changes()
    notes.clear()
    (path / "things/Hello/Hello.json").write_text("{")
    with App(path) as app:
        assert not app.announce_changes()
    assert notes == []


def test_the_ledger_holds_no_content(open_app, lively, notes):
    """What is remembered between openings are names, Types and digests."""
    lively["things/Hello/Hello.json"] = {"word": "Hello", "secret": "canary-4711"}
    app = open_app(lively)
    app.announce_changes()
    ledger = (app.app_data / "elements.json").read_text()
    assert list(json.loads(ledger)) == ["things.Hello"]
    assert "canary" not in ledger


def test_plugins_hear_of_everything(open_app, lively, notes):
    """Each lifecycle event is broadcast through its hook, after the element's own function."""
    heard = []
    app = open_app(lively)

    def loaded(app, fullName, element):
        heard.append(("loaded", fullName, element.name))

    def called(fullName):
        heard.append(("called", fullName))

    def created(fullName):
        heard.append(("created", fullName))

    def exiting(app):
        heard.append(("exit", app.getElement("things.Hello").name))

    app.plugins.manager.register(
        plugin(jit_element_loaded=loaded, jit_element_called=called, jit_element_created=created, jit_app_exit=exiting)
    )
    app.getElement("things.Hello")
    app.getElement("things.Hello")
    app.announce_changes()
    app.close()
    assert heard == [
        ("loaded", "things.Hello", "Hello"),
        ("called", "things.Hello"),
        ("created", "things.Hello"),
        ("called", "things.Hello"),
        ("exit", "Hello"),
    ]


def test_plugins_hear_of_instances_that_come_change_and_go(write_app, things):
    """Whoever opens the app next and announces its changes tells each of them once, with the App and the name."""
    heard = []
    path = write_app(things)

    def hear(event):
        def told(app, fullName):
            heard.append((event, app.name, fullName))

        return told

    def announce():
        with App(path, plugins=False) as app:
            app.plugins.manager.register(
                plugin(
                    jit_element_created=hear("created"),
                    jit_element_updated=hear("updated"),
                    jit_element_deleted=hear("deleted"),
                )
            )
            app.announce_changes()

    announce()
    (path / "things/Hello/Hello.json").write_text('{"word": "Moin"}')
    announce()
    announce()
    shutil.rmtree(path / "things/Hello")
    announce()
    assert heard == [(event, "app", "things.Hello") for event in ("created", "updated", "deleted")]


def test_a_raising_plugin_stops_nobody(open_app, things, caplog):
    """A hook implementation that raises is logged; the element loads and other plugins are told."""
    heard = []
    app = open_app(things)

    def raising(fullName):
        raise RuntimeError("plugin down")

    def listening(fullName):
        heard.append(fullName)

    app.plugins.manager.register(plugin(jit_element_loaded=listening), name="a")
    app.plugins.manager.register(plugin(jit_element_loaded=raising), name="b")
    assert app.getElement("things.Hello")
    assert heard == ["things.Hello"]
    assert "plugin down" in caplog.text


def test_on_app_exit_may_load_another_element(open_app, lively, notes):
    """What is loaded while the App closes hears of the exit, too, and the App is closed in the end."""
    lively["things/Other/e.json"] = {"type": "things.PlainType", "title": "Other"}
    lively["things/Other/Other.json"] = {"word": "Bye"}
    lively["things/Other/lifecycle.py"] = lively["things/Hello/lifecycle.py"]
    lively["things/Hello/lifecycle.py"] = "def onAppExit(app):\n    app.getElement('things.Other')\n"
    app = open_app(lively)
    app.getElement("things.Hello")
    app.close()
    assert notes == [("load",), ("exit", "NoneType", ["app", "fullName"])]
    assert app.closed


def test_code_that_exits_does_not_end_the_process(open_app, lively, caplog):
    """sys.exit() in an element's code is a failure like any other."""
    lively["things/Hello/lifecycle.py"] = "import sys\n\n\ndef onCalled():\n    sys.exit(3)\n\n\nonAppExit = onCalled\n"
    lively["things/Never/e.json"] = {"type": "things.PlainType", "title": "Never"}
    lively["things/Never/Never.json"] = {"word": "Never"}
    lively["things/Never/lifecycle.py"] = "import sys\n\n\ndef onLoad():\n    sys.exit('over')\n"
    app = open_app(lively)
    assert app.getElement("things.Hello") is app.getElement("things.Hello")
    with pytest.raises(ElementFailed, match="SystemExit: over"):
        app.getElement("things.Never")
    app.on_close(lambda: (_ for _ in ()).throw(SystemExit))
    app.close()
    assert app.closed
    assert caplog.text.count("SystemExit") >= 3


@pytest.mark.parametrize(
    "code",
    ["raise RuntimeError('half written')\n", "import sys\n\nsys.exit(1)\n", "this is no Python\n"],
    ids=["raises", "exits", "syntax"],
)
def test_a_lifecycle_of_a_type_that_cannot_be_imported_stops_nobody(open_app, lively, caplog, code):
    """Changes are announced and failures told without it, and the log says whose it is."""
    lively["things/PlainType/lifecycle.py"] = code
    lively["things/Hello/lifecycle.py"] = "def onLoad():\n    raise KeyError('the cause')\n"
    app = open_app(lively)
    assert app.announce_changes().created == ["things.Hello"]
    with pytest.raises(ElementFailed, match=r"failed in things\.Hello\.lifecycle: KeyError: 'the cause'"):
        app.getElement("things.Hello")
    assert caplog.text.count("things.PlainType") >= 2


def test_changes_of_a_type_that_is_gone_are_announced(write_app, lively, notes):
    """Where an instance goes together with its Type, there is nobody to tell, and that is no error."""
    path = write_app(lively)
    with App(path) as app:
        app.announce_changes()
    for folder in ("Hello", "PlainType"):
        shutil.rmtree(path / "things" / folder)
    with App(path) as app:
        assert app.announce_changes().deleted == ["things.Hello"]

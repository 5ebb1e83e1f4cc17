"""Imports: real names, family aliases, several Apps in one process."""

from __future__ import annotations

import importlib
import inspect
import pickle
import subprocess
import sys

import pytest

from jitcore import App
from jitcore.errors import AliasError, ElementInvalid


def test_the_family_name_imports_the_winner(open_app, things):
    """`from things.PlainType import Thing` gives the class that getElement uses."""
    app = open_app(things)
    from things.PlainType import Thing

    assert isinstance(app.getElement("things.Hello"), Thing)
    assert importlib.import_module("things.PlainType") is app.getElement("things.PlainType")


def test_the_alias_is_the_module_with_its_real_name(open_app, things):
    """The alias and the real name are one module object, whose __name__ and __spec__ are the real ones."""
    open_app(things)
    module = importlib.import_module("things.PlainType")
    assert module.__name__.startswith("jitapps.app_")
    assert module.__spec__.name == module.__name__
    assert sys.modules[module.__name__] is module


def test_classes_of_an_app_pickle(open_app, things):
    """A class defined in the app folder pickles and unpickles by its real name."""
    open_app(things)
    from things.PlainType import Thing

    assert pickle.loads(pickle.dumps(Thing)) is Thing


def test_the_source_of_a_class_is_found(open_app, things):
    """inspect.getsource works on classes of the app folder."""
    open_app(things)
    from things.PlainType import Thing

    assert "def greet" in inspect.getsource(Thing)


def test_relative_imports_and_submodules_work(open_app, things):
    """A Type may be split into modules that import each other relatively, under both names."""
    things["things/PlainType/words.py"] = "DEFAULT = 'Hi'\n"
    things["things/PlainType/__init__.py"] = "from .words import DEFAULT\n" + things["things/PlainType/__init__.py"]
    open_app(things)
    from things.PlainType import DEFAULT, words

    assert importlib.import_module("things.PlainType.words") is words
    assert words.DEFAULT == DEFAULT


def test_commons_is_importable(open_app, things):
    """Plain code in commons/ is shared by elements as `from commons.x import y`."""
    things["commons/consts.py"] = "ANSWER = 42\n"
    open_app(things)
    from commons.consts import ANSWER

    assert ANSWER == 42


def test_two_apps_with_different_winners_make_the_alias_raise(open_app, things):
    """Two Apps that disagree: the alias raises, naming both and the way out; it never picks one."""
    first = open_app(things, name="one")
    from things.PlainType import Thing as OfTheFirst

    second = open_app(things, name="two")
    with pytest.raises(AliasError, match=r"app\.getElement") as caught:
        importlib.import_module("things.PlainType")
    assert str(first.path) in str(caught.value)
    assert str(second.path) in str(caught.value)
    assert first.getElement("things.PlainType").Thing is OfTheFirst
    assert second.getElement("things.PlainType").Thing is not OfTheFirst
    second.close()
    assert importlib.import_module("things.PlainType").Thing is OfTheFirst


def test_two_apps_with_the_same_winner_share_the_alias(open_app, write_app, things):
    """Two Apps that extend the same base agree on the winner, so the alias works."""
    write_app(things, "base")
    extending = {"app.json": {"name": "x", "extends": [{"path": "../base"}]}}
    one, two = open_app(extending, name="one"), open_app(extending, name="two")
    module = importlib.import_module("things.PlainType")
    assert one.getElement("things.PlainType") is module
    assert two.getElement("things.PlainType") is module


def test_closing_the_app_takes_its_modules_away(write_app, things):
    """After close() neither alias nor real name is importable, and a reopened App sees edited code."""
    path = write_app(things)
    with App(path) as app:
        real = app.getElement("things.PlainType").__name__
        importlib.import_module("things.PlainType")
    assert real not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("things.PlainType")
    code = path / "things/PlainType/__init__.py"
    code.write_text(code.read_text().replace("word']} {name}", "word']}! {name}"))
    with App(path) as app:
        assert app.getElement("things.Hello").greet("you") == "Hello! you"


def test_no_byte_code_is_left_in_the_app(open_app, things, monkeypatch):
    """Importing an app's code writes nothing into its folder, byte-code writing on."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    app = open_app(things)
    app.getElement("things.Hello")
    assert not list(app.path.rglob("__pycache__"))


def test_the_app_folder_may_be_the_current_folder(write_app, things):
    """Run from inside the app, Python finds the same modules, not a namespace package of the folder."""
    path = write_app(things)
    code = (
        "from jitcore import App\n"
        "with App('.') as app:\n"
        "    from things.PlainType import Thing\n"
        "    assert isinstance(app.getElement('things.Hello'), Thing), Thing\n"
        "    print(Thing.__module__.split('.')[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=path, capture_output=True, text=True, check=False)
    assert done.stdout == "jitapps\n", done.stderr


def test_an_installed_package_is_not_shadowed(open_app, things, tmp_path, monkeypatch, caplog):
    """A family named like an ordinary package leaves that package alone, with one warning."""
    package = tmp_path / "site" / "widgets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("ORDINARY = True\n")
    monkeypatch.syspath_prepend(package.parent)
    open_app({"widgets/X/e.json": {"type": "", "title": "x"}, **things})
    module = importlib.import_module("widgets")
    assert module.ORDINARY
    assert "ordinary package" in caplog.text
    del sys.modules["widgets"]


def test_an_override_that_imports_itself_is_told_how(open_app, things):
    """`from corps.QywxProxyType import …` inside corps.QywxProxyType cannot work; the problem says what to write."""
    code = "from corps.QywxProxyType import QywxProxyCorp\n"
    override = {"type": "corps.Meta", "title": "Ours"}
    app = open_app({**things, "corps/QywxProxyType/e.json": override, "corps/QywxProxyType/__init__.py": code})
    with pytest.raises(ElementInvalid, match=r"real package: from jit_qywx\.corps\.QywxProxyType import") as caught:
        app.getElement("corps.QywxProxyType")
    assert caught.value.problems[0].line == 1


def test_a_module_of_an_installed_package_is_not_shadowed(open_app, things, monkeypatch):
    """A family called email takes nothing away from Python's own email, whose submodules are imported late."""
    import email

    monkeypatch.delitem(sys.modules, "email.charset", raising=False)
    open_app(
        {**things, "email/charset/e.json": {"type": "things.PlainType", "title": "x"}, "email/charset/__init__.py": ""}
    )
    assert importlib.import_module("email.charset").__file__.startswith(email.__path__[0])


def test_an_apps_own_commons_leave_those_of_its_base(write_app, open_app, things):
    """A base app's elements find the plain code they were written with; of two modules of a name the nearer counts."""
    greeting = "from commons.words import WORD\nfrom commons.marks import MARK\n\nTEXT = WORD + MARK\n"
    write_app(
        {
            **things,
            "commons/words.py": "WORD = 'hello'\n",
            "commons/marks.py": "MARK = '.'\n",
            "things/PlainType/text.py": greeting,
        },
        "base",
    )
    open_app({"app.json": {"extends": [{"path": "../base"}]}, "commons/marks.py": "MARK = '!'\n"})
    assert importlib.import_module("things.PlainType.text").TEXT == "hello!"


def test_a_type_that_cannot_be_imported_leaves_no_trace(open_app, things):
    """Neither a module nor a resolved Type stays of code that raised, and mended code runs from its first line."""
    things["things/Own/e.json"] = {"type": "things.PlainType", "title": "Own"}
    things["things/Own/__init__.py"] = (
        "from ._helper import WORD\nfrom things.PlainType import Loader\nraise ValueError\n"
    )
    things["things/Own/_helper.py"] = "WORD = 'old'\n"
    things["things/One/e.json"] = {"type": "things.Own", "title": "One"}
    things["things/One/One.json"] = {"word": "One"}
    app = open_app(things)
    with pytest.raises(ElementInvalid, match=r"things\.Own cannot be imported"):
        app.getElement("things.One")
    assert [name for name in sys.modules if "things.Own" in name] == []
    assert "things.Own" not in app.dispatch.resolved
    assert app.getElement("things.Hello").greet("you") == "Hello you"
    (app.path / "things/Own/_helper.py").write_text("WORD = 'new'\n")
    (app.path / "things/Own/__init__.py").write_text("from ._helper import WORD\nfrom things.PlainType import Loader\n")
    assert app.getElement("things.One").greet("you") == "One you"
    assert app.getElement("things.Own").WORD == "new"

"""Layers and overrides: who wins, who may, and how extenders compose."""

from __future__ import annotations

import logging

import pytest

from jitcore import App
from jitcore.errors import AppInvalid, ElementInvalid, ElementNotFound

EXTENDS_BASE = {"app.json": {"name": "shop", "extends": [{"path": "../base"}]}}

LOUD = """\
from {module} import Loader as BaseLoader
from {module} import Thing as Below


class Thing(Below):
    def greet(self, name):
        return super().greet(name) + "{mark}"


class Loader(BaseLoader):
    elementClass = Thing
"""


@pytest.fixture
def base(write_app, things):
    """A base app with the whole family."""
    return write_app({"app.json": {"name": "base", "version": "3.1.0"}, **things}, "base")


def real_module(path):
    with App(path) as app:
        return app.getElement("things.PlainType").__name__


def test_a_base_app_is_a_layer_below(open_app, base):
    """extends makes the base app's elements the app's own."""
    app = open_app(EXTENDS_BASE)
    assert app.getElement("things.Hello").greet("you") == "Hello you"
    assert [layer.name for layer in app.layers[:2]] == ["shop", "base"]


def test_an_instance_is_overridden_as_a_whole(open_app, base):
    """The nearest definition wins whole: nothing of the base's business file is mixed in."""
    app = open_app(
        {
            **EXTENDS_BASE,
            "things/Hello/e.json": {"type": "things.PlainType", "title": "Mine"},
            "things/Hello/config.json": {"word": "Moin"},
        }
    )
    assert app.getElement("things.Hello").greet("you") == "Moin you"


def test_a_type_is_extended_by_a_folder_of_its_name(open_app, base, caplog):
    """A folder in the app with the Type's name serves the base's instances too, and shadowing logs one line."""
    module = real_module(base)
    caplog.set_level(logging.INFO, "jitcore.app")
    app = open_app(
        {
            **EXTENDS_BASE,
            "things/PlainType/e.json": {"type": "things.Meta", "title": "Loud"},
            "things/PlainType/__init__.py": LOUD.format(module=module, mark="!"),
        }
    )
    assert app.getElement("things.Hello").greet("you") == "Hello you!"
    shadowing = [record for record in caplog.records if "shadows" in record.message]
    assert len(shadowing) == 1
    assert "things.PlainType" in shadowing[0].message


def test_removing_the_override_restores_what_it_shadowed(write_app, base):
    """The override is nothing but the folder: without it the base's Type is back."""
    module = real_module(base)
    path = write_app(
        {
            **EXTENDS_BASE,
            "things/PlainType/e.json": {"type": "things.Meta", "title": "Loud"},
            "things/PlainType/__init__.py": LOUD.format(module=module, mark="!"),
        }
    )
    with App(path) as app:
        assert app.getElement("things.Hello").greet("you") == "Hello you!"
    for file in (path / "things/PlainType").iterdir():
        file.unlink()
    (path / "things/PlainType").rmdir()
    with App(path) as app:
        assert app.getElement("things.Hello").greet("you") == "Hello you"


def test_two_extenders_compose_in_layer_order(write_app, base):
    """App and middle layer both extend the base's class by its real name; calls go app → middle → base."""
    module = real_module(base)
    meta = {"type": "things.Meta", "title": "x"}
    write_app(
        {
            "app.json": {"name": "middle", "extends": [{"path": "../base"}]},
            "things/PlainType/e.json": meta,
            "things/PlainType/__init__.py": LOUD.format(module=module, mark="?"),
        },
        "middle",
    )
    path = write_app(
        {
            "app.json": {"name": "shop", "extends": [{"path": "../middle"}]},
            "things/PlainType/e.json": meta,
            "things/PlainType/__init__.py": LOUD.format(module=module, mark="!"),
        }
    )
    with App(path) as app:
        assert app.getElement("things.Hello").greet("you") == "Hello you?!"


def test_a_replacement_that_satisfies_the_protocol_is_accepted(open_app, base):
    """A class unrelated to the shipped one may replace it when it offers what the Meta asks for."""
    app = open_app(
        {
            **EXTENDS_BASE,
            "things/PlainType/e.json": {"type": "things.Meta", "title": "Own"},
            "things/PlainType/__init__.py": (
                "from jitcore import Element, Loader as Base\n\n\n"
                "class Own(Element):\n    def greet(self, name):\n        return 'own ' + name\n\n\n"
                "class Loader(Base):\n    elementClass = Own\n"
            ),
        }
    )
    assert app.getElement("things.Hello").greet("you") == "own you"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("pass", r"lacks greet\(self, name: str\) -> str"),
        ("def greet(self): return ''", "it has other parameters"),
        ("def greet(self, name, mood): return ''", "it has other parameters"),
    ],
)
def test_a_replacement_that_does_not_fit_is_refused_naming_both(open_app, base, body, told):
    """The refusal names the two classes, their layers, and what is missing."""
    app = open_app(
        {
            **EXTENDS_BASE,
            "things/PlainType/e.json": {"type": "things.Meta", "title": "Own"},
            "things/PlainType/__init__.py": (
                "from jitcore import Element, Loader as Base\n\n\n"
                f"class Own(Element):\n    {body}\n\n\nclass Loader(Base):\n    elementClass = Own\n"
            ),
        }
    )
    with pytest.raises(ElementInvalid, match=told) as caught:
        app.getElement("things.Hello")
    (problem,) = caught.value.problems
    assert problem.code == "override-refused"
    assert "Own" in problem.message
    assert "Thing" in problem.message
    assert "shop" in problem.message
    assert "base" in problem.message
    assert problem in app.check()


def test_a_new_type_must_offer_what_its_meta_asks_for(open_app, things):
    """The Meta's Protocol holds for every Type of the family, not only for overrides."""
    things["things/MuteType/e.json"] = {"type": "things.Meta", "title": "Mute"}
    things["things/MuteType/__init__.py"] = (
        "from jitcore import Element, Loader as Base\n\n\nclass Mute(Element):\n    pass\n\n\n"
        "class Loader(Base):\n    elementClass = Mute\n"
    )
    things["things/Silent/e.json"] = {"type": "things.MuteType", "title": "Silent"}
    app = open_app(things)
    with pytest.raises(ElementInvalid, match=r"contract-unmet.*greet"):
        app.getElement("things.Silent")


def test_a_type_of_a_type_inherits_its_loader_and_schema(open_app, things):
    """The lookup chain is own → Type → Type's Type → Meta: a Type without a Loader uses the one above."""
    things["things/ShortType/e.json"] = {"type": "things.PlainType", "title": "Short"}
    things["things/ShortType/loader.py"] = (
        "from things.PlainType import Loader as Base\n\n\nclass Loader(Base):\n    pass\n"
    )
    things["things/Shorter/e.json"] = {"type": "things.ShortType", "title": "Shorter"}
    things["things/Shorter/Shorter.json"] = {"word": "Yo"}
    things["things/Wrong/e.json"] = {"type": "things.ShortType", "title": "Wrong"}
    things["things/Wrong/Wrong.json"] = {"word": ""}
    app = open_app(things)
    assert app.getElement("things.Shorter").greet("you") == "Yo you"
    with pytest.raises(ElementInvalid, match="value-length"):
        app.getElement("things.Wrong")


def test_a_circle_of_types_prints_its_path(open_app, things):
    """Types that are each other's Type are reported with the whole path."""
    things["things/OneType/e.json"] = {"type": "things.TwoType", "title": "1"}
    things["things/TwoType/e.json"] = {"type": "things.OneType", "title": "2"}
    things["things/Lost/e.json"] = {"type": "things.OneType", "title": "Lost"}
    app = open_app(things)
    with pytest.raises(ElementInvalid, match=r"type-cycle.*things\.OneType → things\.TwoType → things\.OneType"):
        app.getElement("things.Lost")
    assert "type-cycle" in {problem.code for problem in app.check()}


def test_a_type_without_any_loader_is_told_what_to_export(open_app, things):
    """Neither the Type nor its Meta exports a Loader: the problem names both."""
    things["things/EmptyType/e.json"] = {"type": "things.Meta", "title": "Empty"}
    things["things/None_/e.json"] = {"type": "things.EmptyType", "title": "None"}
    app = open_app(things)
    with pytest.raises(ElementInvalid, match=r"loader-missing.*things\.EmptyType nor things\.Meta"):
        app.getElement("things.None_")


def test_a_private_element_is_not_inherited(open_app, write_app, things):
    """accessModifier private keeps an element in its own app."""
    things["things/Hello/e.json"] = {"type": "things.PlainType", "title": "x", "accessModifier": "private"}
    base = write_app(things, "base")
    with App(base) as own:
        assert own.getElement("things.Hello")
    app = open_app(EXTENDS_BASE)
    with pytest.raises(ElementNotFound):
        app.getElement("things.Hello")
    assert app.check() == []


def test_a_protected_element_is_not_overridden(open_app, write_app, things):
    """accessModifier protected lets an element be used but not shadowed."""
    things["things/Hello/e.json"] = {"type": "things.PlainType", "title": "x", "accessModifier": "protected"}
    write_app(things, "base")
    app = open_app({**EXTENDS_BASE, "things/Hello/e.json": {"type": "things.PlainType", "title": "mine"}})
    with pytest.raises(ElementInvalid, match="protected"):
        app.getElement("things.Hello")


def test_apps_that_extend_each_other_are_an_error_with_the_path(write_app, things):
    """A circle of extends is located in the app.json that closes it."""
    write_app({"app.json": {"name": "base", "extends": [{"path": "../app"}]}, **things}, "base")
    path = write_app({"app.json": {"name": "shop", "extends": [{"path": "../base"}]}})
    with pytest.raises(AppInvalid, match=r"circle: .*app → .*base → .*app") as caught:
        App(path)
    assert caught.value.problems[0].code == "extends-cycle"
    assert caught.value.problems[0].line


@pytest.mark.parametrize("entry", [{"path": "../nowhere"}, {"plugin": "nobody"}])
def test_a_missing_base_is_an_error_with_its_place(write_app, things, entry):
    """extends that leads nowhere is reported at its entry."""
    path = write_app({"app.json": {"name": "shop", "extends": [entry]}, **things})
    with pytest.raises(AppInvalid, match="extends-missing") as caught:
        App(path)
    assert caught.value.problems[0].pointer == "/extends/0"


def test_a_diamond_of_bases_is_one_layer_each(open_app, write_app, things):
    """Depth first in listed order, each app once."""
    write_app({"app.json": {"name": "root"}, **things}, "root")
    for name in ("left", "right"):
        write_app({"app.json": {"name": name, "extends": [{"path": "../root"}]}}, name)
    app = open_app({"app.json": {"name": "shop", "extends": [{"path": "../left"}, {"path": "../right"}]}})
    assert [layer.name for layer in app.layers if layer.is_app] == ["shop", "left", "root", "right"]


def test_explain_tells_layers_winner_and_why(open_app, base):
    """explain prints winner, shadowed ones with version and file, the chain, and the reason."""
    module = real_module(base)
    app = open_app(
        {
            **EXTENDS_BASE,
            "things/PlainType/e.json": {"type": "things.Meta", "title": "Loud", "version": "1.2.0"},
            "things/PlainType/__init__.py": LOUD.format(module=module, mark="!"),
        }
    )
    told = app.explain("things.PlainType")
    assert told.kind == "type"
    assert told.winner.layer == "shop"
    assert told.winner.element_version == "1.2.0"
    assert [definition.layer for definition in told.shadowed] == ["base"]
    assert told.shadowed[0].version == "3.1.0"
    assert told.chain == ("things.Meta",)
    assert "shop is nearer than base" in str(told)
    assert told.as_dict()["winner"]["file"] == "things/PlainType/e.json"
    assert "Only base defines it" in str(app.explain("things.Hello"))
    with pytest.raises(ElementNotFound):
        app.explain("things.Helo")


def test_drift_of_an_override_is_a_warning(open_app, base):
    """An override that says which version it was made from warns when what it shadows has moved on."""
    module = real_module(base)
    files = {
        **EXTENDS_BASE,
        "things/PlainType/e.json": {"type": "things.Meta", "title": "Loud", "overrides": "0.9.0"},
        "things/PlainType/__init__.py": LOUD.format(module=module, mark="!"),
    }
    app = open_app(files)
    (problem,) = app.check()
    assert (problem.code, problem.severity) == ("override-drift", "warning")
    assert "0.9.0" in problem.message
    assert "1.0.0" in problem.message
    assert app.getElement("things.Hello")

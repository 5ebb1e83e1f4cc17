"""The selectors of findElements: each form, how they combine, and what is told about those that cannot be read."""

from __future__ import annotations

import pytest

from jitcore.errors import ArgumentError, ElementNotFound


@pytest.fixture
def app(open_app, things):
    """An app with a Type of a Type, elements of different titles and versions, and a broken one."""
    return open_app(
        {
            **things,
            "things/LoudType/e.json": {"type": "things.PlainType", "title": "Loud"},
            "things/LoudType/__init__.py": "from things.PlainType import Loader\n",
            "things/Bye/e.json": {"type": "things.LoudType", "title": "Bye, all", "version": "1.10", "enable": True},
            "things/Bye/Bye.json": {"word": "Bye"},
            "things/Old/e.json": {"type": "things.PlainType", "title": "Old", "version": "1.9.0", "sort": 7},
            "things/Old/Old.json": {"word": "Old"},
            "things/Broken/e.json": "{",
        }
    )


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("things.Hello", "Hello"),
        ("things.Nobody", ""),
        (".things.PlainType", "Hello LoudType Old"),
        (".things.Meta", "PlainType"),
        ("#title=Hello", "Hello"),
        ("#title = Hello", None),
        ('#title="Bye, all"', "Bye"),
        ("#version>1.9", "Bye"),
        ("#version=1.9", "Old"),
        ("#version<1.10.0", "Old PlainType"),
        ("#sort>6.5", "Old"),
        ("#sort=high", ""),
        ("#enable=true", "Bye"),
        ("#name=Old", "Old"),
        ("#fullName<things.C", "Broken Bye"),
        ("*things.Bye", "LoudType Meta PlainType"),
        ("*things.Meta", ""),
        ("things.LoudType*", "Bye"),
        ("things.PlainType*", "Bye Hello LoudType Old"),
        ("things.Meta*:#title!=Hello", "Bye LoudType Old PlainType"),
        (".things.PlainType:#version=1.9:#sort=7", "Old"),
        ("things.Old,things.Hello, things.Old", "Hello Old"),
        ("things.Old,things.PlainType*:things.Hello", "Hello Old"),
        ("things.Broken", "Broken"),
        ("#title=", ""),
    ],
)
def test_each_form_finds_what_it_describes(app, selector, expected):
    """Handles come by name, each once; a broken element has no attributes but its names."""
    if expected is None:
        with pytest.raises(ArgumentError):
            app.findElements(selector)
        return
    found = [handle.fullName for handle in app.findElements(selector) if handle.fullName.startswith("things.")]
    assert found == [f"things.{name}" for name in expected.split()]


def test_not_equal_holds_for_elements_without_the_attribute(app):
    """An element without a value does not have the value."""
    found = {handle.fullName for handle in app.findElements("#sort!=7")}
    assert {"things.Hello", "things.Broken"} <= found
    assert "things.Old" not in found


def test_a_selector_and_a_type_narrow_together(app):
    """Both must hold; neither asks for nothing."""
    assert [handle.fullName for handle in app.findElements("things.Meta*", type="things.LoudType")] == ["things.Bye"]
    assert [handle.fullName for handle in app.findElements()] == list(app.elements)


@pytest.mark.parametrize(
    ("selector", "place", "expected"),
    [
        ("", 1, "a full name"),
        ("things", 1, "which has a dot"),
        ("things.Hello,", 14, "a full name"),
        ("things.Hello:", 14, "a full name"),
        (".", 2, "the full name of a Type"),
        ("#", 2, "the name of an attribute"),
        ("#title", 7, "=, !=, > or <"),
        ('#title="Hello', 14, "the closing quote"),
        ("things.Hello things.Old", 14, "a comma, a colon or the end"),
        ("*1", 2, "the full name of an element"),
    ],
)
def test_a_malformed_selector_is_refused_with_its_place(app, selector, place, expected):
    """The message shows the selector with a caret below the place, and says what belongs there."""
    with pytest.raises(ArgumentError, match=f"at character {place}: ") as refused:
        app.findElements(selector)
    assert expected in refused.value.message
    assert refused.value.message.splitlines()[-1] == "  " + " " * (place - 1) + "^"


@pytest.mark.parametrize("selector", [".things.PlanType", "*things.Helo", "things.PlanType*"])
def test_a_name_that_nobody_defines_is_told_with_the_likely_ones(app, selector):
    """What a selector starts from must exist: a typing mistake is no empty answer."""
    with pytest.raises(ElementNotFound) as missed:
        app.findElements(selector)
    assert missed.value.possibilities


def test_types_in_a_circle_end_the_walk(open_app):
    """Parents and children of Types that lead back to themselves are finite."""
    app = open_app(
        {
            "things/A/e.json": {"type": "things.B", "title": "A"},
            "things/B/e.json": {"type": "things.A", "title": "B"},
        }
    )
    assert [handle.fullName for handle in app.findElements("*things.A")] == ["things.B"]
    assert [handle.fullName for handle in app.findElements("things.A*")] == ["things.B"]

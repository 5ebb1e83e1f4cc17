"""App folders as they come: links in circles, folders where files belong, names that are no text."""

from __future__ import annotations

import pytest

from jitcore import App
from jitcore.errors import AppError, AppInvalid, NotAnApp


def test_a_link_to_itself_hides_nobody(open_app, write_app, things):
    """A link in a circle is no folder; what stands beside it is still found."""
    root = write_app(things)
    (root / "circle").symlink_to("circle")
    (root / "things" / "circle").symlink_to("circle")
    app = open_app({})
    assert app.check() == []
    assert app.getElement("things.Hello").greet("you") == "Hello you"


def test_folders_that_link_to_each_other_end(open_app, write_app, things):
    """Each folder is entered once on one way, however many links lead back."""
    root = write_app({**things, "first/Meta/e.json": {"type": "", "title": "First"}, "second/keep.txt": ""})
    for number in range(3):
        (root / "first" / f"to{number}").symlink_to("../second")
        (root / "second" / f"to{number}").symlink_to("../first")
    app = open_app({})
    assert app.check() == []
    assert sorted(name for name in app.elements if name.startswith(("first", "second"))) == [
        "first.Meta",
        "second.to0.Meta",
        "second.to1.Meta",
        "second.to2.Meta",
    ]


def test_an_app_json_that_is_a_folder_is_told(open_app, write_app, things):
    """What is called app.json and is no file is a problem, not an app without one."""
    (write_app(things) / "app.json").mkdir()
    with pytest.raises(AppInvalid, match="This is a folder"):
        open_app({})
    assert [problem.file for problem in open_app({}, strict=False).check()] == ["app.json"]


def test_an_app_json_that_links_to_nothing_is_told(open_app, write_app, things):
    """A deployment that lost the file behind the link does not run with the defaults."""
    (write_app(things) / "app.json").symlink_to("gone.json")
    with pytest.raises(AppInvalid, match=r"app\.json"):
        open_app({})


def test_a_path_that_no_file_can_have_is_no_app():
    """A NUL character ends as one sentence, not as an error of the operating system."""
    with pytest.raises(NotAnApp, match="no folder"):
        App("shop\0")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000], ids=["NUL", "too-long"])
def test_a_base_that_no_folder_can_be_is_located(open_app, name):
    """A path that the operating system refuses is a problem of the entry in extends."""
    with pytest.raises(AppInvalid) as caught:
        open_app({"app.json": {"extends": [{"path": name}]}})
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == ("extends-missing", "/extends/0")


def test_a_file_in_the_place_of_app_data_is_told(open_app, things):
    """Where data cannot be kept, the error says so and names the place."""
    app = open_app({**things, "appData": "in the way"})
    with pytest.raises(AppError, match="appData cannot be made"):
        assert app.app_data


@pytest.mark.parametrize("content", ["[]", '{"things.Hello": 1}', "{", '{"things.Hello": []}'])
def test_a_ledger_that_is_not_ours_counts_as_none(open_app, things, content):
    """Whatever happened to appData, announcing goes on as on the first day."""
    app = open_app({**things, "appData/elements.json": content})
    assert app.announce_changes().created == ["things.Hello"]

"""Where Python code stands: problems of Types point at the line that is wrong."""

from __future__ import annotations

import pytest

FAILURES = [
    ("import os\n\ndef broken(:\n    pass\n", "is not Python", 3, 12, None),
    ("from jitcore import Elment\n", "cannot import name 'Elment' from 'jitcore'.", 1, 1, 'Did you mean "Element"?'),
    ("import asynio\n", "No module named 'asynio'.", 1, 1, '"asyncio"'),
    ("import no_such_thing\n", "No module named 'no_such_thing'.", 1, 1, "Install what provides no_such_thing"),
    ("from things.PlianType import Thing\n", "No module named 'things.PlianType'.", 1, 1, "things.PlainType"),
    ('x = 1\nkey = {}["CANARY" + "x"]\n', "raised KeyError", 2, 7, None),
    ("class X: pass\nraise ValueError\n", "raised ValueError.", 2, 1, None),
]


@pytest.mark.parametrize(("code", "told", "line", "column", "hint"), FAILURES)
def test_a_failing_import_is_told_at_its_line(open_app, things, code, told, line, column, hint):
    """The line of the element's own code that raised, a caret, and what may have been meant."""
    things["things/Own/e.json"] = {"type": "things.Meta", "title": "x"}
    things["things/Own/__init__.py"] = code
    [problem] = open_app(things).check()
    assert (problem.code, problem.file) == ("type-import-failed", "things/Own/__init__.py")
    assert (problem.line, problem.column) == (line, column)
    assert told in problem.message
    assert problem.snippet is not None
    assert "CANARY" not in problem.snippet
    assert (hint in problem.hint) if hint else problem.hint is None


def own(things, code):
    """The files of the app with a Type ``things.Own`` of this code."""
    return {**things, "things/Own/e.json": {"type": "things.Meta", "title": "x"}, "things/Own/__init__.py": code}


def places(problem):
    """Where a problem stands, and where its related places do."""
    return (problem.file, problem.line), [(one.file, one.line) for one in problem.related]


@pytest.mark.parametrize(
    ("code", "line"),
    [("X = 1\nY = \n", 2), ("X = 1\n\nraise RuntimeError('no')\n", 3), ("import no_such_thing\n", 1)],
    ids=["syntax", "raises", "missing"],
)
def test_broken_commons_are_told_at_their_own_line(open_app, things, code, line):
    """A failure in shared code stands where it is, and the line of the element that led there beside it."""
    files = own(things, "import json\nimport commons.shared\n") | {"commons/shared.py": code}
    [problem] = open_app(files).check()
    assert problem.element == "things.Own"
    assert places(problem) == (("commons/shared.py", line), [("things/Own/__init__.py", 2)])


def test_a_helper_that_imports_broken_commons_is_the_related_place(open_app, things):
    """The related place is the line of the element nearest to the failure, through as many modules as there are."""
    files = own(things, "from ._helper import X\n") | {
        "things/Own/_helper.py": "\nfrom commons.one import X\n",
        "commons/one.py": "from commons.two import X\n",
        "commons/two.py": "X = \n",
    }
    [problem] = open_app(files).check()
    assert places(problem) == (("commons/two.py", 1), [("things/Own/_helper.py", 2)])


def test_another_elements_broken_code_is_told_where_it_is(open_app, things):
    """A Type that imports a broken one has the same place, and says how it gets there."""
    files = own(things, "\nfrom things.Other import Thing\n") | {
        "things/Other/e.json": {"type": "things.Meta", "title": "x"},
        "things/Other/__init__.py": "class Thing(:\n    pass\n",
    }
    other, mine = sorted(open_app(files).check(), key=lambda problem: problem.element)
    assert [other.element, mine.element] == ["things.Other", "things.Own"]
    assert places(other) == (("things/Other/__init__.py", 1), [])
    assert places(mine) == (("things/Other/__init__.py", 1), [("things/Own/__init__.py", 2)])


def test_broken_commons_of_a_base_app_are_told_with_their_path(open_app, write_app, things):
    """What lies in another app folder is named by its absolute path."""
    base = write_app({"app.json": {"name": "base"}, "commons/shared.py": "X = \n"}, "base")
    files = own(things, "from commons.shared import X\n") | {
        "app.json": {"name": "shop", "extends": [{"path": "../base"}]}
    }
    [problem] = open_app(files).check()
    assert places(problem) == ((str(base / "commons/shared.py"), 1), [("things/Own/__init__.py", 1)])


@pytest.mark.parametrize("code", ["import json\njson.loads('{')\n", "import json\nimport broken_library\n"])
def test_code_that_fails_elsewhere_has_no_line(open_app, write_app, things, code, monkeypatch):
    """What fails in a library points at the line of the folder that led there, also when the library is in the app's
    virtual environment."""
    library = write_app({".venv/lib/broken_library.py": "X = 1\nraise ValueError\n"}) / ".venv/lib"
    monkeypatch.syspath_prepend(str(library))
    [problem] = open_app(own(things, code)).check()
    assert places(problem) == (("things/Own/__init__.py", 2), [])


def test_an_unmet_contract_points_at_the_class_and_at_the_contract(open_app, things):
    """The class that lacks something, and the Protocol that asks for it."""
    things["things/Own/e.json"] = {"type": "things.Meta", "title": "x"}
    things["things/Own/__init__.py"] = (
        "from jitcore import Element, Loader as Base\n\n\nclass Own(Element):\n    pass\n\n\n"
        "class Loader(Base):\n    elementClass = Own\n"
    )
    [problem] = open_app(things).check()
    assert (problem.code, problem.file, problem.line) == ("contract-unmet", "things/Own/__init__.py", 4)
    assert "things.Own.Own lacks greet" in problem.message
    [related] = problem.related
    assert (related.file, related.line) == ("things/Meta/__init__.py", 4)


def test_a_class_made_elsewhere_leaves_the_definition(open_app, things):
    """Without a line of its own the problem stands at the e.json."""
    things["things/Own/e.json"] = {"type": "things.Meta", "title": "x"}
    things["things/Own/__init__.py"] = (
        "from jitcore import Element, Loader as Base\n\n\n"
        "class Loader(Base):\n    elementClass = type('Made', (Element,), {})\n"
    )
    [problem] = open_app(things).check()
    assert (problem.code, problem.file, problem.line) == ("contract-unmet", "things/Own/e.json", None)

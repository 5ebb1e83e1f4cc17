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


def test_code_that_fails_elsewhere_has_no_line(open_app, things):
    """What fails outside the element's folder points at the line of the folder that led there."""
    things["commons/shared.py"] = "raise RuntimeError('no')\n"
    things["things/Own/e.json"] = {"type": "things.Meta", "title": "x"}
    things["things/Own/__init__.py"] = "import json\nimport commons.shared\n"
    [problem] = open_app(things).check()
    assert (problem.file, problem.line) == ("things/Own/__init__.py", 2)


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

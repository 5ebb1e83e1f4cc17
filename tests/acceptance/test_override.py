"""Overriding corps.QywxProxyType from the app folder, and taking it away again."""

from __future__ import annotations

import shutil

import pytest

from jitcore import App

OVERRIDE = """
from jit_qywx.corps.QywxProxyType import Loader as ShippedLoader
from jit_qywx.corps.QywxProxyType import QywxProxyCorp as Shipped


class QywxProxyCorp(Shipped):
    def getMembers(self, status=None):
        return sorted(super().getMembers(status), key=lambda member: member.memberId, reverse=True)

    def headcount(self):
        return len(self.getMembers("active"))


class Loader(ShippedLoader):
    elementClass = QywxProxyCorp
"""


@pytest.fixture
def overriding(authorised_app):
    """The sample app with a folder corps/QywxProxyType of its own."""
    folder = authorised_app / "corps" / "QywxProxyType"
    folder.mkdir()
    (folder / "e.json").write_text('{"type": "corps.Meta", "title": "Ours"}')
    (folder / "__init__.py").write_text(OVERRIDE)
    return authorised_app


def test_an_override_adds_and_changes_methods(overriding):
    """All instances use the override; the shipped class still does the work below it."""
    with App(overriding) as app:
        corp = app.getElement("corps.CorpA")
        corp.initCorp()
        members = [member.memberId for member in corp.getMembers()]
        assert members == sorted(members, reverse=True)
        assert corp.headcount() == 7
        assert app.explain("corps.QywxProxyType").winner.kind == "app"
        assert [definition.kind for definition in app.explain("corps.QywxProxyType").shadowed] == ["shipped"]
        assert app.check() == []


def test_without_the_folder_the_shipped_type_is_back(overriding):
    """Removing the folder restores the shipped Type, and the data stays."""
    with App(overriding) as app:
        app.getElement("corps.CorpA").initCorp()
    shutil.rmtree(overriding / "corps" / "QywxProxyType")
    with App(overriding) as app:
        corp = app.getElement("corps.CorpA")
        assert not hasattr(corp, "headcount")
        assert len(corp.getMembers()) == 7


def test_an_override_that_is_no_corp_is_refused(overriding):
    """A class that offers nothing of a corp is refused, naming both sides and what is missing."""
    (overriding / "corps" / "QywxProxyType" / "__init__.py").write_text(
        "from jitcore import Element, Loader as Base\n\n\nclass Stub(Element):\n    pass\n\n\n"
        "class Loader(Base):\n    elementClass = Stub\n"
    )
    with App(overriding) as app:
        problems = [problem for problem in app.check() if problem.code == "override-refused"]
        assert len(problems) == 1
        assert "Stub" in problems[0].message
        assert "QywxProxyCorp" in problems[0].message
        assert "syncCorp" in problems[0].message

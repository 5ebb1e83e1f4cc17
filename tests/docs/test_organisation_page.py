"""docs/wecom-organisation.md: every method and property of corps.QywxProxyType, each in a snippet that runs."""

from __future__ import annotations

import inspect
import re

import pytest

from jit_qywx.corps.QywxProxyType import QywxProxyCorp
from jitcore import Element
from tests.fixtures.pages import ROOT, snippets

PAGE = ROOT / "docs" / "wecom-organisation.md"
#: What JitAi's page of the Type documents.
METHODS = [
    "initCorp",
    "getRootDept",
    "setUserRole",
    "syncCorp",
    "getClient",
    "getAgentId",
    "getThirdCorpData",
    "bulkRegister",
    "offlineMember",
    "getDepts",
    "getMembers",
    "getMember",
    "getDept",
]
PROPERTIES = ["corpId", "authFullName", "corpFullName", "title"]


def told() -> list[str]:
    """The names in the first column of the page's tables."""
    return re.findall(r"`(\w+)[`(]", "\n".join(re.findall(r"^\| (`[^|]+) \|", PAGE.read_text("utf-8"), re.MULTILINE)))


def test_every_public_name_is_at_a_glance() -> None:
    """What an organisation has beyond any element is in a table, with nothing that is gone."""
    own = {
        name
        for name, _ in inspect.getmembers_static(QywxProxyCorp)
        if not name.startswith("_") and not hasattr(Element, name)
    }
    assert own - {"clock"} <= set(told())
    assert {name for name in told() if name[0].islower()} - {"strictRoles"} <= own | {"title"}


@pytest.mark.parametrize("name", METHODS)
def test_a_documented_method_is_called(name: str) -> None:
    """A reader can copy a call of it that works."""
    python = "\n".join(one.body for one in snippets(PAGE) if one.language == "python" and one.title is None)
    assert re.search(rf"\b(?:corp|enterprise|QywxProxyCorp)\.{name}\(", python)


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_documented_property_is_read(name: str) -> None:
    """A reader can copy a line that reads it."""
    python = "\n".join(one.body for one in snippets(PAGE) if one.language == "python" and one.title is None)
    assert re.search(rf"\bcorp\.{name}\b", python)

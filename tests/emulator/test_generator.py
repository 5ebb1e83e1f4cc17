"""Generated organisations: any size, the same every time."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from jit_qywx.emulator import Org


def content(org):
    """Everything in an organisation, comparable."""
    return list(org.departments.values()), list(org.members.values()), list(org.tags.values())


def test_same_arguments_same_organisation():
    """The same seed and sizes give the same organisation; another seed another."""
    assert content(Org.generate(3, 50, 9, 4)) == content(Org.generate(3, 50, 9, 4))
    assert content(Org.generate(3, 50, 9, 4)) != content(Org.generate(4, 50, 9, 4))


@pytest.mark.parametrize(("members", "departments", "tags"), [(0, 1, 0), (1, 1, 1), (3, 200, 2), (1000, 5, 40)])
def test_any_size(members, departments, tags):
    """The sizes are exactly those asked for, every parent exists, every place exists."""
    org = Org.generate(1, members, departments, tags)
    assert (len(org.members), len(org.departments), len(org.tags)) == (members, departments, tags)
    assert all(item.parent in org.departments for item in org.departments.values() if item.id != 1)
    assert all(place in org.departments for member in org.members.values() for place in member.departments)
    assert len(org.below([1])) == departments


def test_siblings_have_different_names():
    """No two departments under one parent share a name, and no two userids differ by case alone."""
    org = Org.generate(5, 3000, 300, 3)
    names = Counter((item.parent, item.name) for item in org.departments.values())
    assert max(names.values()) == 1
    assert len({userid.lower() for userid in org.members}) == 3000


def test_people_look_like_people():
    """Names are Chinese, most members are active, some are not, some sit in two departments, departments have heads."""
    org = Org.generate(5, 2000, 40, 3)
    statuses = Counter(member.status for member in org.members.values())
    assert set(statuses) == {1, 2, 4}
    assert statuses[1] > 1700
    assert any(len(member.places) == 2 for member in org.members.values())
    assert all(org.leaders(number) for number in org.departments)
    assert all("\u4e00" <= member.name[0] <= "\u9fff" for member in org.members.values())


def test_fourth_tag_holds_a_department():
    """Every fourth tag holds a department besides members."""
    org = Org.generate(5, 100, 10, 8)
    assert [bool(tag.departments) for tag in org.tags.values()] == [False, False, False, True] * 2


def test_a_large_organisation_takes_seconds():
    """20,000 members in 1,000 departments are made in well under the time a test may take."""
    started = time.process_time()
    Org.generate(1, 20_000, 1_000, 100, root="大企业")
    assert time.process_time() - started < 5

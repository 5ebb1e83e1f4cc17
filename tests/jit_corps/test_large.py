"""Organisations too large to be held at once: planned in parts, published as any other, on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jit_corps.history import replay
from jit_corps.parts import Whole
from jit_corps.rows import row_dict, row_key
from jit_corps.snapshot import KINDS, MEMBERS
from jit_corps.state import read_parts
from tests.jit_corps.applying import applied
from tests.jit_corps.scripted import CORP, crowd, snapshot
from tests.jit_corps.test_publish import STORY

TAGS = {"tag:1": ["m001", "m007"], "tag:2": [f"m{number:03}" for number in range(20, 40)]}
#: Among 47 members somebody leaves, comes, changes, gets another tag.
STAFF = snapshot(crowd(47), tags=TAGS)
CHANGED = snapshot(
    [crowd(50)[0]._replace(name="X"), *crowd(50)[2:]], tags={**TAGS, "tag:1": ["m003"]}, unconfirmed=["m044"]
)


@pytest.fixture(params=[1, 10])
def large(bench, monkeypatch, request):
    """An engine for which nearly everything is too large."""
    bench.engine = replace(bench.engine, members_at_once=request.param)
    monkeypatch.setattr("jit_corps.state.PAGE", 2)
    monkeypatch.setattr("jit_corps.spool.BLOCK", 2)
    return bench


@pytest.mark.every_database
@pytest.mark.parametrize("story", [STORY, [STAFF, CHANGED, CHANGED, STAFF]], ids=["small", "staff"])
def test_published_in_parts(large, story):
    """Run after run the tables hold what a plan of everything at once gives, and the history leads there."""
    for told in story:
        before = large.state
        expected = applied(large.plan(told), before)
        report = large.sync(told)
        assert large.state == expected
        assert report.generation == expected.generation
    records = replay(large.storage, CORP)
    tables = (expected.departments, expected.members, expected.memberships, expected.roles)
    rows = dict(zip(KINDS, [*(table.values() for table in tables), expected.grants], strict=True))
    for kind in KINDS:
        values = {
            row_key(kind, row): {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in list(row_dict(row).items())[len(row_key(kind, row)) :]
                if value is not None
            }
            for row in rows[kind]
        }
        assert records[kind] == values


def test_the_same_told_again_writes_nothing(large):
    """In parts, too, a run that finds nothing changed writes its own row and its claim, and no other."""
    large.sync(STAFF)
    with large.storage.counting() as count:
        report = large.sync(STAFF)
    assert report.changes == 0
    written = [statement.sql for statement in count.statements if statement.kind == "write"]
    assert len(written) == 4
    assert all("corp_sync" in sql for sql in written)


def test_no_part_holds_many_members(bench, monkeypatch):
    """Of a thousand members about a tenth is planned at a time, and few are read from the database at a time."""
    monkeypatch.setattr("jit_corps.state.PAGE", 100)
    everybody = snapshot(crowd(1_000))
    bench.sync(everybody)
    with bench.storage.counting() as count:
        parts = read_parts(bench.storage, CORP, everybody, "Shop", bench.clock(), 100)
    sizes = [(len(part.snapshot.members), len(part.state.members), len(part.state.memberships)) for part in parts]
    assert len(sizes) == 10
    assert max(max(one) for one in sizes) < 150
    assert [sum(column) for column in zip(*sizes, strict=True)] == [1_000] * 3
    assert count.reads <= 2 * 11 + 7


def test_a_hundred_thousand_unchanged_members_take_few_statements(bench):
    """An unchanged run over an ordinary organisation reads each table once, as one part: its size adds nothing."""
    bench.sync(STAFF)
    assert bench.engine.members_at_once >= 100_000
    assert isinstance(bench.engine.parts(STAFF, bench.clock()), Whole)
    with bench.storage.counting() as count:
        bench.sync(STAFF)
    assert count.total <= 40
    assert not [one.sql for one in count.statements if one.kind == "write" and "corp_sync" not in one.sql]


def test_a_saved_plan_of_parts_is_the_plan(large, tmp_path):
    """Planned twice in parts, the plan is the same to the last change, and that of everything at once."""
    large.sync(STAFF)
    fetch = lambda _known, *, confirm, progress: CHANGED  # noqa: E731 - a provider in one line
    plans = [large.engine.plan(fetch, approve=None, progress=lambda *_: None) for _ in range(2)]
    whole = large.plan(CHANGED)
    assert {plan.digest for plan in plans} == {whole.digest}
    assert [row.before.memberId for row in plans[0].kinds[MEMBERS].removed] == ["m001"]
    assert plans[0].to_json() == whole.to_json()

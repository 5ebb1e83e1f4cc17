"""Where nobody is kept, everybody is planned as new: with the plan that comparing would have made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit_corps.newcomers import Newcomers
from jit_corps.observations import note
from jit_corps.parts import Cut
from jit_corps.plan import make_plan, plan_guarded, plan_parts, plan_parts_guarded
from jit_corps.rows import LocalState, in_order
from jit_corps.snapshot import KINDS, MEMBERS, MEMBERSHIPS, GrantRecord, MemberRecord, Membership, RoleRecord
from jit_corps.state import read_parts
from tests.jit_corps.scripted import CORP, crowd, snapshot
from tests.jit_corps.strategies import dept_ids, snapshots
from tests.jit_corps.test_parts import content, more_ids, persons

NOBODY = LocalState(CORP, "Shop")
#: Members who are told more than once, alike or not, in departments that are told or not.
told_again = st.lists(
    st.builds(
        MemberRecord,
        memberId=more_ids,
        name=st.sampled_from([None, "", "Ann", "Bob"]),
        active=st.sampled_from([True, False, None]),
        reason=st.sampled_from([None, "quit"]),
        departments=st.lists(st.builds(Membership, dept_ids, st.integers(0, 2), st.booleans()), max_size=3).map(tuple),
        openUserId=persons,
    ),
    max_size=6,
)


@pytest.fixture(autouse=True, scope="module")
def tiny_blocks():
    """Hardly a row stays in memory, and hardly two are worked on at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jit_corps.spool.BLOCK", 2)
        patch.setattr("jit_corps.drawers.AT_ONCE", 3)
        yield


@settings(max_examples=2 * settings.default.max_examples)
@given(snapshots, told_again, st.integers(1, 5), st.sets(st.sampled_from(KINDS)).map(frozenset))
def test_the_plan_is_that_of_a_comparison(told, again, count, withhold):
    """Any organisation gets the plan that it gets beside an empty one, in however many parts."""
    told = replace(told, members=(*told.members, *again, *told.members[:2]))
    planned = plan_parts(Newcomers(told, NOBODY, count), withhold=withhold)
    assert content(planned) == content(make_plan(told, NOBODY, withhold=withhold))
    assert content(plan_parts_guarded(Newcomers(told, NOBODY, count))) == content(plan_guarded(told, NOBODY))


@pytest.mark.parametrize("count", range(1, 5))
def test_roles_that_stand_for_departments(count):
    """Who is in such a department, or below it, has the role once, in however many ways that is told."""
    everybody = snapshot(
        [*crowd(9), *crowd(3), MemberRecord("two", active=True, departments=(Membership("1"), Membership("2")))]
    )
    told = replace(
        everybody,
        roles=(RoleRecord("tag:1", "Day", deptIds=("1",)), RoleRecord("tag:2", "Night")),
        grants=(
            *(GrantRecord("m001", "tag:1", origin) for origin in ("tag", "dept", "dept")),
            *(GrantRecord(one, role) for one in ("m002", "nobody") for role in ("tag:2", "tag:2", "tag:3")),
        ),
    )
    planned = plan_parts(Newcomers(told, NOBODY, count))
    assert content(planned) == content(make_plan(told, NOBODY))
    assert planned.strangers == len(planned.kinds[MEMBERS].added) == 10
    assert ("1", "two", 0, False) in list(planned.kinds[MEMBERSHIPS].added)


def test_only_who_comes_to_nobody_is_a_newcomer(bench):
    """What was published before is compared, and so is what was read singly since."""
    told, began = snapshot(crowd(5)), bench.clock()

    def parts():
        return read_parts(bench.storage, CORP, told, "Shop", began, 2)

    assert isinstance(parts(), Newcomers)
    with bench.storage.transaction():
        note(bench.storage, CORP, [(MEMBERS, "m001", True)], began + 1)
    assert isinstance(parts(), Cut)
    bench.sync(told)
    assert isinstance(parts(), Cut)


@given(st.lists(st.tuples(dept_ids, more_ids, st.integers(0, 2)), unique_by=lambda row: row[:2]))
def test_order_is_that_of_the_keys(rows):
    """To put rows in order by what they hang on first gives the order of their keys."""
    assert in_order(rows) == sorted(rows)

"""Random organisations, and what may happen to them."""

from __future__ import annotations

from hypothesis import strategies as st

from jit_corps.snapshot import (
    KINDS,
    DeptRecord,
    GrantRecord,
    MemberRecord,
    Membership,
    RoleRecord,
    Scope,
    Snapshot,
)
from tests.jit_corps.scripted import CORP_ID

dept_ids = st.sampled_from(["1", "2", "3", "4", "5"])
member_ids = st.sampled_from(["ann", "bo", "cy", "di", "ed", "flo"])
role_ids = st.sampled_from(["tag:1", "tag:2", "tag:3"])
names = st.none() | st.sampled_from(["x", "y"])

dept_records = st.builds(
    DeptRecord,
    dept_ids,
    names,
    st.none() | dept_ids | st.just("99"),
    st.integers(0, 2),
    st.none() | st.just(("ann",)) | st.just(()),
)
memberships = st.builds(Membership, dept_ids | st.just("98"), st.integers(0, 2), st.booleans())
member_records = st.builds(
    # Not the type itself, all of whose fields would be drawn.
    lambda **told: MemberRecord(**told),
    memberId=member_ids,
    name=names,
    active=st.sampled_from([True, True, True, False, None]),
    reason=st.sampled_from([None, "disabled", "quit"]),
    departments=st.lists(memberships, max_size=3, unique_by=lambda place: place.deptId).map(tuple),
    position=names,
)
stood_for = st.none() | st.lists(dept_ids | st.just("98"), max_size=2).map(tuple)
scopes = st.builds(Scope, st.sampled_from(["wide", "wide", "wide", "narrow"]), st.just(""), st.booleans())
partial = st.lists(st.sampled_from(KINDS).map(lambda kind: f"{kind}: errcode 45009"), max_size=1).map(tuple)


def uniquely(records, key):
    """Lists with at most one record of each id."""
    return st.lists(records, max_size=6, unique_by=key).map(tuple)


snapshots = st.builds(
    Snapshot,
    st.just(CORP_ID),
    st.just("Shop Ltd"),
    uniquely(dept_records, lambda dept: dept.deptId),
    uniquely(member_records, lambda member: member.memberId),
    uniquely(st.builds(RoleRecord, role_ids, names, stood_for), lambda role: role.roleId),
    st.lists(st.builds(GrantRecord, member_ids, role_ids, st.sampled_from(["tag", "dept"])), max_size=5).map(tuple),
    scopes,
    st.sampled_from([True, True, True, False]),
    partial | st.just(()) | st.just(()),
    st.frozensets(member_ids, max_size=2),
)
complete_snapshots = snapshots.filter(lambda told: told.complete and not told.incomplete and not told.unconfirmed)

#: What a person does: set offline or online, or set roles.
edits = st.tuples(st.just("offline"), member_ids, st.booleans()) | st.tuples(
    st.just("roles"), member_ids, st.lists(role_ids | st.just("admin"), max_size=2, unique=True)
)
steps = st.lists(snapshots | edits, min_size=1, max_size=7)

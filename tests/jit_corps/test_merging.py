"""Several records of one thing become one, whatever their order."""

from __future__ import annotations

from jit_corps.merging import merged
from jit_corps.snapshot import DeptRecord, GrantRecord, MemberRecord, Membership, RoleRecord
from tests.jit_corps.scripted import snapshot


def both_ways(**told):
    """Merged forwards and backwards."""
    yield merged(snapshot(**{"departments": (), **told}))
    yield merged(snapshot(**{"departments": (), **{name: records[::-1] for name, records in told.items()}}))


def test_a_member_listed_once_per_department_is_one_member():
    """With all the departments, and every field that any of the listings told."""
    listed = (
        MemberRecord("ann", "Ann", None, departments=(Membership("1", 3),)),
        MemberRecord("ann", None, True, departments=(Membership("2"),), position="cook"),
    )
    for told in both_ways(people=listed):
        (ann,) = told.members
        assert (ann.name, ann.active, ann.position) == ("Ann", True, "cook")
        assert {place.deptId: place.order for place in ann.departments} == {"1": 3, "2": 0}


def test_contradicting_listings_are_settled_by_value():
    """Active wins over disabled, and a reason goes with being offline only."""
    (first, second) = (MemberRecord("ann", active=False, reason="quit"), MemberRecord("ann", active=True))
    for told in both_ways(people=(first, second)):
        assert (told.members[0].active, told.members[0].reason) == (True, None)
    for told in both_ways(people=(first, second._replace(active=None))):
        assert (told.members[0].active, told.members[0].reason) == (False, "quit")
    for told in both_ways(people=(second._replace(active=None), MemberRecord("ann"))):
        assert told.members[0].active is None


def test_a_membership_told_twice_is_one():
    """Leader if any says so, at the greater order."""
    places = (Membership("1", 3, isLeader=False), Membership("1", 2, isLeader=True), Membership("2"))
    told = merged(snapshot([MemberRecord("ann", departments=places)]))
    assert set(told.members[0].departments) == {Membership("1", 3, isLeader=True), Membership("2")}


def test_a_department_told_twice_is_one():
    """Leaders are joined; not told stays not told."""
    told = (DeptRecord("2", None, "1", 3, ("bo",)), DeptRecord("2", "Two", None, 5, ("ann",)))
    for both in both_ways(departments=told):
        assert both.departments == (DeptRecord("2", "Two", "1", 5, ("ann", "bo")),)
    (untold,) = merged(snapshot(departments=(DeptRecord("2"), DeptRecord("2", "Two")))).departments
    assert untold.leaderIds is None


def test_roles_and_grants_told_twice_are_one():
    """And a role that only a grant names is a role."""
    told = merged(
        snapshot(
            roles=(RoleRecord("tag:1"), RoleRecord("tag:1", "One")),
            grants=(GrantRecord("ann", "tag:1"), GrantRecord("ann", "tag:1"), GrantRecord("ann", "tag:2")),
        )
    )
    assert set(told.roles) == {RoleRecord("tag:1", "One"), RoleRecord("tag:2", None)}
    assert len(told.grants) == 2

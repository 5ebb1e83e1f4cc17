"""An organisation of any size as the sync engine gets it, without a network: the same one for the same size."""

from __future__ import annotations

import random

from jit_corps.snapshot import DeptRecord, GrantRecord, MemberRecord, Membership, RoleRecord, Scope, Snapshot

#: Members of a department, on average, and the departments below one.
DEPARTMENT_SIZE = 20
CHILDREN = 8
TAGS = 20


def organisation(members: int) -> Snapshot:
    """A tree of departments, every fifth member in two of them, and tags that a twentieth of the members have."""
    draw = random.Random(members)
    count = max(1, members // DEPARTMENT_SIZE)
    departments = tuple(
        DeptRecord(
            deptId=str(number + 1),
            name=f"部门 {number + 1}",
            parentId=str((number - 1) // CHILDREN + 1) if number else None,
            order=count - number,
        )
        for number in range(count)
    )
    people = tuple(_member(number, count, draw) for number in range(members))
    roles = tuple(RoleRecord(f"tag:{number}", f"标签 {number}") for number in range(1, TAGS + 1))
    grants = tuple(
        GrantRecord(memberId=member.memberId, roleId=role.roleId)
        for role in roles
        for member in draw.sample(people, max(1, members // 20))
    )
    return Snapshot(
        corpId="wwbench0000000001",
        corpName="示例企业",
        departments=departments,
        members=people,
        roles=roles,
        grants=grants,
        scope=Scope(digest="everything", summary="everything", hasRoot=True),
        complete=True,
        calls=count,
    )


def _member(number: int, departments: int, draw: random.Random) -> MemberRecord:
    places = {number % departments}
    if number % 5 == 0:
        places.add(draw.randrange(departments))
    return MemberRecord(
        memberId=f"member{number:06}",
        name=f"成员 {number}",
        active=True,
        departments=tuple(Membership(str(place + 1), order=number) for place in sorted(places)),
        mainDeptId=str(number % departments + 1),
        position="工程师",
        alias=f"m{number}",
        gender="12"[number % 2],
    )

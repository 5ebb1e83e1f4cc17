"""What is kept of an organisation, as the plain dictionary that JitAi's sibling Types return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_corps.rows import ACTIVE

if TYPE_CHECKING:
    from jit_corps.reading import Reader

__all__ = ["local_data"]


def local_data(reader: Reader) -> dict[str, Any]:
    """``userList deptList deptMemberList roleList roleMemberSet`` of one corp."""
    paths: dict[str | None, str] = {None: ""}
    depts = []
    for dept in reader.depts():
        # Parents come first, so theirs is known.
        paths[dept.deptId] = f"{paths[dept.parentId]}/{dept.name or dept.deptId}"
        depts.append({"deptId": dept.deptId, "name": dept.name, "parentId": dept.parentId, "path": paths[dept.deptId]})
    return {
        "userList": [
            {"memberId": one.memberId, "userId": one.userId, "name": one.name, "nick": one.nick, "status": one.status}
            for one in reader.members(ACTIVE)
        ],
        "deptList": depts,
        "deptMemberList": [
            {"deptId": one.deptId, "memberId": one.memberId, "order": one.order, "isLeader": one.isLeader}
            for one in reader.memberships()
        ],
        "roleList": [{"roleId": one.roleId, "name": one.name, "isCustom": one.isCustom} for one in reader.roles()],
        "roleMemberSet": [
            {"roleId": one.roleId, "memberId": one.memberId, "isCustom": one.isCustom} for one in reader.role_members()
        ],
    }

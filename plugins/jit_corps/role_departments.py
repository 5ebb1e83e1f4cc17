"""Who has a role because it stands for their department, or for one above it. Pure.

Upstream names the departments; whom that means follows from the tree and the memberships as they are kept here. So a
member who moves gets and loses such roles without upstream saying another word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

__all__ = ["Holders", "above", "below", "children_of", "holders"]


def holders(
    stands_for: Mapping[str, Collection[str]],
    parents: Mapping[str, str | None],
    places: Iterable[tuple[str, str]],
) -> Iterator[tuple[str, str]]:
    """Ids of role and member for everybody in and below a role's departments, with repeats.

    :param stands_for: each role's departments.
    :param parents: each department's parent.
    :param places: ids of department and member.
    """
    return Holders(stands_for, parents).of(places)


class Holders:
    """What :func:`holders` tells, of one portion of the members after another.

    :param stands_for: each role's departments.
    :param parents: each department's parent.
    """

    def __init__(self, stands_for: Mapping[str, Collection[str]], parents: Mapping[str, str | None]) -> None:
        self._parents = parents
        self._given: dict[str, list[str]] = {}
        for roleId, deptIds in stands_for.items():
            for deptId in deptIds:
                self._given.setdefault(deptId, []).append(roleId)
        self._found: dict[str, tuple[str, ...]] = {}

    def of(self, places: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Ids of role and member, with repeats.

        :param places: ids of department and member.
        """
        found, given = self._found, self._given
        for deptId, memberId in places if given else ():
            roleIds = found.get(deptId)
            if roleIds is None:
                above_it = above(deptId, self._parents)
                roleIds = found[deptId] = tuple({one for at in above_it for one in given.get(at, ())})
            for roleId in roleIds:
                yield roleId, memberId


def children_of(parents: Mapping[str, str | None]) -> dict[str, list[str]]:
    """The departments directly below each."""
    children: dict[str, list[str]] = {}
    for deptId, parentId in parents.items():
        if parentId is not None:
            children.setdefault(parentId, []).append(deptId)
    return children


def above(deptId: str, parents: Mapping[str, str | None]) -> set[str]:
    """The department and everything above it; a cycle ends where it closes."""
    found: set[str] = set()
    current: str | None = deptId
    while current is not None and current not in found:
        found.add(current)
        current = parents.get(current)
    return found


def below(deptIds: Iterable[str], children: Mapping[str, Sequence[str]]) -> set[str]:
    """The departments and everything below them; a cycle ends where it closes."""
    found: set[str] = set()
    waiting = list(deptIds)
    while waiting:
        deptId = waiting.pop()
        if deptId not in found:
            found.add(deptId)
            waiting.extend(children.get(deptId, ()))
    return found

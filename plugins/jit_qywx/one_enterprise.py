"""Makes sure that all of a reading is of one enterprise, although its token is replaced on the way.

With a token that WeCom answered for another enterprise, other people are told, in records as well-formed as the right
ones; only ``agent/get`` says whose it is, by an AgentId that many enterprises share. So whoever was listed before is
asked for with the new token, and has to be found as they were listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from jit_qywx.errors import ForeignAnswer, NotFound, PermissionDenied, TokenReplaced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jit_corps.snapshot import MemberRecord
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.listing import Listing
    from jit_qywx.mapping import Mapper

__all__ = ["WITNESSES", "OneEnterprise", "is_known", "is_vouched_for"]

#: Members who are asked for to tell an enterprise by: one of them may have left or moved meanwhile.
WITNESSES = 3

T = TypeVar("T")


class OneEnterprise:
    """Proves the tokens of one reading.

    :param client: the enterprise's client.
    """

    def __init__(self, client: QywxProxyClient) -> None:
        #: The client to read with.
        self.client = client.proving(self._prove)
        self._listing: Listing | None = None
        self._mapper: Mapper | None = None

    def is_listed_in(self, listing: Listing, mapper: Mapper) -> None:
        """Have those vouch whom this listing holds, which is being filled."""
        self._listing, self._mapper = listing, mapper

    def _prove(self, client: QywxProxyClient) -> None:
        if self._listing is None or self._mapper is None or not self._listing.first:
            raise TokenReplaced(client.corpId)
        if not is_vouched_for(client, self._listing.first, self._mapper):
            raise ForeignAnswer(
                f"WeCom gave another token for enterprise {client.corpId} in the middle of a reading, and with it the"
                " members listed before are not found as they were: this looks like the answer for another enterprise."
                " Nothing of the reading is used.",
                corpId=client.corpId,
                hint="Run it again: it begins anew. If that fails as well, have the enterprise authorise again.",
            )


def is_vouched_for(client: QywxProxyClient, members: Sequence[MemberRecord], mapper: Mapper) -> bool:
    """Whether a client's token finds most of some members as they were listed before, which is fewer than all.

    :param members: who was listed, :data:`WITNESSES` of them at most.
    :raises ApiError: a call was refused for another reason than that there is no such member.
    :raises TransportError: a call got no usable answer.
    """

    def is_as_listed(member: MemberRecord) -> bool:
        told = _asked_for(client, member.memberId)
        return told is not None and _is_same(member, mapper.member(told, listed_in=None, call="user/get"))

    return _most(members, is_as_listed)


def is_known(client: QywxProxyClient, memberIds: Sequence[str]) -> bool:
    """Whether a client's token finds most of some members of whom only the ids are known; raises the same."""

    def is_there(memberId: str) -> bool:
        told = _asked_for(client, memberId)
        return told is not None and told.get("userid") == memberId

    return _most(memberIds, is_there)


def _most(some: Sequence[T], holds: Callable[[T], bool]) -> bool:
    """Whether it holds for more than half of them; asks about no more than it takes to know."""
    found = missed = 0
    for one in some:
        if holds(one):
            found += 1
        else:
            missed += 1
        if 2 * max(found, missed) > len(some):
            break
    return found > missed


def _asked_for(client: QywxProxyClient, userId: str) -> dict[str, Any] | None:
    try:
        return client.user.get(userId)
    except (NotFound, PermissionDenied):
        return None


def _is_same(one: MemberRecord, other: MemberRecord) -> bool:
    """Whether two records are one person's, who may have moved. Plain ids are alike everywhere, names are not."""
    if one.memberId != other.memberId:
        return False
    if one.name is not None and other.name is not None:
        return one.name == other.name
    places = {place.deptId for place in one.departments}
    return any(place.deptId in places for place in other.departments)

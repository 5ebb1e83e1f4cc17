"""Takes the text of a list of members apart, without reading it, and puts some of it together again.

JSON writes no quote inside of a text as it is. So what stands between two members here stands nowhere else than between
two objects of which the second begins with ``userid``: nearly always two members. Whether they were, is for whoever has
read the list to say: :func:`are_of`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MemberTexts", "are_of", "memberId_of"]

_BEFORE = b'"userlist":[{"userid":'
_NOBODY = b'"userlist":[]'
_BETWEEN = b'},{"userid":'
_AFTER = b"}]"


class MemberTexts(NamedTuple):
    """The text of an answer to ``user/list``, in pieces.

    :param each: what it says of each member, from the id on.
    """

    head: bytes
    each: list[bytes]
    tail: bytes

    @classmethod
    def of(cls, text: bytes) -> MemberTexts | None:
        """The pieces of a text; ``None`` when it is not made like that, as one of nobody."""
        head, before, rest = text.partition(_BEFORE)
        inside, after, tail = rest.rpartition(_AFTER)
        return cls(head, inside.split(_BETWEEN), tail) if before and after else None

    def only(self, some: Iterable[bytes]) -> bytes:
        """The text that tells of some of them, or of nobody, and says all else as well."""
        told = _BETWEEN.join(some)
        return b"".join((self.head, *((_BEFORE, told, _AFTER) if told else (_NOBODY,)), self.tail))


def are_of(each: Sequence[bytes], memberIds: Sequence[str]) -> bool:
    """Whether each piece tells of one of these members, in this order, and says the id as it is."""
    if len(memberIds) != len(each):
        return False
    return all(piece.startswith(b'"%s"' % memberId.encode()) for piece, memberId in zip(each, memberIds, strict=True))


def memberId_of(piece: bytes) -> str:
    """The member of whom a piece tells that says the id as it is."""
    return piece[1 : piece.index(b'"', 1)].decode()

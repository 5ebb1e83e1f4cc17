"""Recognises what a department's list repeats of what it said, so that only the rest of it is read.

See :mod:`jit_corps.fingerprints` for why that is enough, and when it is believed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jit_corps.fingerprints import Fingerprint
from jit_corps.recall import Partly
from jit_qywx.client.user import User
from jit_qywx.listing import Repeated
from jit_qywx.member_texts import MemberTexts, are_of, memberId_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jit_corps.fingerprints import Digests
    from jit_corps.recall import Recall
    from jit_corps.snapshot import MemberRecord
    from jit_qywx.client import QywxProxyClient
    from jit_qywx.mapping import Mapper

__all__ = ["Page", "read_page"]


class Page(NamedTuple):
    """A department's list.

    :param told: what it tells and does not repeat.
    :param repeated: what it repeats; None when it repeats nothing.
    :param partly: who is who, when it repeats a part.
    :param fingerprint: how to know it again; None when it says nothing of who is in the department.
    """

    told: list[MemberRecord]
    repeated: Repeated | None = None
    partly: Partly | None = None
    fingerprint: Fingerprint | None = None

    @property
    def is_repeated(self) -> bool:
        """Whether it says what it said, and nothing else."""
        return self.repeated is not None and self.partly is None


def read_page(client: QywxProxyClient, recall: Recall, mapper: Mapper, deptId: str) -> Page:
    """Ask for a department's list, and read what it does not repeat.

    :raises ApiError: the call was refused.
    :raises TransportError: it got no usable answer.
    """
    answer = _Answer(mapper, deptId, recall.said(deptId), recall.digests)
    # Mapped here, while other threads wait for their answers.
    return answer.page(mapper.members(client.user.list_news(deptId, answer.news), listed_in=deptId))


class _Answer:
    """The answer to a call for a department's list.

    :param said: what it said before; None when that is not known.
    """

    def __init__(self, mapper: Mapper, deptId: str, said: Fingerprint | None, digests: Digests) -> None:
        self._mapper = mapper
        self._deptId = deptId
        self._said = said
        self._digests = digests
        self._text = b""
        self._digest = ""
        self._parted: _Parted | None = None

    def news(self, text: bytes) -> bytes:
        """The part of it that has to be read. It is asked for every answer, and a call that is repeated has several."""
        self._text, self._digest, self._parted = text, self._digests.digest(text), None
        if self._said is None:
            return text
        if self._said.digest == self._digest:
            return b""
        self._parted = _Parted.of(text, self._said, self._digests)
        return text if self._parted is None else self._parted.news

    def page(self, told: list[MemberRecord]) -> Page:
        """The list.

        :param told: what its news tells.
        """
        said, parted = self._said, self._parted
        if said is not None and said.digest == self._digest:
            return Page([], Repeated(self._text, said.members, self._read), fingerprint=said)
        if parted is None:
            return self._whole(told)
        memberIds = [member.memberId for member in told]
        partly = Partly(frozenset(map(memberId_of, parted.known)), frozenset(memberIds))
        is_plain = are_of(parted.unknown, memberIds) and partly.repeated.isdisjoint(memberIds)
        if not is_plain or not _are_in(told, self._deptId):
            # The pieces may not be its members.
            return self._whole(self._read(self._text))
        repeated = Repeated(parted.texts.only(parted.known), len(parted.known), self._read)
        return Page(told, repeated, partly, Fingerprint(self._digest, len(parted.marks), "".join(parted.marks)))

    def _whole(self, told: list[MemberRecord]) -> Page:
        if not _are_in(told, self._deptId):
            return Page(told)
        texts = MemberTexts.of(self._text)
        is_in_pieces = texts is not None and are_of(texts.each, [member.memberId for member in told])
        marks = "".join(map(self._digests.mark, texts.each)) if texts is not None and is_in_pieces else ""
        return Page(told, fingerprint=Fingerprint(self._digest, len(told), marks))

    @property
    def _read(self) -> Callable[[bytes], list[MemberRecord]]:
        # No method: whoever keeps it for later must not keep the answer with it.
        return partial(_read, self._mapper, self._deptId)


class _Parted(NamedTuple):
    """A list in pieces, some of which it said before.

    :param marks: of all pieces.
    """

    texts: MemberTexts
    marks: list[str]
    known: list[bytes]
    unknown: list[bytes]

    @classmethod
    def of(cls, text: bytes, said: Fingerprint, digests: Digests) -> _Parted | None:
        """``None`` when it has to be read as a whole: nothing of it is known, or something is there twice."""
        texts = MemberTexts.of(text) if said.marks else None
        if texts is None:
            return None
        marks, known = list(map(digests.mark, texts.each)), said.each
        parts: tuple[list[bytes], list[bytes]] = [], []
        for piece, mark in zip(texts.each, marks, strict=True):
            parts[mark not in known].append(piece)
        is_plain = 0 < len(parts[0]) == len(known.intersection(marks))
        return cls(texts, marks, *parts) if is_plain else None

    @property
    def news(self) -> bytes:
        """What has to be read of it, be it of nobody: whether it is a good answer stands beside the list."""
        return self.texts.only(self.unknown)


def _read(mapper: Mapper, deptId: str, text: bytes) -> list[MemberRecord]:
    return mapper.members(User.listed(text), listed_in=deptId)


def _are_in(members: Sequence[MemberRecord], deptId: str) -> bool:
    """Whether each of them says to be in the department, and none is listed twice."""
    if len({member.memberId for member in members}) < len(members):
        return False
    return all(any(place.deptId == deptId for place in member.departments) for member in members)

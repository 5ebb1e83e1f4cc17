"""Reads the tags of an enterprise, and makes grants of them.

Tags that the app may not read hide nobody: they leave the roles incomplete, and what is known of them stays.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from jit_corps.fingerprints import Fingerprint
from jit_corps.packing import GRANT_RECORDS
from jit_corps.rows import TAG
from jit_corps.spool import Packed
from jit_qywx.errors import NotFound, PermissionDenied
from jit_qywx.fanout import read_as_answered
from jit_qywx.mapping import Tag, record_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from jit_corps.fingerprints import Digests
    from jit_corps.progress import Progress
    from jit_corps.snapshot import GrantRecord, Records
    from jit_qywx.client import QywxProxyClient

__all__ = ["fingerprints_of", "grants_of", "read_tags"]


def read_tags(
    client: QywxProxyClient,
    pool: Executor,
    progress: Progress,
    known: Mapping[str, Tag],
    keep: Callable[[str, Tag], object],
    meanwhile: Callable[[], None],
) -> tuple[dict[str, Tag], list[str]]:
    """Every tag with who has it, and why some could not be read.

    :param known: tags that were read before and are not asked for again.
    :param keep: is given each tag that was read, with its id.
    :param meanwhile: work to do while tags are waited for.
    """
    try:
        names = {record_id(tag, "tagid", call="tag/list"): tag.get("tagname") for tag in client.tag.list()}
    except PermissionDenied as error:
        meanwhile()
        return {}, [_refused(error)]

    def read(tagId: str) -> Tag | NotFound | PermissionDenied:
        try:
            return Tag.of(tagId, {"tagname": names[tagId], **client.tag.get(tagId)})
        except (NotFound, PermissionDenied) as error:
            return error

    tags = {tagId: tag for tagId, tag in known.items() if tagId in names}
    incomplete: list[str] = []
    missing = [tagId for tagId in names if tagId not in tags]
    for tagId, result in read_as_answered(pool, "roles", missing, read, progress, meanwhile):
        if isinstance(result, PermissionDenied):
            incomplete = incomplete or [_refused(result)]
        elif not isinstance(result, NotFound):
            # A tag that is unknown a moment after it was listed was deleted meanwhile.
            tags[tagId] = result
            keep(tagId, result)
    return {tagId: tags[tagId] for tagId in names if tagId in tags}, incomplete


def grants_of(tags: Mapping[str, Tag]) -> Records[GrantRecord]:
    """Whom the tags name. Whom a department under a tag stands for follows from the organisation."""
    return _Grants(tuple(tags.values()))


def fingerprints_of(tags: Iterable[Tag], digests: Digests) -> dict[str, Fingerprint]:
    """What the tags said, by the ids of their roles."""
    return {
        tag.role.roleId: Fingerprint(digests.digest("\n".join(sorted(tag.memberIds)).encode()), len(tag.memberIds))
        for tag in tags
    }


class _Grants(Packed):
    """The grants of some tags, made when they are asked for."""

    def __init__(self, tags: Sequence[Tag]) -> None:
        self._tags = tags

    def __len__(self) -> int:
        return sum(len(tag.memberIds) for tag in self._tags)

    def __iter__(self) -> Iterator[GrantRecord]:
        return map(GRANT_RECORDS.unpack, self.plain())

    def plain(self) -> Iterator[Any]:
        # By position, as a grant's record has them: there are as many as members.
        return chain.from_iterable(zip(tag.memberIds, repeat(tag.role.roleId), repeat(TAG)) for tag in self._tags)


def _refused(error: PermissionDenied) -> str:
    return f"roles: {error.call} was refused with errcode {error.errcode}"

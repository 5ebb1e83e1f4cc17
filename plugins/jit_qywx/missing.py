"""Asks WeCom about members who are known here and in no list: are they gone, or somebody else by now?

Nobody is gone because a list left them out. Each is asked for by ``user/get``, and only a clear answer counts; and when
so many are missing that it looks like a move from plain to encrypted ids, WeCom is asked which new id is whose.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

from jit_qywx.errors import CallerMistake, NotFound, PermissionDenied, QywxError
from jit_qywx.fanout import read_each

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from collections.abc import Set as AbstractSet
    from concurrent.futures import Executor

    from jit_corps.progress import Progress
    from jit_qywx.client import QywxProxyClient

__all__ = ["find_renames", "look_again"]

logger = logging.getLogger(__name__)

Record: TypeAlias = dict[str, Any]

#: The member is gone, or outside the visible range (document 90313).
_NO_MEMBER = 60111
#: So many ids batch/userid_to_openuserid takes (document 97104).
_CONVERTED = 1000


def look_again(
    client: QywxProxyClient, pool: Executor, progress: Progress, missing: Collection[str], confirm: int
) -> tuple[list[Record], frozenset[str]]:
    """Ask for members who were not listed: the records of those who are there after all, and who is in doubt.

    :param confirm: so many are asked for at most; the others are in doubt.
    """
    asked = sorted(missing)[: max(0, confirm)]

    def read(userId: str) -> Record | bool:
        """The record, or whether the member is gone for sure."""
        try:
            record = client.user.get(userId)
        except QywxError as error:
            return isinstance(error, NotFound) and error.errcode == _NO_MEMBER
        return record if str(record.get("userid")) == userId else False

    found: list[Record] = []
    unconfirmed = set(missing) - set(asked)
    for userId, result in read_each(pool, "absences", asked, read, progress):
        if isinstance(result, dict):
            found.append(result)
        elif not result:
            unconfirmed.add(userId)
    return found, frozenset(unconfirmed)


def find_renames(
    client: QywxProxyClient,
    pool: Executor,
    progress: Progress,
    listed: AbstractSet[str],
    everybody: Callable[[], Collection[str]],
) -> frozenset[tuple[str, str]]:
    """Old and new ids, when it looks as though the enterprise's ids became encrypted ones (document 97104).

    :param listed: ids of members who are listed.
    :param everybody: ids of all who were ever here: who is offline has to stay so under the new id.
    """
    if not listed:
        return frozenset()
    old = sorted(set(everybody()) - listed)
    chunks = [tuple(old[start : start + _CONVERTED]) for start in range(0, len(old), _CONVERTED)]

    def convert(asked: tuple[str, ...]) -> list[Record]:
        told: list[Record] = client.batch.userid_to_openuserid(asked)["open_userid_list"]
        return told

    pairs: set[tuple[str, str]] = set()
    try:
        for _, told in read_each(pool, "renames", chunks, convert, progress):
            pairs.update((str(one.get("userid")), str(one.get("open_userid"))) for one in told)
    except (PermissionDenied, NotFound, CallerMistake) as error:
        # Then nobody is taken for anybody else; that so many are missing is for the guard.
        logger.warning("%s was refused with errcode %d", error.call, error.errcode)
        return frozenset()
    return frozenset((old, new) for old, new in pairs if old != new and old not in listed and new in listed)

"""Which renames of members are to be believed, and what a member who was renamed several times is called now.

Only the event knows that a userid became another. It may be an old one that is delivered again after somebody else got
the old id; believing it then would hand that person's account to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["now_called"]


def now_called(
    pairs: Iterable[tuple[str, str]], present: Collection[str], gone: Collection[str]
) -> frozenset[tuple[str, str]]:
    """Pairs of an old id and the present one, out of pairs told by events in any order.

    A pair holds when nobody has the old id any more, or when whoever has it now was renamed to it in the same batch
    (two members who swapped their ids). Where pairs lead to several present members, none is believed.

    :param pairs: (old id, new id) of each rename.
    :param present: ids that WeCom has just told a member of.
    :param gone: ids of which it said that there is no member.
    """
    after: dict[str, set[str]] = {}
    for old, new in pairs:
        after.setdefault(old, set()).add(new)
    ends = {old: _ends(old, after, present) for old in after}
    single = {old: next(iter(found)) for old, found in ends.items() if len(found) == 1}
    reused = set(single.values())
    return frozenset((old, new) for old, new in single.items() if old != new and (old in gone or old in reused))


def _ends(old: str, after: Mapping[str, Collection[str]], present: Collection[str]) -> set[str]:
    """The present members that a chain of renames leads to; it goes on through ids that nobody has."""
    found: set[str] = set()
    seen = {old}
    waiting = list(after[old])
    while waiting:
        one = waiting.pop()
        if one in present:
            found.add(one)
        elif one not in seen:
            seen.add(one)
            waiting.extend(after.get(one, ()))
    return found

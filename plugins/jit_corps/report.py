"""What a run says when it ended well: what changed, what it cost, and what was held back and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_corps.changes import Withheld

__all__ = ["SyncReport"]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The result of ``syncCorp``, ``sync_targets`` and ``bulkRegister``.

    :param status: ``ok``: the organisation is what upstream says; ``guarded``: removals were withheld; ``partial``:
        upstream told only a part or could not confirm who is gone (``incomplete``), or everything should be read again
        soon (``reconcile``); ``ok_with_conflicts``: something could not be decided (``conflicts``).
    :param counts: ``{kind: {added, updated, removed}}`` for ``departments members memberships roles grants``; a
        member's removal is going offline.
    :param duration: seconds.
    :param calls: calls upstream.
    :param way: how upstream was read, where a provider has several ways; ``""`` when there is nothing to say of it.
    :param withheld: removals that the guard held back.
    :param incomplete: what upstream told only in part, and who is kept because nobody could confirm that they left.
    :param generation: the published version of the organisation; unchanged when nothing changed.
    :param runId: the run's row; ``None`` for single records that had nothing to tell.
    :param conflicts: what could not be decided, in words.
    :param reconcile: why everything should be read again soon; ``None`` when there is no need.
    """

    corpFullName: str
    status: str
    counts: Mapping[str, Mapping[str, int]]
    duration: float
    calls: int
    withheld: tuple[Withheld, ...]
    incomplete: tuple[str, ...]
    generation: int
    runId: int | None
    conflicts: tuple[str, ...] = ()
    reconcile: str | None = None
    way: str = ""

    @property
    def changes(self) -> int:
        """How many records changed."""
        return sum(number for count in self.counts.values() for number in count.values())

    def as_dict(self) -> dict[str, Any]:
        """The report for a program: plain JSON values."""
        return {
            "corpFullName": self.corpFullName,
            "status": self.status,
            "changes": self.changes,
            "counts": {kind: dict(count) for kind, count in self.counts.items()},
            "duration": self.duration,
            "calls": self.calls,
            "way": self.way,
            "withheld": [
                {name: value for name, value in one.as_dict().items() if name != "keys"} for one in self.withheld
            ],
            "incomplete": list(self.incomplete),
            "generation": self.generation,
            "runId": self.runId,
            "conflicts": list(self.conflicts),
            "reconcile": self.reconcile,
        }

    def __str__(self) -> str:
        parts = [
            f"{kind} +{count['added']} ~{count['updated']} -{count['removed']}"
            for kind, count in self.counts.items()
            if any(count.values())
        ]
        lines = [
            f"{self.corpFullName}: {self.status}, {', '.join(parts) or '0 changes'}"
            f" ({self.calls} calls, {self.duration:.1f} s, generation {self.generation})"
        ]
        lines += [f"  read by {self.way}"] if self.way else []
        lines += [f"  withheld {one}" for one in self.withheld]
        lines += [f"  incomplete: {one}" for one in self.incomplete]
        lines += [f"  conflict: {one}" for one in self.conflicts]
        lines += [f"  to be read again as a whole: {self.reconcile}"] if self.reconcile else []
        return "\n".join(lines)

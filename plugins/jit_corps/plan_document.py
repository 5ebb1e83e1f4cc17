"""A plan as a file: to be read, compared line by line, approved by somebody else, and applied as it is or not at all.

Each change is one line, with the fields that it sets and what they were. The file holds what the tables hold, so no
secret and no telephone number. Its last line is a seal over the rest, which notices every edit. It is no signature:
whoever may apply a plan may as well sync with an approval. What is applied is never read from the file; it is planned
anew, and has to be the same.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from jit_corps.errors import PlanExpired, PlanFileInvalid, PlanMoved, PlanStale
from jit_corps.rows import row_dict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jit_corps.changes import Change, Plan
    from jit_corps.rows import Row

__all__ = ["APPROVAL_SECONDS", "SavedPlan", "parse", "render"]

FORMAT = "jitcore plan 1"
#: How long an approval that was saved with a plan is good for.
APPROVAL_SECONDS = 24 * 3600.0
#: Of two plans, what has to be equal beside the changes: the words for it, where the file's own are not plain.
COMPARED = {
    "corpId": "the enterprise's id",
    "digest": "the plan's digest",
    "scope": "what the app may see",
    "header": "what is kept of the enterprise itself",
    "counts": "the counts",
    "withheld": "what the guard withholds",
    "incomplete": "what upstream tells only in part",
    "conflicts": "what could not be decided",
}


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as the file has it.

    :param content: everything but the seal, as plain JSON values.
    :param seal: tells this file from any other, also from one of an equal plan.
    """

    content: Mapping[str, Any]
    seal: str

    @classmethod
    def of(cls, plan: Plan, corpId: str, approve: int | None, now: float) -> SavedPlan:
        """What would be saved of a plan.

        :param approve: with which ceiling it was made.
        :param now: seconds since the epoch.
        """
        content = {
            "format": FORMAT,
            "corpFullName": plan.corpFullName,
            "made": _utc(now),
            "approve": approve,
            "expires": None if approve is None else _utc(now + APPROVAL_SECONDS),
            "base": plan.base,
            **_told(plan, corpId),
        }
        plain = json.loads(json.dumps(content))
        return cls(plain, _seal(plain))

    @property
    def corpFullName(self) -> str:
        """Which organisation it is for."""
        return str(self.content["corpFullName"])

    @property
    def approve(self) -> int | None:
        """How many removals of each kind were let through."""
        approve: int | None = self.content["approve"]
        return approve

    @property
    def base(self) -> int:
        """The generation that it was made for."""
        return int(self.content["base"])

    @property
    def expires(self) -> str | None:
        """When its approval ends; ``None`` when it has none, and needs none."""
        expires: str | None = self.content["expires"]
        return expires

    def check_time(self, now: float) -> None:
        """Make sure that its approval still holds.

        :raises PlanExpired: it does not.
        """
        if self.expires is not None and dt.datetime.fromisoformat(self.expires).timestamp() <= now:
            raise PlanExpired(self.corpFullName, self.expires)

    def check_equal(self, plan: Plan, corpId: str, runId: int | None) -> None:
        """Make sure that a plan made now is this one, change by change.

        :raises PlanStale: the organisation has moved.
        :raises PlanMoved: upstream has, or what the guard withholds.
        """
        if plan.base != self.base:
            raise PlanStale(self.corpFullName, planned=self.base, found=plan.base, runId=runId)
        now = json.loads(json.dumps(_told(plan, corpId)))
        if now == {name: self.content.get(name) for name in now}:
            return
        was, is_ = (
            {(one["kind"], *one["key"]): one for one in changes}
            for changes in (self.content["changes"], now["changes"])
        )
        new = [key for key in is_ if key not in was]
        gone = [key for key in was if key not in is_]
        other = [key for key in was if key in is_ and was[key] != is_[key]]
        differences = [f"{words} is another" for name, words in COMPARED.items() if self.content.get(name) != now[name]]
        for word, keys in (("new", new), ("gone", gone), ("changed", other)):
            differences += [f"{word}: {(is_ | was)[key]['action']} {' '.join(key)}" for key in keys]
        counts = {"new": len(new), "gone": len(gone), "changed": len(other)}
        raise PlanMoved(self.corpFullName, counts, differences, runId=runId)


def render(saved: SavedPlan) -> str:
    """The file's text."""
    return "".join(_lines(saved.content)) + f'  "seal": {json.dumps(saved.seal)}\n}}\n'


def parse(text: str, corpFullName: str) -> SavedPlan:
    """Read the file's text.

    :param corpFullName: the organisation that it has to be for.
    :raises PlanFileInvalid: it is no plan, one for another organisation, or not as it was saved.
    """
    try:
        content = json.loads(text)
        seal = content.pop("seal")
        name, form = content["corpFullName"], content["format"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise PlanFileInvalid(corpFullName, "it is no plan that was saved by jit sync --save") from error
    if form != FORMAT:
        raise PlanFileInvalid(corpFullName, "it was saved by another version of jitcore")
    if name != corpFullName:
        raise PlanFileInvalid(corpFullName, f"it is a plan for {name}")
    saved = SavedPlan(content, seal)
    # Compared as text, so that no second key, no space and no number spelt another way goes unnoticed.
    if seal != _seal(content) or render(saved) != text or not _is_sound(content):
        raise PlanFileInvalid(corpFullName, "it was edited after it was saved")
    return saved


def _told(plan: Plan, corpId: str) -> dict[str, Any]:
    """All that a plan says of upstream and the organisation, and nothing of when and how it was made."""
    return {
        "corpId": corpId,
        "digest": plan.digest,
        "scope": {"digest": plan.scope.digest, "summary": plan.scope.summary},
        "counts": plan.counts,
        "header": {"before": plan.header_before._asdict(), "after": plan.header._asdict()},
        "incomplete": plan.incomplete,
        "conflicts": plan.conflicts,
        "withheld": [one.as_dict() for one in plan.withheld],
        "changes": [_change(one) for one in plan.changes()],
    }


def _change(change: Change) -> dict[str, Any]:
    """A change with the fields that it sets: all filled ones where a record comes or goes, else those that differ."""
    before, after = _values(change, change.before), _values(change, change.after)
    if change.before is not None and change.after is not None:
        same = [name for name in before if before[name] == after[name]]
    else:
        same = [name for name, value in (before | after).items() if value is None]
    return {
        "action": change.action,
        "kind": change.kind,
        "key": list(change.key),
        "before": None if change.before is None else {name: before[name] for name in before if name not in same},
        "after": None if change.after is None else {name: after[name] for name in after if name not in same},
    }


def _values(change: Change, row: Row | None) -> dict[str, Any]:
    """A row's fields without its key."""
    return {} if row is None else dict(list(row_dict(row).items())[len(change.key) :])


def _lines(content: Mapping[str, Any]) -> Iterator[str]:
    yield "{\n"
    for name, value in content.items():
        if name in ("changes", "withheld") and value:
            rows = ",\n".join(f"    {_text(one)}" for one in value)
            yield f"  {_text(name)}: [\n{rows}\n  ],\n"
        else:
            yield f"  {_text(name)}: {_text(value)},\n"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _seal(content: Mapping[str, Any]) -> str:
    return sha256(_text(content).encode("utf-8", "backslashreplace")).hexdigest()


def _is_sound(content: Mapping[str, Any]) -> bool:
    """Whether what is used before the plans are compared has the right shape."""
    approve, expires = content.get("approve"), content.get("expires")
    try:
        moment = None if expires is None else dt.datetime.fromisoformat(expires).timestamp()
    except (TypeError, ValueError, OverflowError):
        return False
    return (
        type(content.get("base")) is int
        and (approve is None or (type(approve) is int and approve >= 0))
        and (approve is None) == (moment is None)
        and isinstance(content.get("changes"), list)
    )


def _utc(now: float) -> str:
    return f"{dt.datetime.fromtimestamp(now, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"

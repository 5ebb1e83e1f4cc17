"""Why a member is as they are, as plain data and as lines for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Fact", "MemberExplanation", "Notice", "Origin", "Step", "lines"]

#: So much of the history is for a terminal; all of it is in the data.
NEWEST = 15


@dataclass(frozen=True, slots=True)
class Origin:
    """What published a generation: a run, or a person here between two runs.

    :param by: ``sync``, ``register``, ``events`` or ``person``.
    :param at: when the run ended, as ``2026-11-23T03:12:09Z``; ``None`` for a person, of whose edit no time is kept.
    :param after: for a person: what ended last before; ``before`` what ended first after it.
    """

    generation: int
    by: str
    runId: int | None = None
    at: str | None = None
    after: str | None = None
    before: str | None = None

    def __str__(self) -> str:
        if self.by != "person":
            return f"run {self.runId} ({self.by}, {self.at or 'not in the list of runs any more'})"
        moments = [f"{word} {moment}" for word, moment in (("after", self.after), ("before", self.before)) if moment]
        return f"a person here ({', '.join(moments) or 'at a time that is not known'})"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is so now.

    :param what: ``status``, ``presence``, ``field`` (a pinned one), ``membership`` or ``role``.
    :param value: the status or presence; ``field value upstream`` of a pinned field; the row of a membership or grant.
    :param rule: which rule made it so: a stable word for programs.
    :param why: the rule in a sentence.
    :param origin: what made it so last; ``None`` when the history does not reach back that far.
    """

    what: str
    value: Any
    rule: str
    why: str
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class Notice:
    """What should be known beside the facts.

    :param rule: a stable word for programs: ``withheld``, ``withheld-perhaps`` (of so many that not all are named),
        ``unconfirmed``, ``invisible``, ``read-singly``, ``incomplete`` or ``run-failed``.
    :param kind: what is withheld: ``members``, ``memberships`` or ``grants``.
    """

    rule: str
    text: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the history: ``before`` and ``after`` are as in :class:`jit_corps.models.ChangeRecord`."""

    origin: Origin
    kind: str
    key: tuple[str, ...]
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None

    def __str__(self) -> str:
        named = f"{self.action} {self.kind} {' / '.join(self.key)}"
        if self.before is None or self.after is None:
            return named
        was, is_ = self.before, self.after
        return f"{named}: " + ", ".join(f"{name} {_shown(was[name])} → {_shown(is_[name])}" for name in is_)


@dataclass(frozen=True, slots=True)
class MemberExplanation:
    """Why a member is as they are now.

    :param status: ``active`` or ``offline``; ``reason`` says why offline.
    :param generation: the published version that this tells of.
    :param formerIds: ids that the member had before, newest first.
    :param facts: status and presence first, then pinned fields, then memberships, then roles.
    :param history: every change of the member, oldest first.
    """

    corpFullName: str
    memberId: str
    name: str | None
    userId: str
    status: str
    reason: str | None
    presence: str
    generation: int
    formerIds: tuple[str, ...]
    facts: tuple[Fact, ...]
    notices: tuple[Notice, ...]
    history: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same for a program: plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join(lines(self))


def lines(told: MemberExplanation, newest: int = NEWEST) -> Iterator[str]:
    """The explanation for people.

    :param newest: so many steps of the history.
    """
    named = f"{told.name} ({told.memberId})" if told.name else told.memberId
    status = told.status if told.reason is None else f"{told.status} ({told.reason})"
    yield f"{named} of {told.corpFullName}: {status}, {told.presence}; generation {told.generation}"
    for fact in told.facts:
        yield f"  {_named(fact)}: {fact.why}"
        yield f"    since {fact.origin}" if fact.origin else "    since before the history that is kept"
    if told.notices:
        yield "now:"
    for notice in told.notices:
        yield f"  {notice.rule}: {notice.text}"
    yield "history, newest first:"
    for step in told.history[: -newest - 1 : -1]:
        yield f"  generation {step.origin.generation}, {step.origin}: {step}"
    if len(told.history) > newest:
        yield f"  … and {len(told.history) - newest} older ones (--json prints them)"


def _named(fact: Fact) -> str:
    if fact.what == "membership":
        return f"in department {fact.value['deptId']}" + (", as leader" if fact.value["isLeader"] else "")
    if fact.what == "field":
        return f"{fact.value['field']} {fact.value['value']}"
    if fact.what == "role":
        return f"role {fact.value['roleId']} ({fact.value['origin']})"
    return f"{fact.what} {fact.value}"


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)

"""What WeCom's callbacks ask for: which records to read again, or everything, or nothing.

An event is a hint. It comes late, twice, in another order or not at all, holds only what changed, and sometimes not
even the enterprise. So nothing of it is believed but the ids it names, and that one userid became another; what is true
is read from WeCom afterwards (documents 92656 and 96302 to 96304 give the same advice).

Both forms are understood: that of an app's own callback URL (``MsgType=event``, ``Event``) and that of a third-party
suite (``InfoType``). Which enterprise an event is about is the business of whoever received it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from jit_corps.snapshot import Targets
from jit_corps.texts import is_storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["MOST_TARGETS", "ContactEvent", "Work", "work_of"]

#: Events about more records than these are no longer worked off one by one: reading everything takes fewer calls.
MOST_TARGETS = 500
#: Of a userid (document 90195).
_MOST_BYTES = 64


class ContactEvent(Protocol):
    """What is needed of a parsed callback."""

    @property
    def fields(self) -> Mapping[str, str]:
        """The text of each element of the message."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """What a batch of one enterprise's events asks for. Both may be set: single records first, then everything.

    :param targets: what to read again.
    :param reconcile: why everything is to be read again; ``None`` when it is not.
    """

    targets: Targets = field(default_factory=Targets)
    reconcile: str | None = None

    def __bool__(self) -> bool:
        return bool(self.targets) or self.reconcile is not None

    def __or__(self, other: Work) -> Work:
        return Work(self.targets | other.targets, self.reconcile or other.reconcile)


NOTHING = Work()


def work_of(events: Iterable[ContactEvent]) -> Work:
    """What to do about one enterprise's events, in whatever order and however often they came.

    Events about the same record become one target. Those about more than :data:`MOST_TARGETS` records become a reading
    of everything; renames stay targets even then, because only the event knows of them.

    :param events: all of one enterprise.
    """
    work = NOTHING
    for event in events:
        work |= _work(event)
    targets = work.targets
    named = len(targets.departments) + len(targets.members) + len(targets.roles)
    if named > MOST_TARGETS:
        return Work(Targets(renames=targets.renames), work.reconcile or f"events about {named} records at once")
    return work


def _work(event: ContactEvent) -> Work:
    # Padded texts, and the spelling of elements, were seen to differ between the editions of a message.
    fields = {name.lower(): text.strip() for name, text in event.fields.items()}
    kind = (fields.get("event") or fields.get("infotype") or "").lower()
    decide = _EVENTS.get(kind)
    return NOTHING if decide is None else decide(fields)


def _contact(fields: Mapping[str, str]) -> Work:
    change = fields.get("changetype", "").lower()
    read = _CHANGES.get(change)
    if read is None:
        return Work(reconcile=f"change_contact of an unknown kind: {change[:40] or 'none'}")
    targets = read(fields)
    if targets is None:
        # It says that something changed and not what.
        return Work(reconcile=f"{change} names no usable id")
    return Work(targets)


def _batch(fields: Mapping[str, str]) -> Work:
    # An export changes nothing, and a sync may be what submitted it: answering that by a sync would never end.
    if fields.get("batchjob.jobtype", "").lower().startswith("export_"):
        return NOTHING
    return Work(reconcile="a batch job ended, which may have been an import")


def _member(fields: Mapping[str, str]) -> Targets | None:
    # Suites whose ids are ciphertext are told OpenUserID alone (document 90639).
    memberId = fields.get("userid") or fields.get("openuserid") or ""
    renamed = fields.get("newuserid", "")
    if not _is_userid(memberId) or (renamed and not _is_userid(renamed)):
        return None
    if renamed and renamed != memberId:
        return Targets(renames=frozenset({(memberId, renamed)}))
    return Targets(members=frozenset({memberId}))


def _deleted_member(fields: Mapping[str, str]) -> Targets | None:
    targets = _member(fields)
    return None if targets is None else replace(targets, deleted=targets.members)


def _department(fields: Mapping[str, str]) -> Targets | None:
    number = _number(fields.get("id", ""))
    return None if number is None else Targets(departments=frozenset({number}))


def _deleted_department(fields: Mapping[str, str]) -> Targets | None:
    targets = _department(fields)
    return None if targets is None else replace(targets, deleted=targets.departments)


def _tag(fields: Mapping[str, str]) -> Targets | None:
    # Who was added or removed is not looked at: the lists leave out, for one, what a department's removal took away.
    number = _number(fields.get("tagid", ""))
    return None if number is None else Targets(roles=frozenset({f"tag:{number}"}))


def _is_userid(text: str) -> bool:
    return 0 < len(text.encode("utf-8", "replace")) <= _MOST_BYTES and is_storable(text)


def _number(text: str) -> str | None:
    return str(int(text)) if re.fullmatch(r"[0-9]{1,18}", text) else None


#: ChangeType → the record to read again.
_CHANGES: Mapping[str, Callable[[Mapping[str, str]], Targets | None]] = {
    "create_user": _member,
    "update_user": _member,
    "delete_user": _deleted_member,
    "create_party": _department,
    "update_party": _department,
    "delete_party": _deleted_department,
    "update_tag": _tag,
}

#: Event or InfoType → what to do. What is not here changes no organisation: messages, menu clicks, enter_agent,
#: subscribe and unsubscribe (the visible range is told by change_auth), change_app_admin (who may manage the app is not
#: kept), close_inactive_agent (no call is allowed until reopen_inactive_agent), licences and orders.
_EVENTS: Mapping[str, Callable[[Mapping[str, str]], Work]] = {
    "change_contact": _contact,
    "change_auth": lambda _: Work(reconcile="the visible range or the rights changed"),
    "reopen_inactive_agent": lambda _: Work(reconcile="the app was closed, and events were not sent meanwhile"),
    "batch_job_result": _batch,
}

"""The organisation element: what a user of one enterprise calls, whatever provider it comes from.

A provider subclasses :class:`Corp` and writes two methods, ``fetch`` and ``getClient``; everything else is here, and
is the same for every provider. The method names and their semantics are those of JitAi's page "WeCom Proxy
Development Organization".

This module is imported with every corp element, so it imports neither the database layer nor anything else heavy;
these arrive with the first call that needs them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jit_corps.texts import is_storable
from jitcore import Element
from jitcore.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from os import PathLike

    from jit_corps.changes import Plan
    from jit_corps.corpdata import CorpData
    from jit_corps.earlier import EarlierOrganisation
    from jit_corps.explanation import MemberExplanation
    from jit_corps.models import CorpDept, CorpMember, CorpRoleMember
    from jit_corps.progress import Progress
    from jit_corps.reading import Reader
    from jit_corps.report import SyncReport
    from jit_corps.resting import Rest
    from jit_corps.snapshot import Snapshot, Targets
    from jit_corps.sync import Engine

__all__ = ["Corp"]

#: What ``getMembers(status=…)`` takes, and the number it stands for.
STATUSES: Mapping[object, int | None] = {"active": 1, 1: 1, "offline": 2, 2: 2, None: None}


class Corp(Element, ABC):
    """One enterprise's organisation, kept in the App's database.

    Its business file has at least ``corpId`` and ``authFullName``; ``strictRoles: true`` makes unseen role ids errors.
    """

    # What a provider writes

    @abstractmethod
    def fetch(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot:
        """Read the whole organisation from upstream. Network only: it neither reads nor writes the database.

        :param known: ids of the members who are active here, looked up when they are first asked for. Upstream's lists
            may leave one out by mistake, so some of those missing are to be asked for one by one; who cannot be asked
            for, or whose answer does not say that they are gone, belongs into the snapshot's ``unconfirmed``.
        :param confirm: ask for so many at most. More than that are not going to be removed without approval anyway.
        :param progress: report to it, from any thread; a run that reports nothing for minutes loses its claim.
        """

    def fetch_or_resume(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot:
        """Read the whole organisation for a run that publishes; a provider that keeps what it has read overrides this.

        Such a provider goes on where an earlier reading was interrupted, says in the snapshot's ``began`` how old that
        makes it, and writes nothing but what it keeps for the next one. Here it is :meth:`fetch`.
        """
        return self.fetch(known, confirm=confirm, progress=progress)

    def fetch_contacts(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot:
        """As :meth:`fetch`, with mail and telephone numbers, which no sync needs: for :meth:`getThirdCorpData`.

        A provider whose ``fetch`` leaves them out overrides this.
        """
        return self.fetch(known, confirm=confirm, progress=progress)

    def fetch_targets(self, targets: Targets, *, progress: Progress) -> Snapshot:
        """Read single records from upstream, for :meth:`sync_targets`; a provider that can overrides this.

        Network only, like :meth:`fetch`. Whatever the records name and is not known here (a member's department, its
        parent, a member whom a role names) is asked for by a further call.

        :returns: a snapshot whose ``targets`` are those given, or more where one record cannot be told without another.
        :raises TargetsUnsupported: always, here.
        """
        from jit_corps.errors import TargetsUnsupported

        raise TargetsUnsupported(self.fullName)

    @abstractmethod
    def getClient(self) -> Any:
        """The client for calling the provider's API as this enterprise (seed page)."""

    # Properties

    @property
    def corpId(self) -> str:
        """The enterprise's id at the provider."""
        return str(self.config["corpId"])

    @property
    def authFullName(self) -> str:
        """Full name of the authentication element that has the credentials."""
        return str(self.config["authFullName"])

    @property
    def corpFullName(self) -> str:
        """Full name of this element; every row of the organisation carries it."""
        return self.fullName

    @property
    def resting(self) -> Rest | None:
        """Why ``jit sync --all`` passes it over; None, as here, when it does not. A provider that knows overrides this.

        It is asked once before each sync of all, so it should be quick, and it must not call upstream.
        """
        return None

    # Synchronising

    def initCorp(self) -> SyncReport:
        """Make the organisation: sync it for the first time, which registers its members.

        Calling it again is another sync. Raises what :meth:`syncCorp` raises.
        """
        return self.syncCorp()

    def syncCorp(self, approve: int | None = None, progress: Progress | None = None) -> SyncReport:
        """Bring the organisation up to date: departments, members, roles, and the members' accounts.

        Readers see the old organisation or the new one. Nothing is removed because upstream could not tell all, or
        because the app may see less than before. Too many removals within a day (10 % of a kind, at least 3, at most
        500) are withheld and reported; the rest goes through.

        :param approve: let up to so many removals of each kind through, and not one more.
        :param progress: called as ``progress(phase, done, total)``; by default it shows on a terminal.
        :raises SyncLocked: another sync of this corp is under way.
        :raises SyncFailed: nothing was changed; the cause is ``__cause__``.
        """
        return self._run(self.fetch_or_resume, "sync", approve, progress)

    def sync_targets(self, targets: Targets) -> SyncReport:
        """Bring single records up to date, as a sync would, after upstream said that they changed.

        The records are read again and go the way of every sync, with the same guard and the same history. The report's
        ``reconcile`` says why everything should be read again soon, if it should: what the app may see has changed, or
        not every record could be read. A provider that cannot read single records reads everything.

        :param targets: what to read; whatever these name and is not known here is read as well.
        :raises SyncFailed: nothing was changed; the cause is ``__cause__``.
        """
        from jit_corps.errors import TargetsUnsupported
        from jit_corps.targeted_sync import sync_targets

        try:
            return sync_targets(self._engine, self.fetch_targets, targets)
        except TargetsUnsupported:
            return self.syncCorp()

    def plan(self, approve: int | None = None, progress: Progress | None = None) -> Plan:
        """What :meth:`syncCorp` would do now, record by record. Writes nothing.

        :raises SyncFailed: upstream could not be read.
        """
        from jit_corps.progress import shown

        with shown(self.title, progress) as report:
            return self._engine.plan(self.fetch, approve=_ceiling(approve), progress=report)

    def save_plan(
        self, file: str | PathLike[str], approve: int | None = None, progress: Progress | None = None
    ) -> Plan:
        """Write to a file what :meth:`syncCorp` would do now, for somebody to look at and :meth:`apply_plan`.

        :param file: JSON with one change a line; it is overwritten.
        :param approve: as in :meth:`syncCorp`; it is a part of the file, and ends after a day.
        :raises SyncFailed: upstream could not be read.
        :raises ArgumentError: the file cannot be written.
        """
        from jit_corps.progress import shown
        from jit_corps.saved_plans import save_plan

        ceiling = _ceiling(approve)
        with shown(self.title, progress) as report:
            return save_plan(self._engine, self.fetch, file, approve=ceiling, progress=report)

    def apply_plan(self, file: str | PathLike[str], progress: Progress | None = None) -> SyncReport:
        """Do exactly what a saved plan says, or nothing: upstream is read again, and has to give the same plan.

        :raises PlanFileInvalid: the file is no plan for this organisation, or was edited.
        :raises PlanExpired: its approval is older than a day.
        :raises PlanApplied: it was applied before.
        :raises PlanStale: the organisation has changed since.
        :raises PlanMoved: upstream says something else by now; ``differences`` says what.
        :raises SyncLocked: another sync of this corp is under way.
        :raises SyncFailed: upstream could not be read.
        """
        from jit_corps.progress import shown
        from jit_corps.saved_plans import apply_plan

        with shown(self.title, progress) as report:
            return apply_plan(self._engine, self.fetch, file, progress=report)

    def getThirdCorpData(self) -> CorpData:
        """What upstream says now, as a dictionary with ``corpId corpName deptList memberList roleList complete scope``.

        ``deptDict`` and ``userDict`` hold the same by id, and every key is also an attribute. Writes nothing.

        :raises JitError: whatever the provider raises when upstream cannot be read.
        """
        from jit_corps.corpdata import CorpData
        from jit_corps.progress import shown

        with shown(self.title, None) as report:
            return CorpData.from_snapshot(self._engine.fetched(self.fetch_contacts, None, report))

    def bulkRegister(self, corpData: Mapping[str, Any], approve: int | None = None) -> SyncReport:
        """Register what a dictionary says, as a sync would: members get their accounts, changes are applied.

        :param corpData: from :meth:`getThirdCorpData`, or made by the caller in the same shape. Unless it says
            ``complete: true`` nobody is removed.
        :param approve: as in :meth:`syncCorp`.
        :raises CorpDataInvalid: it is of another enterprise or of another shape; every wrong place is named.
        :raises SyncLocked: a sync of this corp is under way.
        :raises SyncFailed: nothing was changed.
        """
        from jit_corps.corpdata import to_snapshot

        snapshot = to_snapshot(corpData, self.corpId, corpFullName=self.fullName)
        return self._run(lambda _known, *, confirm, progress: snapshot, "register", approve, None)

    def erase(self) -> Mapping[str, int]:
        """Delete everything that is kept of this enterprise: for good, history included.

        An account goes unless a member of another corp has it, too. Decisions of people here go as well.

        :returns: how many rows of each table were deleted.
        """
        from jit_corps.erasing import erase

        return erase(self.app.storage, self.fullName)

    # Looking back

    def explain_member(self, memberId: str) -> MemberExplanation:
        """Why a member is as they are: which rule, and which run or person, made each thing that is so now.

        :returns: status, presence, memberships and roles as ``facts``; what is withheld, doubted or out of date now as
            ``notices``; every change as ``history``. ``str()`` of it is for people, ``as_dict()`` for programs.
        :raises MemberNotFound: with the ids that may have been meant; of a former id, the one that the member has now.
        """
        from jit_corps.explain_member import explain_member

        return explain_member(self.app.storage, self.fullName, _identifier(memberId, "memberId"))

    def at(self, runId: int | None = None, *, generation: int | None = None) -> EarlierOrganisation:
        """The organisation as it was when a run had ended, or as a generation was published: exactly that.

        :param runId: from the report of a run or ``jit runs``.
        :param generation: instead of it; what people do here makes generations without a run. 0 is before the first.
        :raises ArgumentError: both are given, or none.
        :raises RunNotFound: the corp has no such run.
        :raises RunUnpublished: the run published nothing; the error names the one before it that did.
        :raises GenerationNotFound: it is not published yet.
        :raises HistoryIncomplete: the history does not lead back that far.
        """
        from jit_corps.earlier import as_of_generation, as_of_run

        given = [one for one in (runId, generation) if one is not None]
        if len(given) != 1 or not isinstance(given[0], int) or isinstance(given[0], bool) or given[0] < 0:
            raise ArgumentError("at() takes the number of a run or, by name, a generation: one of them.")
        if runId is not None:
            return as_of_run(self.app.storage, self.fullName, self.title, runId)
        return as_of_generation(self.app.storage, self.fullName, self.title, given[0])

    # Departments

    def getRootDept(self) -> CorpDept:
        """The department that all others stand under.

        Before the first sync, and when the app may not see the enterprise's root, it is one of our own
        (``local:root``) above everything the app may see; it gives way when the real root comes into sight.
        """
        from jit_corps.edits import ensure_local_root

        root = self._reader.root()
        if root is None:
            ensure_local_root(self.app.storage, self.fullName, self.title)
            root = self._reader.root()
        assert root is not None
        return root

    def getDepts(self) -> list[CorpDept]:
        """All departments, each after the one it stands under, siblings by WeCom's order (bigger first)."""
        return self._reader.depts()

    def getDept(self, deptId: str) -> CorpDept:
        """One department.

        :raises DeptNotFound: with the ids that may have been meant.
        """
        dept = self._reader.dept(_identifier(deptId, "deptId"))
        if dept is None:
            from jit_corps.errors import DeptNotFound
            from jitcore.suggestions import closest

            raise DeptNotFound(self.fullName, deptId, closest(deptId, (one.deptId for one in self.getDepts())))
        return dept

    # Members

    def getMembers(self, status: str | int | None = None) -> list[CorpMember]:
        """All members, by their ids.

        :param status: ``"active"`` or ``1``, ``"offline"`` or ``2``; ``None`` for all of them.
        :raises ArgumentError: it is anything else.
        """
        if isinstance(status, bool) or not isinstance(status, (str, int, type(None))) or status not in STATUSES:
            raise ArgumentError(f"getMembers takes status 'active', 'offline', 1, 2 or None, not {status!r}.")
        return self._reader.members(STATUSES[status])

    def getMember(self, memberId: str) -> CorpMember:
        """One member, active or not.

        :raises MemberNotFound: with the ids that may have been meant.
        """
        member = self._reader.member(_identifier(memberId, "memberId"))
        if member is None:
            from jit_corps.edits import similar_members
            from jit_corps.errors import MemberNotFound

            similar = similar_members(self.app.storage, self.fullName, memberId)
            raise MemberNotFound(self.fullName, [memberId], similar)
        return member

    def setUserRole(self, memberId: str, roleIdList: Iterable[str]) -> list[CorpRoleMember]:
        """Replace the roles that people here gave a member, in one step that nobody can see the middle of.

        An id not seen before becomes a custom role. Roles that upstream gives (tags) are upstream's and stay.

        :param roleIdList: role ids; repeated ones count once; an empty list takes all away.
        :returns: one row for each role id, in the order given.
        :raises MemberNotFound: the member is not known; nothing is changed.
        :raises RoleNotFound: with ``strictRoles``, a role is not known; nothing is changed.
        """
        from jit_corps.edits import set_roles

        strict = self.config.get("strictRoles", False) is True
        member = _identifier(memberId, "memberId")
        return set_roles(self.app.storage, self.fullName, member, _identifiers(roleIdList, "roleIdList"), strict=strict)

    def offlineMember(self, memberIdList: Iterable[str]) -> None:
        """Set members offline here. It stays so, whatever upstream says, until :meth:`onlineMember`.

        Other organisations that the same person belongs to are not touched.

        :raises MemberNotFound: naming every unknown id; nothing is changed.
        """
        from jit_corps.edits import set_offline

        set_offline(self.app.storage, self.fullName, _identifiers(memberIdList, "memberIdList"), offline=True)

    def onlineMember(self, memberIdList: Iterable[str]) -> None:
        """Undo :meth:`offlineMember`: from now on it is as upstream says.

        :raises MemberNotFound: naming every unknown id; nothing is changed.
        """
        from jit_corps.edits import set_offline

        set_offline(self.app.storage, self.fullName, _identifiers(memberIdList, "memberIdList"), offline=False)

    def pinMember(self, memberId: str, /, **fields: str) -> None:
        """Keep fields of a member as they are given here, whatever upstream says, until :meth:`unpinMember`.

        Upstream's own values go on being kept behind them. ``status="active"`` makes sure that no sync takes the member
        offline: whoever must always be able to act, whatever WeCom answers. A person still can (:meth:`offlineMember`).

        :param fields: ``name aliasName position gender avatar`` with any text, or ``status="active"``.
        :raises ArgumentError: there is no such field, or a value is no text that can be stored; nothing is changed.
        :raises MemberNotFound: the member is not known; nothing is changed.
        """
        from jit_corps.edits import set_pins

        if not fields:
            raise ArgumentError("pinMember takes what is to be kept: pinMember('boss', name='…').")
        for name in _pinnable(fields):
            if name == "status" and fields[name] != "active":
                raise ArgumentError("A pinned status is 'active'; offlineMember sets somebody offline.")
            _storable(fields[name], name, "the text to keep")
        set_pins(self.app.storage, self.fullName, _identifier(memberId, "memberId"), fields)

    def unpinMember(self, memberId: str, fields: Iterable[str] | None = None) -> None:
        """Undo :meth:`pinMember`: from now on it is as upstream says.

        :param fields: names as in :meth:`pinMember`; ``None`` for all. What is not pinned stays as it is.
        :raises ArgumentError: there is no such field; nothing is changed.
        :raises MemberNotFound: the member is not known; nothing is changed.
        """
        from jit_corps.edits import release_pins

        names = None if fields is None else _pinnable(_identifiers(fields, "fields"))
        release_pins(self.app.storage, self.fullName, _identifier(memberId, "memberId"), names)

    # What the sibling organisations of JitAi have as well

    def getCorpInfo(self) -> dict[str, Any]:
        """What the element says of itself: ``title fullName corpId`` and its ``e.json`` as ``define``."""
        return {
            "title": self.title,
            "fullName": self.fullName,
            "corpId": self.corpId,
            "authFullName": self.authFullName,
            "define": dict(self.define),
        }

    def getLocalCorpData(self) -> dict[str, Any]:
        """What is kept here: ``corp userList deptList deptMemberList roleList roleMemberSet``.

        ``userList`` holds active members only; each entry of ``deptList`` has a ``path`` of names from the root.
        """
        from jit_corps.local_data import local_data

        return {"corp": self.getCorpInfo(), **local_data(self._reader)}

    @cached_property
    def clock(self) -> Callable[[], float]:
        """Seconds since the epoch, the same on all machines that share the database; tests set their own."""
        return self.app.storage.clock

    @cached_property
    def _reader(self) -> Reader:
        from jit_corps.reading import Reader

        return Reader(self.app.storage, self.fullName)

    @property
    def _engine(self) -> Engine:
        from jit_corps.sync import Engine

        return Engine(self.app.storage, self.fullName, self.corpId, self.title, self.clock)

    def _run(self, fetch: Any, action: str, approve: int | None, progress: Progress | None) -> SyncReport:
        from jit_corps.progress import shown

        ceiling = _ceiling(approve)
        with shown(self.title, progress) as report:
            return self._engine.run(fetch, action=action, approve=ceiling, progress=report)


def _ceiling(approve: int | None) -> int | None:
    if approve is None or (isinstance(approve, int) and not isinstance(approve, bool) and approve >= 0):
        return approve
    raise ArgumentError(f"approve is how many removals may go through, a whole number, not {approve!r}.")


def _pinnable(given: Iterable[str]) -> list[str]:
    from jit_corps.pins import FIELDS, STATUS
    from jitcore.suggestions import closest

    known = (*FIELDS, STATUS)
    for name in given:
        if name not in known:
            similar = closest(name, known)
            meant = f"Did you mean {similar[0]!r}?" if similar else f"These can: {', '.join(known)}."
            raise ArgumentError(f"{name!r} of a member cannot be pinned.", hint=meant)
    return list(given)


def _identifier(given: object, name: str) -> str:
    return _storable(given, name, "an id as text", "Ids are strings, also WeCom's numeric ones: '1'.")


def _storable(given: object, name: str, what: str, hint: str | None = None) -> str:
    if isinstance(given, str) and given and is_storable(given):
        return given
    told = type(given).__name__
    if isinstance(given, str):
        told = "a text with a NUL or half a surrogate pair in it" if given else "an empty text"
    raise ArgumentError(f"{name} is {what}, not {told}.", hint=hint)


def _identifiers(given: object, name: str) -> list[str]:
    # A text is a sequence of texts, which is never what its caller meant.
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise ArgumentError(f"{name} is a list of ids, not {type(given).__name__}.", hint=f"Write [{given!r}].")
    return [_identifier(one, f"{name}[{index}]") for index, one in enumerate(given)]

"""What can go wrong with an organisation, as one tree under :class:`jitcore.errors.JitError`.

::

    CorpError                    one corp (``corpFullName``)
    ├── MemberNotFound           a member id is not known here (``memberIds``, ``possibilities``)
    ├── DeptNotFound             a department id is not known here (``deptId``, ``possibilities``)
    ├── RoleNotFound             a role id is not known here and ``strictRoles`` is on (``roleIds``, ``possibilities``)
    ├── TargetsUnsupported       the provider reads all or nothing
    ├── CorpDataInvalid          a dictionary is not an organisation of this corp (``problems``)
    ├── PlanFileInvalid          a file is no plan that was saved for this corp, or was edited (``why``)
    ├── RunNotFound              the corp has no such run (``runId``)
    ├── RunUnpublished           the run published nothing (``runId``, ``status``, ``newest``)
    ├── GenerationNotFound       the generation is not published yet (``generation``, ``newest``)
    ├── HistoryIncomplete        the history does not reach back that far (``generation``, ``reaches``)
    └── SyncFailed               a run ended without changing anything (``runId``, ``__cause__``)
        ├── SyncLocked           another run of this corp is under way (``holder``, ``until``)
        ├── SyncSuperseded       another run took over while this one was reading
        ├── SyncStopped          it was told to stop before it published (``reason``)
        ├── EverybodyUnknown     upstream tells of nobody who is known here (``known``, ``told``)
        ├── PlanMoved            upstream says something else than when the plan was saved (``counts``, ``differences``)
        ├── PlanExpired          the approval in a saved plan is too old (``expires``)
        ├── PlanApplied          a saved plan was applied before (``runId``)
        └── PlanStale            the organisation changed since the plan was made (``planned``, ``found``)
    SpoolFull                    no room for what a large organisation keeps aside while it is synced (``folder``)

Ids of members are in no message of ours but the ones the caller typed, and names, numbers and tokens in none.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from jitcore.errors import JitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jitcore.problems import Problem

__all__ = [
    "CorpDataInvalid",
    "CorpError",
    "DeptNotFound",
    "EverybodyUnknown",
    "GenerationNotFound",
    "HistoryIncomplete",
    "MemberNotFound",
    "PlanApplied",
    "PlanExpired",
    "PlanFileInvalid",
    "PlanMoved",
    "PlanStale",
    "RoleNotFound",
    "RunNotFound",
    "RunUnpublished",
    "SpoolFull",
    "SyncFailed",
    "SyncLocked",
    "SyncStopped",
    "SyncSuperseded",
    "TargetsUnsupported",
]

#: How many ids or problems a message shows; all of them are on the error.
SHOWN = 5


class CorpError(JitError):
    """Something about one corp.

    :param corpFullName: the element.
    """

    code = "corp-error"

    def __init__(self, message: str, *, corpFullName: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.corpFullName = corpFullName


class SpoolFull(JitError):
    """There is no room for the rows that the sync of a large organisation keeps aside, or no permission.

    :param folder: where they are kept.
    """

    code = "spool-full"

    def __init__(self, folder: str, error: OSError) -> None:
        super().__init__(
            f"A large organisation keeps rows aside in {folder}, and that failed: {error.strerror or error}.",
            hint="Make room there (about 2 KB a member), or name another folder in the variable TMPDIR.",
        )
        self.folder = folder


class MemberNotFound(CorpError, LookupError):
    """The corp has no member with this id.

    :param memberIds: every id that is not known.
    :param possibilities: known ids that look like the first of them.
    """

    code = "member-not-found"

    def __init__(self, corpFullName: str, memberIds: Sequence[str], possibilities: Sequence[str] = ()) -> None:
        super().__init__(
            f"{corpFullName} has no member {_shown(memberIds)}.",
            corpFullName=corpFullName,
            hint=_did_you_mean(possibilities) or "Was the corp synced since the member joined?",
        )
        self.memberIds = tuple(memberIds)
        self.possibilities = tuple(possibilities)


class DeptNotFound(CorpError, LookupError):
    """The corp has no department with this id."""

    code = "department-not-found"

    def __init__(self, corpFullName: str, deptId: str, possibilities: Sequence[str] = ()) -> None:
        super().__init__(
            f"{corpFullName} has no department {_shown([deptId])}.",
            corpFullName=corpFullName,
            hint=_did_you_mean(possibilities) or "Was the corp synced since the department was made?",
        )
        self.deptId = deptId
        self.possibilities = tuple(possibilities)


class RoleNotFound(CorpError, LookupError):
    """The corp has no role with this id, and its configuration forbids to make one up."""

    code = "role-not-found"

    def __init__(self, corpFullName: str, roleIds: Sequence[str], possibilities: Sequence[str] = ()) -> None:
        super().__init__(
            f"{corpFullName} has no role {_shown(roleIds)}, and its configuration says strictRoles.",
            corpFullName=corpFullName,
            hint=_did_you_mean(possibilities),
        )
        self.roleIds = tuple(roleIds)
        self.possibilities = tuple(possibilities)


class CorpDataInvalid(CorpError):
    """A dictionary given to ``bulkRegister`` does not describe an organisation of this corp.

    :param problems: each with its place, in words (``memberList[3].departments[0].deptId: …``) and as JSON pointer.
    """

    code = "corp-data-invalid"

    def __init__(self, corpFullName: str, problems: Sequence[Problem]) -> None:
        shown = "; ".join(problem.message for problem in problems[:SHOWN])
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        super().__init__(
            f"The data for {corpFullName} cannot be used: {shown}{more}.",
            corpFullName=corpFullName,
            hint="getThirdCorpData() shows the shape.",
        )
        self.problems = tuple(problems)


class PlanFileInvalid(CorpError):
    """A file is not a plan for this corp as it was saved.

    :param why: in words.
    """

    code = "plan-file-invalid"

    def __init__(self, corpFullName: str, why: str) -> None:
        super().__init__(
            f"The plan cannot be applied to {corpFullName}: {why}.",
            corpFullName=corpFullName,
            hint=f"jit sync {corpFullName} --plan --save FILE writes one.",
        )
        self.why = why


class RunNotFound(CorpError, LookupError):
    """The corp has no run with this number; another corp may have."""

    code = "run-not-found"

    def __init__(self, corpFullName: str, runId: int) -> None:
        super().__init__(
            f"{corpFullName} has no run {runId}.",
            corpFullName=corpFullName,
            hint=f"`jit runs {corpFullName}` lists the runs.",
        )
        self.runId = runId


class RunUnpublished(CorpError):
    """The run ended without publishing anything, or has not ended yet.

    :param status: how it ended.
    :param newest: the newest run before it that published, and its generation.
    """

    code = "run-unpublished"

    def __init__(self, corpFullName: str, runId: int, status: str, newest: tuple[int, int] | None) -> None:
        hint = "Nothing was published before it either."
        if newest is not None:
            hint = f"The run before it that did is {newest[0]} (generation {newest[1]})."
        super().__init__(
            f"Run {runId} of {corpFullName} is {status} and has published nothing.",
            corpFullName=corpFullName,
            hint=hint,
        )
        self.runId = runId
        self.status = status
        self.newest = newest


class GenerationNotFound(CorpError, LookupError):
    """The generation is not published yet.

    :param newest: the one that is published now.
    """

    code = "generation-not-found"

    def __init__(self, corpFullName: str, generation: int, newest: int) -> None:
        super().__init__(
            f"{corpFullName} has no generation {generation}.",
            corpFullName=corpFullName,
            hint=f"The newest is {newest}.",
        )
        self.generation = generation
        self.newest = newest


class HistoryIncomplete(CorpError):
    """The changes since then are not all there: somebody deleted them, or changed rows past jitcore.

    :param generation: the one asked for.
    :param reaches: the oldest generation that the history leads back to.
    """

    code = "history-incomplete"

    def __init__(self, corpFullName: str, generation: int, reaches: int) -> None:
        super().__init__(
            f"The history of {corpFullName} does not lead back to generation {generation}.",
            corpFullName=corpFullName,
            hint=f"It leads back to generation {reaches}. A backup of the database may have more.",
        )
        self.generation = generation
        self.reaches = reaches


class TargetsUnsupported(CorpError):
    """The provider cannot read single records; ``sync_targets`` then reads everything."""

    code = "targets-unsupported"

    def __init__(self, corpFullName: str) -> None:
        super().__init__(
            f"The provider of {corpFullName} cannot read single records.",
            corpFullName=corpFullName,
            hint="Call syncCorp(), which reads everything.",
        )


class SyncFailed(CorpError):
    """A run ended and changed nothing. What went wrong is ``__cause__``.

    :param runId: the run's row, which says the same; ``None`` when not even that could be written.
    """

    code = "sync-failed"

    def __init__(self, message: str, *, corpFullName: str, runId: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, corpFullName=corpFullName, hint=hint)
        self.runId = runId


class SyncLocked(SyncFailed):
    """Another run of the same corp is under way.

    :param holder: which process holds it.
    :param until: when its claim ends if it died, in seconds since the epoch.
    """

    code = "sync-locked"

    def __init__(self, corpFullName: str, *, holder: str, until: float, runId: int | None = None) -> None:
        super().__init__(
            f"{corpFullName} is already being synced by {holder}.",
            corpFullName=corpFullName,
            runId=runId,
            hint=f"Wait for it to end. If it died, unseen from here, its claim ends by itself at {_utc(until)}.",
        )
        self.holder = holder
        self.until = until


class SyncSuperseded(SyncFailed):
    """Another run took over after this one had been silent for too long."""

    code = "sync-superseded"

    def __init__(self, corpFullName: str, runId: int | None = None) -> None:
        super().__init__(
            f"Another run of {corpFullName} took over; this one changed nothing.",
            corpFullName=corpFullName,
            runId=runId,
            hint="The other run has the newer data.",
        )


class EverybodyUnknown(SyncFailed):
    """Upstream tells of members, and none of them is known here: nothing of that is believed without a person.

    :param known: how many members are known here and active.
    :param told: how many upstream tells.
    """

    code = "everybody-unknown"

    def __init__(self, corpFullName: str, known: int, told: int) -> None:
        super().__init__(
            f"{corpFullName} was not synced, nothing was changed: upstream tells {told} members, and none of the"
            f" {known} who are known here is among them. This looks like another enterprise's organisation.",
            corpFullName=corpFullName,
            runId=None,
            hint="Check whose credentials the element uses, and authorise again if in doubt. If these really are the"
            f" members now: look at jit sync {corpFullName} --plan --approve {known}, then leave out --plan.",
        )
        self.known = known
        self.told = told


class SyncStopped(SyncFailed):
    """The run was told to stop, by a time limit or by Ctrl-C, before it published anything.

    :param reason: who told it so, in words.
    """

    code = "sync-stopped"

    def __init__(self, corpFullName: str, reason: str) -> None:
        super().__init__(
            f"The run of {corpFullName} was stopped, nothing was changed: {reason}.",
            corpFullName=corpFullName,
            hint="Give it more time, or look at jit runs for what it waited for.",
        )
        self.reason = reason


class PlanExpired(SyncFailed):
    """The approval in a saved plan holds for a day only.

    :param expires: when it ended, as ``2026-11-23T03:12:09Z``.
    """

    code = "plan-expired"

    def __init__(self, corpFullName: str, expires: str) -> None:
        super().__init__(
            f"The approval in the plan for {corpFullName} ended at {expires}; nothing was changed.",
            corpFullName=corpFullName,
            hint="Plan again, look at it, and save it with --approve.",
        )
        self.expires = expires


class PlanApplied(SyncFailed):
    """A saved plan is applied once.

    :param runId: the run that applied it.
    """

    code = "plan-applied"

    def __init__(self, corpFullName: str, runId: int) -> None:
        super().__init__(
            f"The plan for {corpFullName} was applied before, by run {runId}; nothing was changed.",
            corpFullName=corpFullName,
            runId=runId,
            hint="Plan again, if there is more to do.",
        )


class PlanMoved(SyncFailed):
    """A plan made now is another one than the saved one, although the organisation here is the same.

    :param counts: how many changes are ``new``, ``gone`` or ``changed``.
    :param differences: each of them, and whatever else is another, in words.
    """

    code = "plan-moved"

    def __init__(
        self, corpFullName: str, counts: Mapping[str, int], differences: Sequence[str], runId: int | None = None
    ) -> None:
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        super().__init__(
            f"The plan for {corpFullName} does not hold any more, nothing was changed: upstream says something else now"
            f" ({told or 'no other changes'}).",
            corpFullName=corpFullName,
            runId=runId,
            hint="Plan again and look at it.",
        )
        self.counts = dict(counts)
        self.differences = tuple(differences)


class PlanStale(SyncFailed):
    """The organisation changed between planning and publishing.

    :param planned: the generation the plan was made for.
    :param found: the generation in the database.
    """

    code = "plan-stale"

    def __init__(self, corpFullName: str, *, planned: int, found: int, runId: int | None = None) -> None:
        super().__init__(
            f"The plan for {corpFullName} was made for generation {planned}, but {found} is published.",
            corpFullName=corpFullName,
            runId=runId,
            hint="Plan again.",
        )
        self.planned = planned
        self.found = found


def _utc(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%H:%M:%S} UTC"


def _shown(ids: Sequence[str]) -> str:
    named = ", ".join(repr(one) for one in ids[:SHOWN])
    return f"{named} and {len(ids) - SHOWN} more" if len(ids) > SHOWN else named


def _did_you_mean(possibilities: Sequence[str]) -> str | None:
    if not possibilities:
        return None
    return f"Did you mean {' or '.join(repr(one) for one in possibilities[:3])}?"

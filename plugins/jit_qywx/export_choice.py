"""Whether an enterprise is read by export or by a walk, and what becomes of trouble with an export.

A walk takes a call for each department, and works for every app. An export takes a handful of calls and a job that
WeCom works off in the background; whether an app may export is only known by trying. So a large enterprise is tried,
and when WeCom refuses, that is remembered for a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jit_qywx.errors import (
    ApiError,
    AuthorizationLost,
    ExportFailed,
    NetworkRefused,
    NotFound,
    RateLimited,
    ServerBusy,
    TokenExpired,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.errors import QywxError

__all__ = ["AUTO", "EXPORT", "WALK", "ExportMemory", "choose_way", "is_lasting", "is_of_export", "trouble_of"]

#: Values of ``fetch`` in the business file of a corp element.
AUTO = "auto"
WALK = "walk"
EXPORT = "export"

#: With more departments than these an export is tried. A walk of as many takes about ten seconds with eight calls at
#: once and 80 ms each: less is not worth a job.
MOST_WALKED = 1_000

#: About the enterprise or this machine: a walk would meet the same.
_OF_THE_ENTERPRISE = (AuthorizationLost, NetworkRefused, TokenExpired)
#: NotFound: other exports of the app pushed the result out (40089).
_PASSING = (ServerBusy, RateLimited, NotFound)


class ExportMemory:
    """Remembers for an enterprise that it cannot be exported; this one until it is thrown away.

    :param trouble: tells why an export is not worth trying at present; None when it is.
    :param note: keeps why.
    """

    def __init__(
        self, trouble: Callable[[], str | None] = lambda: None, note: Callable[[str], object] = lambda _why: None
    ) -> None:
        self.trouble = trouble
        self.note = note


def choose_way(fetch: str, departments: int, memory: ExportMemory) -> tuple[bool, str]:
    """Whether to export; and if not, why, for people: ``""`` where nobody would expect it.

    :param fetch: :data:`AUTO`, :data:`WALK` or :data:`EXPORT`.
    :param departments: how many calls a walk would take.
    :param memory: whether an export was no use before; asked only when one would be tried.
    """
    if fetch == EXPORT:
        return True, ""
    if departments <= MOST_WALKED:
        return False, ""
    if fetch == WALK:
        return False, 'walk, as "fetch" says'
    if (trouble := memory.trouble()) is not None:
        return False, f"walk; no export is tried for a day after {trouble}"
    return True, ""


def is_of_export(error: QywxError) -> bool:
    """Whether trouble is the export's alone, so that a walk may do what it could not."""
    if isinstance(error, ExportFailed):
        return True
    if isinstance(error, ApiError | TransportError):
        return error.call.startswith("export/") and not isinstance(error, _OF_THE_ENTERPRISE)
    return False


def is_lasting(error: QywxError) -> bool:
    """Whether the next export would most likely fail as well: it was refused, or does not fit."""
    return isinstance(error, ExportFailed) or (isinstance(error, ApiError) and not isinstance(error, _PASSING))


def trouble_of(error: QywxError) -> str:
    """What went wrong with an export, in a few words."""
    if isinstance(error, ApiError):
        return f"{error.path} was refused with errcode {error.errcode}"
    return error.message.rstrip(".")

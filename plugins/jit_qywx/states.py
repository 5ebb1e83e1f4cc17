"""The life of one enterprise's grant, as one table: what may happen to it, who tells us, and what it is afterwards.

Everything that changes the state of an authorization names one of these transitions. What the table does not allow is
ignored and logged: callbacks arrive late, twice and out of order, and none of that is an error. The page
``docs/authorizations.md`` draws the same table, and a test keeps both equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIVE",
    "ANSWERED",
    "AUTHORISED",
    "CANCELLED",
    "CANCELLED_BY_CORP",
    "CLOSED",
    "CONFIRMED",
    "CREATED",
    "ERASED",
    "GONE",
    "REFUSED",
    "STATES",
    "SUSPENDED",
    "TRANSITIONS",
    "WITHDRAWN",
    "Transition",
    "cause_of",
]

#: A permanent code is stored; what it opens has not been read yet.
CREATED = "created"
#: The grant works, as far as we know.
ACTIVE = "active"
#: WeCom refuses what the app asks for; the permanent code is kept, because the refusal can be undone.
SUSPENDED = "suspended"
#: The enterprise withdrew it; permanent code and tokens were forgotten, the organisation's history was not.
CANCELLED = "cancelled"
#: No row: never authorised, or erased.
GONE = "-"

STATES = (CREATED, ACTIVE, SUSPENDED, CANCELLED)

#: Causes, by the names that the database keeps.
AUTHORISED = "authorised"
CONFIRMED = "confirmed"
ANSWERED = "answered"
CLOSED = "closed"
WITHDRAWN = "withdrawn"
REFUSED = "refused"
CANCELLED_BY_CORP = "cancelled"
ERASED = "erased"


class Transition(NamedTuple):
    """One row of the table.

    :param before: the states it may happen in.
    :param after: the state it leads to.
    :param told_by: how we learn of it.
    """

    before: tuple[str, ...]
    after: str
    told_by: str


_HELD = (CREATED, ACTIVE, SUSPENDED)

#: cause → transition. Sources: WeCom documents 97163, 97172 to 97175, 96448 and 90313 (error codes).
TRANSITIONS: Mapping[str, Transition] = {
    AUTHORISED: Transition(
        (GONE, *_HELD, CANCELLED),
        CREATED,
        "`create_auth`, `reset_permanent_code` or `jit qywx authorize`: a permanent code was exchanged",
    ),
    CONFIRMED: Transition(
        _HELD,
        ACTIVE,
        "`get_auth_info` answers and the app is not closed: after `create_auth`, `change_auth`, "
        "`reopen_inactive_agent` and `jit qywx resume`",
    ),
    ANSWERED: Transition((SUSPENDED,), ACTIVE, "a call about the organisation is answered again"),
    CLOSED: Transition(_HELD, SUSPENDED, "the enterprise closed the app: `agent/get` says so, or errcode 50003"),
    WITHDRAWN: Transition(
        _HELD, SUSPENDED, "WeCom withdrew the rights of an app long unused: `close_inactive_agent`, or errcode 48006"
    ),
    REFUSED: Transition(
        _HELD, SUSPENDED, "the permanent code or the grant is refused: errcode 40001, 40084, 48004, 301007 and the like"
    ),
    CANCELLED_BY_CORP: Transition(_HELD, CANCELLED, "`cancel_auth`"),
    ERASED: Transition((*_HELD, CANCELLED), GONE, "`jit qywx erase`; before it is cancelled only with `--force`"),
}

_APP_DISABLED, _LONG_UNUSED = 50003, 48006


def cause_of(errcode: int | None) -> str:
    """The cause that a refusal of a call stands for: the errcodes of :class:`jit_qywx.errors.AuthorizationLost`."""
    if errcode == _APP_DISABLED:
        return CLOSED
    return WITHDRAWN if errcode == _LONG_UNUSED else REFUSED

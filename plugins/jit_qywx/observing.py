"""Learning the state of a grant from the calls that are made anyway: no extra call asks whether an app still works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jit_qywx.states import CLOSED, SUSPENDED, cause_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.authorizations import Authorizations
    from jit_qywx.errors import AuthorizationLost

__all__ = ["GrantObserver", "is_closed"]


class GrantObserver:
    """Watches the calls made for one enterprise; see :class:`jit_qywx.client.client.CallObserver`.

    :param authorizations: where the state is kept.
    :param corpId: the enterprise.
    """

    def __init__(self, authorizations: Authorizations, corpId: str) -> None:
        self._authorizations = authorizations
        self._corpId = corpId
        self._suspended = False
        self._closed = False
        self._cause: str | None = None

    def knows(self, state: str) -> None:
        """Take over the state that the database has."""
        self._suspended = state == SUSPENDED
        if not self._suspended:
            self._cause = None

    def refused(self, error: AuthorizationLost) -> None:
        """A call was refused because of the grant."""
        self._suspend(cause_of(error.errcode), error.message)

    def answered(self, path: str, answer: Mapping[str, Any]) -> None:
        """A call was answered."""
        if path == "agent/get":
            self._closed = is_closed(answer)
            if self._closed:
                self._suspend(CLOSED, "the enterprise has closed the app")
        # The group agent answers for closed apps too, and a closed app may still get answers for a while.
        elif self._suspended and not self._closed and not path.startswith("agent/"):
            self._suspended, self._cause = False, None
            self._authorizations.answer(self._corpId)

    def _suspend(self, cause: str, reason: str) -> None:
        # Many threads read one organisation; the first one's news are enough.
        if self._cause != cause:
            self._suspended, self._cause = True, cause
            self._authorizations.suspend(self._corpId, cause, reason)


def is_closed(app: Mapping[str, Any]) -> bool:
    """Whether ``agent/get`` says that the enterprise closed the app (document 96448)."""
    return str(app.get("close", 0)) == "1"

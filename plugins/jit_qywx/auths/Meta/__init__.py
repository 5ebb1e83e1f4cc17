"""Meta of the family ``auths``: what every auth element offers, whatever platform it speaks to."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["ElementProtocol"]


class ElementProtocol(Protocol):
    """The contract of an auth element: whatever is secret stays inside.

    One that serves organisations also has ``getClient(corpId)``; a plain login needs none.
    """

    @property
    def authType(self) -> str:
        """Full name of the element's Type."""
        ...

    @property
    def authConfig(self) -> dict[str, Any]:
        """The settings, secrets masked."""
        ...

    def getLoginConfig(self) -> dict[str, Any]:
        """What a login page needs to know; no secrets."""
        ...

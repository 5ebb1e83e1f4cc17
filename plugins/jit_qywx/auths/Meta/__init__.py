"""Meta of the family ``auths``: what every auth element offers, whatever platform it speaks to."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["ElementProtocol"]


class ElementProtocol(Protocol):
    """The contract of an auth element.

    A corp element reaches its platform only through ``getClient``: whatever is secret stays on this side.
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

    def getClient(self, corpId: str) -> Any:
        """The platform's API client for one enterprise."""
        ...

"""``corps.Meta``: what every organisation offers, whichever provider it comes from.

:class:`jit_corps.corp.Corp` offers all of it; a Type that derives from it writes ``fetch`` and ``getClient`` only. A
Type that does not derive from it is accepted when its elements have what :class:`ElementProtocol` asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from jit_corps.corp import Corp
from jitcore import Loader as BaseLoader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ElementProtocol", "Loader"]


class Loader(BaseLoader):
    """Makes the organisation of one enterprise; a provider sets ``elementClass`` to its subclass of ``Corp``."""

    elementClass = Corp


class ElementProtocol(Protocol):
    """The contract of the family ``corps``."""

    @property
    def corpId(self) -> str:
        """The enterprise's id at the provider."""

    @property
    def authFullName(self) -> str:
        """Full name of the authentication element."""

    @property
    def corpFullName(self) -> str:
        """Full name of the element itself."""

    @property
    def title(self) -> str:
        """Display name."""

    def initCorp(self) -> Any:
        """Make the organisation; calling it again does no harm."""

    def syncCorp(self) -> Any:
        """Bring the organisation up to date."""

    def getThirdCorpData(self) -> Any:
        """What upstream says now, as a dictionary."""

    def bulkRegister(self, corpData: Mapping[str, Any]) -> Any:
        """Register what a dictionary says."""

    def getClient(self) -> Any:
        """The client for calling the provider's API."""

    def getRootDept(self) -> Any:
        """The department that all others stand under, made when missing."""

    def getDepts(self) -> Sequence[Any]:
        """All departments, parents first."""

    def getDept(self, deptId: str) -> Any:
        """One department."""

    def getMembers(self, status: str | int | None = None) -> Sequence[Any]:
        """All members, or those of one status."""

    def getMember(self, memberId: str) -> Any:
        """One member."""

    def setUserRole(self, memberId: str, roleIdList: Sequence[str]) -> Sequence[Any]:
        """Replace a member's roles."""

    def offlineMember(self, memberIdList: Sequence[str]) -> None:
        """Set members offline in this organisation only."""

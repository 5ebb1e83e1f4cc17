"""What most Types hand out: an object with the element's identity and its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitcore.app import App
    from jitcore.node import Node

__all__ = ["Element"]


class Element:
    """Base class for the objects that ``getElement`` returns.

    A Type sets its own subclass as :attr:`jitcore.Loader.elementClass`; nothing forces it to.

    :param node: the nearest definition of the element.
    :param config: its business file, validated, ``{{variables}}`` substituted.
    """

    def __init__(self, node: Node, config: Mapping[str, Any]) -> None:
        self.node = node
        self.config = config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fullName}>"

    @property
    def app(self) -> App:
        """The App that loaded the element."""
        return self.node.app

    @property
    def fullName(self) -> str:
        """For example ``corps.MyQywxProxyCorp``."""
        return self.node.fullName

    @property
    def name(self) -> str:
        """Last part of the full name."""
        return self.node.name

    @property
    def elementType(self) -> str:
        """Full name of the element's Type."""
        return self.node.elementType

    @property
    def title(self) -> str:
        """Display name from ``e.json``."""
        return self.node.title

    @property
    def define(self) -> Mapping[str, Any]:
        """What the ``e.json`` says."""
        return self.node.define

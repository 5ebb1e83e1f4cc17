"""What most Types hand out: an object with the element's identity and its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jitcore.app import App
    from jitcore.elements import Stale
    from jitcore.node import Node

__all__ = ["Element"]


class Element:
    """Base class for the objects that ``getElement`` returns.

    A Type sets its own subclass as :attr:`jitcore.Loader.elementClass`; nothing forces it to.

    :param node: the nearest definition of the element.
    :param config: its business file, validated, ``{{variables}}`` substituted.
    """

    #: Made when the first disposer is recorded: most elements hold nothing that needs one.
    _disposers: list[Callable[[], object]] | None = None

    def __init__(self, node: Node, config: Mapping[str, Any]) -> None:
        self.node = node
        self.config = config

    def on_dispose(self, callback: Callable[[], object]) -> None:
        """Have ``callback`` run when the App closes, or a reload replaced the element and nobody uses it any more.

        Last recorded first, each isolated from the others: record it where the resource is acquired.
        """
        if self._disposers is None:
            self._disposers = []
        self._disposers.append(callback)

    @property
    def stale(self) -> Stale | None:
        """Since when and why the element serves in an older version than its files say; None while it does not."""
        states = self.app.element_states
        return states.stale.get(self.fullName) if states.live.get(self.fullName, self) is self else None

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

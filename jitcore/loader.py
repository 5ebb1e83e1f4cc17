"""The base Loader: reads an element's business file and makes an object of it.

The contract of a Loader is small (JitAi's extension guide): ``Loader(nodes).load()`` returns the object that
``getElement`` hands out. Most Types only set :attr:`Loader.elementClass`::

    from jitcore import Element, Loader as BaseLoader

    class AcmeCorp(Element): ...

    class Loader(BaseLoader):
        elementClass = AcmeCorp
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jitcore.element import Element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jitcore.app import App
    from jitcore.node import Node

__all__ = ["Loader"]


class Loader:
    """Turns the definitions of one element into the object that ``getElement`` returns.

    :param nodes: the element's definitions, nearest layer first.
    """

    #: What :meth:`load` makes: called with the nearest node and the configuration.
    elementClass: ClassVar[Callable[..., Any]] = Element

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes

    @property
    def node(self) -> Node:
        """The nearest definition."""
        return self.nodes[0]

    @property
    def app(self) -> App:
        """The App that loads the element."""
        return self.nodes[0].app

    @property
    def config(self) -> dict[str, Any]:
        """The business file, validated, ``{{variables}}`` substituted.

        It is ``<Name>.json``, else ``config.json``, else ``frontBundleEntry`` of ``e.json`` when that is JSON.
        """
        return self.nodes[0].config

    def load(self) -> Any:
        """Make the element. Override it when the class attribute is not enough."""
        return type(self).elementClass(self.node, self.config)

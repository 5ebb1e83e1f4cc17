"""References between elements: edges that are checked before any element's code runs.

A string that a schema marks with ``x-reference`` names another element. It must exist, be of the right family, and no
path of references may lead back to where it started.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from jitcore.configuration import reference_problems
from jitcore.errors import ElementInvalid, JitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jitcore.configuration import Configuration
    from jitcore.node import Node
    from jitcore.problems import Related
    from jitcore.registry import Registry

__all__ = ["References"]


class References:
    """The references of one App's elements.

    :param registry: where names are looked up.
    :param configuration: reads the business file of an element by its full name.
    """

    def __init__(self, registry: Registry, configuration: Callable[[str], Configuration]) -> None:
        self._registry = registry
        self._configuration = configuration
        #: Elements from which no path leads back; a shortcut that holds until a file changes.
        self._acyclic: set[str] = set()

    def forget(self) -> None:
        """Find out anew which paths lead back: files changed."""
        self._acyclic.clear()

    def check(self, node: Node, configuration: Configuration) -> None:
        """Make sure that an element's references lead to elements, and not in a circle.

        :raises ElementInvalid: with every reference that does not.
        """
        problems = reference_problems(self._registry, configuration)
        if not problems and (circle := self.cycle(node.fullName)):
            assert configuration.source is not None
            pointer = next(where for where, name, _ in configuration.references if name == circle[1])
            problems = [
                configuration.source.problem(
                    "reference-cycle",
                    f"The elements refer to each other in a circle: {' → '.join(circle)}.",
                    pointer=pointer,
                    hint="Take one of these references out.",
                    related=[self._place(one, other) for one, other in pairwise(circle[1:])],
                )
            ]
        if problems:
            raise ElementInvalid(f"{node.fullName} is not valid.", fullName=node.fullName, problems=problems)

    def _place(self, fullName: str, other: str) -> Related:
        configuration = self._configuration(fullName)
        assert configuration.source is not None
        pointer = next(where for where, name, _ in configuration.references if name == other)
        return configuration.source.related(f"{fullName} refers to {other}", pointer=pointer)

    def cycle(self, fullName: str) -> list[str]:
        """The path on which references lead from an element back to itself; empty when they do not."""
        if fullName in self._acyclic:
            return []
        # An own stack instead of recursion: how long a chain of references is, is the user's business.
        path = [fullName]
        pending = [iter(self._references_of(fullName))]
        seen, on_path = {fullName}, {fullName}
        is_acyclic = True
        while pending:
            other = next(pending[-1], None)
            if other is None:
                pending.pop()
                on_path.discard(path.pop())
            elif other == fullName:
                return [*path, other]
            elif other in on_path:
                is_acyclic = False  # others refer in a circle, which is told of them
            elif other not in seen and other not in self._acyclic:
                seen.add(other)
                on_path.add(other)
                path.append(other)
                pending.append(iter(self._references_of(other)))
        self._acyclic.update(seen if is_acyclic else [fullName])
        return []

    def _references_of(self, fullName: str) -> Sequence[str]:
        try:
            return [name for _, name, _ in self._configuration(fullName).references]
        except JitError:
            # Its own problems are reported where it is used or checked; it has no edges to follow.
            return []

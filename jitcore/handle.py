"""A known element without loading it: what ``findElements`` and ``app.elements`` hand out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jitcore.errors import JitError

if TYPE_CHECKING:
    from jitcore.app import App
    from jitcore.elements import Stale
    from jitcore.problems import Problem

__all__ = ["ElementHandle"]


class ElementHandle:
    """One known element, loaded or not; what ``findElements`` and ``app.elements`` hand out.

    Attributes that the handle does not have itself are those of the loaded element, which is loaded for it (JitAi's
    Element is the same transparent proxy). A broken element therefore raises where it is used, and never hides.
    """

    __slots__ = ("_app", "fullName")

    def __init__(self, app: App, fullName: str) -> None:
        self._app = app
        self.fullName = fullName

    def __repr__(self) -> str:
        return f"<ElementHandle {self.fullName} {self.state}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.load(), name)

    @property
    def state(self) -> str:
        """``declared`` (known, not yet used), ``loaded``, ``stale`` (loaded, and its files are broken since),
        ``invalid`` (its files) or ``failed`` (its code)."""
        return self._app.element_states.state(self.fullName)

    @property
    def stale(self) -> Stale | None:
        """Since when and why it serves in an older version than its files say; None while it does not."""
        return self._app.element_states.stale.get(self.fullName)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it is ``invalid`` or ``stale``; empty otherwise."""
        return tuple(getattr(self._app.element_states.failures.get(self.fullName), "problems", ()))

    @property
    def error(self) -> JitError | None:
        """Why the last attempt to load it ended, or None."""
        return self._app.element_states.failures.get(self.fullName)

    @property
    def type(self) -> str:
        """Full name of its Type (of its Meta, for a Type); empty for a Meta and while ``e.json`` cannot be read."""
        try:
            return self._app.registry.nodes(self.fullName)[0].elementType
        except JitError:
            return ""

    @property
    def kind(self) -> str:
        """``meta``, ``type`` or ``instance``; ``unreadable`` while its definition cannot be read."""
        try:
            return self._app.dispatch.kind(self._app.registry.nodes(self.fullName)[0])
        except JitError:
            return "unreadable"

    def load(self) -> Any:
        """The loaded element, as ``getElement`` returns it."""
        return self._app.getElement(self.fullName)

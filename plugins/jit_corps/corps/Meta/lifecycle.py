"""What happens to an organisation's data when its element appears (JitAi: ``initCorp`` runs when a corp is created)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitcore.app import App

__all__ = ["onCreate"]


def onCreate(app: App, fullName: str) -> None:
    """Sync a new organisation for the first time."""
    app.getElement(fullName).initCorp()

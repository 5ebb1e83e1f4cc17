"""What plugins have to say about elements beside their state: that an enterprise is suspended, for example."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jitcore.contributions import checked

if TYPE_CHECKING:
    from jitcore.app import App

__all__ = ["conditions"]

log = logging.getLogger(__name__)


def conditions(app: App) -> dict[str, str]:
    """A word for each element about which some plugin has one; the nearest plugin's counts.

    A plugin that fails says nothing, and is logged.
    """
    found: dict[str, str] = {}
    for plugin, tell in app.plugins.implementations("jit_element_states"):
        try:
            told = checked("jit_element_states", tell(app))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - isolates one plugin's fault from the App
            log.warning("jit_element_states() of plugin %s raised %s: %s", plugin.name, type(error).__name__, error)
            continue
        for name, word in told.items():
            found.setdefault(name, word)
    return found

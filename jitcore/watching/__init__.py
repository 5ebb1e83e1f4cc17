"""Hot reload: edits of an app take effect while it runs.

``App(path, watch=True)`` starts a :class:`~jitcore.watching.watcher.Watcher`. It learns that something happened
(:mod:`events`), finds out which files really changed (:mod:`files`), works out what that concerns and makes the new
beside the old (:mod:`refresh`), and retires what was replaced (:mod:`retiring`). Nothing is ever taken away because an
edit is broken: the last good element keeps serving and says that it is stale.
"""

from __future__ import annotations

from jitcore.watching.refresh import Reload
from jitcore.watching.watcher import Watcher

__all__ = ["Reload", "Watcher"]

"""Why something was not made."""

from __future__ import annotations

from jitcore.errors import JitError

__all__ = ["NotMade"]


class NotMade(JitError):
    """Nothing was written: the name cannot be used, something is already there, or there is nothing to make it from."""

    code = "not-made"

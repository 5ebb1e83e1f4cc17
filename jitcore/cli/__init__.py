"""The command line ``jit``: the framework's own commands and those that plugins contribute.

Only click is imported to show ``jit --help``; each command's module is imported when it runs.
"""

from __future__ import annotations

from jitcore.cli.root import main

__all__ = ["main"]

"""What this plugin brings: the family ``corps``, its tables, and the commands that work on organisations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jitcore import CommandSpec, hookimpl
from jitcore.storage import ModelSet

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["jit_commands", "jit_element_trees", "jit_models"]

HERE = Path(__file__).parent


@hookimpl
def jit_element_trees() -> Iterable[Path]:
    """``corps.Meta``."""
    return [HERE]


@hookimpl
def jit_models() -> Iterable[ModelSet]:
    """The organisation's tables."""
    return [ModelSet("corps", "jit_corps.models:MODELS", HERE / "migrations")]


@hookimpl
def jit_commands() -> Iterable[CommandSpec]:
    """``jit sync``, ``jit org``, ``jit explain-member``, ``jit pin-member``, ``jit unpin-member`` and ``jit runs``."""
    return [
        CommandSpec("sync", "jit_corps.cli:sync", "Bring organisations up to date."),
        CommandSpec("org", "jit_corps.cli:org", "Show an organisation as a tree."),
        CommandSpec("explain-member", "jit_corps.cli:explain_member", "Say why a member is as they are."),
        CommandSpec("pin-member", "jit_corps.cli:pin_member", "Keep a member's fields as they are here."),
        CommandSpec("unpin-member", "jit_corps.cli:unpin_member", "Have a member's fields follow upstream again."),
        CommandSpec("runs", "jit_corps.cli:runs", "Show the runs of an organisation."),
    ]

"""Asynchronous export (document group 94849)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jit_qywx.emulator.routes.route import Route

ROUTES: tuple[Route, ...] = ()

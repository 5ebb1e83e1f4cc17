"""Who is at the door: OAuth codes turned into members (document group 96441)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jit_qywx.emulator.routes.route import Route

ROUTES: tuple[Route, ...] = ()

"""The API's calls by path: one module for each group of the official table of contents."""

from __future__ import annotations

from jit_qywx.emulator.routes import agent, contacts, export, login, service, tag
from jit_qywx.emulator.routes.route import Route

__all__ = ["Route", "all_routes"]


def all_routes() -> dict[str, Route]:
    """Every call the emulator answers, by its path below `/cgi-bin/`."""
    groups = (service.ROUTES, agent.ROUTES, contacts.ROUTES, tag.ROUTES, export.ROUTES, login.ROUTES)
    return {route.path: route for group in groups for route in group}

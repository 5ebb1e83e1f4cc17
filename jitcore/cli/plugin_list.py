"""``jit plugins``: what is installed beside the app, what it takes part in, and what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from jitcore.cli.root import PLUGINS

if TYPE_CHECKING:
    from jitcore.plugins import Plugins

__all__ = ["plugins"]

#: Hooks by which a plugin contributes; the others hear of events and are not called here.
_CONTRIBUTING = ("jit_element_trees", "jit_types", "jit_schemas", "jit_models", "jit_commands")


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins: distribution, version, hooks, and the time each took to load.

    It opens no app. A plugin that was left out is listed with the reason; jit --no-plugins leaves out all but the
    shipped ones.
    """
    loaded: Plugins = ctx.meta[PLUGINS]
    rows = _rows(loaded)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    heads = ("plugin", "distribution", "version", "ms", "hooks")
    lines = [
        (row["plugin"], row["distribution"], row["version"], f"{row['seconds'] * 1000:.1f}", ", ".join(row["hooks"]))
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for number, line in enumerate([heads, *lines]):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)
    for row in rows:
        for failure in row["failures"]:
            click.echo(f"{click.style('failed', fg='red', bold=True)}: {failure}")
    if loaded.left_out:
        click.echo(f"left out by --no-plugins: {', '.join(sorted(loaded.left_out))}")


def _rows(loaded: Plugins) -> list[dict[str, Any]]:
    for hook in _CONTRIBUTING:
        # A hook that raises is told here, not when somebody first needs what it contributes.
        list(loaded.collect(hook))
    rows: dict[str, dict[str, Any]] = {}
    for plugin in loaded.all:
        callers = loaded.manager.get_hookcallers(plugin.module) or []
        rows[plugin.name] = {
            "plugin": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "shipped": plugin.shipped,
            "seconds": round(loaded.seconds[plugin.name], 6),
            "hooks": sorted(caller.name for caller in callers),
            "failures": [],
        }
    for failure in loaded.failures:
        distribution, _, version = (failure.distribution or "").partition(" ")
        rows.setdefault(
            failure.plugin,
            {
                "plugin": failure.plugin,
                "distribution": distribution,
                "version": version,
                "shipped": False,
                "seconds": round(loaded.seconds.get(failure.plugin, 0.0), 6),
                "hooks": [],
                "failures": [],
            },
        )["failures"].append(failure.message)
    return list(rows.values())

"""The commands that look at elements without running them: ``list`` and ``explain``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from jitcore.app import App
    from jitcore.cli.root import AppOpener
    from jitcore.problems import Problem

__all__ = ["explain", "list_elements"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def list_elements(open_app: AppOpener, as_json: bool) -> None:
    """List the app's elements with type, state and layer.

    Broken elements are listed as invalid; an element that shadows another layer's says so.
    """
    app = open_app(strict=False)
    rows = _rows(app)
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    heads = ("element", "type", "state", "layer", "shadows")
    lines = [heads, *(tuple(str(row[head]) for head in heads) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)


@click.command("explain")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
@click.pass_obj
def explain(open_app: AppOpener, name: str, as_json: bool) -> None:
    """Show where the element NAME comes from: every layer that defines it, the winner, and why."""
    explanation = open_app(strict=False).explain(name)
    click.echo(json.dumps(explanation.as_dict(), indent=2, ensure_ascii=False) if as_json else str(explanation))


def _rows(app: App) -> list[dict[str, str]]:
    broken = _broken(app.check())
    rows = []
    for name, handle in app.elements.items():
        layers = [layer for layer, _ in app.registry.definitions(name)]
        rows.append(
            {
                "element": name,
                "kind": handle.kind,
                "type": handle.type,
                "state": "invalid" if name in broken else handle.state,
                "layer": layers[0].name,
                "shadows": ", ".join(layer.name for layer in layers[1:]),
            }
        )
    return rows


def _broken(problems: list[Problem]) -> set[str | None]:
    return {problem.element for problem in problems if problem.severity == "error"}
